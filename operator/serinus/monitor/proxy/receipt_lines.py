"""The lines by which HAProxy signs receipts itself (2.6 and later). The proxy's configuration is made with them."""

from typing import Final, NamedTuple

from serinus.api.sidecars import HEADER_RECEIPT, HEADER_SPLIT
from serinus.monitor.receipts.receipts import LONGEST_PREDICTION, SPLIT_BYTES, VERSION, Signer

SEQUENCES: Final = "serinus_sequences"
"""The backend whose table counts the requests."""
OF_THE_REQUEST: Final = "%[var(txn.split)]|%[var(txn.issued)]|%[var(txn.sequence)]|%[var(txn.prediction)]"
RECEIPT: Final = "%[var(txn.payload),ub64enc].%[var(txn.mac)]"


class ReceiptLines(NamedTuple):
    """Where each of the lines belongs. They leave `txn.sequence` and `txn.issued` for the record of the request."""

    in_global: tuple[str, ...]
    backends: tuple[str, ...]
    on_request: tuple[str, ...]
    on_response: tuple[str, ...]


def haproxy_lines(signer: Signer, key_text: str, prediction: str = "", when: str = "") -> ReceiptLines:
    """Return the lines that sign with the signer's literals.

    `key_text` is the key in base64, `prediction` a sample expression such as `res.body,json_query('$.label')`. `when`
    are the ACLs of the answers that have a receipt, all of which must hold. Make the lines anew, with a new boot, for
    every start of HAProxy: sequences begin at 1 again.
    """
    payload = f"{VERSION}|{signer.key_id}|{signer.boot}|{signer.pod}|{signer.revision}|{OF_THE_REQUEST}"
    stamped = f"{{ req.hdr({HEADER_SPLIT}) -m found }}"
    digest = f"var(txn.stamp),hmac(sha256,proc.key),bytes(0,{SPLIT_BYTES}),hex,lower"
    only = f" if {when}" if when else ""
    also = f" {when}" if when else ""
    # concat() makes a text of a boolean, which bytes() would not take.
    predicted = f"http-response set-var(txn.prediction) {prediction},concat(),bytes(0,{LONGEST_PREDICTION}){only}"
    return ReceiptLines(
        in_global=(f"set-var proc.key str({key_text})",),
        backends=(f"backend {SEQUENCES}", "    stick-table type integer size 1 store gpc0"),
        on_request=(
            f"http-request track-sc0 int(1) table {SEQUENCES}",
            "http-request set-var(txn.sequence) sc_inc_gpc0(0)",
            f'http-request set-var-fmt(txn.stamp) "split|%[req.hdr({HEADER_SPLIT})]" if {stamped}',
            f"http-request set-var(txn.split) {digest} if {stamped}",
        ),
        on_response=(
            f"http-response del-header {HEADER_RECEIPT}",
            f"http-response set-var(txn.issued) date{only}",
            *((predicted,) if prediction else ()),
            f'http-response set-var-fmt(txn.payload) "{payload}"{only}',
            f"http-response set-var(txn.mac) var(txn.payload),hmac(sha256,proc.key),ub64enc{only}",
            f'http-response set-header {HEADER_RECEIPT} "{RECEIPT}" if {{ var(txn.mac) -m found }}{also}',
        ),
    )
