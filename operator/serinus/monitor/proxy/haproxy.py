"""The proxy beside a model: HAProxy, with a configuration that is made for every start and stands in no file."""

import binascii
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from serinus.api.sidecars import (
    HEADER_RECEIPT,
    HEADER_SPLIT,
    HEALTH_PORT,
    KEYS_FOLDER,
    MONITOR_PORT,
    PATH_FEEDBACK,
    PROXY_PORT,
    RING_PORT,
)
from serinus.monitor.proxy.receipt_lines import ReceiptLines, haproxy_lines
from serinus.monitor.proxy.record_lines import record_lines
from serinus.monitor.receipts.keys import Keys, KeysMissingError
from serinus.monitor.receipts.receipts import Signer
from serinus.monitor.serving import Serving

PROGRAM: Final = "haproxy"
KEYS: Final = Path(KEYS_FOLDER)
SCALAR: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
"""A JMESPath that HAProxy's json_query can follow, too."""

PREDICTS: Final = {
    "JSON": "",
    "OpenInferenceV2": " { path_reg ^/v2/models/[^/]+(/versions/[^/]+)?/infer$ }",
    "KServeV1": " { path_reg ^/v1/models/[^/]+:predict$ }",
    "OpenAI": " { path_end /chat/completions /completions /embeddings }",
}
"""Which POSTs ask for a prediction, by protocol, as protocols.py has it."""

GLOBAL: Final = """
maxconn 4000
no strict-limits
nbthread 1
hard-stop-after 2s
tune.bufsize 65536
"""
# Nothing here ends a request that a model is still working on, or a stream that it still writes.
DEFAULTS: Final = """
mode http
option http-no-delay
option http-ignore-probes
option dontlognull
timeout connect 5s
timeout http-request 30s
timeout http-keep-alive 300s
timeout queue 60s
timeout client 1h
timeout server 1h
timeout tunnel 24h
http-reuse safe
retries 2
retry-on conn-failure
"""
HEALTH: Final = """
monitor-uri /ready
monitor fail if { nbsrv(probe) lt 1 }
http-request return status 200 if { path /live }
http-request return status 404
"""


class Ports(NamedTuple):
    """Where the proxy listens and whom it speaks to; tests have others."""

    clients: int = PROXY_PORT
    health: int = HEALTH_PORT
    monitor: int = MONITOR_PORT
    ring: int = RING_PORT


IN_A_POD: Final = Ports()


def configuration(
    serving: Serving, boot: int, receipts: ReceiptLines | None, *, everywhere: str = "", ports: Ports = IN_A_POD
) -> str:
    """Return HAProxy's configuration. Without receipts requests pass and are counted all the same.

    `everywhere` is the address to listen on, all of IPv4 if it is empty.
    """
    records = record_lines(str(boot), port=ports.ring)
    signs = receipts or ReceiptLines((), (), (), ())
    ours = f"{{ path {PATH_FEEDBACK} }}"
    return "\n".join(
        (
            *_section("global", _lines(GLOBAL), signs.in_global),
            *_section("defaults", _lines(DEFAULTS)),
            *records.ring,
            *signs.backends,
            *_section(
                "frontend clients",
                (f"bind {everywhere}:{ports.clients}",),
                records.frontend,
                (
                    f"http-request return status 404 if {{ path_beg /serinus/ }} !{ours}",
                    f"http-request set-log-level silent if {ours}",
                    f"use_backend monitor if {ours}",
                    "default_backend model",
                ),
            ),
            *_section(
                "backend model",
                (
                    f"http-request set-var(txn.predicts) bool(true) if METH_POST{PREDICTS[serving.protocol]}",
                    # A packed answer could not be read, and the prediction would be missing in the receipt.
                    "http-request del-header accept-encoding if { var(txn.predicts) -m bool }",
                    "http-request set-header x-request-id %[uuid()] unless { req.hdr(x-request-id) -m found }",
                    "http-request set-var(txn.id) req.hdr(x-request-id)",
                ),
                signs.on_request or (f'http-request set-var-fmt(txn.stamp) "split|%[req.hdr({HEADER_SPLIT})]"',),
                records.on_request,
                records.on_response,
                signs.on_response or (f"http-response del-header {HEADER_RECEIPT}",),
                (
                    "http-response set-header x-request-id %[var(txn.id)]",
                    f"server model 127.0.0.1:{serving.model_port}",
                ),
            ),
            # Apart from the model's own: one that is too busy to accept goes on being asked.
            *_section(
                "backend probe", (f"server model 127.0.0.1:{serving.model_port} check inter 500ms fall 2 rise 1",)
            ),
            *_section("backend monitor", (f"server monitor 127.0.0.1:{ports.monitor}",)),
            *_section("frontend health", (f"bind {everywhere}:{ports.health}",), _lines(HEALTH)),
            "",
        )
    )


def start(serving: Serving, address: str, *, keys: Path = KEYS, ports: Ports = IN_A_POD) -> "subprocess.Popen[bytes]":
    """Start HAProxy with a configuration that no file holds; `address` is the pod's."""
    boot = time.time_ns() // 1_000_000
    receipts = _receipts(serving, address, boot, keys)
    text = configuration(serving, boot, receipts, everywhere="::" if ":" in address else "", ports=ports)
    memory = os.memfd_create("haproxy.cfg")
    with os.fdopen(memory, "wb", closefd=False) as file:
        file.write(text.encode())
    try:
        command = [PROGRAM, "-db", "-f", f"/proc/self/fd/{memory}"]
        return subprocess.Popen(command, pass_fds=(memory,))  # noqa: S603 - nothing in it is a user's
    finally:
        os.close(memory)


def _receipts(serving: Serving, address: str, boot: int, keys: Path) -> ReceiptLines | None:
    try:
        signer = Signer(Keys(keys), address, serving.revision, boot)
    except KeysMissingError as error:
        sys.stderr.write(f"serinus: answers carry no receipts: {error}\n")
        return None
    # The variable holds what HAProxy would make of a key in base64: the key as text.
    text = binascii.b2a_base64(signer.key, newline=False).decode()
    return haproxy_lines(signer, text, _prediction(serving), when="{ var(txn.predicts) -m bool } { status 200:299 }")


def _prediction(serving: Serving) -> str:
    """Return where the prediction of an answer is, if it is one value and HAProxy can find it."""
    path = serving.prediction or "prediction"
    if serving.protocol != "JSON" or not SCALAR.fullmatch(path):
        return ""
    return f"res.body,json_query('$.{path}')"


def _section(name: str, *parts: Iterable[str]) -> tuple[str, ...]:
    return (name, *(f"    {line}" for part in parts for line in part))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.strip().splitlines())
