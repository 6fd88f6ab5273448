"""What is sent elsewhere, and what becomes of it: the same in memory and in PostgreSQL."""

from __future__ import annotations

import pytest
from notification_world import (
    AGAIN,
    GONE,
    HOUR,
    MINUTE,
    NOON,
    REFUSED,
    SECOND,
    SENT,
    UNKNOWN,
    UNTRACED,
    WITHDRAWN,
    digest,
    new,
    open_notification_world,
)

from actors.notification_records import Attempt, LegResult


@pytest.fixture
async def run(world_url):
    async with open_notification_world(world_url) as world:
        yield world


async def ready(run, *names, platforms=("push",), **fields):
    """Those that are to be sent now, to an endpoint for each platform."""
    for platform in platforms:
        if platform != "web":
            await run.endpoint(1, platform)
    await run.queue.enqueue([new(name, platforms=platforms, **fields) for name in names or ["n1"]])
    await run.place()


async def begun(run, *names, **fields):
    await ready(run, *names, **fields)
    [leg] = (await run.begin()).legs
    return leg


# ---- what is begun with


async def test_all_that_a_provider_needs_is_there(run):
    await run.person(1, language="en-GB")
    leg = await begun(run, priority=3, collapse_key="x", expires_at=NOON + HOUR)
    [endpoint] = [each.endpoint_no for each in (await run.kept())["n1"].legs]
    assert (leg.id, leg.notification_id, leg.platform) == (f"n1-{endpoint}", "n1", "push")
    assert (leg.recipient_no, leg.endpoint_no, leg.type) == (1, endpoint, "meeting.invitation")
    assert (leg.title, leg.message) == ("title of n1", "message of n1")
    assert leg.data == {"meeting": "n1", "more": {"n": [1, None]}}
    assert (leg.priority, leg.language, leg.sender, leg.sender_no) == (3, "en", "User 9", 9)
    assert (leg.created_at, leg.expires_at, leg.collapse_key) == (NOON, NOON + HOUR, "x")
    assert (leg.attempt, leg.lease, leg.merged, leg.take_back) == (1, 1, (), None)


async def test_it_is_of_one_node_until_its_lease_is_over(run):
    await ready(run, "n1", "n2", sender=None)
    first = await run.begin(most=1)
    assert [each.notification_id for each in first.legs] == ["n1"]
    (leg,) = first.legs
    assert (leg.sender, leg.sender_no, leg.language) == (None, None, "ko")
    assert first.next_due == NOON
    second = await run.begin()
    assert [each.notification_id for each in second.legs] == ["n2"]
    assert second.next_due == NOON + MINUTE
    assert (await run.begin(now=NOON + MINUTE - 1)).legs == ()


async def test_the_urgent_ones_are_first(run):
    await run.endpoint(1)
    await run.send("low", platforms=("push",), at=NOON - 20 * SECOND)
    await run.send("old", platforms=("push",), at=NOON - 40 * SECOND)
    await run.send("urgent", platforms=("push",), priority=2)
    await run.place()
    assert [each.notification_id for each in (await run.begin()).legs] == ["old", "urgent", "low"]


async def test_platforms_are_begun_with_apart(run):
    await ready(run, platforms=("push", "discord", "kakao"))
    assert [each.platform for each in (await run.begin("discord")).legs] == ["discord"]
    assert (await run.begin("discord")).legs == ()
    assert [each.platform for each in (await run.begin("kakao")).legs] == ["kakao"]


@pytest.mark.parametrize(
    ("what", "state"),
    [
        ("read", ("push", "cancelled", "read")),
        ("cancel", ("push", "cancelled", "cancelled")),
        ("block", ("push", "skipped", "blocked")),
        ("leave", ("push", "skipped", "inactive")),
        ("end", ("push", "failed", "endpoint_gone")),
        ("wait", ("push", "expired", "expired")),
    ],
)
async def test_what_is_not_to_be_sent_any_more_is_not(run, what, state):
    await ready(run, expires_at=NOON + MINUTE)
    [endpoint] = [each.endpoint_no for each in (await run.kept())["n1"].legs]
    now = NOON + MINUTE if what == "wait" else NOON
    does = {
        "read": lambda: run.read("n1"),
        "cancel": lambda: run.cancel("n1"),
        "block": lambda: run.block(1),
        "leave": lambda: run.person(1, active=False),
        "end": lambda: run.end_endpoint(endpoint),
        "wait": run.place,
    }
    await does[what]()
    found = await run.begin(now=now)
    assert (found.legs, found.next_due, await run.states()) == ((), None, [state])
    assert (await run.log())[-1] == state
    ended = {"failed": "failed", "expired": "expired"}
    assert await run.status() == ended.get(state[1], "cancelled")


