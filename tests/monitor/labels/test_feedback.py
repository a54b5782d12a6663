import asyncio
import contextlib
import gc
import gzip
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from serinus.api.sidecars import PATH_FEEDBACK, PATH_LABELS
from serinus.monitor.labels.handover import proof_of, proven
from serinus.monitor.labels.intake import UNRESOLVED
from serinus.monitor.labels.items import FORM, MOST_BYTES, MOST_ITEMS
from serinus.monitor.labels.labels import Result
from serinus.monitor.labels.outcomes import PARTS
from serinus.monitor.labels.reading import Room
from serinus.monitor.receipts.mounted import AGAIN_SECONDS
from serinus.monitor.receipts.receipts import Signer
from serinus.monitor.receipts.tokens import BearerToken
from tests.monitor.books import STAMP, Rule
from tests.monitor.keyring import KEY_TWO, keys_in, write_keys
from tests.monitor.pods import TOKEN, Pod, Town, town

HERE, THERE, GONE = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@pytest.fixture
async def pods(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as pods:
        yield pods


@pytest.fixture
async def pod(pods: Town) -> Pod:
    return await pods.pod(HERE)


def labelled(receipts: list[str], label: Any = 1) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    return [{"receipt": receipt, "label": label} for receipt in receipts]


class TestAnswers:
    async def test_each_item_has_its_own_in_order(self, pod: Pod, tmp_path: Path) -> None:
        old = pod.signer.sign("", int(time.time()) - 700_000, "1")[1]
        future = pod.signer.sign("", int(time.time()) + 100, "1")[1]
        other_keys = keys_in(tmp_path / "other")
        (tmp_path / "other" / "key-one").write_text((tmp_path / "other" / "key-one").read_text()[::-1])
        write_keys(tmp_path / "other", "two", two=KEY_TWO)
        unknown = Signer(other_keys, HERE, "0011223344", pod.signer.boot).sign("", 1, "1")[1]
        (first, second) = pod.receipts(2)
        forged = first[:-6] + "AAAAAA"
        items = labelled([first, first, old, future, forged, unknown, "nonsense", first[:-10]])
        reply = await pod.post([*items, {"receipt": second, "label": ""}, {"receipt": second}, 7])
        assert reply.status == 200
        assert reply.results == [
            "counted",
            "duplicate",
            "tooOld",
            "future",
            "forged",
            "unknown",
            "malformed",
            "malformed",
            "unfit",
            "malformed",
            "malformed",
        ]
        assert reply.summary == "counted=1 duplicate=1 forged=1 future=1 malformed=4 tooOld=1 unfit=1 unknown=1"
        assert pod.book.outcomes_of("").trials == PARTS
        assert pod.intake.results[Result.MALFORMED] == 4

    async def test_one_item_needs_no_list(self, pod: Pod) -> None:
        assert (await pod.post(labelled(pod.receipts(1))[0])).results == ["counted"]

    async def test_nothing_is_answered_by_nothing(self, pod: Pod) -> None:
        assert (await pod.post([])).answers == []

    async def test_a_batch_brings_its_predictions(self, pod: Pod) -> None:
        (receipt,) = pod.receipts(1, prediction="")
        await pod.post([{"receipt": receipt, "label": [1, 0], "prediction": [1, 1]}])
        assert pod.book.outcomes_of("").errors == PARTS // 2

    async def test_labels_that_are_held_say_so(self, pods: Town) -> None:
        pod = await pods.pod(HERE, Rule(maturity_seconds=60))
        assert (await pod.post(labelled(pod.receipts(1)))).results == ["held"]

    async def test_a_replay_counts_nothing(self, pod: Pod) -> None:
        items = labelled(pod.receipts(20))
        for _ in range(3):
            reply = await pod.post(items)
        assert reply.summary == "duplicate=20"
        assert pod.book.outcomes_of("").trials == 20 * PARTS


class TestStamps:
    @pytest.mark.parametrize(
        ("stamp", "counted_for"), [("", ""), (STAMP, STAMP), ("9-forged", UNRESOLVED), ("pod|1", UNRESOLVED)]
    )
    async def test_labels_count_for_the_stamp_of_their_prediction(self, pod: Pod, stamp: str, counted_for: str) -> None:
        await pod.post(labelled(pod.receipts(1, stamp)))
        assert list(pod.book.kept) == [counted_for]


class TestOtherPods:
    async def test_labels_are_handed_to_the_pod_that_made_the_prediction(self, pods: Town) -> None:
        here, there = await pods.pod(HERE), await pods.pod(THERE)
        mixed = [*here.receipts(1), *there.receipts(2), *here.receipts(1)]
        assert (await here.post(labelled(mixed))).summary == "counted=4"
        assert (await there.post(labelled(mixed))).summary == "duplicate=4"
        assert [pod.book.outcomes_of("").trials for pod in (here, there)] == [2 * PARTS, 2 * PARTS]
        assert there.intake.results == Counter({Result.COUNTED: 2, Result.DUPLICATE: 2})

    async def test_the_same_labels_given_to_all_pods_at_once_count_once(self, pods: Town) -> None:
        here, there = await pods.pod(HERE), await pods.pod(THERE)
        items = labelled([*here.receipts(300), *there.receipts(300)])
        replies = await asyncio.gather(*(pod.post(items) for pod in (here, there) * 3))
        assert sum(reply.results.count("counted") for reply in replies) == 600
        assert sum(reply.results.count("duplicate") for reply in replies) == 5 * 600
        assert [pod.book.outcomes_of("").trials for pod in (here, there)] == [300 * PARTS, 300 * PARTS]

    async def test_of_a_pod_that_is_gone_they_are_reissued(self, pods: Town, tmp_path: Path) -> None:
        here = await pods.pod(HERE)
        gone = Signer(keys_in(tmp_path / "keys"), GONE, "0011223344", 1)
        receipts = [gone.sign("", int(time.time()), "1")[1] for _ in range(3)]
        assert (await here.post(labelled([*receipts, *here.receipts(1)]))).summary == "counted=1 reissued=3"
        assert here.intake.results == Counter({Result.COUNTED: 1, Result.REISSUED: 3})

    async def test_of_an_earlier_life_of_that_address_they_are_reissued(self, pods: Town, tmp_path: Path) -> None:
        here, there = await pods.pod(HERE), await pods.pod(THERE)
        earlier = Signer(keys_in(tmp_path / "keys"), THERE, "0011223344", 1).sign("", int(time.time()), "1")[1]
        assert (await here.post(labelled([earlier]))).results == ["reissued"]
        assert there.book.kept == {}

    async def test_a_pod_that_hangs_costs_two_seconds_and_only_once(self, pods: Town, tmp_path: Path) -> None:
        here = await pods.pod(HERE)

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, GONE, pods.port)
        signer = Signer(keys_in(tmp_path / "keys"), GONE, "0011223344", 1)
        took = []
        for _ in range(2):
            started = time.monotonic()
            receipt = signer.sign("", int(time.time()), "1")[1]
            assert (await here.post(labelled([receipt]))).results == ["reissued"]
            took.append(time.monotonic() - started)
        server.close()
        assert 1.9 < took[0] < 4
        assert took[1] < 0.5

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnonsense!",
            b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 302 No\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
            b"no HTTP",
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5_000_000,
        ],
    )
    async def test_a_strange_answer_makes_them_reissued(self, pods: Town, tmp_path: Path, answer: bytes) -> None:
        async def stranger(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

        here = await pods.pod(HERE)
        server = await asyncio.start_server(stranger, GONE, pods.port)
        receipt = Signer(keys_in(tmp_path / "keys"), GONE, "0011223344", 1).sign("", int(time.time()), "1")[1]
        assert (await here.post(labelled([receipt]))).results == ["reissued"]
        server.close()

    async def test_what_was_handed_over_goes_no_further(self, pods: Town) -> None:
        here, there = await pods.pod(HERE), await pods.pod(THERE)
        body = json.dumps(labelled(there.receipts(1))).encode()
        proof = {"Authorization": proof_of(b"namespace-token", HERE, time.time(), body)}
        reply = await here.post(body, token="", path=PATH_LABELS, headers=proof)
        assert reply.results == ["unknown"]
        assert there.book.kept == {}

    async def test_nobody_sends_labels_elsewhere(self, pods: Town, tmp_path: Path) -> None:
        heard = bytearray()

        async def redirect(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            location = f"http://{THERE}:{pods.port}/"
            writer.write(f"HTTP/1.1 307 No\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
            writer.close()
            await writer.wait_closed()

        async def listener(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.extend(await reader.read(10_000))
            writer.close()

        here = await pods.pod(HERE)
        servers = [await asyncio.start_server(redirect, GONE, pods.port)]
        servers.append(await asyncio.start_server(listener, THERE, pods.port))
        receipt = Signer(keys_in(tmp_path / "keys"), GONE, "0011223344", 1).sign("", int(time.time()), "1")[1]
        assert (await here.post(labelled([receipt]))).results == ["reissued"]
        for server in servers:
            server.close()
        assert not heard

    async def test_no_pod_is_ever_sent_the_token(self, pods: Town, tmp_path: Path) -> None:
        heard = bytearray()

        async def listener(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.extend(await reader.read(10_000))
            writer.close()
            await writer.wait_closed()

        here = await pods.pod(HERE)
        server = await asyncio.start_server(listener, GONE, pods.port)
        receipt = Signer(keys_in(tmp_path / "keys"), GONE, "0011223344", 1).sign("", int(time.time()), "1")[1]
        await here.post(labelled([receipt]))
        server.close()
        assert b"Authorization: Serinus" in heard
        assert b"namespace-token" not in heard
        assert TOKEN.encode() not in heard

    @pytest.mark.parametrize(
        ("token", "address", "age", "changed"),
        [
            (b"another", HERE, 0, b""),
            (b"", HERE, 0, b""),
            (b"namespace-token", THERE, 0, b""),
            (b"namespace-token", HERE, 100, b""),
            (b"namespace-token", HERE, -100, b""),
            (b"namespace-token", HERE, 0, b" "),
        ],
    )
    async def test_without_a_proof_nothing_is_handed_over(
        self, pod: Pod, token: bytes, address: str, age: int, changed: bytes
    ) -> None:
        body = json.dumps(labelled(pod.receipts(1))).encode()
        proof = proof_of(token, address, time.time() - age, body)
        reply = await pod.post(body + changed, token="", path=PATH_LABELS, headers={"Authorization": proof})
        assert reply.status == 401
        assert pod.book.kept == {}

    def test_where_there_is_no_token_nothing_is_proven(self) -> None:
        assert proven(proof_of(b"", HERE, 0, b""), b"", HERE, 0) is None
        assert proven(proof_of(b"token", HERE, 0, b""), b"token", HERE, 0)

    async def test_the_feedback_token_hands_nothing_over(self, pod: Pod) -> None:
        assert (await pod.post(labelled(pod.receipts(1)), path=PATH_LABELS)).status == 401


class TestRefusals:
    @pytest.mark.parametrize("token", ["", "another", TOKEN[:-1], TOKEN + "x", "é\udc80"])
    async def test_without_the_token_nothing_is_read(self, pod: Pod, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}".encode(errors="surrogateescape").decode("latin-1")}
        reply = await pod.post(labelled(pod.receipts(1)), token="", headers=headers)
        assert reply.status == 401
        assert "Authorization: Bearer <token>" in reply.text
        assert pod.book.kept == {}

    async def test_public_feedback_needs_none(self, tmp_path: Path) -> None:
        async with town(tmp_path, public=True) as pods:
            pod = await pods.pod(HERE)
            assert (await pod.post(labelled(pod.receipts(1)), token="")).results == ["counted"]

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"\xff\xfe", b"7", b'"receipt"', b"null", b"[" * 100_000, b'[{"x":' + b"[" * 100_000, b"[1,2"],
    )
    async def test_what_is_no_list_of_labels_is_told_what_would_be(self, pod: Pod, body: bytes) -> None:
        reply = await pod.post(body)
        assert reply.status == 400
        assert FORM in reply.text

    async def test_too_many_labels_are_refused_whole(self, pod: Pod) -> None:
        (receipt,) = pod.receipts(1)
        reply = await pod.post(labelled([receipt] * (MOST_ITEMS + 1)))
        assert (reply.status, pod.book.kept) == (413, {})
        assert "at most 10,000 labels and 4 MiB" in reply.text

    async def test_a_body_that_is_too_large_is_not_read_to_its_end(self, pod: Pod) -> None:
        assert (await pod.post(b" " * (MOST_BYTES + 1))).status == 413

    async def test_nor_is_one_that_grows_when_it_is_inflated(self, pod: Pod) -> None:
        bomb = gzip.compress(b" " * 50 * MOST_BYTES)
        assert (await pod.post(bomb, headers={"Content-Encoding": "gzip"})).status in {400, 413}

    async def test_a_body_that_is_not_encoded_as_it_says_is_refused(self, pod: Pod) -> None:
        assert (await pod.post(b"[]", headers={"Content-Encoding": "gzip"})).status == 400

    async def test_a_flood_is_told_to_come_again(self, pods: Town) -> None:
        pod = await pods.pod(HERE, room=Room(requests=1, size=1000))
        assert (await pod.post(b" " * 1001)).status == 429
        for _ in range(10):
            assert (await pod.post(labelled(pod.receipts(1)))).results == ["counted"]


class TestClients:
    @staticmethod
    def request(body: bytes, length: int) -> bytes:
        head = f"POST {PATH_FEEDBACK} HTTP/1.1\r\nHost: model\r\nAuthorization: Bearer {TOKEN}\r\n"
        return f"{head}Content-Length: {length}\r\n\r\n".encode() + body

    @staticmethod
    async def connect(pod: Pod) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port = pod.url.removeprefix("http://").partition(":")
        return await asyncio.open_connection(host, int(port))

    async def test_one_that_is_slow_is_told_so_and_holds_up_nobody(self, pods: Town) -> None:
        pod = await pods.pod(HERE, room=Room(requests=3))
        slow = [await self.connect(pod) for _ in range(2)]
        for _, writer in slow:
            writer.write(self.request(b"[", 100))
        assert (await pod.post(labelled(pod.receipts(1)))).results == ["counted"]
        for reader, writer in slow:
            assert b"408" in await reader.readline()
            writer.close()

    async def test_one_that_breaks_off_counts_nothing(self, pod: Pod) -> None:
        body = json.dumps(labelled(pod.receipts(1))).encode()
        _, writer = await self.connect(pod)
        writer.write(self.request(body, len(body) + 1))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await pod.post(labelled(pod.receipts(1)))).results == ["counted"]
        assert pod.book.outcomes_of("").trials == PARTS

    async def test_one_that_closes_its_half_harms_nobody(self, pod: Pod) -> None:
        body = json.dumps(labelled(pod.receipts(1))).encode()
        reader, writer = await self.connect(pod)
        writer.write(self.request(body, len(body)))
        writer.write_eof()
        await reader.read()
        writer.close()
        assert (await pod.post(labelled(pod.receipts(1)))).results == ["counted"]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_token_may_be_exchanged(tmp_path: Path) -> None:
    file, clock = tmp_path / "token", Clock()
    token = BearerToken(file, clock)
    assert not token.admits("Bearer ")
    assert not token.admits("Bearer one")
    file.write_text("one\n")
    clock.now += AGAIN_SECONDS
    assert token.admits("Bearer one")
    file.write_text("two\n")
    assert not token.admits("Bearer two")
    clock.now += AGAIN_SECONDS
    assert token.admits("Bearer two")
    assert not token.admits("Bearer one")


async def test_the_loop_has_its_turn_while_many_labels_are_taken(pod: Pod) -> None:
    items = labelled(pod.receipts(MOST_ITEMS))
    turns_taken, ended = [], asyncio.Event()

    async def turns() -> None:
        while not ended.is_set():
            started = time.thread_time()  # of this thread: the machine may be busy with others
            await asyncio.sleep(0)
            turns_taken.append(time.thread_time() - started)

    body = json.dumps(items).encode()
    gc.disable()  # it would collect what other tests left
    try:
        watching = asyncio.create_task(turns())
        reply = await pod.post(body)
        ended.set()
        await watching
    finally:
        gc.enable()
    assert reply.summary == "counted=10000"
    assert max(turns_taken) < sum(turns_taken) / 5


async def test_no_label_token_or_receipt_is_logged(pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    (receipt,) = pod.receipts(1)
    await pod.post([{"receipt": receipt, "label": "secret-label"}, {"receipt": "secret-receipt", "label": {}}])
    await pod.post(b'[{"receipt": "secret-receipt", "label": secret')
    reply = await pod.post([{"receipt": "secret-receipt", "label": {"secret": 1}}])
    for secret in ("secret", receipt, TOKEN, "namespace-token"):
        assert secret not in caplog.text
        assert secret not in reply.text
