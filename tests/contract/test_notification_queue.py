"""What is asked for and what is decided: the same promises in memory and in PostgreSQL."""

from __future__ import annotations

import pytest
from notification_world import (
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    digest,
    go,
    hold,
    new,
    open_notification_world,
)

from actors.notification_records import Decision, Placed, Preferences, QuietHours, Window

WAITING, BACKUP = ("web", "waiting", ""), ("push", "backup", "")


@pytest.fixture
async def run(world_url):
    async with open_notification_world(world_url) as world:
        yield world


def noted(found, decide=go):
    """*decide*, which keeps what it was given in *found*."""

    def look(legs):
        found.extend(legs)
        return decide(legs)

    return look


# ---- what is asked for


async def test_a_notification_has_a_leg_for_each_platform(run):
    assert await run.send(platforms=("web", "push")) == ("n1", False)
    assert await run.states() == [("web", "waiting", ""), ("push", "waiting", "")]
    await run.send("n2", platforms=("kakao", "push", "web"), routing="fallback")
    assert [(leg.platform, leg.place, leg.state) for leg in (await run.kept())["n2"].legs] == [
        ("kakao", 0, "waiting"),
        ("push", 1, "backup"),
        ("web", 2, "backup"),
    ]
    assert await run.status("n2") == "pending"


async def test_the_same_key_is_the_same_notification(run):
    made = await run.queue.enqueue(
        [
            new("a", dedupe_key="k"),
            new("b", dedupe_key="k"),
            new("c", dedupe_key="k", to=2),
            new("d", dedupe_key="k", sender=8),
            new("e", dedupe_key="k", sender=None),
            new("f"),
        ]
    )
    assert made == [("a", False), ("a", True), ("c", False), ("d", False), ("e", False),
                    ("f", False)]  # fmt: skip
    await run.place()
    again = await run.queue.enqueue(
        [new("g", dedupe_key="k"), new("h", sender=None, dedupe_key="k")]
    )
    assert again == [("a", True), ("e", True)]
    assert set(await run.kept()) == {"a", "c", "d", "e", "f"}


async def test_the_same_call_again_changes_nothing(run):
    some = [new("a", collapse_key="x"), new("b", dedupe_key="k"), new("c", collapse_key="x")]
    await run.queue.enqueue(some)
    before = await run.kept()
    assert await run.queue.enqueue(some) == [("a", True), ("b", True), ("c", True)]
    assert await run.kept() == before


async def test_what_is_pending_is_collapsed_into_the_new_one(run):
    await run.send("old", collapse_key="x", platforms=("web", "push"), routing="fallback")
    await run.send("other", collapse_key="y")
    await run.send("others", collapse_key="x", to=2)
    await run.send("anothers", collapse_key="x", sender=8)
    await run.queue.enqueue([new("newer", collapse_key="x"), new("new", collapse_key="x")])
    kept = await run.kept()
    assert {name: each.status for name, each in kept.items()} == {
        "old": "cancelled",
        "other": "pending",
        "others": "pending",
        "anothers": "pending",
        "newer": "cancelled",
        "new": "pending",
    }
    assert (kept["old"].stopped, kept["new"].stopped) == ("collapsed", None)
    assert await run.states("old") == [
        ("web", "cancelled", "collapsed"),
        ("push", "cancelled", "collapsed"),
    ]
    assert await run.log("old") == [
        ("web", "cancelled", "collapsed"),
        ("push", "cancelled", "collapsed"),
    ]
    placed = await run.place()
    assert [each.notification.id for each in placed.shown if each.recipient_no == 1] == [
        "other",
        "anothers",
        "new",
    ]


async def test_what_was_sent_is_not_collapsed(run):
    await run.send("old", collapse_key="x")
    await run.place()
    await run.send("new", collapse_key="x")
    assert (await run.kept())["old"].status == "sent"


# ---- what is decided


