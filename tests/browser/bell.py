"""Notifications of a test: sent over HTTP, and where the page shows them."""

from __future__ import annotations

from typing import Any

from people import Person, ask
from playwright.sync_api import Locator, Page, expect

KAKAO_SECRET = "what-the-bot-of-the-channel-shows"


def api(person: Person, method: str, path: str, body: object = None) -> Any:
    token = person.session["token"]
    return ask(person.address, method, path, body, token=token, root="/api/notifications")


def notify(sender: Person, to: Person, title: str, **fields: Any) -> str:
    """Send a notification over HTTP; its id."""
    said = {"recipientId": to.id, "type": "meeting.confirmed", "title": title, "message": "내용"}
    return str(api(sender, "POST", "/send", {**said, **fields})["id"])


def counts(page: Page, unread: int) -> None:
    """So many are unread, as the bell says."""
    named = f"알림, 읽지 않은 알림 {unread}개" if unread else "알림"
    expect(page.locator("#bell")).to_have_accessible_name(named)
    expect(page.locator(f'#bell .badge[data-count="{unread}"]')).to_have_count(min(unread, 1))


def opened(page: Page) -> Locator:
    """The list, which is there."""
    page.click("#bell")
    dialog = page.locator("#notifications")
    expect(dialog.locator(".found")).to_have_attribute("aria-busy", "false")
    return dialog


def settings(page: Page) -> Locator:
    """The settings, which are there."""
    opened(page).get_by_role("button", name="알림 설정").click()
    dialog = page.locator("#notification-settings")
    expect(dialog.locator(".matrix")).to_be_visible()
    return dialog


def of(dialog: Locator, title: str) -> Locator:
    """One of the list."""
    return dialog.get_by_role("article", name=title)


def way(dialog: Locator, platform: str) -> Locator:
    return dialog.locator(f'.way[data-platform="{platform}"]')


def wanted(person: Person, platform: str) -> dict[str, Any]:
    """What is stored of the preferences of a platform."""
    stored = {each["platform"]: each for each in api(person, "GET", "/settings")["settings"]}
    return dict(stored[platform]["preferences"])


def fits(dialog: Locator) -> bool:
    """Nothing in it is wider than it is."""
    return bool(dialog.locator(".sheet").evaluate("e => e.scrollWidth <= e.clientWidth"))
