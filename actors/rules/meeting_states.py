"""The states of a meeting (specification 003, section 5.1), and what may follow what."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class MeetingStatus(StrEnum):
    """Where a meeting stands."""

    PROPOSING = "proposing"  # nobody has voted yet
    VOTING = "voting"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


_M = MeetingStatus

TRANSITIONS: Final[Mapping[MeetingStatus, tuple[MeetingStatus, ...]]] = MappingProxyType(
    {
        _M.PROPOSING: (_M.VOTING, _M.CONFIRMED, _M.CANCELLED),
        _M.VOTING: (_M.CONFIRMED, _M.CANCELLED),
        _M.CONFIRMED: (_M.VOTING, _M.CANCELLED),  # VOTING: it was opened again
        _M.CANCELLED: (_M.VOTING,),
    }
)
"""What a meeting of each state may become."""

OPEN: Final = frozenset((_M.PROPOSING, _M.VOTING))
"""Votes and options are taken."""


def may(before: MeetingStatus, after: MeetingStatus) -> bool:
    """Whether a meeting may go from *before* to *after*.

    >>> may(MeetingStatus.VOTING, MeetingStatus.CONFIRMED)
    True
    >>> may(MeetingStatus.CANCELLED, MeetingStatus.CONFIRMED)
    False
    """
    return after in TRANSITIONS[before]
