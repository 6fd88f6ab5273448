"""What was begun is not lost: drafts, edits, what waits to be sent."""

from __future__ import annotations

from people import Line, OpenWindow, SignUp, until, write
from playwright.sync_api import expect
from relay import Relay
from test_page_changes import choose
from test_page_reconnect import COMES_BACK


def test_an_edit_goes_on_until_it_is_stored(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    room = minji.room("고치다")
    page = window(minji, room)
    write(page, "처음 말")
    choose(page, page.locator(".message.mine"), "고치기")
    minji.ask("DELETE", f"/chats/rooms/{room}/messages/1")
    expect(page.locator("#log .bubble")).to_have_text("지워진 메시지입니다")
    write(page, "고친 말")
    expect(page.locator("#composer-error")).not_to_be_empty()
    expect(page.locator("#replying")).to_be_visible()
    expect(page.locator("#body")).to_have_value("고친 말")
    page.press("#body", "Escape")
    expect(page.locator("#body")).to_have_value("")


def test_an_edit_without_a_connection_is_made_later_even_after_a_reload(
    line: Line, relay: Relay
) -> None:
    page, other = line.cut, line.whole
    write(page, "안뇽")
    expect(page.locator(".mine.stored .bubble")).to_have_text("안뇽")
    relay.cut()
    expect(page.locator("#banner")).to_be_visible()
    page.press("#body", "ArrowUp")
    expect(page.locator("#body")).to_have_value("안뇽")
    write(page, "안녕")
    expect(page.locator("#toast")).to_contain_text("다시 이어지면")
    expect(page.locator("#replying")).to_be_hidden()
    relay.mend()
    page.reload()
    expect(other.locator(".theirs .bubble")).to_have_text("안녕")
    expect(page.locator(".mine .edited")).to_have_count(1)
    kept = "sessionStorage.getItem(Object.keys(sessionStorage).find((key) => /edits/.test(key)))"
    until(page, lambda: page.evaluate(f"{kept} === '[]'"))


def test_a_begun_edit_and_a_draft_stand_where_they_were_left(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    room, other = minji.room("여기"), minji.room("저기")
    page = window(minji, room)
    write(page, "처음 말")
    expect(page.locator(".mine.stored")).to_have_count(1)
    page.fill("#body", "쓰던 말")
    choose(page, page.locator(".message.mine"), "고치기")
    page.fill("#body", "반쯤 고친 말")
    page.locator("#room-list button", has_text="저기").click()
    expect(page.locator("#body")).to_have_value("")
    page.fill("#body", "저기의 말")
    page.locator("#room-list button", has_text="여기").click()
    expect(page.locator("#body")).to_have_value("반쯤 고친 말")
    page.reload()
    expect(page.locator("#body")).to_have_value("반쯤 고친 말")
    expect(page.locator("#replying")).to_contain_text("처음 말")
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored .bubble")).to_have_text("반쯤 고친 말")
    expect(page.locator("#body")).to_have_value("쓰던 말")
    page.goto(f"{minji.address}/#/room/{other}")
    expect(page.locator("#body")).to_have_value("저기의 말")
    write(page, "저기의 말")
    page.reload()
    expect(page.locator(".mine.stored")).to_have_count(1)
    expect(page.locator("#body")).to_have_value("")


def test_signing_out_asks_where_something_is_not_sent(
    window: OpenWindow, person: SignUp, relay: Relay
) -> None:
    minji = person("민지")
    page = window(minji, minji.room("끊김"), at=relay.address)
    relay.cut()
    expect(page.locator("#banner")).to_be_visible()
    write(page, "아직 못 보낸 말")
    page.click("#me")
    page.get_by_role("menuitem", name="로그아웃").click()
    expect(page.locator("#question")).to_contain_text("1개")
    page.locator("#question").get_by_role("button", name="취소").click()
    expect(page.locator(".message.waiting, .message.sent")).to_have_count(1)
    relay.mend()
    expect(page.locator(".mine.stored")).to_have_count(1, timeout=COMES_BACK)
    page.click("#me")
    page.get_by_role("menuitem", name="로그아웃").click()
    expect(page.locator("#sign-in-form")).to_be_visible()


def test_the_end_of_typing_is_told_to_the_room_it_was_in(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("여기", junho)
    minji.room("저기", junho)
    page, other = window(minji, room), window(junho, room)
    page.locator("#body").press_sequentially("음")
    expect(other.locator("#typing")).to_contain_text("민지")
    page.locator("#room-list button", has_text="저기").click()
    expect(other.locator("#typing")).to_have_text("", timeout=5_000)
