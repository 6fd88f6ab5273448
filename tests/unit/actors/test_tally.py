"""Decisions of meetings: what is chosen, and when nothing can change it any more."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rules.tally import Option, Question, Rule

NOW = 1_000
VOTES = ("yes", "maybe", "no")


def times(*starts):
    return [Option(f"t{position}", position, at) for position, at in enumerate(starts)]


def places(count):
    return [Option(f"p{position}", position, None) for position in range(count)]


def question(options, votes, *, people=(1, 2, 3), **rule):
    """*votes*: for each person, what he says of each option in their order; - is nothing."""
    words = {"y": "yes", "m": "maybe", "n": "no"}
    said = {
        (user, option.id): words[letter]
        for user, row in votes.items()
        for option, letter in zip(options, row, strict=True)
        if letter != "-"
    }
    return Question(Rule(**rule), 1, people, options, said, NOW)


def chosen(asked):
    result = asked.result.chosen
    return result and "".join(part.id for part in result.candidate.parts)


TWO = times(5_000, 4_000)


@pytest.mark.parametrize(
    ("votes", "rule", "expected"),
    [
        ({1: "yn", 2: "yn", 3: "ny"}, {}, "t0"),
        ({1: "ym", 2: "nm", 3: "nm"}, {"kind": "most_points"}, "t1"),
        ({1: "yy", 2: "ym", 3: "yy"}, {"kind": "unanimous"}, "t0"),
        ({1: "yn", 2: "yn", 3: "ny"}, {"kind": "unanimous"}, None),
        ({1: "yn", 2: "yn", 3: "ny"}, {"kind": "quorum", "quorum": 2}, "t0"),
        ({1: "yn", 2: "yn", 3: "ny"}, {"kind": "quorum", "quorum": 3}, None),
        ({1: "yn", 2: "yn", 3: "ny"}, {"required": frozenset({3})}, "t1"),
        ({1: "yn", 2: "yn", 3: "ny"}, {"required": frozenset({4})}, None),
        ({1: "nn", 2: "mm", 3: "--"}, {}, None),
        ({1: "yy", 2: "yy", 3: "nn"}, {"tie": "earliest"}, "t1"),
        ({1: "yy", 2: "yy", 3: "nn"}, {"tie": "first_proposed"}, "t0"),
        ({1: "ym", 2: "ny", 3: "nn"}, {"tie": "initiator"}, "t0"),
        ({1: "yy", 2: "yy", 3: "nn"}, {"tie": "initiator"}, "t1"),
    ],
)
def test_a_rule_chooses(votes, rule, expected):
    assert chosen(question(TWO, votes, **rule)) == expected


def test_what_has_begun_is_not_chosen():
    asked = question(times(NOW, NOW + 1), {1: "yn", 2: "yn", 3: "ny"})
    assert chosen(asked) == "t1"
    assert [each.fault for each in asked.result.counted] == [None, "past"]


def test_who_cannot_come_there_then_does_not_count_for_both():
    """Most can come at the first time, and most to the second place, but not the same."""
    options = [*times(5_000, 6_000), *places(2)]
    asked = question(options, {1: "ynny", 2: "ynyn", 3: "nyny", 4: "yyyn"}, people=(1, 2, 3, 4))
    assert chosen(asked) == "t0p0"
    first = asked.result.counted[0]
    assert (first.yes, first.maybe, first.no, first.unanswered) == (2, 0, 2, 0)


def test_who_said_no_to_a_part_has_answered():
    asked = question([*times(5_000), *places(1)], {1: "n-", 2: "y-", 3: "yy"})
    [only] = asked.result.counted
    assert (only.yes, only.no, only.unanswered) == (1, 1, 1)


def test_who_left_is_not_counted():
    asked = question(TWO, {1: "yn", 2: "ny", 3: "ny"}, people=(1, 2), tie="first_proposed")
    assert chosen(asked) == "t0"
    assert asked.all_answered()


def test_without_options_there_is_nothing_to_choose():
    asked = question([], {})
    assert (asked.result, asked.all_answered()) == ((None, [], []), False)


VOTE = st.sampled_from([*VOTES, None])


@st.composite
def questions(draw):
    starts = draw(st.lists(st.integers(NOW, NOW + 3), min_size=1, max_size=3))
    options = [*times(*starts), *places(draw(st.integers(0, 2)))]
    people = range(1, draw(st.integers(1, 3)) + 1)
    pairs = [(user, option.id) for user in people for option in options]
    said = {pair: vote for pair in pairs if (vote := draw(VOTE)) is not None}
    missing = len(pairs) - len(said)
    while missing > 5:  # or there are too many ends to try them all
        said[next(pair for pair in pairs if pair not in said)] = draw(st.sampled_from(VOTES))
        missing -= 1
    rule = Rule(
        kind=draw(st.sampled_from(["most_yes", "most_points", "unanimous", "quorum"])),
        quorum=draw(st.integers(1, 3)),
        required=draw(st.sampled_from([frozenset(), frozenset({1}), frozenset({2, 3})])),
        tie=draw(st.sampled_from(["earliest", "first_proposed", "initiator"])),
    )
    return Question(rule, 1, list(people), options, said, NOW)


def every_end(asked):
    open_ = [
        (user, option.id)
        for user in asked.people
        for option in asked.options
        if (user, option.id) not in asked.votes
    ]
    for votes in product([*VOTES, None], repeat=len(open_)):
        more = {pair: vote for pair, vote in zip(open_, votes, strict=True) if vote}
        yield Question(
            asked.rule,
            asked.initiator,
            asked.people,
            asked.options,
            {**asked.votes, **more},
            asked.now,
        )


@settings(max_examples=300, deadline=None)
@given(questions())
def test_it_is_settled_just_when_no_missing_vote_can_change_it(asked):
    ends = {chosen(end) for end in every_end(asked)}
    assert asked.is_settled() == (len(ends) == 1)


@settings(max_examples=300, deadline=None)
@given(questions())
def test_the_counts_are_a_plain_recount(asked):
    for counted in asked.result.counted:
        parts = counted.candidate.parts
        said = [[asked.votes.get((user, each.id)) for each in parts] for user in asked.people]
        least = [min(row, key=["no", None, "maybe", "yes"].index) for row in said]
        told = [least.count("yes"), least.count("maybe"), least.count("no"), least.count(None)]
        assert told == [counted.yes, counted.maybe, counted.no, counted.unanswered]


@settings(max_examples=300, deadline=None)
@given(questions())
def test_nothing_that_can_be_chosen_has_a_better_score(asked):
    result = asked.result
    good = [each for each in result.counted if each.fault is None]
    assert (result.chosen is None) == (not good)
    if result.chosen:
        best = [each for each in good if each.score == result.chosen.score]
        assert max(each.score for each in good) == result.chosen.score
        assert sorted([result.chosen, *result.tied]) == sorted(best)
