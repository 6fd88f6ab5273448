from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.advertising import Rule, broken_rule, night_ends

GOOD = "(광고) [마당] 봄맞이 할인 안내\n무료수신거부 080-123-4567"
SEOUL = ZoneInfo("Asia/Seoul")
HOUR_MS = 3_600_000
INSTANTS = st.integers(0, 4_102_444_800_000)  # to the year 2100


def at(text: str, zone: str = "Asia/Seoul", *, fold: int = 0) -> int:
    when = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return round(when.timestamp() * 1000)


def test_the_codes_are_stable() -> None:
    assert [rule.value for rule in Rule] == ["label_missing", "sender_missing", "opt_out_missing"]


def test_a_message_that_says_all_is_good() -> None:
    assert broken_rule(GOOD, "마당") is None
    assert broken_rule(unicodedata.normalize("NFD", GOOD), "마당") is None
    assert broken_rule(GOOD, unicodedata.normalize("NFD", "마당")) is None


@pytest.mark.parametrize(
    "message",
    [
        GOOD.removeprefix("(광고)"),
        f" {GOOD}",
        f"안녕하세요 {GOOD}",
        GOOD.replace("(광고)", "(광 고)"),
        GOOD.replace("(광고)", "(AD)"),
        GOOD.replace("(광고)", "[광고]"),
        "",
    ],
)
def test_the_label_comes_first_and_as_it_is(message: str) -> None:
    assert broken_rule(message, "마당") is Rule.LABEL_MISSING


@pytest.mark.parametrize("sender", ["", "  ", "마당쇠", "Madang"])
def test_the_sender_is_named(sender: str) -> None:
    assert broken_rule(GOOD, sender) is Rule.SENDER_MISSING


@pytest.mark.parametrize(
    "way_out",
    [
        "무료수신거부 080-123-4567",
        "무료 수신거부: 설정 > 알림",
        "무료 수신 거부 0801234567",
        "[무료수신거부]080.1234.5678",
        "무료수신거부\n080 123 4567",
        "수신거부 080-123-4567",
        "수신거부: https://madang.example/out",
        "수신거부(http://madang.example/out)",
        "080-123-4567 (수신거부)",
    ],
)
def test_a_way_out_that_costs_nothing(way_out: str) -> None:
    assert broken_rule(f"(광고) 마당 할인 {way_out}", "마당") is None


@pytest.mark.parametrize(
    "way_out",
    [
        "",
        "무료수신거부",
        "무료수신거부 -->",
        "수신거부",
        "수신거부 02-123-4567",
        "수신거부 1080-123-4567",
        "수신거부 080-123-45678",
        "수신거부 080",
        "080-123-4567",
        "https://madang.example/out 수신거부",
        "수신거부는 언제든지 하실 수 있으니 걱정 마시고 지금 바로 https://madang.example",
    ],
)
def test_no_way_out_or_none_that_is_free(way_out: str) -> None:
    assert broken_rule(f"(광고) 마당 할인 {way_out}", "마당") is Rule.OPT_OUT_MISSING


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2024-05-01T20:59:59.999", None),
        ("2024-05-01T21:00:00", "2024-05-02T08:00:00"),
        ("2024-05-01T23:59:59.999", "2024-05-02T08:00:00"),
        ("2024-05-02T00:00:00", "2024-05-02T08:00:00"),
        ("2024-05-02T07:59:59.999", "2024-05-02T08:00:00"),
        ("2024-05-02T08:00:00", None),
        ("2024-12-31T22:00:00", "2025-01-01T08:00:00"),
    ],
)
def test_the_night_of_seoul(now: str, until: str | None) -> None:
    ends = None if until is None else at(until)
    assert night_ends(at(now), SEOUL) == ends
    assert night_ends(at(now), "Asia/Seoul") == ends


def test_the_nights_in_which_clocks_change() -> None:
    berlin = "Europe/Berlin"
    shorter = night_ends(at("2024-03-30T21:00:00", berlin), berlin)
    longer = night_ends(at("2024-10-26T21:00:00", berlin), berlin)
    assert shorter == at("2024-03-30T21:00:00", berlin) + 10 * HOUR_MS
    assert longer == at("2024-10-26T21:00:00", berlin) + 12 * HOUR_MS
    second = at("2024-10-27T02:30:00", berlin, fold=1)
    assert night_ends(second, berlin) == longer


def test_a_night_before_a_day_that_was_left_out() -> None:
    apia = "Pacific/Apia"  # had no 30 December 2011
    assert night_ends(at("2011-12-29T22:00:00", apia), apia) == at("2011-12-31T08:00:00", apia)


@given(st.timezone_keys(), INSTANTS)
def test_it_is_night_until_it_ends(zone: str, now_ms: int) -> None:
    ends = night_ends(now_ms, zone)
    hour = datetime.fromtimestamp(now_ms // 1000, UTC).astimezone(ZoneInfo(zone)).hour
    assert (ends is None) == (8 <= hour < 21)
    if ends is not None:
        assert now_ms < ends <= now_ms + 13 * HOUR_MS
        assert night_ends(ends, zone) is None
        assert night_ends(ends - 1, zone) == ends
