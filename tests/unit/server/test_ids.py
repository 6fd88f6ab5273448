"""Public ids."""

from __future__ import annotations

from server.ids import ALPHABET, random_id, spell_id


def test_every_bit_of_an_id_shows() -> None:
    spelled = {spell_id(1 << bit) for bit in range(80)}
    assert len(spelled) == 80
    assert spell_id(0) == "0" * 16
    assert spell_id(2**80 - 1) == "z" * 16
    assert spell_id(33) == "0" * 14 + "11"


def test_ids_are_sixteen_characters_that_read_well_and_never_the_same() -> None:
    ids = {random_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(each) for each in ids} == {16}
    assert set("".join(ids)) == set(ALPHABET)
    assert not set("ilou") & set(ALPHABET)
