"""Selections as the bench measures them, in little."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest

from bench import beside, selection
from bench.arguments import add_arguments
from bench.commands import run
from bench.madang import Folders
from bench.measuring import Bench
from bench.pinning import Cores


def test_selections_are_measured_alone_and_beside_a_chat(
    program: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, little in {"PEOPLE": (500,), "SELECTIONS": 3, "REFRESHES": 2}.items():
        monkeypatch.setattr(selection, name, little)
    for name, few in {"ROUNDS": 2, "ROUND_S": 0.5, "TRIES": 1}.items():
        monkeypatch.setattr(beside, name, few)
    bench = Bench(program=program, cores=Cores(None, None))
    text = selection.measure(Folders(open_folder), 0.1, bench)
    for what in ("rebuilt s", "  50 ", "50 rooms of 2:", "50 users:", "p99 without: ", "ratio "):
        assert what in text


@pytest.mark.parametrize("option", [("--rounds", "3"), ("--url", "ws://h:1/ws"), ("--body", "99")])
def test_options_that_change_nothing_of_selections_are_refused(
    option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    parser = ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args(["selection", *option])) == 2
    assert option[0] in capsys.readouterr().err
