"""What a meeting comes to by the votes that there are, and whether those that are missing could
still change it. Pure: the same question has the same answer everywhere.

A candidate is a time with a place, or the one alone where there are none of the other. What
somebody says of a candidate is the lesser of what he said of its parts (no < maybe < yes); nothing
said counts like a no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product, zip_longest
from typing import Final, Literal, NamedTuple

import msgspec

from protocol.ids import Millis

Vote = Literal["yes", "maybe", "no"]
Kind = Literal["most_yes", "most_points", "unanimous", "quorum"]
Tie = Literal["earliest", "first_proposed", "initiator"]
Fault = Literal["past", "nobody", "not_unanimous", "below_quorum", "required_missing"]
"""Why a candidate cannot be chosen."""

NO, OPEN, MAYBE, YES = 0, 1, 2, 3
"""What somebody says of something, or does not: of two parts the lesser is what he says of both."""
SAID: Final[Mapping[Vote, int]] = {"no": NO, "maybe": MAYBE, "yes": YES}
FOREVER: Final = 1 << 62
Order = tuple[bool, int, int, int, int, int]
Columns = Mapping[str, Sequence[int]]
"""By option, what each person says of it, in the order of the people."""


class Option(NamedTuple):
    """A time (``starts_at``) or a place (None) as it was proposed, the ``position``-th of its
    kind.
    """

    id: str
    position: int
    starts_at: Millis | None


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How a meeting is decided, told beforehand. ``quorum``: at least so many have to say yes;
    ``required``: people (by number) who have to. ``early``: as soon as missing votes cannot change
    it; ``when_all_answered``: as soon as none are missing. Else at the deadline.
    """

    kind: Kind = "most_yes"
    quorum: int = 0
    required: frozenset[int] = frozenset()
    tie: Tie = "earliest"
    early: bool = True
    when_all_answered: bool = True


class Candidate(NamedTuple):
    """What can be chosen: one of them may be missing, never both."""

    time: Option | None
    place: Option | None

    @property
    def parts(self) -> tuple[Option, ...]:
        """Those that there are."""
        return tuple(each for each in self if each is not None)

    def said(self, columns: Columns) -> Sequence[int]:
        """What each person says of it."""
        rows = [columns[each.id] for each in self.parts]
        return rows[0] if len(rows) == 1 else list(map(min, *rows))


class Counted(NamedTuple):
    """How a candidate stands. ``fault``: why it cannot be chosen, None where it can."""

    candidate: Candidate
    yes: int
    maybe: int
    no: int
    unanswered: int
    score: int
    fault: Fault | None


class Result(NamedTuple):
    """The chosen one (None: none can be), which had the same score, and all, the best first.

    ``tied`` are the others of the best score, among which the rule for ties decided.
    """

    chosen: Counted | None
    tied: Sequence[Counted]
    counted: Sequence[Counted]


