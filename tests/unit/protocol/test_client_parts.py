from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.client.backoff import MOST_S, delay, may_return
from protocol.client.outbox import Outbox
from protocol.client.resume import MissedEvent, Positions
from protocol.close import CloseCode


def send(number: int) -> dict[str, Any]:
    return {"t": "send", "room": "r", "id": str(number), "body": "x"}


def ack(number: int) -> dict[str, Any]:
    return {"t": "ack", "room": "r", "id": str(number), "seq": number, "at": 1, "dup": False}


def event(seq: int) -> dict[str, Any]:
    return {"t": "message", "room": "r", "seq": seq}


@given(
    st.lists(st.tuples(st.sampled_from(["ack", "busy", "lost"]), st.integers(0, 9)), max_size=60)
)
def test_every_send_is_settled_once_and_the_rest_is_sent_again_in_order(
    script: list[tuple[str, int]],
) -> None:
    outbox, settled = Outbox(), []
    for number in range(10):
        outbox.add(send(number))
    for what, number in script:
        before = [frame["id"] for frame in outbox.pending()]
        assert before == sorted(before)
        if what == "ack":
            settled += [key for key in [outbox.answered(ack(number))] if key]
        elif what == "busy":
            busy = {"t": "error", "room": "r", "id": str(number), "code": "rate_limited"}
            assert outbox.answered(busy) is None
            assert [frame["id"] for frame in outbox.pending()] == before
    assert len(settled) == len(set(settled)) == 10 - len(outbox)


def test_an_id_that_waits_is_not_taken_twice() -> None:
    outbox = Outbox()
    outbox.add(send(1))
    with pytest.raises(ValueError, match="waits already"):
        outbox.add(send(1))


@given(st.lists(st.integers(1, 12), max_size=40))
def test_events_reach_the_application_once_and_without_a_hole(seqs: list[int]) -> None:
    positions, seen = Positions(), []
    positions.welcome([{"id": "r", "last_seq": 0}])
    for seq in seqs:
        try:
            if positions.take(event(seq)):
                seen.append(seq)
        except MissedEvent:
            assert seq > len(seen) + 1
    assert seen == list(range(1, len(seen) + 1))
    assert positions.resume() == {"r": len(seen)}


def test_a_gap_moves_on_and_a_room_that_is_gone_is_forgotten() -> None:
    positions = Positions()
    positions.welcome([{"id": "r", "last_seq": 3}])
    positions.take({"t": "gap", "room": "r", "from": 4, "to": 2000})
    assert positions.take(event(2001))
    positions.take({"t": "room", "id": "new", "last_seq": 7})
    assert positions.resume() == {"r": 2001, "new": 7}
    positions.take({"t": "room_gone", "room": "r", "reason": "kicked"})
    assert positions.resume() == {"new": 7} and set(positions.rooms) == {"new"}


def test_a_welcome_does_not_skip_what_resume_will_replay() -> None:
    positions = Positions()
    positions.welcome([{"id": "r", "last_seq": 3}])
    positions.welcome([{"id": "r", "last_seq": 9}])
    assert positions.resume() == {"r": 3}


@given(st.integers(0, 1000), st.floats(0, 0.999))
def test_delays_are_bounded_and_never_zero(failures: int, chance: float) -> None:
    assert 0 < delay(failures, chance) <= MOST_S


def test_the_range_of_a_close_code_decides() -> None:
    for code in CloseCode:
        assert may_return(code) is code.may_reconnect
