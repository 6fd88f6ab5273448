from __future__ import annotations

from collections import deque
from typing import Any

import msgpack
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from protocol.client.core import Core, Settled
from protocol.client.errors import BrokenStream, ClientClosed, ConnectionLost, RequestError
from protocol.client.record import Record

ROOMS = ("r1", "r2")
MOST_EVENTS, MOST_SENDS, REPLAY_MOST = 6, 50, 8


def make_core(*, most_events: int = 100, listen: bool = True) -> Core:
    return Core(
        token="t",
        device=None,
        listen=listen,
        chance=lambda: 0.5,
        most_events=most_events,
        most_sends=MOST_SENDS,
    )


def summary(room: str, last_seq: int, **more: Any) -> dict[str, Any]:
    fields = {"id": room, "last_seq": last_seq, "read_seq": 0, "unread": 0, "mentions": 0}
    return fields | {"me": "me"} | more


def welcome(*rooms: dict[str, Any]) -> dict[str, Any]:
    return {"t": "welcome", "user": "me", "ping_ms": 25000, "rooms": list(rooms)}


def message(room: str, seq: int, body: str = "x") -> dict[str, Any]:
    return {
        "t": "message",
        "room": room,
        "seq": seq,
        "at": 1,
        "sender": "you",
        "kind": "text",
        "body": body,
    }


def ack(room: str, id: str, seq: int) -> dict[str, Any]:  # noqa: A002
    return {"t": "ack", "room": room, "id": id, "seq": seq, "at": 1, "dup": False}


def hear(core: Core, frame: dict[str, Any], now: float = 0.0) -> list[Settled]:
    return core.received(msgpack.packb(frame), now)


def written(core: Core, now: float = 0.0) -> list[dict[str, Any]]:
    frames = []
    while (payload := core.next_payload(now)) is not None:
        frames.append(msgpack.unpackb(payload))
    return frames


def opened(core: Core, *rooms: dict[str, Any]) -> Core:
    core.opened()
    written(core)
    hear(core, welcome(*(rooms or (summary("r", 0),))))
    return core


def post(core: Core, id: str, room: str = "r") -> int:  # noqa: A002
    return core.send({"room": room, "id": id, "body": "x"})


def taken(core: Core) -> list[Record]:
    return list(iter(core.take, None))


