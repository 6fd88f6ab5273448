"""What is recorded and what is played: one at a time, and never where nobody sees it."""

from __future__ import annotations

import re

import pytest
from people import OpenWindow, Person, SignUp, until
from playwright.sync_api import Page, expect
from test_page_files import arrived, attach, photo, text, tone

RECORDERS = """() => {
  window.recorders = [];
  const begin = MediaRecorder.prototype.start;
  MediaRecorder.prototype.start = function () { window.recorders.push(this); begin.call(this); };
}"""
RUNNING = "window.recorders.filter(({ state }) => state !== 'inactive').length"
BEGUN = re.compile("0:0[1-9]")
LIVE = """window.recorders.flatMap(({ stream }) => stream.getTracks())
  .filter(({ readyState }) => readyState === 'live').length"""


@pytest.fixture
def minji(person: SignUp) -> Person:
    return person("민지")


def listening(page: Page) -> None:
    page.evaluate(RECORDERS)


def test_a_recording_ends_with_its_room_and_goes_into_no_other(
    window: OpenWindow, minji: Person
) -> None:
    rooms = [minji.room(name) for name in ("여기", "저기")]
    page = window(minji, rooms[0], permissions=["microphone"])
    listening(page)
    page.click("#composer .mic")
    expect(page.locator(".recording .time")).to_have_text(BEGUN)
    page.locator("#room-list button", has_text="저기").click()
    expect(page.locator("#room-name")).to_have_text("저기")
    expect(page.locator(".recording")).to_have_count(0)
    until(page, lambda: page.evaluate(f"{LIVE} === 0"))
    page.wait_for_timeout(300)
    expect(page.locator(".tray li")).to_have_count(0)


def test_two_presses_are_one_recording(window: OpenWindow, minji: Person) -> None:
    page = window(minji, minji.room("두 번"), permissions=["microphone"])
    listening(page)
    page.locator("#composer .mic").dblclick()
    expect(page.locator(".recording .time")).to_have_text(BEGUN)
    assert page.evaluate("window.recorders.length") == 1
    expect(page.locator(".recording")).to_have_count(1)


def test_escape_ends_the_recording_alone_and_the_field_has_the_focus(
    window: OpenWindow, minji: Person
) -> None:
    room = minji.room("스레드")
    minji.say(room, "뿌리")
    page = window(minji, room, permissions=["microphone"])
    page.locator("#log .message").focus()
    page.keyboard.press("t")
    page.click("#thread .mic")
    expect(page.locator("#thread .recording button.primary")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".recording")).to_have_count(0)
    expect(page.locator("#thread .body")).to_be_focused()
    listening(page)
    page.click("#thread .mic")
    expect(page.locator("#thread .recording")).to_be_visible()
    page.click("#thread-close")
    until(page, lambda: page.evaluate(f"{RUNNING} === 0 && {LIVE} === 0"))
    page.click("#composer .mic")
    expect(page.locator("#composer .recording")).to_be_visible()


def posted(page: Page) -> None:
    attach(page, tone(20))
    arrived(page, 1)
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored .sound button")).to_be_visible()


def test_a_sound_goes_on_when_its_row_is_drawn_anew_and_ends_with_the_room(
    window: OpenWindow, minji: Person
) -> None:
    room = minji.room("소리")
    page = window(minji, room)
    page.evaluate(
        "() => { window.sounds = []; const play = Audio.prototype.play;"
        " HTMLMediaElement.prototype.play = function () { window.sounds.push(this);"
        " return play.call(this); }; }"
    )
    posted(page)
    sound = page.locator(".mine.stored .sound")
    sound.get_by_role("button", name="재생").click()
    expect(sound.locator(".time")).to_have_text(BEGUN)
    minji.ask("PUT", f"/chats/rooms/{room}/messages/1/reactions/%F0%9F%91%8D")
    expect(page.locator(".mine .reaction")).to_be_visible()
    expect(sound.get_by_role("button", name="멈춤")).to_be_visible()
    expect(sound.locator(".time")).not_to_have_text("0:00")
    assert page.evaluate("new Set(window.sounds).size") == 1
    page.keyboard.press("Escape")
    page.evaluate("location.hash = ''")
    until(page, lambda: page.evaluate("window.sounds[0].paused"))


