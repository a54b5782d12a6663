"""From a record to the label of its prediction, with the parts as a process puts them together."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from serinus.api.sidecars import PATH_FEEDBACK
from serinus.monitor.labels.labelling import Labelling
from serinus.monitor.labels.outcomes import PARTS
from serinus.monitor.receipts.receipts import Signer
from serinus.monitor.serving import Feedback
from tests.cluster.eventually import eventually
from tests.monitor.keyring import keys_in
from tests.monitor.watching import SPLIT, core, exchange

ADDRESS = "192.0.2.7"


async def test_without_a_gateway_a_label_counts_for_the_split_of_its_time(tmp_path: Path) -> None:
    watched = core(tmp_path, feedback=Feedback(public=True))
    keys = keys_in(tmp_path / "keys")
    labelling = Labelling(watched, "Binary", keys, ADDRESS)
    running = asyncio.create_task(labelling.run())
    signer = Signer(keys, ADDRESS, watched.serving.revision, time.time_ns() // 1_000_000 + 5)
    sequence, receipt = signer.sign("", int(time.time()), "1")
    watched.count(exchange(boot=str(signer.boot), sequence=sequence, stamp=""))
    watched.ledger.collect("", unstamped=SPLIT, now=time.time() + 2)
    application = web.Application()
    application.add_routes(labelling.routes())
    async with TestClient(TestServer(application)) as client:
        await client.post(PATH_FEEDBACK, json={"receipt": receipt, "label": 0})
    assert (watched.ledger.total("").outcomes.trials, watched.ledger.total(SPLIT).outcomes.trials) == (PARTS, 0)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.mark.parametrize(("warm_up", "results"), [(0, ["counted", "counted"]), (60, ["reissued", "counted"])])
async def test_labels_count_as_their_predictions_do(tmp_path: Path, warm_up: int, results: list[str]) -> None:
    now = [0.0]
    watched = core(tmp_path, warm_up_seconds=warm_up, feedback=Feedback(public=True), clock=lambda: now[0])
    watched.ledger.collect("", [SPLIT])
    keys = keys_in(tmp_path / "keys")
    labelling = Labelling(watched, "Binary", keys, ADDRESS)
    running = asyncio.create_task(labelling.run())
    boot = time.time_ns() // 1_000_000 + 5  # after the monitor's, as the proxy's is
    signer = Signer(keys, ADDRESS, watched.serving.revision, boot)
    receipts = []
    for _ in results:
        sequence, receipt = signer.sign(SPLIT, int(time.time()), "1")
        watched.count(exchange(boot=str(signer.boot), sequence=sequence))
        receipts.append({"receipt": receipt, "label": 0})
        eventually(lambda: time.time_ns() // 1_000_000 > boot, 1, "the boot is past", interval=0.001)
        now[0] += 61.0
    application = web.Application()
    application.add_routes(labelling.routes())
    async with TestClient(TestServer(application)) as client:
        response = await client.post(PATH_FEEDBACK, json=receipts)
        answers = await response.json()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    counted = results.count("counted")
    assert [answer["result"] for answer in answers] == results
    assert sum(watched.ledger.total(SPLIT).requests) == counted
    assert watched.ledger.total(SPLIT).outcomes.errors == counted * PARTS
    assert labelling.document()["results"]["counted"] == counted
