"""One's own profile, status and looks; the admins' views; a room as a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from people import OpenWindow, Person, SignUp
from playwright.sync_api import Page, expect
from test_page_blind import blind, pseudonym
from test_page_blocks import direct
from test_page_channels import room_menu

ROOT = Path(__file__).parents[2]


def me_menu(page: Page, item: str, role: str = "menuitem") -> None:
    page.click("#me")
    page.locator("#actions").get_by_role(role, name=item, exact=True).click()  # type: ignore[arg-type]


def test_a_name_is_changed_for_all_to_see(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("이름", junho)
    page = window(minji)
    me_menu(page, "프로필과 설정")
    dialog = page.locator("#my-settings")
    expect(dialog.get_by_label("아이디")).to_have_value(f"@{minji.username}")
    dialog.get_by_label("이름", exact=True).fill("새민지")
    dialog.get_by_role("button", name="저장").click()
    expect(page.locator("#my-name")).to_have_text("새민지")
    expect(page.locator("#toast")).to_have_text("저장했습니다")
    page.reload()
    expect(page.locator("#my-name")).to_have_text("새민지")
    assert room in str(junho.ask("GET", f"/chats/rooms/{room}"))


def test_what_others_see_is_chosen_and_a_choice_that_fails_goes_back(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    page = window(minji)
    me_menu(page, "프로필과 설정")
    seen = page.get_by_label("마지막 접속 시각")
    expect(seen).to_be_checked()
    seen.uncheck()
    receipts = page.get_by_label("읽은 표시")
    receipts.uncheck()
    for box in (seen, receipts):
        expect(box).not_to_have_attribute("aria-busy", "true")
    me = minji.ask("GET", "/me")
    assert (me["last_seen"], me["read_receipts"]) == ("nobody", False)
    page.route("**/api/v1/me", lambda route: route.abort())
    receipts.click()
    expect(receipts).not_to_be_checked()
    expect(page.locator("#my-settings > .error")).to_contain_text("닿지 않습니다")


def test_a_theme_holds_at_once_and_is_there_before_the_page_is_drawn(
    window: OpenWindow, person: SignUp
) -> None:
    page = window(person("민지"))
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    me_menu(page, "프로필과 설정")
    page.get_by_role("radio", name="어둡게").check()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload(wait_until="commit")
    page.wait_for_selector("body", state="attached")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.emulate_media(color_scheme="light")
    page.wait_for_selector("#starting", state="hidden")  # and with it the style sheets are there
    assert page.evaluate(ground) == dark


def test_a_language_is_chosen_whatever_the_browser_speaks(
    window: OpenWindow, person: SignUp
) -> None:
    page = window(person("민지"))
    me_menu(page, "프로필과 설정")
    page.get_by_role("radio", name="English").click()
    expect(page.locator("#switch")).to_contain_text("Go to")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_a_status_is_seen_by_others_and_shown_on_all_ones_own_windows(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = direct(minji, junho)
    minji.room("둘 다 있는 방", junho)
    page, again, other = window(minji), window(minji), window(junho, room)
    expect(other.locator("#room-about")).to_have_text("접속 중")
    me_menu(page, "방해 금지", "menuitemradio")
    expect(other.locator("#room-about")).to_have_text("방해 금지")
    expect(page.locator("#my-dot.dnd")).to_be_visible()
    expect(again.locator("#my-dot.dnd")).to_be_visible()
    me_menu(page, "접속 숨김", "menuitemradio")
    expect(other.locator("#room-about")).to_contain_text("마지막 접속")
    me_menu(page, "접속 중", "menuitemradio")
    expect(other.locator("#room-about")).to_have_text("접속 중")


def test_a_new_password_signs_out_every_other_window(window: OpenWindow, person: SignUp) -> None:
    minji = person("민지")
    page, other = window(minji), window(minji)
    expect(other.locator("#no-rooms")).to_be_visible()
    me_menu(page, "프로필과 설정")
    dialog = page.locator("#my-settings")
    dialog.get_by_label("지금 비밀번호").fill("not this one")
    dialog.get_by_label("새 비밀번호").fill("another courtyard")
    dialog.get_by_role("button", name="비밀번호 바꾸기").click()
    expect(page.locator("#my-settings > .error")).to_contain_text("(지금 비밀번호)")
    dialog.get_by_label("지금 비밀번호").fill(minji.password)
    dialog.get_by_role("button", name="비밀번호 바꾸기").click()
    expect(other.locator("#sign-in-form")).to_be_visible()
    expect(page.locator("#my-settings")).to_have_count(0)
    expect(page.locator("#no-rooms")).to_be_visible()


def test_a_room_is_exported_by_who_may(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("내보내기 / 방", junho)
    minji.say(room, "하나", "둘")
    other = window(junho, room)
    other.click("#room-more")
    exporting = other.locator("#actions").get_by_role("menuitem", name="대화 내보내기")
    expect(exporting).to_have_count(0)
    page = window(minji, room)
    room_menu(page, "대화 내보내기")
    with page.expect_download() as saved:
        page.locator("#export").get_by_role("button", name="파일 만들기").click()
    assert saved.value.suggested_filename == "내보내기 _ 방.ndjson"
    lines = Path(saved.value.path()).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["t"] for line in lines][-1] == "end"
    expect(page.locator("#export")).to_have_count(0)


def admin(folder: Path, person: Person) -> None:
    """Make *person* an admin, who must sign in again."""
    command = [sys.executable, "-m", "server", "admin", "grant", person.username]
    subprocess.run([*command, "--data", str(folder / "page-data")], cwd=ROOT, check=True)
    body = {"username": person.username, "password": person.password}
    request = Person(person.address, "", "", "", "", {"token": ""})
    person.session.update(request.ask("POST", "/auth/token", body))


def test_admins_settle_reports_read_the_block_log_and_order_reveals(
    window: OpenWindow, person: SignUp, open_folder: Path
) -> None:
    minji, junho, boss, second = person("민지"), person("준호"), person("관리"), person("감사")
    room = blind(minji, junho)
    junho.say(room, "나쁜 말")
    report = f"/chats/rooms/{room}/messages/1/report"
    minji.ask("POST", report, {"reason": "abuse", "note": "듣기 싫어요"})
    minji.ask("PUT", f"/blocks/{junho.id}")
    theirs = pseudonym(junho, room)
    for each in (boss, second):
        admin(open_folder, each)

    page = window(boss)
    me_menu(page, "관리")
    card = page.locator("#admin .card").first
    expect(card.locator("blockquote")).to_have_text("나쁜 말")
    expect(card).to_contain_text(theirs)
    card.get_by_label("어떻게 처리했는지").fill("경고함")
    card.get_by_role("button", name="처리 완료").click()
    page.get_by_role("radio", name="처리됨").check()
    expect(card).to_contain_text("경고함")

    page.get_by_role("radio", name="차단 기록").check()
    page.locator("#admin input[type=search]").fill(minji.username)
    page.keyboard.press("Enter")
    expect(page.locator("#admin .what")).to_contain_text("차단함")

    order_and_approve(page, window(second), room, theirs)
    expect(page.get_by_role("button", name="승인하기")).to_have_count(0)


def order_and_approve(page: Page, other: Page, room: str, name: str) -> None:
    """One admin asks in *page* who *name* is, another approves in *other*."""
    card = page.locator("#admin .card").first
    page.get_by_role("radio", name="정체 확인").check()
    page.get_by_label("방 ID").fill(room)
    page.get_by_label("가명").fill(name)
    page.get_by_label("까닭").fill("괴롭힘 신고")
    page.get_by_role("button", name="요청하기").click()
    expect(card).to_contain_text("다른 관리자의 승인을 기다리는 중")
    expect(page.get_by_role("button", name="승인하기")).to_have_count(0)
    me_menu(other, "관리")
    other.get_by_role("radio", name="정체 확인").check()
    other.locator("#admin .card").first.get_by_role("button", name="승인하기").click()
    expect(other.locator("#admin .card").first).to_contain_text("준호 (@")


def test_who_is_no_admin_is_offered_no_such_view(window: OpenWindow, person: SignUp) -> None:
    page = window(person("민지"))
    page.click("#me")
    expect(page.locator("#actions").get_by_role("menuitem", name="관리")).to_have_count(0)
