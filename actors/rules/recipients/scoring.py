"""The scores of all candidates, and of a few of them every part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from actors.rules.recipients.parts import Facts, Part
from actors.rules.recipients.strategy import Strategy


@dataclass(frozen=True, slots=True)
class Scored:
    """What came of a few candidates: a value for each of them under each name."""

    parts: dict[str, Part]
    scores: dict[str, Part]
    total: Part


def total_of(facts: Facts, strategy: Strategy) -> Part:
    """The final score of each candidate, from 0 to 1."""
    total = np.zeros(len(facts.candidates), dtype=np.float32)
    for score in strategy.scores:
        total += np.float32(score.weight) * score.of([part.value(facts) for part in score.parts])
    return total


def scored(facts: Facts, strategy: Strategy) -> Scored:
    """The same with all it is made of, to be kept and shown."""
    values = {
        score.name: {part.name: part.value(facts) for part in score.parts}
        for score in strategy.scores
    }
    scores = {score.name: score.of(list(values[score.name].values())) for score in strategy.scores}
    parts = {name: value for each in values.values() for name, value in each.items()}
    return Scored(parts, scores, total_of(facts, strategy))
