"""The load generator against servers that are right, and against servers that are not."""

from __future__ import annotations

import os
import subprocess
import time
from functools import partial
from pathlib import Path
from random import Random

import babbler
import faulty_relay
import msgspec
import pytest
import slow_drip
import trio
from faulty_relay import Fault, Payload, once, serving, swapped

from bench.generator import GeneratorFailed, Load, Seat, generate, self_test, write_plan
from bench.load.build import CannotBuild, build
from bench.results import Connected, Histogram, Progress, Result, merged

FAST = partial(Load, body=64, seconds=0.5, warmup=0.1, settle_s=0.1, drain_s=1.0)
VICTIM = 1  # not the first member, who sends


async def relayed(
    program: Path, dialect: str = "raw", fault: Fault = faulty_relay.none, **more: object
) -> Result:
    """One sender to three members."""
    async with serving(getattr(faulty_relay, dialect), fault) as port:
        place = {"url": f"ws://127.0.0.1:{port}/", "dialect": dialect, "rooms": 1, "members": 3}
        with trio.fail_after(30):
            return await generate(program, FAST(**place | {"senders": "one", "inflight": 4} | more))


async def planned(
    program: Path, folder: Path, handler: faulty_relay.Handler, fault: Fault = faulty_relay.none
) -> Result:
    """The same in the dialect of the protocol."""
    write_plan(folder / "plan", {"r": [Seat(str(number)) for number in range(3)]})
    async with serving(handler, fault) as port:
        load = FAST(
            url=f"ws://127.0.0.1:{port}/ws", plan=folder / "plan", senders="one", inflight=4
        )
        with trio.fail_after(30):
            return await generate(program, load)


@pytest.mark.parametrize("dialect", ["raw", "socketio"])
@pytest.mark.parametrize("senders", ["one", "all"])
async def test_a_good_relay_has_no_faults(program: Path, dialect: str, senders: str) -> None:
    result = await relayed(program, dialect, senders=senders)
    assert result.is_sound and result.total.sent > 50
    assert result.total.delivered == 3 * result.total.sent
    assert 0 < result.window.delivered <= result.total.delivered
    assert 0 < result.delivery.count == sum(count for _, count in result.delivery.buckets)
    assert result.connect.ready == result.connections == 3


async def test_many_rooms_stay_apart(program: Path) -> None:
    result = await relayed(program, rooms=5, senders="all", inflight=2)
    assert result.is_sound and result.members == 15
    assert result.total.delivered == 3 * result.total.sent


def doubled(payload: Payload) -> list[Payload]:
    return [payload, payload]


def lost(_payload: Payload) -> list[Payload]:
    return []


def altered(payload: Payload) -> list[Payload]:
    assert isinstance(payload, bytes)
    return [payload[:-1] + b"#"]


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (once(VICTIM, 40, lost), {"lost": 1}),
        (once(VICTIM, 40, doubled), {"duplicated": 1}),
        (swapped(VICTIM, 40), {"reordered": 1}),
        (once(VICTIM, 40, altered), {"foreign": 1, "lost": 1}),
    ],
    ids=["lost", "doubled", "swapped", "altered"],
)
async def test_one_fault_of_a_relay_is_found(
    program: Path, fault: Fault, named: dict[str, int]
) -> None:
    assert (await relayed(program, fault=fault)).faults.named() == named


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (faulty_relay.none, {}),
        (once(VICTIM, 40, lost), {"lost": 1}),
        (once(VICTIM, 40, doubled), {"duplicated": 1}),
        (swapped(VICTIM, 40), {"reordered": 1}),
        (once(VICTIM, 40, altered), {"foreign": 1}),
    ],
    ids=["none", "lost", "doubled", "swapped", "altered"],
)
async def test_one_fault_of_a_numbering_server_is_found(
    program: Path, tmp_path: Path, fault: Fault, named: dict[str, int]
) -> None:
    result = await planned(program, tmp_path, faulty_relay.madang, fault)
    assert result.faults.named() == named
    assert 0 < result.ack.count < result.total.acked == result.total.sent


async def test_an_acknowledged_message_that_nobody_got_is_lost_to_all(
    program: Path, tmp_path: Path
) -> None:
    def fault(_member: int, number: int, payload: Payload) -> list[Payload]:
        return [] if number == 40 else [payload]

    result = await planned(program, tmp_path, faulty_relay.madang, fault)
    assert result.faults.named() == {"lost": 3}


async def test_two_orders_in_one_room_are_a_mismatch(program: Path, tmp_path: Path) -> None:
    """Each seq once and in order for everybody, but two bodies changed places for one member."""
    bodies: list[bytes] = []

    def fault(member: int, number: int, payload: Payload) -> list[Payload]:
        assert isinstance(payload, bytes)
        if number in {40, 41}:
            bodies.append(payload[-64:])
        if (member, number) == (VICTIM, 40):
            return []
        if (member, number) == (VICTIM, 41):
            first, second = bodies[0], payload[-64:]
            head = payload[:-64]
            return [head.replace(b"\xa3seq\x29", b"\xa3seq\x28") + second, head + first]
        return [payload]

    result = await planned(program, tmp_path, faulty_relay.madang, fault)
    # 2 where the others are read first, else each of theirs differs from the victim's.
    assert result.faults.mismatched >= 2 and result.faults.lost == 0


def failing(with_: str) -> faulty_relay.Handler:
    return partial(faulty_relay.madang, fails_at=10, with_=with_)


