"""Rows of the log as frames."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import UNSET

from actors.records import EventKind, NewEvent, StoredEvent
from actors.rules.event_frames import frame_of, how_many_fit
from protocol.events import Member, Message


def frame(**fields):
    event = {"seq": 3, "at": 5, "kind": EventKind.MESSAGE, "sender_no": 1, "countable": 2}
    return frame_of("room", StoredEvent(NewEvent(**(event | fields)), "ann"))


def test_a_message_has_only_the_fields_it_was_sent_with():
    assert frame(body="hi") == Message(
        room="room", seq=3, at=5, sender="ann", kind="text", body="hi"
    )


def test_a_message_keeps_its_targets_and_mentions():
    shown = frame(body="hi", reply_to=1, thread=2, extra='{"mentions":["bob","@all"]}')
    assert (shown.reply_to, shown.thread, shown.mentions) == (1, 2, ["bob", "@all"])


def test_extra_without_mentions_makes_none():
    assert frame(body="hi", extra='{"later": 1}').mentions is UNSET


def test_a_member_event_is_about_its_user_not_its_sender():
    says = '{"user":"bob","change":"joined","role":"member","by":"ann"}'
    assert frame(kind=EventKind.MEMBER, extra=says) == Member(
        room="room", seq=3, at=5, user="bob", change="joined", role="member", by="ann"
    )


def test_a_member_event_that_says_nothing_is_an_error_here_and_not_at_the_client():
    with pytest.raises(msgspec.DecodeError):
        frame(kind=EventKind.MEMBER)


def test_a_page_takes_what_fits_and_one_event_at_least():
    events = [frame(body="x" * 100) for _ in range(5)]
    size = len(msgspec.json.encode(events[0]))
    assert how_many_fit(events, most_bytes=size * 5) == 5
    assert how_many_fit(events, most_bytes=size * 5 - 1) == 4
    assert how_many_fit(events, most_bytes=10) == 1
    assert how_many_fit([], most_bytes=10) == 0
