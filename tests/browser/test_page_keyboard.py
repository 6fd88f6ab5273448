"""Everything can be done without a pointer, and is said to those who do not see."""

from __future__ import annotations

import re

from people import OpenWindow, SignUp
from playwright.sync_api import Page, expect


def test_the_list_is_walked_with_the_arrows_and_opened_with_enter(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    for name in ("가", "나", "다"):
        minji.say(minji.room(f"방 {name}"), "시작")
    page = window(minji)
    buttons = page.locator("#room-list button")
    expect(buttons).to_have_count(3)
    expect(page.locator('#room-list button[tabindex="0"]')).to_have_count(1)
    buttons.first.focus()
    page.keyboard.press("ArrowDown")
    expect(buttons.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(buttons.last).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#room-name")).to_have_text("방 가")
    expect(page.locator("#body")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#room")).to_be_hidden()
    assert page.evaluate("document.activeElement.closest('#room-list') !== null")


def test_a_room_is_made_without_a_pointer(window: OpenWindow, person: SignUp) -> None:
    minji, junho, sora = person("민지"), person("준호"), person("소라")
    page = window(minji)
    page.locator("#new-room-open").press("Enter")
    expect(page.locator("#people-query")).to_be_focused()
    page.get_by_role("radio", name="여럿이").press("Space")
    for other in (junho, sora):
        page.fill("#people-query", other.username)
        expect(page.locator("#people-found button")).to_have_count(1)
        page.press("#people-query", "Enter")
        expect(page.locator("#people-query")).to_have_value("")
    page.get_by_label("방 이름").fill("셋이서")
    page.get_by_label("방 이름").press("Enter")
    expect(page.locator("#room-name")).to_have_text("셋이서")
    expect(page.locator("#room-about")).to_have_text("3명")


def test_escape_closes_the_dialog_and_gives_the_focus_back(
    window: OpenWindow, person: SignUp
) -> None:
    page = window(person("민지"))
    page.locator("#new-room-open").press("Enter")
    expect(page.locator("#new-room")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#new-room")).to_be_hidden()
    expect(page.locator("#new-room-open")).to_be_focused()


def test_new_messages_are_announced_and_every_control_has_a_name(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("들리는 방", junho)
    page = window(junho, room)
    minji.say(room, "들리나요?")
    expect(page.locator("[aria-live=polite]#announcer")).to_have_text("민지: 들리나요?")
    page.click("#members-toggle")
    expect(page.locator("#member-list li")).to_have_count(2)
    for control in page.locator("button:visible, input:visible, textarea:visible").all():
        expect(control).to_have_accessible_name(re.compile(r"\S"))


def test_one_goes_to_a_room_or_a_person_from_anywhere(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    rooms = [minji.room(name) for name in ("봄 산책", "여름 바다")]
    page = window(minji, rooms[1])
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    expect(page.locator("#switcher [role=option]")).to_have_count(2)
    page.keyboard.type("ㅂㅅㅊ")
    expect(page.locator("#switcher [role=option]")).to_have_count(1)
    page.get_by_role("combobox").fill("산")
    page.keyboard.press("Enter")
    expect(page.locator("#room-name")).to_have_text("봄 산책")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.type(junho.username)
    expect(page.locator("#switcher [role=option]")).to_contain_text("준호")
    page.keyboard.press("Enter")
    expect(page.locator("#room-name")).to_have_text("준호")
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("#room-name")).not_to_have_text("준호")


def test_the_messages_are_walked_and_acted_on_with_single_keys(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("글쇠", junho)
    minji.say(room, "하나", "둘", "셋")
    page = window(junho, room)
    expect(page.locator("#body")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#scroller")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator('#log [data-seq="3"]')).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator('#log [data-seq="2"]')).to_be_focused()
    page.keyboard.press("1")
    expect(page.locator('#log [data-seq="2"] .reaction.own')).to_have_text("👍 1")
    expect(page.locator('#log [data-seq="2"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#actions")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator('#log [data-seq="2"]')).to_be_focused()
    page.keyboard.press("t")
    expect(page.locator("#thread .body")).to_be_focused()
    page.keyboard.insert_text("답")
    page.keyboard.press("Enter")
    expect(page.locator('#log [data-seq="2"] .thread-link')).to_be_visible()  # it is drawn anew
    page.keyboard.press("Escape")
    expect(page.locator("#thread")).to_be_hidden()
    expect(page.locator('#log [data-seq="2"]')).to_be_focused()
    leave_by_the_first(page)


def leave_by_the_first(page: Page) -> None:
    """From any message to the first, its buttons, and back to writing."""
    page.keyboard.press("Home")
    expect(page.locator('#log [data-seq="1"]')).to_be_focused()
    page.keyboard.press("Tab")
    inside = page.evaluate("document.activeElement.closest('[data-seq]').dataset.seq")
    assert inside == "1"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("r")
    expect(page.locator("#body")).to_be_focused()
    expect(page.locator("#replying-body")).to_have_text("하나")


def test_an_arrow_up_in_an_empty_field_edits_what_was_said_last(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("고치기", junho)
    minji.say(room, "안뇽")
    junho.say(room, "안녕")
    page = window(minji, room)
    expect(page.locator("#log .bubble")).to_have_count(2)
    page.press("#body", "ArrowUp")
    expect(page.locator("#body")).to_have_value("안뇽")
    page.press("#body", "Escape")
    expect(page.locator("#body")).to_have_value("")
    page.fill("#body", "쓰는 중")
    page.press("#body", "ArrowUp")
    expect(page.locator("#body")).to_have_value("쓰는 중")


def test_the_keys_are_listed(window: OpenWindow, person: SignUp) -> None:
    page = window(person("민지"))
    expect(page.locator("#no-rooms")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#shortcuts dt")).to_have_count(14)
    expect(page.locator("#shortcuts")).to_contain_text("바로 가기")
