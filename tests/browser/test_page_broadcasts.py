"""Broadcasts: recorded and sent in one window, heard and answered in another."""

from __future__ import annotations

import itertools
import json
import urllib.request
from datetime import datetime, timedelta
from typing import Any

import pytest
from hands import Keys
from people import OpenWindow, Person, SignUp, until, write
from playwright.sync_api import Locator, Page, Route, WebSocket, expect
from test_page_accessible import LOOKS, axe, check
from test_page_files import tone

__all__ = ["axe"]
MIC: dict[str, Any] = {"permissions": ["microphone"]}
POSTED = "**/api/v1/broadcasts"
VILLAGES = itertools.count(1)


@pytest.fixture
def village() -> str:
    """A region where nobody lives whom another test made."""
    return f"마을 {next(VILLAGES)}"


@pytest.fixture
def minji(person: SignUp) -> Person:
    return person("민지")


@pytest.fixture
def junho(person: SignUp, village: str) -> Person:
    """Somebody who can be sent broadcasts."""
    junho = person("준호")
    junho.ask("PATCH", "/me", {"phone": "010-1234-5678", "region": village})
    return junho


def send(person: Person, region: str, **fields: Any) -> str:
    """Send a recording over HTTP; the id of the broadcast."""
    parts = {"recipient_count": 5, "region": region, **fields}
    texts = [
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    ]
    head = '--cut\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n'
    content = ("".join(texts) + head).encode() + tone()["buffer"] + b"\r\n--cut--\r\n"
    request = urllib.request.Request(f"{person.address}/api/v1/broadcasts", content, method="POST")
    request.add_header("Content-Type", "multipart/form-data; boundary=cut")
    request.add_header("Authorization", f"Bearer {person.session['token']}")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(json.loads(answer.read())["id"])


def opened(page: Page, view: str) -> Locator:
    """The dialog, with one of its views."""
    page.click("#broadcasts-open")
    dialog = page.locator("#broadcasts")
    dialog.get_by_role("radio", name=view).check()
    return dialog


def counts(page: Page, unheard: int) -> None:
    """So many are unheard, as the way in says."""
    named = f"방송, 듣지 않은 방송 {unheard}개" if unheard else "방송"
    expect(page.locator("#broadcasts-open")).to_have_accessible_name(named)
    shown = page.locator(f'#broadcasts-open .badge[data-count="{unheard}"]')
    expect(shown).to_have_count(min(unheard, 1))


def record(dialog: Locator) -> None:
    """Record as little as may be sent."""
    dialog.get_by_role("button", name="녹음 시작").click()
    end = dialog.get_by_role("button", name="녹음 마치기")
    expect(end).to_have_attribute("aria-disabled", "false")
    end.click()
    expect(dialog.locator(".heard .wave")).to_be_visible()


def to(dialog: Locator, village: str) -> None:
    dialog.get_by_text("누구에게 보낼지").click()
    dialog.get_by_label("사는 곳").fill(village)


def test_what_one_records_another_hears_and_answers_and_both_talk_on(
    window: OpenWindow, minji: Person, junho: Person, village: str
) -> None:
    page, other = window(minji, **MIC), window(junho)
    dialog = opened(page, "보내기")
    record(dialog)
    to(dialog, village)
    dialog.get_by_role("button", name="방송 보내기").click()
    mine = dialog.locator(".broadcast")
    expect(mine.locator(".status")).to_have_text("10명 가운데 1명에게 전달됨")
    counts(other, 1)
    expect(other.locator("#announcer")).to_have_text("민지 님의 방송이 왔습니다")

    inbox = opened(other, "받은 방송")
    expect(inbox.locator(".broadcast.new strong")).to_have_text("민지")
    inbox.get_by_role("button", name="재생").click()
    expect(inbox.locator(".broadcast .unheard")).to_be_hidden()
    counts(other, 0)
    expect(mine.locator(".counts")).to_have_text("전달 1 · 들음 1 · 답장 0")

    begin_answer(inbox, "잘 들었어요")
    inbox.get_by_role("button", name="보내기", exact=True).click()
    expect(inbox).to_have_count(0)
    expect(other.locator("#room-name")).to_have_text("민지")
    expect(other.locator("#log .theirs .sound button")).to_be_visible()
    expect(other.locator("#log .mine .bubble")).to_have_text("잘 들었어요")
    for place in ("#room-marks", "#room-list"):
        expect(other.locator(f"{place} .mark")).to_have_text("방송에서 시작된 대화")
    expect(mine.locator(".counts")).to_have_text("전달 1 · 들음 1 · 답장 1")

    page.keyboard.press("Escape")
    page.locator("#room-list button", has_text="준호").click()
    expect(page.locator("#log .theirs .bubble")).to_have_text("잘 들었어요")
    write(page, "반가워요!")
    expect(other.locator("#log .theirs .bubble").last).to_have_text("반가워요!")


