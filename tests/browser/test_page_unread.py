"""Reading and not having read, in the page: marks, readers, threads."""

from __future__ import annotations

from people import OpenWindow, SignUp, until
from playwright.sync_api import expect
from test_page_changes import choose
from test_page_channels import room_menu


def test_a_room_is_marked_unread_from_a_message_and_read_when_it_is_opened_again(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("나중에", junho)
    minji.say(room, "하나", "둘", "셋")
    page = window(junho, room)
    badge = page.locator("#room-list .badge")
    expect(badge).to_have_count(0)
    choose(page, page.locator('#log [data-seq="2"]'), "여기부터 안 읽음")
    expect(page.locator("#room")).to_be_hidden()
    expect(badge).to_have_text("2")
    page.reload()
    expect(badge).to_have_text("2")
    page.locator("#room-list button").click()
    expect(page.locator(".unread-line + .message .bubble")).to_have_text("둘")
    expect(badge).to_have_count(0)
    page.reload()
    expect(page.locator("#log .message")).to_have_count(3)
    expect(badge).to_have_count(0)
    until(page, lambda: junho.ask("GET", f"/chats/rooms/{room}")["unread"] == 0)


def test_one_sees_who_has_read_what_one_said(window: OpenWindow, person: SignUp) -> None:
    minji, junho, sora = person("민지"), person("준호"), person("소라")
    room = minji.room("셋이서", junho, sora)
    minji.say(room, "봤어요?")
    page = window(minji, room)
    window(junho, room)
    expect(page.locator(".mine .not-read")).to_have_text("1")
    choose(page, page.locator(".message.mine"), "누가 읽었나")
    expect(page.locator("#readers li strong")).to_have_count(1)
    expect(page.locator("#readers li")).to_contain_text("준호")
    expect(page.locator("#readers .hint")).to_have_text("1명이 아직 읽지 않음")


def test_the_threads_of_a_room_say_what_is_unread_in_them(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("스레드", junho)
    junho.say(room, "저녁에 뭐 먹을까요?")
    path = f"/chats/rooms/{room}/messages"
    for body in ("국수", "김밥"):
        minji.ask("POST", path, {"body": body, "thread": 1})
    page = window(junho, room)
    room_menu(page, "스레드 모음")
    thread = page.locator("#threads li button")
    expect(thread).to_contain_text("답글 2개")
    expect(thread.locator(".badge")).to_have_text("2")
    thread.click()
    expect(page.locator("#thread-log .bubble").last).to_have_text("김밥")
    page.locator("#thread-close").click()
    room_menu(page, "스레드 모음")
    expect(thread).to_contain_text("답글 2개")
    expect(thread.locator(".badge")).to_have_count(0)


def test_what_is_below_the_unread_line_stays_unread_until_one_gets_there(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("밀린 방", junho)
    minji.flood(room, 90)
    page = window(junho, room)
    expect(page.locator(".unread-line")).to_be_in_viewport()
    page.wait_for_timeout(400)
    assert junho.ask("GET", f"/chats/rooms/{room}")["unread"] == 90
    page.click("#to-latest")
    expect(page.locator("#room-list .badge")).to_have_count(0)


def test_who_is_led_to_a_message_of_a_room_with_unread_ones_ends_at_it(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room, here = minji.room("밀린 방", junho), minji.room("여기", junho)
    minji.flood(room, 40)
    minji.say(room, "그 약속")
    minji.flood(room, 40)
    page = window(junho, here)
    page.click("#search-open")
    page.get_by_label("어디서").select_option("")
    page.locator("#search input[type=search]").fill("약속")
    page.locator("#search li button").click()
    found = page.locator('#log [data-seq="41"]')
    expect(found).to_be_focused()
    page.wait_for_timeout(400)
    expect(found).to_be_in_viewport()
