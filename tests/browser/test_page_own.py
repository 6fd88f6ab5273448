"""What is one's own: who one is, one's files, what one said; and what admins do with accounts."""

from __future__ import annotations

from pathlib import Path

import pytest
from people import OpenWindow, SignUp, write
from playwright.sync_api import expect
from test_page_blind import blind
from test_page_changes import choose
from test_page_files import arrived, attach, photo, text
from test_page_settings import admin, me_menu


def test_who_one_is_is_kept_and_made_empty_again(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    page = window(minji)
    me_menu(page, "프로필과 설정")
    dialog = page.locator("#my-settings")
    dialog.get_by_text("나에 대해 더").click()
    dialog.get_by_label("전화번호").fill("010-1234-5678")
    dialog.get_by_label("생년월일").fill("1999-03-02")
    dialog.get_by_label("성별").select_option("female")
    dialog.get_by_label("사는 곳").fill("서울")
    dialog.get_by_label("시간대").select_option("Asia/Tokyo")
    dialog.get_by_role("button", name="저장").click()
    expect(page.locator("#toast")).to_have_text("저장했습니다")
    me = minji.ask("GET", "/me")
    assert me["phone"] == "010-1234-5678"
    assert [me[name] for name in ("birth_date", "gender", "region", "time_zone")] == [
        "1999-03-02",
        "female",
        "서울",
        "Asia/Tokyo",
    ]
    dialog.get_by_label("전화번호").fill("")
    with page.expect_request("**/api/v1/me") as asked:
        dialog.get_by_role("button", name="저장").click()
    assert asked.value.post_data_json == {"phone": None}
    expect(dialog.get_by_role("button", name="저장")).not_to_have_attribute("aria-busy", "true")
    dialog.get_by_label("전화번호").fill("전화")
    dialog.get_by_role("button", name="저장").click()
    expect(dialog.locator("> .error")).to_contain_text("입력을 확인")


def test_the_last_of_ones_own_files_leaves_an_empty_list(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    page = window(minji, minji.room("파일"))
    attach(page, text("하나.txt"))
    arrived(page, 1)
    me_menu(page, "프로필과 설정")
    page.get_by_role("button", name="내 파일").click()
    page.get_by_role("button", name="지우기: 하나.txt").click()
    expect(page.locator("#own-files .blank")).to_be_visible()
    expect(page.locator("#own-files [role=status]")).to_have_text("아직 없습니다")


def test_own_files_are_listed_and_those_in_no_message_deleted(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    page = window(minji, minji.room("파일"))
    attach(page, text("보낸 것.txt"))
    arrived(page, 1)
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored button.file")).to_be_visible()
    attach(page, text("남은 것.txt"))
    arrived(page, 1)
    me_menu(page, "프로필과 설정")
    page.get_by_role("button", name="내 파일").click()
    files = page.locator("#own-files")
    expect(files.locator("li strong")).to_have_text(["남은 것.txt", "보낸 것.txt"])
    expect(files.locator("li").last).to_contain_text("메시지에 있음")
    expect(files.get_by_role("button", name="지우기: 보낸 것.txt")).to_have_count(0)
    expect(files.locator(".hint").first).to_contain_text("10 KB")
    files.get_by_role("button", name="지우기: 남은 것.txt").click()
    expect(files.locator("li strong")).to_have_text(["보낸 것.txt"])
    expect(files.locator(".hint").first).to_contain_text("5.0 KB")
    assert len(minji.ask("GET", "/chats/files")["items"]) == 1
    assert page.evaluate("document.activeElement.closest('#own-files') !== null")


def test_who_said_it_brings_it_back_in_a_matching_room(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = blind(minji, junho)
    page, other = window(minji, room), window(junho, room)
    write(page, "지웠다 되살린 말")
    choose(page, page.locator(".message.mine.stored"), "지우기")
    expect(other.locator(".theirs .bubble")).to_have_text("지워진 메시지입니다")
    expect(other.get_by_role("button", name="되살리기")).to_have_count(0)
    page.get_by_role("button", name="되살리기").click()
    expect(other.locator(".theirs .bubble")).to_have_text("지웠다 되살린 말")


@pytest.mark.parametrize("shows", [True, False])
def test_who_has_read_is_told_as_it_is(window: OpenWindow, person: SignUp, shows: bool) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("읽음", junho)
    minji.ask("PATCH", "/me", {"read_receipts": shows})
    minji.say(room, "봤어요?")
    page = window(minji, room)
    choose(page, page.locator(".message.mine"), "누가 읽었나")
    readers = page.locator("#readers .blank")
    expect(readers).to_contain_text("1명이 아직 읽지 않음")
    expect(readers).to_contain_text("아직 아무도" if shows else "읽은 표시를 끄고")


def test_admins_suspend_somebody_and_bring_him_back(
    window: OpenWindow, person: SignUp, open_folder: Path
) -> None:
    boss, junho = person("관리"), person("준호")
    admin(open_folder, boss)
    page = window(boss)
    me_menu(page, "관리")
    page.get_by_role("radio", name="사람").check()
    field = page.locator("#admin input[type=search]")
    field.fill(junho.username)
    field.press("Enter")
    card = page.locator("#admin .card", has_text=f"@{junho.username} ")
    card.get_by_role("radio", name="정지").check()
    card.get_by_role("button", name="바꾸기").click()
    with page.expect_response("**/admin/users/*"):
        page.locator("#question .danger").click()
    expect(page.locator("#question")).to_have_count(0)
    expect(card.get_by_role("button", name="바꾸기")).to_be_focused()
    field.fill(junho.id)
    field.press("Enter")
    expect(card.get_by_role("radio", name="정지")).to_be_checked()
    card.get_by_role("radio", name="사용 중").check()
    card.get_by_role("button", name="바꾸기").click()
    with page.expect_response("**/admin/users/*"):
        page.locator("#question .danger").click()
    expect(page.locator("#question")).to_have_count(0)
    account = boss.ask("PATCH", f"/admin/users/{junho.id}", {})
    assert (account["status"], account["role"]) == ("active", "user")
    field.fill("아무도 아닌 이")
    field.press("Enter")
    expect(page.locator("#admin .blank")).to_be_visible()


def test_admins_see_the_files_of_what_was_reported(
    window: OpenWindow, person: SignUp, open_folder: Path
) -> None:
    boss, minji, junho = person("관리"), person("민지"), person("준호")
    room = minji.room("신고", junho)
    page = window(junho, room)
    attach(page, photo("나쁜 것.jpg"), text("나쁜 글.txt"))
    arrived(page, 2)
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored .picture")).to_be_visible()
    minji.ask("POST", f"/chats/rooms/{room}/messages/1/report", {"reason": "illegal"})
    admin(open_folder, boss)
    other = window(boss)
    me_menu(other, "관리")
    card = other.locator("#admin .card", has_text=room)
    expect(card.locator(".picture img")).to_have_js_property("naturalWidth", 320)
    card.locator(".picture").press("Enter")
    expect(other.locator("#viewer img")).to_be_visible()
    other.keyboard.press("Escape")
    with other.expect_download() as saved:
        card.locator("button.file").click()
    assert saved.value.suggested_filename == "나쁜 글.txt"


def test_of_a_crowded_room_only_the_number_is_told(window: OpenWindow, person: SignUp) -> None:
    page = window(person("민지"))
    page.evaluate(
        """async () => {
          const { showReaders } = await import("/assets/view_lists.js");
          showReaders({ crowded: true }, { load: async () => ({ unread: 250 }) });
        }"""
    )
    expect(page.locator("#readers .blank")).to_contain_text("사람이 많은 방")
    expect(page.locator("#readers .blank")).to_contain_text("250명이 아직 읽지 않음")
