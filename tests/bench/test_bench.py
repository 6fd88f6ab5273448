"""The bench as a user runs it, for a second at a time."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import faulty_relay
import pytest
import trio
from faulty_relay import Fault, Payload, once, serving

from bench.generator import Seat
from bench.madang import Measured, ServerFailed, measured_server
from bench.record import Record, read_record
from bench.workloads import Crowd

pytestmark = pytest.mark.timeout(300)  # seconds: four servers, one after another

BRIEF = ("--seconds", "1", "--warmup", "0.3")
BENCH = (sys.executable, "-m", "bench")


@pytest.fixture(autouse=True)
def _built(program: Path) -> None:
    """Skipped where nothing can compile the generator."""


def bench(folder: Path, *words: str) -> tuple[subprocess.CompletedProcess[str], Record]:
    out = folder / "result.json"
    command = [*BENCH, *words, "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert out.exists(), done.stderr
    return done, read_record(out)


def test_madang_and_the_floor_are_measured_and_lose_nothing(tmp_path: Path) -> None:
    targets = ("--targets", "madang,floor_joined", "--scale", "0.1")
    done, record = bench(tmp_path, "W1-100-16", "W2", *targets, *BRIEF)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok: nothing lost" in done.stdout and "Madang is" in done.stdout
    assert len(record.measures) == 4 and not record.skipped
    assert record.machine.database["fsync"] == "on"
    assert {each.target for each in record.measures} == {"madang", "floor_joined"}
    for each in record.measures:
        assert each.result.window.delivered > 100
        assert each.cost is not None and each.cost.server_s > 0
        assert each.memory is not None and each.memory.server_after_kib > 0
    assert any(each.cost and each.cost.database_s > 0 for each in record.runs("W2", "madang"))
    assert (tmp_path / "result.html").read_text().startswith("<!DOCTYPE html>")


def test_without_storage_the_database_stores_nothing(tmp_path: Path) -> None:
    small = ("--targets", "null", "--scale", "0.1")
    done, record = bench(tmp_path, "W2", *small, *BRIEF)
    assert done.returncode == 0, done.stdout + done.stderr
    (measure,) = record.measures
    assert measure.cost is not None and measure.cost.database_s < measure.cost.server_s / 4


def test_idle_stormy_and_mixed_loads_end_well(tmp_path: Path) -> None:
    small = ("--targets", "madang", "--scale", "0.04")
    done, record = bench(tmp_path, "W3-5000", "W4", "W6", *small, *BRIEF)
    assert done.returncode == 0, done.stdout + done.stderr
    idle, storm, day = record.measures
    assert idle.result.connect.ready == 200
    assert storm.result.connect.resumed == 200 and storm.result.mode == "storm"
    assert day.result.mixed > 50 and day.returns is not None and day.returns.resumed > 0


async def against_a_relay(folder: Path, fault: Fault) -> tuple[int, str, str]:
    words = ("W1-100-16", "--members", "3", "--dialect", "raw", "--drain", "1", *BRIEF)
    async with serving(faulty_relay.raw, fault) as port:
        url = ("--url", f"ws://127.0.0.1:{port}", "--out", str(folder / "r.json"))
        command = [*BENCH, *words, *url]
        pipes = partial(trio.run_process, capture_stdout=True, capture_stderr=True, check=False)
        with trio.fail_after(60):
            done = await pipes(command)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def test_a_run_that_lost_a_message_fails_and_says_so(tmp_path: Path) -> None:
    def nothing(_payload: Payload) -> list[Payload]:
        return []

    code, said, progress = await against_a_relay(tmp_path, once(1, 40, nothing))
    assert code == 1 and "FAIL\n  W1-100-16 url round 1: 1 lost" in said
    assert "FAIL: 1 lost" in progress
    code, said, _ = await against_a_relay(tmp_path, faulty_relay.none)
    assert code == 0 and "ok: nothing lost" in said


def test_a_madang_that_runs_already_is_measured_by_its_url(tmp_path: Path) -> None:
    with measured_server([Crowd.apart(5, 2)]) as server:
        tokens = server.data.parent / "people.jsonl"
        url = f"ws://{server.host}:{server.port}/ws"
        where = ("--url", url, "--tokens", str(tokens), "--pid", str(server.pid))
        done, record = bench(tmp_path, "W2", *where, *BRIEF)
    assert done.returncode == 0, done.stdout + done.stderr
    (measure,) = record.measures
    assert measure.result.connections == 10 and measure.cost is not None
    assert "here: 10 people in 5 rooms" in done.stdout and record.workloads[0].connections == 10


def test_a_server_that_hangs_up_on_everybody_is_not_waited_for(tmp_path: Path) -> None:
    with measured_server([Crowd.apart(1, 2)]) as server:
        where = ("--url", f"ws://{server.host}:{server.port}/ws", "--dialect", "raw")
        done, record = bench(tmp_path, "W1-100-1", *where, "--members", "3")
    assert done.returncode == 1 and "3 closed (4" in done.stdout, done.stdout
    (measure,) = record.measures
    assert measure.result.window.seconds < 6  # of 8


def test_nobody_at_home_is_a_failure(tmp_path: Path) -> None:
    where = ("--url", "ws://127.0.0.1:1", "--dialect", "raw", "--members", "3")
    done, record = bench(tmp_path, "W1-100-1", *where, *BRIEF)
    assert done.returncode == 1 and "3 failed (Connection refused)" in done.stdout
    assert record.problems()


def test_a_server_that_ends_at_once_is_one_line(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "raise SystemExit('no luck')")
    with (
        pytest.raises(ServerFailed, match="the server ended: no luck"),
        measured_server([Crowd.apart(1, 2)], command=command),
    ):
        pass


def test_a_seat_says_who_and_from_where() -> None:
    assert [str(Seat("t")), str(Seat("t", 5))] == ["t", "t@5"]
    assert Measured._fields[:3] == ("host", "port", "pid")
