"""Who may be chosen for a broadcast, in which stage, and that it can be done again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people_columns import DAY, MINUTES, columns, crowd, wanted

from actors.rules.recipients.columns import ACTIVE, PHONE, TEST, Sender
from actors.rules.recipients.explaining import explained
from actors.rules.recipients.selecting import Why, select
from actors.rules.recipients.strategy import SEED

PLAIN = replace(SEED, fair=0.0)


def chosen(people, **fields):
    """user_no -> why."""
    selection = select(people, wanted(**fields))
    return {int(people.user_no[row]): why for row, why in selection.why.items()}


def test_nobody_hears_it_who_may_not():
    people = columns(
        {},
        {"flags": PHONE},
        {"flags": ACTIVE},
        {},
        {},
        {},
    )
    within = np.array([1, 1, 1, 1, 1, 0], dtype=np.bool_)
    blocked = np.array([4, 77], dtype=np.int32)
    assert set(chosen(people, sender=Sender(5), blocked=blocked, within=within)) == {1}


def test_the_best_fifth_is_certain_and_the_rare_have_their_share():
    people = columns(*({"received": 10, "replied": min(n, 10)} for n in range(40)), {"received": 1})
    for seed in range(20):
        why = chosen(people, asked=10, seed=seed)
        counts = Counter(why.values())
        assert counts == {Why.CERTAIN: 2, Why.FAIR: 1, Why.DRAWN: 7}
        assert why[41] == Why.FAIR, "he received least"
        assert all(person > 10 for person, how in why.items() if how == Why.CERTAIN)


@pytest.mark.parametrize(("asked", "certain"), [(1, 1), (4, 1), (5, 1), (6, 2), (15, 3), (100, 20)])
def test_a_fifth_is_rounded_up(asked, certain):
    why = chosen(crowd(200), asked=asked, strategy=PLAIN)
    assert Counter(why.values())[Why.CERTAIN] == certain
    assert len(why) == asked


def test_never_more_than_a_hundred():
    assert len(chosen(crowd(300), asked=1_000)) == 100


def test_half_of_those_of_the_last_24_hours_are_left_out():
    just_within, just_not = MINUTES - DAY + 1, MINUTES - DAY
    people = columns(
        *({"received_at": just_within} for _ in range(11)),
        *({"received_at": just_not} for _ in range(9)),
    )
    why = chosen(people, asked=15)
    assert set(range(12, 21)) <= set(why), "those of earlier are not left out"
    assert len(set(why) & set(range(1, 12))) == 6, "five of eleven are"
    assert Counter(chosen(people, asked=20).values())[Why.FILLED] == 5, "unless all are needed"


def test_where_too_few_are_recent_older_ones_are_drawn_and_then_anybody():
    ages = {"recent": 30 * DAY - 1, "older": 30 * DAY, "old": 60 * DAY - 1, "too_old": 60 * DAY}
    people = columns(
        *({"signed_in": MINUTES - age} for age in ages.values()),
        {"signed_in": 0},
        {"signed_in": 0, "flags": ACTIVE},
    )
    why = chosen(people, asked=3)
    assert why == {1: Why.CERTAIN, 2: Why.WIDENED, 3: Why.WIDENED}
    assert chosen(people, asked=6) == {**why, 4: Why.FILLED, 5: Why.FILLED}


def test_a_test_account_reaches_test_accounts_where_they_are_enough():
    test = {"flags": ACTIVE | PHONE | TEST}
    people = columns(*([test] * 5), *([{}] * 20))
    sender = Sender(999_999, is_test=True)
    assert set(chosen(people, sender=sender, asked=5)) == {1, 2, 3, 4, 5}
    assert len(chosen(people, sender=sender, asked=6)) == 6
    assert not set(chosen(people, sender=sender, asked=5)) - {1, 2, 3, 4, 5}
    others = {tuple(chosen(people, asked=5, seed=seed)) for seed in range(5)}
    assert any(set(people) - {1, 2, 3, 4, 5} for people in others), "another sender reaches all"


def test_nobody_at_all_is_an_answer():
    assert chosen(columns()) == {}
    assert chosen(columns({"flags": 0})) == {}


FLAGS = st.integers(0, 7)
PERSON = st.fixed_dictionaries(
    {
        "flags": FLAGS,
        "signed_in": st.sampled_from(
            [0, *(MINUTES - DAY * days for days in (0, 5, 29, 31, 59, 90))]
        ),
        "received_at": st.sampled_from([0, MINUTES - 5, MINUTES - 2 * DAY]),
        "received": st.integers(0, 9),
        "gender": st.integers(0, 3),
    }
)


@given(
    st.lists(PERSON, max_size=40),
    st.integers(1, 120),
    st.integers(0, 2**63 - 1),
    st.sets(st.integers(1, 40)),
    st.booleans(),
)
def test_whatever_the_people_are(each, asked, seed, blocked, is_test):
    people = columns(*each)
    given_ = wanted(
        asked=asked,
        seed=seed,
        sender=Sender(3, is_test=is_test, prefers="female"),
        blocked=np.array(sorted(blocked), dtype=np.int32),
    )
    selection = select(people, given_)
    reached = {int(people.user_no[row]) for row in selection.why}
    may = {
        number
        for number, person in enumerate(each, 1)
        if person["flags"] & 3 == 3 and number != 3 and number not in blocked
    }
    tests = {number for number in may if each[number - 1]["flags"] & TEST}
    if is_test and len(tests) >= asked:
        may = tests
    assert reached <= may
    assert len(reached) == min(asked, 100, len(may))
    assert list(select(people, given_).why.items()) == list(selection.why.items())


def test_the_same_person_has_the_same_lot_whoever_else_is_there():
    people = crowd(50)
    given_ = wanted(asked=10)
    told = explained(people, given_, select(people, given_), np.array([30, 7, 30], dtype=np.int32))
    fewer = people.take(np.arange(20, 40))
    again = explained(fewer, given_, select(fewer, given_), np.array([30], dtype=np.int32))
    assert [each.user_no for each in told] == [7, 30]
    assert again[0].lot == told[1].lot


def test_each_is_told_why():
    people = columns(
        {"flags": PHONE},
        {"flags": ACTIVE},
        {},
        {"received_at": MINUTES - 1},
        {"received_at": MINUTES - 1},
        {"signed_in": MINUTES - 40 * DAY},
        *({"received": 10, "replied": n, "region": 3} for n in range(10)),
    )
    given_ = wanted(
        asked=2,
        strategy=PLAIN,
        sender=Sender(888, region=3),
        blocked=np.array([3], dtype=np.int32),
    )
    selection = select(people, given_)
    told = {each.user_no: each for each in explained(people, given_, selection, people.user_no)}
    why = {number: each.why for number, each in told.items()}
    assert (why[1], why[2], why[3], why[6]) == (Why.INACTIVE, Why.PHONELESS, Why.BLOCKED, Why.AWAY)
    assert [why[4], why[5]].count(Why.LATELY) == 1
    assert why[16] == Why.CERTAIN
    assert Counter(why.values())[Why.DRAWN] == 1
    best = told[16]
    assert best.parts["reply_rate"] == pytest.approx(0.9)
    assert best.parts["region"] == 1.0
    assert best.scores["preference"] == pytest.approx(0.2)
    assert best.total == pytest.approx(0.25 * 0.9 + 0.2 * 0.2 + 0.3 * best.scores["activity"])
    assert len(selection.near) == 9
    assert selection.counts["recent"] == 11
