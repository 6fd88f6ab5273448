"""What is noted beside the figures, and how the two null things behave."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from actors.records import Claimed, Verdict
from bench.machine import commit, cpu_model, file_system, look_around, place_for_data, versions
from bench.measuring import cost, memory
from bench.null_journal import NullJournal
from bench.pinning import Cores, our_cores, pin
from bench.results import Connected, Progress
from bench.usage import Meter, Processes, sorted_out
from protocol.ids import RoomId

MOUNTS = "/dev/a / ext4 rw 0 0\nnone /ram tmpfs rw 0 0\n/dev/b /ram/disk xfs rw 0 0\n"


def test_this_machine_is_described() -> None:
    machine = look_around(place_for_data(), Cores(0, 1), rate_limits="off")
    assert machine.cores >= len(machine.cores_allowed) >= 1 and machine.memory_gib > 0
    assert machine.cpu and machine.packages["trio"] and machine.python.startswith("CPython 3")
    assert "server on core 0, generator on core 1" in machine.pinning
    assert machine.rate_limits == "off" and "the server wherever" in str(Cores(None, 1))


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/home/x", "ext4"), ("/ram/x", "tmpfs"), ("/ram/disk/x", "xfs"), ("/ramfile", "ext4")],
)
def test_the_file_system_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    assert file_system(Path(path), MOUNTS) == kind


def test_what_cannot_be_known_is_unknown(tmp_path: Path) -> None:
    assert file_system(Path("/x"), "") == commit(tmp_path) == "unknown"
    assert cpu_model("") and versions(["no-such-package"]) == {}


def test_cpu_and_memory_of_a_process_are_read_in_each_phase() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        meter = Meter(lambda: Processes((busy.pid,), ()))
        for phase in ("connect", "run"):
            meter.look(progress(phase))
        pin([busy.pid], our_cores().server)
        while meter.last["run"].server_s < 0.05:
            meter.look(progress("run"))
        meter.look(progress("drain"))
    finally:
        busy.kill()
        busy.wait()
    spent, held = cost("open", meter), memory("open", meter)
    assert spent is not None and 0.04 < spent.server_s <= spent.seconds + 0.05
    assert held is not None and held.server_after_kib > 1000
    assert cost("hold", meter) is None
    meter.look(Connected(1, 0, 0, 1.0, 1.0))
    assert "connected" in meter.first


def progress(phase: str) -> Progress:
    return Progress(phase, 0.0, 0, 0, 0, 0, 0, 0)


def test_processes_that_ended_cost_nothing_and_an_unknown_server_has_none() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert Processes((gone.pid,), ()).usage().server_kib == 0
    assert sorted_out([os.getpid()]) == Processes((os.getpid(),), ())
    meter = Meter(lambda: None)
    meter.look(progress("run"))
    assert meter.first == {} and cost("open", meter) is None


class Remembering:
    """The parts of a journal that the null one hands on."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def append(self, batches: Sequence[object]) -> Sequence[Verdict]:
        raise AssertionError("a null journal stores nothing")

    async def claim(self, rooms: Sequence[RoomId], *, tail: int) -> Mapping[RoomId, Claimed]:
        self.asked.append(f"claim {rooms} {tail}")
        return {}

    async def probe(self) -> None:
        self.asked.append("probe")

    async def aclose(self) -> None:
        self.asked.append("aclose")


async def test_the_null_journal_stores_nothing_and_asks_for_all_else() -> None:
    real = Remembering()
    journal = NullJournal(real)
    assert await journal.append([object(), object()]) == [Verdict.STORED] * 2  # type: ignore[list-item]
    await journal.claim([RoomId("r")], tail=3)
    await journal.probe()
    await journal.aclose()
    assert real.asked == ["claim ['r'] 3", "probe", "aclose"]
