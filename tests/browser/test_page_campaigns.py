"""Campaigns in the console: from the first word to the results, and all that stops one."""

from __future__ import annotations

import unicodedata

import pytest
from campaign_server import CampaignServer
from consoles import begun, compose, confirm, console, message_jobs, messages, press, state
from people import OpenWindow, Person, until
from playwright.sync_api import Page, expect


@pytest.fixture(autouse=True)
def kind_provider(campaigns: CampaignServer) -> None:
    """The provider refuses nobody, until a test says so."""
    campaigns.provider.refused = ""


def test_a_campaign_is_looked_at_tried_out_confirmed_sent_and_its_results_seen(
    window: OpenWindow, boss: Person
) -> None:
    page = console(window, boss, "new")
    apart = unicodedata.normalize("NFD", "안녕하세요, *마당*입니다")
    compose(page, "seoul", apart)
    expect(page.locator("aside .bubble strong")).to_have_text("마당")
    expect(page.get_by_text("14 / 4,000자")).to_be_visible()
    press(page, "대상 미리 보기")
    audience = page.locator("aside .audience")
    expect(audience).to_contain_text("12명이 받습니다")
    expect(audience).to_contain_text("비용 없음")
    expect(audience).to_contain_text("seoul-1, seoul-2")
    try_on_oneself(page)
    confirm(page, 12)
    expect(state(page)).to_have_text("마침")
    expect(page.locator("#title")).to_have_text("안녕하세요, *마당*입니다")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "12")
    expect(page.get_by_role("meter", name="보냄: 12 (100%)")).to_be_visible()
    look_at_results(page)
    (job, tried) = message_jobs(boss, unicodedata.normalize("NFC", apart))
    assert (job["totalUsers"], tried["totalUsers"], tried["ageGroup"]) == (12, 1, None)
    look_at_audit(page)


def try_on_oneself(page: Page) -> None:
    press(page, "시험 발송")
    dialog = page.get_by_role("dialog", name="시험 발송")
    expect(dialog.get_by_label("받을 사람의 아이디")).to_have_value("boss")
    dialog.get_by_role("button", name="시험 발송").click()
    expect(page.locator("#toast")).to_have_text("1명에게 시험 발송을 시작했습니다")


def look_at_results(page: Page) -> None:
    results = page.locator(".results .found > li")
    expect(results).to_have_count(12)
    expect(results.first).to_contain_text("seoul-1")
    expect(results.first.locator(".chip")).to_have_text("전달됨")
    page.locator(".results select").select_option("failed")
    expect(page.locator(".results .blank")).to_have_text("보여 줄 사람이 없습니다.")
    expect(page.get_by_text("보여 줄 사람이 없습니다.")).to_have_count(1)
    with page.expect_download() as downloaded:
        press(page, "CSV로 받기")
    text = downloaded.value.path().read_text(encoding="utf-8")
    assert text.startswith("\ufeffuserId,") and len(text.splitlines()) == 13


def look_at_audit(page: Page) -> None:
    page.get_by_role("link", name="감사 기록").click()
    page.get_by_label("무엇을").select_option("campaign.create")
    press(page, "보기")
    expect(page.locator(".entry:not([data-action='campaign.create'])")).to_have_count(0)
    expect(page.locator(".entry strong").first).to_have_text("대량 발송 만들기")
    page.locator(".entry").first.get_by_role("link", name="작업 보기").click()
    expect(page.locator("#title")).to_have_text("안녕하세요, *마당*입니다")


def test_a_job_is_followed_live_paused_gone_on_with_and_cancelled(
    window: OpenWindow, boss: Person, campaigns: CampaignServer
) -> None:
    page = console(window, boss, "new")
    heard: list[str] = []

    def hear(text: str | bytes) -> None:
        heard.append(str(text))

    page.on("websocket", lambda socket: socket.on("framereceived", hear))
    page.reload()
    compose(page, "busan", "천천히 가는 안내", channel="문자 발송사")
    taken = len(campaigns.provider.taken)
    press(page, "대상 미리 보기")
    expect(page.locator("aside .audience")).to_contain_text("₩594 (한 명에 ₩9.9)")
    confirm(page, 60)
    expect(state(page)).to_have_text("보내는 중")
    expect(page.locator(".figures").first).to_contain_text("남음")
    expect(page.locator(".plot rect")).to_have_count(40)
    until(page, lambda: any('"t":"progress"' in text for text in heard))
    at_rest = pause(page, campaigns)
    press(page, "계속하기")
    expect(state(page)).to_have_text("보내는 중")
    until(page, lambda: len(campaigns.provider.taken) > at_rest)
    press(page, "발송 취소")
    expect(page.locator("#question")).to_contain_text("취소한 작업은 되돌릴 수 없습니다.")
    page.locator("#question .danger").click()
    expect(state(page)).to_have_text("취소됨")
    expect(page.locator(".of-job > .card:first-child .verbs button")).to_have_count(0)
    expect(page.locator(".figures").first).not_to_contain_text("100%")
    assert len(campaigns.provider.taken) - taken < 60


