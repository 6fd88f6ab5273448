"""Files on their way: a few at a time, again when the server says so, and out of the page's way."""

from __future__ import annotations

import re
from typing import Any

import pytest
from people import OpenWindow, Person, SignUp, until
from playwright.sync_api import Page, Route, expect
from test_page_files import arrived, attach, text

GIVE = """([where, kind, kinds]) => {
  const data = new DataTransfer();
  if (kinds.includes("file")) data.items.add(new File(["p"], "image.png", { type: "image/png" }));
  if (kinds.includes("text")) data.setData("text/plain", "1월\\t2월");
  const options = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
  const Kind = kind === "paste" ? ClipboardEvent : DragEvent;
  const event = new Kind(kind, options);
  document.querySelector(where).dispatchEvent(event);
  return event.defaultPrevented;
}"""


@pytest.fixture
def minji(person: SignUp) -> Person:
    return person("민지")


def test_many_files_go_three_at_a_time(window: OpenWindow, minji: Person) -> None:
    page = window(minji, minji.room("여럿"))
    held: list[Route] = []
    is_open = False

    def hold(route: Route) -> None:
        if is_open:
            route.continue_()
        else:
            held.append(route)

    page.route("**/files/*/upload", hold)
    attach(page, *(text(f"{number}.txt") for number in range(7)))
    expect(page.locator("#composer .tray li")).to_have_count(7)
    until(page, lambda: len(held) == 3)
    page.wait_for_timeout(400)  # and no fourth follows
    assert len(held) == 3
    is_open = True
    for route in held:
        route.continue_()
    arrived(page, 7)
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored button.file")).to_have_count(7)


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (429, {"code": "rate_limited", "retry_after_ms": 100}),
        (409, {"code": "conflict"}),  # bytes of a connection that broke still come in
        (503, {"code": "unavailable"}),
    ],
)
def test_what_the_server_puts_off_is_asked_again(
    window: OpenWindow, minji: Person, status: int, problem: dict[str, Any]
) -> None:
    page = window(minji, minji.room("다시"))
    asked: list[str] = []

    def refuse_twice(route: Route) -> None:
        asked.append(route.request.method)
        if route.request.method == "PATCH" and asked.count("PATCH") <= 2:
            route.fulfill(status=status, json=problem)
        else:
            route.continue_()

    page.route("**/files/*/upload", refuse_twice)
    attach(page, text())
    arrived(page, 1)
    assert asked == ["PATCH", "HEAD", "PATCH", "HEAD", "PATCH"]


def own_files(minji: Person) -> list[Any]:
    return list(minji.ask("GET", "/chats/files")["items"])


def test_what_is_taken_out_is_forgotten_by_the_server(window: OpenWindow, minji: Person) -> None:
    rooms = [minji.room(name) for name in ("여기", "저기")]
    page = window(minji, rooms[0])
    attach(page, text("하나.txt"), text("둘.txt"))
    arrived(page, 2)
    assert len(own_files(minji)) == 2
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as gone:
        page.get_by_role("button", name="빼기: 하나.txt").click()
    assert gone.value.status == 204
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.locator("#room-list button", has_text="저기").click()
    assert own_files(minji) == []


def test_a_file_that_is_let_fall_beside_the_conversation_does_not_replace_the_page(
    window: OpenWindow, minji: Person
) -> None:
    page = window(minji)
    for kind in ("dragover", "drop"):
        assert page.evaluate(GIVE, ["#rooms", kind, ["file"]])
        assert not page.evaluate(GIVE, ["#rooms", kind, ["text"]])
    room = minji.room("닫힌 방")
    minji.ask("PATCH", f"/chats/rooms/{room}", {"archived": True})
    page.goto(f"{minji.address}/#/room/{room}")
    expect(page.locator("#closed")).to_be_visible()
    assert page.evaluate(GIVE, ["#scroller", "drop", ["file"]])
    expect(page.locator(".tray li")).to_have_count(0)


def paste(page: Page, *kinds: str) -> bool:
    return bool(page.evaluate(GIVE, ["#body", "paste", list(kinds)]))


