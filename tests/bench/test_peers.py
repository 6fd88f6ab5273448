from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bench.peers.catalogue import ENTRIES, SOURCES
from bench.peers.install import Missing, Peer, installed
from bench.peers.processes import trees
from bench.peers.running import RunningPeer, running

PATIENCE = 10.0
BODIES = [b"\x00", bytes(range(256)), b"\xff" * 70_000]


class Member:
    """A client in a room, in the framing of the peer."""

    def __init__(self, peer: Peer, at: RunningPeer, room: str, user: str) -> None:
        self._socketio = peer.entry.dialect == "socketio"
        path = "socket.io/?EIO=4&transport=websocket&" if self._socketio else "?"
        self._opening = connect(
            f"ws://{at.host}:{at.port}/{path}room={room}&user={user}",
            compression="deflate",  # offered, to be declined
            proxy=None,
        )

    def __enter__(self) -> Member:
        self.socket = self._opening.__enter__()
        assert not self.socket.protocol.extensions
        if self._socketio:
            assert self._next()[:1] == "0"
            self.socket.send("40")
            assert self._next()[:2] == "40"
        return self

    def __exit__(self, *error: Any) -> None:
        self._opening.__exit__(*error)

    def say(self, body: bytes) -> None:
        if self._socketio:
            self.socket.send('451-["m",{"_placeholder":true,"num":0}]')
        self.socket.send(body)

    def hear(self) -> Any:
        if self._socketio:
            assert self._next() == '451-["m",{"_placeholder":true,"num":0}]'
        return self._next()

    def _next(self) -> Any:
        return self.socket.recv(timeout=PATIENCE)


@pytest.mark.parametrize("name", [entry.name for entry in ENTRIES])
def test_a_peer_relays_and_leaves_no_process_behind(name: str) -> None:
    peer = installed(name, download=False)
    if isinstance(peer, Missing):
        pytest.skip(f"{name}: {peer.reason}")
    with running(peer) as at:
        for check in CHECKS:
            with members(peer, at) as (ann, bo, cy):
                check(ann, bo, cy)
        if peer.entry.dialect == "raw":
            with members(peer, at) as (ann, bo, _):
                fragments_are_one_message_and_a_ping_is_answered(ann, bo)
        what_is_stored_is_what_the_list_says(peer, at)
        assert at.pids() == (at.pid,)
        assert bool(at.service_pids()) == bool(peer.entry.needs)
        pids = at.pids() + at.service_pids()
    assert not trees(pids)


@contextmanager
def members(peer: Peer, at: RunningPeer) -> Iterator[list[Member]]:
    """Two in one room, and one in another."""
    rooms = (("1", "a"), ("1", "b"), ("2", "c"))
    with ExitStack() as stack:
        yield [stack.enter_context(Member(peer, at, room, user)) for room, user in rooms]


def a_message_goes_unchanged_to_all_in_the_room_and_to_nobody_else(
    ann: Member, bo: Member, cy: Member
) -> None:
    for body in BODIES:
        ann.say(body)
        assert [ann.hear(), bo.hear()] == [body, body]
    bo.say(b"back")
    assert [ann.hear(), bo.hear()] == [b"back", b"back"]
    cy.say(b"alone")
    assert cy.hear() == b"alone"


def many_at_once_come_in_order(ann: Member, bo: Member, _: Member) -> None:
    sent = [b"%d" % number for number in range(200)]
    for body in sent:
        ann.say(body)
    assert [ann.hear() for _ in sent] == sent
    assert [bo.hear() for _ in sent] == sent


def who_leaves_is_no_loss_to_the_others(ann: Member, bo: Member, _: Member) -> None:
    bo.socket.close()
    ann.say(b"still here")
    assert ann.hear() == b"still here"


CHECKS = (
    a_message_goes_unchanged_to_all_in_the_room_and_to_nobody_else,
    many_at_once_come_in_order,
    who_leaves_is_no_loss_to_the_others,
)


def fragments_are_one_message_and_a_ping_is_answered(ann: Member, bo: Member) -> None:
    ann.socket.send([b"one", b"", b" message"])
    assert [ann.hear(), bo.hear()] == [b"one message", b"one message"]
    assert ann.socket.ping().wait(PATIENCE)


def what_is_stored_is_what_the_list_says(peer: Peer, at: RunningPeer) -> None:
    url = at.services.urls.get("postgres")
    assert (url is not None) == (peer.entry.stores == "every message")
    if url is not None:
        assert asyncio.run(_last(url)) == ("1", b"one message")


def test_the_floor_refuses_what_it_does_not_know() -> None:
    floor = installed("floor_each", download=False)
    if isinstance(floor, Missing):
        pytest.skip(f"floor_each: {floor.reason}")
    with (
        running(floor) as at,
        pytest.raises(InvalidStatus, match="404"),
        connect(f"ws://{at.host}:{at.port}/elsewhere", proxy=None),
    ):
        pass


def test_no_lock_says_where_packages_come_from() -> None:
    locks = [path for path in SOURCES.glob("*/*") if "lock" in path.name]
    assert len(locks) == len({e.folder for e in ENTRIES if e.tool != "cc"})
    assert not [path for path in locks if re.search("resolved|index-url|file:", _text(path))]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


async def _last(url: str) -> tuple[str, bytes]:
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow("SELECT room, body FROM messages ORDER BY id DESC LIMIT 1")
        return row["room"], row["body"]
    finally:
        await connection.close()