# ---- what became of it


@pytest.mark.parametrize(
    ("attempt", "state", "status", "logged"),
    [
        (SENT, ("push", "sent", ""), "sent", ("sent", "", 7, None)),
        (REFUSED, ("push", "failed", "not_authorized"), "failed",
         ("failed", "not_authorized", 0, "not_authorized")),
        (Attempt(kind="refused"), ("push", "failed", "provider_refused"), "failed",
         ("failed", "provider_refused", 0, "provider_refused")),
        (UNKNOWN, ("push", "unknown", "no_answer"), "unknown",
         ("unknown", "no_answer", 0, "no_answer")),
        (AGAIN, ("push", "failed", "limited"), "failed", ("failed", "limited", 0, "limited")),
        (Attempt(kind="again"), ("push", "failed", "attempts"), "failed",
         ("failed", "attempts", 0, "attempts")),
    ],
)  # fmt: skip
async def test_an_attempt_settles_it(run, attempt, state, status, logged):
    leg = await begun(run)
    await run.record(leg, attempt, at=NOON + 5)
    assert (await run.states(), await run.status()) == ([state], status)
    assert (await run.entries())[-1] == ("n1", "push", *logged, 1, NOON + 5)
    assert (await run.begin(now=NOON + HOUR)).legs == ()
    kept = (await run.kept())["n1"]
    sent_at = NOON + 5 if status == "sent" else None
    assert (kept.sent_at, kept.legs[0].sent_at) == (sent_at, sent_at)
    used_at, ended_at, _ = await run.endpoint_of(leg.endpoint_no)
    assert (used_at, ended_at) == (sent_at, None)


async def test_an_address_that_is_no_more_is_not_asked_again(run):
    await ready(run, "n1", "n2", "n3")
    [one, two] = (await run.begin(most=2)).legs
    await run.record(one, SENT, at=NOON - 1)
    await run.record(two, GONE, at=NOON + 5)
    assert await run.endpoint_of(one.endpoint_no) == (NOON - 1, NOON + 5, "endpoint_gone")
    assert (await run.begin()).legs == ()
    assert await run.states("n3") == [("push", "failed", "endpoint_gone")]
    await run.send("n4", platforms=("push",))
    await run.place()
    assert await run.states("n4") == [("push", "skipped", "no_endpoint")]


async def test_one_that_was_not_taken_is_tried_again(run):
    leg = await begun(run, priority=2)
    assert not await run.record(leg, AGAIN, NOON + HOUR, at=NOON + 5)
    kept = (await run.kept())["n1"].legs[0]
    assert (kept.state, kept.due_at, kept.rank_at) == (
        "ready",
        NOON + HOUR,
        NOON + HOUR - 30 * SECOND,
    )
    found = await run.begin(now=NOON + HOUR - 1)
    assert (found.legs, found.next_due, await run.status()) == ((), NOON + HOUR, "pending")
    [again] = (await run.begin(now=NOON + HOUR)).legs
    assert (again.id, again.attempt) == (leg.id, 2)
    assert await run.log() == [("push", "pending", ""), ("push", "pending", "limited")]


async def test_a_result_may_be_told_twice(run):
    leg = await begun(run)
    for attempt, again_at in ((AGAIN, NOON + 5), (SENT, None)):
        await run.record(leg, attempt, again_at)
        before, log = await run.kept(), await run.entries()
        await run.record(leg, attempt, again_at)
        await run.record(leg, REFUSED)
        assert (await run.kept(), await run.entries()) == (before, log)
        leg = next(iter((await run.begin(now=NOON + 5)).legs), leg)


