"""Every view, in light, in dark and on a phone, keeps the rules of axe-core."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from people import OpenWindow, Person, SignUp
from playwright.sync_api import Page, expect
from test_page_blind import blind
from test_page_channels import room_menu
from test_page_settings import admin, me_menu

AXE = Path(__file__).parents[1] / "e2e" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = [
    {"color_scheme": "light", "locale": "ko-KR"},
    {"color_scheme": "dark", "locale": "ko-KR"},
    {
        "color_scheme": "light",
        "locale": "ko-KR",
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
    },
]
RUN = """async () => {
  const { violations } = await axe.run({ resultTypes: ["violations"] });
  return violations.map(({ id, nodes }) =>
    [id, nodes.slice(0, 3).map(({ target, failureSummary }) => [`${target}`, failureSummary])]);
}"""


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.is_file():
        missing = "no axe-core: the rules of accessibility were not looked at"
        (pytest.fail if os.environ.get("REQUIRE_ALL") == "1" else pytest.skip)(missing)
    return AXE.read_text(encoding="utf-8")


SETTLED = """() => document.getAnimations().forEach((each) => {
    const ends = Number.isFinite(each.effect.getComputedTiming().endTime);
    ends ? each.finish() : each.cancel();
})"""


def check(page: Page, axe: str, view: str) -> None:
    page.evaluate(SETTLED)
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"{axe}; undefined")
    found = page.evaluate(RUN)
    assert found == [], view


def look_at_dialog(page: Page, axe: str, view: str) -> None:
    """Check what the open dialog shows when it is there, and leave it."""
    expect(page.locator("dialog[open]")).to_be_visible()
    expect(page.locator("dialog .skeleton")).to_have_count(0)
    check(page, axe, view)
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


@pytest.fixture
def rooms(person: SignUp) -> tuple[Person, str, str]:
    """Somebody, a room with a bit of everything, and a blind one."""
    minji, junho, sora = person("민지"), person("준호"), person("소라")
    room = minji.room("산책", junho, sora)
    path = f"/chats/rooms/{room}/messages"
    junho.say(room, "어디로 갈까요? https://example.com", "*남산*은 `어때`요?\n> 좋지요")
    minji.say(room, "네, 좋아요", "지울 말")
    junho.ask("POST", path, {"body": "@민지 몇 시요?", "reply_to": 3, "mentions": [minji.id]})
    sora.ask("POST", path, {"body": "저도요", "thread": 3})
    minji.ask("DELETE", f"{path}/4")
    minji.ask("PATCH", f"{path}/3", {"body": "네, 아주 좋아요"})
    junho.ask("PUT", f"{path}/3/reactions/%F0%9F%91%8D")
    junho.ask("PUT", f"{path}/3/pin")
    minji.ask("PATCH", f"/chats/rooms/{room}", {"visibility": "public", "description": "토요일"})
    return minji, room, blind(minji, junho)


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
def test_the_gate_breaks_no_rule(window: OpenWindow, axe: str, look: dict[str, Any]) -> None:
    page = window(**look)
    expect(page.locator("#demo-accounts button").first).to_be_visible()
    check(page, axe, "sign in")
    page.get_by_role("radio", name="가입").check()
    check(page, axe, "sign up")


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
def test_conversations_break_no_rule(
    window: OpenWindow, axe: str, rooms: tuple[Person, str, str], look: dict[str, Any]
) -> None:
    minji, room, other = rooms
    page = window(minji, **look)
    expect(page.locator("#room-list button")).to_have_count(2)
    check(page, axe, "rooms")
    page.goto(page.url.split("#")[0] + f"#/room/{room}")
    expect(page.locator("#log .thread-link")).to_be_visible()
    check(page, axe, "a room")
    page.locator('#log [data-seq="3"]').hover()
    page.locator('#log [data-seq="3"] [data-more]').click()
    expect(page.locator("#actions button").first).to_be_visible()
    check(page, axe, "the menu of a message")
    page.keyboard.press("Escape")
    page.fill("#body", "@")
    expect(page.locator("#writing [role=option]").first).to_be_visible()
    check(page, axe, "mentions")
    page.fill("#body", "")
    page.locator("#log .thread-link").click()
    expect(page.locator("#thread-log .message")).to_have_count(2)
    check(page, axe, "a thread")
    page.locator("#thread-close").click()
    page.click("#members-toggle")
    expect(page.locator("#member-list li")).to_have_count(3)
    check(page, axe, "members")
    page.goto(page.url.split("#")[0] + f"#/room/{other}")
    expect(page.locator("#veil")).to_be_visible()
    check(page, axe, "a blind room")


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
def test_dialogs_break_no_rule(
    window: OpenWindow,
    axe: str,
    rooms: tuple[Person, str, str],
    look: dict[str, Any],
    open_folder: Path,
) -> None:
    minji, room, _ = rooms
    admin(open_folder, minji)
    page = window(minji, room, **look)
    for item in ("스레드 모음", "고정된 메시지", "대화 내보내기", "방 설정", "방 나가기"):
        room_menu(page, item)
        look_at_dialog(page, axe, item)
    of_a_message_and_of_oneself(page, axe)


def of_a_message_and_of_oneself(page: Page, axe: str) -> None:
    for item in ("다른 이모지", "신고하기"):
        page.locator('#log [data-seq="1"]').focus()
        page.keyboard.press("Enter")
        page.get_by_role("menuitem", name=item).click()
        look_at_dialog(page, axe, item)
    page.keyboard.press("Control+k")
    look_at_dialog(page, axe, "switcher")
    if page.locator("#back").is_visible():
        page.click("#back")
    for item in ("프로필과 설정", "차단한 사람", "관리", "키보드 단축키"):
        me_menu(page, item)
        look_at_dialog(page, axe, item)
    of_ones_own_and_of_others(page, axe)
    for button in ("#bell", "#channels-open", "#new-room-open"):
        page.click(button)
        look_at_dialog(page, axe, button)


def of_ones_own_and_of_others(page: Page, axe: str) -> None:
    me_menu(page, "프로필과 설정")
    page.get_by_text("나에 대해 더").click()
    check(page, axe, "a profile")
    page.get_by_role("button", name="내 파일").click()
    expect(page.locator("#own-files .blank")).to_be_visible()
    check(page, axe, "own files")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    me_menu(page, "관리")
    page.get_by_role("radio", name="사람").check()
    page.locator("#admin input[type=search]").fill("someone")
    page.keyboard.press("Enter")
    expect(page.locator("#admin .card").first).to_be_visible()
    check(page, axe, "accounts")
    page.locator("#admin header button").click()