def begin_answer(inbox: Locator, text: str) -> None:
    """Write an answer, which stays when the dialog is left."""
    field = inbox.get_by_label("민지 님에게 답장")
    inbox.get_by_role("button", name="답장").click()
    field.fill(text)
    inbox.page.keyboard.press("Escape")
    expect(inbox).to_have_count(0)
    opened(inbox.page, "받은 방송").get_by_role("button", name="답장").click()
    expect(field).to_have_value(text)


def test_a_recording_outlives_an_answer_that_is_lost_and_is_sent_once(
    window: OpenWindow, minji: Person, village: str
) -> None:
    page = window(minji, **MIC)
    asked: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method != "POST":
            return route.fallback()
        asked.append(route.request.headers["idempotency-key"])
        if len(asked) > 1:
            return route.fallback()
        route.fetch()  # the server has it
        return route.abort()

    page.route(POSTED, lose)
    dialog = opened(page, "보내기")
    record(dialog)
    to(dialog, village)
    dialog.get_by_role("button", name="방송 보내기").click()
    expect(dialog.get_by_text("녹음은 그대로 있으니")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.click("#broadcasts-open")
    expect(dialog.get_by_role("radio", name="보내기")).to_be_checked()
    dialog.get_by_role("button", name="재생").click()
    expect(dialog.get_by_role("button", name="멈춤")).to_be_visible()
    dialog.get_by_role("button", name="방송 보내기").click()
    expect(dialog.locator(".broadcast .status")).to_contain_text("보내지 못함")
    expect(dialog.locator(".broadcast")).to_have_count(1)
    assert len(asked) == 2 and asked[0] == asked[1]
    dialog.get_by_role("radio", name="보내기").check()
    expect(dialog.get_by_role("button", name="녹음 시작")).to_be_visible()


def test_what_is_wrong_is_said_beside_its_field(window: OpenWindow, minji: Person) -> None:
    page = window(minji, **MIC)
    dialog = opened(page, "보내기")
    dialog.get_by_role("button", name="방송 보내기").click()
    expect(dialog.locator("#wrong-audio")).to_contain_text("녹음이 없거나")
    record(dialog)
    many = dialog.get_by_label("받을 사람 수")
    many.fill("101")
    dialog.get_by_role("button", name="방송 보내기").click()
    expect(dialog.locator("#wrong-recipient_count")).to_have_text(
        "1명에서 100명까지 고를 수 있습니다."
    )
    expect(many).to_be_focused()
    expect(many).to_have_attribute("aria-invalid", "true")
    many.fill("3")
    dialog.get_by_label("보낼 시각").fill("2020-01-01T09:00")
    dialog.get_by_role("button", name="방송 보내기").click()
    expect(dialog.locator("#wrong-schedule")).to_contain_text("90일")
    expect(dialog.locator("#wrong-recipient_count")).to_be_hidden()
    dialog.get_by_label("보낼 시각").fill("")
    dialog.get_by_text("누구에게 보낼지").click()
    dialog.get_by_label("나이부터").fill("30")
    dialog.get_by_label("나이까지").fill("20")
    dialog.get_by_text("누구에게 보낼지").click()
    dialog.get_by_role("button", name="방송 보내기").click()
    expect(dialog.locator("#wrong-age_to")).to_be_visible()
    page.route(POSTED, too_many)
    dialog.get_by_role("button", name="방송 보내기").click()
    expect(dialog.get_by_text("10분 뒤에 다시 보낼 수 있습니다.")).to_be_visible()
    expect(dialog.locator(".heard .wave")).to_be_visible()


def too_many(route: Route) -> None:
    problem = {"code": "rate_limited", "retry_after_ms": 600_000}
    route.fulfill(status=429, content_type="application/problem+json", body=json.dumps(problem))


def test_a_scheduled_one_is_cancelled(window: OpenWindow, minji: Person) -> None:
    page = window(minji, **MIC)
    dialog = opened(page, "보내기")
    record(dialog)
    when = datetime.now().astimezone() + timedelta(days=2)
    dialog.get_by_label("보낼 시각").fill(f"{when:%Y-%m-%dT%H:%M}")
    dialog.get_by_role("button", name="방송 보내기").click()
    expect(dialog.locator(".status")).to_contain_text("예약됨")
    dialog.get_by_role("button", name="예약 취소").click()
    expect(dialog.locator(".status")).to_have_text("취소됨")
    expect(dialog.get_by_role("button", name="예약 취소")).to_have_count(0)
    expect(dialog.locator(".broadcast")).to_be_focused()
    expect(dialog.get_by_text("녹음이 지워졌습니다.")).to_be_visible()


def test_unheard_ones_are_counted_after_a_reload_until_they_are_heard(
    window: OpenWindow, minji: Person, junho: Person, village: str
) -> None:
    page = window(junho)
    ids = [send(minji, village)]
    counts(page, 1)
    sent: list[str] = []
    page.on("websocket", lambda socket: listen(socket, sent))
    page.reload()
    counts(page, 1)
    page.click("#broadcasts-open")
    dialog = page.locator("#broadcasts")
    expect(dialog.get_by_role("radio", name="받은 방송")).to_be_checked()
    expect(dialog.locator(".broadcast.new")).to_have_count(1)
    until(page, lambda: any('"t":"seen"' in frame for frame in sent))
    ids.insert(0, send(minji, village))
    expect(dialog.locator(".broadcast.new")).to_have_count(2)
    shown = dialog.locator(".broadcast").evaluate_all("all => all.map((e) => e.dataset.broadcast)")
    assert shown == ids
    dialog.locator(".broadcast").first.get_by_role("button", name="재생").click()
    expect(dialog.locator(".broadcast.new")).to_have_count(1)
    counts(page, 1)
    page.reload()
    counts(page, 1)


def listen(socket: WebSocket, sent: list[str]) -> None:
    socket.on("framesent", lambda frame: sent.append(str(frame)))


def test_a_voice_is_answered_with_a_voice(
    window: OpenWindow, minji: Person, junho: Person, village: str
) -> None:
    page, other = window(junho, **MIC), window(minji)
    send(minji, village)
    counts(page, 1)
    dialog = opened(page, "받은 방송")
    dialog.get_by_role("button", name="답장").click()
    dialog.get_by_role("button", name="녹음하기").click()
    expect(dialog.locator(".recording .time")).not_to_have_text("0:00")
    dialog.locator(".recording .primary").click()
    expect(dialog.locator(".tray li")).to_have_count(1)
    expect(dialog.locator(".tray progress")).to_have_count(0)
    dialog.get_by_role("button", name="보내기", exact=True).click()
    expect(page.locator("#log .mine .sound button")).to_be_visible()
    other.locator("#room-list button", has_text="준호").click()
    expect(other.locator("#log .theirs .sound button")).to_be_visible()
    dialog = opened(page, "받은 방송")
    expect(dialog.get_by_role("button", name="대화로 가기")).to_be_visible()


def test_what_cannot_be_had_is_said_and_tried_again(
    window: OpenWindow, minji: Person, junho: Person, village: str
) -> None:
    send(minji, village)
    page = window(junho)
    counts(page, 1)
    page.route("**/api/v1/broadcasts**", lambda route: route.abort())
    page.route("**/api/v1/broadcasts/**", lambda route: route.abort())
    dialog = opened(page, "받은 방송")
    expect(dialog.get_by_role("alert").get_by_text("서버에 닿지 않습니다.")).to_be_visible()
    dialog.get_by_role("radio", name="보낸 방송").check()
    expect(dialog.locator("section:visible .failed")).to_be_visible()
    page.unroute_all()
    dialog.locator("section:visible").get_by_role("button", name="다시 시도").click()
    expect(dialog.locator(".blank:visible")).to_have_text("보낸 방송이 없습니다")
    dialog.get_by_role("radio", name="받은 방송").check()
    dialog.locator("section:visible").get_by_role("button", name="다시 시도").click()
    expect(dialog.locator(".broadcast")).to_have_count(1)


def test_all_of_it_is_done_with_keys(
    window: OpenWindow, minji: Person, junho: Person, village: str
) -> None:
    page, other = window(minji, **MIC), window(junho)
    hands, dialog = Keys(page), page.locator("#broadcasts")
    hands.press(page.locator("#broadcasts-open"))
    hands.press(dialog.get_by_role("radio", name="보내기"))
    hands.press(dialog.get_by_role("button", name="녹음 시작"))
    end = dialog.get_by_role("button", name="녹음 마치기")
    expect(end).to_have_attribute("aria-disabled", "false")
    expect(end).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.locator(".heard .wave")).to_be_visible()
    hands.press(dialog.get_by_text("누구에게 보낼지"))
    hands.write(dialog.get_by_label("사는 곳"), village)
    hands.press(dialog.get_by_role("button", name="방송 보내기"))
    expect(dialog.locator(".status")).to_contain_text("1명에게 전달됨")
    hands.close(dialog)
    expect(page.locator("#broadcasts-open")).to_be_focused()

    hands, dialog = Keys(other), other.locator("#broadcasts")
    counts(other, 1)
    hands.press(other.locator("#broadcasts-open"))
    place = dialog.get_by_role("slider", name="재생 위치")
    hands.reach(place)
    other.keyboard.press("ArrowRight")
    expect(place).to_have_value("1")
    hands.press(dialog.get_by_role("button", name="재생"))
    expect(dialog.locator(".broadcast .unheard")).to_be_hidden()
    hands.press(dialog.get_by_role("button", name="답장"))
    hands.write(dialog.get_by_label("민지 님에게 답장"), "들었어요")
    hands.press(dialog.get_by_role("button", name="보내기", exact=True))
    expect(other.locator("#log .mine .bubble")).to_have_text("들었어요")
    expect(other.locator("#body")).to_be_focused()


