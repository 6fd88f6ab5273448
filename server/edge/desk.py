"""What every session of a node shares."""

from __future__ import annotations

from collections.abc import Callable

import trio

from actors.message import message
from actors.node import Node
from actors.ports import Claims, Session
from actors.rules.token_bucket import TokenBucket
from actors.supervisor import Log
from protocol.ids import UserId
from protocol.meetings import Vote
from server.edge.frame_rate import FrameRate


@message
class Desk:
    """The node and its services, as a session reaches them."""

    node: Node
    vote: Callable[[Session, Vote], None]
    verify: Callable[[str], Claims]
    new_id: Callable[[], str]
    user_bucket: Callable[[UserId], TokenBucket]
    admits_admins: Callable[[str], bool]  # whether an admin may act from that address
    nursery: trio.Nursery
    flush: Callable[[], None]
    log: Log
    now_ms: Callable[[], int]
    ping_ms: int
    frame_rate: Callable[[], FrameRate | None]  # of a new connection; None: without limit
