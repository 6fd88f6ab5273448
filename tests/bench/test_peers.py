from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack
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


@pytest.fixture(scope="module", params=[entry.name for entry in ENTRIES])
def peer(request: pytest.FixtureRequest) -> Peer:
    found = installed(request.param, download=False)
    if isinstance(found, Missing):
        pytest.skip(f"{found.name}: {found.reason}")
    return found


@pytest.fixture(scope="module")
def at(peer: Peer) -> Iterator[RunningPeer]:
    with running(peer) as found:
        yield found
        pids = found.pids() + found.service_pids()
        assert found.pids() == (found.pid,)
        assert bool(found.service_pids()) == bool(peer.entry.needs)
    assert not trees(pids)


@pytest.fixture
def members(peer: Peer, at: RunningPeer) -> Iterator[list[Member]]:
    """Two in one room, and one in another."""
    rooms = (("1", "a"), ("1", "b"), ("2", "c"))
    with ExitStack() as stack:
        yield [stack.enter_context(Member(peer, at, room, user)) for room, user in rooms]


def test_a_message_goes_unchanged_to_all_in_the_room_and_to_nobody_else(
    members: list[Member],
) -> None:
    ann, bo, cy = members
    for body in BODIES:
        ann.say(body)
        assert [ann.hear(), bo.hear()] == [body, body]
    bo.say(b"back")
    assert [ann.hear(), bo.hear()] == [b"back", b"back"]
    cy.say(b"alone")
    assert cy.hear() == b"alone"


def test_many_at_once_come_in_order(members: list[Member]) -> None:
    ann, bo, _ = members
    sent = [b"%d" % number for number in range(200)]
    for body in sent:
        ann.say(body)
    assert [ann.hear() for _ in sent] == sent
    assert [bo.hear() for _ in sent] == sent


def test_who_leaves_is_no_loss_to_the_others(members: list[Member]) -> None:
    ann, bo, _ = members
    bo.socket.close()
    ann.say(b"still here")
    assert ann.hear() == b"still here"


def test_fragments_are_one_message_and_a_ping_is_answered(
    peer: Peer, members: list[Member]
) -> None:
    if peer.entry.dialect != "raw":
        pytest.skip(f"{peer.name} frames messages in its own way")
    ann, bo, _ = members
    ann.socket.send([b"one", b"", b" message"])
    assert [ann.hear(), bo.hear()] == [b"one message", b"one message"]
    assert ann.socket.ping().wait(PATIENCE)


def test_only_the_one_that_says_so_stores(
    peer: Peer, at: RunningPeer, members: list[Member]
) -> None:
    url = at.services.urls.get("postgres")
    assert (url is not None) == (peer.entry.stores == "every message")
    if url is not None:
        members[2].say(b"kept")
        assert members[2].hear() == b"kept"
        assert asyncio.run(_last(url)) == ("2", b"kept")


def test_the_floor_refuses_what_it_does_not_know(peer: Peer, at: RunningPeer) -> None:
    if peer.entry.folder != "floor":
        pytest.skip("only the floor has a handshake of its own")
    with (
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
