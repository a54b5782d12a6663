"""The Secrets that sidecars need: made once, by nobody's leave to read any."""

import base64
from typing import Any

import pytest

from serinus.api.modelrelease import ModelReleaseSpec
from serinus.cluster.errors import ForbiddenError, Refused
from serinus.cluster.objects import Identity
from serinus.controller.keys import MASTER, Keys
from tests.cluster_layer import sightings
from tests.cluster_layer.sightings import KEY, MODEL_UID
from tests.controller.fake_client import FakeClient
from tests.render.samples import MONITORED, RICH, snapshot

Document = dict[str, Any]

OWN = "serinus-system"
NAMESPACE: Document = {"kind": "Namespace", "metadata": {"name": KEY.namespace, "namespace": "", "uid": "one"}}
OTHER: Document = {"kind": "Namespace", "metadata": {"name": "other", "namespace": "", "uid": "two"}}
MODEL = sightings.model()
SNAPSHOT: ModelReleaseSpec = snapshot(MONITORED)


class Bench:
    def __init__(self, client: FakeClient | None = None) -> None:
        self.client = client or FakeClient(NAMESPACE, OTHER)
        self.keys = Keys(self.client, OWN)

    def content(self, name: str, namespace: str = KEY.namespace) -> dict[str, str]:
        data = self.client.documents[Identity("Secret", namespace, name)]["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}


async def test_what_the_pods_mount_is_made() -> None:
    bench = Bench()
    await bench.keys.ensure(MODEL, SNAPSHOT)
    keys = bench.content("serinus-keys")
    assert len(base64.b64decode(keys[f"key-{keys['current']}"])) == 32
    assert set(keys) == {"current", f"key-{keys['current']}", "token"}
    assert len(bench.content("fraud-feedback")["token"]) >= 32


async def test_feedback_goes_with_its_model_and_keys_stay() -> None:
    bench = Bench()
    await bench.keys.ensure(MODEL, SNAPSHOT)
    feedback, keys = (
        bench.client.documents[Identity("Secret", KEY.namespace, name)] for name in ("fraud-feedback", "serinus-keys")
    )
    assert [owner["uid"] for owner in feedback["metadata"]["ownerReferences"]] == [MODEL_UID]
    assert "ownerReferences" not in keys["metadata"]


async def test_a_template_without_sidecars_needs_none() -> None:
    bench = Bench()
    await bench.keys.ensure(MODEL, snapshot(RICH))
    assert bench.client.writes == []


async def test_no_secret_but_the_operators_own_is_read() -> None:
    bench = Bench()
    await bench.keys.ensure(MODEL, SNAPSHOT)
    read = {each for each in bench.client.reads if each.kind == "Secret"}
    assert read == {Identity("Secret", OWN, MASTER)}


async def test_what_is_there_is_left_as_it_is() -> None:
    bench = Bench()
    await bench.keys.ensure(MODEL, SNAPSHOT)
    before = bench.content("serinus-keys")
    await Bench(bench.client).keys.ensure(MODEL, SNAPSHOT)
    assert bench.content("serinus-keys") == before


async def test_a_namespaces_token_is_its_own_and_follows_from_the_master_key() -> None:
    bench = Bench()
    token = await bench.keys.token(KEY.namespace)
    assert await bench.keys.token("other") != token
    assert await Bench(bench.client).keys.token(KEY.namespace) == token
    del bench.client.documents[Identity("Secret", OWN, MASTER)]
    assert await Bench(bench.client).keys.token(KEY.namespace) != token


async def test_a_refusal_names_the_secret() -> None:
    bench = Bench()
    await bench.keys.token(KEY.namespace)
    bench.client.refusals = [ForbiddenError(403, "Forbidden", "exceeded quota: secrets=0")]
    with pytest.raises(Refused, match="the API server refuses Secret serinus-keys: exceeded quota"):
        await bench.keys.ensure(MODEL, SNAPSHOT)
