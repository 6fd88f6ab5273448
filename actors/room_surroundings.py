"""What a room reaches beside its own state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from actors.audience import Audience
from actors.batcher import Batcher
from actors.blocks import RecentBlocks
from actors.journal import GroupCommit
from actors.message import message
from actors.ports import FanOut, Session, WallClock
from actors.records import (
    Attached,
    Count,
    CountKey,
    FilesKey,
    MarkKey,
    Sent,
    SentKey,
    Target,
    ThreadCount,
    ThreadKey,
    Withdrawn,
)
from actors.sessions import Sessions
from protocol.ids import RoomId, UserId


@message
class Questions:
    """What a room may ask of the log, many rooms at a time."""

    sent: Batcher[SentKey, Sent]
    targets: Batcher[tuple[int, int], Target]
    marks: Batcher[MarkKey, bool]
    kinds: Batcher[tuple[int, int], Mapping[str, int]]
    bodies: Batcher[tuple[int, int], str]
    withdrawn: Batcher[tuple[int, int], Withdrawn]
    counts: Batcher[CountKey, Count]
    thread_counts: Batcher[ThreadKey, ThreadCount]
    participants: Batcher[tuple[int, int], Sequence[int]]
    former: Batcher[tuple[int, int], bool]
    files: Batcher[FilesKey, Sequence[Attached]]


@message
class Surroundings:
    """Everything a room reaches beside its own state."""

    journal: GroupCommit
    questions: Questions
    sessions: Sessions
    audience: Callable[[RoomId], Audience]
    fan_out: FanOut
    replay: Callable[[Session, RoomId, int], None]  # from that seq on, then live
    moved: Callable[[UserId, RoomId, bool], None]  # somebody is in (True) or out of this room
    clock: WallClock
    recent_blocks: RecentBlocks
    after: Callable[[float, Callable[[], None]], object]  # call in so many seconds
