"""Menus, toasts, and what is said to those who do not see."""

from __future__ import annotations

import time

from people import OpenWindow, SignUp, until, write
from playwright.sync_api import Route, expect
from test_page_changes import choose


def test_a_menu_says_that_it_is_open_and_tab_leaves_it(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    page = window(minji, minji.room("차림표"))
    button, menu = page.locator("#room-more"), page.locator("#actions")
    button.press("Enter")
    expect(menu).to_be_visible()
    expect(button).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(menu).to_be_hidden()
    expect(button).to_have_attribute("aria-expanded", "false")
    assert not page.evaluate("document.activeElement.closest('#actions')")
    button.press("Enter")
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")


def test_any_emoji_is_a_reaction(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    page = window(minji, minji.room("반응"))
    write(page, "여기에")
    message = page.locator(".message.mine.stored")
    choose(page, message, "다른 이모지")
    dialog = page.locator("#emojis")
    expect(dialog.get_by_role("button", name="👍")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(message.locator(".reaction")).to_have_text(["😂 1"])
    choose(page, message, "다른 이모지")
    dialog.get_by_role("textbox").fill("없음")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert").first).to_have_text("이모지가 아닙니다.")
    dialog.get_by_role("textbox").fill("👨‍👩‍👧🇰🇷")
    page.keyboard.press("Enter")
    expect(message.locator(".reaction")).to_have_text(["😂 1", "👨‍👩‍👧 1"])
    expect(dialog).to_have_count(0)


def test_what_is_said_in_passing_is_said_inside_the_dialog_that_is_open(
    window: OpenWindow, person: SignUp
) -> None:
    page = window(person("민지"))
    page.click("#me")
    page.get_by_role("menuitem", name="프로필과 설정").click()
    expect(page.locator("#my-settings").get_by_role("button", name="저장")).to_be_visible()
    page.clock.install()
    page.clock.pause_at(time.time() + 30)  # what is said stays
    page.locator("#my-settings").get_by_role("button", name="저장").click()
    expect(page.locator("#my-settings [role=alert]#toast")).to_have_text("저장했습니다")
    expect(page.locator("#my-settings").get_by_role("button", name="저장")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#my-settings")).to_have_count(0)
    expect(page.locator("#toast")).to_be_visible()


def test_what_was_found_is_told(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    room = minji.room("찾기")
    minji.say(room, "벚꽃이 피었어요", "벚꽃 구경 가요")
    page = window(minji, room)
    page.click("#search-open")
    told = page.locator("#search [role=status]:not(.skeleton)")
    page.fill("#search [name=q]", "벚꽃")
    expect(told).to_have_text("목록에 2개")
    page.fill("#search [name=q]", "눈꽃축제")
    expect(told).to_have_text("찾은 것이 없습니다")


def test_the_end_of_a_search_is_not_told_before_it_is_there(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    page = window(minji, minji.room("긴 방"))
    page.route("**/chats/search?*", lambda route: route.fulfill(json={"items": [], "next": "x"}))
    page.click("#search-open")
    page.fill("#search [name=q]", "벚꽃")
    expect(page.locator("#search .blank")).to_contain_text("더 찾아볼 것이 남아")
    expect(page.locator("#search").get_by_role("button", name="더 보기")).to_be_visible()


def test_people_who_could_not_be_looked_for_are_not_said_to_be_missing(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    page = window(minji)
    page.route("**/api/v1/users?*", lambda route: route.abort())
    page.keyboard.press("Control+k")
    page.locator("#switcher input").fill(junho.username)
    failed = page.locator("#switcher .blank.failed")
    expect(failed).to_contain_text("닿지 않습니다")
    page.unroute("**/api/v1/users?*")
    failed.get_by_role("button").click()
    expect(page.locator("#switcher [role=option]")).to_contain_text("준호")


def test_what_could_not_be_sent_is_discarded_and_left_with_a_key(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.ask("POST", "/chats/rooms", {"type": "direct", "members": [junho.id]})["id"]
    page = window(minji, room)
    junho.ask("PUT", f"/blocks/{minji.id}")
    write(page, "가지 못할 말")
    failed = page.locator("#log .message.failed")
    failed.focus()
    page.keyboard.press("Escape")
    expect(page.locator("#body")).to_be_focused()
    failed.focus()
    page.keyboard.press("Delete")
    expect(failed).to_have_count(0)


def test_escape_leaves_the_line_of_a_thread(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    room = minji.room("스레드")
    minji.say(room, "뿌리")
    minji.ask("POST", f"/chats/rooms/{room}/messages", {"body": "답글", "thread": 1})
    page = window(minji, room)
    page.locator("#log .in-thread button").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#body")).to_be_focused()


def test_what_was_said_in_passing_does_not_come_back(window: OpenWindow, person: SignUp) -> None:
    page = window(person("민지"))
    page.click("#me")
    page.get_by_role("menuitem", name="프로필과 설정").click()
    page.locator("#my-settings").get_by_role("button", name="저장").click()
    expect(page.locator("#toast")).to_have_count(1)
    expect(page.locator("#toast")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#my-settings")).to_have_count(0)
    expect(page.locator("#toast")).to_have_count(0)


def test_a_menu_opens_though_its_message_was_drawn_anew_meanwhile(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    room = minji.room("여기")
    minji.say(room, "여기 말")
    page = window(minji, room)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/view_message_menu.js", hold)
    page.locator("#log .message").hover()
    page.locator("#log [data-more]").click()
    until(page, lambda: len(held) > 0)
    minji.ask("PUT", f"/chats/rooms/{room}/messages/1/reactions/%F0%9F%91%8D")
    expect(page.locator("#log .reaction")).to_be_visible()
    held[0].continue_()
    expect(page.locator("#actions").get_by_role("menuitem", name="누가 읽었나")).to_be_visible()
    expect(page.locator("#log [data-more]")).to_have_attribute("aria-expanded", "true")


def test_a_press_is_not_lost_where_its_message_changes_before_it_ends(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("여기", junho)
    minji.say(room, "여기 말")
    page = window(junho, room)
    page.evaluate("performance.now = () => 0")  # a press of no length
    page.locator("#log .message").hover()
    page.locator("#log [data-more]").hover()
    page.mouse.down()
    minji.say(room, "다음 말")
    expect(page.locator("#announcer")).to_have_text("민지: 다음 말")
    page.wait_for_timeout(300)
    page.mouse.up()
    expect(page.locator("#actions").get_by_role("menuitem", name="신고하기")).to_be_visible()
    expect(page.locator("#log .message")).to_have_count(2)
