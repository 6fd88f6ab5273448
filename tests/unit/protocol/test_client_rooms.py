from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protocol.client.backoff import MOST_S, STEADY_S, TURN_MOST_S, Backoff, may_reconnect
from protocol.client.record import Record
from protocol.client.rooms import Rooms
from protocol.close import CloseCode


def rooms_with(**fields: Any) -> Rooms:
    rooms = Rooms()
    start = {"id": "r", "me": "me", "last_seq": 0, "read_seq": 0, "unread": 0, "mentions": 0}
    rooms.welcome([Record(start | fields)])
    return rooms


def message(seq: int, sender: str = "you", **more: Any) -> Record:
    return Record(
        {"t": "message", "room": "r", "seq": seq, "sender": sender, "kind": "text"} | more
    )


def counts(rooms: Rooms) -> tuple[int, int, int, int]:
    room = rooms["r"]
    return room.last_seq, room.read_seq, room.unread, room.mentions


YES_OR_NO: st.SearchStrategy[bool] = st.booleans()
POSTS = st.lists(
    st.tuples(
        st.sampled_from(["me", "you"]),
        st.sampled_from(["text", "system"]),
        st.sampled_from([None, 1]),
        st.sampled_from([None, ["me"], ["@all"], ["you"]]),
    ),
    max_size=12,
)


def truth(log: list[Record], cursor: int) -> tuple[int, int, int, int]:
    above = [m for m in log if m.seq > cursor and m.sender != "me"]
    unread = sum(m.kind != "system" and m.thread is None for m in above)
    return len(log), cursor, unread, sum(m.mentions in (["me"], ["@all"]) for m in above)


@given(POSTS, st.data())
def test_the_counts_are_those_of_a_fresh_summary_however_late_the_server_counts(
    posts: list[tuple[str, str, int | None, list[str] | None]], data: st.DataObject
) -> None:
    log = [
        message(seq, sender, kind=kind, thread=thread, mentions=mentions)
        for seq, (sender, kind, thread, mentions) in enumerate(posts, 1)
    ]
    rooms, cursor = rooms_with(), 0
    late: Record | None = None
    for number, event in enumerate(log, 1):
        rooms.event(event)
        if event.sender == "me":
            cursor = event.seq
        elif data.draw(YES_OR_NO):
            cursor = max(cursor, data.draw(st.integers(0, number)))
            last, upto, unread, mentions = truth(log[:number], cursor)
            counted = {"room": "r", "upto": upto, "last_seq": last}
            late = Record(counted, unread=unread, mentions=mentions)
        if late is not None and data.draw(YES_OR_NO):
            rooms.unread(late)
            late = None
    if late is not None:
        rooms.unread(late)
    assert counts(rooms) == truth(log, cursor)


def test_what_the_summary_counted_already_counts_no_more_when_it_is_replayed() -> None:
    rooms = rooms_with(last_seq=3, unread=2, last_message=message(3))
    rooms.event(message(2))
    rooms.event(message(3))
    assert counts(rooms) == (3, 0, 2, 0)
    rooms.event(message(4))
    assert counts(rooms) == (4, 0, 3, 0) and rooms["r"].last_message.seq == 4


def test_a_mark_comes_and_goes_with_the_counts() -> None:
    rooms = rooms_with(last_seq=5, read_seq=5)
    counted = {"room": "r", "upto": 5, "last_seq": 5, "mentions": 1}
    rooms.unread(Record(counted, unread=3, marked=2))
    rooms.event(message(6))
    assert counts(rooms) == (6, 5, 4, 1) and rooms["r"].marked == 2
    older = {"t": "room", "id": "r", "me": "me", "last_seq": 5, "read_seq": 0, "marked": 1}
    rooms.summary(Record(older, unread=9, mentions=0))
    assert rooms["r"].marked == 2
    rooms.event(message(7, "me"))
    assert counts(rooms) == (7, 7, 0, 0) and rooms["r"].marked is None
    rooms.unread(Record(counted, upto=7, last_seq=7, unread=3, marked=2))
    rooms.unread(Record(counted, upto=7, last_seq=7, unread=0))
    assert rooms["r"].marked is None
    rooms.summary(Record(older, unread=9, mentions=0))
    assert rooms["r"].marked is None, "what is older brings no mark back"


def test_the_total_leaves_out_what_is_muted_but_its_mentions() -> None:
    rooms = Rooms()
    start = {"me": "me", "last_seq": 9, "read_seq": 0}
    kinds = [(3, 1, False), (5, 0, True), (7, 2, True), (0, 0, False)]
    rooms.welcome(
        Record(start, id=f"r{n}", unread=unread, mentions=mentions, muted=muted)
        for n, (unread, mentions, muted) in enumerate(kinds)
    )
    assert rooms.total() == {"rooms": 2, "unread": 3, "mentions": 3}


def test_a_summary_that_is_held_is_a_snapshot() -> None:
    rooms = rooms_with()
    held = rooms["r"]
    rooms.event(message(1))
    assert held.last_seq == 0 and rooms["r"].last_seq == 1


def test_an_older_summary_changes_the_name_and_not_the_counts() -> None:
    rooms = rooms_with(last_seq=5, unread=4, name="old")
    older = {"t": "room", "id": "r", "me": "me", "last_seq": 3, "read_seq": 0, "name": "new"}
    rooms.summary(Record(older, unread=2, mentions=0))
    assert rooms["r"].name == "new" and counts(rooms) == (5, 0, 4, 0) and "t" not in rooms["r"]


def test_cursors_follow_receipts_messages_and_members() -> None:
    rooms = rooms_with(cursors=Record(me=0, you=0))
    rooms.receipt(Record(room="r", user="you", upto=2))
    rooms.event(message(1, "me"))
    rooms.event(Record(t="member", room="r", seq=2, user="ann", change="joined"))
    assert rooms["r"].cursors == {"me": 1, "you": 2, "ann": 2}
    rooms.event(Record(t="member", room="r", seq=3, user="you", change="left"))
    assert rooms["r"].cursors == {"me": 1, "ann": 2}


def test_a_room_that_is_gone_is_gone_and_unknown_ones_are_no_error() -> None:
    rooms = rooms_with()
    rooms.gone("r")
    rooms.event(message(1))
    rooms.receipt(Record(room="r", user="you", upto=2))
    rooms.read("r", 1)
    assert dict(rooms) == {}


def test_the_range_of_a_close_code_says_whether_to_come_back() -> None:
    for code in CloseCode:
        assert may_reconnect(code) is code.may_reconnect


@given(st.lists(st.floats(0, 100), min_size=1, max_size=40), st.floats(0, 0.999))
def test_delays_are_bounded_and_grow_until_a_connection_was_steady(
    held: list[float], chance: float
) -> None:
    backoff = Backoff(lambda: chance)
    before = 0.0
    for held_s in held:
        delay = backoff.delay(held_s=held_s, turn_ms=None)
        assert 0 <= delay <= MOST_S
        assert held_s >= STEADY_S or delay >= before
        before = delay


def test_the_servers_word_on_our_turn_counts_within_reason() -> None:
    backoff = Backoff(lambda: 0.5)
    assert backoff.delay(held_s=99, turn_ms=1500) == 1.5
    assert backoff.delay(held_s=99, turn_ms=10**12) == TURN_MOST_S
    assert backoff.delay(held_s=99, turn_ms=-5) == 0
