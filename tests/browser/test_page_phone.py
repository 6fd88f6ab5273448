"""On a phone: one pane at a time, nothing wider than the screen, and a way back."""

from __future__ import annotations

from typing import Any

import pytest
from people import OpenWindow, SignUp
from playwright.sync_api import Page, expect
from test_page_files import arrived, attach, photo, text, tone

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 700},
    "has_touch": True,
    "is_mobile": True,
}


@pytest.fixture
def page(window: OpenWindow, person: SignUp) -> Page:
    minji, junho = person("민지"), person("준호")
    room = minji.room("전화기에서", junho)
    minji.say(room, "짧은 말", "아주 긴 말 " * 40, "끊기지않는말" * 60)
    return window(junho, **PHONE)


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def test_the_list_and_the_conversation_take_turns(page: Page) -> None:
    expect(page.locator("#conversation")).to_be_hidden()
    assert overflow(page) <= 0
    page.locator("#room-list button").tap()
    expect(page.locator("#rooms")).to_be_hidden()
    expect(page.locator("#log .message").last).to_be_in_viewport()
    assert overflow(page) <= 0
    page.locator("#back").tap()
    expect(page.locator("#rooms")).to_be_visible()
    expect(page.locator("#conversation")).to_be_hidden()


def test_the_phones_own_way_back_leads_to_the_list(page: Page) -> None:
    page.locator("#room-list button").tap()
    expect(page.locator("#conversation")).to_be_visible()
    page.go_back()
    expect(page.locator("#rooms")).to_be_visible()


def test_fields_are_large_enough_that_the_phone_does_not_zoom(page: Page) -> None:
    page.locator("#room-list button").tap()
    size = page.locator("#body").evaluate("field => parseFloat(getComputedStyle(field).fontSize)")
    assert size >= 16


def test_the_button_sends_and_the_field_keeps_the_focus(page: Page) -> None:
    page.locator("#room-list button").tap()
    page.fill("#body", "엄지로 쓴 말")
    page.locator("#send").tap()
    expect(page.locator(".mine.stored .bubble")).to_have_text("엄지로 쓴 말")
    expect(page.locator("#body")).to_be_focused()


def test_a_message_is_answered_from_its_menu(page: Page) -> None:
    page.locator("#room-list button").tap()
    message = page.locator("#log .message").first
    expect(message.get_by_role("button", name="답장")).to_be_hidden()
    message.get_by_role("button", name="더 보기").tap()
    page.get_by_role("menuitem", name="답장").tap()
    expect(page.locator("#replying-body")).to_have_text("짧은 말")
    page.fill("#body", "답")
    page.locator("#send").tap()
    expect(page.locator(".mine.stored .quote")).to_contain_text("짧은 말")


def test_files_are_no_wider_than_the_screen(page: Page) -> None:
    page.locator("#room-list button").tap()
    attach(page, photo(), tone(), text())
    arrived(page, 3)
    page.locator("#send").tap()
    expect(page.locator(".mine.stored .sound button")).to_be_visible()
    wide = page.locator("#scroller").evaluate("node => node.scrollWidth - node.clientWidth")
    assert wide <= 0
