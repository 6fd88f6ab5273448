"""Two people and the page: from the gate to a conversation."""

from __future__ import annotations

from collections.abc import Iterator

from people import OpenWindow, SignUp, write
from playwright.sync_api import Page, expect


def sign_up(page: Page, username: str, name: str) -> None:
    page.get_by_role("radio", name="가입").check()
    page.get_by_label("아이디").fill(username)
    page.get_by_label("이름", exact=True).fill(name)
    page.get_by_label("비밀번호").fill("a courtyard in spring")
    page.click("#sign-in-submit")


def test_two_strangers_sign_up_find_each_other_and_chat(
    window: OpenWindow, numbers: Iterator[int]
) -> None:
    one, other = window(), window()
    mark = next(numbers)
    sign_up(one, f"minji{mark}", "민지")
    sign_up(other, f"junho{mark}", "준호")
    expect(other.locator("#my-name")).to_have_text("준호")

    one.click("#new-room-open")
    one.fill("#people-query", f"junho{mark}")
    one.locator("#people-found button").click()
    expect(one.locator("#room-name")).to_have_text("준호")
    write(one, "안녕하세요!")
    expect(one.locator(".mine.stored .bubble")).to_have_text("안녕하세요!")

    other.locator("#room-list button", has_text="민지").click()
    expect(other.locator(".theirs .bubble")).to_have_text("안녕하세요!")
    write(other, "반갑습니다.\n오늘은 어때요?")
    expect(one.locator(".theirs .bubble")).to_have_text("반갑습니다.\n오늘은 어때요?")
    expect(one.locator("#room-about")).to_have_text("접속 중")


def test_a_demo_account_is_one_press_away(window: OpenWindow) -> None:
    page = window()
    page.locator("#demo-accounts button").first.click()
    expect(page.locator("#rooms")).to_be_visible()
    page.reload()
    expect(page.locator("#rooms")).to_be_visible()
    page.click("#me")
    page.get_by_role("menuitem", name="로그아웃").click()
    expect(page.locator("#sign-in-form")).to_be_visible()
    page.reload()
    expect(page.locator("#sign-in-form")).to_be_visible()


def test_a_wrong_password_is_said_in_plain_words(window: OpenWindow, person: SignUp) -> None:
    somebody = person("민지")
    page = window(locale="en-US")
    page.get_by_label("Username").fill(somebody.username)
    page.get_by_label("Password").fill("not this one")
    page.click("#sign-in-submit")
    expect(page.locator("#sign-in-error")).to_have_text("Wrong username or password.")


