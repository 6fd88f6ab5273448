"""The Python SDK takes whole rooms away, of the real server."""

from __future__ import annotations

import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import trio
from breaking_way import breaking_way
from running_server import Person, RunningServer
from test_export import BODY, MESSAGES, MIB, fill

from protocol.client import Client, ConnectionLost, RequestError, open_client


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    limits = {"MADANG_RATE_PER_CONNECTION": "0", "MADANG_RATE_PER_USER": "0"}
    with RunningServer(open_folder / "sdk-export", **limits) as running:
        yield running


@pytest.fixture
def people(server: RunningServer, request: pytest.FixtureRequest) -> list[Person]:
    number = abs(hash(request.node.name)) % 10**6
    return [server.sign_up(f"{name}{number}") for name in ("ann", "bob", "cat")]


@pytest.fixture(scope="module")
def large(server: RunningServer) -> tuple[Person, Person, str]:
    """Two owners of a room of some 15 MB: more than connections hold on the way."""
    ann, bob = server.sign_up("ann-large"), server.sign_up("bob-large")
    room = server.make_room(ann, bob)
    owner = {"role": "owner"}
    server.call("PATCH", f"/api/v1/chats/rooms/{room}/members/{bob.id}", owner, token=ann.token)
    trio.run(fill, server, ann, room)
    return ann, bob, room


Then = Callable[[], Awaitable[object]]


async def nothing() -> None:
    return


async def take(client: Client, room: str, seqs: list[int], *, then: Then = nothing) -> None:
    """Note the seqs of the whole export, and do *then* after the first."""
    async with client.export(room) as events:
        async for event in events:
            seqs.append(event.seq)
            if len(seqs) == 1:
                await then()


async def code_of(client: Client, room: str) -> str:
    with pytest.raises(RequestError) as info:
        await take(client, room, [])
    return info.value.code


async def test_an_export_is_the_room_as_its_pages_say(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, _ = people
    room = server.make_room(ann, bob)
    with trio.fail_after(30):
        async with open_client(server.url, ann.token, listen=False) as one:
            async with one.export(room) as empty:
                assert [event async for event in empty] == [] and empty.head.upto == 0
            for body in ("한 줄\n두 줄", "둘", "셋"):
                await one.send(room, body)
            await one.edit(room, 1, "하나\u2028")
            await one.react(room, 1, "👍")
            await one.delete(room, 2)
            page = await one.history(room)
            async with one.export(room) as events:
                assert [event async for event in events] == page.events
                assert [event async for event in events] == [], "it has ended"
            head = events.head
            assert (head.version, head.room, head.name, head.upto) == (1, room, "room", 6)
            assert [(each.user, each.role) for each in head.members] == [
                (ann.id, "owner"),
                (bob.id, "member"),
            ]


async def test_who_may_not_have_it_is_told_at_the_opening(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, cat = people
    room = server.make_room(ann, bob)
    with trio.fail_after(30):
        async with (
            open_client(server.url, ann.token, listen=False) as one,
            open_client(server.url, bob.token, listen=False) as two,
            open_client(server.url, cat.token, listen=False) as three,
        ):
            assert await code_of(two, room) == "forbidden"
            assert await code_of(three, room) == "not_found"
            for nowhere in ("no/such room", "", "\ud800"):
                assert await code_of(one, nowhere) == "not_found"
            await two.remove_member(room, bob.id)
            assert await code_of(two, room) == "not_member"


async def test_everybody_of_a_blind_room_may_have_it_by_pseudonym(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, _ = people
    with trio.fail_after(30):
        async with (
            open_client(server.url, ann.token, listen=False) as one,
            open_client(server.url, bob.token, listen=False) as two,
        ):
            made = await one.create_matching_room([ann.id], [bob.id], blind=True)
            await one.send(made.id, "안녕")
            async with two.export(made.id) as events:
                assert [event.sender async for event in events] == [made.me]
                assert made.me in [member.user for member in events.head.members]


async def test_an_export_that_breaks_in_the_middle_is_never_taken_for_a_whole_one(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, _ = people
    room = server.make_room(ann, bob)
    request = f"GET /api/v1/chats/rooms/{room}/export ".encode()
    with trio.fail_after(60):
        async with open_client(server.url, ann.token, listen=False) as one:
            for number in range(3):
                await one.send(room, f"{number}" * 1000)
        for after in (0, 300, 1500, 2500, 3500):
            async with (
                breaking_way(server, request, after=after) as way,
                open_client(way.url, ann.token, listen=False) as one,
            ):
                seqs: list[int] = []
                with pytest.raises(ConnectionLost) as info:
                    await take(one, room, seqs)
                assert way.broken == 1 and seqs == [1, 2, 3][: len(seqs)]
                assert after < 1500 or "cut short after" in str(info.value)
                again: list[int] = []
                await take(one, room, again)
                assert again == [1, 2, 3]


async def test_a_large_room_passes_through_little_memory(
    server: RunningServer, large: tuple[Person, Person, str]
) -> None:
    ann, _, room = large
    with trio.fail_after(100):
        async with open_client(server.url, ann.token, listen=False) as one:
            tracemalloc.start()
            try:
                seqs: list[int] = []
                await take(one, room, seqs)
                _, highest = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    assert seqs == list(range(1, MESSAGES + 2)) and MESSAGES * len(BODY.encode()) > 10 * MIB
    assert highest < 2 * MIB, f"{highest / MIB:.1f} MiB"


async def test_who_stops_early_leaves_nothing_open(
    server: RunningServer, large: tuple[Person, Person, str]
) -> None:
    ann, _, room = large
    with trio.fail_after(60):
        async with open_client(server.url, ann.token, listen=False) as one:
            for _ in range(5):  # more than one user has at a time
                await _first(one, room)
            async with one.export(room) as events:
                with trio.move_on_after(0.01):
                    async for _ in events:
                        await trio.sleep(0.001)
            with pytest.raises(ZeroDivisionError):
                await _divide(one, room)


async def _divide(client: Client, room: str) -> None:
    async with client.export(room) as events:
        async for event in events:
            assert event.seq / 0


async def _first(client: Client, room: str) -> None:
    """Take two events; asked again while the server has not noticed that others were given up."""
    while True:
        try:
            async with client.export(room) as events:
                assert [(await anext(events)).seq for _ in range(2)] == [1, 2]
                return
        except RequestError as error:
            if error.code != "rate_limited":
                raise
            await trio.sleep(0.1)


async def test_who_may_not_have_it_any_more_is_told_in_the_middle(
    server: RunningServer, large: tuple[Person, Person, str]
) -> None:
    ann, bob, room = large
    seqs: list[int] = []
    with trio.fail_after(60):
        async with (
            open_client(server.url, ann.token, listen=False) as one,
            open_client(server.url, bob.token, listen=False) as two,
        ):
            demote = partial(one.change_role, room, bob.id, "member")
            with pytest.raises(RequestError) as info:
                await take(two, room, seqs, then=demote)
    assert info.value.code == "forbidden" and 0 < len(seqs) < MESSAGES


async def test_a_server_that_dies_in_the_middle_cuts_it_short(
    server: RunningServer, large: tuple[Person, Person, str]
) -> None:
    ann, _, room = large
    seqs: list[int] = []
    with trio.fail_after(60):
        async with open_client(server.url, ann.token, listen=False) as one:
            await _first(one, room)
            with pytest.raises(ConnectionLost, match="cut short after"):
                await take(one, room, seqs, then=partial(trio.to_thread.run_sync, server.kill))
    await trio.to_thread.run_sync(server.start)
    assert 0 < len(seqs) < MESSAGES
