"""The ConfigMap of a profile, as people can read it: what a line holds belongs together. Pure; called by profile.py."""

import json
from pathlib import PurePosixPath
from typing import Final

import msgspec

from serinus.api.sidecars import PROFILE_FILE
from serinus.monitor.profiles.profile import Profile, hash_of

INDENT: Final = "  "


def content_of(profile: Profile) -> bytes:
    """Return the profile as JSON: the same bytes for the same profile."""
    return f"{_text(json.loads(msgspec.json.encode(profile)))}\n".encode()


def name_of(base: str, content: bytes) -> str:
    """Return the name of the ConfigMap."""
    return f"{base}-{hash_of(content)}"


def manifest(name: str, content: bytes) -> str:
    """Return the ConfigMap as YAML; its text is the content, byte by byte."""
    lines = "".join(f"    {line}\n" for line in content.decode().rstrip("\n").split("\n"))
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\nimmutable: true\n"
        f"data:\n  {PurePosixPath(PROFILE_FILE).name}: |\n{lines}"
    )


def _text(document: object, margin: str = "") -> str:
    """Return JSON in which numbers and texts that belong together stand on one line."""
    inner = margin + INDENT
    if isinstance(document, dict) and any(isinstance(value, dict | list) for value in document.values()):
        members = [f"{inner}{_scalar(key)}: {_text(value, inner)}" for key, value in document.items()]
        return "{\n" + ",\n".join(members) + f"\n{margin}}}"
    if isinstance(document, list) and any(isinstance(item, dict | list) for item in document):
        return "[\n" + ",\n".join(inner + _text(item, inner) for item in document) + f"\n{margin}]"
    return _scalar(document)


def _scalar(value: object) -> str:
    """Return JSON on one line, with escapes for what YAML does not let stand in a text."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)
