"""Whoever waits for several notifications waits for nobody who waits for him."""

from __future__ import annotations

import pytest
import trio
from notification_world import NOON, digest, new, open_app_world

from server.postgres.notification_settling import WORK, held

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
MERGE = """
UPDATE notification_deliveries m SET state = 'merged', merged_into = t.leg_no
FROM notification_deliveries t WHERE m.notification_no = $1 AND t.notification_no = $2"""
SEEN = "UPDATE notifications SET seen_at = 1 WHERE notification_id = $1"
FREE = """
SELECT notification_id FROM notifications WHERE notification_id IN ('a', 'z')
ORDER BY notification_id FOR NO KEY UPDATE SKIP LOCKED"""
TAKE = """
SELECT notification_no FROM notification_queue WHERE notification_no = ANY ($1::bigint[])
FOR NO KEY UPDATE"""


@pytest.fixture
async def run(database_url):
    async with open_app_world(database_url) as world:
        yield world


async def waits(run, number):
    for _ in range(500):
        if await run.owner.fetchval(WAITING) >= number:
            return
        await trio.sleep(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("is_told_waited_for", [True, False])
async def test_what_was_merged_meanwhile_is_taken_in_order(run, is_told_waited_for):
    """One waits for the later of two, which is merged meanwhile with the earlier one, which another
    has who waits for the later one, too.
    """
    await run.endpoint(1)
    await run.queue.enqueue([new(name, platforms=("push",)) for name in ("earlier", "later")])
    rows = await run.fetch("SELECT notification_no FROM notification_queue ORDER BY 1")
    earlier, later = [row[0] for row in rows]
    pair = (later, earlier) if is_told_waited_for else (earlier, later)
    taken = []

    async def take(*numbers):
        async with run.database.transaction(begin=WORK) as transaction:
            taken.append((numbers, await held(transaction, numbers)))

    async with trio.open_nursery() as nursery, run.database.transaction(begin=WORK) as router:
        await router.fetch(TAKE, [later])
        nursery.start_soon(take, later)
        await waits(run, 1)
        nursery.start_soon(take, earlier, later)
        await waits(run, 2)
        await router.execute(MERGE, *pair)
    assert {each: list(found) for each, found in taken} == {
        (later,): [earlier, later],
        (earlier, later): [earlier, later],
    }


async def test_those_that_are_replaced_are_taken_in_the_order_of_readers(run):
    """Who waits for the first of them has none that a reader has come to before."""
    for name, key in (("z", "x"), ("a", "y")):
        await run.send(name, collapse_key=key)
    await run.place()
    await run.queue.enqueue([new("later z", collapse_key="x"), new("later a", collapse_key="y")])
    async with trio.open_nursery() as nursery, run.database.service() as reader:
        await reader.execute(SEEN, "a")
        nursery.start_soon(run.place)
        await waits(run, 1)
        assert [row["notification_id"] for row in await reader.fetch(FREE)] == ["a", "z"]
    assert await run.unread(1) == {"later z", "later a"}


async def test_reading_those_of_a_digest_at_the_same_time_takes_it_back_once(run):
    """Who has read the last of them knows of all the others."""
    await run.endpoint(1)
    names = [f"n{number}" for number in range(8)]
    await run.queue.enqueue([new(name, platforms=("push",)) for name in names])
    await run.place(digest)
    await run.sent()
    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(lambda name=name: run.read(name, at=NOON + 5))
    assert await run.states(names[-1]) == [("push", "withdraw", "")]
