"""Stopping gracefully: every accepted send is answered, every client told when to come back."""

from __future__ import annotations

import random
from typing import Protocol

import trio

from actors.node import Node
from protocol.close import CloseCode
from protocol.frames import Goodbye
from server.edge.connection import Connection
from server.edge.door import Door
from server.edge.framing import ws_frame
from server.edge.hub import Hub
from server.edge.session import ChatSession
from server.files.intake import Intake

FILES_WITHIN_S = 2.5  # whole uploads become files; then they are resumed, or begun anew
HTTP_WITHIN_S = 3.2
QUIET_WITHIN_S = 1.0
ALL_WITHIN_S = 4.2  # with the database's own stop, Ctrl-C has ended everything in five seconds
CLOSE_WITHIN_S = 0.5  # left for the closing handshakes where all else took that long
LOOK_EVERY_S = 0.01
SPREAD_MS = 3_000  # reconnects of all clients are spread over this long


class Drained(Protocol):
    """What has begun something outside."""

    async def drain(self) -> None:
        """Begin nothing more, and finish what was begun with."""


async def drain(node: Node, hub: Hub, door: Door, intake: Intake, *others: Drained) -> None:
    """Take no more, let what was taken end, close every connection with 1001.

    HTTP comes first: what a request asks of the node is answered while the node still runs. But
    nobody's goodbye waits for a request that does not end, nor for *others*, which may finish what
    they have begun with.
    """
    async with trio.open_nursery() as nursery:
        for each in others:
            nursery.start_soon(each.drain)
        await _close(node, hub, door, intake)


async def _close(node: Node, hub: Hub, door: Door, intake: Intake) -> None:
    by = trio.current_time() + ALL_WITHIN_S
    intake.stop(trio.current_time() + FILES_WITHIN_S)
    door.stop()
    for session in node.sessions:
        if isinstance(session, ChatSession):
            session.connection.pause()
    with trio.move_on_after(HTTP_WITHIN_S):
        await door.finished()
    with trio.move_on_after(QUIET_WITHIN_S):
        while not node.quiet():  # noqa: ASYNC110 - a few looks, once in the life of a node
            await trio.sleep(LOOK_EVERY_S)
    hub.flush()
    left = by - trio.current_time()
    await hub.stop(CloseCode.GOING_AWAY, _goodbye, within=max(left, CLOSE_WITHIN_S))
    with trio.move_on_after(CLOSE_WITHIN_S):
        await node.store_seen()


def _goodbye(connection: Connection) -> bytes | None:
    handler = connection.handler
    if not isinstance(handler, ChatSession):
        return None
    frame = Goodbye(
        code=CloseCode.GOING_AWAY.value,
        reason="the server is going away",
        reconnect_after_ms=random.randrange(SPREAD_MS),  # noqa: S311 - a spread, no secret
    )
    return ws_frame(handler.codec.encode(frame), text=connection.text)
