"""The monitor's port: who may see what, and what the evidence says."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from serinus.monitor.core import Core
from serinus.monitor.endpoints.evidence import Evidence
from serinus.monitor.endpoints.metrics import Metrics
from serinus.monitor.endpoints.server import application
from serinus.monitor.labels.outcomes import PARTS
from serinus.monitor.receipts.tokens import BearerToken
from tests.monitor.watching import SPLIT, NoSource, core, exchange

Client = TestClient[web.Request, web.Application]
TOKEN = {"Authorization": "Bearer the-token"}
GOOD_ROW = {"amount": 2.0, "country": "DE", "member": True}


@pytest.fixture
def watched(tmp_path: Path) -> Core:
    return core(tmp_path)


@pytest.fixture
async def client(watched: Core, tmp_path: Path) -> AsyncIterator[Client]:
    (tmp_path / "token").write_text("the-token\n")
    token = BearerToken(tmp_path / "token")
    source = NoSource()
    made = application(Metrics(watched, source), Evidence(watched, source), token.admits)
    async with TestClient(TestServer(made)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/healthz", {}, 200),
        ("/metrics", {}, 200),
        ("/evidence", TOKEN, 200),
        ("/evidence", {}, 401),
        ("/evidence", {"Authorization": "Bearer other"}, 401),
        ("/evidence", {"Authorization": "the-token"}, 401),
        ("/evidence", {"Authorization": "Bearer "}, 401),
        ("/evidence", {"Authorization": "Bearer t\u00f6ken"}, 401),
        ("/evidence?split=nonsense", TOKEN, 400),
        ("/evidence?unstamped=3", TOKEN, 400),
        ("/evidence?split=3-" + "a" * 80, TOKEN, 400),
        ("/evidence?" + "&".join(f"split={number}-aa" for number in range(33)), TOKEN, 400),
        ("/", TOKEN, 404),
        ("/evidence/", TOKEN, 404),
    ],
)
async def test_who_may_see_what(client: Client, path: str, headers: dict[str, str], status: int) -> None:
    assert (await client.get(path, headers=headers)).status == status


async def test_without_a_token_nobody_gets_evidence(watched: Core, tmp_path: Path) -> None:
    source = NoSource()
    token = BearerToken(tmp_path / "nothing")
    made = application(Metrics(watched, source), Evidence(watched, source), token.admits)
    async with TestClient(TestServer(made)) as client:
        for headers in (TOKEN, {}, {"Authorization": "Bearer "}):
            assert (await client.get("/evidence", headers=headers)).status == 401


async def evidence(client: Client, **query: str) -> dict[str, object]:
    response = await client.get("/evidence", params=query, headers=TOKEN)
    document: dict[str, object] = await response.json()
    return document


async def test_evidence_names_what_it_is_of_and_where_it_starts_and_ends(client: Client, watched: Core) -> None:
    watched.count(exchange({"features": GOOD_ROW}, {"label": 1, "score": 0.9}))
    document = await evidence(client, split=SPLIT)
    assert document == {
        "version": 1,
        "boot": "b",
        "since": "b.0",
        "watermark": "b.1",
        "deployment": "fraud",
        "namespace": "risk",
        "revision": "3f9a0c11d2",
        "profile": {"name": watched.serving.profile, "state": "Loaded"},
        "parts": PARTS,
        "records": {"read": 0, "lost": 2},
        "drops": {},
        "faults": 0,
        "counts": {SPLIT: msgspec.to_builtins(watched.ledger.total(SPLIT).document())},
    }


async def test_the_next_question_acknowledges_the_last_answer(client: Client, watched: Core) -> None:
    watched.count(exchange())
    first = await evidence(client, split=SPLIT)
    again = await evidence(client, split=SPLIT)
    assert first["counts"] == again["counts"]
    after = await evidence(client, split=SPLIT, since=str(again["watermark"]))
    assert after["counts"] == {}
    assert after["since"] == after["watermark"] == again["watermark"]


async def test_without_a_gateway_the_split_is_named_by_the_question(client: Client, watched: Core) -> None:
    await evidence(client, unstamped=SPLIT)
    watched.count(exchange(stamp=""))
    counts = (await evidence(client, unstamped=SPLIT))["counts"]
    assert isinstance(counts, dict)
    assert list(counts) == [SPLIT]


async def test_what_breaks_is_an_error_without_its_text(
    client: Client, watched: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a value")

    monkeypatch.setattr(watched.ledger, "collect", broken)
    response = await client.get("/evidence", headers=TOKEN)
    assert (response.status, await response.text()) == (500, "")
