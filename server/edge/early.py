"""State frames that come while a session opens, and what of them is news after ``welcome``."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

from msgspec import UNSET

from protocol.frames import RoomSummary, ServerFrame, Unread


def news_among(
    early: Mapping[Hashable, ServerFrame], summaries: Sequence[RoomSummary]
) -> Iterator[tuple[Hashable, ServerFrame]]:
    """Those that *summaries*, which were read meanwhile, do not say already, or more newly."""
    read = {summary.id: summary for summary in summaries}
    for key, frame in early.items():
        if not isinstance(frame, Unread) or _is_news(frame, read.get(frame.room)):
            yield key, frame


def _is_news(frame: Unread, summary: RoomSummary | None) -> bool:
    """Whether *frame* is no older than *summary*, which says nothing of threads."""
    if summary is None or frame.thread is not UNSET:
        return summary is not None
    return frame.upto >= summary.read_seq and frame.last_seq >= summary.last_seq
