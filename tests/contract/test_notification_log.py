"""Each decision and attempt, and what they come to; and how all of it is forgotten."""

from __future__ import annotations

import pytest
from notification_world import (
    AGAIN,
    HOUR,
    MINUTE,
    NOON,
    REFUSED,
    SENT,
    hold,
    open_app_world,
)

from actors.notification_records import Attempt, Decision, Window
from protocol.ids import Millis

LATER = Millis(NOON + HOUR)


@pytest.fixture
async def run(database_url):
    async with open_app_world(database_url) as world:
        yield world


async def sent(run, name="n1", attempt=SENT, **fields):
    """One that was tried to be sent, and then was again or not."""
    if not await run.fetch("SELECT FROM notification_endpoints"):
        await run.endpoint(1)
    await run.send(name, platforms=("push",), **fields)
    await run.place()
    [leg] = (await run.begin()).legs
    await run.record(leg, attempt, NOON if attempt is AGAIN else None, at=NOON + 5)


async def test_the_timeline_of_one(run):
    await sent(run, attempt=AGAIN)
    [leg] = (await run.begin()).legs
    await run.record(leg, SENT, at=NOON + 9)
    found = await run.logged.of("n1", 1)
    assert [(e.platform, e.status, e.reason, e.attempt, e.latency_ms, e.error, e.at)
            for e in found] == [
        ("push", "pending", "", 0, None, None, NOON),
        ("push", "pending", "limited", 1, 0, "limited", NOON + 5),
        ("push", "sent", "", 2, 7, None, NOON + 9),
    ]  # fmt: skip
    assert {(e.notification_id, e.type) for e in found} == {("n1", "meeting.invitation")}
    assert await run.logged.of("n1") == found
    assert await run.logged.of("n1", 2) is None
    assert await run.logged.of("never") is None
    await run.send("n2")
    assert await run.logged.of("n2", 1) == []


async def test_the_log_of_somebody(run):
    await sent(run)
    await run.send("n2")
    await run.send("n3", 2)
    await run.place()
    found = await run.logged.of_user(1, limit=2)
    assert [(e.notification_id, e.status) for e in found] == [("n2", "sent"), ("n1", "sent")]
    rest = await run.logged.of_user(1, before=found[-1].log_no, limit=9)
    assert [(e.notification_id, e.status) for e in rest] == [("n1", "pending")]
    assert await run.logged.of_user(3, limit=9) == []


async def test_figures_of_each_platform(run):
    for number in range(4):
        await sent(run, f"s{number}", Attempt(kind="sent", latency_ms=10 * (number + 1)))
    await sent(run, "f", REFUSED)
    await run.send("held", at=NOON + 1)
    await run.place(hold(NOON + HOUR), now=NOON + 1)
    await run.send("due", scheduled_at=NOON - MINUTE)
    await run.send("later", scheduled_at=NOON + MINUTE)
    found = await run.logged.statistics(NOON, now=Millis(NOON + 5))
    push, web = found["push"], found["web"]
    assert (push.counts, push.reasons) == (
        {"pending": 5, "sent": 4, "failed": 1},
        {"not_authorized": 1},
    )
    assert (push.latency_p50_ms, push.latency_p95_ms) == (20, 40)
    assert (web.counts, web.reasons) == ({"held": 1}, {"quiet_hours": 1})
    assert (web.latency_p50_ms, web.waiting, web.oldest_ms) == (None, 1, MINUTE + 5)
    assert found["kakao"] == ({}, {}, None, None, 0, 0)
    after = await run.logged.statistics(Millis(NOON + 5), now=Millis(NOON + 5))
    assert (after["push"].counts, after["web"].counts) == ({"sent": 4, "failed": 1}, {})


# ---- what is forgotten


async def test_old_entries_are_forgotten_some_at_a_time(run):
    for number in range(5):
        await run.send(f"n{number}")
        await run.place(now=NOON + number)
    assert await run.logged.forget(Millis(NOON + 3), most=2) == 2
    assert await run.logged.forget(Millis(NOON + 3), most=9) == 1
    assert await run.logged.forget(Millis(NOON + 3), most=9) == 0
    left = await run.logged.of_user(1, limit=9)
    assert [each.notification_id for each in left] == ["n4", "n3"]


async def test_what_has_ended_is_forgotten_with_its_legs(run):
    await sent(run, "old")
    await run.send("shown", platforms=("web", "push"))
    await run.place(lambda legs: [
        Decision(leg_no=leg.leg_no, kind="go" if leg.platform == "web" else "skip") for leg in legs
    ])  # fmt: skip
    await run.send("pending", scheduled_at=LATER)
    await run.send("new", at=NOON + 1)
    await run.place(now=NOON + 1)
    assert await run.logged.forget_ended(Millis(NOON + 1), most=1) == 1
    assert await run.logged.forget_ended(Millis(NOON + 1), most=9) == 1
    assert await run.logged.forget_ended(Millis(NOON + 1), most=9) == 0
    assert set(await run.kept()) == {"pending", "new"}
    assert await run.fetch("SELECT count(*) FROM notification_deliveries") == [(2,)]
    assert await run.unseen() == ["shown", "new"]
    assert await run.read("shown") == ["shown"]
    entries = await run.logged.of_user(1, limit=9)
    assert {each.notification_id for each in entries} == {None, "new"}


async def test_what_is_to_be_taken_back_is_not_forgotten(run):
    await run.endpoint(1, "discord")
    await run.send(platforms=("discord",))
    await run.place()
    await run.sent("discord")
    await run.read("n1")
    assert await run.logged.forget_ended(LATER, most=9) == 0
    [leg] = (await run.begin("discord")).legs
    await run.record(leg, Attempt(kind="withdrawn"))
    assert await run.logged.forget_ended(LATER, most=9) == 1


async def test_windows_and_what_was_deleted_are_forgotten(run):
    await run.send("n1")
    await run.send("n2")
    windows = {"a": Window(NOON + 1, 1), "b": Window(NOON + 2, 1), "c": Window(LATER, 1)}
    await run.place(lambda legs: [
        Decision(leg_no=leg.leg_no, kind="go", windows=windows) for leg in legs
    ])  # fmt: skip
    assert await run.logged.forget_windows(Millis(NOON + 3), most=1) == 1
    assert await run.logged.forget_windows(Millis(NOON + 3), most=9) == 1
    assert set(await run.windows()) == {(1, "web", "c")}
    await run.inbox.delete(1, "n1", at=NOON)
    assert await run.logged.forget_deleted(NOON, most=9) == 0
    assert await run.logged.forget_deleted(LATER, most=9) == 1
    assert await run.owner.fetchval("SELECT count(*) FROM notifications") == 1
