"""The namespace's keys and token, as the kubelet mounts them. Receipts are signed and verified with them."""

import binascii
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""It becomes part of a file's name and of a receipt, so it holds neither a slash nor a bar."""
KEY_BYTES: Final = 32
AGAIN_SECONDS: Final = 5.0
"""What is unknown is looked for again after this time at the earliest: a flood must not read files."""
REVOKED_SECONDS: Final = 60.0
"""A key that was taken away is used for no longer than this."""
LONGEST_FILE: Final = 4096


class KeysMissingError(Exception):
    """There is no key to sign with. The text says which file was expected and what it has to hold."""


class Keys:
    """All keys of a folder by their ids, and the token. They are in no repr and in no log."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._keys: dict[str, bytes] = {}
        self._token = b""
        self._looked = -REVOKED_SECONDS
        self._look(clock())

    def find(self, key_id: str) -> bytes | None:
        """Return the key of that id, looking again when it is unknown or the last look was long ago."""
        self.refresh(REVOKED_SECONDS if key_id in self._keys else AGAIN_SECONDS)
        return self._keys.get(key_id)

    def current(self) -> tuple[str, bytes]:
        """Return id and key that sign what is issued from now on."""
        file = self._folder / "current"
        key_id = _text(file).strip()
        if not KEY_ID.fullmatch(key_id):
            raise KeysMissingError(f"{file} must hold the id of the key that signs: letters, digits, - and _")
        if (key := _key(self._folder / f"key-{key_id}")) is None:
            raise KeysMissingError(f"{self._folder}/key-{key_id} must hold {KEY_BYTES} random bytes in base64")
        return key_id, key

    def token(self) -> bytes:
        """Return the namespace's token, empty where there is none."""
        self.refresh(REVOKED_SECONDS if self._token else AGAIN_SECONDS)
        return self._token

    def refresh(self, older_than: float) -> None:
        """Look again if the last look was so many seconds ago."""
        now = self._clock()
        if now - self._looked >= older_than:
            self._look(now)

    def _look(self, now: float) -> None:
        self._looked = now
        try:
            names = [path.name for path in self._folder.glob("key-*")]
        except OSError:
            return
        found = {name.removeprefix("key-"): _key(self._folder / name) for name in names}
        self._keys = {key_id: key for key_id, key in found.items() if key and KEY_ID.fullmatch(key_id)}
        self._token = _text(self._folder / "token").strip().encode()


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(LONGEST_FILE).decode()
    except (OSError, UnicodeDecodeError):
        return ""


def _key(file: Path) -> bytes | None:
    try:
        key = binascii.a2b_base64(_text(file).strip(), strict_mode=True)
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None
