"""Two accounts and a room to try the server with, on embedded data alone.

Their passwords are random, and ``demo.json`` in the data folder knows them. A name that somebody
has already is left to him: the demo account gets another one.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec

from server.commands.opened import Opened
from server.http.schemas import DemoAccount
from server.ids import random_id
from server.passwords import Passwords
from server.postgres.people_rows import NewPerson, Person
from server.postgres.rooms import RoomStore
from server.postgres.users import UserStore
from server.private_file import write_private

NAMES = {"mina": "미나", "joon": "준"}
ROOM = "마당"


class Demo(msgspec.Struct, frozen=True):
    """What ``demo.json`` holds. ``room`` is empty until it is made."""

    accounts: list[DemoAccount]
    room: str = ""


async def prepare_demo(data: Path, opened: Opened) -> Demo:
    """Make the accounts and the room where they are missing."""
    path, users = data / "demo.json", UserStore(opened.database)
    if path.exists():
        demo = msgspec.json.decode(path.read_bytes(), type=Demo)
    else:
        demo = Demo([await _free_account(users, username) for username in NAMES])
        write_private(path, msgspec.json.encode(demo))
    if not demo.room:
        people = [await _person(users, account) for account in demo.accounts]
        owner_no, *others = [person.user_no for person in people]
        rooms = RoomStore(opened.database, new_id=random_id)
        room = await rooms.create_team(
            name=ROOM, description=None, owner_no=owner_no, member_nos=others
        )
        demo = Demo(demo.accounts, room)
        write_private(path, msgspec.json.encode(demo))
    return demo


async def _free_account(users: UserStore, username: str) -> DemoAccount:
    name, password = NAMES[username], secrets.token_hex(6)
    if await users.by_username(username) is not None:
        username = f"{username}-{secrets.token_hex(3)}"
    return DemoAccount(username, password, name)


async def _person(users: UserStore, account: DemoAccount) -> Person:
    """The account's user, made where there is none: a start may have been cut short."""
    known = await users.by_username(account.username)
    if known is not None:
        return known
    password_hash = await Passwords().hash(account.password)
    await users.create(
        NewPerson(
            user_id=random_id(),
            username=account.username,
            name=account.name,
            password_hash=password_hash,
        )
    )
    made = await _person(users, account)
    await users.patch(made.user_no, {"phone": f"010-0000-{made.user_no:04}"})  # to hear broadcasts
    return made
