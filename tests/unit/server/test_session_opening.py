from __future__ import annotations

from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock as Clock

from actors.rules.token_bucket import TokenBucket
from protocol.codec import MSGPACK
from protocol.frames import RoomSummary, ServerFrame, Unread, Welcome
from server.edge.connection import Connection
from server.edge.desk import Desk
from server.edge.framing import measure
from server.edge.session import ChatSession


class NotedConnection:
    """Keeps what it is offered, as frames."""

    congested = False
    header_token = query_token = None

    def __init__(self) -> None:
        self.frames: list[ServerFrame] = []

    def offer(self, wire: bytes) -> None:
        header, _ = measure(wire, 0) or (0, 0)
        self.frames.append(MSGPACK.decode_server(wire[header:]))

    def offer_state(self, key: object, wire: bytes) -> None:
        self.offer(wire)

    def resume(self) -> None:
        pass


@pytest.fixture
async def opening(autojump_clock: Clock) -> ChatSession:
    desk = Desk(
        node=cast(Any, None),
        vote=cast(Any, None),
        verify=cast(Any, None),
        new_id=lambda: "s",
        user_bucket=lambda _: TokenBucket(0, 0, 0),
        admits_admins=lambda _: False,
        nursery=cast(Any, None),
        flush=lambda: None,
        log=cast(Any, None),
        now_ms=lambda: 0,
        ping_ms=1,
        frame_rate=lambda: None,
    )
    await trio.lowlevel.checkpoint()
    return ChatSession(cast(Connection, NotedConnection()), MSGPACK, desk)


def summary(room: str, read_seq: int) -> RoomSummary:
    counts = {"last_seq": 9, "read_seq": read_seq, "unread": 1, "mentions": 0}
    return RoomSummary(id=room, type="team", name="", me="a", **counts)


async def test_a_count_that_is_not_older_than_welcome_follows_it(opening: ChatSession) -> None:
    early = (
        ("older", 3, 9),
        ("same", 5, 9),
        ("newer", 6, 9),
        ("newer", 7, 9),
        ("behind", 5, 8),
        ("later", 5, 10),
        ("left", 9, 9),
    )
    for room, upto, last in early:
        count = Unread(room=room, unread=0, mentions=0, upto=upto, last_seq=last)
        opening.offer_state(("unread", room), count)
    frames = cast(NotedConnection, opening.connection).frames
    assert not frames
    opening.welcome([summary(room, 5) for room in ("older", "same", "newer", "behind", "later")])
    assert isinstance(frames[0], Welcome)
    told = [(each.room, each.upto) for each in frames[1:] if isinstance(each, Unread)]
    assert told == [("same", 5), ("newer", 7), ("later", 5)] and len(frames) == 4
