from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.fair_share import WEIGHTS, FairShare

WEIGHTS_GIVEN = st.lists(st.sampled_from(list(WEIGHTS.values())), min_size=1, max_size=8)
BATCH = 100


def turns(shares: FairShare[int], ready: set[int], batches: list[int]) -> Counter[int]:
    served: Counter[int] = Counter()
    for count in batches:
        job = shares.next(ready)
        assert job is not None
        shares.served(job, count)
        served[job] += count
    return served


def test_a_priority_more_has_twice_the_share() -> None:
    assert WEIGHTS == {1: 1, 2: 2, 3: 4, 4: 8}
    shares = FairShare[int]()
    for job, weight in WEIGHTS.items():
        shares.put(job, weight)
    assert turns(shares, {1, 2, 3, 4}, [BATCH] * 150) == {1: 1000, 2: 2000, 3: 4000, 4: 8000}


@given(WEIGHTS_GIVEN, st.lists(st.integers(1, BATCH), min_size=1, max_size=300))
def test_shares_come_to_weights_whatever_the_batches(
    weights: list[int], batches: list[int]
) -> None:
    shares = FairShare[int]()
    for job, weight in enumerate(weights):
        shares.put(job, weight)
    served = turns(shares, set(range(len(weights))), batches)
    for one, mine in enumerate(weights):
        for other, theirs in enumerate(weights):
            ahead = served[one] / mine - served[other] / theirs
            assert ahead <= BATCH / mine + 1e-9


@given(WEIGHTS_GIVEN, st.data())
def test_nobody_who_is_ready_starves_whoever_comes_and_goes(
    weights: list[int], data: st.DataObject
) -> None:
    """Job 0 is always ready. Others have, of the time it waits, at most one batch beyond theirs."""
    shares = FairShare[int]()
    shares.put(0, weights[0])
    weight_of = {0: weights[0]}
    since: Counter[int] = Counter()
    for step in range(1, 80):
        if data.draw(st.booleans()):
            weight_of[step] = data.draw(st.sampled_from([1, 2, 4, 8]))
            shares.put(step, weight_of[step])
        ready = {0} | data.draw(st.sets(st.sampled_from(list(weight_of))))
        job = shares.next(ready)
        assert job in ready
        if job == 0:
            since.clear()
        else:
            assert since[job] <= weight_of[job] / weight_of[0] * BATCH
            since[job] += BATCH
        shares.served(job, BATCH)


def test_who_comes_late_begins_with_who_had_least() -> None:
    shares = FairShare[int]()
    shares.put(1, 1)
    turns(shares, {1}, [BATCH] * 1000)
    shares.put(2, 1)
    assert turns(shares, {1, 2}, [BATCH] * 10) == {1: 500, 2: 500}


def test_who_was_not_ready_for_long_has_not_saved_up_turns() -> None:
    shares = FairShare[int]()
    shares.put(1, 1)
    shares.put(2, 1)
    turns(shares, {1}, [BATCH] * 1000)
    assert turns(shares, {1, 2}, [BATCH] * 10) == {1: 500, 2: 500}


def test_another_weight_counts_from_then_on() -> None:
    shares = FairShare[int]()
    shares.put(1, 1)
    shares.put(2, 1)
    turns(shares, {1, 2}, [BATCH] * 10)
    shares.put(2, 4)
    assert turns(shares, {1, 2}, [BATCH] * 50) == {1: 1000, 2: 4000}


def test_only_who_takes_part_and_is_ready_has_a_turn() -> None:
    shares = FairShare[str]()
    assert shares.next({"stranger"}) is None
    shares.put("a", 1)
    shares.put("b", 1)
    assert shares.next({"b", "stranger"}) == "b"
    assert shares.next(set()) is None
    shares.drop("b")
    shares.drop("b")
    shares.served("b", 5)
    assert shares.next({"a", "b"}) == "a"
    assert shares.next({"b"}) is None


def test_a_weight_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="weight of 0"):
        FairShare[int]().put(1, 0)