@dataclass(frozen=True)
class Question:
    """Everything that a decision rests on. ``people`` are those who still take part, by number;
    ``options`` those that were not withdrawn.
    """

    rule: Rule
    initiator: int
    people: Sequence[int]
    options: Sequence[Option]
    votes: Mapping[tuple[int, str], Vote]
    now: Millis

    @cached_property
    def candidates(self) -> Sequence[Candidate]:
        """Every time with every place."""
        times = [each for each in self.options if each.starts_at is not None]
        places = [each for each in self.options if each.starts_at is None]
        if not times or not places:
            return [Candidate(*pair) for pair in zip_longest(times, places)]
        return [Candidate(time, place) for time, place in product(times, places)]

    def all_answered(self) -> bool:
        """Whether everybody has said something of everything."""
        pairs = ((user, option.id) for user in self.people for option in self.options)
        return bool(self.options) and all(pair in self.votes for pair in pairs)

    @cached_property
    def result(self) -> Result:
        """What it comes to now."""
        counted = sorted(self._standings(self._columns(missing=OPEN)))
        found = [each for _, each in counted]
        good = [each for each in found if each.fault is None]
        tied = [each for each in good[1:] if each.score == good[0].score]
        return Result(good[0] if good else None, tied, found)

    def is_settled(self) -> bool:
        """Whether no vote that is missing can change what it comes to, those given standing."""
        chosen = self.result.chosen
        best = self._standings(self._columns(missing=YES))
        if chosen is None:
            return all(each.fault for _, each in best)
        ours = chosen.candidate
        worst = self._standing(ours, self._columns(missing=OPEN))
        return not any(
            self._beats(each.candidate, ours)
            if set(each.candidate.parts) & set(ours.parts)
            else standing < worst[0]
            for standing, each in best
            if each.candidate != ours
        )

    # ---- one candidate

    def _columns(self, *, missing: int) -> dict[str, list[int]]:
        votes = self.votes
        return {
            option.id: [
                SAID[votes[user, option.id]] if (user, option.id) in votes else missing
                for user in self.people
            ]
            for option in self.options
        }

    def _standings(self, columns: Columns) -> list[tuple[Order, Counted]]:
        return [self._standing(each, columns) for each in self.candidates]

    def _standing(self, candidate: Candidate, columns: Columns) -> tuple[Order, Counted]:
        """How it stands, and before it what it is sorted by: the chosen one is first."""
        said = candidate.said(columns)
        yes, maybe = said.count(YES), said.count(MAYBE)
        score = 2 * yes + maybe if self.rule.kind == "most_points" else yes
        fault = self._fault(candidate, said, yes, score)
        counted = Counted(candidate, yes, maybe, said.count(NO), said.count(OPEN), score, fault)
        order = (fault is not None, -score, *self._preference(candidate, said))
        return order, counted

    def _fault(
        self, candidate: Candidate, said: Sequence[int], yes: int, score: int
    ) -> Fault | None:
        rule, time = self.rule, candidate.time
        if time is not None and time.starts_at is not None and time.starts_at <= self.now:
            return "past"
        if not score:
            return "nobody"
        if any(self._of(user, said) != YES for user in rule.required):
            return "required_missing"
        if rule.kind == "unanimous" and yes < len(said):
            return "not_unanimous"
        if rule.kind == "quorum" and yes < rule.quorum:
            return "below_quorum"
        return None

    def _of(self, user: int, said: Sequence[int]) -> int:
        """What *user* says; nothing where he has no part in it."""
        place = self._places.get(user)
        return OPEN if place is None else said[place]

    @cached_property
    def _places(self) -> Mapping[int, int]:
        return {user: place for place, user in enumerate(self.people)}

    def _preference(self, candidate: Candidate, said: Sequence[int]) -> tuple[int, int, int, int]:
        """Among equals the least is chosen."""
        time, place = candidate
        starts = FOREVER if time is None or time.starts_at is None else time.starts_at
        proposed = (time.position if time else 0, place.position if place else 0)
        if self.rule.tie == "first_proposed":
            return (0, 0, *proposed)
        if self.rule.tie == "earliest":
            return (0, starts, *proposed)
        return (-max(OPEN, self._of(self.initiator, said)), starts, *proposed)

    # ---- what could still be

    def _beats(self, other: Candidate, ours: Candidate) -> bool:
        """Whether *other*, which has a part in common, can come out before *ours*.

        One way to fill in what is missing is the best for *other* in everything: in score, in what
        it has to fulfil, and in the initiator's preference.
        """
        columns = self._columns_of(other, missing=YES)
        columns |= self._columns_of(ours, missing=OPEN, but=other)
        shared = next(each for each in ours.parts if each in other.parts)
        theirs, mine = other.said(columns), ours.said(columns)
        columns[shared.id] = [
            min(least, vote) if (user, shared.id) not in self.votes and most > least else vote
            for user, vote, least, most in zip(
                self.people, columns[shared.id], theirs, mine, strict=True
            )
        ]
        return self._standing(other, columns)[0] < self._standing(ours, columns)[0]

    def _columns_of(
        self, candidate: Candidate, *, missing: int, but: Candidate | None = None
    ) -> dict[str, list[int]]:
        parts = [each for each in candidate.parts if but is None or each not in but.parts]
        return replace(self, options=parts)._columns(missing=missing)
