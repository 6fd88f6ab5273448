from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.rules.circuit_breaker import Circuit, CircuitBreaker


def opened(at: float = 0.0) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(5):
        breaker.failed(at)
    return breaker


def test_five_failures_in_a_row_open_it() -> None:
    breaker = CircuitBreaker()
    for _ in range(4):
        breaker.failed(0.0)
    assert breaker.state is Circuit.CLOSED and breaker.may_send(0.0)
    breaker.failed(1.0)
    assert breaker.state is Circuit.OPEN
    assert breaker.opens_at == 11.0
    assert not breaker.may_send(1.0)


def test_a_success_between_begins_the_row_anew() -> None:
    breaker = CircuitBreaker()
    for _ in range(3):
        for _ in range(4):
            breaker.failed(0.0)
        breaker.succeeded(0.0)
    assert breaker.state is Circuit.CLOSED
    assert breaker.opens_at is None


def test_one_alone_is_let_through_to_see() -> None:
    breaker = opened()
    assert not breaker.may_send(9.999)
    assert [breaker.may_send(10.0) for _ in range(3)] == [True, False, False]
    assert breaker.state is Circuit.HALF_OPEN
    breaker.succeeded(10.5)
    assert breaker.state is Circuit.CLOSED and breaker.opens_at is None
    assert all(breaker.may_send(10.5) for _ in range(3))


def test_it_stays_open_twice_as_long_each_time_up_to_five_minutes() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(8):
        assert breaker.opens_at is not None
        waits.append(breaker.opens_at - now)
        now = breaker.opens_at
        assert breaker.may_send(now)
        breaker.failed(now)
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_once_it_closed_all_is_as_at_the_beginning() -> None:
    breaker = opened()
    assert breaker.may_send(10.0)
    breaker.failed(10.0)
    assert breaker.may_send(30.0)
    breaker.succeeded(30.0)
    for _ in range(4):
        breaker.failed(31.0)
    assert breaker.state is Circuit.CLOSED
    breaker.failed(31.0)
    assert breaker.opens_at == 41.0


def test_results_of_what_was_sent_before_it_opened_change_nothing() -> None:
    breaker = opened()
    breaker.failed(5.0)
    breaker.succeeded(6.0)
    assert breaker.state is Circuit.OPEN
    assert breaker.opens_at == 10.0


def test_one_that_is_never_heard_of_again_is_followed_by_another() -> None:
    breaker = opened()
    assert breaker.may_send(10.0)
    assert not breaker.may_send(19.9)
    assert breaker.may_send(20.0)


@given(
    st.lists(st.tuples(st.sampled_from(["send", "good", "bad"]), st.floats(0, 400)), max_size=60)
)
def test_whatever_happens_one_is_let_through_within_five_minutes(
    story: list[tuple[str, float]],
) -> None:
    breaker, now = CircuitBreaker(), 0.0
    for what, later in story:
        now += later
        if what == "send":
            breaker.may_send(now)
        elif what == "good":
            breaker.succeeded(now)
        else:
            breaker.failed(now)
        assert (breaker.opens_at is None) == (breaker.state is Circuit.CLOSED)
    assert breaker.opens_at is None or breaker.opens_at <= now + 300
    assert breaker.may_send(now + 300)


def test_one_that_was_let_through_and_not_sent_leaves_its_place_to_the_next() -> None:
    breaker = opened()
    assert breaker.may_send(10.0)
    breaker.unused(10.5)
    assert breaker.state is Circuit.OPEN
    assert [breaker.may_send(10.5) for _ in range(2)] == [True, False]
    breaker.failed(11.0)
    assert breaker.opens_at == 31.0, "twice as long, as for the first"
    breaker.unused(11.0)
    assert breaker.opens_at == 31.0


def test_each_change_is_another_turn() -> None:
    breaker, turns = CircuitBreaker(failures=1), [0]
    changes = (
        breaker.failed,
        breaker.may_send,
        breaker.unused,
        breaker.may_send,
        breaker.succeeded,
    )
    for change in changes:
        change(1_000.0 * len(turns))
        turns.append(breaker.turn)
    assert turns == [0, 1, 2, 3, 4, 5]
    breaker.succeeded(9_000.0)
    assert breaker.may_send(9_000.0) and breaker.turn == 5
