"""The frames of what people are told outside their rooms."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from protocol.fields import Frame, IdField, Rid
from protocol.limits import SEEN_MOST


class Seen(Frame):
    """These notifications were seen: they come no more."""

    ids: Annotated[list[IdField], Meta(min_length=1, max_length=SEEN_MOST)]
    rid: Rid | None = None


class WatchJob(Frame):
    """Be shown how a campaign, or a broadcast of one's own, goes on; or (off) no longer."""

    job: IdField
    on: bool
    rid: Rid | None = None


class Progress(Frame):
    """How far a watched job is: of ``total`` people ``done`` are settled, ``failed`` of those not
    reached, or perhaps not.
    """

    job: str
    status: str
    total: int
    done: int
    failed: int


class BroadcastChange(Frame, tag="broadcast"):
    """A broadcast was received, or one's own was read or replied to.

    Who received it learns whose it is and where its recording is; its sender how many ``counts``
    there are of each status, and the ``room`` of a reply. ``waveform`` has 64 numbers to 255.
    """

    id: str
    change: Literal["received", "read", "replied"]
    at: int
    sender: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    file: str | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    waveform: list[int] | UnsetType = UNSET
    counts: dict[str, int] | UnsetType = UNSET
    room: str | UnsetType = UNSET


class Notification(Frame):
    """Something to be told, again on every connect until it is ``seen``. ``at`` is a time.

    ``loud`` on a connection that is there when it comes, where its user wants to hear of it; else
    it is left out.
    """

    id: str
    type: str
    title: str
    body: str
    data: dict[str, Any]
    priority: int
    at: int
    sender: str | UnsetType = UNSET
    loud: bool | UnsetType = UNSET


class NotificationGone(Frame):
    """These are not to be shown any more: seen elsewhere, replaced, deleted, or of somebody with
    whom there is a block now.
    """

    ids: list[str]