def test_a_place_of_the_waveform_is_pressed_and_shown(
    window: OpenWindow, minji: Person, junho: Person, village: str
) -> None:
    send(minji, village)
    page = window(junho)
    counts(page, 1)
    dialog = opened(page, "받은 방송")
    wave = dialog.locator(".wave")
    expect(wave.locator("path")).to_have_count(64)
    expect(wave.locator(".played")).to_have_count(0)
    wave.click()
    expect(wave.locator(".played")).to_have_count(32)
    expect(dialog.locator(".broadcast .unheard")).to_be_visible()


@pytest.fixture(params=LOOKS, ids=["light", "dark", "phone"])
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


def test_broadcasts_break_no_rule(
    window: OpenWindow, axe: str, look: dict[str, Any], minji: Person, junho: Person, village: str
) -> None:
    send(minji, village)
    send(junho, "아무도 없는 곳")
    page = window(junho, **MIC, **look)
    counts(page, 1)
    check(page, axe, "the way in")
    dialog = opened(page, "보내기")
    expect(dialog.locator(".skeleton")).to_have_count(0)
    check(page, axe, "nothing recorded")
    record(dialog)
    dialog.get_by_text("누구에게 보낼지").click()
    dialog.get_by_label("받을 사람 수").fill("0")
    dialog.get_by_role("button", name="방송 보내기").click()
    expect(dialog.locator("#wrong-recipient_count")).to_be_visible()
    check(page, axe, "recorded, and wrong")
    dialog.get_by_role("radio", name="보낸 방송").check()
    expect(dialog.locator(".status")).to_contain_text("보내지 못함")
    check(page, axe, "sent")
    dialog.get_by_role("radio", name="받은 방송").check()
    dialog.get_by_role("button", name="답장").click()
    check(page, axe, "received")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
