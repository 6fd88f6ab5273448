"""Pressing twice, asking at the wrong moment, and what another does meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

from people import OpenWindow, SignUp, until
from playwright.sync_api import Route, expect
from test_page_blocks import direct
from test_page_channels import room_menu
from test_page_settings import admin


def test_two_presses_at_the_gate_sign_in_once(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    page = window()
    asked: list[Route] = []
    sockets = []
    page.on("websocket", lambda socket: sockets.append(socket.url))

    def hold(route: Route) -> None:
        asked.append(route)

    page.route("**/auth/token", hold)
    page.get_by_label("아이디").fill(minji.username)
    page.get_by_label("비밀번호").fill(minji.password)
    page.press("[name=password]", "Enter")
    page.press("[name=password]", "Enter")
    expect(page.locator("#sign-in-submit")).to_have_attribute("aria-busy", "true")
    until(page, lambda: len(asked) > 0)
    for route in asked:
        route.continue_()
    expect(page.locator("#no-rooms")).to_be_visible()
    assert (len(asked), len(sockets)) == (1, 1)


def test_who_is_suspended_is_told_so_at_the_gate(
    window: OpenWindow, person: SignUp, open_folder: Path
) -> None:
    minji, boss = person("민지"), person("관리")
    admin(open_folder, boss)
    boss.ask("PATCH", f"/admin/users/{minji.id}", {"status": "suspended"})
    page = window()
    page.get_by_label("아이디").fill(minji.username)
    page.get_by_label("비밀번호").fill(minji.password)
    page.click("#sign-in-submit")
    expect(page.locator("#sign-in-error")).to_contain_text("정지")
    expect(page.locator("#sign-in-submit")).not_to_have_attribute("aria-busy", "true")


def test_enter_takes_nobody_of_the_search_before(window: OpenWindow, person: SignUp) -> None:
    minji, junho, sora = person("민지"), person("준호"), person("소라")
    page = window(minji)
    page.click("#new-room-open")
    page.fill("#people-query", junho.username)
    expect(page.locator("#people-found button")).to_contain_text("준호")
    page.fill("#people-query", sora.username)
    page.press("#people-query", "Enter")
    expect(page.locator("#room-name")).to_have_text("소라")


def test_a_room_that_is_asked_for_twice_is_made_once(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    page = window(minji)
    keys = []

    def lose_the_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            route.continue_()
            return
        route.fetch()
        route.abort()

    page.route("**/chats/rooms", lose_the_answer)
    page.click("#new-room-open")
    page.locator("#new-room").get_by_role("radio", name="여럿이").check()
    page.fill("#new-room [name=name]", "하나뿐인 방")
    page.evaluate("document.getElementById('new-room-create').click()")
    page.evaluate("document.getElementById('new-room-create').click()")
    expect(page.locator("#new-room-error")).not_to_be_empty()
    page.click("#new-room-create")
    expect(page.locator("#room-name")).to_have_text("하나뿐인 방")
    expect(page.locator("#room-list button")).to_have_count(1)
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_settings_leave_what_another_changed_meanwhile(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    room = minji.room("처음 이름")
    page = window(minji, room)
    room_menu(page, "방 설정")
    expect(page.locator("#settings [name=name]")).to_have_value("처음 이름")
    minji.ask("PATCH", f"/chats/rooms/{room}", {"name": "새 이름"})
    expect(page.locator("#room-name")).to_have_text("새 이름")
    page.fill("#settings [name=description]", "설명")
    page.locator("#settings").get_by_role("button", name="저장").click()
    expect(page.locator("#settings")).to_have_count(0)
    expect(page.locator("#room-about")).to_contain_text("설명")
    assert minji.ask("GET", f"/chats/rooms/{room}")["name"] == "새 이름"


def test_a_removal_is_of_the_room_it_was_asked_in(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    here, there = minji.room("여기", junho), minji.room("저기", junho)
    page = window(minji, here)
    page.click("#members-toggle")
    page.get_by_role("button", name="더 보기: 준호").click()
    page.get_by_role("menuitem", name="내보내기").click()
    expect(page.locator("#question")).to_be_visible()
    page.evaluate(f"location.hash = '#/room/{there}'")
    expect(page.locator("#room-name")).to_have_text("저기")
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.locator("#question").get_by_role("button", name="내보내기").click()
    expect(page.locator("#room-list button", has_text="여기")).to_be_visible()
    members = {name: minji.ask("GET", f"/chats/rooms/{name}")["members"] for name in (here, there)}
    assert {name: len(each) for name, each in members.items()} == {here: 1, there: 2}


def test_an_unblock_that_fails_is_said_where_it_was_asked(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    minji.ask("PUT", f"/blocks/{junho.id}")
    page = window(minji)
    page.click("#me")
    page.get_by_role("menuitem", name="차단한 사람").click()
    page.route("**/blocks/*", lambda route: route.abort())
    page.get_by_role("button", name="차단 풀기: 준호").click()
    expect(page.locator("#blocks .error")).not_to_be_empty()
    expect(page.locator("#blocks li")).to_have_count(1)
    page.unroute("**/blocks/*")
    page.get_by_role("button", name="차단 풀기: 준호").click()
    expect(page.locator("#blocks li")).to_have_count(0)


def test_a_new_name_in_one_window_leaves_the_person_that_the_browser_keeps(
    window: OpenWindow, person: SignUp
) -> None:
    kept, guest = person("민지"), person("준호")
    page = window(kept)
    page.evaluate(
        "text => sessionStorage.setItem('madang.session', text)", json.dumps(guest.session)
    )
    page.reload()
    expect(page.locator("#my-name")).to_have_text("준호")
    page.click("#me")
    page.get_by_role("menuitem", name="프로필과 설정").click()
    page.fill("#my-settings [name=name]", "다른 이름")
    page.locator("#my-settings").get_by_role("button", name="저장").first.click()
    expect(page.locator("#my-name")).to_have_text("다른 이름")
    token = page.evaluate("JSON.parse(localStorage.getItem('madang.session')).token")
    assert token == kept.session["token"]


def test_a_direct_room_with_one_who_hides_receipts_counts_nobody_unread(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    junho.ask("PATCH", "/me", {"read_receipts": False})
    room = direct(minji, junho)
    page = window(minji, room)
    page.fill("#body", "봤어요?")
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored")).to_have_count(1)
    expect(page.locator(".mine .not-read")).to_have_count(0)


def test_a_refusal_names_the_field_in_the_language_of_the_page(
    window: OpenWindow, person: SignUp
) -> None:
    taken = person("민지")
    page = window()
    page.get_by_role("radio", name="가입").check()
    page.get_by_label("아이디").fill(taken.username)
    page.get_by_label("비밀번호").fill("a courtyard in spring")
    page.click("#sign-in-submit")
    expect(page.locator("#sign-in-error")).to_contain_text("(아이디)")
    expect(page.locator("#sign-in-error")).not_to_contain_text("taken")


def test_a_mention_in_a_thread_stands_in_the_list(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("스레드", junho)
    minji.say(room, "뿌리")
    junho.ask("PUT", f"/chats/rooms/{room}/read", {"seq": 1})
    page = window(junho)
    path = f"/chats/rooms/{room}/messages"
    minji.ask("POST", path, {"body": "@준호", "thread": 1, "mentions": [junho.id]})
    expect(page.locator("#room-list .badge.at")).to_have_text("@")
    expect(page).to_have_title("(1) 마당 Madang")
    page.reload()
    expect(page.locator("#room-list .badge.at")).to_have_text("@")
    page.locator("#room-list button").click()
    expect(page.locator("#room-list .badge")).to_have_count(0)


def test_the_words_of_one_language_come_and_come_early(window: OpenWindow) -> None:
    page = window(locale="en-US")
    link = page.locator("link[rel=modulepreload][href*=words_]")
    expect(link).to_have_attribute("href", "/assets/words_en.js")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    loaded = page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    assert [name for name in loaded if "words_" in name] == [f"{page.url}assets/words_en.js"]
