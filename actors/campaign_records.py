"""Campaigns as their actor and their store speak of them (specification 002)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from actors.message_records import Outcome, OutgoingMessage
from actors.rules.campaign_states import JobStatus
from protocol.ids import Millis, RoomId, UserId

Channel = Literal["in_app", "http"]
"""``in_app``: a message of the service's account in a room of the recipient and the service;
``http``: through the provider of messages.
"""


class Counts(NamedTuple):
    """What became of the recipients that are in the ledger."""

    total: int
    """Of them; while the audience is being read, the estimate of it."""
    success: int
    """Sent, delivered or read."""
    failure: int
    unknown: int
    skipped: int

    @property
    def done(self) -> int:
        """Those with whom nothing more will be done."""
        return self.success + self.failure + self.unknown + self.skipped


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign, as it is leased."""

    job_no: int
    job_id: str
    status: JobStatus
    channel: Channel
    priority: int
    """1 to 4, the highest."""
    is_ramped: bool
    """To 1 % first, then to 10 %, then to all."""
    lease: int
    """The fencing token: another is raised by each node that takes the job."""
    is_read: bool
    """Its whole audience is in the ledger."""
    counts: Counts
    start_at: Millis
    root_id: str
    """Of the first job, where this one sends again to those whom others failed to reach."""


class Page(NamedTuple):
    """Some more recipients, who are in the ledger now, queued."""

    user_nos: Sequence[int]
    is_last: bool


class Arrived(NamedTuple):
    """One who got his message while he is connected here."""

    user: UserId
    room: RoomId
    is_new: bool
    """The room was made for it."""


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch in the app."""

    delivered: int
    skipped: Mapping[str, int]
    """How many by reason."""
    deferred: int
    """They wait for the end of their night."""
    live: Sequence[Arrived]


class Ready(NamedTuple):
    """One who is to be sent to now: he is leased until then, and unknown afterwards."""

    user_no: int
    message: OutgoingMessage
    attempt: int = 1
    """Which one this is: 1, the first."""
    in_doubt: bool = False
    """An earlier one may have been taken."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that a worker begins with."""

    ready: Sequence[Ready]
    skipped: Mapping[str, int]
    deferred: int


class Result(NamedTuple):
    """What came of one attempt. *again_at*: when to try once more, for an outcome ``again`` that is
    not the last of its recipient; else he has failed with the outcome's reason.
    """

    user_no: int
    outcome: Outcome
    again_at: Millis | None
