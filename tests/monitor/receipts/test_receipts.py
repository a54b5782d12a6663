import base64
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.monitor.receipts.keys import Keys
from serinus.monitor.receipts.receipts import Receipt, Refusal, Signer, digest_of, verify
from tests.monitor.keyring import KEY_ONE, KEY_TWO, keys_in, write_keys

BOOT = 1_790_000_000_123
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
GOOD = f"1|one|{BOOT}|0a0b0c0d|0011223344||1790000000|1|yes"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return keys_in(tmp_path_factory.mktemp("keys"))


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(payload: str | bytes, key: bytes = KEY_ONE) -> str:
    raw = payload if isinstance(payload, bytes) else payload.encode()
    return f"{encoded(raw)}.{encoded(hmac.digest(key, raw, 'sha256'))}"


@given(
    signs=st.tuples(ADDRESSES, st.from_regex(r"[0-9a-f]{10}", fullmatch=True), st.integers(1, 10**15)),
    signed=st.tuples(st.text(max_size=30), st.integers(1, 10**11), st.text(max_size=32)),
)
def test_what_was_signed_is_read(keys: Keys, signs: tuple[str, str, int], signed: tuple[str, int, str]) -> None:
    address, revision, boot = signs
    stamp, issued, prediction = signed
    signer = Signer(keys, address, revision, boot)
    split = digest_of(stamp, KEY_ONE) if stamp else ""
    for sequence in (1, 2):
        assert signer.sign(stamp, issued, prediction)[0] == sequence
    _, text = signer.sign(stamp, issued, prediction)
    assert verify(text, keys) == Receipt("one", boot, address, revision, split, issued, 3, prediction)


def test_a_long_prediction_is_cut_to_128_bytes(keys: Keys) -> None:
    _, text = Signer(keys, "192.0.2.7", "0011223344", BOOT).sign("", 1, "a" + "é" * 100)
    receipt = verify(text, keys)
    assert isinstance(receipt, Receipt)
    assert receipt.prediction == "a" + "é" * 63 + "\N{REPLACEMENT CHARACTER}"


def test_who_has_no_key_reads_neither_address_nor_revision_nor_stamp(keys: Keys) -> None:
    _, text = Signer(keys, "192.0.2.7", "0011223344", BOOT).sign("4-00112233aabbccdd", 1, "")
    payload = base64.urlsafe_b64decode(text.split(".")[0] + "==").decode()
    for told in ("c0000207", "0011223344", "4-0011", "00112233aabbccdd"):
        assert told not in payload


def test_no_stamp_makes_the_signer_tell_its_masks(keys: Keys) -> None:
    signer = Signer(keys, "0.0.0.0", "0000000000", BOOT)  # noqa: S104 - masked, zeros show the mask
    assert not digest_of(f"pod|{BOOT}", KEY_ONE).startswith(signer.pod)
    assert not digest_of(f"revision|{BOOT}", KEY_ONE).startswith(signer.revision)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", Refusal.MALFORMED),
        (".", Refusal.MALFORMED),
        ("a", Refusal.MALFORMED),
        ("a.b.c", Refusal.MALFORMED),
        ("not base64!.****", Refusal.MALFORMED),
        ("é.é", Refusal.MALFORMED),
        ("\ud800.\ud800", Refusal.MALFORMED),
        ("A" * 5000 + "." + "A" * 43, Refusal.MALFORMED),
        (signed(GOOD) + "=", Refusal.MALFORMED),
        (signed(GOOD).replace(".", "\n."), Refusal.MALFORMED),
        (signed(GOOD)[:-1], Refusal.MALFORMED),
        (signed(GOOD)[:-20], Refusal.MALFORMED),
        (signed(GOOD).split(".")[0] + ".", Refusal.MALFORMED),
        (signed("3|" + GOOD[2:]), Refusal.UNKNOWN_VERSION),
        (signed("x|" + GOOD[2:]), Refusal.MALFORMED),
        (signed(GOOD.replace("one", "gone"), KEY_TWO), Refusal.UNKNOWN_KEY),
        (signed(GOOD.replace("one", "../../one")), Refusal.MALFORMED),
        (signed(GOOD.replace("one", "")), Refusal.MALFORMED),
        (signed(GOOD, KEY_TWO), Refusal.FORGED),
        (signed("1|one"), Refusal.MALFORMED),
        (signed(GOOD.rpartition("|")[0]), Refusal.MALFORMED),
        (signed(GOOD.replace("|1|", "|0|")), Refusal.MALFORMED),
        (signed(GOOD.replace("|1|", "|-1|")), Refusal.MALFORMED),
        (signed(GOOD.replace("0a0b0c0d", "0a0b0c")), Refusal.MALFORMED),
        (signed(GOOD.replace("||", "|abc|")), Refusal.MALFORMED),
        (signed(GOOD + "y" * 126), Refusal.MALFORMED),
    ],
)
def test_what_is_no_receipt_is_told_apart(keys: Keys, text: str, refusal: Refusal) -> None:
    assert isinstance(verify(signed(GOOD), keys), Receipt)
    assert verify(text, keys) is refusal


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,90}\.[A-Za-z0-9_-]{43}", fullmatch=True))
def test_any_text_is_refused_without_a_failure(keys: Keys, text: str) -> None:
    assert isinstance(verify(text, keys), Refusal)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda rest: b"1|one|" + rest))
def test_any_bytes_signed_with_the_key_are_a_receipt_or_refused(keys: Keys, payload: bytes) -> None:
    assert isinstance(verify(signed(payload), keys), Receipt | Refusal)


@given(data=st.data())
def test_a_change_anywhere_is_noticed(keys: Keys, data: st.DataObject) -> None:
    text = signed(GOOD)
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("ABCDEFGHabcdefgh0123456789-_.|"))
    changed = text[:at] + letter + text[at + 1 :]
    if changed != text:
        receipt = verify(changed, keys)
        # The last letter of the MAC has two bits that mean nothing.
        assert isinstance(receipt, Refusal) or at == len(text) - 1


def test_receipts_of_an_older_key_stay_good_after_rotation(tmp_path: Path) -> None:
    _, old = Signer(keys_in(tmp_path), "192.0.2.7", "0011223344", BOOT).sign("", 1, "yes")
    rotated = Keys(write_keys(tmp_path, "two", one=KEY_ONE, two=KEY_TWO))
    _, new = Signer(rotated, "192.0.2.7", "0011223344", BOOT).sign("", 1, "yes")
    read = [verify(text, rotated) for text in (old, new)]
    assert [receipt.key_id for receipt in read if isinstance(receipt, Receipt)] == ["one", "two"]
