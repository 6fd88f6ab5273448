"""The search as the bench measures it, in little."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest

from bench.arguments import add_arguments
from bench.commands import run
from bench.madang import Folders
from bench.search import measure
from bench.search_load import PLANTED, Shape, messages
from bench.search_truth import Truth, Untrue, check
from protocol.events import Message
from protocol.ids import Millis
from server.postgres.searching import Page, Sought


def test_a_small_search_is_measured_cold_and_warm(open_folder: Path) -> None:
    text = measure(Folders(open_folder), 0.001, ["회의", "ㅎㅇ"])
    for what in ("2,000 messages in 20 rooms", "10 rooms of 20: 회의", "all 20 rooms", "one room"):
        assert what in text
    rows = [messages(*shape) for shape in ((Shape(1, 20, 2_000), 0), (Shape(21, 1, 2_000), 1))]
    said = sum("회의" in row[-1] for row in rows[0])
    assert f"{said} of {said} in " in text
    assert "the indexer takes 1,000 messages" in text and "the journal stores" in text


async def test_a_search_that_finds_something_else_is_told() -> None:
    truth = Truth(["회의"])
    for _ in truth.noting([(1, 1, 1, 1, 1, 5, "c1", 1, "회의"), (1, 2, 1, 1, 2, 6, "c2", 2, "말")]):
        pass

    class Finds:
        def __init__(self, *seqs: int) -> None:
            self.seqs = seqs

        async def search(self, user_no: int, sought: Sought) -> Page:
            return Page([message(seq) for seq in self.seqs], None)

    told = truth.of("회의", [1])
    assert await check(Finds(1), 1, "회의", told) == (1, 1, 1)  # type: ignore[arg-type]
    for wrong in (Finds(), Finds(2), Finds(1, 1)):
        with pytest.raises(Untrue):
            await check(wrong, 1, "회의", told)  # type: ignore[arg-type]


def message(seq: int) -> Message:
    return Message(room="room1", seq=seq, at=Millis(4 + seq), sender="u", kind="text", body="회의")


def test_words_are_planted_as_often_as_is_said() -> None:
    bodies = [row[-1] for row in messages(Shape(1, 7, 50_000), 1)]
    for word, every in PLANTED.items():
        count = sum(word in body for body in bodies)
        assert abs(count - 50_000 / every) <= 5 * (50_000 / every) ** 0.5 + 1


@pytest.mark.parametrize("option", [("--rounds", "3"), ("--url", "ws://h:1/ws"), ("--body", "99")])
def test_options_that_change_nothing_of_the_search_are_refused(
    option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    parser = ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args(["search", *option])) == 2
    assert option[0] in capsys.readouterr().err
