from pathlib import Path

import pytest

from serinus.monitor.receipts.keys import Keys, KeysMissingError
from serinus.monitor.receipts.mounted import AGAIN_SECONDS, REVOKED_SECONDS
from tests.monitor.keyring import KEY_ONE, KEY_TWO, text_of, write_keys


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_keys(tmp_path / "keys")


def test_a_new_key_is_found_a_few_seconds_later(folder: Path, clock: Clock) -> None:
    keys = Keys(folder, clock)
    assert (keys.find("one"), keys.find("two")) == (KEY_ONE, None)
    write_keys(folder, one=KEY_ONE, two=KEY_TWO)
    assert keys.find("two") is None
    clock.now += AGAIN_SECONDS
    assert keys.find("two") == KEY_TWO


def test_a_flood_of_unknown_keys_reads_no_files(folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(folder, clock)
    monkeypatch.setattr(Path, "glob", lambda *_: pytest.fail("it looked"))
    assert [keys.find(f"unknown-{n}") for n in range(1000)] == [None] * 1000


def test_a_key_that_was_taken_away_is_forgotten(folder: Path, clock: Clock) -> None:
    keys = Keys(folder, clock)
    (folder / "key-one").unlink()
    assert keys.find("one") == KEY_ONE
    clock.now += REVOKED_SECONDS
    assert keys.find("one") is None


def test_a_new_token_is_read_within_a_minute(folder: Path, clock: Clock) -> None:
    keys = Keys(folder, clock)
    assert keys.token() == b"namespace-token"
    (folder / "token").write_text("another\n")
    clock.now += REVOKED_SECONDS
    assert keys.token() == b"another"


def test_a_folder_that_is_missing_holds_nothing(tmp_path: Path, clock: Clock) -> None:
    keys = Keys(tmp_path / "none", clock)
    assert (keys.find("one"), keys.token()) == (None, b"")
    write_keys(tmp_path / "none")
    clock.now += AGAIN_SECONDS
    assert (keys.find("one"), keys.token()) == (KEY_ONE, b"namespace-token")


@pytest.mark.parametrize("content", ["", "AAAA", text_of(KEY_ONE)[:-1], "%" * 44, text_of(KEY_ONE + KEY_TWO), "\udc80"])
def test_what_is_no_key_of_32_bytes_is_none(folder: Path, clock: Clock, content: str) -> None:
    (folder / "key-bad").write_bytes(content.encode(errors="surrogateescape"))
    assert Keys(folder, clock).find("bad") is None


@pytest.mark.parametrize("key_id", ["", "../one", "a/b", "gone", "a|b", "x" * 33])
def test_it_says_what_is_missing_to_sign_with(folder: Path, clock: Clock, key_id: str) -> None:
    (folder / "current").write_text(key_id)
    with pytest.raises(KeysMissingError, match="must hold"):
        Keys(folder, clock).current()


def test_it_signs_with_the_key_that_is_current_now(folder: Path, clock: Clock) -> None:
    keys = Keys(folder, clock)
    write_keys(folder, "two", one=KEY_ONE, two=KEY_TWO)
    assert keys.current() == ("two", KEY_TWO)


def test_its_repr_tells_no_key(folder: Path, clock: Clock) -> None:
    assert text_of(KEY_ONE) not in repr(Keys(folder, clock))
    assert repr(KEY_ONE) not in repr(vars(Signed(folder, clock)))


class Signed:
    def __init__(self, folder: Path, clock: Clock) -> None:
        self.keys = Keys(folder, clock)
