"""Mentions: found while one writes, by keys, pointer and input method; sent and shown."""

from __future__ import annotations

import re

from people import OpenWindow, SignUp, write
from playwright.sync_api import Page, expect
from test_page_blind import blind, pseudonym
from test_page_ime import Keyboard


def options(page: Page) -> list[str]:
    return page.locator("#writing [role=option] > span:last-child").all_inner_texts()


def test_somebody_is_mentioned_key_by_key(window: OpenWindow, person: SignUp) -> None:
    minji, junho, sora = person("민지"), person("준호"), person("소라")
    room = minji.room("부르기", junho, sora)
    page, other = window(minji, room), window(junho, room)
    field = page.locator("#body")
    field.press_sequentially("점심 @")
    everybody = page.locator("#writing [role=option]")
    expect(everybody).to_have_count(4)
    names = ["all", "here", "소라", "준호"]
    assert all(map(str.startswith, options(page), names))
    expect(everybody.first).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute(
        "aria-activedescendant", str(everybody.first.get_attribute("id"))
    )
    field.press("ArrowUp")
    expect(everybody.last).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    expect(field).to_have_value("점심 @준호 ")
    expect(page.locator("#writing [role=listbox]")).to_be_hidden()
    field.press_sequentially("먹어요")
    field.press("Enter")
    expect(other.locator(".to-me .mention.me")).to_have_text("@준호")
    assert said(junho.ask("GET", f"/chats/rooms/{room}/messages"))["mentions"] == [junho.id]


def test_who_writes_fast_sends_with_the_next_enter(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    page = window(minji, minji.room("부르기", junho))
    page.locator("#body").press_sequentially("@준")
    expect(page.locator("#writing [role=option]")).to_have_count(1)
    page.keyboard.press("Enter")
    page.keyboard.insert_text("먹어요")
    page.keyboard.press("Enter")
    expect(page.locator("#log .mention")).to_have_text("@준호")


def said(page: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    return page["items"][-1]


def test_escape_closes_the_list_and_not_the_room(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    page = window(minji, minji.room("부르기", junho))
    page.locator("#body").press_sequentially("@준")
    expect(page.locator("#writing [role=option]")).to_have_count(1)
    page.press("#body", "Escape")
    expect(page.locator("#writing [role=listbox]")).to_be_hidden()
    expect(page.locator("#body")).to_have_value("@준")
    expect(page.locator("#room")).to_be_visible()
    page.locator("#body").press_sequentially("호")
    expect(page.locator("#writing [role=listbox]")).to_be_hidden()


def test_first_letters_a_username_and_the_pointer_will_do(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho, sora = person("민지"), person("준호"), person("소라")
    page = window(minji, minji.room("부르기", junho, sora))
    page.fill("#body", "@ㅈㅎ")
    expect(page.locator("#writing [role=option]")).to_contain_text("준호")
    page.fill("#body", f"@{sora.username}")
    option = page.locator("#writing [role=option]")
    expect(option).to_contain_text("소라")
    option.click()
    expect(page.locator("#body")).to_have_value("@소라 ")
    expect(page.locator("#body")).to_be_focused()


def test_an_enter_that_ends_a_syllable_chooses_and_sends_nothing(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    page = window(minji, minji.room("부르기", junho))
    page.focus("#body")
    keyboard = Keyboard(page)
    keyboard.commit("@")
    keyboard.compose("ㅈ", "주", "준")
    expect(page.locator("#writing [role=option]")).to_have_count(1)
    keyboard.enter_for_the_input_method()
    keyboard.commit("준")
    keyboard.enter()
    expect(page.locator("#body")).to_have_value("@준호 ")
    page.wait_for_timeout(300)
    expect(page.locator("#body")).to_have_value("@준호 ")
    expect(page.locator(".message")).to_have_count(0)
    keyboard.rest()
    keyboard.enter()
    expect(page.locator(".mine.stored .mention")).to_have_text("@준호")


def test_all_at_once_can_be_called_by_who_may_and_by_nobody_else(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("부르기", junho)
    page, other = window(minji, room), window(junho, room)
    other.locator("#body").press_sequentially("@a")
    other.wait_for_timeout(200)
    expect(other.locator("#writing [role=listbox]")).to_be_hidden()
    other.fill("#body", "@all 제가 부를 수는 없지요")
    other.press("#body", "Enter")
    expect(page.locator(".theirs .bubble")).to_have_text("@all 제가 부를 수는 없지요")
    expect(page.locator(".theirs .mention")).to_have_count(0)
    write(page, "@all 모여요")
    expect(other.locator(".theirs .mention.me")).to_have_text("@all")


def test_two_of_one_name_are_told_apart_by_username(window: OpenWindow, person: SignUp) -> None:
    minji, one, two = person("민지"), person("지우"), person("지우")
    page = window(minji, minji.room("같은 이름", one, two))
    page.locator("#body").press_sequentially("@지")
    expect(page.locator("#writing [role=option]")).to_have_count(2)
    page.press("#body", "Enter")
    chosen = re.compile(f"^@({one.username}|{two.username}) ?$")
    expect(page.locator("#body")).to_have_value(chosen)


def test_in_a_blind_room_pseudonyms_are_offered_and_no_names(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("최민지"), person("박준호")
    room = blind(minji, junho)
    page = window(minji, room)
    page.locator("#body").press_sequentially("@")
    theirs = pseudonym(junho, room)
    expect(page.locator("#writing [role=option]")).to_have_text([theirs])
    page.press("#body", "Tab")
    expect(page.locator("#body")).to_have_value(f"@{theirs} ")


def test_a_name_in_code_in_a_link_or_in_a_word_is_no_mention(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("junho")
    room = minji.room("부르기", junho)
    page = window(minji, room)
    write(page, "`@junho` a@junho @junhoho https://example.com/@junho @junho야")
    expect(page.locator(".mine.stored .mention")).to_have_text(["@junho"])
    expect(page.locator(".mine.stored .bubble")).to_contain_text("@junho야")
    write(page, "`@junho` a@junho")
    expect(page.locator(".mine.stored")).to_have_count(2)
    assert "mentions" not in said(minji.ask("GET", f"/chats/rooms/{room}/messages"))
