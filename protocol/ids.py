"""Names for the identifiers that cross the wire. All are opaque strings but ``Seq``."""

from __future__ import annotations

from typing import NewType

UserId = NewType("UserId", str)
RoomId = NewType("RoomId", str)
SessionId = NewType("SessionId", str)
Seq = NewType("Seq", int)
"""A room's dense event number: 1, 2, 3, … without a hole."""
Millis = NewType("Millis", int)
"""Milliseconds since the Unix epoch, UTC."""
