"""How a stored person is shown: to himself, to admins, to everybody."""

from __future__ import annotations

from typing import TypeVar, cast

from msgspec import UNSET, UnsetType

from server.http.schemas import (
    Account,
    AccountRole,
    AccountStatus,
    FoundPerson,
    Gender,
    LastSeen,
    Me,
    PreferredGender,
)
from server.postgres.people_rows import Person

T = TypeVar("T")


def given(value: T | None) -> T | UnsetType:
    """*value*; None is left out."""
    return UNSET if value is None else value


def own_profile(person: Person) -> Me:
    """Everything but the password."""
    return Me(
        id=person.user_id,
        username=person.username,
        name=person.shown_name,
        phone=given(person.phone),
        birth_date=given(person.birth_date),
        gender=given(cast("Gender | None", person.gender)),
        preferred_gender=given(cast("PreferredGender | None", person.preferred_gender)),
        region=given(person.region),
        time_zone=person.time_zone,
        language=person.language,
        last_seen=cast(LastSeen, person.last_seen),
        read_receipts=person.read_receipts,
        status=cast(AccountStatus, person.status),
        role=cast(AccountRole, person.role),
        is_test=person.is_test,
        last_sign_in_at=given(person.last_sign_in_at),
        created_at=person.created_at,
    )


def account_of(person: Person) -> Account:
    """What admins decide by."""
    return Account(
        id=person.user_id,
        username=person.username,
        name=person.shown_name,
        status=cast(AccountStatus, person.status),
        role=cast(AccountRole, person.role),
        is_test=person.is_test,
        last_sign_in_at=given(person.last_sign_in_at),
        created_at=person.created_at,
    )


def found_person(person: Person) -> FoundPerson:
    """What strangers may see."""
    return FoundPerson(person.user_id, person.username, person.shown_name)
