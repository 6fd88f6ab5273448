"""What is asked of a selection of recipients, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from protocol.ids import Millis


class PairFacts(msgspec.Struct, frozen=True):
    """What somebody and the sender had with each other; see ``rules.recipients.columns.Pairs``."""

    user_no: int
    messages: int = 0
    """Of both, in their conversation of the last 30 days."""
    days: float = 0.0
    """From the first of them to the last."""
    both_wrote: bool = False
    replies: int = 0
    """To broadcasts of this sender, ever."""


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a broadcast is for; everything that is given must hold."""

    group_no: int | None = None
    """A list of people; of one that is not there nobody is."""
    region: str | None = None
    gender: str | None = None
    age_from: int | None = None
    age_to: int | None = None
    """Whole years on the day of the selection in UTC, both inclusive. Whose birth date is not known
    has no age. Who was born on a 29 February is older from 1 March on in other years.
    """


class SelectionAsked(msgspec.Struct, frozen=True, kw_only=True):
    """One selection. The same, of the same people, gives the same ones."""

    sender_no: int
    asked: int
    """How many are to hear it, 1 to 100."""
    seed: int
    """63 bits."""
    now_ms: Millis
    blocked: Sequence[int] = ()
    """The numbers of those with whom the sender has a block, either way."""
    pairs: Sequence[PairFacts] = ()
    """Of everybody with whom he had anything."""
    audience: Audience | None = None
    """None for everybody."""


class Told(msgspec.Struct, frozen=True):
    """One person: *why* he was chosen or not (``rules.recipients.selecting.Why``), and the numbers
    that it came from, each from 0 to 1.
    """

    user_no: int
    why: str
    total: float
    scores: Mapping[str, float]
    parts: Mapping[str, float]
    lot: float


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """Who was chosen, and how that came about."""

    chosen: Sequence[Told]
    """Stage by stage, in each by number."""
    near: Sequence[Told]
    """The best of those who were not, the best first."""
    counts: Mapping[str, int]
    """How many passed each stage."""
    strategy: Mapping[str, Any]
    """Its name, every score and part with its weight, and the shares: to be stored beside it."""
    took_ms: int


class SelectionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How the selection is, for those who watch the server."""

    people: int
    gini: float
    """Of what those have received who may receive: 0 where all got the same."""
    rebuilt_ms: int
    """How long it took to read the facts of everybody, the last time."""
    rss_bytes: int
    """Of the process that holds them."""