def test_the_number_of_those_who_have_not_read_falls_as_they_read(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho, sora = person("민지"), person("준호"), person("소라")
    room = minji.room("셋이서", junho, sora)
    page = window(minji, room)
    write(page, "다들 봤어요?")
    number = page.locator(".mine.stored .not-read")
    expect(number).to_have_text("2")
    window(junho, room)
    expect(number).to_have_text("1")
    window(sora, room)
    expect(number).to_have_count(0)


def test_the_unread_badge_counts_what_came_and_goes_when_it_is_opened(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("알림", junho)
    minji.say(room, "하나")
    page = window(junho)
    badge = page.locator("#room-list .badge")
    expect(badge).to_have_text("1")
    minji.say(room, "둘", "셋")
    expect(badge).to_have_text("3")
    expect(page).to_have_title("(3) 마당 Madang")
    expect(page.locator("#room-list .preview")).to_have_text("민지: 셋")
    page.locator("#room-list button").click()
    expect(page.locator(".unread-line + .message .bubble")).to_have_text("하나")
    expect(badge).to_have_count(0)
    expect(page).to_have_title("마당 Madang")


def test_one_sees_that_somebody_types_until_the_message_is_there(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("둘이서", junho)
    one, other = window(minji, room), window(junho, room)
    other.type("#body", "지금 가")
    expect(one.locator("#typing")).to_have_text("준호 님이 입력하고 있습니다")
    other.press("#body", "Enter")
    expect(one.locator(".theirs .bubble")).to_have_text("지금 가")
    expect(one.locator("#typing")).to_have_text("")


def test_the_owner_adds_and_removes_members(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("새 방")
    page, other = window(minji, room), window(junho)
    expect(other.locator("#no-rooms")).to_be_visible()
    page.click("#members-toggle")
    page.fill("#member-query", junho.username)
    page.locator("#member-found button").click()
    expect(page.locator(".notice")).to_have_text("준호 님이 들어왔습니다")
    other.locator("#room-list button", has_text="새 방").click()
    write(other, "불러 줘서 고마워요")
    expect(page.locator(".theirs .bubble")).to_have_text("불러 줘서 고마워요")
    page.get_by_role("button", name="더 보기: 준호").click()
    page.get_by_role("menuitem", name="내보내기").click()
    page.locator("#question").get_by_role("button", name="내보내기").click()
    expect(other.locator("#no-rooms")).to_be_visible()
    expect(other.locator("#room")).to_be_hidden()
    expect(page.locator("#room-about")).to_have_text("1명")


def test_a_reply_quotes_what_it_answers_and_leads_back_to_it(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("답장", junho)
    minji.say(room, "몇 시에 볼까요?", *(f"혼잣말 {number}" for number in range(40)))
    page = window(junho, room)
    first = page.locator('#log [data-seq="1"]')
    first.hover()
    first.get_by_role("button", name="답장").click()
    expect(page.locator("#replying-body")).to_have_text("몇 시에 볼까요?")
    expect(page.locator("#body")).to_be_focused()
    write(page, "세 시요")
    quote = page.locator(".mine.stored .quote")
    expect(quote).to_contain_text("몇 시에 볼까요?")
    expect(first).not_to_be_in_viewport()
    quote.click()
    expect(first).to_be_in_viewport()


def test_quotes_and_previews_show_what_is_said_without_its_marks(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("꾸밈", junho)
    minji.say(room, "> 어제는\n*오늘*도 _맑고_ `2*3*4`")
    page = window(junho, room)
    expect(page.locator("#room-list .preview")).to_have_text("민지: 어제는 오늘도 맑고 2*3*4")
    first = page.locator('#log [data-seq="1"]')
    first.hover()
    first.get_by_role("button", name="답장").click()
    expect(page.locator("#replying-body")).to_have_text("어제는 오늘도 맑고 2*3*4")
    write(page, "네")
    expect(page.locator(".mine.stored .quote")).to_contain_text("오늘도 맑고 2*3*4")


def test_a_message_too_long_stays_where_it_can_be_shortened(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    page = window(minji, minji.room("혼자"))
    write(page, "가" * 22_000)
    expect(page.locator("#composer-error")).to_contain_text("너무 길어서")
    expect(page.locator("#body")).to_have_value("가" * 22_000)
    expect(page.locator(".message")).to_have_count(0)
    page.fill("#body", "짧은 말")
    expect(page.locator("#composer-error")).to_be_hidden()
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored .bubble")).to_have_text("짧은 말")
    expect(page.locator("#body")).to_have_value("")


def test_a_message_that_can_never_go_is_offered_for_editing_and_not_again(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    room = minji.room("혼자")
    page = window(minji, room)
    kept = [
        {"room": room, "id": name, "body": name * 22_000, "at": 1, "state": "waiting"}
        for name in ("가", "나")
    ]
    page.evaluate(
        "([name, kept]) => sessionStorage.setItem(name, JSON.stringify(kept))",
        [f"madang.outbox.{minji.id}", kept],
    )
    page.reload()
    failed = page.locator(".message.failed")
    expect(failed).to_have_count(2)
    expect(failed.first.locator(".failed-line")).to_contain_text("너무 깁니다")
    expect(failed.get_by_role("button", name="다시 보내기")).to_have_count(0)
    failed.last.get_by_role("button", name="지우기").click()
    expect(failed).to_have_count(1)
    failed.get_by_role("button", name="고쳐 쓰기").click()
    expect(failed).to_have_count(0)
    expect(page.locator("#body")).to_have_value("가" * 22_000)
    write(page, "짧은 말")
    expect(page.locator(".mine.stored .bubble")).to_have_text("짧은 말")


def test_a_mention_of_mine_stays_in_its_line(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    room = minji.room("산책", junho)
    minji.say(room, "@준호 여기 봐요")
    mention = window(junho, room).locator(".mention.me")
    expect(mention).to_have_text("@준호")
    expect(mention).to_have_css("display", "inline")
