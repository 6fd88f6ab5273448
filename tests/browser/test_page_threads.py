"""Threads at the side of a room: opened, answered and counted, with the same care for Korean."""

from __future__ import annotations

import re
from typing import Any

import pytest
from people import OpenWindow, Person, SignUp, write
from playwright.sync_api import Page, expect
from test_page_ime import Keyboard

Talk = tuple[Person, Person, str]


@pytest.fixture
def talk(person: SignUp) -> Talk:
    minji, junho = person("민지"), person("준호")
    room = minji.room("스레드", junho)
    minji.say(room, "저녁에 뭐 먹을까요?")
    return minji, junho, room


def open_thread(page: Page, seq: int = 1) -> None:
    message = page.locator(f'#log [data-seq="{seq}"]')
    message.hover()
    message.get_by_role("button", name="더 보기").click()
    page.get_by_role("menuitem", name="스레드 열기").click()
    expect(page.locator("#thread-log .message.root")).to_be_visible()


def answer(page: Page, body: str) -> None:
    page.fill("#thread .body", body)
    page.press("#thread .body", "Enter")


def test_a_thread_is_answered_at_the_side_and_counted_at_its_root(
    window: OpenWindow, talk: Talk
) -> None:
    minji, junho, room = talk
    page, other = window(minji, room), window(junho, room)
    open_thread(page)
    expect(page.locator("#thread .body")).to_be_focused()
    answer(page, "국수 어때요?")
    expect(page.locator("#thread-log .bubble")).to_have_text(
        ["저녁에 뭐 먹을까요?", "국수 어때요?"]
    )
    expect(page.locator("#log .bubble")).to_have_text(["저녁에 뭐 먹을까요?"])
    expect(other.locator("#log .in-thread")).to_contain_text("민지 님이 스레드에 답함 국수 어때요?")
    expect(other.locator("#room-list .badge")).to_have_count(0)

    other.locator("#log .thread-link").click()
    answer(other, "좋아요")
    expect(page.locator("#thread-log .theirs .bubble")).to_have_text("좋아요")
    expect(page.locator("#log .thread-link")).to_have_text("답글 2개")
    write(other, "방에 하는 말")
    expect(page.locator("#log .theirs .bubble")).to_have_text("방에 하는 말")
    expect(page.locator("#thread-log .message")).to_have_count(3)

    page.reload()
    page.locator("#log .in-thread button").last.click()
    expect(page.locator("#thread-log .bubble")).to_have_text(
        ["저녁에 뭐 먹을까요?", "국수 어때요?", "좋아요"]
    )


def test_replies_are_edited_deleted_and_reacted_to_in_the_thread(
    window: OpenWindow, talk: Talk
) -> None:
    minji, junho, room = talk
    page, other = window(minji, room), window(junho, room)
    open_thread(page)
    open_thread(other)
    answer(page, "국쑤")
    mine = page.locator("#thread-log .message.mine").last
    expect(mine.locator(".bubble")).to_have_text("국쑤")
    page.fill("#thread .body", "쓰다 만 답")
    mine.hover()
    mine.get_by_role("button", name="더 보기").click()
    page.get_by_role("menuitem", name="고치기", exact=True).click()
    answer(page, "국수")
    theirs = other.locator("#thread-log .message.theirs").last
    expect(theirs.locator(".bubble")).to_have_text("국수")
    expect(page.locator("#thread .body")).to_have_value("쓰다 만 답")
    theirs.hover()
    theirs.get_by_role("button", name="더 보기").click()
    other.get_by_role("menuitem", name="👍").click()
    expect(mine.locator(".reaction")).to_have_text("👍 1")
    mine.hover()
    mine.get_by_role("button", name="더 보기").click()
    page.get_by_role("menuitem", name="지우기", exact=True).click()
    expect(theirs.locator(".bubble")).to_have_text("지워진 메시지입니다")
    expect(page.locator("#log .thread-link")).to_have_count(0)


