"""What an admin does in the console."""

from __future__ import annotations

from typing import Any

from people import OpenWindow, Person, ask
from playwright.sync_api import Locator, Page, expect


def console(window: OpenWindow, person: Person, place: str = "", **options: Any) -> Page:
    """A window that shows *place* of the console."""
    page = window(person, at=person.address, **options)
    page.goto(f"{person.address}/admin#/{place}")
    expect(page.locator("#title")).not_to_be_empty()
    return page


def compose(page: Page, region: str, message: str, *, channel: str = "앱 메시지") -> None:
    page.get_by_label("연령대").select_option("THIRTIES")
    page.get_by_role("radio", name=channel).check()
    page.get_by_label("메시지", exact=True).fill(message)
    page.get_by_text("더 고르기").click()
    page.get_by_label("지역").fill(region)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def confirm(page: Page, many: int) -> None:
    """Send, after it was said again to how many."""
    press(page, "보내기…")
    dialog = page.get_by_role("dialog", name=f"{many}명에게 보낼까요?")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name=f"{many}명에게 보내기").click()
    expect(dialog).to_have_count(0)


def state(page: Page) -> Locator:
    return page.locator(".of-job > .card:first-child .chip")


def message_jobs(boss: Person, message: str) -> list[dict[str, Any]]:
    """The jobs that sent *message*, as the server lists them."""
    items = messages(boss, "GET", "/send")["items"]
    return [item for item in items if item["message"] == message]


def messages(boss: Person, method: str, path: str, body: object = None) -> Any:
    token, root = boss.session["token"], "/api/admin/messages"
    return ask(boss.address, method, path, body, token=token, root=root)["data"]


def begun(boss: Person, region: str, message: str, **more: object) -> str:
    """A job that was made without the page; its id."""
    asked = {"ageGroup": "THIRTIES", "message": message, "conditions": {"region": region}}
    return str(messages(boss, "POST", "/send", asked | more)["jobId"])
