"""Who has a hostname when two ModelDeployments want it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from serinus.api.reasons import Reason
from serinus.cluster.cache import Cache
from serinus.cluster.claims import claims_of
from serinus.cluster.errors import Refused
from serinus.cluster.objects import Identity, SeenModelDeployment
from serinus.controller.ownership import check_claims
from tests.cluster_layer import sightings

GATEWAY = {"traffic": {"gateway": {"parentRefs": [{"name": "public"}], "hostnames": ["fraud.example.com"]}}}


def wants(
    name: str, *, seconds: int = 0, namespace: str = "risk", hostname: str = "fraud.example.com"
) -> SeenModelDeployment:
    spec = {"traffic": {"gateway": {**GATEWAY["traffic"]["gateway"], "hostnames": [hostname]}}}
    seen = sightings.model(uid=f"of-{namespace}-{name}")
    return replace(
        seen,
        identity=Identity("ModelDeployment", namespace, name),
        deployment=name,
        created=seen.created + timedelta(seconds=seconds),
        claims=claims_of(namespace, spec),
    )


@pytest.mark.parametrize(
    ("other", "has_it"),
    [
        (wants("b", seconds=-1), False),
        (wants("b", seconds=1), True),
        (wants("a", seconds=0), False),
        (wants("x", seconds=0), True),
        (wants("b", seconds=-1, namespace="ads"), True),
        (wants("b", seconds=-1, hostname="ads.example.com"), True),
        (replace(wants("b", seconds=-1), deleting=True), True),
    ],
    ids=[
        "an older one",
        "a younger one",
        "as old, first by name",
        "as old, last by name",
        "elsewhere",
        "another",
        "going",
    ],
)
def test_the_older_one_of_a_namespace_has_it(other: SeenModelDeployment, has_it: bool) -> None:  # noqa: FBT001 - a row
    cache = Cache()
    model = wants("m")
    for each in (model, other):
        cache.put(each)
    if has_it:
        check_claims(cache, model)
        return
    with pytest.raises(Refused) as refusal:
        check_claims(cache, model)
    assert refusal.value.reason is Reason.HOSTNAME_CONFLICT
    assert f"ModelDeployment {other.key.name} is older" in refusal.value.message
