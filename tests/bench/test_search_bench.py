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


def test_a_small_search_is_measured_cold_and_warm(open_folder: Path) -> None:
    text = measure(Folders(open_folder), 0.001, ["회의"])
    for what in ("2,000 messages in 20 rooms", "10 rooms of 20: 회의", "all 20 rooms", "one room"):
        assert what in text
    assert "the indexer takes 1,000 messages" in text and "the journal stores" in text


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
