from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.failure_window import FailureWindow


def filled(failures: int, successes: int) -> FailureWindow:
    window = FailureWindow()
    for failed in [True] * failures + [False] * successes:
        window.add(failed=failed)
    return window


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 20), st.data())
def test_it_counts_the_last_results_alone(
    results: list[bool], size: int, data: st.DataObject
) -> None:
    enough = data.draw(st.integers(1, size))
    window = FailureWindow(size, enough)
    for failed in results:
        window.add(failed=failed)
    last = results[-size:]
    assert window.rate == (sum(last) / len(last) if last else 0.0)
    assert window.full_enough == (len(last) >= enough)
    for limit in (0.0, 0.05, 0.5, 1.0):
        assert window.too_many(limit) == (len(last) >= enough and window.rate > limit)


def test_it_judges_from_fifty_results_on() -> None:
    window = filled(failures=49, successes=0)
    assert (window.rate, window.full_enough, window.too_many(0.1)) == (1.0, False, False)
    window.add(failed=True)
    assert (window.full_enough, window.too_many(0.1)) == (True, True)


def test_it_forgets_what_is_more_than_two_hundred_results_ago() -> None:
    assert filled(failures=100, successes=100).rate == 0.5
    assert filled(failures=100, successes=150).rate == 0.25
    assert filled(failures=100, successes=200).rate == 0.0


def test_a_rate_at_the_limit_is_not_above_it() -> None:
    window = filled(failures=10, successes=90)
    assert not window.too_many(0.1)
    window.add(failed=True)
    assert window.too_many(0.1)


@pytest.mark.parametrize(("size", "enough"), [(0, 0), (10, 0), (10, 11)])
def test_a_window_that_could_never_judge_is_an_error(size: int, enough: int) -> None:
    with pytest.raises(ValueError, match="results"):
        FailureWindow(size, enough)
