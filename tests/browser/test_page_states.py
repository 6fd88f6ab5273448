"""Every view says something while it waits, when it is empty, and when it could not be had."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from people import OpenWindow, SignUp, until, write
from playwright.sync_api import Page, Route, WebSocketRoute, expect
from test_page_channels import room_menu


def fails(page: Page, path: str) -> Callable[[], None]:
    """Let requests to *path* fail, until what is returned is called."""
    failing = [True]

    def answer(route: Route) -> None:
        if failing[0]:
            route.fulfill(status=503, json={"code": "unavailable"})
        else:
            route.continue_()

    page.route(path, answer)
    return lambda: failing.__setitem__(0, False)


LISTS = [
    ("스레드 모음", "**/threads", "#threads"),
    ("고정된 메시지", "**/pins", "#pins"),
]


@pytest.mark.parametrize(("item", "path", "dialog"), LISTS)
def test_a_list_of_a_room_fails_is_tried_again_and_is_empty(
    window: OpenWindow, person: SignUp, item: str, path: str, dialog: str
) -> None:
    minji = person("민지")
    page = window(minji, minji.room("빈 방"))
    mend = fails(page, path)
    room_menu(page, item)
    expect(page.locator(f"{dialog} [role=alert] p").first).to_contain_text("잠시 뒤에 다시")
    expect(page.locator(f"{dialog} ul")).to_have_attribute("aria-busy", "false")
    mend()
    page.locator(dialog).get_by_role("button", name="다시 시도").click()
    expect(page.locator(f"{dialog} .blank")).to_contain_text("아직 없습니다")


def test_a_list_shows_that_it_waits(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    page = window(minji, minji.room("빈 방"))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/pins", hold)
    room_menu(page, "고정된 메시지")
    expect(page.locator("#pins .skeleton")).to_be_visible()
    until(page, lambda: len(held) > 0)  # the list is seen to wait before its request is
    held[0].continue_()
    expect(page.locator("#pins .skeleton")).to_have_count(0)


def test_the_members_fail_and_are_asked_for_again(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    room = minji.room("참여자")
    page = window(minji)
    mend = fails(page, f"**/rooms/{room}")
    with page.expect_response(f"**/rooms/{room}"):
        page.locator("#room-list button").click()
    page.click("#members-toggle")
    expect(page.locator("#members-state .failed")).to_be_visible()
    mend()
    page.locator("#members-state").get_by_role("button", name="다시 시도").click()
    expect(page.locator("#member-list li")).to_have_count(1)
    expect(page.locator("#members-state > *")).to_have_count(0)


def test_members_who_failed_to_come_come_with_the_log_and_can_be_mentioned(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("참여자", junho)
    page = window(minji)
    sockets: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    page.route_web_socket("**/ws", through)
    mend = fails(page, f"**/rooms/{room}")
    with page.expect_response(f"**/rooms/{room}"):
        page.goto(f"{minji.address}/?again#/room/{room}")
    expect(page.locator("#log-state .blank")).to_contain_text("첫 인사")
    expect(page.locator("#room-about")).to_be_empty()
    mend()
    sockets[0].send(json.dumps({"t": "gap", "room": room}))
    expect(page.locator("#room-about")).to_have_text("2명")
    write(page, "@준호 여기요")
    expect(page.locator(".mine.stored .mention")).to_have_text("@준호")


def test_a_new_person_and_a_new_room_are_told_what_to_do(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    page = window(minji)
    expect(page.locator("#no-rooms")).to_contain_text("아직 대화가 없습니다")
    page.locator("#no-rooms").get_by_role("button", name="새 대화").click()
    expect(page.locator("#people-query")).to_be_focused()
    page.keyboard.press("Escape")
    minji.room("첫 방")
    page.locator("#room-list button").click()
    expect(page.locator("#log-state .blank")).to_contain_text("첫 인사")
    expect(page.locator("#no-rooms")).to_be_hidden()
    page.fill("#body", "안녕")
    page.press("#body", "Enter")
    expect(page.locator("#log-state > *")).to_have_count(0)


def test_nobody_found_and_a_search_that_fails(window: OpenWindow, person: SignUp) -> None:
    page = window(person("민지"))
    mend = fails(page, "**/users?q=*")
    page.click("#new-room-open")
    page.fill("#people-query", "아무도없어요")
    expect(page.locator("#people-found .failed")).to_be_visible()
    mend()
    page.locator("#people-found").get_by_role("button", name="다시 시도").click()
    expect(page.locator("#people-found .blank")).to_contain_text("찾는 사람이 없습니다")


def test_a_part_of_the_page_that_does_not_come_is_said_and_comes_the_next_time(
    window: OpenWindow, person: SignUp
) -> None:
    page = window(person("민지"))
    page.route("**/view_channels.js", lambda route: route.abort())
    page.click("#channels-open")
    expect(page.locator("#toast")).to_contain_text("불러오지 못했습니다")
    page.unroute("**/view_channels.js")
    page.click("#channels-open")
    expect(page.locator("#channels")).to_be_visible()


def test_a_thread_without_replies_says_so(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    room = minji.room("스레드")
    minji.say(room, "아무도 답하지 않은 말")
    page = window(minji, room)
    message = page.locator('#log [data-seq="1"]')
    message.hover()
    message.get_by_role("button", name="더 보기").click()
    page.get_by_role("menuitem", name="스레드 열기").click()
    expect(page.locator("#thread-state")).to_contain_text("아직 답글이 없습니다")


def test_words_that_do_not_come_are_asked_for_again(window: OpenWindow, person: SignUp) -> None:
    page = window(person("민지"))
    page.route("**/words_more_ko.js", lambda route: route.abort())
    page.keyboard.press("?")
    expect(page.locator("#toast")).not_to_be_empty()
    expect(page.locator("#shortcuts")).to_have_count(0)
    page.unroute("**/words_more_ko.js")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_contain_text("방이나 사람으로 바로 가기")
