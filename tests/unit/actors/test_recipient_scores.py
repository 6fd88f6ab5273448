"""The parts and scores; the worked examples of specification 001, from what was stored."""

from __future__ import annotations

import numpy as np
import pytest
from people_columns import DAY, MINUTES, columns, pairs, wanted

from actors.rules.recipients.columns import Sender
from actors.rules.recipients.scoring import scored
from actors.rules.recipients.selecting import facts_of
from actors.rules.recipients.strategy import SEED, How

BORN = 9_000
SENDER = Sender(999, prefers="female", born=BORN, region=11)


def score(*people, of=(), sender=SENDER):
    people = columns(*people)
    given = wanted(sender=sender, pairs=pairs(*of) if of else wanted().pairs)
    return scored(facts_of(people, given, np.arange(len(people))), SEED)


def test_the_example_with_a_high_score():
    a = {
        "received": 10,
        "replied": 8,
        "gender": 1,
        "region": 11,
        "born": BORN - 10 * 365,
        "signed_in": MINUTES - 60,
    }
    got = score(a, of=[(1, 24, 15.0, True, 0)])
    assert {name: round(float(value[0]), 6) for name, value in got.scores.items()} == {
        "response": 0.8,
        "interaction": 0.9,
        "preference": 0.7,
        "activity": 1.0,
    }
    assert got.total[0] == pytest.approx(0.865)


def test_the_example_with_a_low_score():
    b = {"received": 5, "replied": 1, "gender": 2, "region": 11, "signed_in": MINUTES - 20 * DAY}
    got = score(b, of=[(1, 3, 0.0, True, 0)])
    assert {name: round(float(value[0]), 6) for name, value in got.scores.items()} == {
        "response": 0.2,
        "interaction": 0.3,
        "preference": 0.2,
        "activity": 0.3,
    }
    assert got.total[0] == pytest.approx(0.255)


def test_the_weights_are_those_of_the_specification():
    weights = {score.name: score.weight for score in SEED.scores}
    assert weights == {"response": 0.25, "interaction": 0.25, "preference": 0.2, "activity": 0.3}
    for each in SEED.scores:
        shares = [part.weight for part in each.parts if part.how is How.SHARE]
        assert sum(shares) == pytest.approx(1)


def test_who_never_received_one_counts_as_half():
    assert score({}).parts["reply_rate"][0] == 0.5


def test_replies_to_the_sender_lift_the_response():
    got = score(
        {"received": 10, "replied": 5}, {"received": 10, "replied": 5}, of=[(2, 0, 0, False, 9)]
    )
    assert got.scores["response"].tolist() == [0.5, 0.75]


@pytest.mark.parametrize(
    ("minutes", "value"),
    [(0, 1.0), (60, 1.0), (20 * DAY, 0.3), (40 * DAY, 0.15), (60 * DAY, 0.0), (900 * DAY, 0.0)],
)
def test_the_last_sign_in(minutes, value):
    assert score({"signed_in": MINUTES - minutes}).scores["activity"][0] == pytest.approx(value)


def test_time_online_lifts_and_a_broadcast_of_late_halves():
    person = {"signed_in": MINUTES - 20 * DAY}
    got = score(
        person | {"online_s": 1_800},
        person | {"online_s": 99_999},
        person | {"received_at": MINUTES},
    )
    assert got.scores["activity"] == pytest.approx([0.3 + 0.7 * 0.25, 0.65, 0.15])


@pytest.mark.parametrize(
    ("prefers", "values"),
    [("female", [0, 1, 0, 0]), ("any", [0, 1, 1, 1]), ("other", [0, 0, 0, 1]), ("", [0, 0, 0, 0])],
)
def test_gender(prefers, values):
    got = score(*({"gender": code} for code in range(4)), sender=Sender(999, prefers=prefers))
    assert got.parts["gender"].tolist() == values


def test_age_within_five_years():
    near, far = BORN + 1_826, BORN + 1_827
    got = score({"born": near}, {"born": far}, {"born": 2 * BORN - near}, {})
    assert got.parts["age"].tolist() == [1, 0, 1, 0]
    assert score({"born": near}, sender=Sender(999)).parts["age"][0] == 0


def test_region():
    assert score({"region": 11}, {"region": 12}, {}).parts["region"].tolist() == [1, 0, 0]
    assert score({}, sender=Sender(999)).parts["region"][0] == 0, "neither is known"


def test_every_number_stays_between_0_and_1():
    extremes = {
        "received": 2**31 - 1,
        "replied": 2**31 - 1,
        "online_s": 2**31 - 1,
        "gender": 1,
        "born": BORN,
        "region": 11,
        "signed_in": MINUTES + DAY,
        "received_at": MINUTES + DAY,
    }
    got = score(extremes, {}, of=[(1, 2**31 - 1, 1e9, True, 2**31 - 1)])
    for value in [*got.parts.values(), *got.scores.values(), got.total]:
        assert np.all((value >= 0) & (value <= 1))
