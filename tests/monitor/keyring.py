"""Key folders as the kubelet mounts them, with keys that tests know."""

import base64
from pathlib import Path

from serinus.monitor.receipts.keys import Keys

KEY_ONE, KEY_TWO = bytes([0xFB, 0xFF]) + bytes(range(30)), bytes(range(100, 132))
"""The first has both signs that base64 has beside letters and digits."""


def text_of(key: bytes) -> str:
    return base64.b64encode(key).decode()


def write_keys(folder: Path, current: str = "one", token: str = "namespace-token", **keys: bytes) -> Path:  # noqa: S107
    folder.mkdir(exist_ok=True)
    (folder / "current").write_text(current + "\n")
    (folder / "token").write_text(token)
    for key_id, key in (keys or {"one": KEY_ONE}).items():
        (folder / f"key-{key_id}").write_text(text_of(key))
    return folder


def keys_in(folder: Path) -> Keys:
    return Keys(write_keys(folder))
