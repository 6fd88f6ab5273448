"""A long conversation: loaded as one scrolls, kept in place, and never all in the document."""

from __future__ import annotations

import pytest
from people import OpenWindow, Person, SignUp, until
from playwright.sync_api import Page, expect

LENGTH = 420
MOST_ROWS = 300

Talk = tuple[Person, Person, str]


@pytest.fixture
def talk(person: SignUp) -> Talk:
    """A long conversation: who tells, who listens, and where."""
    minji, junho = person("민지"), person("준호")
    room = minji.room("긴 이야기", junho)
    minji.flood(room, LENGTH)
    junho.say(room, "끝")
    return minji, junho, room


@pytest.fixture
def page(window: OpenWindow, talk: Talk) -> Page:
    _, junho, room = talk
    return window(junho, room)


def shown(page: Page) -> list[int]:
    """The seqs of the messages in the document, top down."""
    rows = page.locator("#log .message")
    return [int(seq) for seq in rows.evaluate_all("rows => rows.map(row => row.dataset.seq)")]


# Go where older messages are wanted: what is read there, and where it stands before they come.
NEAR_THE_TOP = """() => {
  document.getElementById("scroller").scrollTop = 300;
  const top = (row) => row.getBoundingClientRect().top;
  const row = [...document.querySelectorAll("#log .message")].find((each) => top(each) > 200);
  return [row.dataset.seq, top(row)];
}"""


def middle(page: Page) -> str:
    """The seq of a message in the middle of the window."""
    rows = page.locator("#log .message")
    find = "rows => rows.find(row => row.getBoundingClientRect().top > 200).dataset.seq"
    return str(rows.evaluate_all(find))


def place(page: Page, seq: str) -> float:
    """Where a message stands in the window."""
    row = page.locator(f'[data-key="{seq}"]')
    return float(row.evaluate("row => row.getBoundingClientRect().top"))


def stand_still(page: Page) -> None:
    """Wait until nothing moves the conversation any more, and nothing is added to it."""
    page.evaluate(
        """async () => {
          const scroller = document.getElementById("scroller");
          const place = () => `${scroller.scrollTop} ${scroller.scrollHeight}`;
          for (let [before, same] = ["", 0]; same < 10; before = place()) {
            await new Promise(requestAnimationFrame);
            same = place() === before ? same + 1 : 0;
          }
        }"""
    )


def scroll_up_to(page: Page, seq: int) -> None:
    page.hover("#scroller")
    for _ in range(1_000):
        if seq in shown(page):
            return
        page.mouse.wheel(0, -2_000)
        page.wait_for_timeout(30)
        rows = shown(page)
        assert rows == list(range(rows[0], rows[-1] + 1))
        assert len(rows) <= MOST_ROWS
    raise AssertionError(f"{seq} never came; the first is {shown(page)[0]}")


def test_scrolling_up_brings_every_message_in_order_down_to_the_first(page: Page) -> None:
    expect(page.locator("#log .message").last).to_be_in_viewport()
    assert shown(page)[-1] == LENGTH + 1
    scroll_up_to(page, 1)
    page.mouse.wheel(0, -5_000)
    expect(page.locator('[data-key="1"] .bubble')).to_be_in_viewport()
    page.click("#to-latest")
    expect(page.locator("#log .message").last).to_be_in_viewport()
    assert shown(page)[-1] == LENGTH + 1


def test_what_one_reads_stays_in_place_while_older_messages_come(page: Page) -> None:
    page.hover("#scroller")
    page.mouse.wheel(0, -900)
    expect(page.locator("#to-latest")).to_be_visible()
    stand_still(page)
    first = shown(page)[0]
    seq, before = page.evaluate(NEAR_THE_TOP)
    until(page, lambda: shown(page)[0] < first)
    stand_still(page)
    assert abs(place(page, seq) - before) <= 3


def test_a_message_that_comes_while_one_reads_above_waits_below_unread(
    page: Page, talk: Talk
) -> None:
    minji, junho, room = talk
    page.hover("#scroller")
    page.mouse.wheel(0, -900)
    expect(page.locator("#to-latest")).to_have_text("↓ 맨 아래로")
    stand_still(page)
    seq = middle(page)
    before = place(page, seq)
    minji.say(room, "새 소식")
    expect(page.locator("#to-latest")).to_have_text("↓ 새 메시지 1개")
    assert abs(place(page, seq) - before) <= 3
    assert junho.ask("GET", f"/chats/rooms/{room}")["unread"] == 1
    page.click("#to-latest")
    expect(page.locator(".unread-line + .message .bubble")).to_have_text("새 소식")
    expect(page.locator("#room-list .badge")).to_have_count(0)


def test_the_button_to_the_end_leaves_the_focus_to_the_log(page: Page) -> None:
    page.hover("#scroller")
    page.mouse.wheel(0, -900)
    expect(page.locator("#to-latest")).to_be_visible()
    page.locator("#to-latest").press("Enter")
    expect(page.locator("#to-latest")).to_be_hidden()
    expect(page.locator("#scroller")).to_be_focused()
