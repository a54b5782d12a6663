"""Every row of the tables against a real API server, and the proof that no bound and no rule lacks its row."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.api import refusals
from tests.api.refusals import Refusal
from tests.api.release_refusals import IMMUTABLE, RELEASE_REFUSALS, RELEASE_STATUS_REFUSALS
from tests.api.samples import Json, changed, full_deployment, full_release, full_release_status, full_status
from tests.api.schema_walk import Schema, kinds, parts
from tests.api.spec_refusals import SPEC_REFUSALS
from tests.api.status_refusals import STATUS_REFUSALS
from tests.cluster.api import Api, ApiError
from tests.cluster.control_plane import ControlPlane

SENTENCES: Final[dict[str, Callable[[str, Any], Refusal]]] = {
    "minimum": refusals.too_small,
    "maximum": refusals.too_large,
    "minLength": refusals.too_short,
    "maxLength": refusals.too_long,
    "minItems": lambda path, least: refusals.too_few(path, least, str),
    "maxItems": lambda path, most: refusals.too_many(path, most, str),
    "maxProperties": refusals.too_many_keys,
    "enum": lambda path, words: refusals.not_among(path, *words),
}
"""What the API server says when a keyword of the schema is broken."""

REASONS: Final = {"FieldValueForbidden": "Forbidden", "FieldValueRequired": "Required value"}


def rows(*table: Refusal) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", table, ids=[row.says[:100] for row in table])


@rows(*SPEC_REFUSALS)
def test_a_deployment_is_held_to_its_schema(control_plane: ControlPlane, row: Refusal) -> None:
    _run(row, full_deployment(), lambda document: _create(control_plane.api, document))


@rows(*RELEASE_REFUSALS)
def test_a_release_is_held_to_its_schema(control_plane: ControlPlane, row: Refusal) -> None:
    _run(row, full_release(), lambda document: _create(control_plane.api, document))


@rows(*STATUS_REFUSALS)
def test_a_deployments_status_is_held_to_its_schema(
    stored_deployment: Json, control_plane: ControlPlane, row: Refusal
) -> None:
    _run(row, stored_deployment | {"status": full_status()}, lambda document: _report(control_plane.api, document))


@rows(*RELEASE_STATUS_REFUSALS)
def test_a_releases_status_is_held_to_its_schema(
    stored_release: Json, control_plane: ControlPlane, row: Refusal
) -> None:
    _run(row, stored_release | {"status": full_release_status()}, lambda document: _report(control_plane.api, document))


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("ModelDeployment", (*SPEC_REFUSALS, *STATUS_REFUSALS)),
        ("ModelRelease", (*RELEASE_REFUSALS, *RELEASE_STATUS_REFUSALS)),
    ],
)
def test_nothing_in_a_schema_lacks_its_row(kind: str, table: tuple[Refusal, ...]) -> None:
    tried = {row.says for row in table} | {IMMUTABLE}
    lacking = [
        sentence for path, part in parts(kinds()[kind]) for sentence in _sentences(path, part) if sentence not in tried
    ]
    assert lacking == []


@pytest.fixture(scope="module")
def stored_deployment(control_plane: ControlPlane) -> Iterator[Json]:
    yield from _stored(control_plane.api, full_deployment("status-rows"))


@pytest.fixture(scope="module")
def stored_release(control_plane: ControlPlane) -> Iterator[Json]:
    yield from _stored(control_plane.api, full_release("status-rows-0123456789"))


def _stored(api: Api, document: Json) -> Iterator[Json]:
    path = api.path(document["apiVersion"], document["kind"], "default")
    yield api.request("POST", path, document)
    api.delete(document["apiVersion"], document["kind"], document["metadata"]["name"], "default")


def _run(row: Refusal, sample: Json, send: Callable[[Json], Json]) -> None:
    document = changed(sample, row.beside)
    with pytest.raises(ApiError) as refused:
        send(changed(document, {row.path: row.bad}))
    assert row.says in refused.value.message
    for value in row.good:
        send(changed(document, {row.path: value}))


def _create(api: Api, document: Json) -> Json:
    return _send(api, "POST", api.path(document["apiVersion"], document["kind"], "default"), document)


def _report(api: Api, document: Json) -> Json:
    path = api.path(document["apiVersion"], document["kind"], "default", document["metadata"]["name"])
    return _send(api, "PUT", f"{path}/status", document)


def _send(api: Api, method: str, path: str, document: Json) -> Json:
    """The server's judgement as kubectl asks for it, and nothing stored."""
    return api.request(method, path, document, query={"dryRun": "All", "fieldValidation": "Strict"})


def _sentences(path: str, part: Schema) -> Iterator[str]:
    for keyword, refusal in SENTENCES.items():
        if keyword in part:
            yield refusal(path, part[keyword]).says
    for name in part.get("required", ()):
        yield refusals.missing(f"{path}.{name}" if path else name).says
    for rule in part.get("x-kubernetes-validations", ()):
        field = (path + rule.get("fieldPath", "")).removeprefix(".")
        yield f"{field}: {REASONS[rule['reason']]}: {rule['message']}"
