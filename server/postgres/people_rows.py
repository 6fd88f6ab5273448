"""What a row of ``users`` becomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from protocol.ids import Millis, UserId

COLUMNS = """u.user_no, u.user_id, u.username, u.name, u.password_hash, u.phone, u.birth_date,
    u.gender, u.preferred_gender, u.region, u.time_zone, u.language, u.last_seen, u.read_receipts,
    u.status, u.role, u.is_test, extract(epoch FROM u.tokens_after)::bigint AS tokens_after,
    (extract(epoch FROM u.last_sign_in_at) * 1000)::bigint AS last_sign_in_at,
    (extract(epoch FROM u.created_at) * 1000)::bigint AS created_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Everything stored about one user. Without ``password_hash`` no password signs in."""

    user_no: int
    user_id: UserId
    username: str
    name: str
    password_hash: str | None
    phone: str | None
    birth_date: date | None
    gender: str | None
    preferred_gender: str | None
    region: str | None
    time_zone: str
    language: str
    last_seen: str  # to whom it is shown: everybody | nobody
    read_receipts: bool
    status: str
    role: str
    is_test: bool
    tokens_after: int | None  # seconds; tokens issued before are revoked
    last_sign_in_at: Millis | None
    created_at: Millis

    @property
    def shown_name(self) -> str:
        """How others see this user."""
        return self.name or self.username


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """Somebody to store. ``username`` is in NFC."""

    user_id: str
    username: str
    name: str = ""
    password_hash: str | None = None
    is_test: bool = False


def person_of(row: Any) -> Person:
    """A row of COLUMNS."""
    return Person(**row)
