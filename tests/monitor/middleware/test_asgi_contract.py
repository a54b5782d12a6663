"""`contract: Reject`: a request that breaks the data contract never comes to the model."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serinus.monitor.middleware.connection import Receive, Scope, Send
from serinus.monitor.protocols.bodies import LARGEST_BODY
from serinus.monitor.serving import Serving
from tests.monitor.middleware.served import Served, served
from tests.monitor.profiles.samples import PROFILE, encoded
from tests.monitor.servings import serving

GOOD = {"amount": 2.5, "country": "DE", "member": True}
TOLD = serving(features="features", prediction="label", warm_up_seconds=0, contract="Reject")


class Asked:
    """A model that remembers what it was asked."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.app = Starlette(routes=[Route("/predict", self.predict, methods=["POST"])])

    async def predict(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        return JSONResponse({"label": 1})


@pytest.fixture
def asked() -> Asked:
    return Asked()


def told(folder: Path, **changes: object) -> Serving:
    content, name = encoded(PROFILE)
    (folder / "profile.json").write_bytes(content)
    return msgspec.structs.replace(TOLD, profile=name, **changes)


@pytest.fixture
async def fraud(asked: Asked, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(asked.app, tmp_path, told(tmp_path)) as it:
        yield it


@pytest.mark.parametrize(
    ("features", "violations"),
    [
        ({"amount": 77.125}, ["amount:range"]),
        ({"amount": "much"}, ["amount:type"]),
        ({"amount": -1, "country": "XY", "member": None}, ["amount:range", "country:allowed", "member:missing"]),
        ({"secret": 5}, [":unknown"]),
    ],
)
async def test_what_breaks_it_is_told_every_rule_and_no_value(
    fraud: Served, asked: Asked, features: dict[str, Any], violations: list[str]
) -> None:
    reply = await fraud.ask({"features": GOOD | features})
    assert (reply.status, reply.receipt) == (422, "")
    assert reply.json == {"error": "the request breaks the data contract of the model", "violations": violations}
    assert asked.bodies == []
    counts = await fraud.counts()
    assert counts["requests"] == {"CLIENT_ERROR": 1}
    assert (counts["violating"], counts["violations"]) == (1, dict.fromkeys(violations, 1))


async def test_one_bad_row_refuses_its_batch(fraud: Served, asked: Asked) -> None:
    reply = await fraud.ask({"features": [GOOD, GOOD | {"amount": 77}, GOOD | {"amount": 78}]})
    assert (reply.status, reply.json["violations"], asked.bodies) == (422, ["amount:range"], [])


@pytest.mark.parametrize("padding", [0, 300_000])
async def test_what_keeps_it_comes_to_the_model_as_it_was_sent(fraud: Served, asked: Asked, padding: int) -> None:
    body = {"features": GOOD, "unused": "x" * padding}
    assert (await fraud.ask(body)).status == 200
    assert [json.loads(each) for each in asked.bodies] == [body]


async def test_what_cannot_be_read_is_the_models_to_refuse(fraud: Served, asked: Asked) -> None:
    large = json.dumps({"features": {"amount": 77}, "unused": "x" * LARGEST_BODY}).encode()
    for body in (b"no JSON", b"", large):
        async with fraud.session.post(f"{fraud.url}/predict", data=iter_of(body)) as response:
            assert response.status == 200
    assert asked.bodies == [b"no JSON", b"", large]


async def test_what_is_too_large_to_be_read_comes_to_the_model_before_its_end(tmp_path: Path) -> None:
    came = asyncio.Event()

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            came.set()
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * (LARGEST_BODY + 1)
        await asyncio.wait_for(came.wait(), 5)

    async with (
        served(app, tmp_path, told(tmp_path), "off") as it,
        it.session.post(f"{it.url}/predict", data=body()) as response,
    ):
        assert response.status == 204


async def iter_of(body: bytes) -> AsyncIterator[bytes]:
    yield body


@pytest.mark.parametrize("contract", ["Observe", "Reject"])
async def test_without_reject_or_without_the_profile_nothing_is_refused(
    asked: Asked, tmp_path: Path, contract: str
) -> None:
    document = told(tmp_path, contract=contract)
    if contract == "Reject":
        (tmp_path / "profile.json").unlink()
    async with served(asked.app, tmp_path, document) as it:
        assert (await it.ask({"features": GOOD | {"amount": 77}})).status == 200
