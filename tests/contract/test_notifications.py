"""What is kept for people until they have seen it, in memory and in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from actors.ports import Notifications
from protocol.ids import Millis
from protocol.limits import SEEN_MOST
from protocol.notices import Notification
from server.memory.notifications import MemoryNotifications
from server.postgres.blocks import BlockStore
from server.postgres.notifications import NotificationStore

INSERT = """
INSERT INTO notifications (notification_id, recipient_no, sender_no, notification_type, title,
    data, subject, created_at)
VALUES ($1, $2, 9, 'broadcast.received', $1, '{"broadcast": "b"}', $1, $3)"""

Keep = Callable[[int, str, int], Awaitable[None]]


@pytest.fixture
async def kept(world_url: str | None, open_world: Any) -> AsyncIterator[tuple[Notifications, Keep]]:
    if world_url is None:
        memory = MemoryNotifications()

        async def keep(user_no: int, name: str, at: int) -> None:
            memory.add(user_no, _notification(name, at))

        yield memory, keep
    else:
        async with open_world(world_url) as world:

            async def keep(user_no: int, name: str, at: int) -> None:
                await world.database.execute(INSERT, name, user_no, at)

            yield NotificationStore(world.database), keep


def _notification(name: str, at: int) -> Notification:
    return Notification(
        id=name,
        type="broadcast.received",
        title=name,
        body="",
        data={"broadcast": "b"},
        priority=2,
        at=at,
        sender="user9",
    )


async def test_they_come_until_they_are_seen(kept: tuple[Notifications, Keep]) -> None:
    store, keep = kept
    await keep(1, "one", 1)
    await keep(1, "two", 2)
    await keep(2, "other", 3)
    assert await store.unseen([1, 3]) == {1: [_notification("one", 1), _notification("two", 2)]}
    keys: list[tuple[int, tuple[str, ...]]] = [(1, ("one", "other", "never")), (3, ("two",))]
    assert await store.seen(keys, at=Millis(9)) == {keys[0]: ("one",), keys[1]: ()}
    assert await store.seen(keys, at=Millis(9)) == {keys[0]: (), keys[1]: ()}
    found = await store.unseen([1, 2])
    assert {user: [each.id for each in some] for user, some in found.items()} == {
        1: ["two"],
        2: ["other"],
    }


async def test_of_too_many_the_newest_come(kept: tuple[Notifications, Keep]) -> None:
    store, keep = kept
    for number in range(103):
        await keep(1, f"n{number:03}", number)
    found = await store.unseen([1])
    assert [each.id for each in found[1]] == [f"n{number:03}" for number in range(3, 103)]


@pytest.mark.parametrize(
    ("change", "is_shown"),
    [
        ("deleted_at = 5", False),
        ("expires_at = 5", False),
        ("expires_at = 4102444800000", True),  # in 2100
        ('data = \'{"more": {"n": [1, null]}}\'', True),
    ],
)
async def test_what_is_deleted_or_out_of_date_is_not_shown(
    postgres: Any, change: str, is_shown: bool
) -> None:
    await postgres.database.execute(INSERT, "one", 1, 1)
    await postgres.database.execute(f"UPDATE notifications SET {change}")  # noqa: S608
    found = await NotificationStore(postgres.database).unseen([1])
    assert bool(found) is is_shown


async def test_those_of_somebody_blocked_hide_no_others(postgres: Any) -> None:
    store = NotificationStore(postgres.database)
    insert = INSERT.replace("9, 'broadcast", "$4, 'broadcast")
    await postgres.database.execute(insert, "older", 1, 1, 8)
    for number in range(SEEN_MOST):
        await postgres.database.execute(insert, f"n{number}", 1, 2, 9)
    await BlockStore(postgres.database).change(1, 9, on=True, at=Millis(1))
    assert [each.id for each in (await store.unseen([1]))[1]] == ["older"]