async def test_all_facts_are_there(run):
    wanted = Preferences(
        types={"friend.request": False},
        quiet=QuietHours("22:00", "07:00", (0, 4)),
        zone="Europe/Berlin",
        dnd=True,
        dnd_until=NOON + 5,
        sound=False,
    )
    await run.want(1, "push", wanted)
    first, second = await run.endpoint(1), await run.endpoint(1)
    ended = await run.endpoint(1)
    await run.end_endpoint(ended)
    await run.endpoint(1, "discord")
    await run.person(2, zone="America/New_York", active=False)
    await run.block(2)
    more = {"priority": 3, "collapse_key": "x", "expires_at": NOON + HOUR, "at": NOON - 5}
    await run.send(platforms=("web", "push"), **more)
    await run.send("n2", 2, None)
    await run.send("n3", 2)
    found = []
    await run.place(noted(found))
    web, push, own, blocked = found
    assert (push.preferences, push.endpoints) == (wanted, (first, second))
    assert (web.preferences, web.endpoints) == (Preferences(), ())
    assert (push.id, push.recipient_no, push.recipient, push.sender_no) == ("n1", 1, "user1", 9)
    assert (push.type, push.title, push.priority) == ("meeting.invitation", "title of n1", 3)
    assert (push.collapse_key, push.created_at, push.due_at) == ("x", NOON - 5, NOON - 5)
    assert (push.expires_at, push.platform, push.windows) == (NOON + HOUR, "push", {})
    assert (push.is_active, push.is_blocked, push.is_seen) == (True, False, False)
    assert (push.held_for, push.hold_key) == ("", None)
    assert (own.is_active, own.is_blocked, own.sender_no) == (False, False, None)
    assert (blocked.is_blocked, blocked.preferences.zone) == (True, "America/New_York")


async def test_what_goes_to_the_web_is_shown_from_then_on(run):
    await run.send(priority=2, at=NOON - MINUTE)
    await run.send("n2", sender=None)
    await run.want(1, "web", Preferences(sound=False))
    placed = await run.place(now=NOON)
    [one, two] = placed.shown
    assert (one.recipient, one.recipient_no, one.gone, one.is_loud) == ("user1", 1, (), False)
    frame = one.notification
    assert (frame.id, frame.type, frame.title) == ("n1", "meeting.invitation", "title of n1")
    assert (frame.body, frame.priority, frame.at) == ("message of n1", 2, NOON)
    assert (frame.sender, frame.data) == ("user9", {"meeting": "n1", "more": {"n": [1, None]}})
    assert two.notification.sender is not None and two.notification.sender != "user9"
    assert (placed.decided, placed.next_due, placed.ready) == (2, None, frozenset())
    assert list((await run.listed.unseen([1]))[1]) == [one.notification, two.notification]
    kept = (await run.kept())["n1"]
    assert (kept.status, kept.sent_at, kept.legs[0].sent_at) == ("sent", NOON, NOON)
    [entry] = [each for each in await run.entries() if each[0] == "n1"]
    assert entry == ("n1", "web", "sent", "", MINUTE, None, 0, NOON)


async def test_nothing_is_due_before_its_time(run):
    await run.send(at=NOON, scheduled_at=NOON + MINUTE, priority=4)
    assert await run.place(now=NOON + MINUTE - 1) == Placed(0, (), NOON + MINUTE, frozenset())
    assert (await run.place(now=NOON + MINUTE)).decided == 1


async def test_a_clock_that_jumps_shows_nothing_twice(run):
    await run.send("n1")
    await run.send("n2", scheduled_at=NOON + HOUR)
    assert [each.notification.id for each in (await run.place(now=NOON + HOUR)).shown] == [
        "n1",
        "n2",
    ]
    await run.send("n3")
    assert (await run.place(now=NOON - HOUR)).shown == ()
    assert [each.notification.id for each in (await run.place(now=NOON)).shown] == ["n3"]


