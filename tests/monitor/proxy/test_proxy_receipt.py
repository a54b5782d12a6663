"""The real HAProxy signs, and the monitor verifies."""

import http.client
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serinus.api.sidecars import HEADER_RECEIPT, HEADER_SPLIT
from serinus.monitor.proxy.receipt_lines import ReceiptLines, haproxy_lines
from serinus.monitor.receipts.keys import Keys
from serinus.monitor.receipts.receipts import Receipt, Refusal, Signer, digest_of, verify
from tests.cluster.eventually import eventually
from tests.cluster.parts.debian import ensure
from tests.monitor.keyring import KEY_ONE, keys_in, text_of

pytestmark = pytest.mark.control_plane  # it needs a Debian package, as these tests do

ANSWER = 'lf-string "%[req.hdr(x-answer)]"'
BOOT = 1_790_000_000_123


def configuration(lines: ReceiptLines, folder: Path) -> str:
    """Return a proxy before a model that answers with what its caller asks it to."""
    return "\n".join(
        [
            "global",
            *lines.in_global,
            "defaults",
            "mode http",
            "timeout client 5s",
            "timeout server 5s",
            "timeout connect 5s",
            *lines.backends,
            "frontend proxy",
            f"bind unix@{folder}/proxy",
            *lines.on_request,
            "http-response wait-for-body time 1s",
            *lines.on_response,
            "default_backend to_model",
            "backend to_model",
            f"server model unix@{folder}/model",
            "frontend model",
            f"bind unix@{folder}/model",
            f"http-request return status 200 content-type application/json hdr {HEADER_RECEIPT} own {ANSWER}",
            "",
        ]
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return keys_in(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module", params=["192.0.2.7", "2001:db8::7"])
def address(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def proxy(keys: Keys, address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    ensure("haproxy")
    folder = tmp_path_factory.mktemp("proxy")
    lines = haproxy_lines(
        Signer(keys, address, "0a1b2c3d4e", BOOT), text_of(KEY_ONE), "res.body,json_query('$.label')", "{ status 200 }"
    )
    (folder / "haproxy.cfg").write_text(configuration(lines, folder))
    process = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", folder / "haproxy.cfg"])
    try:
        eventually((folder / "proxy").exists, 10, "HAProxy listens")
        yield folder / "proxy"
    finally:
        process.kill()
        process.wait()


class Caller(http.client.HTTPConnection):
    def __init__(self, proxy: Path) -> None:
        super().__init__("model")
        self._proxy = proxy

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._proxy))


def ask(proxy: Path, body: str, **headers: str) -> str:
    caller = Caller(proxy)
    caller.request("GET", "/", headers={"x-answer": body.encode(), **headers})
    answer = caller.getresponse()
    answer.read()
    caller.close()
    (receipt,) = answer.msg.get_all(HEADER_RECEIPT, [])
    return str(receipt)


def receipt_of(text: str, keys: Keys) -> Receipt:
    receipt = verify(text, keys)
    assert isinstance(receipt, Receipt), receipt
    return receipt


@pytest.mark.parametrize(
    ("body", "prediction"),
    [
        ('{"label": "fraud"}', "fraud"),
        ('{"label": 3}', "3"),
        ('{"label": 0.25}', "0.25"),
        ('{"label": true}', "1"),
        ('{"label": "a|b%[date] \'c\' é"}', "a|b%[date] 'c' é"),
        (f'{{"label": "{"x" * 300}"}}', "x" * 128),
        ('{"label": [1, 2]}', ""),
        ('{"label": null}', ""),
        ('{"label": ""}', ""),
        ("not JSON", ""),
    ],
)
def test_what_the_proxy_signs_says_the_prediction(
    proxy: Path, keys: Keys, address: str, body: str, prediction: str
) -> None:
    before = int(time.time())
    receipt = receipt_of(ask(proxy, body), keys)
    assert receipt.prediction == prediction
    assert (receipt.key_id, receipt.boot, receipt.address, receipt.revision, receipt.split) == (
        "one",
        BOOT,
        address,
        "0a1b2c3d4e",
        "",
    )
    assert before <= receipt.issued <= time.time()


def test_sequences_have_no_gap(proxy: Path, keys: Keys) -> None:
    first = receipt_of(ask(proxy, "{}"), keys).sequence
    assert [receipt_of(ask(proxy, "{}"), keys).sequence for _ in range(5)] == [first + n for n in range(1, 6)]


def test_sequences_are_given_once_whoever_asks_at_the_same_time(proxy: Path, keys: Keys) -> None:
    with ThreadPoolExecutor(16) as callers:
        texts = list(callers.map(lambda _: ask(proxy, "{}"), range(400)))
    sequences = {receipt_of(text, keys).sequence for text in texts}
    assert len(sequences) == max(sequences) - min(sequences) + 1 == 400


def test_a_stamp_is_told_by_its_digest(proxy: Path, keys: Keys) -> None:
    stamp = "3-00112233aabbccdd"
    assert receipt_of(ask(proxy, "{}", **{HEADER_SPLIT: stamp}), keys).split == digest_of(stamp, KEY_ONE)


def test_a_changed_letter_makes_it_forged(proxy: Path, keys: Keys) -> None:
    payload, mac = ask(proxy, '{"label": "fraud"}').split(".")
    changed = payload[:-4] + ("A" if payload[-4] != "A" else "B") + payload[-3:]
    assert verify(f"{changed}.{mac}", keys) is Refusal.FORGED
