from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.backoff import wait_ms

ATTEMPTS = st.integers(1, 10_000)
CHANCES = st.floats(0, 1)


@given(ATTEMPTS, CHANCES, st.integers(0, 1_000_000))
def test_a_wait_is_between_what_was_asked_for_and_the_most_beyond(
    attempt: int, chance: float, at_least_ms: int
) -> None:
    waited = wait_ms(attempt, chance, at_least_ms=at_least_ms)
    assert isinstance(waited, int)
    assert at_least_ms <= waited <= at_least_ms + 60_000


@given(ATTEMPTS)
def test_the_jitter_is_full(attempt: int) -> None:
    most = wait_ms(attempt, 1.0)
    assert most == min(60_000, 500 * 2 ** (attempt - 1))
    assert wait_ms(attempt, 0.0) == 0
    assert wait_ms(attempt, 0.5) == most // 2


@given(ATTEMPTS, CHANCES)
def test_no_wait_is_shorter_than_the_one_before_of_the_same_chance(
    attempt: int, chance: float
) -> None:
    assert wait_ms(attempt + 1, chance) >= wait_ms(attempt, chance)


def test_base_and_most_can_be_set() -> None:
    assert [wait_ms(n, 1.0, base_ms=10, most_ms=35) for n in (1, 2, 3, 4)] == [10, 20, 35, 35]


@pytest.mark.parametrize("attempt", [0, -1])
def test_before_the_first_attempt_there_is_nothing_to_wait_for(attempt: int) -> None:
    with pytest.raises(ValueError, match="attempt"):
        wait_ms(attempt, 0.5)
