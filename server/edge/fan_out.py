"""One frame to many sessions: the innermost loop of the server."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from protocol.codec import JSON, MSGPACK
from protocol.frames import ServerFrame
from server.edge.connection import Connection
from server.edge.framing import ws_frame
from server.edge.session import ChatSession


class FanOut:
    """Offers a frame to sessions, encoded and framed once for each codec.

    Nothing is called per delivery. The bytes are counted when the socket refuses them: until the
    flush that ends this turn an outbox holds merely references to frames that all share.
    """

    def __init__(self, mark_dirty: Callable[[Connection], None]) -> None:
        self._mark_dirty = mark_dirty

    def __call__(
        self, sessions: Iterable[ChatSession], frame: ServerFrame, key: Hashable | None = None
    ) -> None:
        """With *key* it is a state frame, of which slow clients get the newest only."""
        binary = ws_frame(MSGPACK.encode(frame), text=False)
        text: bytes | None = None
        mark_dirty = self._mark_dirty
        for session in sessions:
            connection, wire = session.connection, binary
            if connection.text:
                wire = text = text or ws_frame(JSON.encode(frame), text=True)
            if key is not None:
                connection.offer_state(key, wire)
                continue
            out = connection.out
            if not out:
                mark_dirty(connection)
            out.append(wire)
