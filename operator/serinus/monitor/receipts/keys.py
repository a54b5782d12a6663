"""The namespace's keys and token, as the kubelet mounts them. Receipts are signed and verified with them."""

import binascii
import re
import secrets
import time
from pathlib import Path
from typing import Final

from serinus.monitor.receipts.mounted import Clock, Looks, read

KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""It becomes part of a file's name and of a receipt, so it holds neither a slash nor a bar."""
KEY_BYTES: Final = 32
ID_BYTES: Final = 4


def new_key() -> tuple[str, str]:
    """Return a new id and a new key, as they stand in a Secret."""
    return secrets.token_hex(ID_BYTES), binascii.b2a_base64(secrets.token_bytes(KEY_BYTES), newline=False).decode()


class KeysMissingError(Exception):
    """There is no key to sign with. The text says which file was expected and what it has to hold."""


class Keys:
    """All keys of a folder by their ids, and the token. They are in no repr and in no log."""

    def __init__(self, folder: Path, clock: Clock = time.monotonic) -> None:
        self._folder = folder
        self._looks = Looks(clock)
        self._keys: dict[str, bytes] = {}
        self._token = b""
        self._look()

    def find(self, key_id: str) -> bytes | None:
        """Return the key of that id, None where there is none."""
        if self._looks.due(known=key_id in self._keys):
            self._look()
        return self._keys.get(key_id)

    def token(self) -> bytes:
        """Return the namespace's token, empty where there is none."""
        if self._looks.due(known=bool(self._token)):
            self._look()
        return self._token

    def current(self) -> tuple[str, bytes]:
        """Return id and key that sign what is issued from now on."""
        file = self._folder / "current"
        key_id = read(file).decode(errors="replace")
        if not KEY_ID.fullmatch(key_id):
            raise KeysMissingError(f"{file} must hold the id of the key that signs: letters, digits, - and _")
        if (key := _key(self._folder / f"key-{key_id}")) is None:
            raise KeysMissingError(f"{self._folder}/key-{key_id} must hold {KEY_BYTES} random bytes in base64")
        return key_id, key

    def _look(self) -> None:
        found = {file.name.removeprefix("key-"): _key(file) for file in self._folder.glob("key-*")}
        self._keys = {key_id: key for key_id, key in found.items() if key and KEY_ID.fullmatch(key_id)}
        self._token = read(self._folder / "token")


def _key(file: Path) -> bytes | None:
    try:
        key = binascii.a2b_base64(read(file), strict_mode=True)
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None
