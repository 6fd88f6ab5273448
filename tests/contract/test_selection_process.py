"""The process that selects: what it does when things go wrong, and when it is to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import trio
from selection_world import World, apart, asking, in_the_server, opened

from actors.ports import StoreUnavailable
from server.selection.frames import Begin, Ended, Report, framed, read_frame


async def test_who_was_killed_comes_back_and_misses_nothing(database_url: str) -> None:
    async with opened(database_url, apart) as world:
        selection: Any = world.selection
        await world.people(2)
        assert await world.chosen() == [2]
        killed = selection.pid
        os.kill(killed, signal.SIGKILL)
        await world.people(3)
        await world.comes_to([2, 3])
        assert selection.pid not in (killed, None)


async def test_those_who_wait_are_told_when_it_dies(database_url: str) -> None:
    async with opened(database_url, apart) as world:
        selection: Any = world.selection
        await world.chosen()
        os.kill(selection.pid, signal.SIGSTOP)
        results: list[object] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(noted, world, results)
            await trio.sleep(0.1)
            os.kill(selection.pid, signal.SIGKILL)
        assert results == [StoreUnavailable]


async def noted(world: World, results: list[object]) -> None:
    try:
        results.append(await world.chosen())
    except StoreUnavailable:
        results.append(StoreUnavailable)


async def test_nobody_waits_long_for_one_that_does_not_answer(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.selection.asking.WITHIN_S", 0.3)
    monkeypatch.setattr("server.selection.asking.QUEUED", 3)
    async with opened(database_url, apart) as world:
        selection: Any = world.selection
        await world.comes_to([])
        os.kill(selection.pid, signal.SIGSTOP)
        results: list[object] = []
        begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(noted, world, results)
            await trio.sleep(0.1)
            assert results == [StoreUnavailable] * 4, "more than may wait"
        assert results == [StoreUnavailable] * 8 and trio.current_time() - begun < 2
        os.kill(selection.pid, signal.SIGCONT)
        await world.people(2)
        await world.comes_to([2])


async def test_one_that_lost_its_database_ends_and_comes_back(database_url: str) -> None:
    async with opened(database_url, apart) as world:
        await world.people(2)
        assert await world.chosen() == [2]
        ended = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'madang selection' AND datname = current_database()"
        )
        assert await world.database.fetchval(ended) == 1
        await world.people(3)
        await world.comes_to([2, 3])


async def test_without_a_database_it_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.selection.asking.WITHIN_S", 0.5)
    for make in (in_the_server, apart):
        async with make("postgresql://x@/y?host=/nowhere") as selection:
            with pytest.raises(StoreUnavailable):
                await selection.select(asking())


def begun(url: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "server.selection.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdin is not None
    process.stdin.write(framed(Begin(url, "")))
    process.stdin.flush()
    return process


def test_it_ends_with_its_input_also_while_it_reads_everything(database_url: str) -> None:
    with psycopg.connect(database_url) as locking, begun(database_url) as process:
        locking.execute("LOCK TABLE users")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.stdin.close()  # type: ignore[union-attr]
        assert process.wait(10) == 0


def test_it_ends_with_an_error_and_says_why_without_the_address() -> None:
    with begun("postgresql://somebody:secret@/y?host=/nowhere") as process:
        assert process.stdout is not None
        report = read_frame(process.stdout, Report)  # type: ignore[arg-type]
        assert isinstance(report, Ended) and "/nowhere" in report.reason
        assert "secret" not in report.reason
        assert process.wait(10) == 1


async def test_no_process_is_left_whatever_it_does(database_url: str) -> None:
    async with opened(database_url, apart) as world:
        selection: Any = world.selection
        await world.chosen()
        pid = selection.pid
        await trio.sleep(1.2)  # it looks again by itself, and goes on
        assert selection.pid == pid and await world.chosen() == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_neither_its_command_line_nor_its_environment_tell_the_database(
    database_url: str,
) -> None:
    async with opened(database_url, apart) as world:
        selection: Any = world.selection
        await world.chosen()
        for told in ("cmdline", "environ"):
            text = await trio.Path(f"/proc/{selection.pid}/{told}").read_bytes()
            assert database_url.encode() not in text and b"postgresql://" not in text
        assert os.getpriority(os.PRIO_PROCESS, selection.pid) >= 5
        assert os.getsid(selection.pid) == selection.pid
