"""What bots show of a notification, and how long they know what they showed."""

from __future__ import annotations

import pytest

from protocol.ids import Millis
from server.inbound import MESSAGE_SHOWN, one_line
from server.shown_lists import KEPT_MS, ShownList, ShownLists

NOW = Millis(1_717_210_800_000)


@pytest.mark.parametrize("before", ["", "a" * 100 + "@example.com "])
def test_no_number_is_shown_by_halves(before: str) -> None:
    """Not where an address before it has become short, either."""
    for length in range(20):
        text = f"{before}{'x' * length} 010-1234-5678 and so on" + " more" * 100
        line = one_line(text, MESSAGE_SHOWN)
        assert "***-****-****" in line and "010" not in line
        assert len(line) <= MESSAGE_SHOWN and line.endswith("…")


def test_numbers_stand_for_a_list_for_a_while() -> None:
    lists = ShownLists()
    lists.put("ann", ShownList(NOW, ["n1", "n2"]))
    last = Millis(NOW + KEPT_MS - 1)
    assert [lists.found("ann", each, now=last) for each in ("0", "1", "2", "3")] == [
        None, "n1", "n2", None
    ]  # fmt: skip
    assert lists.found("ann", "1", now=Millis(NOW + KEPT_MS)) is None
    assert lists.found("bob", "1", now=NOW) is None
    assert lists.found("ann", "0123456789abcdef", now=last) == "0123456789abcdef"


def test_so_many_lists_are_kept_the_latest() -> None:
    lists = ShownLists(most=2)
    for who in ("ann", "bob", "ann", "eve"):
        lists.put(who, ShownList(NOW, [who]))
    assert [lists.found(who, "1", now=NOW) for who in ("ann", "bob", "eve")] == ["ann", None, "eve"]
