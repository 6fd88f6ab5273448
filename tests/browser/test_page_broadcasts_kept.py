"""Broadcasts and answers that are not sent yet: what is kept, and what is asked of who leaves."""

from __future__ import annotations

import pytest
from people import OpenWindow, Person, until
from playwright.sync_api import Locator, Page, Route, expect
from test_page_broadcasts import MIC, POSTED, counts, junho, minji, opened, record, send, village
from test_page_settings import me_menu
from test_page_sound import RUNNING, listening

__all__ = ["junho", "minji", "village"]
RECEIVED = "**/api/v1/broadcasts/received"
IS_HELD = """() => !dispatchEvent(new Event("beforeunload", { cancelable: true }))"""


def begin(dialog: Locator) -> None:
    """Record until there is enough to send."""
    dialog.get_by_role("button", name="녹음 시작").click()
    end = dialog.get_by_role("button", name="녹음 마치기")
    expect(end).to_have_attribute("aria-disabled", "false")


@pytest.mark.parametrize("way", ["another view", "closed"])
def test_a_recording_that_is_not_seen_any_more_ends_and_is_kept(
    window: OpenWindow, minji: Person, way: str
) -> None:
    page = window(minji, **MIC)
    listening(page)
    dialog = opened(page, "보내기")
    begin(dialog)
    if way == "closed":
        dialog.get_by_role("button", name="닫기").click()
    else:
        dialog.get_by_role("radio", name="받은 방송").check()
    until(page, lambda: page.evaluate(f"{RUNNING} === 0"))
    if way == "closed":
        page.click("#broadcasts-open")
    else:
        dialog.get_by_role("radio", name="보내기").check()
    expect(dialog.get_by_role("radio", name="보내기")).to_be_checked()
    expect(dialog.locator(".heard .wave")).to_be_visible()
    expect(dialog.locator(".recording")).to_have_count(0)


def test_nothing_is_sent_while_it_records_and_what_was_wrong_goes_with_the_recording(
    window: OpenWindow, minji: Person
) -> None:
    page = window(minji, **MIC)
    dialog = opened(page, "보내기")
    begin(dialog)
    dialog.get_by_role("button", name="방송 보내기").click()
    expect(dialog.get_by_text("아직 녹음하고 있습니다.")).to_be_visible()
    dialog.get_by_role("button", name="녹음 마치기").click()
    expect(dialog.locator(".heard .wave")).to_be_visible()
    expect(dialog.get_by_text("아직 녹음하고 있습니다.")).to_have_count(0)
    page.route(POSTED, lambda route: route.abort())
    dialog.get_by_role("button", name="방송 보내기").click()
    expect(dialog.get_by_text("녹음은 그대로 있으니")).to_be_visible()
    dialog.get_by_role("button", name="녹음 버리기").click()
    expect(dialog.get_by_text("녹음은 그대로 있으니")).to_have_count(0)


def test_whoever_leaves_the_page_with_a_recording_is_asked(
    window: OpenWindow, minji: Person
) -> None:
    tab = window(minji, **MIC).context.new_page()  # one in which the browser may ask
    tab.goto(f"{minji.address}/")
    dialog = opened(tab, "보내기")
    assert not tab.evaluate(IS_HELD)
    record(dialog)
    tab.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    with tab.expect_event("dialog") as asked:
        tab.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    opened(tab, "보내기").get_by_role("button", name="녹음 버리기").click()
    assert not tab.evaluate(IS_HELD)


def test_whoever_signs_out_with_a_recording_is_asked_once(
    window: OpenWindow, minji: Person
) -> None:
    page = window(minji, **MIC)
    record(opened(page, "보내기"))
    page.keyboard.press("Escape")
    me_menu(page, "로그아웃")
    question = page.locator("#question")
    question.get_by_role("button", name="취소").click()
    expect(question).to_have_count(0)
    me_menu(page, "로그아웃")
    question.get_by_role("button", name="로그아웃").click()
    expect(page.locator("#sign-in")).to_be_visible()


def test_an_answer_by_voice_is_lost_only_by_whoever_says_so(
    window: OpenWindow, minji: Person, junho: Person, village: str
) -> None:
    send(minji, village)
    page = window(junho, **MIC)
    counts(page, 1)
    listening(page)
    dialog, question = opened(page, "받은 방송"), page.locator("#question")
    dialog.get_by_role("button", name="답장").click()
    dialog.get_by_role("button", name="녹음하기").click()
    expect(dialog.locator(".recording .time")).not_to_have_text("0:00")
    dialog.get_by_role("button", name="닫기").click()
    question.get_by_role("button", name="취소").click()
    expect(question).to_have_count(0)
    expect(dialog.locator(".recording")).to_be_visible()
    dialog.get_by_role("radio", name="보내기").check()
    until(page, lambda: page.evaluate(f"{RUNNING} === 0"))
    dialog.get_by_role("radio", name="받은 방송").check()
    expect(dialog.locator(".tray li")).to_have_count(1)
    assert page.evaluate(IS_HELD)
    dialog.get_by_label("민지 님에게 답장").press("Escape")
    question.get_by_role("button", name="녹음 버리기").click()
    expect(dialog).to_have_count(0)
    assert not page.evaluate(IS_HELD)


def test_a_list_that_could_not_be_had_loses_nothing_that_came_meanwhile(
    window: OpenWindow, minji: Person, junho: Person, village: str
) -> None:
    page = window(junho)
    page.route(RECEIVED, lambda route: route.abort())
    dialog = opened(page, "받은 방송")
    expect(dialog.locator("section:visible .failed")).to_be_visible()
    send(minji, village)
    expect(dialog.locator(".broadcast")).to_have_count(1)
    page.unroute(RECEIVED)
    dialog.locator("section:visible").get_by_role("button", name="다시 시도").click()
    expect(dialog.locator("section:visible :is(.failed, .skeleton)")).to_have_count(0)
    expect(dialog.locator(".broadcast")).to_have_count(1)


def test_what_was_sent_calls_nobody_away_who_answers(
    window: OpenWindow, minji: Person, village: str
) -> None:
    page = window(minji, **MIC)
    dialog, held = opened(page, "보내기"), hold(page)
    record(dialog)
    dialog.get_by_text("누구에게 보낼지").click()
    dialog.get_by_label("사는 곳").fill(village)
    dialog.get_by_role("button", name="방송 보내기").click()
    until(page, lambda: bool(held))
    dialog.get_by_role("radio", name="받은 방송").check()
    held[0].continue_()
    expect(page.locator("#toast")).to_have_text("방송을 보냈습니다")
    expect(dialog.get_by_role("radio", name="받은 방송")).to_be_checked()


def hold(page: Page) -> list[Route]:
    """The broadcasts that are on their way, and held up."""
    held: list[Route] = []

    def meet(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.fallback()

    page.route(POSTED, meet)
    return held
