"""A new key for the models of a namespace."""

import base64

import pytest
from kubernetes.client.exceptions import ApiException

from serinus.cli.failure import Failure
from serinus.cli.rotate import rotate_key


class FakeKeyring:
    namespace = "risk"

    def __init__(self, refusal: int | None = None) -> None:
        self.written: dict[str, str] = {}
        self._refusal = refusal

    def add_to_secret(self, name: str, content: dict[str, str]) -> None:
        if self._refusal:
            raise ApiException(self._refusal)
        assert name == "serinus-keys"
        self.written |= content


def test_each_time_there_is_one_more_and_the_newest_signs() -> None:
    keyring = FakeKeyring()
    for count in (1, 2):
        told = rotate_key(keyring)
        current = keyring.written["current"]
        assert told.startswith(f"key {current} signs")
        assert len(base64.b64decode(keyring.written[f"key-{current}"])) == 32
        assert len(keyring.written) == 1 + count


def test_before_there_is_a_monitored_model_there_is_nothing_to_rotate() -> None:
    with pytest.raises(Failure, match="namespace risk has no Secret serinus-keys: the operator makes it"):
        rotate_key(FakeKeyring(404))


def test_whoever_may_not_is_told_so() -> None:
    with pytest.raises(ApiException):
        rotate_key(FakeKeyring(403))