def test_a_table_that_comes_with_its_picture_is_pasted_as_text(
    window: OpenWindow, minji: Person
) -> None:
    page = window(minji, minji.room("붙이기"))
    assert not paste(page, "text", "file")
    expect(page.locator("#composer .tray li")).to_have_count(0)
    assert paste(page, "file")
    expect(page.locator("#composer .tray li")).to_have_count(1)


def test_files_chosen_in_one_room_do_not_come_up_in_another(
    window: OpenWindow, minji: Person
) -> None:
    here, there = minji.room("여기"), minji.room("저기")
    page = window(minji, here)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/tray.js", hold)
    attach(page, text("여기 것.txt"))
    until(page, lambda: len(held) > 0)
    page.evaluate(f"location.hash = '#/room/{there}'")
    expect(page.locator("#room-name")).to_have_text("저기")
    for route in held:
        route.continue_()
    attach(page, text("저기 것.txt"))
    expect(page.locator("#composer .tray li")).to_have_count(1)
    expect(page.locator("#composer .tray li")).to_contain_text("저기 것")


def refused(page: Page, minji: Person, **entry: object) -> None:
    """Have a message with the one file of *minji*'s stand in the window as one that was refused."""
    [file] = own_files(minji)
    said = {"id": "x", "body": "이것", "files": [file["id"]], "shown": [file], "at": 1}
    page.evaluate(
        "([name, kept]) => sessionStorage.setItem(name, JSON.stringify(kept))",
        [
            f"madang.outbox.{minji.id}",
            [{**said, **entry, "state": "failed", "code": "too_large"}],
        ],
    )
    page.reload()


def test_the_files_of_what_was_refused_come_back_with_its_words(
    window: OpenWindow, minji: Person
) -> None:
    room = minji.room("여기")
    page = window(minji, room)
    attach(page, text("하나.txt"))
    arrived(page, 1)
    refused(page, minji, room=room)
    page.locator(".message.failed [data-edit]").click()
    expect(page.locator("#body")).to_have_value("이것")
    arrived(page, 1)
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored button.file")).to_contain_text("하나.txt")
    expect(page.locator(".mine.stored .bubble")).to_have_text("이것")


def test_what_was_refused_in_a_thread_comes_back_whole(window: OpenWindow, minji: Person) -> None:
    room = minji.room("여기")
    minji.say(room, "뿌리")
    minji.ask("POST", f"/chats/rooms/{room}/messages", {"body": "물음", "thread": 1})
    page = window(minji, room)
    attach(page, text("하나.txt"))
    arrived(page, 1)
    refused(page, minji, room=room, thread=1, reply_to=2)
    page.locator("#log .in-thread button").click()
    page.locator("#thread .message.failed [data-edit]").click()
    expect(page.locator("#thread .replying")).to_contain_text("물음")
    tray = page.locator("#thread .tray li")
    expect(tray).to_have_text(re.compile("하나.txt"))
    tray.get_by_role("button").click()
    expect(tray).to_have_count(0)
    until(page, lambda: own_files(minji) == [])
    page.press("#thread .body", "Enter")
    expect(page.locator("#thread .mine.stored .quote")).to_contain_text("물음")


def test_escape_does_not_leave_what_is_attached(window: OpenWindow, minji: Person) -> None:
    page = window(minji, minji.room("여기"))
    attach(page, text("하나.txt"))
    arrived(page, 1)
    page.press("#body", "Escape")
    expect(page.locator("#room")).to_be_visible()
    expect(page.locator("#composer .tray li")).to_have_count(1)
    page.get_by_role("button", name="빼기: 하나.txt").click()
    page.press("#body", "Escape")
    expect(page.locator("#room")).to_be_hidden()


def test_a_thread_that_is_opened_again_keeps_the_files_of_its_answer(
    window: OpenWindow, minji: Person
) -> None:
    room = minji.room("여기")
    minji.say(room, "뿌리")
    page = window(minji, room)
    message = page.locator("#log .message")
    message.focus()
    page.keyboard.press("t")
    expect(page.locator("#thread")).to_be_visible()
    page.locator("#thread-writing [data-part=files]").set_input_files([text("하나.txt")])
    expect(page.locator("#thread-writing .tray li")).to_have_count(1)
    message.focus()
    page.keyboard.press("t")
    expect(page.locator("#thread-writing [data-part=body]")).to_be_focused()
    expect(page.locator("#thread-writing .tray li")).to_have_count(1)
