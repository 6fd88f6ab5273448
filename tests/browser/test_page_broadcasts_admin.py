"""What admins see of broadcasts: how they do, and why one went to whom it went."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from people import OpenWindow, Person, SignUp
from playwright.sync_api import Locator, Page, Route, expect
from test_page_accessible import axe, check
from test_page_broadcasts import counts, junho, minji, send, village
from test_page_settings import admin, me_menu

__all__ = ["axe", "junho", "minji", "village"]
FIGURES = {
    "days": 30,
    "broadcasts": 4,
    "recipients": 10,
    "read_rate": 0.5,
    "reply_rate": 0.2,
    "goal": 0.3,
    "gini": 0.25,
    "exposure": [3, 6, 1],
    "daily": [
        {"day": "2026-01-01", "recipients": 5, "read": 4, "replied": 1},
        {"day": "2026-01-02", "recipients": 5, "read": 1, "replied": 1},
    ],
}


@pytest.fixture
def page(window: OpenWindow, person: SignUp, open_folder: Path) -> Page:
    """The window of an admin."""
    boss = person("관리")
    admin(open_folder, boss)
    return window(boss)


def opened(page: Page) -> Locator:
    me_menu(page, "관리")
    dialog = page.locator("#admin")
    dialog.get_by_role("radio", name="방송").check()
    expect(dialog.locator(".skeleton")).to_have_count(0)
    return dialog


def test_admins_see_why_a_broadcast_went_to_whom_it_went(
    window: OpenWindow, page: Page, axe: str, minji: Person, junho: Person, village: str
) -> None:
    broadcast = send(minji, village)
    counts(window(junho), 1)
    dialog = opened(page)
    expect(dialog.locator(".plot")).to_be_visible()
    dialog.get_by_label("방송 ID").fill(broadcast)
    dialog.get_by_label("누구에 대해").fill(minji.username)
    page.keyboard.press("Enter")
    chosen = dialog.locator(f"[data-user='{junho.id}']")
    expect(chosen.locator("small")).to_have_text("점수가 높아서 · 전달됨")
    expect(chosen.get_by_role("meter", name="활동")).to_be_visible()
    expect(dialog.locator(f"[data-user='{minji.id}'] small")).to_have_text("보낸 사람")
    expect(dialog.get_by_role("meter", name="받을 수 있음: 1명")).to_be_visible()
    check(page, axe, "an explanation")
    dialog.get_by_label("방송 ID").fill("nowhere")
    page.keyboard.press("Enter")
    expect(dialog.locator(".cards .failed")).to_contain_text("찾을 수 없습니다.")


def test_admins_see_how_broadcasts_do_where_the_server_says_so(page: Page, axe: str) -> None:
    answers = iter([({"code": "not_found"}, 404), (FIGURES, 200)])
    page.route("**/admin/broadcasts/figures", lambda route: fulfil(route, *next(answers)))
    dialog = opened(page)
    expect(dialog.locator(".plot, .failed")).to_have_count(0)
    dialog.get_by_role("radio", name="신고").check()
    dialog.get_by_role("radio", name="방송").check()
    expect(dialog.locator(".plot rect")).to_have_count(4)
    expect(dialog.get_by_role("meter", name="2번 이상: 1명")).to_be_visible()
    expect(dialog.get_by_text("목표는 답장 30 %입니다.")).to_be_visible()
    check(page, axe, "figures")


def fulfil(route: Route, content: object, status: int) -> None:
    route.fulfill(status=status, content_type="application/json", body=json.dumps(content))
