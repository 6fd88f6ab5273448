"""The console of admins: who is let in, what is wrong with a form, and who cannot use a pointer."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from campaign_server import CampaignServer
from consoles import begun, compose, console, message_jobs, press, state
from hands import Keys
from people import OpenWindow, Person
from playwright.sync_api import expect
from test_page_accessible import LOOKS, axe, check
from test_page_ime import Keyboard

__all__ = ["axe"]
ELSEWHERE: dict[str, Any] = {"extra_http_headers": {"X-Forwarded-For": "203.0.113.9"}}
ADVERTISING = "(광고) 마당 봄맞이 할인! 무료수신거부 080-123-4567"
REFUSAL = {"success": False, "message": "지금은 못 합니다.", "data": {"code": "unavailable"}}


def test_only_admins_see_it_and_only_from_where_they_may_act(
    window: OpenWindow, boss: Person, campaigns: CampaignServer
) -> None:
    page = console(window, campaigns.person("visitor"))
    barred = page.locator("#barred")
    expect(barred).to_contain_text("이 계정은 관리자가 아닙니다.")
    expect(barred).to_contain_text("관리자가 허용된 주소에서만 할 수 있습니다.")
    barred.get_by_role("link", name="대화로 가기").click()
    expect(page.locator("#rooms")).to_be_visible()

    page = console(window, boss, **ELSEWHERE)
    expect(page.locator("#barred")).to_contain_text("이 주소에서는 관리자로 일할 수 없습니다.")
    page = console(window, boss, "audit", locale="en-US", **ELSEWHERE)
    expect(page.locator("#barred")).to_contain_text("Admins may not act from this address.")


def test_the_gate_leads_in_and_out(window: OpenWindow, boss: Person) -> None:
    page = window(at=boss.address)
    page.goto(f"{boss.address}/admin")
    page.get_by_label("아이디").fill(boss.username)
    page.get_by_label("비밀번호").fill("something else")
    page.keyboard.press("Enter")
    expect(page.locator("#sign-in-error")).to_have_text("아이디나 비밀번호가 맞지 않습니다.")
    page.get_by_label("비밀번호").fill(boss.password)
    page.keyboard.press("Enter")
    expect(page.locator("#title")).to_have_text("발송 작업")
    page.get_by_role("button", name="로그아웃").click()
    expect(page.locator("#sign-in")).to_be_visible()
    lost = json.dumps({"user": {"id": "boss", "username": "boss"}, "token": "of another server"})
    page.evaluate("session => sessionStorage.setItem('madang.session', session)", lost)
    page.reload()
    expect(page.locator("#sign-in-error")).to_have_text("다시 로그인해 주세요.")


def test_what_is_wrong_is_said_beside_its_field(window: OpenWindow, boss: Person) -> None:
    page = console(window, boss, "new")
    press(page, "보내기…")
    field = page.get_by_label("메시지", exact=True)
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    compose(page, "ulsan", "마당 봄맞이 할인!")
    page.get_by_label("광고입니다").check()
    press(page, "보내기…")
    expect(page.get_by_role("alert").filter(has_text="광고는")).to_have_text(
        "광고는 (광고)로 시작해야 합니다."
    )
    expect(page.get_by_role("dialog")).to_have_count(0)
    field.fill(ADVERTISING)
    press(page, "보내기…")
    expect(page.get_by_text("받을 사람이 없습니다.")).to_be_visible()
    left_out = page.get_by_role("meter", name="광고 수신에 동의하지 않음: 4명")
    expect(left_out).to_be_visible()
    page.get_by_label("광고입니다").uncheck()
    page.get_by_label("보낼 때").fill("2020-01-01T10:00")
    press(page, "예약하기…")
    expect(page.get_by_text("지금부터 90일 안의 시각이어야 합니다.")).to_be_visible()


def test_a_refusal_of_the_server_is_said_in_its_words_and_a_double_press_is_one_job(
    window: OpenWindow, boss: Person
) -> None:
    page = console(window, boss, "new")
    compose(page, "ulsan", "두 번 눌러도 한 번")
    body = json.dumps(REFUSAL)
    page.route("**/messages/send", lambda route: route.fulfill(status=503, body=body))
    press(page, "보내기…")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="4명에게 보내기").click()
    expect(dialog.get_by_role("alert")).to_have_text("지금은 못 합니다.")
    page.unroute("**/messages/send")
    dialog.get_by_role("button", name="4명에게 보내기").dblclick()
    expect(state(page)).to_have_text("마침")
    assert len(message_jobs(boss, "두 번 눌러도 한 번")) == 1


def test_what_was_begun_is_there_after_a_reload_and_gone_when_it_is_planned(
    window: OpenWindow, boss: Person
) -> None:
    page = console(window, boss, "new")
    compose(page, "ulsan", "내일의 안내")
    tomorrow = time.strftime("%Y-%m-%dT10:00", time.localtime(time.time() + 86_400))
    page.get_by_label("보낼 때").fill(tomorrow)
    page.reload()
    expect(page.get_by_label("메시지", exact=True)).to_have_value("내일의 안내")
    press(page, "예약하기…")
    page.get_by_role("button", name="4명에게 보내기").click()
    expect(page.locator("#toast")).to_have_text("예약했습니다")
    expect(state(page)).to_have_text("예약됨")
    expect(page.locator(".figures").first).to_contain_text("10:00에 시작")
    page.get_by_role("link", name="새 발송").click()
    expect(page.get_by_label("메시지", exact=True)).to_have_value("")
    page.get_by_role("link", name="발송 작업").click()
    page.get_by_label("상태").select_option("SCHEDULED")
    row = page.locator(".job").filter(has_text="내일의 안내")
    row.get_by_role("link").click()
    press(page, "발송 취소")
    press(page, "돌아가기")
    expect(state(page)).to_have_text("예약됨")
    press(page, "발송 취소")
    page.locator("#question .danger").click()
    expect(state(page)).to_have_text("취소됨")
    expect(page.locator(".figures").first).to_have_text("4명 가운데 0명에게 보냄 · 4명 제외")
    expect(page.get_by_role("meter", name="건너뜀: 4 (100%)")).to_be_visible()
    expect(page.get_by_role("meter", name="남음")).to_have_count(0)


def test_syllables_are_composed_once_and_enter_in_a_field_looks_and_never_sends(
    window: OpenWindow, boss: Person
) -> None:
    page = console(window, boss, "new")
    page.get_by_label("메시지", exact=True).focus()
    keyboard = Keyboard(page)
    keyboard.compose("ㅎ", "하", "한")
    expect(page.get_by_text("1 / 4,000자")).to_be_visible()
    keyboard.commit("한")
    keyboard.compose("ㄱ", "그", "글")
    keyboard.commit("글")
    expect(page.get_by_label("메시지", exact=True)).to_have_value("한글")
    expect(page.locator("aside .bubble")).to_have_text("한글")
    page.get_by_label("제목").focus()
    keyboard.compose("ㅂ", "보", "봄")
    keyboard.enter_for_the_input_method()
    expect(page.locator("aside .large")).to_have_count(0)
    keyboard.commit("봄")
    keyboard.enter()
    expect(page.locator("aside .large")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label("제목")).to_have_value("봄")


def test_a_campaign_is_sent_by_keys_alone(window: OpenWindow, boss: Person) -> None:
    page = console(window, boss, "new", locale="en-US")
    hands = Keys(page)
    hands.choose(page.get_by_label("Age group"), "THIRTIES")
    hands.write(page.get_by_label("Message", exact=True), "by keys alone")
    hands.press(page.locator("summary"))
    hands.write(page.get_by_label("Region"), "ulsan")
    hands.press(page.get_by_role("button", name="Send…"))
    dialog = page.get_by_role("dialog", name="Send to 4 people?")
    expect(dialog.get_by_role("button", name="Go back")).to_be_focused()
    hands.press(dialog.get_by_role("button", name="Send to 4 people"))
    expect(state(page)).to_have_text("Completed")
    expect(page.locator("#title")).to_be_focused()
    assert len(message_jobs(boss, "by keys alone")) == 1


def test_who_is_named_for_a_test_and_is_not_there_is_said_beside_the_names(
    window: OpenWindow, boss: Person
) -> None:
    page = console(window, boss, "new")
    compose(page, "ulsan", "시험 삼아")
    page.get_by_label("광고입니다").check()
    press(page, "시험 발송")
    dialog = page.get_by_role("dialog", name="시험 발송")
    send = dialog.get_by_role("button", name="시험 발송")
    send.click()
    expect(dialog.locator("> .error")).to_have_text("광고는 (광고)로 시작해야 합니다.")
    page.keyboard.press("Escape")
    page.get_by_label("광고입니다").uncheck()
    press(page, "시험 발송")
    names = dialog.get_by_label("받을 사람의 아이디")
    for text, why in (
        ("boss, nixda", "이런 아이디는 없습니다: nixda"),
        (" ", "1명에서 20명까지 적어 주세요."),
        (",".join(f"n{number}" for number in range(21)), "1명에서 20명까지 적어 주세요."),
    ):
        names.fill(text)
        send.click()
        expect(dialog.locator("form [role=alert]")).to_have_text(why)
        expect(names).to_have_attribute("aria-invalid", "true")
    names.fill("boss")
    send.click()
    expect(dialog).to_have_count(0)
    page.locator("form").get_by_role("link", name="결과 보기").click()
    expect(page.locator(".results .found > li")).to_have_count(1)
    expect(page.locator("#title")).to_have_text("시험 삼아")


NARROW: dict[str, Any] = {"viewport": {"width": 345, "height": 740}, "has_touch": True}


@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
def test_on_a_narrow_screen_nothing_is_cut(window: OpenWindow, boss: Person, locale: str) -> None:
    page = console(window, boss, "new", locale=locale, timezone_id="Asia/Seoul", **NARROW)
    expect(page.locator("#zone")).to_contain_text("Asia/Seoul")
    tops = page.locator("#chat > header > :is(.brand, #live, .icon)").evaluate_all(
        "nodes => nodes.map((node) => node.getBoundingClientRect().height && "
        "Math.round(node.getBoundingClientRect().top + node.getBoundingClientRect().height / 2))"
    )
    assert len(tops) == 4 and max(tops) - min(tops) <= 4
    page.locator("summary").click()
    at = page.locator("[name=at]")
    assert at.evaluate("node => node.clientWidth") > 200
    page.locator("[name=group]").select_option("THIRTIES")
    page.locator("[name=advertising]").check()
    page.locator("[name=message]").fill(ADVERTISING)
    page.locator("form [type=submit]").click()
    name = page.locator("aside .measured > span:first-child")
    height, letter = name.first.evaluate(
        "node => [node.getBoundingClientRect().height, parseFloat(getComputedStyle(node).fontSize)]"
    )
    assert height < 1.9 * letter, "it is on one line"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
def test_the_console_breaks_no_rule(
    window: OpenWindow, boss: Person, axe: str, look: dict[str, Any]
) -> None:
    job = begun(boss, "ulsan", "모두가 읽는 안내")
    page = console(window, boss, **look)
    expect(page.locator(f"[data-job='{job}'] .chip")).to_have_text("마침")
    check(page, axe, "jobs")
    page.locator(f"[data-job='{job}'] a").click()
    expect(page.locator(".results .found > li")).to_have_count(4)
    check(page, axe, "a job")
    page.get_by_role("link", name="감사 기록").click()
    expect(page.locator(".entry").first).to_be_visible()
    check(page, axe, "the audit log")
    page.get_by_role("link", name="새 발송").click()
    compose(page, "ulsan", "마당")
    page.get_by_label("광고입니다").check()
    press(page, "대상 미리 보기")
    expect(page.locator("aside .large")).to_be_visible()
    check(page, axe, "a form with what is wrong in it")
    press(page, "시험 발송")
    check(page, axe, "a test sending")
    page.keyboard.press("Escape")
    page.get_by_label("광고입니다").uncheck()
    press(page, "보내기…")
    expect(page.locator("#confirm")).to_be_visible()
    check(page, axe, "the last question")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