async def test_an_urgent_one_goes_first_and_the_others_have_their_turn(run):
    """Beside a flood of urgent ones, each step of priority is worth half a minute."""
    await run.send("low")
    for number in range(12):
        await run.send(f"urgent{number:02}", priority=4, at=NOON + number * 10 * SECOND)
    shown = []
    for second in range(0, 120, 10):
        placed = await run.place(now=NOON + second * SECOND, most=1)
        shown += [each.notification.id for each in placed.shown]
    flood = [f"urgent{number:02}" for number in range(12)]
    assert shown == [*flood[:9], "low", *flood[9:11]]


async def test_what_is_held_is_decided_again_when_it_is_due(run):
    await run.send(priority=2)
    placed = await run.place(hold(NOON + HOUR))
    assert (placed.decided, placed.shown, placed.next_due) == (1, (), NOON + HOUR)
    [leg] = (await run.kept())["n1"].legs
    assert (leg.state, leg.reason, leg.hold_key) == ("waiting", "quiet_hours", "quiet")
    assert (leg.due_at, leg.rank_at) == (NOON + HOUR, NOON + HOUR - 30 * SECOND)
    assert (await run.place(now=NOON + HOUR - 1)).decided == 0
    found = []
    assert len((await run.place(noted(found), now=NOON + HOUR)).shown) == 1
    assert (found[0].held_for, found[0].hold_key) == ("quiet_hours", "quiet")
    assert await run.log() == [("web", "held", "quiet_hours"), ("web", "sent", "")]


async def test_what_was_held_back_together_is_decided_together(run):
    for number in range(5):
        await run.send(f"n{number}", at=NOON + number)
    await run.send("others", 2)
    await run.place(hold(NOON + HOUR), now=NOON + MINUTE)
    found = []
    placed = await run.place(noted(found), now=NOON + HOUR, most=1)
    assert [leg.id for leg in found] == ["n0", "n1", "n2", "n3", "n4"]
    assert (placed.decided, placed.next_due) == (5, NOON + HOUR)


async def test_what_was_held_back_longer_is_not_decided_with_the_others(run):
    await run.send("n1")
    await run.place(hold(NOON + HOUR))
    await run.send("n2")
    await run.place(hold(NOON + MINUTE))
    found = []
    await run.place(noted(found), now=NOON + MINUTE)
    assert [leg.id for leg in found] == ["n2"]


async def test_other_settings_have_it_decided_anew(run):
    await run.send("n1", platforms=("web", "push"))
    await run.send("n2", 2)
    await run.send("later", scheduled_at=NOON + MINUTE)
    await run.place(hold(NOON + HOUR))
    await run.want(1, "web", Preferences(), at=NOON + 1)
    found = []
    await run.place(noted(found, hold(NOON + HOUR)), now=NOON + 1)
    assert [(leg.id, leg.platform) for leg in found] == [("n1", "web")]
    await run.want(1, "web", Preferences(), at=NOON + 2 * HOUR)
    assert (await run.kept())["n1"].legs[0].due_at == NOON + HOUR


@pytest.mark.parametrize(
    ("kind", "reason", "state", "status"),
    [
        ("skip", "type_off", ("web", "skipped", "type_off"), "cancelled"),
        ("skip", "read", ("web", "cancelled", "read"), "cancelled"),
        ("expire", "expired", ("web", "expired", "expired"), "expired"),
    ],
)
async def test_what_is_never_sent_says_why(run, kind, reason, state, status):
    await run.send()
    await run.place(lambda legs: [Decision(leg_no=legs[0].leg_no, kind=kind, reason=reason)])
    assert (await run.states(), await run.status()) == ([state], status)
    assert await run.log() == [state]
    assert (await run.place(now=NOON + HOUR)).decided == 0
    assert await run.unseen() == []


async def test_one_that_is_not_decided_stays_as_it_is(run):
    await run.send()
    assert (await run.place(lambda _: [])).decided == 0
    assert await run.states() == [WAITING]