class Conversation(RuleBasedStateMachine):
    """A client and a server that keeps the contract, over connections that break anywhere."""

    def __init__(self) -> None:
        super().__init__()
        rooms = [summary(room, 0) for room in ROOMS]
        self.core, self.now = opened(make_core(most_events=MOST_EVENTS), *rooms), 0.0
        self.log: dict[str, list[str]] = {room: [] for room in ROOMS}
        self.calls: dict[int, str] = {}
        self.settled: dict[int, Record] = {}
        self.seen: dict[str, list[int]] = {room: [] for room in ROOMS}
        self.connected, self.greeted = True, True
        self.to_server: deque[dict[str, Any]] = deque()
        self.to_client: deque[dict[str, Any]] = deque()

    # ---- the program

    @precondition(lambda self: len(self.calls) - len(self.settled) < MOST_SENDS)
    @rule(room=st.sampled_from(ROOMS))
    def send(self, room: str) -> None:
        id = f"m{len(self.calls)}"  # noqa: A001
        self.calls[post(self.core, id, room)] = id

    @rule(count=st.integers(1, 4))
    def take(self, count: int) -> None:
        for _ in range(count):
            event = self.core.take()
            if event is None:
                return
            if event.t == "gap":
                assert event["from"] == len(self.seen[event.room]) + 1
                self.seen[event.room] = list(range(1, event.to + 1))
            elif event.t == "message":
                self.seen[event.room].append(event.seq)
            if self.core.is_behind:
                self.cut()
                return

    # ---- the network

    @precondition(lambda self: not self.connected)
    @rule()
    def connect(self) -> None:
        self.now = max(self.now, self.core.reconnect_at)
        self.connected = True
        self.core.opened()

    @precondition(lambda self: self.connected)
    @rule()
    def cut(self) -> None:
        self.to_server.clear()
        self.to_client.clear()
        self.connected = self.greeted = False
        assert self.core.lost(1006, "cut", self.now) == []

    @precondition(lambda self: self.connected)
    @rule(count=st.integers(1, 5))
    def write(self, count: int) -> None:
        for _ in range(count):
            payload = self.core.next_payload(self.now)
            if payload is not None:
                self.to_server.append(msgpack.unpackb(payload))

    @precondition(lambda self: self.to_client)
    @rule(count=st.integers(1, 5))
    def deliver(self, count: int) -> None:
        for _ in range(count):
            if self.connected and self.to_client and self.core.wants_more:
                self._hear(self.to_client.popleft())

    def _hear(self, frame: dict[str, Any]) -> None:
        for number, outcome in hear(self.core, frame, self.now):
            assert number not in self.settled
            assert isinstance(outcome, Record) and outcome.id == self.calls[number]
            self.settled[number] = outcome

    @precondition(lambda self: self._acks())
    @rule()
    def answer_in_another_order(self) -> None:
        first, last = self._acks()[0], self._acks()[-1]
        self.to_client[first], self.to_client[last] = self.to_client[last], self.to_client[first]

    @precondition(lambda self: any(f["t"] == "message" for f in self.to_client))
    @rule(data=st.data())
    def deliver_twice(self, data: st.DataObject) -> None:
        frames = list(self.to_client)
        chosen = [at for at, frame in enumerate(frames) if frame["t"] == "message"]
        at = data.draw(st.sampled_from(chosen))
        self.to_client.insert(at + 1, frames[at])

    def _acks(self) -> list[int]:
        return [at for at, frame in enumerate(self.to_client) if frame["t"] == "ack"]

    # ---- the server

    @precondition(lambda self: self.to_server)
    @rule(busy=st.booleans())
    def serve(self, busy: bool) -> None:
        frame = self.to_server.popleft()
        if frame["t"] == "hello":
            self._greet(frame.get("resume", {}))
        elif busy:
            error = {"t": "error", "code": "unavailable", "message": "", "retry_after_ms": 100}
            self.to_client.append(error | {"room": frame["room"], "id": frame["id"]})
        else:
            self._store(frame["room"], frame["id"])

    @rule(room=st.sampled_from(ROOMS))
    def somebody_else_posts(self, room: str) -> None:
        self._append(room, f"other{len(self.log[room])}")

    @rule(room=st.sampled_from(ROOMS))
    def many_post_while_the_client_is_away(self, room: str) -> None:
        if not self.connected:
            for _ in range(REPLAY_MOST + 1):
                self._append(room, f"other{len(self.log[room])}")

    @rule()
    def time_passes(self) -> None:
        self.now += 0.2

    def _greet(self, resume: dict[str, int]) -> None:
        self.greeted = True
        self.to_client.append(welcome(*(summary(room, len(self.log[room])) for room in ROOMS)))
        for room, seen in resume.items():
            last = len(self.log[room])
            if last - seen > REPLAY_MOST:
                self.to_client.append({"t": "gap", "room": room, "from": seen + 1, "to": last})
            else:
                self.to_client.extend(message(room, seq) for seq in range(seen + 1, last + 1))

    def _store(self, room: str, id: str) -> None:  # noqa: A002
        known = id in self.log[room]
        if known:
            self.to_client.append(ack(room, id, self.log[room].index(id) + 1))
        else:
            self.to_client.append(ack(room, id, len(self.log[room]) + 1))
            self._append(room, id)

    def _append(self, room: str, id: str) -> None:  # noqa: A002
        self.log[room].append(id)
        if self.greeted:
            self.to_client.append(message(room, len(self.log[room])))

    # ---- what must hold

    @invariant()
    def events_are_contiguous(self) -> None:
        for room, seqs in self.seen.items():
            assert seqs == list(range(1, len(seqs) + 1))
            assert len(seqs) <= len(self.log[room])

    def teardown(self) -> None:
        """In the end nothing breaks any more: then everything is there, once."""
        for _ in range(200):
            if not self.connected:
                self.connect()
            self.write(5)
            while self.to_server:
                self.serve(busy=False)
            self.deliver(5)
            self.take(4)
            self.now += 0.2
        assert self.settled.keys() == self.calls.keys()
        for number, outcome in self.settled.items():
            assert self.log[outcome.room][outcome.seq - 1] == self.calls[number]
        for room in ROOMS:
            assert self.seen[room] == list(range(1, len(self.log[room]) + 1))
            assert len(set(self.log[room])) == len(self.log[room])


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=60, stateful_step_count=40)


def test_unanswered_sends_are_written_again_in_order_after_a_reconnect() -> None:
    core = opened(make_core())
    for id in ("a", "b", "c"):  # noqa: A001
        post(core, id)
    assert [frame["id"] for frame in written(core)] == ["a", "b", "c"]
    hear(core, ack("r", "b", 1))
    core.lost(1006, "", 0.0)
    assert written(core) == []
    core.opened()
    assert [frame["t"] for frame in written(core)] == ["hello"]
    hear(core, welcome(summary("r", 1)))
    assert [frame["id"] for frame in written(core)] == ["a", "c"]


