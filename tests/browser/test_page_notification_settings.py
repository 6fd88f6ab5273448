"""What one wants of notifications, and where one is reached besides the page."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bell import KAKAO_SECRET, api, counts, notify, settings, way
from conftest import signed_in
from people import OpenWindow, Person, SignUp, until
from playwright.sync_api import Browser, Page, WebSocket, Worker, expect
from test_page_settings import me_menu

BEEPS = """
  window.beeps = 0;
  window.OscillatorNode = class extends OscillatorNode {
    constructor(...how) { super(...how); window.beeps += 1; }
  };
"""


@pytest.fixture
def minji(person: SignUp) -> Person:
    return person("민지")


@pytest.fixture
def junho(person: SignUp, minji: Person) -> Person:
    """Somebody whom Minji may notify."""
    junho = person("준호")
    minji.room("산책", junho)
    return junho


def test_a_type_that_is_switched_off_does_not_come(
    window: OpenWindow, minji: Person, junho: Person
) -> None:
    page = window(junho)
    dialog = settings(page)
    expect(dialog.get_by_role("switch")).to_have_count(36)
    off = dialog.get_by_role("switch", name="약속 확정: 웹")
    expect(off).to_be_checked()
    off.uncheck()
    other = dialog.get_by_role("switch", name="공지: 디스코드")
    other.uncheck()
    for each in (off, other):
        expect(each).not_to_have_attribute("aria-busy", "true")
    stored = {each["platform"]: each for each in api(junho, "GET", "/settings")["settings"]}
    assert stored["web"]["notificationTypes"]["meeting.confirmed"] is False
    assert stored["discord"]["notificationTypes"]["system.announcement"] is False
    assert stored["web"]["notificationTypes"]["meeting.cancelled"] is True
    page.reload()
    expect(settings(page).get_by_role("switch", name="약속 확정: 웹")).not_to_be_checked()
    notify(minji, junho, "오지 않을 것")
    notify(minji, junho, "올 것", type="meeting.cancelled")
    counts(page, 1)
    assert [each["title"] for each in api(junho, "GET", "")["notifications"]] == ["올 것"]


def test_nothing_is_heard_before_somebody_did_something_in_the_page(
    browser: Browser, minji: Person, junho: Person
) -> None:
    kept: Any = {"cookies": [], "origins": [signed_in(junho.address, junho)]}
    context = browser.new_context(locale="ko-KR", storage_state=kept)
    page, told = context.new_page(), list[str]()
    page.add_init_script(BEEPS)
    page.on("websocket", lambda socket: listen(socket, told))
    with page.expect_response("**/api/notifications?**"):  # to ask the page would be a gesture
        page.goto(junho.address)
    page.wait_for_timeout(500)
    notify(minji, junho, "아직 아무도 없어요")
    until(page, lambda: any('"loud":true' in frame for frame in told))
    page.wait_for_timeout(1_000)
    assert page.evaluate("beeps") == 0
    expect(page.locator("#toast")).to_have_text("약속 확정: 아직 아무도 없어요")
    context.close()


def listen(socket: WebSocket, told: list[str]) -> None:
    socket.on("framereceived", lambda frame: told.append(str(frame)))


def test_it_is_heard_where_its_user_wants_to_hear_it(
    window: OpenWindow, minji: Person, junho: Person
) -> None:
    page = window(junho)
    page.add_init_script(BEEPS)
    page.reload()
    counts(page, 0)
    page.keyboard.press("Tab")
    notify(minji, junho, "들려요")
    until(page, lambda: page.evaluate("beeps") == 2)
    me_menu(page, "방해 금지", "menuitemradio")
    expect(page.locator("#my-dot.dnd")).to_be_visible()
    notify(minji, junho, "조용히")
    expect(page.locator("#toast")).to_have_text("약속 확정: 조용히")
    assert page.evaluate("beeps") == 2
    me_menu(page, "접속 중", "menuitemradio")
    dialog = settings(page)
    dialog.get_by_role("checkbox", name="소리로 알리기").uncheck()
    dialog.locator("form:visible").first.get_by_role("button", name="저장").click()
    expect(page.locator("#toast")).to_have_text("저장했습니다")
    notify(minji, junho, "소리 없이")
    expect(page.locator("#toast")).to_have_text("약속 확정: 소리 없이")
    assert page.evaluate("beeps") == 2


# ---- where one is reached


def tell_bot(address: str, text: str, who: str) -> str:
    """What somebody says to the bot of the KakaoTalk channel; its answer."""
    payload = {"userRequest": {"user": {"id": who}, "utterance": text}}
    url = f"{address}/api/webhooks/kakao"
    request = urllib.request.Request(url, json.dumps(payload).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    request.add_header("X-Madang-Secret", KAKAO_SECRET)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(json.loads(answer.read())["template"]["outputs"][0]["simpleText"]["text"])


def test_a_code_that_is_told_the_bot_links_the_account(
    window: OpenWindow, minji: Person, junho: Person, address: str
) -> None:
    page = window(junho)
    kakao = way(settings(page), "kakao")
    kakao.get_by_role("button", name="연결 코드 받기").click()
    code = kakao.locator("output")
    expect(code).to_be_visible()
    expect(kakao.locator(".code .hint")).to_contain_text("초 동안 한 번 쓸 수 있습니다.")
    assert "준호" in tell_bot(address, code.inner_text(), junho.id)
    expect(page.locator("#toast")).to_have_text("연결했습니다: 카카오톡 챗봇")
    expect(code).to_be_hidden()
    row = page.get_by_role("list", name="받는 곳").get_by_role("listitem")
    expect(row).to_contain_text("카카오톡 챗봇 · ")
    expect(row).to_contain_text("대답만 하고 먼저 알리지 않음")
    unreached = page.get_by_text("아직 받을 곳이 없습니다: 푸시, 카카오톡, 디스코드.")
    expect(unreached).to_be_visible()
    notify(minji, junho, "어디서든 읽어요")
    counts(page, 1)
    assert "어디서든 읽어요" in tell_bot(address, "알림", junho.id)
    tell_bot(address, "읽음 1", junho.id)
    counts(page, 0)


def test_ways_are_added_shown_masked_and_taken_away(window: OpenWindow, junho: Person) -> None:
    page = window(junho)
    dialog = settings(page)
    discord = way(dialog, "discord")
    field = discord.get_by_label("웹훅 주소")
    field.fill("https://example.com/hook")
    discord.get_by_role("button", name="더하기").click()
    expect(discord.get_by_role("alert").last).to_have_text("디스코드 웹훅의 주소가 아닙니다.")
    field.fill(f"https://discord.com/api/webhooks/123456789012345678/{'s' * 68}")
    discord.get_by_role("button", name="더하기").click()
    row = dialog.get_by_role("list", name="받는 곳").get_by_role("listitem")
    expect(row).to_contain_text("디스코드 웹훅 · ")
    expect(row).not_to_contain_text("sss")
    expect(row).not_to_contain_text("대답만")
    expect(field).to_have_value("")
    expect(dialog.get_by_text("아직 받을 곳이 없습니다: 푸시, 카카오톡.")).to_be_visible()
    row.get_by_role("button", name="연결 끊기").click()
    page.locator("#question").get_by_role("button", name="연결 끊기").click()
    expect(row).to_have_count(0)
    assert api(junho, "GET", "/endpoints")["endpoints"] == []


def test_what_the_server_does_not_have_is_not_offered(window: OpenWindow, junho: Person) -> None:
    page = window(junho)
    dialog = settings(page)
    kakao, discord = way(dialog, "kakao"), way(dialog, "discord")
    expect(kakao.get_by_role("button")).to_have_text(["연결 코드 받기"])
    expect(kakao.locator(".hint").first).to_have_text("코드로 연결하는 챗봇은 대답만 합니다.")
    expect(discord.get_by_role("button")).to_have_text(["더하기"])
    none = {"endpoints": [], "ways": []}
    page.route("**/api/notifications/endpoints", lambda route: route.fulfill(json=none))
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    dialog = settings(page)
    for platform in ("push", "kakao", "discord"):
        expect(way(dialog, platform).get_by_role("button")).to_have_count(0)
        expect(way(dialog, platform).locator("input")).to_have_count(0)
        expect(way(dialog, platform)).to_contain_text("이 서버는 이곳으로 알리지 않습니다.")


def test_a_code_holds_for_a_while_and_is_made_anew(window: OpenWindow, junho: Person) -> None:
    page = window(junho)
    kakao = way(settings(page), "kakao")
    kakao.get_by_role("button", name="연결 코드 받기").click()
    first = kakao.locator("output").inner_text()
    page.clock.set_fixed_time(datetime.now(UTC) + timedelta(hours=1))
    expect(kakao.locator(".code.over .hint")).to_have_text("코드가 끝났습니다. 다시 받아 주세요.")
    page.clock.set_fixed_time(datetime.now(UTC))
    kakao.get_by_role("button", name="연결 코드 받기").click()
    expect(kakao.locator("output")).not_to_have_text(first)
    expect(kakao.locator(".code.over")).to_have_count(0)


def test_who_comes_back_from_kakao_without_a_link_is_told(
    window: OpenWindow, junho: Person
) -> None:
    page = window(junho)
    page.goto(f"{junho.address}/?kakao=failed#/notifications")
    error = page.locator("#notification-settings > .error")
    expect(error).to_have_text("카카오 계정을 연결하지 못했습니다. 다시 해 주세요.")
    assert page.url == f"{junho.address}/"


def test_without_a_permission_or_a_push_service_it_is_said(
    window: OpenWindow, junho: Person
) -> None:
    page = window(junho)
    push = way(settings(page), "push")
    push.get_by_role("button", name="이 브라우저에서 켜기").click()
    expect(push.get_by_role("alert")).to_contain_text("막아 두었습니다")
    page.context.grant_permissions(["notifications"])
    push.get_by_role("button", name="이 브라우저에서 켜기").click()
    expect(push.get_by_role("alert")).to_contain_text("등록하지 못했습니다")


def worker_of(page: Page) -> Worker:
    """The service worker, at work."""
    script = "navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready)"
    page.context.grant_permissions(["notifications"])
    with page.context.expect_event("serviceworker") as started:
        page.evaluate(f"{script}.then(() => true)")
    return started.value


def push(page: Page, said: dict[str, Any], origin: str = "") -> None:
    """Hand a message to the service worker, as the browser does with one of its push service."""
    origin = origin or page.evaluate("location.origin")
    session = page.context.new_cdp_session(page)
    registered: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registered.extend(each["registrationId"] for each in event["registrations"]),
    )
    session.send("ServiceWorker.enable")
    until(page, lambda: bool(registered))
    message = {"origin": origin, "registrationId": registered[-1], "data": json.dumps(said)}
    session.send("ServiceWorker.deliverPushMessage", message)
    session.detach()


SHOWN = """async () => {
  const shown = await (await navigator.serviceWorker.ready).getNotifications();
  return shown.map(({ title, body, tag }) => [title, body, tag]);
}"""


def test_what_is_pushed_is_shown_taken_away_and_leads_to_the_list(
    window: OpenWindow, junho: Person
) -> None:
    page = window(junho)
    worker = worker_of(page)
    said = {"title": "토요일", "message": "열 시에", "timestamp": "2027-01-15T10:00:00Z"}
    for number in (1, 2):
        push(page, {"id": f"n{number}", **said})
    until(page, lambda: len(page.evaluate(SHOWN)) == 2)
    push(page, {"gone": "n2"})
    until(page, lambda: page.evaluate(SHOWN) == [["토요일", "열 시에", "n1"]])
    worker.evaluate("""async () => {
      const [notification] = await registration.getNotifications();
      dispatchEvent(new NotificationEvent("notificationclick", { notification }));
    }""")
    expect(page.locator("#notifications")).to_be_visible()
    until(page, lambda: page.evaluate(SHOWN) == [])
    page.goto(page.url.split("#")[0] + "#/notifications")
    page.reload()
    expect(page.locator("#notifications")).to_be_visible()
    assert "#" not in page.url


SHOWN_BY_WORKER = """async () => {
  const shown = await registration.getNotifications();
  return shown.map(({ title, tag, silent }) => [title, tag, silent]);
}"""


def test_no_push_ends_with_nothing_shown_while_no_window_is_seen(
    window: OpenWindow, junho: Person
) -> None:
    page = window(junho)
    worker, origin = worker_of(page), page.evaluate("location.origin")
    push(page, {"gone": "n1"})
    page.wait_for_timeout(500)
    assert worker.evaluate(SHOWN_BY_WORKER) == [], "he looks at the page"
    page.goto("about:blank")
    push(page, {"gone": "n2"}, origin)
    said = ["다른 곳에서 읽었습니다", "n2", True]
    until(page, lambda: worker.evaluate(SHOWN_BY_WORKER) == [said])
    until(page, lambda: worker.evaluate(SHOWN_BY_WORKER) == [])
    push(page, {"id": "n3", "title": "토요일", "message": "열 시에"}, origin)
    shown = ["토요일", "n3", False]
    until(page, lambda: worker.evaluate(SHOWN_BY_WORKER) == [shown])
    push(page, {"gone": "n4"}, origin)
    page.wait_for_timeout(1_500)
    assert worker.evaluate(SHOWN_BY_WORKER) == [shown], "another is shown"
    push(page, {"gone": "n3"}, origin)
    page.wait_for_timeout(300)
    assert worker.evaluate(SHOWN_BY_WORKER) == [shown], "when the push is done"
    until(page, lambda: worker.evaluate(SHOWN_BY_WORKER) == [])
