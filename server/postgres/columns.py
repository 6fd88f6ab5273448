"""Batches as the arguments of ``append_events``: a column of each kind for all rooms together.

Columns of numbers go as text, ``{1,2,NULL}``: asyncpg asks each element of a list whether it is a
list itself, 0.38 µs for a number, against 0.12 µs to write it down. A column that holds nothing
goes as an empty one, for which ``unnest`` gives NULL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import structs

from actors.ports import Batch

_ROOMS = "integer[]", "bigint[]"
_EVENTS = (
    *("integer[]", "integer[]", "bigint[]", "smallint[]", "integer[]", "integer[]", "text[]"),
    *("bigint[]", "text[]", "integer[]", "integer[]", "text[]"),
)
_CURSORS = _MENTIONS = "integer[]", "integer[]", "integer[]"
_MOVES = "integer[]", "integer[]", "text[]", "integer[]", "bigint[]"
_TYPES = (*_ROOMS, *_EVENTS, *_CURSORS, *_MOVES, *_MENTIONS)
_NAMES = (
    *("rooms", "epochs"),
    *("e_room", "e_seq", "e_at", "e_kind", "e_sender", "e_countable", "e_client_id"),
    *("e_digest", "e_body", "e_reply_to", "e_thread", "e_extra"),
    *("c_room", "c_user", "c_seq"),
    *("v_room", "v_user", "v_role", "v_seq", "v_at"),
    *("m_room", "m_user", "m_seq"),
)


def _argument(number: int, name: str, kind: str) -> str:
    return f"{name} => ${number}{'' if kind == 'text[]' else '::text'}::{kind}"


APPEND = "SELECT * FROM append_events(this_owner => $1, {})".format(  # noqa: S608 - names and numbers of this file
    ", ".join(
        _argument(number, name, kind)
        for number, (name, kind) in enumerate(zip(_NAMES, _TYPES, strict=True), 2)
    )
)


def columns(batches: Sequence[Batch]) -> list[object]:
    """The arguments of APPEND after the first.

    >>> from actors.ports import EventKind, NewEvent
    >>> event = NewEvent(3, 99, EventKind.MESSAGE, 5, 2, "id", -7, "hi")
    >>> columns([Batch(1, 4, [event], [], {5: 3}, [])])[2:14]
    ['{1}', '{3}', '{99}', '{1}', '{5}', '{2}', ('id',), '{-7}', ('hi',), '{}', '{}', ()]
    """
    events = [
        (batch.room_no, *structs.astuple(event)) for batch in batches for event in batch.events
    ]
    cursors = [
        (batch.room_no, user_no, seq) for batch in batches for user_no, seq in batch.cursors.items()
    ]
    mentions = [
        (batch.room_no, user_no, seq) for batch in batches for user_no, seq in batch.mentions
    ]
    return [
        *_turned([(batch.room_no, batch.epoch) for batch in batches], _ROOMS),
        *_turned(events, _EVENTS),
        *_turned(cursors, _CURSORS),
        *_turned([move for batch in batches for move in _moves(batch)], _MOVES),
        *_turned(mentions, _MENTIONS),
    ]


def _moves(batch: Batch) -> Iterable[tuple[object, ...]]:
    if not batch.moves:
        return
    at_by_seq = {event.seq: event.at for event in batch.events}
    for move in batch.moves:
        yield batch.room_no, move.user_no, move.role, move.seq, at_by_seq[move.seq]


def _turned(rows: Sequence[tuple[object, ...]], kinds: Sequence[str]) -> list[object]:
    by_column = list(zip(*rows, strict=True)) if rows else [()] * len(kinds)
    return [_written(column, kind) for column, kind in zip(by_column, kinds, strict=True)]


def _written(column: tuple[object, ...], kind: str) -> object:
    if column.count(None) == len(column):
        return () if kind == "text[]" else "{}"
    if kind == "text[]":
        return column
    return "{" + ",".join(map(str, column)).replace("None", "NULL") + "}"
