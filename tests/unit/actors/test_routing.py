"""Where each notification goes now, whether it waits, and why."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from actors.notification_records import (
    OUTSIDE,
    PLATFORMS,
    Decision,
    Preferences,
    QuietHours,
    WaitingLeg,
    Window,
)
from actors.rules.notification_types import TYPES
from actors.rules.routing import (
    DND_AGAIN_MS,
    HELD_MOST_MS,
    REASONS,
    RoutingLimits,
    decide,
    group_of,
)
from protocol.ids import Millis, UserId

NOW = Millis(1_714_572_000_000)  # 2024-05-01 23:00 in Seoul
HOUR, DIGEST = 3_600_000, 300_000
MORNING = Millis(NOW + 8 * HOUR)
NIGHT = QuietHours("22:00", "07:00")
QUIET = Preferences(quiet=NIGHT)
DND = Preferences(dnd=True)
LIMITS = RoutingLimits()
ONE: dict[str, Any] = {
    "leg_no": 1,
    "notification_no": 1,
    "id": "n1",
    "recipient_no": 7,
    "recipient": UserId("bea"),
    "is_active": True,
    "is_blocked": False,
    "is_seen": False,
    "sender_no": 3,
    "type": "meeting.response",
    "title": "Lunch",
    "priority": 1,
    "collapse_key": None,
    "created_at": NOW,
    "due_at": NOW,
    "expires_at": None,
    "platform": "discord",
    "held_for": "",
    "hold_key": None,
    "held_since": None,
    "preferences": Preferences(),
    "endpoints": (11,),
    "windows": {},
}


def leg(**changes: Any) -> WaitingLeg:
    return WaitingLeg(**{**ONE, **changes})


def legs(number: int, **changes: Any) -> list[WaitingLeg]:
    """Of so many notifications, each made after the one before."""
    made = [Millis(NOW - number + n) for n in range(number)]
    return [leg(**{"created_at": at, **changes, "leg_no": n}) for n, at in enumerate(made, 1)]


def nobody(user: str) -> bool:
    return False


def decided(
    *those: WaitingLeg, now: int = NOW, online: Any = nobody, limits: RoutingLimits = LIMITS
) -> list[Decision]:
    found = decide(those, now=Millis(now), online=online, limits=limits)
    assert [each.leg_no for each in found] == [each.leg_no for each in those]
    assert {each.reason for each in found} <= REASONS | {""}
    return found


def one(those: WaitingLeg, **others: Any) -> Decision:
    return decided(those, **others)[0]


def told(found: list[Decision]) -> list[tuple[str, str]]:
    return [(each.kind, each.reason) for each in found]


def hold(reason: str, until: int, key: str | None = None) -> Decision:
    return Decision(
        leg_no=1, kind="hold", reason=reason, until=Millis(until), hold_key=key or reason
    )


def after(decision: Decision, held: WaitingLeg) -> WaitingLeg:
    """*held* as it is when what it waits for is over."""
    assert decision.until is not None
    return structs.replace(
        held, due_at=decision.until, held_for=decision.reason, hold_key=decision.hold_key
    )


# ---- what is never sent

REFUSED = [
    ("inactive", {"is_active": False}),
    ("blocked", {"is_blocked": True}),
    ("read", {"is_seen": True}),
    ("expired", {"expires_at": NOW}),
    ("type_off", {"preferences": Preferences(types={"meeting.response": False}, dnd=True)}),
    ("no_endpoint", {"endpoints": ()}),
]


@pytest.mark.parametrize(("reason", "changes"), REFUSED)
def test_it_is_never_sent(reason: str, changes: dict[str, Any]) -> None:
    kind = "expire" if reason == "expired" else "skip"
    found = one(leg(**changes), online=lambda user: user == "bea")
    assert found == Decision(leg_no=1, kind=kind, reason=reason)


def test_the_reason_is_the_first_there_is() -> None:
    for first in range(len(REFUSED)):
        changes = {field: value for _, each in REFUSED[first:] for field, value in each.items()}
        found = one(leg(**changes), online=lambda user: True)
        assert found.reason == REFUSED[first][0]


@pytest.mark.parametrize("kind", [kind for kind, rule in TYPES.items() if rule.may_be_urgent])
def test_what_is_urgent_is_never_sent_either(kind: str) -> None:
    for reason, changes in REFUSED:
        if reason != "type_off":
            changed = leg(**changes, type=kind, priority=4)
            assert one(changed, online=lambda user: True).reason == reason
    off = Preferences(types={kind: False})
    assert one(leg(type=kind, priority=4, preferences=off)).reason == "type_off"


def test_it_is_sent_where_nothing_speaks_against_it() -> None:
    others_off = Preferences(types={"meeting.response": True, "friend.request": False})
    for platform in PLATFORMS:
        endpoints = () if platform == "web" else (11,)
        fine = leg(platform=platform, endpoints=endpoints, expires_at=NOW + 1)
        assert one(structs.replace(fine, preferences=others_off)).kind == "go"


def test_who_looks_at_the_page_is_pushed_nothing_and_told_by_the_others() -> None:
    asked: list[str] = []
    those = [leg(leg_no=number, platform=each) for number, each in enumerate(PLATFORMS)]
    for found in decided(*those, online=lambda user: not asked.append(user)):
        is_push = PLATFORMS[found.leg_no] == "push"
        assert told([found]) == [("skip", "online") if is_push else ("go", "")]
    assert asked == ["bea"]
    assert {found.kind for found in decided(*those)} == {"go"}


@pytest.mark.parametrize("comes_first", ["web", "push"])
@pytest.mark.parametrize(
    ("changes", "is_pushed"),
    [
        ({}, False),
        ({"preferences": QUIET}, False),
        ({"preferences": Preferences(types={"meeting.response": False})}, True),
        ({"id": "n2"}, True),
    ],
)
def test_who_looks_at_the_page_is_pushed_what_is_not_shown_there(
    comes_first: str, changes: dict[str, Any], is_pushed: bool
) -> None:
    web = leg(platform="web", endpoints=(), **changes)
    push = leg(leg_no=2, platform="push")
    those = (web, push) if comes_first == "web" else (push, web)
    found = {each.leg_no: each for each in decided(*those, online=lambda user: True)}
    assert told([found[2]]) == [("go", "") if is_pushed else ("skip", "online")]
    assert one(push, online=lambda user: True).kind == "go"


# ---- what waits


@pytest.mark.parametrize("platform", OUTSIDE)
def test_quiet_hours_and_do_not_disturb_hold_it_back_outside(platform: str) -> None:
    assert one(leg(platform=platform, preferences=QUIET)) == hold("quiet_hours", MORNING)
    dnd = Preferences(dnd=True, dnd_until=Millis(NOW + 1), quiet=NIGHT)
    assert one(leg(platform=platform, preferences=dnd)) == hold("dnd", NOW + 1)


def test_on_the_web_they_only_keep_it_silent() -> None:
    """What people see there is a list, which has it at once."""
    web = leg(platform="web", endpoints=())
    for wanted, reason in ((QUIET, "quiet_hours"), (DND, "dnd"), (Preferences(), "")):
        found = one(structs.replace(web, preferences=wanted))
        assert found == Decision(leg_no=1, kind="go", reason=reason)
    urgent = structs.replace(web, type="calendar.conflict", priority=4, preferences=DND)
    assert one(urgent) == Decision(leg_no=1, kind="go")
    refused = structs.replace(web, preferences=DND, is_blocked=True)
    assert told(decided(refused)) == [("skip", "blocked")]


def test_do_not_disturb_ends() -> None:
    assert one(leg(preferences=DND)) == hold("dnd", NOW + DND_AGAIN_MS)
    over = Preferences(dnd=True, dnd_until=NOW)
    assert one(leg(preferences=over)).kind == "go"
    assert one(leg(preferences=Preferences(dnd_until=Millis(NOW + 9)))).kind == "go"
    assert one(leg(preferences=Preferences(dnd=True, dnd_until=NOW, quiet=NIGHT))).until == MORNING


def test_quiet_hours_are_those_of_the_zone() -> None:
    elsewhere = Preferences(quiet=NIGHT, zone="America/New_York")
    assert one(leg(preferences=elsewhere)).kind == "go"


def test_nothing_waits_beyond_its_expiry() -> None:
    expiring = leg(preferences=QUIET, expires_at=NOW + HOUR)
    found = one(expiring)
    assert found == hold("quiet_hours", NOW + HOUR)
    assert one(after(found, expiring), now=NOW + HOUR).kind == "expire"
    assert one(structs.replace(expiring, expires_at=MORNING + 1)).until == MORNING


def test_nothing_is_held_back_for_ever() -> None:
    """Who wants to be left alone without an end is told nothing after a week of it."""
    week = NOW + HELD_MOST_MS
    later = leg(preferences=Preferences(dnd=True, dnd_until=Millis(2 * week)))
    assert one(later) == hold("dnd", week)
    old = leg(preferences=DND, created_at=1, due_at=1)
    assert one(old).until == NOW + DND_AGAIN_MS
    held_long = structs.replace(old, held_since=NOW, held_for="dnd", hold_key="dnd")
    assert one(held_long, now=week - 1) == hold("dnd", week)
    assert one(held_long, now=week) == Decision(leg_no=1, kind="expire", reason="expired")
    own = structs.replace(held_long, expires_at=Millis(week + HOUR))
    assert one(own, now=week) == hold("dnd", week + HOUR)
    assert one(structs.replace(held_long, preferences=Preferences()), now=week - 1).kind == "go"


WAITING = [
    ("dnd", {"preferences": DND}),
    ("quiet_hours", {"preferences": QUIET}),
    ("digest", {"windows": {"calendar.conflict": Window(Millis(NOW + 1), 1)}}),
    ("platform_limit", {"windows": {"*": Window(Millis(NOW + 1), 30)}}),
]


@pytest.mark.parametrize(("reason", "changes"), WAITING)
def test_what_is_urgent_waits_for_nothing(reason: str, changes: dict[str, Any]) -> None:
    urgent = leg(type="calendar.conflict", priority=4, **changes)
    assert one(structs.replace(urgent, priority=3)).reason == reason
    assert one(urgent).kind == "go"


def test_the_type_says_what_is_urgent_and_not_the_wish() -> None:
    for kind in [*TYPES, "no.such"]:
        found = one(leg(type=kind, priority=4, preferences=DND))
        urgent = kind in TYPES and TYPES[kind].may_be_urgent
        assert found.kind == ("go" if urgent else "hold")


def test_the_reason_to_wait_is_the_first_there_is() -> None:
    windows = {
        "meeting.response": Window(Millis(NOW + 2), 1),
        "*": Window(Millis(NOW + 3), 30),
    }
    busy = leg(preferences=Preferences(dnd=True, quiet=NIGHT), windows=windows)
    assert one(busy).reason == "dnd"
    assert one(structs.replace(busy, preferences=QUIET)).reason == "quiet_hours"
    awake = structs.replace(busy, preferences=Preferences())
    assert one(awake) == hold("digest", NOW + 2, "meeting.response")
    assert one(structs.replace(awake, type="meeting.confirmed")) == hold("platform_limit", NOW + 3)


# ---- digests


def test_the_first_goes_and_the_next_ones_wait_for_its_window() -> None:
    first, second, third = legs(3)
    found = decided(first, second, third)
    windows = {
        "meeting.response": Window(Millis(NOW + DIGEST), 1),
        "*": Window(Millis(NOW + HOUR), 1),
    }
    assert found[0] == Decision(leg_no=1, kind="go", windows=windows)
    waits = hold("digest", NOW + DIGEST, "meeting.response")
    assert found[1:] == [structs.replace(waits, leg_no=2), structs.replace(waits, leg_no=3)]
    later = leg(windows=found[0].windows)
    assert one(later, now=NOW + DIGEST - 1) == waits
    assert one(later, now=NOW + DIGEST).kind == "go"


def test_those_that_waited_are_told_by_the_newest() -> None:
    over = NOW + DIGEST
    windows = {"meeting.response": Window(Millis(over), 1), "*": Window(Millis(NOW + HOUR), 4)}
    held = {"hold_key": "meeting.response", "held_for": "digest", "due_at": over}
    old, new, middle = legs(3, windows=windows, **held)
    new = structs.replace(new, created_at=NOW)
    found = decided(old, new, middle, now=over)
    assert told(found) == [("merge", "digest"), ("go", ""), ("merge", "digest")]
    assert [each.into for each in found] == [2, None, 2]
    assert found[1].windows == {
        "meeting.response": Window(Millis(over + DIGEST), 1),
        "*": Window(Millis(NOW + HOUR), 5),
    }


def test_of_those_made_at_the_same_time_the_last_one_tells() -> None:
    held = {"hold_key": "quiet_hours", "held_for": "quiet_hours", "created_at": NOW}
    assert [each.kind for each in decided(*reversed(legs(3, **held)))] == ["go", "merge", "merge"]


@pytest.mark.parametrize("comes_first", [True, False])
def test_one_that_comes_just_now_does_not_keep_back_those_that_waited(comes_first: bool) -> None:
    held = {"hold_key": "meeting.response", "held_for": "digest"}
    waited, fresh = leg(**held), leg(leg_no=2)
    found = decided(fresh, waited) if comes_first else decided(waited, fresh)
    by_leg = {each.leg_no: each for each in found}
    assert by_leg[1].kind == "go"
    assert by_leg[2] == structs.replace(hold("digest", NOW + DIGEST, "meeting.response"), leg_no=2)


def test_all_decisions_tell_windows_as_they_are_in_the_end() -> None:
    """So that it does not matter which of them is written last."""
    waited = {"hold_key": "dnd", "held_for": "dnd"}
    fresh, held, other = leg(), leg(leg_no=2, **waited), leg(leg_no=3, recipient_no=8)
    fresh = structs.replace(fresh, type="friend.request")
    found = decided(fresh, held, other)
    assert [each.windows["*"].sent for each in found] == [2, 2, 1]
    assert set(found[0].windows) == {"friend.request", "*"}
    assert set(found[1].windows) == {"meeting.response", "*"}


def test_a_window_that_began_meanwhile_does_not_keep_back_those_that_waited() -> None:
    windows = {"meeting.response": Window(Millis(NOW + 9), 1)}
    held = {"hold_key": "meeting.response", "held_for": "digest", "windows": windows}
    found = one(leg(**held))
    assert found.kind == "go"
    assert found.windows["meeting.response"] == Window(Millis(NOW + 9), 2)
    for other in (
        {"due_at": NOW + 1},  # it comes along with another
        {"hold_key": "friend.request"},
        {"held_for": "quiet_hours"},
    ):
        assert one(leg(**{**held, **other})).reason == "digest"


def test_groups_people_and_platforms_have_windows_of_their_own() -> None:
    ids = count(1)
    others = [{}, {"type": "friend.request"}, {"recipient_no": 8}, {"platform": "kakao"}]
    found = decided(*[leg(leg_no=next(ids), **changes) for changes in others for _ in range(2)])
    assert told(found) == [("go", ""), ("hold", "digest")] * 4


def test_those_held_back_apart_go_apart() -> None:
    ids = count(1)
    held = {"held_for": "quiet_hours", "hold_key": "quiet_hours", "type": "meeting.confirmed"}
    others = [{}, {"hold_key": "dnd"}, {"recipient_no": 8}, {"platform": "kakao"}]
    those = [leg(leg_no=next(ids), **{**held, **each}) for each in others for _ in range(2)]
    found = decided(*those)
    assert [each.kind for each in found] == ["merge", "go"] * 4
    assert [each.into for each in found] == [2, None, 4, None, 6, None, 8, None]


def test_a_collapse_key_is_a_group_of_its_sender() -> None:
    plain, mine = leg(), leg(collapse_key="dnd")
    assert group_of(plain) == "meeting.response"
    others = leg(collapse_key="dnd", sender_no=4), leg(collapse_key="dnd", sender_no=None)
    assert len({group_of(each) for each in (plain, mine, *others)}) == 4
    reserved = {"*", "dnd", "quiet_hours", "digest", "platform_limit", *TYPES}
    assert not any(group_of(leg(collapse_key=key)) in reserved for key in reserved)
    found = decided(mine, structs.replace(mine, leg_no=2), structs.replace(plain, leg_no=3))
    assert told(found) == [("go", ""), ("hold", "digest"), ("go", "")]
    assert found[1].hold_key == group_of(mine)


def test_what_is_no_digest_goes_each_by_itself() -> None:
    for kind in ("calendar.reminder", "no.such"):
        found = decided(*legs(3, type=kind))
        assert told(found) == [("go", "")] * 3
        assert set(found[0].windows) == {"*"}


def test_what_is_urgent_goes_by_itself_and_begins_a_window() -> None:
    urgent = leg(type="calendar.conflict", priority=4, hold_key="quiet_hours")
    other = leg(leg_no=2, type="friend.request", hold_key="quiet_hours")
    like_it = leg(leg_no=3, type="calendar.conflict")
    found = decided(urgent, other, like_it)
    assert told(found) == [("go", ""), ("go", ""), ("hold", "digest")]


def test_what_is_over_with_the_quiet_hours_is_one() -> None:
    quiet = [*legs(2, preferences=QUIET), leg(leg_no=3, type="friend.request", preferences=QUIET)]
    held = [after(each, it) for each, it in zip(decided(*quiet), quiet, strict=True)]
    found = decided(*held, now=MORNING)
    assert [each.kind for each in found] == ["merge", "merge", "go"]
    assert set(found[2].windows) == {"meeting.response", "friend.request", "*"}
    assert found[2].windows["*"].sent == 1
    assert {each.kind for each in decided(*held, now=MORNING - 1)} == {"hold"}


def test_of_those_that_waited_some_wait_for_something_else() -> None:
    held = {"held_for": "quiet_hours", "hold_key": "quiet_hours"}
    window = {"friend.request": Window(Millis(NOW + 5), 1)}
    response, request, read = legs(3, windows=window, **held)
    request = structs.replace(request, type="friend.request")
    read = structs.replace(read, is_seen=True)
    found = decided(response, request, read)
    assert told(found) == [("go", ""), ("hold", "digest"), ("skip", "read")]
    assert (found[1].until, found[1].hold_key) == (NOW + 5, "friend.request")


# ---- the web


def test_on_the_web_all_go() -> None:
    held = {"held_for": "quiet_hours", "hold_key": "quiet_hours", "platform": "web"}
    windows = {"meeting.response": Window(Millis(NOW + 9), 1), "*": Window(Millis(NOW + 9), 99)}
    found = decided(*legs(40, **held, windows=windows, endpoints=()))
    assert found == [Decision(leg_no=n, kind="go") for n in range(1, 41)]


# ---- the limits of platforms


def test_a_platform_takes_so_many_an_hour() -> None:
    those = legs(32, type="calendar.reminder")
    found = decided(*those)
    assert [each.kind for each in found] == ["go"] * 30 + ["hold"] * 2
    assert found[29].windows == {"*": Window(Millis(NOW + HOUR), 30)}
    assert found[30] == structs.replace(hold("platform_limit", NOW + HOUR), leg_no=31)
    held = [after(each, it) for each, it in zip(found[30:], those[30:], strict=True)]
    assert [each.kind for each in decided(*held, now=NOW + HOUR)] == ["merge", "go"]


def test_what_is_urgent_counts() -> None:
    windows = {"*": Window(Millis(NOW + 5), 30)}
    urgent = leg(type="calendar.reminder", priority=4, windows=windows)
    assert one(urgent).windows == {"*": Window(Millis(NOW + 5), 31)}


def test_each_has_the_limit_of_its_platform() -> None:
    limits = RoutingLimits(per_hour={"push": 1, "discord": 0})
    ids = count(1)
    platforms = ["push", "push", "kakao", "kakao", "discord"]
    those = [leg(leg_no=next(ids), platform=each, type="calendar.reminder") for each in platforms]
    found = decided(*those, limits=limits)
    assert [each.kind for each in found] == ["go", "hold", "go", "go", "hold"]
    assert found[2].windows == {}
    assert set(LIMITS.per_hour.items()) == {(platform, 30) for platform in OUTSIDE}


def test_those_together_count_as_one_and_wait_together() -> None:
    held = {"held_for": "dnd", "hold_key": "dnd"}
    full = {"*": Window(Millis(NOW + 7), 30)}
    found = decided(*legs(3, **held, windows=full))
    assert [(each.reason, each.until) for each in found] == [("platform_limit", NOW + 7)] * 3
    almost = {"*": Window(Millis(NOW + 7), 29)}
    assert [each.kind for each in decided(*legs(3, **held, windows=almost))] == [
        "merge",
        "merge",
        "go",
    ]


# ---- clocks


@pytest.mark.parametrize("group", ["meeting.response", "*"])
def test_a_window_of_a_clock_that_was_ahead_counts_for_nothing(group: str) -> None:
    length = HOUR if group == "*" else DIGEST
    for until, kind in [
        (NOW, "go"),
        (NOW + 1, "hold"),
        (NOW + length, "hold"),
        (NOW + length + 1, "go"),
    ]:
        windows = {group: Window(Millis(until), 99)}
        found = one(leg(windows=windows))
        assert found.kind == kind
        if kind == "go":
            assert found.windows[group] == Window(Millis(NOW + length), 1)


def test_the_length_of_a_window_is_that_of_the_limits() -> None:
    found = decided(*legs(2), limits=RoutingLimits(digest_ms=1_000))
    assert found[1].until == NOW + 1_000
    assert told(decided(*legs(2), limits=RoutingLimits(digest_ms=0))) == [("go", "")] * 2


# ---- whatever comes

WINDOWS = st.dictionaries(
    st.sampled_from(["*", *TYPES]),
    st.builds(Window, st.integers(NOW - HOUR, NOW + 2 * HOUR).map(Millis), st.integers(1, 40)),
)
PREFERENCES = st.builds(
    Preferences,
    types=st.dictionaries(st.sampled_from(list(TYPES)), st.booleans(), max_size=3),
    quiet=st.none() | st.just(NIGHT) | st.just(QuietHours("09:00", "18:00")),
    zone=st.sampled_from(["Asia/Seoul", "America/New_York", "No/Where"]),
    dnd=st.booleans(),
    dnd_until=st.none() | st.integers(NOW - 9, NOW + 9).map(Millis),
)
ANY = st.builds(
    leg,
    recipient_no=st.sampled_from([7, 8]),
    is_active=st.sampled_from([True, True, True, False]),
    is_blocked=st.sampled_from([False, False, False, True]),
    is_seen=st.sampled_from([False, False, False, True]),
    type=st.sampled_from([*TYPES, "no.such"]),
    priority=st.integers(1, 4),
    collapse_key=st.none() | st.sampled_from(["*", "a"]),
    created_at=st.integers(NOW - 9, NOW).map(Millis),
    due_at=st.integers(NOW - 9, NOW + 9).map(Millis),
    expires_at=st.none() | st.integers(NOW - 9, NOW + 9 * HOUR).map(Millis),
    platform=st.sampled_from(PLATFORMS),
    held_for=st.sampled_from(["", "digest", "quiet_hours", "dnd", "platform_limit"]),
    hold_key=st.none() | st.sampled_from(["quiet_hours", "dnd", "meeting.response"]),
    held_since=st.none() | st.integers(NOW - HELD_MOST_MS - 9, NOW).map(Millis),
    preferences=PREFERENCES,
    endpoints=st.sampled_from([(), (1,), (1, 2)]),
    windows=WINDOWS,
)


@given(st.lists(ANY, max_size=12))
def test_whatever_comes_is_decided_so_that_it_can_be_done(those: list[WaitingLeg]) -> None:
    those = [structs.replace(each, leg_no=n) for n, each in enumerate(those, 1)]
    found = dict(zip(range(1, 13), decided(*those), strict=False))
    for each in those:
        decision = found[each.leg_no]
        assert (decision.kind == "hold") == (decision.until is not None)
        assert (decision.kind == "hold") == (decision.hold_key is not None)
        assert (decision.kind == "merge") == (decision.into is not None)
        assert decision.kind == "go" or decision.windows == {}
        if decision.until is not None:
            assert NOW < decision.until <= NOW + 27 * HOUR
            assert each.expires_at is None or decision.until <= each.expires_at
        if decision.into is not None:
            other = those[decision.into - 1]
            assert found[decision.into].kind == "go"
            assert each.platform == other.platform != "web"
            assert (each.recipient_no, each.hold_key) == (other.recipient_no, other.hold_key)
