"""What others see of a user with several devices (specification 004: online status)."""

from __future__ import annotations

from collections.abc import Iterable

from protocol.fields import SeenState


def shown_state(choice: str, devices: Iterable[str]) -> SeenState:
    """Merge the user's *choice* (online, dnd, invisible) with its devices' states (online, away).

    The order is invisible, dnd, online, away, offline.

    >>> shown_state("online", ["away", "online"]), shown_state("dnd", ["away"])
    ('online', 'dnd')
    >>> shown_state("invisible", ["online"]), shown_state("dnd", [])
    ('offline', 'offline')
    """
    present = set(devices)
    if not present or choice == "invisible":
        return "offline"
    if choice == "dnd":
        return "dnd"
    return "online" if "online" in present else "away"


def merged(states: Iterable[SeenState]) -> SeenState:
    """What is seen of a user who is shown with *states* on different nodes.

    >>> merged(["away", "online"]), merged(["online", "dnd"]), merged([])
    ('online', 'dnd', 'offline')
    """
    shown = set(states)
    order: tuple[SeenState, ...] = ("dnd", "online", "away")
    return next((state for state in order if state in shown), "offline")
