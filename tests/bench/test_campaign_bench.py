"""Campaigns as the bench measures them, in little."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import beside, campaign
from bench.madang import Folders
from bench.measuring import Bench
from bench.pinning import Cores


def test_campaigns_are_measured_alone_and_beside_a_chat(
    program: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "PEOPLE", (2_000,))
    for name, few in {"ROUNDS": 2, "ROUND_S": 0.5, "TRIES": 1}.items():
        monkeypatch.setattr(beside, name, few)
    bench = Bench(program=program, cores=Cores(None, None))
    text = campaign.measure(Folders(open_folder), 0.1, bench)
    for what in ("new rooms/s", "  200 ", "50 rooms of 2:", "p99 without: ", "ratio "):
        assert what in text