async def test_what_nobody_was_asked_is_logged_when_it_ends(run):
    """While a service is left alone there is nothing to tell of each time."""
    leg = await begun(run)
    before = await run.log()
    left_alone = Attempt(kind="again", reason="not_connected", was_asked=False)
    for attempt in (2, 3):
        await run.record(leg, left_alone, NOON + 5)
        assert await run.states() == [("push", "ready", "not_connected")]
        [leg] = (await run.begin(now=NOON + 5)).legs
        assert leg.attempt == attempt
    assert await run.log() == before
    last = Attempt(kind="refused", reason="attempts", was_asked=False)
    await run.record(leg, last, at=NOON + 5)
    assert (await run.log())[len(before) :] == [("push", "failed", "attempts")]


async def test_several_results_at_once(run):
    await ready(run, *(f"n{number}" for number in range(6)))
    legs = (await run.begin()).legs
    attempts = (SENT, REFUSED, UNKNOWN, AGAIN, AGAIN, UNTRACED)
    again = (None, None, None, NOON + HOUR, None, None)
    results = [LegResult(*each) for each in zip(legs, attempts, again, strict=True)]
    await run.queue.record(results, at=NOON)
    assert [each.status for each in (await run.kept()).values()] == [
        "sent", "failed", "unknown", "pending", "failed", "sent"
    ]  # fmt: skip


async def test_a_lost_nodes_attempt_is_unknown_and_not_made_again(run):
    leg = await begun(run)
    found = await run.begin(now=NOON + MINUTE)
    assert (found.legs, found.next_due) == ((), None)
    assert await run.states() == [("push", "unknown", "no_answer")]
    assert await run.status() == "unknown"
    assert (await run.log())[-1] == ("push", "unknown", "no_answer")
    await run.record(leg, SENT)
    assert await run.status() == "unknown"


async def test_a_result_that_comes_late_but_in_time_holds(run):
    leg = await begun(run)
    await run.record(leg, SENT, at=NOON + HOUR)
    assert await run.status() == "sent"


async def test_a_result_of_another_lease_or_attempt_is_not_heard(run):
    leg = await begun(run)
    await run.record(leg, AGAIN, NOON)
    [now] = (await run.begin()).legs
    before = await run.kept()
    await run.record(leg, SENT)
    for field in ("lease", "attempt"):
        other = type(now)(
            **{name: getattr(now, name) for name in now.__struct_fields__} | {field: 9}
        )
        await run.record(other, SENT)
    assert await run.kept() == before
    await run.record(now, SENT)
    assert await run.status() == "sent"


# ---- read elsewhere


async def test_what_was_sent_is_taken_back_when_it_is_read(run):
    await ready(run, platforms=("push", "discord", "kakao"))
    await run.sent("push", UNTRACED)
    await run.sent("discord")
    await run.sent("kakao")
    await run.read("n1", at=NOON + 5)
    assert await run.states() == [
        ("push", "sent", ""),
        ("discord", "withdraw", ""),
        ("kakao", "sent", ""),
    ]
    assert (await run.begin()).legs == ()
    [leg] = (await run.begin("discord", now=NOON + 5)).legs
    assert (leg.take_back, leg.attempt, leg.id[:2]) == ("p1", 1, "n1")
    assert (await run.begin("discord", now=NOON + 5)).legs == ()
    await run.record(leg, WITHDRAWN, at=NOON + 6)
    assert (await run.states())[1] == ("discord", "withdrawn", "")
    assert (await run.status(), (await run.log())[-1]) == ("sent", ("discord", "withdrawn", ""))


async def test_what_cannot_be_taken_back_stays_sent(run):
    await ready(run, platforms=("discord",))
    await run.sent("discord")
    await run.read("n1")
    [leg] = (await run.begin("discord")).legs
    await run.record(leg, AGAIN, NOON + MINUTE)
    assert (await run.states())[0] == ("discord", "withdraw", "limited")
    [leg] = (await run.begin("discord", now=NOON + MINUTE)).legs
    assert (leg.take_back, leg.attempt) == ("p1", 2)
    await run.record(leg, REFUSED)
    assert await run.states() == [("discord", "sent", "not_authorized")]
    assert (await run.status(), (await run.log())[-1]) == (
        "sent",
        ("discord", "failed", "not_authorized"),
    )
    assert (await run.begin("discord", now=NOON + HOUR)).legs == ()


async def test_a_lost_nodes_taking_back_is_tried_again(run):
    await ready(run, platforms=("discord",))
    await run.sent("discord")
    await run.read("n1")
    [first] = (await run.begin("discord")).legs
    [second] = (await run.begin("discord", now=NOON + MINUTE)).legs
    await run.record(first, WITHDRAWN)
    assert (await run.states())[0][1] == "withdraw"
    await run.record(second, WITHDRAWN)
    assert (await run.states())[0][1] == "withdrawn"


