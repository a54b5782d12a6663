"""Receipts: what an answer carries, so that whoever knows the truth later can say which prediction it belongs to.

`<payload>.<mac>` in base64url without padding, the payload `1|key id|boot|pod|revision|split|time|sequence|prediction`.
HAProxy builds the same by itself, see proxy_receipt. The middleware can sign batches, too: with a 2 in front the
prediction is JSON, see batches.py.
"""

import binascii
import re
from enum import StrEnum
from functools import lru_cache
from hmac import compare_digest
from hmac import digest as hmac_digest
from ipaddress import ip_address
from itertools import count
from typing import Final, NamedTuple

import msgspec

from serinus.monitor.receipts.keys import Keys

VERSION: Final = "1"
OF_ROWS: Final = "2"
LONGEST_PREDICTION: Final = 128
LONGEST_ROWS: Final = 512
"""Of a batch: with it a receipt has at most 918 letters."""
LONGEST: Final = 1024
"""No receipt is longer: what is, is not looked at."""
SPLIT_BYTES: Final = 8
REVISION_BYTES: Final = 5
MAC_BYTES: Final = 32

Rows = list[bool | int | float | str | None]

_START: Final = re.compile(rb"(?P<version>[0-9]{1,4})\|(?P<key>[A-Za-z0-9_-]{1,32})\|")
_PAYLOAD: Final = re.compile(
    rb"(?P<version>[12])\|(?P<key>[^|]+)\|(?P<boot>[1-9][0-9]{0,15})\|(?P<pod>[0-9a-f]{8}|[0-9a-f]{32})"
    rb"\|(?P<revision>[0-9a-f]{10})\|(?P<split>|[0-9a-f]{16})\|(?P<time>[1-9][0-9]{0,11})"
    rb"\|(?P<sequence>[1-9][0-9]{0,15})\|(?P<prediction>.{0,512})",
    re.DOTALL,
)
_ROWS: Final = msgspec.json.Decoder(Rows | str)
_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/***")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


class Refusal(StrEnum):
    """Why a text is no receipt of ours."""

    MALFORMED = "malformed"
    UNKNOWN_VERSION = "unknown version"
    UNKNOWN_KEY = "unknown key"
    FORGED = "forged"


class Receipt(NamedTuple):
    """A verified receipt, unmasked."""

    key_id: str
    boot: int
    """When its signer began, in milliseconds: sequences count from there."""
    address: str
    revision: str
    split: str
    """The digest of its request's stamp, empty without one."""
    issued: int
    sequence: int
    prediction: str | Rows
    """A list for a batch."""
    digest: str = ""
    """Of a batch whose predictions did not fit: the sender of the label has to repeat them."""


class Signer:
    """Signs what one process issues. Its key, address and revision are chosen once, with its boot."""

    def __init__(self, keys: Keys, address: str, revision: str, boot: int) -> None:
        self.key_id, self.key = keys.current()
        self.boot = boot
        packed = ip_address(address).packed
        pod_mask, revision_mask = _masks(self.key, str(boot))
        self.pod = _exclusive_or(packed, pod_mask).hex()
        self.revision = _exclusive_or(bytes.fromhex(revision), revision_mask).hex()
        self._sequence = count(1)

    def sign(self, stamp: str, issued: int, prediction: str, *, rows: str = "") -> tuple[int, str]:
        """Return sequence and receipt of one more prediction, or of the rows of a batch. A long prediction is cut."""
        sequence = next(self._sequence)
        split = digest_of(stamp, self.key) if stamp else ""
        version = OF_ROWS if rows else VERSION
        head = f"{version}|{self.key_id}|{self.boot}|{self.pod}|{self.revision}|{split}|{issued}|{sequence}|"
        payload = head.encode() + (rows.encode() or prediction.encode(errors="replace")[:LONGEST_PREDICTION])
        return sequence, f"{_encode(payload)}.{_encode(hmac_digest(self.key, payload, 'sha256'))}"


def verify(text: str, keys: Keys) -> Receipt | Refusal:
    """Return the receipt that the text is, or why it is none."""
    if len(text) > LONGEST or (parts := _parts(text)) is None or (started := _START.match(parts[0])) is None:
        return Refusal.MALFORMED
    payload, mac = parts
    if started["version"].decode() not in (VERSION, OF_ROWS):
        return Refusal.UNKNOWN_VERSION
    if (key := keys.find(started["key"].decode())) is None:
        return Refusal.UNKNOWN_KEY
    if not compare_digest(hmac_digest(key, payload, "sha256"), mac):
        return Refusal.FORGED
    return _read(payload, key) or Refusal.MALFORMED


@lru_cache(maxsize=256)
def digest_of(stamp: str, key: bytes) -> str:
    """Return what stands for a stamp in receipts that are signed with this key."""
    # A caller may choose the stamp: without the prefix it could have the masks below computed for itself.
    return hmac_digest(key, b"split|" + stamp.encode(errors="replace"), "sha256")[:SPLIT_BYTES].hex()


def _parts(text: str) -> tuple[bytes, bytes] | None:
    try:
        payload, mac = map(_decode, text.encode("ascii").split(b"."))
    except ValueError:
        return None
    return (payload, mac) if len(mac) == MAC_BYTES else None


def _read(payload: bytes, key: bytes) -> Receipt | None:
    if (fields := _PAYLOAD.fullmatch(payload)) is None:
        return None
    version, key_id, boot, pod, revision, split, issued, sequence = (field.decode() for field in fields.groups()[:-1])
    said = _said(version, fields["prediction"])
    if said is None:
        return None
    return Receipt(
        key_id,
        int(boot),
        *_unmasked(key, boot, pod, revision),
        split,
        int(issued),
        int(sequence),
        *said,
    )


def _said(version: str, text: bytes) -> tuple[str | Rows, str] | None:
    """Return prediction and digest, or None where a text is neither."""
    if version == VERSION:
        # HAProxy cuts after bytes, so the last letter may be half a one.
        return (text.decode(errors="replace"), "") if len(text) <= LONGEST_PREDICTION else None
    try:
        rows = _ROWS.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return ("", rows) if isinstance(rows, str) else (rows, "")


@lru_cache(maxsize=1024)
def _unmasked(key: bytes, boot: str, pod: str, revision: str) -> tuple[str, str]:
    pod_mask, revision_mask = _masks(key, boot)
    address = ip_address(_exclusive_or(bytes.fromhex(pod), pod_mask))
    return str(address), _exclusive_or(bytes.fromhex(revision), revision_mask).hex()


def _masks(key: bytes, boot: str) -> tuple[bytes, bytes]:
    pod = hmac_digest(key, f"pod|{boot}".encode(), "sha256")
    return pod, hmac_digest(key, f"revision|{boot}".encode(), "sha256")[:REVISION_BYTES]


def _exclusive_or(value: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(value, mask, strict=False))


def _encode(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=").decode()


def _decode(text: bytes) -> bytes:
    padding = b"=" * (-len(text) % 4)
    return binascii.a2b_base64(text.translate(_TO_STANDARD) + padding, strict_mode=True)
