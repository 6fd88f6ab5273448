"""Into rooms and out of them: by links, by one's own wish and by others'."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from people import OpenWindow, SignUp, until, write
from playwright.sync_api import Route, WebSocketRoute, expect
from test_page_blocks import direct
from test_page_channels import room_menu


def test_who_is_removed_is_told_and_stands_at_the_list(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("모임", junho)
    junho.room("다른 방")
    page = window(junho, room)
    minji.ask("DELETE", f"/chats/rooms/{room}/members/{junho.id}")
    expect(page.locator("#toast")).to_contain_text("모임")
    expect(page.locator("#room")).to_be_hidden()
    expect(page.locator("#room-list button")).to_be_focused()


def test_a_matching_room_that_one_left_can_be_come_back_to(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    groups = {"A": [minji.id], "B": [junho.id]}
    order = {"type": "matching", "name": "만남", "mode": "open", "groups": groups}
    room = minji.ask("POST", "/chats/rooms", order)["id"]
    page = window(junho, room)
    room_menu(page, "방 나가기")
    page.locator("#question").get_by_role("button", name="방 나가기").click()
    expect(page.locator("#nothing-open")).to_contain_text("만남")
    page.get_by_role("button", name="다시 들어가기").click()
    expect(page.locator("#room-name")).to_have_text("만남")
    write(page, "돌아왔어요")
    expect(page.locator(".mine.stored .bubble")).to_have_text("돌아왔어요")


def test_a_link_to_a_room_that_is_not_mine_says_so_and_lets_in_where_one_may(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    closed = minji.room("닫힌 방")
    order = {"type": "team", "name": "열린 방", "visibility": "public", "members": []}
    public = minji.ask("POST", "/chats/rooms", order)["id"]
    page = window(junho)
    page.goto(f"{junho.address}/#/room/{closed}")
    expect(page.locator("#nothing-open")).to_contain_text("참여하고 있지 않은")
    page.get_by_role("button", name="들어가기", exact=True).click()
    expect(page.locator("#toast")).not_to_be_empty()
    expect(page.locator("#room")).to_be_hidden()
    page.goto(f"{junho.address}/#/room/{public}")
    expect(page.locator("#nothing-open")).to_have_attribute("data-mark", re.compile(public))
    page.get_by_role("button", name="들어가기", exact=True).click()
    expect(page.locator("#room-name")).to_have_text("열린 방")
    expect(page.locator("#nothing-open")).to_be_hidden()


def test_on_a_phone_a_link_that_leads_nowhere_leads_back_to_the_list(
    window: OpenWindow, person: SignUp
) -> None:
    junho = person("준호")
    junho.room("다른 방")
    page = window(junho, viewport={"width": 390, "height": 844})
    page.goto(f"{junho.address}/#/room/nowhere")
    expect(page.locator("#nothing-open")).to_be_visible()
    expect(page.locator("#room-list")).to_be_hidden()
    page.get_by_role("button", name="목록으로").click()
    expect(page.locator("#room-list button")).to_be_focused()
    expect(page.locator("#nothing-open")).to_be_hidden()


def test_until_the_rooms_are_known_a_link_waits(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    room = minji.room("여기")
    page = window(minji)
    page.route_web_socket("**/ws", lambda socket: None)
    page.goto(f"{minji.address}/?again#/room/{room}")
    expect(page.locator("#nothing-open")).to_have_text("불러오는 중…")


def test_where_nothing_can_be_written_the_messages_have_the_focus(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    room = minji.room("보관한 방")
    minji.ask("PATCH", f"/chats/rooms/{room}", {"archived": True})
    page = window(minji)
    page.locator("#room-list button").click()
    expect(page.locator("#closed")).to_be_visible()
    expect(page.locator("#scroller")).to_be_focused()


def test_an_old_pin_is_shown_where_it_stands_without_loading_all_between(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("오래된 방", junho)
    minji.say(room, "처음 한 말")
    minji.ask("PUT", f"/chats/rooms/{room}/messages/1/pin")
    minji.flood(room, 700)
    page = window(minji, room)
    room_menu(page, "고정된 메시지")
    page.locator("#pins li button").click()
    expect(page.locator("#context .found-here")).to_contain_text("처음 한 말")
    expect(page.locator("#log .bubble", has_text="처음 한 말")).to_have_count(0)


def test_what_leads_to_a_message_ends_where_its_room_is_left(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    here, there = minji.room("여기"), minji.room("저기")
    minji.say(here, "찾을 말")
    minji.say(there, "다른 말")
    page = window(minji)
    held: list[Callable[[], None]] = []

    def hold_pages(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def heard(message: str | bytes) -> None:
            if json.loads(message)["t"] == "page" and not held:
                held.append(lambda: socket.send(message))
            else:
                socket.send(message)

        server.on_message(heard)

    page.route_web_socket("**/ws", hold_pages)
    page.reload()
    expect(page.locator("#room-list button")).to_have_count(2)
    page.keyboard.press("/")
    page.locator("#search input[type=search]").fill("찾을 말")
    page.locator("#search li button").click()
    expect(page.locator("#room-name")).to_have_text("여기")
    page.goto(f"{minji.address}/#/room/{there}")
    expect(page.locator("#log .bubble")).to_have_text("다른 말")
    until(page, lambda: len(held) > 0)
    held[0]()
    page.wait_for_timeout(300)
    expect(page.locator("#log .found-here, #context")).to_have_count(0)


def test_what_was_found_before_the_rooms_are_known_is_led_to_when_they_are(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    room = minji.room("여기")
    minji.say(room, "찾을 말")
    page = window(minji)
    held: list[Callable[[], None]] = []

    def hold_the_welcome(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def heard(message: str | bytes) -> None:
            if json.loads(message)["t"] == "welcome":
                held.append(lambda: socket.send(message))
            else:
                socket.send(message)

        server.on_message(heard)

    page.route_web_socket("**/ws", hold_the_welcome)
    page.reload()
    page.wait_for_selector("#starting", state="hidden")
    page.keyboard.press("/")
    page.locator("#search input[type=search]").fill("찾을 말")
    page.locator("#search li button").click()
    expect(page.locator("#nothing-open")).to_have_text("불러오는 중…")
    until(page, lambda: len(held) > 0)
    held[0]()
    expect(page.locator("#log .found-here")).to_contain_text("찾을 말")


def test_members_who_come_one_after_the_other_are_asked_for_together(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    others = [person(f"벗{number}") for number in range(12)]
    room = minji.room("북적", others[0])
    page = window(minji, room)
    page.click("#members-toggle")
    expect(page.locator("#members-close")).to_be_focused()
    expect(page.locator("#member-list li")).to_have_count(2)
    asked: list[Route] = []

    def hold_the_first(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            route.continue_()

    page.route(f"**/chats/rooms/{room}", hold_the_first)
    for other in others[1:]:
        minji.ask("POST", f"/chats/rooms/{room}/members", {"user": other.id})
    expect(page.locator("#log .notice")).to_have_count(11)
    until(page, lambda: len(asked) > 0)
    assert len(asked) == 1
    asked[0].continue_()
    expect(page.locator("#member-list li")).to_have_count(13)
    assert len(asked) <= 3
    expect(page.locator("#members .rest").first).to_have_text("13명 가운데 1명 접속 중")
    page.keyboard.press("Escape")
    expect(page.locator("#members-toggle")).to_be_focused()


def test_of_many_members_one_is_found_by_name(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    others = [person(f"벗{number:02}") for number in range(20)]
    room = minji.room("많은 방", *others)
    page = window(minji, room)
    page.click("#members-toggle")
    expect(page.locator("#member-list li")).to_have_count(21)
    page.get_by_label("참여자 찾기").fill("벗07")
    expect(page.locator("#member-list li")).to_have_count(1)
    expect(page.locator("#member-list li")).to_contain_text("벗07")
    page.get_by_label("참여자 찾기").fill(others[3].username.upper())
    expect(page.locator("#member-list li").first).to_contain_text("벗03")
    page.get_by_label("참여자 찾기").fill("아무도 아닌")
    expect(page.locator("#member-rest")).to_have_text("찾는 사람이 없습니다")
    for other in others[:2]:  # too few now to be looked through
        minji.ask("DELETE", f"/chats/rooms/{room}/members/{other.id}")
    expect(page.locator("#member-list li")).to_have_count(19)


def test_a_photo_is_announced_as_one(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("사진", junho)
    page, other = window(junho, room), window(minji, room)
    picture = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"}
    other.locator("#writing [data-part=files]").set_input_files(picture)
    expect(other.locator("#composer .tray li")).to_have_count(1)
    expect(other.locator("#composer .tray progress")).to_have_count(0)
    other.press("#body", "Enter")
    expect(page.locator("#announcer")).to_have_text("민지: 파일")


def test_who_stands_at_a_link_and_is_invited_goes_in(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("닫힌 방")
    page = window(junho)
    page.goto(f"{junho.address}/#/room/{room}")
    expect(page.locator("#nothing-open")).to_contain_text("참여하고 있지 않은")
    minji.ask("POST", f"/chats/rooms/{room}/members", {"user": junho.id})
    expect(page.locator("#room-name")).to_have_text("닫힌 방")
    expect(page.locator("#nothing-open")).to_be_hidden()


def test_what_comes_late_opens_nothing_in_another_room(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    here, there = minji.room("여기", junho), direct(minji, junho)
    minji.say(here, "여기 말")
    page = window(minji, here)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/view_members.js", hold)
    page.route("**/view_message_menu.js", hold)
    page.click("#members-toggle")
    page.locator("#log .message").hover()
    page.locator("#log [data-more]").click()
    page.evaluate(f"location.hash = '#/room/{there}'")
    expect(page.locator("#room-name")).to_have_text("준호")
    until(page, lambda: len(held) == 2)
    for route in held:
        route.continue_()
    page.wait_for_timeout(400)
    expect(page.locator("#members")).to_be_hidden()
    expect(page.locator("#actions [role=menuitem]")).to_have_count(0)
