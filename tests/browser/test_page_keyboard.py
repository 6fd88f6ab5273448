"""Everything can be done without a pointer, and is said to those who do not see."""

from __future__ import annotations

import re

from people import OpenWindow, SignUp
from playwright.sync_api import expect


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
    for control in page.locator("button:visible, input:visible, textarea:visible").all():
        expect(control).to_have_accessible_name(re.compile(r"\S"))
