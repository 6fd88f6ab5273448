"""How often each is drawn, beside the exact probabilities."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
from people_columns import columns, wanted

from actors.rules.recipients.lots import Purpose, keys, lots, most
from actors.rules.recipients.selecting import select
from actors.rules.recipients.strategy import SEED

SEEDS = 8_000


def inclusion(weights, count):
    """The probability of each to be among *count* drawn one after another, by enumeration."""
    weights = tuple(weights)

    @functools.cache
    def first_of(left):
        total = sum(weights[each] for each in left)
        return {each: weights[each] / total for each in left}

    chances = dict.fromkeys(range(len(weights)), 0.0)

    def go(left, taken, chance):
        if taken == count:
            return
        for each, share in first_of(left).items():
            chances[each] += chance * share
            go(left - {each}, taken + 1, chance * share)

    go(frozenset(range(len(weights))), 0, 1.0)
    return np.array(list(chances.values()))


def close(counts, chances, draws):
    """Within five standard deviations; the seeds are fixed."""
    return np.all(
        np.abs(counts - draws * chances) <= 5 * np.sqrt(draws * chances * (1 - chances)) + 1
    )


@pytest.mark.parametrize(
    ("weights", "count"),
    [
        ([0.9, 0.5, 0.3, 0.1], 1),
        ([0.9, 0.5, 0.3, 0.1], 2),
        ([1, 1, 1, 1, 1], 3),
        ([0.865, 0.255, 0.5, 0.001, 0.7, 0.3, 0.3, 0.9], 4),
        ([0.001, 0.001, 0.9], 2),
    ],
)
def test_a_draw_is_in_proportion(weights, count):
    numbers = np.arange(1, len(weights) + 1, dtype=np.int32)
    counts = np.zeros(len(weights))
    for seed in range(SEEDS):
        lot = lots(seed, Purpose.DRAW, numbers)
        counts[most(keys(np.array(weights), lot), lot.take, count)] += 1
    assert counts.sum() == SEEDS * count
    assert close(counts, inclusion(weights, count), SEEDS)


def test_the_lots_of_one_person_are_even_and_those_of_different_purposes_differ():
    one = np.array([7], dtype=np.int32)
    of_one = np.array([lots(seed, Purpose.DRAW, one)[0] for seed in range(SEEDS)])
    assert close(np.histogram(of_one, 10, (0, 1))[0], np.full(10, 0.1), SEEDS)
    all_ = np.arange(SEEDS, dtype=np.int32)
    assert close(np.histogram(lots(5, Purpose.DRAW, all_), 10, (0, 1))[0], np.full(10, 0.1), SEEDS)
    together = np.corrcoef(lots(5, Purpose.DRAW, all_), lots(5, Purpose.TIE, all_))[0, 1]
    assert abs(together) < 5 / np.sqrt(SEEDS)
    assert len(np.unique(lots(2**63 - 1, Purpose.REST, all_))) == SEEDS


def test_a_whole_selection_draws_so_after_the_certain_ones():
    """One of five is certain, and two of the other four are drawn."""
    people = columns(*({"received": 10, "replied": replied} for replied in (10, 8, 5, 2, 0)))
    plain = replace(SEED, fair=0.0)
    rates, draws = np.array([8, 5, 2, 0]) / 10, 4_000
    sign_in = 1 - 0.7 * (1 - 1 / 24) / (20 - 1 / 24)
    weights = 0.25 * rates + 0.3 * sign_in
    counts = np.zeros(5)
    for seed in range(draws):
        counts[list(select(people, wanted(asked=3, seed=seed, strategy=plain)).why)] += 1
    assert counts[0] == draws
    assert close(counts[1:], inclusion(weights, 2), draws)


def test_of_equal_ones_each_comes_first_as_often():
    numbers = np.arange(1, 5, dtype=np.int32)
    counts = np.zeros(4)
    for seed in range(SEEDS):
        lot = lots(seed, Purpose.TIE, numbers)
        counts[most(np.full(4, 0.5), lot.take, 1)] += 1
    assert close(counts, np.full(4, 0.25), SEEDS)