async def test_nothing_is_taken_back_at_an_address_that_is_no_more(run):
    await ready(run, platforms=("discord",))
    [leg] = (await run.begin("discord")).legs
    await run.record(leg, SENT)
    await run.read("n1")
    await run.end_endpoint(leg.endpoint_no)
    assert (await run.begin("discord")).legs == ()
    assert await run.states() == [("discord", "sent", "endpoint_gone")]


@pytest.mark.parametrize(
    ("attempt", "again_at", "state"),
    [
        (SENT, None, ("push", "withdraw", "")),
        (UNTRACED, None, ("push", "sent", "")),
        (AGAIN, NOON + 5, ("push", "cancelled", "read")),
        (REFUSED, None, ("push", "failed", "not_authorized")),
        (UNKNOWN, None, ("push", "unknown", "no_answer")),
    ],
)
async def test_what_is_read_while_it_is_sent(run, attempt, again_at, state):
    leg = await begun(run)
    await run.read("n1", at=NOON + 1)
    assert await run.states() == [("push", "leased", "")]
    await run.record(leg, attempt, again_at, at=NOON + 2)
    assert await run.states() == [state]
    if state[1] == "withdraw":
        [back] = (await run.begin(now=NOON + 2)).legs
        assert (back.take_back, back.attempt) == ("p1", 1)


async def test_what_is_cancelled_while_it_is_sent_is_not_sent_again(run):
    leg = await begun(run)
    assert await run.cancel("n1") is True
    await run.record(leg, AGAIN, NOON + 5)
    assert (await run.states(), await run.status()) == (
        [("push", "cancelled", "cancelled")],
        "cancelled",
    )


async def test_what_is_collapsed_while_it_is_sent_is_sent(run):
    leg = await begun(run, collapse_key="x")
    await run.send("n2", collapse_key="x")
    assert await run.status() == "pending"
    await run.record(leg, SENT)
    assert await run.status() == "sent"


# ---- one platform after the other


@pytest.mark.parametrize("attempt", [REFUSED, UNKNOWN, GONE])
async def test_where_one_fails_the_next_has_its_turn(run, attempt):
    await ready(run, platforms=("push", "discord", "web"), routing="fallback", unread_after_ms=HOUR)
    [leg] = (await run.begin()).legs
    assert await run.record(leg, attempt, at=NOON + 5) == {"discord"}
    kept = (await run.kept())["n1"]
    assert [(each.state, each.due_at) for each in kept.legs[1:]] == [
        ("waiting", NOON + 5),
        ("backup", NOON),
    ]
    assert kept.status == "pending"
    assert (await run.place(now=NOON + 5)).ready == {"discord"}


async def test_where_one_is_sent_the_next_waits_for_it_to_be_read(run):
    await ready(run, platforms=("push", "web"), routing="fallback", unread_after_ms=HOUR)
    [leg] = (await run.begin()).legs
    assert not await run.record(leg, SENT, at=NOON + 5)
    assert (await run.place(now=NOON + 5)).next_due == NOON + 5 + HOUR
    assert await run.status() == "pending"
    assert len((await run.place(now=NOON + 5 + HOUR)).shown) == 1
    assert (await run.kept())["n1"].sent_at == NOON + 5


async def test_a_lost_node_gives_the_next_its_turn(run):
    await ready(run, platforms=("push", "web"), routing="fallback", unread_after_ms=HOUR)
    await run.begin()
    await run.begin(now=NOON + MINUTE)
    assert len((await run.place(now=NOON + MINUTE)).shown) == 1
    assert await run.status() == "sent"


@pytest.mark.parametrize(("second", "state"), [(SENT, "backup"), (REFUSED, "waiting")])
async def test_the_next_waits_for_all_addresses_of_one(run, second, state):
    await run.endpoint(1)
    await ready(run, platforms=("push", "web"), routing="fallback", unread_after_ms=HOUR)
    [one, two] = (await run.begin()).legs
    await run.record(one, REFUSED)
    assert (await run.states())[1] == ("web", "backup", "")
    await run.record(two, second, at=NOON + 5)
    due = {each.platform: (each.state, each.due_at) for each in (await run.kept())["n1"].legs}
    wanted = NOON + 5 + (HOUR if second is SENT else 0)
    assert due["web"] == ("waiting", wanted)


