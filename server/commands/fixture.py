"""``madang fixture``: many users and rooms at once, for load tests."""

from __future__ import annotations

import os
import secrets
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from protocol.ids import RoomId
from server.clock import SystemClock
from server.commands.arguments import place_of
from server.commands.opened import Opened, token_maker, work_on
from server.failure import CannotRun
from server.ids import random_id
from server.postgres.people_rows import NewPerson, Person
from server.postgres.rooms import RoomStore
from server.postgres.users import UserStore
from server.private_file import write_private
from server.settings import Place, read_token_key
from server.tokens import Tokens

T = TypeVar("T")

PEOPLE_AT_ONCE = 5_000
MEMBERS_AT_ONCE = 20_000


class Wanted(NamedTuple):
    """How much of everything."""

    users: int
    rooms: int
    size: int


def add_arguments(parser: ArgumentParser) -> None:
    """How many of what, and where to tell of them."""
    parser.add_argument("--users", type=_count, required=True, metavar="N")
    parser.add_argument("--rooms", type=_count, required=True, metavar="R")
    parser.add_argument("--size", type=_count, required=True, metavar="K", help="members of a room")
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="a line {user, username, token, rooms} a user"
    )


def run(arguments: Namespace) -> int:
    """Make them, and write the file: it is whole or not there at all."""
    wanted = Wanted(arguments.users, arguments.rooms, arguments.size)
    if wanted.rooms and not 0 < wanted.size <= wanted.users:
        raise CannotRun(f"--size must be from 1 to --users ({wanted.users}), not {wanted.size}")
    place, out = place_of(arguments), Path(arguments.out)
    if not out.absolute().parent.is_dir():
        raise CannotRun(f"--out: there is no folder {out.absolute().parent}")
    make = partial(_make, place, read_token_key(os.environ), wanted)
    lines = work_on(place, make, may_make=True)
    write_private(out, b"".join(lines))
    sys.stdout.write(f"{wanted.users} users and {wanted.rooms} rooms are in {out}\n")
    return 0


def members_of(room: int, wanted: Wanted) -> list[int]:
    """Which users are in room number *room*, such that all users are in about as many rooms.

    >>> [members_of(room, Wanted(users=5, rooms=3, size=2)) for room in range(3)]
    [[0, 1], [2, 3], [4, 0]]
    """
    return [(room * wanted.size + place) % wanted.users for place in range(wanted.size)]


async def _make(place: Place, given: str | None, wanted: Wanted, opened: Opened) -> list[bytes]:
    tokens = token_maker(opened, place, given)
    people = await _people(UserStore(opened.database), wanted.users)
    rooms = [RoomId(random_id()) for _ in range(wanted.rooms)]
    rooms_by_user: dict[int, list[RoomId]] = {}
    new = []
    for n, room in enumerate(rooms):
        members = members_of(n, wanted)
        new.append((room, f"room {n}", [people[user].user_no for user in members]))
        for user in members:
            rooms_by_user.setdefault(user, []).append(room)
    store = RoomStore(opened.database, new_id=random_id)
    for part in _parts(new, max(1, MEMBERS_AT_ONCE // max(1, wanted.size))):
        await store.create_many(part)
    return _lines(people, rooms_by_user, tokens)


async def _people(store: UserStore, count: int) -> list[Person]:
    """Users whose names no earlier run has used."""
    run_name = secrets.token_hex(4)
    new = [
        NewPerson(user_id=random_id(), username=f"load-{run_name}-{n}", is_test=True)
        for n in range(count)
    ]
    return [
        person for part in _parts(new, PEOPLE_AT_ONCE) for person in await store.create_many(part)
    ]


def _lines(
    people: Sequence[Person], rooms_by_user: Mapping[int, Sequence[RoomId]], tokens: Tokens
) -> list[bytes]:
    now_s = SystemClock().now_ms() // 1000
    return [
        msgspec.json.encode(
            {
                "user": person.user_id,
                "username": person.username,
                "token": tokens.issue(person.user_id, now_s)[0],
                "rooms": rooms_by_user.get(n, []),
            }
        )
        + b"\n"
        for n, person in enumerate(people)
    ]


def _parts(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (things[start : start + size] for start in range(0, len(things), size))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)
