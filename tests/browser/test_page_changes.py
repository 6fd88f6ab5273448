"""Editing, deleting, reacting and pinning in the page, seen by two people."""

from __future__ import annotations

from people import OpenWindow, SignUp, write
from playwright.sync_api import Locator, Page, expect


def choose(page: Page, message: Locator, item: str) -> None:
    """Open the menu of *message* and press *item*."""
    message.hover()
    message.get_by_role("button", name="더 보기").click()
    page.locator("#actions").get_by_role("menuitem", name=item, exact=True).click()


def test_what_one_changes_the_other_sees(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("둘이서", junho)
    one, other = window(minji, room), window(junho, room)
    write(other, "안뇽")
    theirs, mine = one.locator(".message.theirs"), other.locator(".message.mine")
    expect(theirs.locator(".bubble")).to_have_text("안뇽")

    choose(other, mine, "고치기")
    expect(other.locator("#body")).to_have_value("안뇽")
    write(other, "안녕")
    expect(theirs.locator(".bubble")).to_have_text("안녕")
    expect(theirs.locator(".edited")).to_have_text("수정됨")
    expect(other.locator("#replying")).to_be_hidden()

    choose(one, theirs, "👍")
    expect(mine.locator(".reaction")).to_have_text("👍 1")
    expect(theirs.locator(".reaction.own")).to_have_count(1)
    mine.locator(".reaction").click()
    expect(theirs.locator(".reaction")).to_have_text("👍 2")
    theirs.locator(".reaction").click()
    expect(mine.locator(".reaction.own")).to_have_text("👍 1")

    choose(one, theirs, "고정하기")
    expect(mine.locator(".pinned svg")).to_be_visible()

    one.reload()
    expect(theirs.locator(".bubble")).to_have_text("안녕")
    expect(theirs.locator(".reaction")).to_have_text("👍 1")
    expect(theirs.locator(".pinned")).to_be_visible()

    choose(one, theirs, "지우기")
    expect(mine.locator(".bubble")).to_have_text("지워진 메시지입니다")
    expect(mine.locator(".reaction")).to_have_count(0)
    expect(other.locator("#room-list")).not_to_contain_text("안녕")
    assert "안녕" not in other.content()


def test_escape_leaves_a_message_as_it_was(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    page = window(minji, minji.room("혼자"))
    write(page, "그대로")
    choose(page, page.locator(".message.mine"), "고치기")
    page.fill("#body", "바뀐 말")
    page.press("#body", "Escape")
    expect(page.locator("#body")).to_have_value("")
    write(page, "다음 말")
    expect(page.locator(".mine .bubble")).to_have_text(["그대로", "다음 말"])


def test_others_messages_offer_no_edit(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("둘이서", junho)
    minji.say(room, "방장의 말")
    page = window(junho, room)
    message = page.locator(".message.theirs")
    message.hover()
    message.get_by_role("button", name="더 보기").click()
    items = page.locator("#actions").get_by_role("menuitem")
    expect(items.filter(has_text="고치기")).to_have_count(0)
    expect(items.filter(has_text="지우기")).to_have_count(0)


def test_a_draft_comes_back_after_an_edit_that_is_sent_or_given_up(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    page = window(minji, minji.room("혼자"))
    write(page, "첫 말")
    message = page.locator(".message.mine").first
    message.hover()
    message.get_by_role("button", name="답장").click()
    page.fill("#body", "쓰다 만 말")

    choose(page, message, "고치기")
    expect(page.locator("#body")).to_have_value("첫 말")
    write(page, "고친 말")
    expect(page.locator("#body")).to_have_value("쓰다 만 말")
    expect(page.locator("#replying-body")).to_have_text("첫 말")

    choose(page, message, "고치기")
    page.press("#body", "Escape")
    expect(page.locator("#body")).to_have_value("쓰다 만 말")
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored .bubble")).to_have_count(2)
    expect(page.locator(".mine.stored .bubble").last).to_contain_text("쓰다 만 말")
    expect(page.locator(".mine.stored .bubble").last.locator(".quote")).to_have_count(1)


def test_versions_reactions_and_pins_say_who_and_lead_to_the_message(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("둘이서", junho)
    path = f"/chats/rooms/{room}/messages"
    minji.say(room, "처음 말", *(f"혼잣말 {number}" for number in range(40)))
    minji.ask("PATCH", f"{path}/1", {"body": "고친 말"})
    junho.ask("PUT", f"{path}/1/reactions/%F0%9F%91%8D")
    junho.ask("PUT", f"{path}/1/pin")
    page = window(junho, room)

    page.click("#room-more")
    page.get_by_role("menuitem", name="고정된 메시지").click()
    pinned = page.locator("#pins li button")
    expect(pinned).to_contain_text("고친 말")
    pinned.click()
    message = page.locator('#log [data-seq="1"]')
    expect(message).to_be_in_viewport()
    expect(page.locator("#pins")).to_have_count(0)

    message.locator("button.edited").click()
    expect(page.locator("#versions .said")).to_have_text(["처음 말", "고친 말"])
    expect(page.locator("#versions li").first).to_contain_text("민지")
    page.keyboard.press("Escape")
    expect(page.locator("#versions")).to_have_count(0)

    choose(page, message, "누가 반응했나")
    expect(page.locator("#reacted li")).to_contain_text("👍")
    expect(page.locator("#reacted li")).to_contain_text("준호")


def test_who_may_restores_what_was_deleted(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("둘이서", junho)
    junho.say(room, "지웠다 되살린 말")
    page, other = window(minji, room), window(junho, room)
    choose(other, other.locator(".message.mine"), "지우기")
    expect(page.locator(".theirs .bubble")).to_have_text("지워진 메시지입니다")
    expect(other.get_by_role("button", name="되살리기")).to_have_count(0)
    page.get_by_role("button", name="되살리기").click()
    expect(other.locator(".mine .bubble")).to_have_text("지웠다 되살린 말")
