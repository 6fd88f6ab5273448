"""How fast Discord is asked: as it said, and by nothing that was known before."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock

from server.providers.discord_limits import UNSAID_S, DiscordLimits, Limited, Route
from server.providers.posting import Posted

HOOK, OTHER = Route("POST webhook", "1"), Route("POST webhook", "2")


def said(
    limit: int, remaining: int, after_s: float, *, bucket: str = "b", status: int = 200
) -> Posted:
    headers = {
        b"x-ratelimit-limit": b"%d" % limit,
        b"x-ratelimit-remaining": b"%d" % remaining,
        b"x-ratelimit-reset-after": b"%.3f" % after_s,
        b"x-ratelimit-bucket": bucket.encode(),
    }
    return Posted(left=True, status=status, headers=headers, body=b"{}")


def over(headers: Mapping[bytes, bytes], body: bytes = b"{}") -> Posted:
    return Posted(left=True, status=429, headers=headers, body=body)


@pytest.fixture
def clock(autojump_clock: MockClock) -> MockClock:
    return autojump_clock


async def test_nothing_is_known_so_one_asks_and_the_others_wait_for_what_it_hears(
    clock: MockClock,
) -> None:
    limits = DiscordLimits()
    assert await limits.take(HOOK) is None
    taken: list[float] = []

    async def ask() -> None:
        assert await limits.take(HOOK) is None
        taken.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(ask)
        await trio.sleep(0.5)
        assert taken == []
        limits.answered(HOOK, said(5, 4, 2.0))
    assert len(taken) == 4 and max(taken) - min(taken) == 0


async def test_a_place_is_waited_for_no_longer_than_one_is_patient(clock: MockClock) -> None:
    limits = DiscordLimits(patience_s=2.0)
    assert await limits.take(HOOK) is None
    began = trio.current_time()
    assert await limits.take(HOOK) == Limited(2.0, of_all=False)
    assert trio.current_time() - began == pytest.approx(2.0)


async def test_an_empty_bucket_is_waited_for_if_that_is_soon(clock: MockClock) -> None:
    limits = DiscordLimits(patience_s=2.0)
    assert await limits.take(HOOK) is None
    limits.answered(HOOK, said(5, 0, 1.5))
    began = trio.current_time()
    assert await limits.take(HOOK) is None
    assert trio.current_time() - began == pytest.approx(1.5)


async def test_those_who_come_too_late_are_told_of_one_window_after_the_other(
    clock: MockClock,
) -> None:
    limits = DiscordLimits(patience_s=2.0)
    assert await limits.take(HOOK) is None
    limits.answered(HOOK, said(2, 0, 10.0))
    began = trio.current_time()
    told = [await limits.take(HOOK) for _ in range(5)]
    assert [round(each.wait_s) for each in told if each] == [10, 10, 20, 20, 30]
    assert trio.current_time() == began  # nobody waited for what he cannot have


async def test_no_more_are_under_way_than_are_left(clock: MockClock) -> None:
    limits = DiscordLimits(patience_s=0.5)
    assert await limits.take(HOOK) is None
    limits.answered(HOOK, said(5, 2, 60.0))
    assert [await limits.take(HOOK) for _ in range(2)] == [None, None]
    third = await limits.take(HOOK)
    assert third is not None and third.wait_s == pytest.approx(59.5)


async def test_answers_that_overtake_each_other_do_not_make_more_of_what_is_left(
    clock: MockClock,
) -> None:
    limits = DiscordLimits(patience_s=0.5)
    assert await limits.take(HOOK) is None
    limits.answered(HOOK, said(5, 4, 60.0))
    for _ in range(4):
        assert await limits.take(HOOK) is None
    for remaining in (0, 3, 2, 1):
        limits.answered(HOOK, said(5, remaining, 60.0))
    assert await limits.take(HOOK) is not None


async def test_who_was_not_answered_gives_his_place_back_and_has_used_it(
    clock: MockClock,
) -> None:
    limits = DiscordLimits(patience_s=0.5)
    assert await limits.take(HOOK) is None
    limits.answered(HOOK, said(2, 1, 60.0))
    assert await limits.take(HOOK) is None
    limits.answered(HOOK, Posted(left=True))
    assert await limits.take(HOOK) is not None
    await trio.sleep(60)
    assert await limits.take(HOOK) is None


async def test_channels_have_limits_of_their_own_and_routes_may_share_one(
    clock: MockClock,
) -> None:
    limits, delete = DiscordLimits(), Route("DELETE webhook message", "1")
    for route in (HOOK, delete):
        assert await limits.take(route) is None
        limits.answered(route, said(5, 0, 60.0, bucket="shared"))
    assert await limits.take(OTHER) is None
    assert await limits.take(HOOK) is not None
    assert await limits.take(delete) is not None


async def test_who_waits_at_a_bucket_that_is_found_to_be_another_goes_on(
    clock: MockClock,
) -> None:
    limits, delete = DiscordLimits(patience_s=5.0), Route("DELETE webhook message", "1")
    assert await limits.take(HOOK) is None
    limits.answered(HOOK, said(5, 4, 60.0, bucket="shared"))
    assert await limits.take(delete) is None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(limits.take, delete)
        await trio.sleep(1)
        limits.answered(delete, said(5, 3, 60.0, bucket="shared"))
        await trio.lowlevel.checkpoint()
    assert trio.current_time() < 3.0


async def test_what_is_under_way_stays_so_where_buckets_are_found_to_be_one(
    clock: MockClock,
) -> None:
    limits, delete = DiscordLimits(patience_s=0.5), Route("DELETE webhook message", "1")
    another = delete._replace(of="2")
    assert await limits.take(HOOK) is None
    limits.answered(HOOK, said(5, 2, 60.0, bucket="shared"))
    for route in (HOOK, delete, another):
        assert await limits.take(route) is None
    limits.answered(another, said(5, 4, 60.0, bucket="shared"))
    assert await limits.take(HOOK) is not None  # two are left, and two are under way


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (
            {b"retry-after": b"65", b"x-ratelimit-scope": b"user", b"x-ratelimit-limit": b"10"},
            b'{"retry_after": 64.57, "global": false}',
            Limited(65.0, of_all=False),
        ),
        (
            {b"retry-after": b"0.25", b"x-ratelimit-scope": b"shared"},
            b'{"retry_after": 0.3}',
            Limited(0.3, of_all=False),
        ),
        (
            {b"retry-after": b"3", b"x-ratelimit-global": b"true", b"x-ratelimit-scope": b"global"},
            b"{}",
            Limited(3.0, of_all=True),
        ),
        (
            {b"x-ratelimit-scope": b"user"},
            b'{"retry_after": 1, "global": true}',
            Limited(1.0, of_all=True),
        ),
        # Of what stands before the API: it knows no buckets.
        ({b"retry-after": b"600"}, b"<html>", Limited(600.0, of_all=True)),
        ({b"x-ratelimit-scope": b"user"}, b"", Limited(UNSAID_S, of_all=False)),
        (
            {b"x-ratelimit-scope": b"user", b"retry-after": b"nan"},
            b"[]",
            Limited(UNSAID_S, of_all=False),
        ),
        (
            {b"x-ratelimit-scope": b"user", b"retry-after": b"-5"},
            b'{"retry_after": -1}',
            Limited(UNSAID_S, of_all=False),
        ),
        (
            {b"x-ratelimit-scope": b"user", b"retry-after": b"1e99"},
            b"{}",
            Limited(86_400.0, of_all=False),
        ),
        (
            {b"x-ratelimit-scope": b"user", b"retry-after": b"soon"},
            b'{"retry_after": 9e99}',
            Limited(86_400.0, of_all=False),
        ),
    ],
)
async def test_a_refusal_says_how_long_and_for_whom(
    clock: MockClock, headers: Mapping[bytes, bytes], body: bytes, expected: Limited
) -> None:
    limits = DiscordLimits(patience_s=0.1)
    assert await limits.take(HOOK) is None
    assert limits.answered(HOOK, over(headers, body)) == expected
    other, same = await limits.take(OTHER), await limits.take(HOOK)
    assert (other is not None and other.of_all) == expected.of_all
    assert same is not None and same.wait_s == pytest.approx(expected.wait_s, abs=0.11)
    await trio.sleep(expected.wait_s)
    assert await limits.take(HOOK) is None


@pytest.mark.parametrize(
    "headers",
    [
        {b"x-ratelimit-limit": b"x", b"x-ratelimit-remaining": b"0"},
        {b"x-ratelimit-limit": b"inf", b"x-ratelimit-remaining": b"nan"},
        {b"x-ratelimit-remaining": b"0", b"x-ratelimit-reset-after": b"60"},
        {b"x-ratelimit-bucket": b"\xff\x00"},
    ],
)
async def test_headers_that_say_nothing_are_no_limit(
    clock: MockClock, headers: Mapping[bytes, bytes]
) -> None:
    limits = DiscordLimits()
    for _ in range(3):
        assert await limits.take(HOOK) is None
        limits.answered(HOOK, Posted(left=True, status=200, headers=headers))


async def test_a_limit_of_nothing_does_not_stop_for_ever(clock: MockClock) -> None:
    limits = DiscordLimits(patience_s=0.1)
    assert await limits.take(HOOK) is None
    limits.answered(HOOK, said(0, 0, 1.0))
    assert await limits.take(HOOK) == Limited(pytest.approx(1.0), of_all=False)
    await trio.sleep(1)
    assert await limits.take(HOOK) is None


async def test_what_is_known_is_bounded(clock: MockClock) -> None:
    limits = DiscordLimits(patience_s=0.1, most=3)
    for number in range(10):
        route = Route("POST webhook", str(number))
        assert await limits.take(route) is None
        limits.answered(route, said(5, 0, 60.0))
    assert len(limits._buckets) == 3
    assert await limits.take(Route("POST webhook", "9")) is not None
    assert await limits.take(Route("POST webhook", "0")) is None  # forgotten
