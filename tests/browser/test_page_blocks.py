"""Blocking somebody and reporting a message, from their menus."""

from __future__ import annotations

from people import OpenWindow, Person, SignUp
from playwright.sync_api import expect
from test_page_changes import choose
from test_page_channels import room_menu


def direct(one: Person, other: Person) -> str:
    made = one.ask("POST", "/chats/rooms", {"type": "direct", "members": [other.id]})
    return str(made["id"])


def test_somebody_is_blocked_in_the_direct_room_and_unblocked_from_the_list(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = direct(minji, junho)
    page, other = window(minji, room), window(junho, room)
    expect(page.locator("#room-about")).to_have_text("접속 중")
    room_menu(page, "차단하기")
    page.locator("#question").get_by_role("button", name="차단하기").click()
    expect(page.locator("#closed")).to_contain_text("차단한 사람")
    other.fill("#body", "들리나요?")
    other.press("#body", "Enter")
    expect(other.locator(".failed-line")).to_contain_text("차단되어")

    page.reload()
    expect(page.locator("#closed")).to_contain_text("차단한 사람")
    page.click("#me")
    page.get_by_role("menuitem", name="차단한 사람").click()
    name = page.locator("#blocks li .what").bounding_box()
    assert name is not None
    assert name["width"] > 120
    page.get_by_role("button", name="차단 풀기: 준호").click()
    expect(page.locator("#blocks li")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#composer")).to_be_visible()
    other.get_by_role("button", name="다시 보내기").click()
    expect(page.locator(".theirs .bubble")).to_have_text("들리나요?")


def test_a_member_is_blocked_from_the_list_and_not_in_a_blind_room(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    page = window(junho, minji.room("여럿", junho))
    page.click("#members-toggle")
    page.get_by_role("button", name="더 보기: 민지").click()
    page.get_by_role("menuitem", name="차단하기").click()
    page.locator("#question").get_by_role("button", name="차단하기").click()
    row = page.locator("#member-list li", has_text="민지")
    expect(row).to_contain_text("차단함")
    page.get_by_role("button", name="더 보기: 민지").click()
    page.get_by_role("menuitem", name="차단 풀기").click()
    expect(row).not_to_contain_text("차단함")


def test_a_message_is_reported_with_a_reason(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("여럿", junho)
    minji.say(room, "나쁜 말")
    page = window(junho, room)
    choose(page, page.locator(".message.theirs"), "신고하기")
    page.get_by_role("radio", name="괴롭힘이나 욕설").check()
    page.get_by_label("덧붙일 말").fill("듣기 싫어요")
    with page.expect_request("**/report") as asked:
        page.locator("#report").get_by_role("button", name="신고하기").click()
    assert asked.value.post_data_json == {"reason": "abuse", "note": "듣기 싫어요"}
    expect(page.locator("#report")).to_contain_text("신고했습니다")
    page.locator("#report").get_by_role("button", name="닫기").last.click()
    expect(page.locator("#report")).to_have_count(0)
