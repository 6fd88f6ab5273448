"""A message in its present state: what later events made of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any, Final

import msgspec
from msgspec import UNSET, structs

from protocol.events import (
    Event,
    Message,
    MessageDeleted,
    MessageRestored,
    MessageUpdated,
    Pinned,
    Reaction,
    Tally,
)

_TAKEN: Final[dict[str, Any]] = {
    "body": UNSET,
    "mentions": UNSET,
    "files": UNSET,
    "edited_at": UNSET,
}  # by a deletion


class Fold(msgspec.Struct):
    """What a store says became of a message. ``body`` None: it is as it was sent."""

    body: str | None = None
    edited_at: int | None = None
    deleted: bool = False
    pinned: bool = False
    reactions: dict[str, Tally] = msgspec.field(default_factory=dict)


def folded(message: Message, fold: Fold) -> Message:
    """*message* as pages show it, which say ``deleted`` even of one that is as it was sent."""
    present = structs.replace(
        message,
        body=message.body if fold.body is None else fold.body,
        deleted=fold.deleted,
        edited_at=UNSET if fold.edited_at is None else fold.edited_at,
        pinned=fold.pinned or UNSET,
        reactions=fold.reactions or UNSET,
    )
    return structs.replace(present, **_TAKEN) if fold.deleted else present


def present(message: Message, changes: Iterable[Event], asker: str) -> Message:
    """The same by the events themselves: ascending, all of *message*, as *asker* sees it.

    >>> said = Message(room="r", seq=1, at=5, sender="ann", kind="text", body="hi")
    >>> edit = MessageUpdated(room="r", seq=2, at=9, of=1, body="ho", sender="ann")
    >>> present(said, [edit], "bob").body
    'ho'
    """
    events = list(changes)
    state = reduce(changed, events, structs.replace(message, deleted=False))
    return structs.replace(state, reactions=tallies(events, asker) or UNSET)


def changed(message: Message, change: Event) -> Message:
    """A folded *message* after one more *change*."""
    match change:
        case MessageUpdated(at=at, body=body):
            return structs.replace(message, body=body, edited_at=at)
        case MessageDeleted():
            return structs.replace(message, deleted=True, **_TAKEN)
        case MessageRestored():
            back = {name: getattr(change, name) for name in _TAKEN}
            return structs.replace(message, deleted=False, **back)
        case Pinned(on=on):
            return structs.replace(message, pinned=on or UNSET)
        case _:
            return message


def tallies(changes: Iterable[Event], asker: str) -> dict[str, Tally]:
    """The reactions among *changes*, first come first.

    >>> liked = Reaction(room="r", seq=2, at=9, of=1, emoji="👍", sender="ann", on=True)
    >>> tallies([liked], "ann"), tallies([liked], "bob")
    ({'👍': Tally(count=1, me=True)}, {'👍': Tally(count=1, me=False)})
    """
    put: dict[tuple[str, str], None] = {}
    for change in changes:
        if isinstance(change, Reaction):
            put.pop((change.emoji, change.sender), None)
            if change.on:
                put[change.emoji, change.sender] = None
    found: dict[str, Tally] = {}
    for emoji, sender in put:
        tally = found.setdefault(emoji, Tally(0, me=False))
        found[emoji] = Tally(tally.count + 1, tally.me or sender == asker)
    return found
