"""One frame to many sessions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from protocol.frames import ServerFrame
from server.edge.framing import ws_frame
from server.edge.session import ChatSession


def fan_out(
    sessions: Iterable[ChatSession], frame: ServerFrame, key: Hashable | None = None
) -> None:
    """Offer *frame* to all of *sessions*, encoded and framed once for each codec."""
    wires: dict[bool, bytes] = {}
    for session in sessions:
        codec, connection = session.codec, session.connection
        wire = wires.get(codec.text)
        if wire is None:
            wire = wires[codec.text] = ws_frame(codec.encode(frame), text=codec.text)
        if key is None:
            connection.offer(wire)
        else:
            connection.offer_state(key, wire)
