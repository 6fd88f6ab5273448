"""Secrets that are sealed: by which key they open, and where they do not."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from server.failure import BadSetting
from server.providers.sealing import (
    FILE,
    NotOpened,
    Sealed,
    SealKey,
    Seals,
    load_seal_keys,
    read_seal_keys,
)

OLD, NEW = SealKey("old", b"o" * 32), SealKey("new", b"n" * 32)
SECRET = "https://discord.com/api/webhooks/1/canary"


def spelled(name: str, key: bytes) -> str:
    return f"{name}:{base64.b64encode(key).decode()}"


def test_what_is_sealed_opens_and_shows_nothing() -> None:
    seals = Seals([NEW])
    sealed = seals.seal(SECRET, "1 discord discord_webhook")
    assert sealed.key_id == "new" and b"canary" not in sealed.data
    assert seals.open(sealed, "1 discord discord_webhook") == SECRET


def test_the_same_is_sealed_otherwise_each_time() -> None:
    seals = Seals([NEW])
    assert len({seals.seal(SECRET, "of").data for _ in range(50)}) == 50


@pytest.mark.parametrize("of", ["2 discord discord_webhook", "1 discord discord_bot", ""])
def test_it_opens_in_nobody_elses_row_and_as_no_other_kind(of: str) -> None:
    seals = Seals([NEW])
    sealed = seals.seal(SECRET, "1 discord discord_webhook")
    with pytest.raises(NotOpened):
        seals.open(sealed, of)


@pytest.mark.parametrize("place", [0, 11, 12, 20, -1])
def test_one_changed_bit_is_noticed(place: int) -> None:
    seals = Seals([NEW])
    sealed = seals.seal(SECRET, "of")
    data = bytearray(sealed.data)
    data[place] ^= 1
    with pytest.raises(NotOpened) as refused:
        seals.open(sealed._replace(data=bytes(data)), "of")
    assert "canary" not in repr(refused.value)


@pytest.mark.parametrize("length", [0, 5, 12, 27])
def test_what_is_too_short_is_not_opened(length: int) -> None:
    with pytest.raises(NotOpened):
        Seals([NEW]).open(Sealed("new", b"x" * length), "of")


def test_the_first_key_seals_and_all_open() -> None:
    before, between, after = Seals([OLD]), Seals([NEW, OLD]), Seals([NEW])
    sealed = before.seal(SECRET, "of")
    assert between.open(sealed, "of") == SECRET
    again = between.seal(between.open(sealed, "of"), "of")
    assert again.key_id == between.key_id == "new" and after.open(again, "of") == SECRET
    with pytest.raises(NotOpened, match="key that is not here"):
        after.open(sealed, "of")


def test_two_keys_of_one_name_are_not_taken_for_each_other() -> None:
    sealed = Seals([OLD]).seal(SECRET, "of")
    with pytest.raises(NotOpened):
        Seals([SealKey("old", b"x" * 32)]).open(sealed, "of")


def test_a_lookup_is_the_same_for_the_same_key_alone_and_says_nothing() -> None:
    (old,), both = Seals([OLD]).lookups(SECRET), Seals([NEW, OLD]).lookups(SECRET)
    assert both == [*Seals([NEW]).lookups(SECRET), old]
    assert old not in Seals([OLD]).lookups(SECRET + "x") and b"canary" not in old


def test_keys_are_read_in_their_order() -> None:
    text = f"{spelled('b', b'b' * 32)}, {spelled('a', b'a' * 32)}"
    assert read_seal_keys(text) == (SealKey("b", b"b" * 32), SealKey("a", b"a" * 32))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary",
        "a:canary",
        spelled("", b"c" * 32),
        spelled("a b", b"c" * 32),
        spelled("a" * 17, b"c" * 32),
        spelled("a", b"c" * 31),
        spelled("a", b"c" * 33),
        spelled("a", b"c" * 32) + ",",
        spelled("a", b"c" * 32) + "," + spelled("a", b"d" * 32),
    ],
)
def test_keys_that_are_none_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must ") as refused:
        read_seal_keys(text)
    shown = str(refused.value)
    assert "canary" not in shown and base64.b64encode(b"c" * 31).decode()[:20] not in shown


def test_no_key_is_in_a_repr() -> None:
    key = SealKey("a", b"canary" * 5 + b"xx")
    assert "canary" not in repr(key) and "canary" not in repr([Seals([key]), (key,)])


def test_a_key_is_made_once_for_our_eyes_alone(tmp_path: Path) -> None:
    made = load_seal_keys((), tmp_path, embedded=True)
    assert made is not None and made == load_seal_keys((), tmp_path, embedded=True)
    file = tmp_path / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_seal_keys(file.read_text()) == made  # it can be given as it stands there


def test_given_keys_are_those_and_an_external_database_needs_them(tmp_path: Path) -> None:
    assert load_seal_keys([NEW], tmp_path, embedded=True) == (NEW,)
    assert load_seal_keys([NEW], tmp_path, embedded=False) == (NEW,)
    assert load_seal_keys((), tmp_path, embedded=False) is None
    assert not list(tmp_path.iterdir())


def test_a_broken_file_is_told_and_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("canary")
    with pytest.raises(BadSetting, match=r"seal\.key must hold keys") as refused:
        load_seal_keys((), tmp_path, embedded=True)
    assert "canary" not in str(refused.value)
    assert (tmp_path / FILE).read_text() == "canary"