async def test_windows_are_kept_until_they_are_over(run):
    await run.send("n1", platforms=("push",))
    await run.endpoint(1)
    windows = {"meeting.invitation": Window(NOON + MINUTE, 1), "*": Window(NOON + HOUR, 3)}

    def decide(legs):
        return [Decision(leg_no=legs[0].leg_no, kind="go", windows=windows)]

    await run.place(decide)
    assert await run.windows() == {
        (1, "push", group): tuple(each) for group, each in windows.items()
    }
    for name in ("n2", "n3"):
        await run.send(name, platforms=("push", "discord"))
    found = []
    changed = {"*": Window(NOON + HOUR, 4)}
    await run.place(
        noted(
            found,
            lambda legs: [
                Decision(leg_no=leg.leg_no, kind="hold", until=NOON + HOUR, windows=changed)
                for leg in legs
            ],
        ),
        now=NOON + MINUTE,
    )
    assert [leg.windows for leg in found if leg.platform == "push"] == [
        {"*": Window(NOON + HOUR, 3)}
    ] * 2
    assert [leg.windows for leg in found if leg.platform == "discord"] == [{}, {}]
    assert (await run.windows())[1, "push", "*"] == (NOON + HOUR, 4)


# ---- what goes elsewhere


async def test_a_leg_goes_to_each_address(run):
    first, second = await run.endpoint(1), await run.endpoint(1)
    await run.send(platforms=("push", "kakao"))
    placed = await run.place()
    assert placed.ready == {"push"}
    kept = (await run.kept())["n1"]
    assert [(leg.platform, leg.state, leg.endpoint_no) for leg in kept.legs] == [
        ("push", "ready", first),
        ("kakao", "skipped", None),
        ("push", "ready", second),
    ]
    assert await run.log() == [("push", "pending", ""), ("kakao", "skipped", "no_endpoint")]
    assert kept.status == "pending"


async def test_those_that_are_merged_are_told_by_another(run):
    await run.endpoint(1)
    for number in range(3):
        await run.send(f"n{number}", platforms=("push",), at=NOON + number)
    await run.place(digest, now=NOON + 9)
    kept = await run.kept()
    assert [(leg.state, leg.reason, leg.merged_into) for leg in kept["n0"].legs] == [
        ("merged", "digest", "n2")
    ]
    assert {each.status for each in kept.values()} == {"pending"}
    [leg] = (await run.begin(now=NOON + 9)).legs
    assert (leg.notification_id, leg.merged) == ("n2", ("title of n0", "title of n1"))
    assert leg.merged_count == 2


