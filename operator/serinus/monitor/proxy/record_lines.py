"""The lines by which HAProxy keeps bodies and writes records (2.6 and later). The proxy's configuration has them."""

from typing import Final, NamedTuple

from serinus.api.sidecars import RING_PORT
from serinus.monitor.records.record import LOG_FORMAT

RING: Final = "serinus_monitor"
LONGEST_LINE: Final = 65_535
"""A longer one vanishes, whole and uncounted."""
MOST_KEPT: Final = 60_000
"""Both bodies together, in base64."""
LARGEST_ANSWER: Final = 45_000
"""A larger one is passed on without waiting for its end."""
WAIT: Final = "30s"


class RecordLines(NamedTuple):
    """Where each of the lines belongs. They expect `txn.sequence` and `txn.stamp` as proxy_receipt.py sets them."""

    ring: tuple[str, ...]
    frontend: tuple[str, ...]
    on_request: tuple[str, ...]
    on_response: tuple[str, ...]


def record_lines(boot: str, *, port: int = RING_PORT) -> RecordLines:
    """Return the lines. A body is kept where it fits into `tune.bufsize` less a reserve of 1 KiB: take 64 KiB."""
    # A streamed answer is not waited for: it has no length.
    keepable = (
        "{ res.hdr(content-length) -m found } "
        f"{{ res.body_size le {LARGEST_ANSWER} }} "
        "{ res.hdr(content-type) -m beg application/json application/octet-stream }"
    )
    return RecordLines(
        ring=(
            f"ring {RING}",
            "    format raw",
            f"    maxlen {LONGEST_LINE}",
            "    size 16777216",
            "    timeout connect 1s",
            "    timeout server 10s",
            f"    server monitor 127.0.0.1:{port} log-proto octet-count",
        ),
        frontend=(
            f"log ring@{RING} len {LONGEST_LINE} format raw local0 info",
            f'log-format "{LOG_FORMAT.format(boot=boot)}"',
        ),
        on_request=(
            f"http-request wait-for-body time {WAIT} if METH_POST",
            "http-request set-var(txn.request_size) req.body_size",
            "http-request set-var(txn.request_body) req.body,base64 if METH_POST",
            "http-request set-var(txn.request_kept) var(txn.request_body),length",
            f"http-request unset-var(txn.request_body) if {{ var(txn.request_kept) -m int gt {MOST_KEPT} }}",
            "http-request set-var(txn.request_kept) int(0) if !{ var(txn.request_body) -m found }",
        ),
        on_response=(
            f"http-response wait-for-body time {WAIT} if {keepable}",
            "http-response set-var(txn.response_size) res.body_size if { res.hdr(content-length) -m found }",
            f"http-response set-var(txn.response_body) res.body,base64 if {keepable}",
            "http-response set-var(txn.both_kept) var(txn.response_body),length,add(txn.request_kept)",
            f"http-response unset-var(txn.response_body) if {{ var(txn.both_kept) -m int gt {MOST_KEPT} }}",
        ),
    )