def pause(page: Page, campaigns: CampaignServer) -> int:
    """Pause, and wait for what is under way at the provider: how many it took by then."""
    press(page, "일시 중지")
    expect(state(page)).to_have_text("멈춤")
    expect(page.get_by_role("button", name="계속하기")).to_be_focused()
    page.wait_for_timeout(2_000)
    at_rest = len(campaigns.provider.taken)
    page.wait_for_timeout(1_500)
    assert len(campaigns.provider.taken) == at_rest
    return at_rest


def test_who_failed_is_shown_with_the_reason_and_sent_to_again(
    window: OpenWindow, boss: Person, campaigns: CampaignServer
) -> None:
    campaigns.provider.refused = "02468"
    page = console(window, boss, "new")
    compose(page, "daegu", "절반만 닿는 안내", channel="문자 발송사")
    confirm(page, 8)
    expect(state(page)).to_have_text("일부 실패")
    expect(page.locator(".figures").first).to_contain_text("실패 4명")
    page.locator(".results select").select_option("failed")
    results = page.locator(".results .found > li")
    expect(results).to_have_count(4)
    expect(page.get_by_role("button", name="더 보기")).to_have_count(0)
    expect(results.first).to_contain_text("발송사가 거절함")
    campaigns.provider.refused = ""
    press(page, "실패한 사람에게 다시")
    expect(page.locator("#question")).to_contain_text("실패한 4명에게만")
    page.locator("#question .danger").click()
    expect(page.locator("#toast")).to_have_text("4명에게 다시 보냅니다")
    expect(state(page)).to_have_text("마침")
    expect(page.get_by_role("meter", name="보냄: 4 (100%)")).to_be_visible()


def test_without_a_socket_the_server_is_asked_again_and_again(
    window: OpenWindow, boss: Person
) -> None:
    page = window(boss, at=boss.address)
    page.route_web_socket("**/ws", lambda socket: socket.close())
    page.goto(f"{boss.address}/admin")
    expect(page.locator("#live")).to_have_text("다시 연결하는 중")
    begun(boss, "busan", "귀 없이 보는 안내", channel="http")
    page.reload()
    row = page.locator(".job").filter(has_text="귀 없이 보는 안내")
    expect(row.locator(".chip")).to_have_text("보내는 중")
    expect(row.locator(".chip")).to_have_text("마침")
    expect(row.locator(".figures")).to_contain_text("60명 가운데 60명에게 보냄")


def test_a_list_follows_jobs_that_others_direct(window: OpenWindow, boss: Person) -> None:
    page = console(window, boss)
    job = begun(boss, "busan", "남이 멈추는 안내", channel="http")
    page.reload()
    row = page.locator(f"[data-job='{job}']")
    expect(row.locator(".chip")).to_have_text("보내는 중")
    messages(boss, "POST", f"/send/{job}/pause")
    expect(row.locator(".chip")).to_have_text("멈춤")
    row.get_by_role("link").click()
    expect(page.get_by_role("button", name="계속하기")).to_be_visible()
    messages(boss, "POST", f"/send/{job}/cancel")
    expect(state(page)).to_have_text("취소됨")


def test_what_cannot_be_done_any_more_is_said(window: OpenWindow, boss: Person) -> None:
    job = begun(boss, "busan", "이미 취소된 안내", channel="http")
    page = window(boss, at=boss.address)
    page.route_web_socket("**/ws", lambda socket: socket.close())
    page.goto(f"{boss.address}/admin#/job/{job}")
    expect(page.get_by_role("button", name="일시 중지")).to_be_visible()
    page.route("**/status", lambda route: route.abort())
    messages(boss, "POST", f"/send/{job}/cancel")
    press(page, "일시 중지")
    error = page.locator(".of-job > .card [role=alert]")
    expect(error).to_have_text("지금 상태에서는 할 수 없습니다.")
    page.unroute("**/status")
    expect(state(page)).to_have_text("취소됨")