def test_hello_resumes_after_the_last_event_the_program_got() -> None:
    core = opened(make_core(), summary("r", 4), summary("s", 0))
    hear(core, message("r", 5))
    core.lost(1006, "", 0.0)
    core.opened()
    (hello,) = written(core)
    assert hello == {"t": "hello", "token": "t", "resume": {"r": 5, "s": 0}}


def test_a_seen_event_is_refused_and_a_hole_breaks_the_connection() -> None:
    core = opened(make_core())
    for seq in (1, 2, 2, 1):
        hear(core, message("r", seq))
    assert [event.seq for event in taken(core)] == [1, 2]
    with pytest.raises(BrokenStream):
        hear(core, message("r", 4))


def test_a_gap_may_lead_back_where_the_log_is_another() -> None:
    core = opened(make_core(), summary("r", 9))
    hear(core, {"t": "gap", "room": "r", "from": 1, "to": 3})
    hear(core, message("r", 4))
    assert [event.t for event in taken(core)] == ["gap", "message"]


def test_not_now_keeps_the_place_and_the_time_it_names() -> None:
    core = opened(make_core())
    post(core, "a")
    post(core, "b")
    written(core)
    busy = {"t": "error", "room": "r", "code": "rate_limited", "message": "", "retry_after_ms": 500}
    for id in ("a", "b"):  # noqa: A001
        assert hear(core, busy | {"id": id}, 10.0) == []
    post(core, "c")
    assert written(core, 10.4) == [] and core.held_until(10.4) == 10.5
    assert [frame["id"] for frame in written(core, 10.5)] == ["a"]
    hear(core, ack("r", "a", 1), 10.5)
    assert [frame["id"] for frame in written(core, 10.5)] == ["b", "c"]


def test_another_refusal_ends_the_send() -> None:
    core = opened(make_core())
    number = post(core, "a")
    written(core)
    no = {"t": "error", "room": "r", "id": "a", "code": "not_member", "message": "no"}
    ((settled, error),) = hear(core, no)
    assert settled == number and isinstance(error, RequestError) and error.code == "not_member"
    assert hear(core, no) == []


def test_what_cannot_be_sent_is_refused_before_it_breaks_every_connection() -> None:
    core = opened(make_core())
    for body, code in (("a" * 70_000, "too_large"), ("\ud800", "invalid")):
        with pytest.raises(RequestError) as info:
            core.send({"room": "r", "id": "a", "body": body})
        assert info.value.code == code
    assert written(core) == []


def test_an_id_that_waits_is_not_taken_twice() -> None:
    core = opened(make_core())
    post(core, "a")
    with pytest.raises(RequestError, match="conflict"):
        post(core, "a")
    post(core, "a", room="s")


def test_a_send_that_was_given_up_is_not_written_again() -> None:
    core = opened(make_core())
    number = post(core, "a")
    written(core)
    core.give_up(number)
    core.lost(1006, "", 0.0)
    opened(core)
    assert written(core) == [] and hear(core, ack("r", "a", 1)) == []


def test_lasting_requests_are_asked_again_and_others_are_lost_with_their_connection() -> None:
    core = opened(make_core())
    page = core.request({"t": "history", "room": "r"}, lasting=True)
    typing = core.request({"t": "typing", "room": "r", "on": True}, lasting=False)
    assert [frame["rid"] for frame in written(core)] == [page, typing]
    ((number, error),) = core.lost(1006, "", 0.0)
    assert number == typing and isinstance(error, ConnectionLost)
    with pytest.raises(ConnectionLost):
        core.request({"t": "ping"}, lasting=False)
    opened(core)
    assert [frame["rid"] for frame in written(core)] == [page]
    answer = {"t": "page", "rid": page, "room": "r", "events": [], "more": False, "upto": 0}
    assert hear(core, answer) == [Settled(page, Record(answer))]


def test_who_is_watched_is_watched_on_the_next_connection_too() -> None:
    core = opened(make_core())
    rid = core.request({"t": "presence", "watch": ["b", "a"]}, lasting=True)
    written(core)
    hear(core, {"t": "ok", "rid": rid})
    core.lost(1006, "", 0.0)
    opened(core)
    assert written(core) == [{"t": "presence", "watch": ["a", "b"]}]


