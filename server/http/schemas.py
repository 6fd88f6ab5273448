"""The bodies and queries of the HTTP API. Null equals absent, but for what it can clear."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from protocol.events import Listed
from protocol.fields import (
    EventSeq,
    IdField,
    Kind,
    SeqField,
)
from protocol.limits import HISTORY_DEFAULT, HISTORY_MOST
from server.passwords import LONGEST_PASSWORD

PEOPLE_DEFAULT, PEOPLE_MOST = 20, 50

Username = Annotated[str, Meta(min_length=1, max_length=64)]
Password = Annotated[str, Meta(min_length=1, max_length=LONGEST_PASSWORD)]
Phone = Annotated[
    str,
    Meta(
        pattern=r"^\+?[0-9][0-9 ()-]{1,30}$",
        description="a telephone number such as +82 10-1234-5678",
    ),
]
Language = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        max_length=35,
        description="a language tag such as ko or en-GB",
    ),
]
ZoneName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_+/-]{1,64}$", description="a name such as Asia/Seoul")
]
Region = Annotated[str, Meta(min_length=1, max_length=64)]
Gender = Literal["female", "male", "other"]
PreferredGender = Literal["female", "male", "other", "any"]
LastSeen = Literal["everybody", "nobody"]
AccountStatus = Literal["active", "suspended", "deleted"]
AccountRole = Literal["user", "admin"]


# ---- accounts


class SignUp(msgspec.Struct):
    """A new account."""

    username: Username
    password: Password
    name: Annotated[str, Meta(max_length=256)] | None = None


class SignIn(msgspec.Struct):
    """A name and its password."""

    username: Username
    password: Password


class NewPassword(msgspec.Struct):
    """The password so far, and the one from now on."""

    current_password: Password
    new_password: Password


class ProfileChange(msgspec.Struct):
    """What is given changes; null clears what may be empty."""

    name: Annotated[str, Meta(max_length=256)] | UnsetType = UNSET
    phone: Phone | UnsetType | None = UNSET
    birth_date: date | UnsetType | None = UNSET
    gender: Gender | UnsetType | None = UNSET
    preferred_gender: PreferredGender | UnsetType | None = UNSET
    region: Region | UnsetType | None = UNSET
    time_zone: ZoneName | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    last_seen: LastSeen | UnsetType = UNSET
    read_receipts: bool | UnsetType = UNSET


class Me(msgspec.Struct, kw_only=True):
    """Everything a user may know of himself."""

    id: str
    username: str
    name: str
    phone: str | UnsetType = UNSET
    birth_date: date | UnsetType = UNSET
    gender: Gender | UnsetType = UNSET
    preferred_gender: PreferredGender | UnsetType = UNSET
    region: str | UnsetType = UNSET
    time_zone: str
    language: str
    last_seen: LastSeen
    read_receipts: bool
    status: AccountStatus
    role: AccountRole
    is_test: bool
    last_sign_in_at: int | UnsetType = UNSET
    created_at: int


class Session(msgspec.Struct):
    """A token for ``Authorization: Bearer``. ``expires_at`` is a time."""

    user: Me
    token: str
    expires_at: int


# ---- people


class PeopleQuery(msgspec.Struct):
    """``q`` is the beginning of a username or name."""

    q: Annotated[str, Meta(min_length=1, max_length=64)]
    limit: Annotated[int, Meta(ge=1, le=PEOPLE_MOST)] = PEOPLE_DEFAULT


class FoundPerson(msgspec.Struct):
    """A user as every other may see him."""

    id: str
    username: str
    name: str


class People(msgspec.Struct):
    """Users, by username."""

    items: list[FoundPerson]


class AccountChange(msgspec.Struct):
    """What an admin changes of an account."""

    status: AccountStatus | None = None
    role: AccountRole | None = None


class Account(msgspec.Struct, kw_only=True):
    """An account as admins see it. The times are milliseconds."""

    id: str
    username: str
    name: str
    status: AccountStatus
    role: AccountRole
    is_test: bool
    last_sign_in_at: int | UnsetType = UNSET
    created_at: int


class DemoAccount(msgspec.Struct):
    """An account to try the server with."""

    username: str
    password: str
    name: str


class DemoAccounts(msgspec.Struct):
    """Only on a server that was started to be tried."""

    items: list[DemoAccount]


class Changed(msgspec.Struct):
    """The event that the change made; neither where nothing changed. ``at`` is a time."""

    seq: int | UnsetType = UNSET
    at: int | UnsetType = UNSET


# ---- messages


class NewMessage(msgspec.Struct):
    """What the ``send`` of the wire says, but for ``room`` and ``id``."""

    body: str
    kind: Kind | None = None
    reply_to: EventSeq | None = None
    thread: EventSeq | None = None
    files: list[IdField] | None = None
    mentions: list[IdField] | None = None


class Posted(msgspec.Struct):
    """The wire's ``ack``: the message is durable, at ``seq``; ``dup`` when it already was."""

    room: str
    id: str
    seq: int
    at: int
    dup: bool


class MessagesQuery(msgspec.Struct):
    """At most one of the first three; none asks for the newest page. ``around`` is inside."""

    after: SeqField | None = None
    before: SeqField | None = None
    around: EventSeq | None = None
    limit: Annotated[int, Meta(ge=1, le=HISTORY_MOST)] = HISTORY_DEFAULT
    thread: EventSeq | None = None


class Messages(msgspec.Struct):
    """Events, ascending, true as of ``upto``. ``next`` is the bound that asks for ``more``."""

    room: str
    items: list[Listed]
    more: bool
    upto: int
    next: int | UnsetType = UNSET


# ---- health


class Health(msgspec.Struct):
    """``ok``."""

    status: Literal["ok"] = "ok"
