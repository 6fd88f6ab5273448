"""Rooms as channels in the page: found and joined, set, archived, muted and left."""

from __future__ import annotations

import re
import time

import pytest
from people import OpenWindow, Person, SignUp, write
from playwright.sync_api import Page, expect


def public(owner: Person, name: str, **more: str) -> str:
    body = {"type": "team", "name": name, "visibility": "public", **more}
    return str(owner.ask("POST", "/chats/rooms", body)["id"])


def room_menu(page: Page, *items: str) -> None:
    """Choose *items*, one menu after the other."""
    page.click("#room-more")
    for item in items:
        page.locator("#actions").get_by_role("menuitem", name=item, exact=True).click()


def find_channels(page: Page, text: str) -> None:
    """Write into the field, and wait for what is found by it: the list was of all rooms before."""
    with page.expect_response("**/rooms/public?q=*"):
        page.fill("#channels input", text)


def test_a_public_room_is_made_found_and_joined(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    page, other = window(minji), window(junho)
    name = f"봄 산책 {minji.username}"
    page.click("#new-room-open")
    page.get_by_role("radio", name="여럿이").check()
    page.get_by_label("방 이름").fill(name)
    page.get_by_label("누구나 찾아서").check()
    page.click("#new-room-create")
    expect(page.locator("#room-marks")).to_have_text("공개")

    other.click("#channels-open")
    find_channels(other, name)
    other.get_by_role("button", name=f"들어가기: {name}").click()
    expect(other.locator("#room-name")).to_have_text(name)
    expect(other.locator("#channels")).to_have_count(0)
    write(other, "안녕하세요")
    expect(page.locator(".theirs .bubble")).to_have_text("안녕하세요")

    other.click("#channels-open")
    find_channels(other, name)
    expect(other.get_by_role("button", name=f"열기: {name}")).to_be_visible()


def test_public_rooms_come_page_by_page(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    for number in range(23):
        public(minji, f"쪽 {minji.username} {number}")
    page = window(junho)
    page.click("#channels-open")
    find_channels(page, f"쪽 {minji.username}")
    rows = page.locator("#channels li")
    expect(rows).to_have_count(20)
    page.get_by_role("button", name="더 보기").click()
    expect(rows).to_have_count(23)
    expect(page.get_by_role("button", name="더 보기")).to_be_hidden()
    find_channels(page, "아무도 이렇게 부르지 않는 방")
    expect(page.locator("#channels .blank")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_name_of_a_public_room_is_seen(
    window: OpenWindow, person: SignUp, width: int, height: int
) -> None:
    minji, junho = person("민지"), person("준호")
    for who, name in ((minji, "들어간 방"), (junho, "다른 이의 방")):
        public(who, f"{name} {minji.username}")
    page = window(minji, viewport={"width": width, "height": height})
    page.click("#channels-open")
    find_channels(page, minji.username)
    rows = page.locator("#channels li")
    expect(rows).to_have_count(2)
    sizes = rows.evaluate_all(
        """rows => rows.map((row) => {
          const name = row.querySelector(".what").getBoundingClientRect();
          return [name.width, name.height, row.querySelector("button").offsetWidth];
        })"""
    )
    assert sizes
    for wide, high, button in sizes:
        assert wide > 120
        assert high < 80
        assert button < 120


def test_who_may_sets_the_room_and_who_may_not_sees_no_control(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("옛 이름", junho)
    page, other = window(minji, room), window(junho, room)
    room_menu(page, "방 설정")
    page.locator("#settings").get_by_label("방 이름").fill("새 이름")
    page.locator("#settings").get_by_label("설명").fill("봄 이야기")
    page.get_by_role("radio", name="공개", exact=True).check()
    page.get_by_role("button", name="저장").click()
    expect(page.locator("#settings")).to_have_count(0)
    expect(other.locator("#room-name")).to_have_text("새 이름")
    expect(other.locator("#room-about")).to_have_text("2명 · 봄 이야기")
    expect(other.locator("#room-marks")).to_have_text("공개")

    other.click("#room-more")
    items = other.locator("#actions").get_by_role("menuitem")
    expect(items.filter(has_text="방 나가기")).to_have_count(1)
    expect(items.filter(has_text="방 설정")).to_have_count(0)

    minji.ask("PATCH", f"/chats/rooms/{room}/members/{junho.id}", {"role": "admin"})
    expect(other.locator("#log .notice").last).to_contain_text("관리자")
    other.keyboard.press("Escape")
    room_menu(other, "방 설정")
    expect(other.locator("#settings").get_by_label("방 이름")).to_be_visible()
    expect(other.locator("#settings").get_by_role("radio")).to_have_count(0)
    expect(other.get_by_role("button", name="방 보관하기")).to_have_count(0)


def test_a_change_of_the_room_is_called_by_its_name(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    room = minji.room("바뀌는 방")
    page = window(minji, room)
    for change, text in (
        ({"description": "봄 이야기"}, "민지 님이 방 설명을 바꿨습니다"),
        ({"post": "admin"}, "민지 님이 말할 수 있는 사람을 바꿨습니다: 관리자와 방장"),
        ({"metadata": {"색": "초록"}}, "민지 님이 방 설정을 바꿨습니다"),
    ):
        minji.ask("PATCH", f"/chats/rooms/{room}", change)
        expect(page.locator("#log .notice").last).to_have_text(text)


def test_an_archived_room_says_so_and_has_nothing_to_write_with(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("끝난 일", junho)
    minji.say(room, "수고했어요")
    page, other = window(minji, room), window(junho, room)
    room_menu(page, "방 설정")
    page.get_by_role("button", name="방 보관하기").click()
    page.locator("#question").get_by_role("button", name="방 보관하기").click()
    expect(other.locator("#closed")).to_contain_text("보관된 방")
    expect(other.locator("#composer")).to_be_hidden()
    expect(other.locator("#room-list .mark")).to_have_text("보관됨")
    expect(other.locator("#room-marks")).to_have_text("보관됨")

    room_menu(page, "방 설정")
    page.get_by_role("button", name="방 다시 열기").click()
    expect(other.locator("#composer")).to_be_visible()
    expect(other.locator("#closed")).to_be_hidden()


def test_a_room_is_muted_until_tomorrow_for_good_and_not_at_all(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("시끄러운 방", junho)
    page = window(junho, room)
    marks = page.locator("#room-list .mark")
    with page.expect_request("**/mute") as asked:
        room_menu(page, "알림 끄기", "내일 아침 8시까지")
    expect(marks).to_have_text("알림 꺼짐")
    until = asked.value.post_data_json["until"]
    assert 0 < until / 1_000 - time.time() <= 33 * 3_600
    hour = page.evaluate(
        "until => [new Date(until).getHours(), new Date(until).getMinutes()]", until
    )
    assert hour == [8, 0]
    page.click("#room-more")
    unmute = page.get_by_role("menuitem", name="알림 켜기")
    expect(unmute).to_contain_text("까지 꺼짐")
    unmute.click()
    expect(marks).to_have_count(0)
    room_menu(page, "알림 끄기", "다시 켤 때까지")
    expect(marks).to_have_text("알림 꺼짐")
    page.press("#body", "Escape")
    minji.say(room, "쿵")
    expect(page.locator("#room-list .badge.muted")).to_have_text("1")
    expect(page).to_have_title(re.compile("^마당"))


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_a_menu_keeps_off_the_edge_and_each_choice_in_one_line(
    window: OpenWindow, person: SignUp, width: int, height: int
) -> None:
    minji = person("민지")
    size = {"width": width, "height": height}
    page = window(minji, minji.room("긴 말"), locale="en-US", viewport=size)
    page.click("#room-more")
    page.keyboard.press("Escape")
    room_menu(page, "Mute")
    expect(page.get_by_role("menuitem", name="Until 8 tomorrow morning")).to_be_visible()
    menu = page.locator("#actions").bounding_box()
    assert menu is not None
    assert 7 <= menu["x"] < menu["x"] + menu["width"] <= width - 7
    for choice in page.locator("#actions button").all():
        box = choice.bounding_box()
        assert box is not None
        assert box["height"] < 50  # two lines would be more


def test_a_mute_is_over_at_its_time(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    room = minji.room("잠깐 조용히")
    page = window(minji, room)
    until = round(time.time() * 1_000) + 8_000
    minji.ask("PUT", f"/chats/rooms/{room}/mute", {"until": until})
    expect(page.locator("#room-list .mark")).to_have_text("알림 꺼짐")
    expect(page.locator("#room-list .mark")).to_have_count(0)
    expect(page.locator("#room-marks")).to_be_empty()


def test_a_room_is_left_after_a_question(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("잠깐 들른 방", junho)
    page = window(junho, room)
    room_menu(page, "방 나가기")
    expect(page.locator("#question").get_by_role("button", name="취소")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#room-name")).to_be_visible()
    room_menu(page, "방 나가기")
    page.locator("#question").get_by_role("button", name="방 나가기").click()
    expect(page.locator("#no-rooms")).to_be_visible()
    expect(page.locator("#room")).to_be_hidden()


def test_who_has_left_is_still_called_by_name(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("오래된 방", junho)
    junho.say(room, "먼저 갈게요")
    junho.ask("DELETE", f"/chats/rooms/{room}/members/{junho.id}")
    page = window(minji)
    preview = page.locator("#room-list .preview")
    expect(preview).to_have_text("준호: 먼저 갈게요")
    page.locator("#room-list button").click()
    expect(page.locator("#log .sender")).to_have_text("준호")
    expect(page.locator("#log .notice").last).to_contain_text("준호")
