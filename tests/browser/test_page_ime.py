"""Korean input methods: one Enter sends once, with the last syllable. Driven through the devtools
protocol, so the compositions and their events are the browser's own."""

from __future__ import annotations

import pytest
from people import OpenWindow, SignUp
from playwright.sync_api import CDPSession, Page, expect

ENTER = {"key": "Enter", "code": "Enter"}
BY_INPUT_METHOD = {**ENTER, "windowsVirtualKeyCode": 229, "nativeVirtualKeyCode": 229}
PLAIN = {**ENTER, "windowsVirtualKeyCode": 13, "nativeVirtualKeyCode": 13}


class Keyboard:
    """What an input method and the keys under it do to the field that has the focus.

    All of it happens at one time of the page's, however busy the machine is: by that time the page
    knows what belongs to one press.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        page.evaluate("() => { window.time = 0; performance.now = () => window.time; }")
        self._devtools: CDPSession = page.context.new_cdp_session(page)

    def compose(self, *steps: str) -> None:
        for text in steps:
            place = {"selectionStart": len(text), "selectionEnd": len(text)}
            self._devtools.send("Input.imeSetComposition", {"text": text, **place})

    def commit(self, text: str) -> None:
        self._devtools.send("Input.insertText", {"text": text})

    def rest(self) -> None:
        """What is pressed from now on is another press."""
        self._page.evaluate("window.time += 1_000")

    def press(self, kind: str, **key: object) -> None:
        self._devtools.send("Input.dispatchKeyEvent", {"type": kind, **key})

    def enter(self) -> None:
        self.press("keyDown", **PLAIN, text="\r")
        self.press("keyUp", **PLAIN)

    def enter_for_the_input_method(self) -> None:
        self.press("rawKeyDown", **BY_INPUT_METHOD)


@pytest.fixture
def page(window: OpenWindow, person: SignUp) -> Page:
    minji = person("민지")
    page = window(minji, minji.room("한글"))
    page.focus("#body")
    return page


@pytest.fixture
def keyboard(page: Page) -> Keyboard:
    return Keyboard(page)


def expect_sent(page: Page, *bodies: str) -> None:
    """Exactly these were sent, and nothing is left in the field or follows."""
    expect(page.locator(".mine.stored .bubble")).to_have_text(list(bodies))
    expect(page.locator("#body")).to_have_value("")
    page.wait_for_timeout(300)
    expect(page.locator(".mine .bubble")).to_have_text(list(bodies))
    expect(page.locator("#body")).to_have_value("")


def test_an_enter_that_ends_the_composition_and_comes_no_second_time_sends_once(
    page: Page, keyboard: Keyboard
) -> None:
    keyboard.compose("ㅇ", "아", "안")
    keyboard.commit("안")
    keyboard.compose("ㄴ", "녀", "녕")
    keyboard.enter_for_the_input_method()
    keyboard.commit("녕")
    keyboard.press("keyUp", **ENTER)
    expect_sent(page, "안녕")


def test_an_enter_that_comes_again_after_the_composition_sends_once(
    page: Page, keyboard: Keyboard
) -> None:
    keyboard.compose("ㅇ", "아", "안")
    keyboard.commit("안")
    keyboard.compose("ㄴ", "녀", "녕")
    keyboard.enter_for_the_input_method()
    keyboard.commit("녕")
    keyboard.enter()
    expect_sent(page, "안녕")


def test_an_enter_in_the_middle_of_a_composition_sends_the_last_syllable_once(
    page: Page, keyboard: Keyboard
) -> None:
    keyboard.compose("ㄱ", "가", "강")
    keyboard.enter()
    keyboard.commit("강")
    expect_sent(page, "강")


def test_an_input_method_that_commits_before_it_reports_enter_sends_once(
    page: Page, keyboard: Keyboard
) -> None:
    keyboard.compose("ㅂ", "바", "밤")
    keyboard.commit("밤")
    keyboard.enter_for_the_input_method()
    keyboard.press("keyUp", **ENTER)
    expect_sent(page, "밤")


def test_message_after_message_keeps_every_syllable(page: Page, keyboard: Keyboard) -> None:
    bodies = [f"{number}번째 말" for number in range(8)]
    for number, body in enumerate(bodies):
        keyboard.compose(body[:-1])
        keyboard.commit(body[:-1])
        keyboard.compose("ㅁ", "마", "말")
        keyboard.enter_for_the_input_method()
        keyboard.commit("말")
        if number % 2:
            keyboard.enter()
        keyboard.press("keyUp", **ENTER)
        expect(page.locator("#body")).to_have_value("")
        keyboard.rest()
    expect_sent(page, *bodies)


def test_an_enter_that_chooses_a_japanese_candidate_sends_nothing(
    page: Page, keyboard: Keyboard
) -> None:
    keyboard.compose("にほんご", "日本語")
    keyboard.enter_for_the_input_method()
    keyboard.commit("日本語")
    keyboard.press("keyUp", **ENTER)
    page.wait_for_timeout(300)
    expect(page.locator("#body")).to_have_value("日本語")
    keyboard.rest()
    keyboard.enter()
    expect_sent(page, "日本語")


def test_the_button_sends_what_is_still_being_composed(page: Page, keyboard: Keyboard) -> None:
    keyboard.compose("ㅂ", "보", "봄")
    page.click("#send")
    expect_sent(page, "봄")


def test_shift_and_enter_begin_a_new_line(page: Page) -> None:
    page.type("#body", "첫 줄")
    page.press("#body", "Shift+Enter")
    page.type("#body", "둘째 줄")
    expect(page.locator("#body")).to_have_value("첫 줄\n둘째 줄")
    page.press("#body", "Enter")
    expect_sent(page, "첫 줄\n둘째 줄")


def test_an_edit_that_ends_with_a_doubled_enter_does_not_send_the_draft(
    page: Page, keyboard: Keyboard
) -> None:
    page.fill("#body", "안")
    page.press("#body", "Enter")
    message = page.locator(".message.mine.stored")
    expect(message).to_have_count(1)
    page.fill("#body", "쓰다 만 말")
    message.hover()
    message.get_by_role("button", name="더 보기").click()
    page.locator("#actions").get_by_role("menuitem", name="고치기", exact=True).click()
    expect(page.locator("#body")).to_have_value("안")
    keyboard.compose("ㄴ", "녀", "녕")
    keyboard.enter_for_the_input_method()
    keyboard.commit("녕")
    keyboard.enter()
    expect(message.locator(".bubble")).to_have_text(["안녕"])
    page.wait_for_timeout(300)
    expect(message).to_have_count(1)
    expect(page.locator("#body")).to_have_value("쓰다 만 말")
