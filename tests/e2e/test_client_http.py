"""What the Python SDK asks over HTTP, of the real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from running_server import RunningServer

from protocol.client import ConnectionLost, RequestError, open_client
from protocol.client.http import Http


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "sdk-http") as running:
        yield running


async def test_a_program_makes_rooms_and_says_who_is_in_them(server: RunningServer) -> None:
    ann, bob, eve = (server.sign_up(f"{name}-rooms") for name in ("ann", "bob", "eve"))
    with trio.fail_after(30):
        async with (
            open_client(server.url, ann.token) as one,
            open_client(server.ws, bob.token, listen=False) as two,
        ):
            team = await one.create_room("뜰", [bob.id], public=True, description="여기")
            room = team.id
            assert (team.name, team.description, team.visibility) == ("뜰", "여기", "public")
            assert (await one.add_member(room, eve.username)).seq == 1
            assert (await one.change_role(room, bob.id, "admin")).seq == 2
            assert (await one.change_role(room, bob.id, "admin")).seq is None
            assert (await one.remove_member(room, eve.id)).seq == 3
            assert (await one.change_room(room, name="마당")).seq == 4
            shown = await two.show_room(room)
            assert [(each.user, each.role) for each in shown.members] == [
                (ann.id, "owner"),
                (bob.id, "admin"),
            ]
            found = await two.public_rooms("마당", limit=1)
            assert [(each.id, each.joined) for each in found["items"]] == [(room, True)]
            assert (await two.mute(room)).muted is True
            assert (await two.unmute(room)).muted is False
            assert (await two.remove_member(room, bob.id)).seq == 5
            assert (await two.join(room)).seq == 6
            assert (await one.direct_room(bob.id)).id == (await two.direct_room(ann.id)).id
            with pytest.raises(RequestError) as info:
                await two.change_role(room, ann.id, "guest")
            assert info.value.code == "forbidden"
            with pytest.raises(RequestError) as info:
                await one.add_member(room, "nobody/..%2f?x")
            assert info.value.code == "invalid" and "user" in info.value.fields
            with pytest.raises(RequestError) as info:
                await one.show_room("no/such room")
            assert info.value.code == "not_found"


async def test_a_program_reads_what_became_of_a_message(server: RunningServer) -> None:
    ann, bob = (server.sign_up(f"{name}-messages") for name in ("ann", "bob"))
    room = server.make_room(ann, bob)
    with trio.fail_after(30):
        async with open_client(server.url, ann.token, listen=False) as one:
            await one.send(room, "hi")
            await one.edit(room, 1, "ho")
            await one.react(room, 1, "👍")
            await one.pin(room, 1)
            one_message = await one.message(room, 1)
            assert (one_message.message.body, one_message.upto) == ("ho", 4)
            versions = await one.versions(room, 1)
            assert [each.body for each in versions["items"]] == ["hi", "ho"]
            assert (await one.versions(room, 1, after=1))["items"] == versions["items"][1:]
            assert [(r.emoji, r.user) for r in (await one.reactions(room, 1))["items"]] == [
                ("👍", ann.id)
            ]
            assert [each.seq for each in (await one.pins(room))["items"]] == [1]
            await one.delete(room, 1)
            assert (await one.restore(room, 1)).seq == 6


async def test_a_program_searches_what_was_said(server: RunningServer) -> None:
    ann, bob = (server.sign_up(f"{name}-searches") for name in ("ann", "bob"))
    room = server.make_room(ann, bob)
    with trio.fail_after(30):
        async with open_client(server.url, ann.token, listen=False) as one:
            for body in ("내일 회의", "그래", "회의록"):
                await one.send(room, body)
            found = await one.search("ㅎㅇ", room=room, limit=1)
            assert [(each.room, each.message.seq) for each in found["items"]] == [(room, 3)]
            assert found["items"][0].excerpt.marks == [[0, 2]]
            more = await one.search("ㅎㅇ", room=room, limit=1, after=found.next)
            assert [each.message.body for each in more["items"]] == ["내일 회의"]
            assert (await one.search(sender=bob.id))["items"] == []
            with pytest.raises(RequestError) as info:
                await one.search()
            assert info.value.code == "invalid" and "q" in info.value.fields


async def test_a_program_keeps_clear_of_somebody(server: RunningServer) -> None:
    ann, bob = (server.sign_up(f"{name}-clear") for name in ("ann", "bob"))
    room = server.make_room(ann, bob)
    with trio.fail_after(30):
        async with open_client(server.url, ann.token, listen=False) as one:
            await one.send(room, "hi")
            assert (await one.report(room, 1, "spam", "see")).note == "see"
            online = await one.room_presence(room)
            assert (online.members, [each.user for each in online.people]) == (2, [ann.id])
            assert (await one.block(bob.username)).user == bob.id
            with pytest.raises(RequestError) as info:
                await one.direct_room(bob.id)
            assert info.value.code == "blocked"
            assert [each.user for each in (await one.blocks())["items"]] == [bob.id]
            await one.unblock(bob.id)
            assert (await one.blocks())["items"] == []


async def test_a_program_finds_people_and_says_what_it_shows(server: RunningServer) -> None:
    ann, bob = (server.sign_up(f"{name}-shows") for name in ("ann", "bob"))
    room = server.make_room(ann, bob)
    with trio.fail_after(30):
        async with (
            open_client(server.url, ann.token, listen=False) as one,
            open_client(server.url, bob.token, listen=False) as two,
        ):
            found = (await one.find_people("BOB-shows", limit=1))["items"]
            assert [(each.id, each.username) for each in found] == [(bob.id, bob.username)]
            hidden = await two.change_me(region="서울", read_receipts=False, last_seen="nobody")
            assert (hidden.region, hidden.read_receipts, hidden.last_seen) == (
                "서울",
                False,
                "nobody",
            )
            assert (await two.change_me(region=None)).region is None
            assert (await two.show_me()).id == bob.id
            await one.send(room, "hi", mentions=[bob.id])
            total = await two.total_unread()
            assert (total.rooms, total.unread, total.mentions, total.threads) == (1, 1, 1, 0)
            assert (await one.change_room(room, name="뜰", description=None)).seq == 2
            with pytest.raises(RequestError) as info:
                await two.change_me(last_seen="friends")
            assert info.value.code == "invalid" and "last_seen" in info.value.fields


async def test_without_a_server_there_is_no_answer() -> None:
    with pytest.raises(ConnectionLost):
        await Http("http://127.0.0.1:9", "t", within=5).ask("GET", "r")
