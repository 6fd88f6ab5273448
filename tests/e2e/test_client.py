"""The Python SDK against the real server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from running_server import Person, RunningServer

from protocol.client import Client, ClientClosed, Record, RequestError, open_client
from protocol.close import CloseCode


def chat(server: RunningServer) -> tuple[Person, Person, str]:
    ann, bob = server.sign_up("ann"), server.sign_up("bob")
    return ann, bob, server.make_room(ann, bob)


async def test_two_clients_chat_and_see_the_same(open_folder: Path) -> None:
    with RunningServer(open_folder / "sdk") as server:
        ann, bob, room = chat(server)
        with trio.fail_after(30):
            async with (
                open_client(server.url, ann.token) as one,
                open_client(server.ws, bob.token, device="phone") as two,
            ):
                assert (one.user, two.user) == (ann.id, bob.id)
                first = await one.send(room, "안녕", id="mine")
                again = await one.send(room, "안녕", id="mine")
                assert (first.seq, first.dup, again.seq, again.dup) == (1, False, 1, True)
                await two.send(room, "반가워", reply_to=1)
                seen = [await take(client, "message", 2) for client in (one, two)]
                assert [m.body for m in seen[0]] == [m.body for m in seen[1]] == ["안녕", "반가워"]
                await one.read(room, 2)
                assert (await take(two, "receipt", 1))[0].upto == 2
                await two.watch([ann.id])
                assert (await take(two, "presence", 1))[0].state == "online"
                page = await one.history(room, before=2)
                assert [event.seq for event in page.events] == [1] and not page.more
                with pytest.raises(RequestError) as info:
                    await one.read(room, 99)
                assert info.value.code == "invalid" and "seq" in info.value.fields
                assert await one.ping() > 0


async def test_a_mark_and_a_thread_are_the_same_on_all_devices(open_folder: Path) -> None:
    with RunningServer(open_folder / "sdk-unread") as server:
        ann, bob, room = chat(server)
        mark = f"/api/v1/chats/rooms/{room}/unread"
        with trio.fail_after(30):
            async with (
                open_client(server.url, ann.token, listen=False) as laptop,
                open_client(server.url, ann.token) as phone,
                open_client(server.url, bob.token, listen=False) as two,
            ):
                for number in range(3):
                    await two.send(room, f"{number}", mentions=[ann.id] if number == 1 else None)
                await laptop.read(room, 3)
                await laptop.mark_unread(room, 2)
                last = await newest(phone, lambda unread: unread.marked == 2)
                assert (last.unread, last.mentions, last.upto, last.marked) == (2, 1, 3, 2)
                assert (phone.rooms[room].unread, phone.rooms[room].marked) == (2, 2)
                fresh = server.call("GET", "/api/v1/chats/rooms", token=ann.token)["items"][0]
                assert (fresh["unread"], fresh["mentions"], fresh["marked"]) == (2, 1, 2)
                server.call("DELETE", mark, token=ann.token)
                await newest(phone, lambda unread: unread.marked is None)
                server.call("PUT", mark, {"seq": 1}, token=ann.token)
                await laptop.send(room, "mine", thread=1)
                await two.send(room, "in the thread", thread=1)
                await laptop.read(room, 5, thread=1)
                thread = await newest(phone, lambda unread: unread.thread == 1)
                assert (thread.unread, thread.upto) == (0, 5)
                assert (phone.rooms[room].unread, phone.rooms[room].marked) == (0, None)
                assert laptop.rooms[room].read_seq == 4, "the thread's cursor is not the room's"
                (found,) = (await laptop.threads(room, mine=True))["items"]
                assert (found.root.seq, found.unread, found.read_seq) == (1, 0, 5)
                readers = (await two.readers(room, 3)).readers
                assert [(reader.user, reader.at > 0) for reader in readers] == [(ann.id, True)]


async def take(client: Client, kind: str, count: int) -> list[Record]:
    found: list[Record] = []
    async for event in client:
        if event.t == kind:
            found.append(event)
            if len(found) == count:
                return found
    raise AssertionError("the stream ended")


async def newest(client: Client, is_meant: Callable[[Record], bool]) -> Record:
    """The `unread` that is meant: of those before it a later one may have taken the place."""
    async for event in client:
        if event.t == "unread" and is_meant(event):
            return event
    raise AssertionError("the stream ended")


async def test_a_killed_server_costs_a_pause_and_nothing_else(open_folder: Path) -> None:
    total = 400
    with RunningServer(open_folder / "sdk-killed") as server:
        ann, bob, room = chat(server)
        acks: list[int] = []

        async def say(client: object, number: int) -> None:
            ack = await client.send(room, str(number), id=str(number))  # type: ignore[attr-defined]
            acks.append(ack.seq)
            if len(acks) == 20:
                killing = threading.Thread(target=lambda: (server.kill(), server.start()))
                killing.start()

        with trio.fail_after(60):
            async with (
                open_client(server.url, ann.token, listen=False) as sender,
                open_client(server.url, bob.token) as reader,
            ):
                async with trio.open_nursery() as nursery:
                    for number in range(total):
                        nursery.start_soon(say, sender, number)
                seen = await take(reader, "message", total)
        assert sorted(acks) == [event.seq for event in seen] == list(range(1, total + 1))


async def test_a_bad_token_ends_the_client_with_its_code(open_folder: Path) -> None:
    with RunningServer(open_folder / "sdk-token") as server:
        with trio.fail_after(20), pytest.raises(ClientClosed) as info:
            async with open_client(server.url, "nonsense"):
                pass
        assert info.value.code == CloseCode.UNAUTHENTICATED


async def test_leaving_while_the_server_is_away_does_not_hang(open_folder: Path) -> None:
    with RunningServer(open_folder / "sdk-away") as server:
        ann, _, room = chat(server)
        with trio.fail_after(20):
            async with open_client(server.url, ann.token) as client:
                server.stop()
                with trio.move_on_after(1) as waited:
                    await client.send(room, "nobody is there")
                assert waited.cancelled_caught
