"""Roles in the page: who may changes them, by the table, and who may not sees no control."""

from __future__ import annotations

from people import OpenWindow, SignUp
from playwright.sync_api import Locator, Page, expect


def menu_of(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"더 보기: {name}")


def row(page: Page, name: str) -> Locator:
    return page.locator("#member-list li", has_text=name)


def open_members(page: Page, here: str) -> None:
    """And wait until it is known that *here* is: with that the row is drawn anew."""
    page.click("#members-toggle")
    expect(row(page, here)).to_contain_text("접속 중")


def test_an_owner_makes_an_admin_who_then_may_add_and_remove(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho, sora, hana = person("민지"), person("준호"), person("소라"), person("하나")
    room = minji.room("역할", junho, sora)
    page, other = window(minji, room), window(junho, room)
    open_members(page, "준호")
    open_members(other, "민지")
    expect(row(other, "민지")).to_contain_text("방장")
    expect(other.locator("#member-add")).to_be_hidden()
    menu_of(other, "소라").click()
    expect(other.locator("#actions button")).to_have_text(["차단하기"])
    other.keyboard.press("Escape")

    menu_of(page, "준호").click()
    expect(page.get_by_role("menuitemradio", name="멤버")).to_have_attribute("aria-checked", "true")
    page.get_by_role("menuitemradio", name="관리자").click()
    expect(row(page, "준호")).to_contain_text("관리자")
    expect(other.locator("#log .notice")).to_contain_text("역할이 바뀌었습니다: 관리자")

    expect(other.locator("#member-add")).to_be_visible()
    menu_of(other, "민지").click()
    expect(other.locator("#actions button")).to_have_text(["차단하기"])
    other.keyboard.press("Escape")
    menu_of(other, "소라").click()
    expect(other.get_by_role("menuitemradio")).to_have_text(["멤버", "손님"])
    other.get_by_role("menuitemradio", name="손님").click()
    for each in (page, other):
        expect(row(each, "소라")).to_contain_text("손님")
    menu_of(other, "소라").click()
    other.get_by_role("menuitem", name="내보내기").click()
    other.locator("#question").get_by_role("button", name="내보내기").click()
    expect(row(other, "소라")).to_have_count(0)

    other.fill("#member-query", hana.username)
    other.locator("#member-found button").click()
    expect(row(page, "하나")).to_have_count(1)


def test_somebody_is_invited_key_by_key(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    page = window(minji, minji.room("초대"))
    page.locator("#members-toggle").press("Enter")
    expect(page.locator("#member-query")).to_be_visible()
    page.locator("#member-query").press_sequentially(junho.username)
    expect(page.locator("#member-found button")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(row(page, "준호")).to_have_count(1)


def test_a_role_is_changed_without_a_pointer_and_the_last_owner_stays(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("역할", junho)
    page = window(minji, room)
    page.locator("#members-toggle").press("Enter")
    menu_of(page, "민지").press("Enter")
    expect(page.get_by_role("menuitemradio", name="방장")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#members-error")).to_contain_text("서로 맞지 않는")
    expect(row(page, "민지")).to_contain_text("방장")