async def test_all_that_is_asked_for_at_once_is_sent_where_one_was(run):
    await ready(run, platforms=("push", "discord", "kakao"))
    await run.sent("push", REFUSED)
    await run.sent("discord", UNKNOWN)
    assert await run.status() == "pending"
    await run.sent("kakao", SENT)
    assert await run.status() == "sent"
    await ready(run, "n2", platforms=("push", "discord"))
    await run.sent("push", REFUSED)
    await run.sent("discord", UNKNOWN)
    assert await run.status("n2") == "unknown"


# ---- those that are told of by another


async def merged(run, **fields):
    """The first of two is told of by the second; what is begun with."""
    await run.endpoint(1)
    await run.queue.enqueue(
        [new(name, platforms=("push",), **fields) for name in ("told", "teller")]
    )
    await run.place(digest)
    [leg] = (await run.begin()).legs
    return leg


@pytest.mark.parametrize(("attempt", "status"), [(SENT, "sent"), (UNKNOWN, "unknown")])
async def test_they_are_as_the_other_is(run, attempt, status):
    leg = await merged(run)
    assert leg.merged == ("title of told",)
    await run.record(leg, attempt, at=NOON + 5)
    kept = await run.kept()
    assert [each.status for each in kept.values()] == [status, status]
    assert kept["told"].sent_at == (NOON + 5 if attempt is SENT else None)


async def test_they_go_their_own_way_where_the_other_goes_nowhere(run):
    leg = await merged(run)
    await run.record(leg, AGAIN, NOON + 5)
    await run.read("teller", at=NOON + 1)
    assert await run.states("told") == [("push", "waiting", "")]
    assert (await run.place(now=NOON + 1)).ready == {"push"}
    [leg] = (await run.begin(now=NOON + 1)).legs
    assert (leg.notification_id, leg.attempt, leg.merged) == ("told", 1, ())


@pytest.mark.parametrize("attempt", [REFUSED, Attempt(kind="refused", reason="no_provider")])
async def test_they_go_their_own_way_where_the_other_failed(run, attempt):
    """As it does where there is no template for its type: nothing of it has left."""
    await run.endpoint(1)
    names = [f"n{number}" for number in range(4)]
    await run.queue.enqueue([new(name, platforms=("push",)) for name in names])
    failed = []
    while (await run.place(digest)).ready:
        [leg] = (await run.begin()).legs
        await run.record(leg, attempt)
        failed.append((leg.notification_id, len(leg.merged)))
    assert failed == [("n3", 3), ("n2", 2), ("n1", 1), ("n0", 0)]
    assert {await run.status(name) for name in names} == {"failed"}


async def test_they_are_told_where_the_other_failed_at_one_of_two_addresses(run):
    for _ in range(2):
        await run.endpoint(1)
    await run.queue.enqueue([new(name, platforms=("push",)) for name in ("told", "teller")])
    await run.place(digest)
    one, two = (await run.begin()).legs
    await run.record(one, REFUSED)
    assert await run.states("told") == [("push", "merged", "digest")]
    await run.record(two, SENT)
    assert (await run.status("told"), await run.status("teller")) == ("sent", "sent")


async def test_what_was_read_of_them_is_not_told(run):
    leg = await merged(run)
    await run.record(leg, AGAIN, NOON + 5)
    await run.read("told")
    assert (await run.status("told"), await run.states("told")) == (
        "pending",
        [("push", "merged", "digest")],
    )
    [leg] = (await run.begin(now=NOON + 5)).legs
    assert leg.merged == ()
    await run.record(leg, SENT)
    assert await run.status("told") == "sent"


@pytest.mark.parametrize("last", ["told", "teller", "both"])
async def test_what_tells_of_others_is_taken_back_when_all_are_read(run, last):
    """So that nothing that was not read goes from the phone."""
    leg = await merged(run)
    await run.record(leg, SENT)
    first = {"told": "teller", "teller": "told"}.get(last)
    if first is not None:
        await run.read(first, at=NOON + 5)
        assert await run.states("teller") == [("push", "sent", "")]
        assert (await run.begin(now=NOON + 5)).legs == ()
    await run.read(*(("told", "teller") if last == "both" else (last,)), at=NOON + 6)
    [back] = (await run.begin(now=NOON + 6)).legs
    assert (back.notification_id, back.take_back, back.attempt) == ("teller", "p1", 1)
    await run.record(back, WITHDRAWN)
    assert await run.states("teller") == [("push", "withdrawn", "")]


