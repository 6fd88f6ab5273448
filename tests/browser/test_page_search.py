"""Searching in the page: by words and filters, shown with what was found in them, and led to."""

from __future__ import annotations

from people import OpenWindow, SignUp, write
from playwright.sync_api import Page, expect


def search(page: Page, words: str) -> None:
    page.locator("#search input[type=search]").fill(words)


def test_words_are_found_marked_and_led_to(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room, other = minji.room("산책", junho), minji.room("다른 방")
    minji.say(room, "토요일에 🌸 벚꽃 보러 가요", *(f"혼잣말 {number}" for number in range(40)))
    minji.say(other, "벚꽃은 아직이래요")
    page = window(junho, room)
    page.locator("#scroller").focus()
    page.keyboard.press("/")
    expect(page.locator("#search .blank")).to_be_visible()
    search(page, "벚꽃 ㅌㅇㅇ")
    row = page.locator("#search li")
    expect(row).to_have_count(1)
    expect(row.locator("mark")).to_have_text(["토요일", "벚꽃"])
    search(page, "아무도 하지 않은 말")
    expect(page.locator("#search .blank")).to_contain_text("찾은 것이 없습니다")
    search(page, "벚꽃")
    row.get_by_role("button").click()
    expect(page.locator("#search")).to_have_count(0)
    expect(page.locator('#log [data-seq="1"]')).to_be_in_viewport()


def test_filters_leave_only_what_is_wanted(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room, other = minji.room("산책", junho), minji.room("독서")
    never_opened = minji.room("여행", junho)
    minji.say(room, "책을 가져갈게요")
    junho.say(room, "책은 제가요")
    minji.say(other, "책 이야기")
    page = window(minji, room)
    page.click("#search-open")
    rows = page.locator("#search li")
    search(page, "책")
    expect(rows).to_have_count(2)
    page.get_by_label("누가").select_option(junho.id)
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("준호")
    page.get_by_label("어디서").select_option(never_opened)
    expect(rows).to_have_count(0)
    page.get_by_label("누가").select_option(junho.id)
    page.get_by_label("어디서").select_option("")
    expect(rows).to_have_count(3)
    page.get_by_label("무엇을").select_option("any")
    expect(page.locator("#search .blank")).to_be_visible()
    page.get_by_label("무엇을").select_option("")
    expect(rows).to_have_count(3)
    page.get_by_label("언제까지").fill("2020-01-01")
    expect(page.locator("#search .blank")).to_be_visible()


def test_what_was_said_long_ago_is_read_where_it_stands(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("긴 방", junho)
    minji.say(room, "맨 처음의 약속")
    minji.flood(room, 1_100)
    page = window(junho, room)
    page.click("#search-open")
    search(page, "약속")
    page.locator("#search li button").click()
    found = page.locator("#context .found-here")
    expect(found).to_contain_text("맨 처음의 약속")
    expect(found).to_be_in_viewport()
    window_of = page.locator("#context")
    expect(window_of.get_by_role("button", name="이전", exact=True)).to_be_hidden()
    last = window_of.locator(".message").last.get_attribute("data-seq")
    window_of.get_by_role("button", name="다음", exact=True).click()
    expect(window_of.locator(f'[data-seq="{last}"]')).to_be_focused()
    expect(window_of.locator(".message").last).not_to_have_attribute("data-seq", f"{last}")
    page.keyboard.press("Escape")
    page.click("#search-open")
    search(page, "약속")
    page.locator("#search li button").click()
    expect(found).to_be_focused()
    page.keyboard.press("r")
    expect(window_of).to_have_count(0)
    expect(page.locator("#replying-body")).to_have_text("맨 처음의 약속")
    write(page, "그 약속이요")
    expect(page.locator(".mine.stored .quote")).to_be_visible()


def test_around_the_last_message_there_is_only_what_was_before(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    room = minji.room("끝")
    minji.flood(room, 80)
    minji.ask("PUT", f"/chats/rooms/{room}/messages/80/reactions/%F0%9F%91%8D")
    page = window(minji, room)
    shown = page.evaluate(
        """async ([id, seq, me]) => {
          const { showContext } = await import("/assets/view_context.js");
          const { learnMore, words } = await import("/assets/words.js");
          const { Wire } = await import("/assets/wire.js");
          const { Room } = await import("/assets/room.js");
          await learnMore();
          const { token } = JSON.parse(localStorage.getItem("madang.session"));
          const wire = new Wire({ token, resume: () => ({}), onState() {}, onFrame() {} });
          wire.start();
          while (wire.state !== "open") await new Promise((done) => setTimeout(done, 20));
          const room = new Room({ id, me, type: "team", last_seq: 81, read_seq: 81, unread: 0 });
          const known = () => ({ room, names: new Set(), me: new Set() });
          showContext(room, seq, { wire, known, nameOf: () => "" });
          const verbs = () => [...document.querySelectorAll("#context .verbs > button")];
          while (!verbs().length) await new Promise((done) => setTimeout(done, 20));
          wire.stop();
          return verbs().slice(-2).map((button) => [button.textContent, !button.hidden]);
        }""",
        [room, 80, minji.id],
    )
    assert shown == [["이전", True], ["다음", False]]