def test_a_sound_is_moved_with_the_keyboard(window: OpenWindow, minji: Person) -> None:
    page = window(minji, minji.room("글쇠"))
    posted(page)
    page.locator(".mine.stored").focus()
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.type"))
        if reached[-1] == "range":
            break
    assert reached[-1] == "range"
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".mine .sound .time")).to_have_text("0:03")


def test_links_are_stops_of_tab_only_in_the_message_that_has_the_focus(
    window: OpenWindow, minji: Person
) -> None:
    room = minji.room("주소")
    minji.say(room, "https://example.com/one", "https://example.com/two")
    page = window(minji, room)
    expect(page.locator("#log a[tabindex='-1']")).to_have_count(2)
    page.locator("#log [data-seq='2']").focus()
    expect(page.locator("#log [data-seq='2'] a")).to_have_attribute("tabindex", "0")
    page.keyboard.press("Tab")
    expect(page.locator("#log [data-seq='2'] a")).to_be_focused()


def test_a_picture_of_an_old_thread_is_looked_at_itself(window: OpenWindow, minji: Person) -> None:
    """The room's log does not reach back to it."""
    room = minji.room("사진")
    minji.say(room, "뿌리")
    page = window(minji, room)
    page.locator("#log .message").focus()
    page.keyboard.press("t")
    expect(page.locator("#thread")).to_be_visible()
    page.locator("#thread [data-part=files]").set_input_files([photo("옛날.jpg")])
    expect(page.locator("#thread .tray li")).to_have_count(1)
    expect(page.locator("#thread .tray progress")).to_have_count(0)
    page.press("#thread .body", "Enter")
    expect(page.locator("#thread .stored .picture")).to_be_visible()
    minji.flood(room, 60)
    attach(page, photo("새것.jpg", "#884422"))
    arrived(page, 1)
    page.press("#body", "Enter")
    expect(page.locator("#log .stored .picture")).to_be_visible()
    other = window(minji, room)
    other.click("#room-more")
    other.get_by_role("menuitem", name="스레드 모음").click()
    other.locator("#threads li button").click()
    other.locator("#thread .picture").click()
    expect(other.locator("#viewer h2")).to_have_text("옛날.jpg")
    expect(other.locator("#viewer .hint")).to_have_text("1 / 1")


def test_a_picture_that_failed_is_tried_again(window: OpenWindow, minji: Person) -> None:
    page = window(minji, minji.room("다시"))
    page.route("**/thumbnail?*", lambda route: route.abort())
    attach(page, photo())
    arrived(page, 1)
    page.press("#body", "Enter")
    broken = page.locator(".mine.stored .picture.broken")
    expect(broken).to_be_visible()
    page.unroute("**/thumbnail?*")
    broken.click()
    expect(page.locator(".mine.stored .picture img")).to_have_js_property("naturalWidth", 320)
    expect(page.locator("#viewer")).to_have_count(0)


def test_the_arrows_of_the_viewer_go_on_after_a_press_of_its_button(
    window: OpenWindow, minji: Person
) -> None:
    page = window(minji, minji.room("둘"))
    attach(page, photo("하나.jpg"), photo("둘.jpg", "#f6d588"), text())
    arrived(page, 3)
    page.press("#body", "Enter")
    page.locator(".mine.stored .picture").first.click()
    viewer = page.locator("#viewer")
    viewer.get_by_role("button", name="다음 사진").click()
    expect(viewer.locator("h2")).to_have_text("둘.jpg")
    expect(viewer.get_by_role("button", name="다음 사진")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(viewer.locator("h2")).to_have_text("하나.jpg")
