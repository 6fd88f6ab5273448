"""Broadcasts as their actor and its store speak of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.selection_records import Audience, PairFacts
from protocol.ids import UserId
from protocol.notices import BroadcastChange


class DueBroadcast(msgspec.Struct, frozen=True, kw_only=True):
    """One whose time has come, or that was delivered and not announced."""

    broadcast_no: int
    broadcast_id: str
    sender_no: int
    asked: int
    seed: int
    audience: Audience | None
    delivered: bool


class SenderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the selection has to know of a sender and others."""

    blocked: Sequence[int]
    """With whom he has a block, either way."""
    pairs: Sequence[PairFacts]


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told, and whom."""

    frame: BroadcastChange
    recipients: Sequence[UserId]
