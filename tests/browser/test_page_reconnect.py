"""When the way to the server breaks: nothing written is lost or doubled, and its order stays."""

from __future__ import annotations

from people import Line, OpenWindow, SignUp, write
from playwright.sync_api import expect
from relay import Relay

COMES_BACK = 60_000  # milliseconds: the longest pause between two tries is 30 seconds


def test_what_both_write_during_a_break_is_there_once_and_in_one_order(
    line: Line, relay: Relay
) -> None:
    cut, whole = line.cut, line.whole
    write(cut, "앞 말")
    expect(whole.locator(".theirs .bubble")).to_have_text("앞 말")

    relay.cut()
    mine = [f"끊긴 동안 {number}" for number in range(10)]
    for body in mine:
        write(cut, body)
    theirs = [f"그 사이 {number}" for number in range(10)]
    for body in theirs:
        write(whole, body)
    expect(whole.locator(".mine.stored .bubble")).to_have_text(theirs)
    expect(cut.locator("#banner")).to_be_visible()
    expect(cut.locator(".message.waiting, .message.sent")).to_have_count(10)

    relay.mend()
    expect(cut.locator("#banner")).to_be_hidden(timeout=COMES_BACK)
    expect(cut.locator(".mine.stored .bubble")).to_have_text(["앞 말", *mine])
    bodies = ["앞 말", *theirs, *mine]
    expect(cut.locator("#log .bubble")).to_have_text(bodies)
    expect(whole.locator("#log .bubble")).to_have_text(bodies)


def test_breaks_in_the_middle_of_sending_neither_lose_nor_double(line: Line, relay: Relay) -> None:
    cut, whole = line.cut, line.whole
    bodies = [f"말 {number}" for number in range(60)]
    for number, body in enumerate(bodies):
        write(cut, body)
        if number % 15 == 7:
            relay.cut()
            relay.mend()
    expect(whole.locator(".theirs .bubble")).to_have_text(bodies, timeout=COMES_BACK)
    expect(cut.locator(".mine.stored .bubble")).to_have_text(bodies)


def test_what_was_written_without_a_connection_survives_a_reload(line: Line, relay: Relay) -> None:
    page, other = line.cut, line.whole
    relay.cut()
    write(page, "아직 못 보낸 말")
    expect(page.locator(".message.waiting, .message.sent")).to_have_count(1)
    relay.mend()
    page.reload()
    expect(other.locator(".theirs .bubble")).to_have_text("아직 못 보낸 말")
    expect(page.locator(".mine.stored .bubble")).to_have_text("아직 못 보낸 말")


def test_a_gap_too_large_to_replay_is_loaded_anew(
    window: OpenWindow, person: SignUp, relay: Relay
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("오랜만", junho)
    page = window(junho, room, at=relay.address)
    minji.say(room, "처음")
    expect(page.locator("#log .bubble")).to_have_text("처음")
    relay.cut()
    expect(page.locator("#banner")).to_be_visible()
    minji.flood(room, 1_010)
    minji.say(room, "밀린 끝")
    relay.mend()
    expect(page.locator("#banner")).to_be_hidden(timeout=COMES_BACK)
    expect(page.locator("#log .bubble").last).to_have_text("밀린 끝")
    minji.say(room, "이제 막")
    expect(page.locator("#log .bubble").last).to_have_text("이제 막")


def test_a_page_that_slept_catches_up_when_it_wakes(
    window: OpenWindow, person: SignUp, relay: Relay
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("잠", junho)
    page = window(junho, room, at=relay.address)
    minji.say(room, "잘 자요")
    expect(page.locator("#log .bubble")).to_have_text("잘 자요")
    devtools = page.context.new_cdp_session(page)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    relay.cut()
    relay.mend()
    minji.say(room, "일어났어요?", "아침이에요")
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    expect(page.locator("#log .bubble")).to_have_text(["잘 자요", "일어났어요?", "아침이에요"])


def test_a_connection_that_only_looks_alive_is_given_up_and_nothing_is_lost(
    line: Line, relay: Relay
) -> None:
    page, other = line.cut, line.whole
    write(page, "들려요?")
    expect(other.locator(".theirs .bubble")).to_have_text("들려요?")
    relay.stall()
    write(page, "여보세요")
    page.context.set_offline(True)
    page.context.set_offline(False)
    expect(other.locator(".theirs .bubble")).to_have_text(
        ["들려요?", "여보세요"], timeout=COMES_BACK
    )
    expect(page.locator(".mine.stored .bubble")).to_have_text(["들려요?", "여보세요"])


def test_one_who_goes_offline_is_told_at_once_and_his_messages_leave_later(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("터널", junho)
    page, other = window(minji, room), window(junho, room)
    page.context.set_offline(True)
    expect(page.locator("#banner")).to_contain_text("오프라인입니다", timeout=3_000)
    write(page, "터널 안에서")
    page.wait_for_timeout(6_000)  # by now the silent connection is given up
    expect(page.locator("#banner")).to_contain_text("오프라인입니다")
    page.context.set_offline(False)
    expect(other.locator(".theirs .bubble")).to_have_text("터널 안에서", timeout=COMES_BACK)
    expect(page.locator("#banner")).to_be_hidden()


def test_without_a_network_a_server_that_answers_is_no_reason_to_worry(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    page = window(minji, minji.room("혼자"))
    page.evaluate(
        """() => {
            Object.defineProperty(navigator, "onLine", { value: false });
            dispatchEvent(new Event("offline"));
        }"""
    )
    expect(page.locator("#banner")).to_be_hidden()
    write(page, "여기 있어요")
    expect(page.locator(".mine.stored .bubble")).to_have_text("여기 있어요")


def test_a_break_is_told_after_a_moment_though_every_try_fails_at_once(
    window: OpenWindow, person: SignUp, relay: Relay
) -> None:
    minji = person("민지")
    page = window(minji, minji.room("끊김"), at=relay.address)
    relay.cut()
    expect(page.locator("#banner")).to_be_visible()


def test_one_who_goes_elsewhere_and_comes_back_finds_the_conversation(
    window: OpenWindow, person: SignUp, address: str
) -> None:
    minji = person("민지")
    room = minji.room("갔다 오기")
    minji.say(room, "여기 있어요")
    page = window(minji, room)
    page.goto(f"{address}/assets/tokens.css")
    page.go_back()
    expect(page.locator("#log .bubble")).to_have_text("여기 있어요")


def test_a_token_that_no_longer_holds_leads_back_to_the_gate(
    window: OpenWindow, person: SignUp, relay: Relay
) -> None:
    minji = person("민지")
    page = window(minji, at=relay.address)
    expect(page.locator("#no-rooms")).to_be_visible()
    minji.ask("POST", "/auth/logout")
    relay.cut()
    relay.mend()
    expect(page.locator("#sign-in-form")).to_be_visible()
    expect(page.locator("#sign-in-error")).to_contain_text("로그인")