@pytest.mark.parametrize("is_told_read", [True, False])
async def test_what_tells_of_others_and_was_read_while_it_was_sent(run, is_told_read):
    leg = await merged(run)
    await run.read("teller", *(["told"] if is_told_read else []), at=NOON + 1)
    await run.record(leg, SENT, at=NOON + 2)
    state = "withdraw" if is_told_read else "sent"
    assert await run.states("teller") == [("push", state, "")]
    await run.read("told", at=NOON + 3)
    assert await run.states("teller") == [("push", "withdraw", "")]


async def test_what_was_stopped_keeps_nothing_from_being_taken_back(run):
    await run.endpoint(1)
    await run.send("told", platforms=("push", "kakao"), routing="fallback", unread_after_ms=HOUR)
    await run.send("teller", platforms=("push",))
    await run.place(digest)
    await run.sent()
    await run.read("teller", at=NOON + 1)
    assert await run.states("teller") == [("push", "sent", "")]
    assert await run.cancel("told", at=NOON + 2) is True
    assert await run.states("teller") == [("push", "withdraw", "")]


async def test_all_addresses_of_one_that_tells_of_others_are_taken_back(run):
    await run.endpoint(1)
    await run.endpoint(1)
    await run.queue.enqueue([new(name, platforms=("push",)) for name in ("told", "teller")])
    await run.place(digest)
    await run.sent()
    await run.read("teller", at=NOON + 1)
    assert await run.states("teller") == [("push", "sent", "")] * 2
    await run.read("told", at=NOON + 2)
    assert await run.states("teller") == [("push", "withdraw", "")] * 2


# ---- where nobody sends any more


@pytest.mark.parametrize(
    ("how", "state", "status"),
    [
        ("ready", ("push", "skipped", "no_provider"), "cancelled"),
        ("leased", ("push", "unknown", "no_answer"), "unknown"),
        ("withdraw", ("push", "sent", "no_provider"), "sent"),
    ],
)
async def test_what_nobody_sends_any_more_is_ended(run, how, state, status):
    """The settings of a platform may be taken away while something is under way there."""
    await ready(run)
    if how == "leased":
        await run.begin(lasts=MINUTE)
    if how == "withdraw":
        await run.sent()
        await run.read("n1")
    before = await run.kept()
    until = NOON + MINUTE
    assert await run.abandon(before=NOON - 1, now=until) == 0
    assert await run.abandon("discord", before=until, now=until) == 0
    assert await run.kept() == before
    assert await run.abandon(before=until, now=until) == 1
    assert (await run.states(), await run.status()) == ([state], status)
    assert (await run.log())[-1][2] == state[2]
    assert await run.abandon(before=until, now=until) == 0


async def test_where_nobody_sends_any_more_the_next_has_its_turn(run):
    await ready(run, platforms=("push", "web"), routing="fallback", unread_after_ms=HOUR)
    await run.abandon(before=NOON, now=NOON + MINUTE)
    assert len((await run.place(now=NOON + MINUTE)).shown) == 1


async def test_so_many_are_ended_at_once_where_nobody_sends(run):
    await ready(run, "n1", "n2", "n3")
    assert [await run.abandon(before=NOON, now=NOON, most=2) for _ in range(3)] == [2, 1, 0]


async def test_the_next_platform_of_one_that_was_told_by_a_failure(run):
    await run.endpoint(1)
    how = {"routing": "fallback", "unread_after_ms": HOUR}
    await run.send("told", platforms=("push", "web"), **how)
    await run.send("teller", platforms=("push",))
    await run.place(digest)
    [leg] = (await run.begin()).legs
    assert await run.record(leg, REFUSED) == set()
    assert await run.states("told") == [("push", "waiting", ""), ("web", "backup", "")]
    await run.place()
    [leg] = (await run.begin()).legs
    assert await run.record(leg, REFUSED) == {"web"}
    assert [each.notification.id for each in (await run.place()).shown] == ["told"]
