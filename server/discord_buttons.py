"""Buttons under what the Discord bot says: which notification each is about, and what it does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

Act = Literal["read", "accept", "decline"]

ROW, BUTTON = 1, 2
"""Types of components (Discord, Message Components)."""
STYLE: Final[Mapping[Act, int]] = {"read": 2, "accept": 3, "decline": 4}
"""Grey, green and red."""
LABELS: Final[Mapping[str, Mapping[Act, str]]] = {
    "ko": {"read": "읽음", "accept": "수락", "decline": "거절"},
    "en": {"read": "Read", "accept": "Accept", "decline": "Decline"},
}
CUSTOM_ID: Final = re.compile(r"(read|accept|decline):([0-9A-Za-z_-]{1,64})")


class Pressed(NamedTuple):
    """A button that was pressed."""

    act: Act
    notification: str


def pressed(custom_id: str) -> Pressed | None:
    """Which button that is, if it is one of these.

    >>> pressed("accept:0123456789abcdef")
    Pressed(act='accept', notification='0123456789abcdef')
    >>> pressed("accept:"), pressed("delete:0123456789abcdef")
    (None, None)
    """
    found = CUSTOM_ID.fullmatch(custom_id)
    return Pressed(found[1], found[2]) if found else None  # type: ignore[arg-type]


def button_row(
    notification: str, *, is_invitation: bool, language: str, number: int | None = None
) -> dict[str, Any]:
    """A row of buttons for one notification; *number* is its place in a list."""
    acts: tuple[Act, ...] = ("accept", "decline", "read") if is_invitation else ("read",)
    labels, place = LABELS[language], "" if number is None else f" {number}"
    buttons = [
        {
            "type": BUTTON,
            "style": STYLE[act],
            "label": labels[act] + place,
            "custom_id": f"{act}:{notification}",
        }
        for act in acts
    ]
    return {"type": ROW, "components": buttons}
