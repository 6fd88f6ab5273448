"""What the edge allows one client, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.limits import MAX_FRAME, OUTBOX_BYTES, PING_MS, PINGS_A_SECOND, PINGS_MOST

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeLimits:
    """Values only: bytes as on the wire, seconds unless the name says otherwise."""

    max_frame: int = MAX_FRAME
    outbox_cap: int = OUTBOX_BYTES
    backlog_cap: int = 256 * MIB  # what all blocked connections of a node may hold together
    ping_ms: int = PING_MS
    pings: int = PINGS_A_SECOND  # answered
    most_pings: int = PINGS_MOST  # or pongs, in a second
    opening_deadline: float = 5.0
    frame_deadline: float = 30.0  # from the first byte of a message to its last
    write_deadline: float = 30.0  # a peer that takes nothing for so long is cut off
    close_deadline: float = 5.0  # for the peer's half of a closing handshake
    max_head: int = 16 * KIB
    body_deadline: float = 60.0  # so long a request's body is waited for, and by what comes
    body_rate: float = 16 * KIB  # bytes earn another second
    chunks: int = 256  # of a request's body, however small; each costs the server as much
    chunk_size: int = 512  # bytes earn another
    idle_deadline: float = 5.0  # between two requests of a connection
    finish_deadline: float = 3.0  # for requests at hand when the door stops
    stop_deadline: float = 4.0  # for the peers' half of all closing handshakes at the end
    max_door: int = 4_096  # sockets that are opening or speak HTTP
    max_strangers: int = 20_000  # sockets of the hub whose user is not known yet
    max_connections: int = 100_000  # sockets of the hub
    send_buffer: int = 128 * KIB

    @property
    def low_water(self) -> int:
        """Bytes waiting, above which a connection is congested."""
        return self.outbox_cap // 2