def test_a_long_thread_comes_page_by_page(window: OpenWindow, talk: Talk) -> None:
    minji, junho, room = talk
    for number in range(120):
        body = {"body": f"답 {number}", "thread": 1}
        minji.ask("POST", f"/chats/rooms/{room}/messages", body)
    page = window(junho, room)
    page.locator("#log .in-thread button").last.click()
    replies = page.locator("#thread-log .message")
    expect(replies).to_have_count(51)
    expect(replies.last).to_be_in_viewport()
    page.locator("#thread-older").click()
    expect(replies).to_have_count(101)
    page.locator("#thread-older").click()
    expect(replies).to_have_count(121)
    expect(page.locator("#thread-older")).to_be_hidden()
    expect(replies.nth(1).locator(".bubble")).to_have_text("답 0")


def test_escape_ends_an_answer_then_the_thread_and_drafts_stay(
    window: OpenWindow, talk: Talk
) -> None:
    minji, _, room = talk
    page = window(minji, room)
    page.fill("#body", "방에 쓰던 말")
    open_thread(page)
    page.fill("#thread .body", "스레드에 쓰던 말")
    root = page.locator("#thread-log .root")
    root.hover()
    root.get_by_role("button", name="답장").click()
    page.press("#thread .body", "Escape")
    expect(page.locator("#thread .replying")).to_be_hidden()
    expect(page.locator("#thread")).to_be_visible()
    page.press("#thread .body", "Escape")
    expect(page.locator("#thread")).to_be_hidden()
    expect(page.locator("#body")).to_have_value("방에 쓰던 말")
    open_thread(page)
    expect(page.locator("#thread .body")).to_have_value("스레드에 쓰던 말")


def test_one_enter_sends_one_reply_with_its_last_syllable(window: OpenWindow, talk: Talk) -> None:
    minji, _, room = talk
    page = window(minji, room)
    open_thread(page)
    page.focus("#thread .body")
    keyboard = Keyboard(page)
    keyboard.compose("ㅂ", "바", "밥")
    keyboard.enter_for_the_input_method()
    keyboard.commit("밥")
    keyboard.enter()
    expect(page.locator("#thread-log .mine.stored .bubble").last).to_have_text("밥")
    page.wait_for_timeout(300)
    expect(page.locator("#thread-log .message")).to_have_count(2)
    expect(page.locator("#thread .body")).to_have_value("")


def test_on_a_phone_a_thread_is_a_view_of_its_own(window: OpenWindow, talk: Talk) -> None:
    _, junho, room = talk
    phone: dict[str, Any] = {
        "viewport": {"width": 360, "height": 700},
        "has_touch": True,
        "is_mobile": True,
    }
    page = window(junho, room, **phone)
    page.locator('#log [data-seq="1"] [data-more]').tap()
    page.get_by_role("menuitem", name="스레드 열기").tap()
    expect(page.locator("#thread-log .message")).to_have_count(1)
    box = page.locator("#thread").bounding_box()
    assert box is not None
    assert box["width"] == 360
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for control in page.locator("#thread button:visible, #thread textarea:visible").all():
        expect(control).to_have_accessible_name(re.compile(r"\S"))
    page.locator("#thread-close").tap()
    expect(page.locator("#thread")).to_be_hidden()


def test_what_is_unread_in_a_thread_is_told_at_its_root(window: OpenWindow, talk: Talk) -> None:
    minji, junho, room = talk
    path = f"/chats/rooms/{room}/messages"
    junho.ask("POST", path, {"body": "국수", "thread": 1})
    page, other = window(minji, room), window(junho, room)
    badge, theirs = page.locator("#log .thread-link .badge"), other.locator("#log .thread-link")
    expect(badge).to_have_text("1")
    junho.ask("POST", path, {"body": "아니면 김밥", "thread": 1})
    expect(badge).to_have_text("2")
    expect(theirs).to_have_text("답글 2개")
    page.locator("#log .thread-link").click()
    expect(badge).to_have_count(0)
    page.locator("#thread-close").click()
    junho.ask("POST", path, {"body": "만두도", "thread": 1})
    expect(badge).to_have_text("1")
    minji.ask("PUT", f"/chats/rooms/{room}/read", {"seq": 4, "thread": 1})
    expect(badge).to_have_count(0)
    minji.ask("POST", path, {"body": "만두요", "thread": 1})
    expect(theirs.locator(".badge")).to_have_text("1")