async def test_a_second_ack_is_a_duplicate(program: Path, tmp_path: Path) -> None:
    result = await planned(program, tmp_path, failing("two acks"))
    assert result.faults.named() == {"duplicated": 1}


async def test_two_sends_numbered_in_swapped_order_are_reordered(
    program: Path, tmp_path: Path
) -> None:
    """Seqs, bodies and acks agree for everybody; only the order he sent them in is not kept."""
    result = await planned(program, tmp_path, failing("swapped"))
    assert result.faults.named() == {"reordered": 1}
    assert result.total.acked == result.total.sent > 11
    assert result.total.delivered == 3 * result.total.sent


async def test_refusals_are_counted_and_sending_goes_on(program: Path, tmp_path: Path) -> None:
    result = await planned(program, tmp_path, failing("refusal"))
    assert result.is_sound and result.refusals == {"unavailable": 1}
    assert result.total.sent == result.total.acked + 1 > 11


async def test_a_close_is_counted_by_its_code(program: Path, tmp_path: Path) -> None:
    result = await planned(program, tmp_path, failing("close"))
    assert result.closes == {"4008": 1} and result.faults.closed == 1


async def test_a_stream_in_small_pieces_is_read(program: Path) -> None:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(
            partial(trio.serve_tcp, slow_drip.serve, 0, host="127.0.0.1")
        )
        port = listeners[0].socket.getsockname()[1]
        load = FAST(url=f"ws://127.0.0.1:{port}/", dialect="raw", rooms=3, members=1)
        result = await generate(program, load)
        nursery.cancel_scope.cancel()
    assert result.is_sound and result.total.delivered == result.total.sent > 10


@pytest.mark.parametrize("mode", ["closed", "storm"])
async def test_nothing_a_server_says_ends_the_program(
    program: Path, tmp_path: Path, mode: str
) -> None:
    write_plan(tmp_path / "plan", {"r": [Seat(str(number)) for number in range(50)]})
    async with trio.open_nursery() as nursery:
        serve = partial(babbler.serve, Random(7))  # noqa: S311 - the same babble each time
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        load = FAST(url=f"ws://127.0.0.1:{port}/ws", plan=tmp_path / "plan", mode=mode, body=32)
        with trio.fail_after(30):
            result = await generate(program, load)
        nursery.cancel_scope.cancel()
    assert result.connections == 50 and result.faults.bad_frames > 50


async def test_open_load_keeps_its_rate_and_counts_a_stall(program: Path) -> None:
    """The server stalls for 0.3 s: the messages that were due meanwhile count as that late."""
    stalled = []

    def fault(member: int, number: int, payload: Payload) -> list[Payload]:
        if member == 0 and number == 60 and not stalled:
            stalled.append(number)
            time.sleep(0.3)
        return [payload]

    result = await relayed(program, fault=fault, mode="open", rate=200, seconds=1.0)
    assert result.is_sound and 180 <= result.window.sent <= 220
    assert result.delivery.max_ns > 250_000_000
    assert result.delivery.percentile(80) > 50_000_000


async def test_progress_is_told_and_nobody_at_home_is_a_failure_of_all(program: Path) -> None:
    told: list[Progress | Connected] = []
    async with serving(faulty_relay.raw) as port:
        url = f"ws://127.0.0.1:{port}/"
        load = FAST(url=url, dialect="raw", mode="hold", rooms=2, members=2)
        result = await generate(
            program, load, cores={min(os.sched_getaffinity(0))}, tell=told.append
        )
    assert result.is_sound and result.connect.ready == 4 and result.connect.per_s > 0
    assert [line.ready for line in told if isinstance(line, Connected)] == [4]
    assert any(isinstance(line, Progress) for line in told)
    result = await generate(program, load)
    assert result.failures == {"Connection refused": 4} and result.faults.failed == 4


async def test_a_wrong_command_line_is_one_line(program: Path, tmp_path: Path) -> None:
    with pytest.raises(GeneratorFailed, match="either --plan, or --rooms and --members"):
        await generate(program, Load(url="ws://127.0.0.1:1/"))
    missing = Load(url="ws://127.0.0.1:1/", plan=tmp_path / "none")
    with pytest.raises(GeneratorFailed, match="No such file"):
        await generate(program, missing)


async def test_reading_is_faster_than_any_server(program: Path) -> None:
    result = await self_test(program, seconds=0.5)
    assert result.good and result.per_cpu_s > 1_000_000  # 8,000,000 on a core of its own


def test_a_histogram_is_right_to_a_hundredth(program: Path) -> None:
    values = sorted(int(1.07**n) + n for n in range(370))
    lines = "".join(f"{value}\n" for value in values)
    out = subprocess.run(
        [program, "--histogram"], input=lines.encode(), capture_output=True, check=True
    )
    histogram = msgspec.json.decode(out.stdout, type=Histogram)
    assert histogram.count == len(values) and histogram.max_ns == values[-1]
    for percent in (1, 50, 90, 99):
        true = values[-(-len(values) * percent // 100) - 1]
        assert true <= histogram.percentile(percent) <= true * 1.01
    assert histogram.p99_ns == histogram.percentile(99)
    assert merged([histogram, histogram]).p99_ns == histogram.p99_ns


def test_a_build_is_kept_and_a_machine_without_compiler_gets_one_line(
    program: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = program.stat().st_mtime_ns
    assert build(program.parent) == program and program.stat().st_mtime_ns == made
    monkeypatch.setattr("bench.load.build.COMPILERS", ())
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(CannotBuild, match=r"^no C compiler: .*$"):
        build(tmp_path)