@pytest.mark.parametrize(("code", "returns"), [(1001, True), (4008, True), (4502, False)])
def test_the_range_of_the_close_code_decides(code: int, returns: bool) -> None:
    core = opened(make_core())
    number = post(core, "a")
    settled = core.lost(code, "why", 7.0)
    if returns:
        assert settled == [] and core.reconnect_at == 7.25
        return
    ((settled_number, error),) = settled
    assert settled_number == number and isinstance(error, ClientClosed)
    assert (error.code, error.reason) == (code, "why")
    for call in (core.check, lambda: post(core, "b")):
        with pytest.raises(ClientClosed):
            call()


def test_goodbye_names_the_turn_and_the_code_of_a_connection_that_just_broke() -> None:
    core = opened(make_core())
    goodbye = {"t": "goodbye", "code": 4001, "reason": "drained", "reconnect_after_ms": 4000}
    hear(core, goodbye)
    core.lost(4001, "drained", 1.0)
    assert core.reconnect_at == 5.0
    opened(core)
    core.lost(1006, "", 5.0)
    assert core.reconnect_at == 5.5
    opened(core)
    hear(core, {"t": "goodbye", "code": 4503, "reason": "suspended"})
    core.lost(1006, "", 6.0)
    assert core.is_over


def test_a_full_program_stops_the_reading_unless_it_waits_for_an_answer() -> None:
    core = opened(make_core(most_events=4))
    for seq in range(1, 5):
        hear(core, message("r", seq))
    assert (core.wants_more, core.is_behind) == (False, False)
    number = post(core, "a")
    assert (core.wants_more, core.is_behind) == (True, False)
    hear(core, message("r", 5))
    assert hear(core, ack("r", "a", 6))[0].number == number
    hear(core, message("r", 6))
    assert (core.wants_more, core.is_behind) == (False, False)
    assert [core.take(), core.take()] == [message("r", 1), message("r", 2)]
    assert (core.wants_more, core.is_behind) == (True, True)
    core.lost(1006, "", 3.0)
    assert core.reconnect_at == 3.0
    core.opened()
    assert written(core)[0]["resume"] == {"r": 4}


def test_a_program_that_does_not_listen_gets_no_events_and_is_never_full() -> None:
    core = opened(make_core(most_events=1, listen=False))
    for seq in (1, 2, 3):
        hear(core, message("r", seq))
    assert core.take() is None and core.wants_more and core.rooms["r"].last_seq == 3


def test_rooms_that_do_not_fit_into_hello_are_told_of_all_the_same() -> None:
    many = [f"{number:064}" for number in range(700)]
    core = opened(make_core(), *(summary(room, 1) for room in many))
    core.lost(1006, "", 0.0)
    core.opened()
    (hello,) = written(core)
    assert len(msgpack.packb(hello)) < 60_000
    gone, moved = [room for room in many if room not in hello["resume"]][:2]
    last = dict.fromkeys(many, 1) | {moved: 5}
    del last[gone]
    hear(core, welcome(*(summary(room, seq) for room, seq in last.items())))
    assert taken(core)[1:] == [
        {"t": "room_gone", "room": gone, "reason": "not_member"},
        {"t": "gap", "room": moved, "from": 2, "to": 5},
    ]


UNREADABLE = ["text", b"\xc1", b"\x93", b"\x01", b"\x81" * 2000]
HALF = [{}, {"t": "ack"}, {"t": "message", "room": "r", "seq": "1"}]


@pytest.mark.parametrize("data", [*UNREADABLE, *map(msgpack.packb, HALF)])
def test_what_is_no_protocol_breaks_the_connection_and_nothing_else(data: bytes | str) -> None:
    core = opened(make_core())
    post(core, "a")
    with pytest.raises(BrokenStream):
        core.received(data, 0.0)
    core.lost(1006, "", 0.0)
    opened(core)
    assert [frame["id"] for frame in written(core)] == ["a"]


def test_notifications_reach_the_program_as_they_come_and_go() -> None:
    core = opened(make_core())
    data = {"meeting": "m", "places": [{"votes": 2}]}
    hear(core, {"t": "notification", "id": "n", "type": "meeting.invitation", "data": data})
    hear(core, {"t": "notification_gone", "ids": ["n", "o"]})
    shown, gone = taken(core)
    assert shown.id == "n" and shown.data.places[0].votes == 2
    assert gone == {"t": "notification_gone", "ids": ["n", "o"]}


def test_frames_of_a_later_version_reach_the_program() -> None:
    core = opened(make_core())
    hear(core, {"t": "reaction", "room": "r", "seq": 1, "at": 1, "of": 1, "emoji": "+"})
    hear(core, {"t": "notification", "id": "n"})
    hear(core, message("r", 2))
    assert [event.t for event in taken(core)] == ["reaction", "notification", "message"]
