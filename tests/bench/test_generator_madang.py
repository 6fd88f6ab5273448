"""The load generator against the real server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio

from bench.generator import Load, generate, write_plan
from bench.madang import Measured, measured_server, seats_of
from bench.results import Result
from bench.workloads import Crowd

FAST = partial(Load, seconds=0.5, warmup=0.1, settle_s=0.1, drain_s=10)


@pytest.fixture(scope="module")
def server() -> Iterator[Measured]:
    """Madang with 30 people in 10 rooms, each in one."""
    with measured_server([Crowd(30, 10, 3)]) as measured:
        yield measured


async def against(program: Path, server: Measured, folder: Path, **more: object) -> Result:
    write_plan(folder / "plan", seats_of(server.people))
    load = FAST(url=f"ws://{server.host}:{server.port}/ws", plan=folder / "plan")
    with trio.fail_after(60):
        return await generate(program, replace(load, **more))


async def test_madang_loses_nothing_and_resumes_all(
    program: Path, server: Measured, tmp_path: Path
) -> None:
    result = await against(program, server, tmp_path, inflight=2)
    assert result.is_sound, result.faults
    assert result.total.acked == result.total.sent > 100
    assert result.total.delivered == 3 * result.total.sent
    write_plan(tmp_path / "storm", seats_of(server.people, cursor=0))
    storm = await against(program, server, tmp_path, mode="storm", plan=tmp_path / "storm")
    assert storm.is_sound and storm.connect.resumed == storm.connect.resume.count == 30


async def test_madang_is_paced_by_the_clock_and_suffers_stopped_readers(
    program: Path, server: Measured, tmp_path: Path
) -> None:
    result = await against(program, server, tmp_path, mode="open", rate=100, stopped=5)
    assert result.is_sound, result.faults
    assert result.stopped == 5
    assert abs(result.window.sent - 100 * result.window.seconds) <= 5
    assert result.total.delivered < 3 * result.total.sent


async def test_who_is_in_several_rooms_has_one_connection(
    program: Path, server: Measured, tmp_path: Path
) -> None:
    """And a room that the server does not know is a failure of that connection."""
    rooms = dict(seats_of(server.people))
    plan = tmp_path / "plan"
    write_plan(plan, dict(list(rooms.items())[:2]) | {"nowhere": [next(iter(rooms.values()))[0]]})
    load = FAST(url=f"ws://{server.host}:{server.port}/ws", plan=plan)
    result = await generate(program, load)
    assert (result.members, result.connections) == (7, 6)
    assert result.failures == {"not a member": 1}
    assert result.faults.named() == {"failed": 1}


async def test_people_also_read_type_and_look_back(
    program: Path, server: Measured, tmp_path: Path
) -> None:
    beside = {"reads": 40, "typing": 40, "pages": 20, "statuses": 20}
    result = await against(program, server, tmp_path, mode="open", rate=100, **beside)
    assert result.is_sound, result.faults
    assert result.mixed > 40 and not result.refusals
    assert result.frames["page"] > 5 and result.frames["typing"] > 10
    assert result.last.count == result.window.sent
    assert result.last.p50_ns >= result.delivery.p50_ns