async def test_of_many_the_newest_are_told_by_their_titles_and_all_are_counted(run):
    """A provider is given no more titles than are shown."""
    await run.endpoint(1)
    for number in range(9):
        await run.send(f"n{number}", platforms=("push",), at=NOON - number // 2)
    await run.send("teller", platforms=("push",), at=NOON)
    await run.place(digest)
    [leg] = (await run.begin()).legs
    assert leg.merged == tuple(f"title of n{number}" for number in (5, 2, 3, 0, 1))
    assert leg.merged_count == 9


async def test_nothing_is_merged_into_what_does_not_go(run):
    for name in ("n1", "n2"):
        await run.send(name, platforms=("push",))
    await run.place(digest)
    for name in ("n1", "n2"):
        assert await run.states(name) == [("push", "skipped", "no_endpoint")]


async def test_nobody_is_told_of_what_is_for_another(run):
    """Were the rules wrong."""
    await run.endpoint(1)
    await run.endpoint(2)
    await run.send("n1", platforms=("push",))
    await run.send("n2", 2, platforms=("push",))
    await run.place(
        lambda legs: [
            *go(legs[:1]),
            Decision(leg_no=legs[1].leg_no, kind="merge", into=legs[0].leg_no),
        ]
    )
    assert await run.states("n2") == [("push", "skipped", "no_endpoint")]
    assert [leg.merged for leg in (await run.begin()).legs] == [()]


# ---- on the list, one takes the place of another


async def test_a_new_one_takes_the_place_of_what_was_not_seen(run):
    await run.send("old", collapse_key="x")
    await run.place()
    await run.send("new", collapse_key="x")
    [shown] = (await run.place()).shown
    assert (shown.notification.id, shown.gone) == ("new", ("old",))
    assert await run.unseen() == ["new"]
    await run.read("new")
    await run.send("third", collapse_key="x")
    [shown] = (await run.place()).shown
    assert (shown.notification.id, shown.gone) == ("third", ())


async def test_keys_of_others_take_no_place(run):
    await run.send("one", collapse_key="x")
    await run.send("two", collapse_key="x", sender=8)
    await run.send("three", collapse_key="x", sender=None)
    await run.send("four", 2, collapse_key="x")
    assert [each.gone for each in (await run.place()).shown] == [()] * 4


# ---- one platform after the other


async def test_the_next_of_a_fallback_waits_for_it_to_be_read(run):
    await run.endpoint(1)
    how = {"routing": "fallback", "unread_after_ms": MINUTE}
    await run.send(platforms=("web", "push"), **how)
    placed = await run.place()
    assert (len(placed.shown), placed.next_due) == (1, NOON + MINUTE)
    assert await run.states() == [("web", "sent", ""), ("push", "waiting", "")]
    assert await run.status() == "pending"
    assert (await run.place(now=NOON + MINUTE)).ready == {"push"}
    await run.sent(at=NOON + MINUTE)
    assert await run.status() == "sent"


async def test_what_was_read_in_time_goes_no_further(run):
    await run.send(platforms=("web", "push"), routing="fallback", unread_after_ms=MINUTE)
    await run.place()
    assert await run.read("n1") == ["n1"]
    assert await run.states() == [("web", "sent", ""), ("push", "cancelled", "read")]
    assert (await run.status(), (await run.place(now=NOON + MINUTE)).decided) == ("sent", 0)


async def test_the_next_of_a_fallback_has_its_turn_at_once_where_one_is_not_sent(run):
    await run.send(platforms=("push", "kakao", "web"), routing="fallback", unread_after_ms=HOUR)
    placed = await run.place()
    assert await run.states() == [
        ("push", "skipped", "no_endpoint"),
        ("kakao", "waiting", ""),
        ("web", "backup", ""),
    ]
    assert placed.next_due == NOON
    await run.place()
    assert len((await run.place()).shown) == 1
    assert await run.log() == [
        ("push", "skipped", "no_endpoint"),
        ("kakao", "skipped", "no_endpoint"),
        ("web", "sent", ""),
    ]


async def test_reading_cancels_what_waits(run):
    await run.endpoint(1)
    await run.send(platforms=("web", "push", "kakao"), at=NOON)
    await run.send("later", scheduled_at=NOON + HOUR)
    await run.place(lambda legs: go([leg for leg in legs if leg.platform != "kakao"]))
    assert await run.read("n1", "later", "never", at=NOON + 5) == ["n1", "later"]
    assert await run.read("n1", at=NOON + 6) == []
    assert await run.states() == [
        ("web", "sent", ""),
        ("push", "cancelled", "read"),
        ("kakao", "cancelled", "read"),
    ]
    kept = await run.kept()
    assert (kept["n1"].status, kept["n1"].seen_at) == ("sent", NOON + 5)
    assert (kept["later"].status, kept["later"].seen_at) == ("cancelled", NOON + 5)
    assert (await run.begin()).legs == ()


async def test_nobody_reads_what_is_others(run):
    await run.send()
    await run.place()
    assert await run.read("n1", user_no=2) == []
    assert (await run.kept())["n1"].seen_at is None
    assert await run.unseen() == ["n1"]


async def test_the_sender_takes_back_what_has_not_gone(run):
    await run.send(platforms=("web", "push"), routing="fallback", unread_after_ms=HOUR)
    assert await run.cancel("n1", sender=8) is None
    assert await run.cancel("never") is None
    await run.place()
    assert await run.cancel("n1") is True
    assert await run.states() == [("web", "sent", ""), ("push", "cancelled", "cancelled")]
    assert (await run.status(), await run.cancel("n1")) == ("sent", False)
    await run.send("n2")
    assert await run.cancel("n2") is True
    assert (await run.status("n2"), (await run.place()).decided) == ("cancelled", 0)
