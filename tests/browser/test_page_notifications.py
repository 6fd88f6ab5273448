"""Notifications: the bell, and the list behind it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bell import api, counts, fits, notify, of, opened, settings, wanted, way
from hands import Keys
from people import OpenWindow, Person, SignUp
from playwright.sync_api import expect
from test_page_accessible import LOOKS, axe, check
from test_page_broadcasts import send
from test_page_phone import PHONE, overflow
from test_page_settings import admin

__all__ = ["axe"]


@pytest.fixture
def minji(person: SignUp) -> Person:
    return person("민지")


@pytest.fixture
def junho(person: SignUp, minji: Person) -> Person:
    """Somebody whom Minji may notify."""
    junho = person("준호")
    minji.room("산책", junho)
    return junho


def test_one_that_arrives_is_said_counted_listed_and_read(
    window: OpenWindow, minji: Person, junho: Person
) -> None:
    page = window(junho)
    counts(page, 0)
    notify(minji, junho, "토요일 열 시로 정했어요", message="충무로역 4번 출구")
    counts(page, 1)
    expect(page.locator("#toast")).to_have_text("약속 확정: 토요일 열 시로 정했어요")
    dialog = opened(page)
    row = of(dialog, "토요일 열 시로 정했어요")
    expect(row).to_have_class("card told new")
    expect(row.locator(".said")).to_have_text("충무로역 4번 출구")
    expect(row.locator(".foot small")).to_contain_text("약속 확정 · 민지 · ")
    expect(row.locator(".unread-mark")).to_have_text("안 읽음")
    notify(junho, junho, "장소가 바뀌었어요", type="calendar.reminder", priority=4)
    titles = dialog.locator(".title strong")
    expect(titles).to_have_text(["장소가 바뀌었어요", "토요일 열 시로 정했어요"])
    expect(of(dialog, "장소가 바뀌었어요").locator(".badge")).to_have_text("긴급")
    counts(page, 2)

    row.get_by_role("button", name="읽음으로: 토요일 열 시로 정했어요").click()
    expect(row).to_have_class("card told")
    expect(row.get_by_role("button", name="왜 왔나요?")).to_be_focused()
    counts(page, 1)
    dialog.get_by_role("radio", name="안 읽음").check()
    expect(titles).to_have_text(["장소가 바뀌었어요"])
    read_all = dialog.get_by_role("button", name="모두 읽음으로")
    read_all.click()
    expect(read_all).to_have_attribute("aria-disabled", "true")
    counts(page, 0)
    page.reload()
    counts(page, 0)
    expect(opened(page).locator(".told.new")).to_have_count(0)
    expect(titles).to_have_count(2)


def test_what_is_read_or_deleted_in_one_window_goes_from_the_other(
    window: OpenWindow, minji: Person, junho: Person
) -> None:
    page, other = window(junho), window(junho)
    ids = [notify(minji, junho, title) for title in ("하나", "둘", "셋")]
    for each in (page, other):
        counts(each, 3)
    here, there = opened(page), opened(other)
    here.get_by_role("button", name="읽음으로: 하나").click()
    counts(other, 2)
    expect(of(there, "하나")).to_have_class("card told")
    there.get_by_role("button", name="지우기: 둘").click()
    counts(page, 1)
    expect(of(here, "둘")).to_have_count(0)
    expect(of(there, "둘")).to_have_count(0)
    page.keyboard.press("Escape")
    api(junho, "PUT", f"/{ids[2]}/read")
    for each in (page, other):
        counts(each, 0)


def test_what_replaces_another_stands_alone(
    window: OpenWindow, minji: Person, junho: Person
) -> None:
    page = window(junho)
    dialog = opened(page)
    expect(dialog.locator(".blank")).to_have_text("받은 알림이 없습니다.")
    for number in range(3):
        notify(minji, junho, f"{number}명이 온대요", collapseKey="walk")
        expect(dialog.locator(".title strong")).to_have_text([f"{number}명이 온대요"])
    counts(page, 1)


def test_an_invitation_is_answered_and_its_sender_learns_that(
    window: OpenWindow, minji: Person, junho: Person
) -> None:
    page, other = window(junho), window(minji)
    notify(minji, junho, "남산 산책", type="meeting.invitation")
    counts(page, 1)
    row = of(opened(page), "남산 산책")
    row.get_by_role("button", name="수락: 남산 산책").click()
    expect(row.get_by_role("status")).to_have_text("수락했습니다")
    expect(row.get_by_role("button", name="거절: 남산 산책")).to_have_count(0)
    counts(page, 0)
    counts(other, 1)
    answer = opened(other).locator(".told")
    expect(answer.locator(".foot small")).to_contain_text("약속 답변 · 준호")
    assert "invitation" in json.dumps(api(minji, "GET", "")["notifications"][0]["data"])


def test_why_one_came_is_told_when_it_is_asked(
    window: OpenWindow, minji: Person, junho: Person
) -> None:
    page = window(junho)
    notify(minji, junho, "모두에게", platforms=["web", "discord"])
    counts(page, 1)
    why = opened(page).get_by_role("button", name="왜 왔나요?: 모두에게")
    why.click()
    entries = page.get_by_role("list", name="왜 왔나요?: 모두에게").get_by_role("listitem")
    expect(entries.filter(has_text="웹: 보냄")).to_have_count(1)
    expect(entries.filter(has_text="받을 곳이 연결되지 않아서")).to_have_count(1)
    why.click()
    expect(entries.first).to_be_hidden()


def test_more_than_a_page_of_them_is_loaded_when_wanted(
    window: OpenWindow, person: SignUp, open_folder: Path
) -> None:
    boss, junho = person("관리"), person("준호")
    admin(open_folder, boss)
    said = {"recipientId": junho.id, "type": "system.announcement", "message": "내용"}
    many = [{**said, "title": f"{number}번째"} for number in range(55)]
    api(boss, "POST", "/send/batch", {"notifications": many})
    page = window(junho)
    counts(page, 55)
    dialog = opened(page)
    expect(dialog.locator(".told")).to_have_count(50)
    dialog.get_by_role("button", name="더 보기").click()
    expect(dialog.locator(".told")).to_have_count(55)
    titles = dialog.locator(".title strong").all_inner_texts()
    assert sorted(titles) == sorted(each["title"] for each in many)
    expect(dialog.locator(".told").nth(50).get_by_role("button").first).to_be_focused()


def test_what_cannot_be_had_is_said_and_tried_again(
    window: OpenWindow, minji: Person, junho: Person
) -> None:
    page = window(junho)
    notify(minji, junho, "하나")
    counts(page, 1)
    page.route("**/api/notifications**", lambda route: route.abort())
    page.route("**/api/notifications/**", lambda route: route.abort())
    page.click("#bell")
    dialog = page.locator("#notifications")
    expect(dialog.locator(".failed")).to_contain_text("서버에 닿지 않습니다.")
    page.unroute_all()
    dialog.get_by_role("button", name="다시 시도").click()
    page.route("**/api/notifications/**", lambda route: route.abort())
    dialog.get_by_role("button", name="읽음으로: 하나").click()
    row = of(dialog, "하나")
    expect(row.get_by_role("alert")).to_have_text("서버에 닿지 않습니다.")
    expect(row).to_have_class("card told new")
    counts(page, 1)
    dialog.get_by_role("button", name="알림 설정").click()
    wishes = page.locator("#notification-settings")
    expect(wishes.locator(".failed")).to_be_visible()
    page.unroute_all()
    wishes.get_by_role("button", name="다시 시도").click()
    page.route("**/api/notifications/settings", lambda route: route.abort())
    switch = wishes.get_by_role("switch", name="약속 확정: 웹")
    switch.click()
    expect(wishes.locator("> .error")).to_contain_text("닿지 않습니다")
    expect(switch).to_be_checked()


def test_broadcasts_are_notifications_too_until_they_are_heard(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    junho.ask("PATCH", "/me", {"phone": "010-1234-5678", "region": "종마을"})
    page = window(junho)
    send(minji, "종마을")
    counts(page, 1)
    dialog = opened(page)
    dialog.get_by_role("button", name="방송 듣기").click()
    expect(dialog).to_have_count(0)
    expect(page.locator("#broadcasts .broadcast.new")).to_have_count(1)
    counts(page, 0)


# ---- for everybody


def test_all_of_it_is_done_with_keys(window: OpenWindow, minji: Person, junho: Person) -> None:
    page = window(junho)
    hands, dialog = Keys(page), page.locator("#notifications")
    notify(minji, junho, "남산 산책", type="meeting.invitation")
    notify(minji, junho, "정했어요")
    counts(page, 2)
    hands.press(page.locator("#bell"))
    hands.press(dialog.get_by_role("button", name="읽음으로: 정했어요"))
    counts(page, 1)
    hands.press(dialog.get_by_role("button", name="왜 왔나요?: 정했어요"))
    expect(dialog.get_by_text("웹: 보냄")).to_be_visible()
    hands.press(dialog.get_by_role("button", name="거절: 남산 산책"))
    expect(dialog.get_by_role("status").get_by_text("거절했습니다")).to_be_visible()
    hands.press(dialog.get_by_role("button", name="지우기: 남산 산책"))
    expect(of(dialog, "남산 산책")).to_have_count(0)
    hands.press(dialog.get_by_role("button", name="알림 설정"))
    wishes = page.locator("#notification-settings")
    hands.press(wishes.get_by_role("switch", name="친구 수락: 푸시"))
    expect(wishes.get_by_role("switch", name="친구 수락: 푸시")).not_to_be_checked()
    hands.press(wishes.get_by_role("radio", name="푸시"))
    form = wishes.locator("form:visible").first
    hands.press(form.get_by_role("checkbox", name="방해 금지 시간"))
    hands.press(form.get_by_role("checkbox", name="수요일"))
    hands.press(form.get_by_role("button", name="저장"))
    expect(page.locator("#toast")).to_have_text("저장했습니다")
    assert wanted(junho, "push")["quietHours"]["days"] == [0, 1, 3, 4, 5, 6]
    hands.press(way(wishes, "kakao").get_by_role("button", name="연결 코드 받기"))
    expect(wishes.locator("output:visible")).to_have_count(1)
    hands.close(wishes)
    hands.close(dialog)
    expect(page.locator("#bell")).to_be_focused()


def test_a_phone_shows_all_of_it(window: OpenWindow, minji: Person, junho: Person) -> None:
    page = window(junho, **PHONE)
    notify(minji, junho, "끊기지않는말" * 20, message="아주 긴 말 " * 200)
    notify(minji, junho, "남산 산책", type="meeting.invitation")
    counts(page, 2)
    dialog = opened(page)
    expect(dialog.locator(".told")).to_have_count(2)
    assert overflow(page) <= 0
    row = dialog.locator(".told").last
    short = row.bounding_box()
    title, mark = row.locator(".title strong"), row.locator(".unread-mark")
    line = float(title.evaluate("e => parseFloat(getComputedStyle(e).lineHeight)"))
    cut, dot = title.bounding_box(), mark.bounding_box()
    assert cut and dot and abs(cut["height"] - 3 * line) < 1
    assert abs(dot["y"] + dot["height"] / 2 - cut["y"] - line / 2) < 2, "beside the first line"
    expect(dialog.get_by_role("button", name="더 보기")).to_have_count(1)
    row.get_by_role("button", name="더 보기").tap()
    expect(row.get_by_role("button", name="접기")).to_be_visible()
    long = row.bounding_box()
    assert short and long and long["height"] > 2 * short["height"]
    whole = title.bounding_box()
    assert whole and whole["height"] > 4 * line
    assert fits(dialog)
    page.keyboard.press("Escape")
    wishes = settings(page)
    wishes.get_by_role("checkbox", name="방해 금지 시간").check()
    wishes.get_by_role("checkbox", name="알림 멈추기").check()
    way(wishes, "kakao").get_by_role("button", name="연결 코드 받기").tap()
    expect(wishes.locator("output:visible")).to_have_count(1)
    assert overflow(page) <= 0
    assert fits(wishes)


@pytest.mark.parametrize("width", [320, 390])
def test_a_narrow_phone_breaks_no_platform_and_keeps_lines_short(
    window: OpenWindow, minji: Person, junho: Person, width: int
) -> None:
    narrow: dict[str, Any] = {**PHONE, "viewport": {"width": width, "height": 700}}
    page = window(junho, **{**narrow, "locale": "en-US"})
    notify(minji, junho, "Saturday at ten")
    expect(page.locator("#bell .badge")).to_be_visible()
    page.click("#bell")
    foot = page.locator("#notifications .told .foot small")
    assert foot.evaluate(LINES) <= (2 if width < 390 else 1)
    page.get_by_role("button", name="Notification settings").tap()
    heads = page.locator("#notification-settings .matrix thead th")
    expect(heads).to_have_count(4)
    assert [head.evaluate(LINES) for head in heads.all()] == [1] * 4
    for name in ("Quiet hours", "Pause notifications"):
        page.get_by_role("checkbox", name=name).check()
    assert overflow(page) <= 0
    assert fits(page.locator("#notification-settings"))


LINES = """node => {
  const range = document.createRange();
  range.selectNodeContents(node);
  const { height } = range.getBoundingClientRect();
  return Math.round(height / parseFloat(getComputedStyle(node).lineHeight));
}"""


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
def test_notifications_break_no_rule(
    window: OpenWindow, axe: str, look: dict[str, Any], minji: Person, junho: Person
) -> None:
    page = window(junho, **look)
    notify(minji, junho, "남산 산책", type="meeting.invitation")
    notify(minji, junho, "급해요", type="meeting.cancelled", priority=4, message="말 " * 300)
    counts(page, 2)
    check(page, axe, "the bell")
    dialog = opened(page)
    dialog.get_by_role("button", name="왜 왔나요?: 남산 산책").click()
    expect(dialog.get_by_text("웹: 보냄")).to_be_visible()
    check(page, axe, "unread")
    dialog.get_by_role("button", name="수락: 남산 산책").click()
    expect(dialog.get_by_role("status").get_by_text("수락했습니다")).to_be_visible()
    dialog.get_by_role("button", name="모두 읽음으로").click()
    counts(page, 0)
    check(page, axe, "read")
    dialog.get_by_role("radio", name="안 읽음").check()
    expect(dialog.locator(".blank")).to_have_text("안 읽은 알림이 없습니다.")
    check(page, axe, "nothing")
    dialog.get_by_role("button", name="알림 설정").click()
    wishes = page.locator("#notification-settings")
    wishes.get_by_role("switch", name="공지: 웹").uncheck()
    wishes.get_by_role("checkbox", name="방해 금지 시간").check()
    wishes.get_by_role("checkbox", name="토요일").uncheck(force=True)
    wishes.get_by_role("checkbox", name="알림 멈추기").check()
    way(wishes, "kakao").get_by_role("button", name="연결 코드 받기").click()
    expect(wishes.locator("output:visible")).to_have_count(1)
    way(wishes, "discord").get_by_label("웹훅 주소").fill("https://example.com")
    way(wishes, "discord").get_by_role("button", name="더하기").click()
    expect(way(wishes, "discord").get_by_role("alert").last).not_to_be_empty()
    check(page, axe, "settings")
