"""What is held back, and what is shown silently instead: the same in memory and in PostgreSQL."""

from __future__ import annotations

from functools import partial

import pytest
from notification_world import HOUR, MINUTE, NOON, go, hold, new, open_notification_world

from actors.notification_records import Decision, Preferences
from actors.rules.routing import DND_AGAIN_MS, HELD_MOST_MS, RoutingLimits, decide
from server.memory.notification_queue import SIBLINGS_MOST

HELD = hold(NOON + HOUR)


@pytest.fixture
async def run(world_url):
    async with open_notification_world(world_url) as world:
        yield world


def by_the_rules(now, *, looks=False):
    return partial(decide, now=now, online=lambda _: looks, limits=RoutingLimits())


# ---- who looks at the page


@pytest.mark.parametrize("platforms", [("web", "push"), ("push", "web")])
async def test_who_looks_is_pushed_nothing_that_is_shown_in_the_same_round(run, platforms):
    await run.endpoint(1)
    await run.send(platforms=platforms)
    await run.place(by_the_rules(NOON, looks=True))
    assert set(await run.states()) == {("web", "sent", ""), ("push", "skipped", "online")}


async def test_who_looks_is_pushed_what_was_shown_before(run):
    """It may have been shown by another node, to which he has no connection."""
    await run.endpoint(1)
    await run.send(platforms=("web", "push"))
    await run.place(lambda legs: [*go(legs[:1]), *HELD(legs[1:])])
    await run.place(by_the_rules(NOON + HOUR, looks=True), now=NOON + HOUR)
    assert (await run.states())[1] == ("push", "ready", "")


@pytest.mark.parametrize("is_on_the_web", [True, False])
async def test_who_looks_is_pushed_what_he_cannot_see_there(run, is_on_the_web):
    await run.endpoint(1)
    await run.want(1, "web", Preferences(types={"meeting.invitation": False}))
    await run.send(platforms=("web", "push") if is_on_the_web else ("push",))
    await run.send("other")
    placed = await run.place(by_the_rules(NOON, looks=True))
    assert placed.ready == {"push"}
    assert (await run.states())[-1] == ("push", "ready", "")


# ---- the web


@pytest.mark.parametrize(("is_silent", "reason"), [(True, "dnd"), (False, "")])
async def test_the_web_has_it_at_once_and_says_why_nobody_hears_it(run, is_silent, reason):
    await run.want(1, "web", Preferences(dnd=is_silent))
    await run.send()
    [shown] = (await run.place(by_the_rules(NOON))).shown
    assert shown.is_loud is not is_silent
    assert await run.unseen() == ["n1"]
    assert await run.states() == [("web", "sent", reason)]
    assert await run.log() == [("web", "sent", reason)]


# ---- what waits long


async def test_what_is_held_back_for_the_same_once_more_has_one_entry(run):
    await run.send(platforms=("push",))
    await run.endpoint(1)
    for look in range(4):
        await run.place(hold(NOON + (look + 1) * HOUR), now=NOON + look * HOUR)
    other = {"kind": "hold", "reason": "dnd", "until": NOON + 5 * HOUR, "hold_key": "dnd"}
    await run.place(lambda legs: [Decision(leg_no=legs[0].leg_no, **other)], now=NOON + 4 * HOUR)
    await run.place(now=NOON + 5 * HOUR)
    assert await run.log() == [
        ("push", "held", "quiet_hours"),
        ("push", "held", "dnd"),
        ("push", "pending", ""),
    ]


async def test_what_is_held_back_for_this_and_for_that_has_an_entry_an_hour(run):
    await run.endpoint(1)
    await run.send(platforms=("push",))
    for look in range(7):
        now = NOON + look * HOUR // 3
        key = ("quiet_hours", "dnd")[look % 2]
        how = {"kind": "hold", "reason": key, "until": now + 1, "hold_key": key}
        await run.place(lambda legs, how=how: [Decision(leg_no=legs[0].leg_no, **how)], now=now)
    assert (await run.states())[0][2] == "quiet_hours"
    held = [(each[3], each[7]) for each in await run.entries()]
    assert held == [("quiet_hours", NOON), ("dnd", NOON + HOUR), ("quiet_hours", NOON + 2 * HOUR)]


async def test_who_wants_the_same_once_more_has_nothing_decided_anew(run):
    await run.endpoint(1)
    await run.want(1, "push", Preferences(dnd=True))
    await run.send(platforms=("push",))
    await run.place(by_the_rules(NOON))
    await run.want(1, "push", Preferences(dnd=True), at=NOON + 5)
    assert (await run.place(by_the_rules(NOON + 5), now=NOON + 5)).decided == 0
    await run.want(1, "push", Preferences(), at=NOON + 6)
    assert (await run.place(by_the_rules(NOON + 6), now=NOON + 6)).ready == {"push"}


async def test_who_has_much_that_waited_leaves_room_for_others(run):
    most, names = 8, [f"n{number:02}" for number in range(30)]
    await run.queue.enqueue([new(name) for name in names])
    await run.place(HELD, most=99)
    await run.send("other", 2, at=NOON + HOUR)
    placed = await run.place(now=NOON + HOUR, most=most)
    assert "other" in [each.notification.id for each in placed.shown]
    await run.queue.enqueue([new(f"m{name}", at=NOON + HOUR) for name in names])
    assert (await run.place(now=NOON + HOUR, most=most)).decided == most  # alone he has it all


async def test_what_is_held_back_expires_after_a_week(run):
    """Of somebody who wants to be left alone without an end, nothing is kept without an end."""
    await run.endpoint(1)
    await run.want(1, "push", Preferences(dnd=True))
    await run.send(platforms=("push",), at=NOON - HOUR)
    looks = 0
    now = NOON
    while (await run.states())[0][1] == "waiting":
        placed = await run.place(by_the_rules(now), now=now)
        now, looks = placed.next_due, looks + 1
    assert await run.states() == [("push", "expired", "expired")]
    assert looks == HELD_MOST_MS // DND_AGAIN_MS + 1
    assert await run.log() == [("push", "held", "dnd"), ("push", "expired", "expired")]
    assert await run.status() == "expired"


async def test_since_when_it_is_held_back_is_known(run):
    await run.send()
    await run.place(HELD, now=NOON + 5)
    found = []
    await run.place(lambda legs: found.extend(legs) or HELD(legs), now=NOON + HOUR)
    await run.place(lambda legs: found.extend(legs) or go(legs), now=NOON + 2 * HOUR)
    assert [leg.held_since for leg in found] == [NOON + 5] * 2


async def test_a_round_takes_so_many_that_wait_together_and_the_next_the_others(run):
    names = [f"n{number:04}" for number in range(SIBLINGS_MOST + 9)]
    await run.queue.enqueue([new(name, at=NOON + n) for n, name in enumerate(names)])
    await run.queue.enqueue([new("other", 2)])
    await run.place(HELD, now=NOON + MINUTE, most=2 * SIBLINGS_MOST)
    found = []
    for _ in range(2):
        legs = []
        await run.place(lambda some, legs=legs: legs.extend(some) or go(some), now=NOON + HOUR,
                        most=1)  # fmt: skip
        found.append([leg.id for leg in legs])
    assert found == [names[: SIBLINGS_MOST + 1], names[SIBLINGS_MOST + 1 :]]
