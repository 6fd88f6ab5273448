"""Notifications as the bench measures them, in little."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import beside, notification
from bench.madang import Folders
from bench.measuring import Bench
from bench.pinning import Cores


def test_notifications_are_measured_alone_and_beside_a_chat(
    program: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    little = {"NOTIFICATIONS": 20_000, "LOOK_S": 0.2, "PACE": 500.0, "SHOWN_LEAST": 400.0}
    for name, few in little.items():
        monkeypatch.setattr(notification, name, few)
    for name, few in {"ROUNDS": 2, "ROUND_S": 0.5, "TRIES": 1}.items():
        monkeypatch.setattr(beside, name, few)
    bench = Bench(program=program, cores=Cores(None, None))
    text = notification.measure(Folders(open_folder), 0.1, bench)
    for what in (
        "2,000 in ",
        "100 of them connected",
        "server CPU %",
        "50 rooms of 2:",
        "were due",
    ):
        assert what in text
