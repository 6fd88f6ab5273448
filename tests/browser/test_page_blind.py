"""A blind room in the page: pseudonyms everywhere, and a consent that takes two."""

from __future__ import annotations

from people import OpenWindow, Person, SignUp, write
from playwright.sync_api import Page, expect


def blind(owner: Person, *others: Person) -> str:
    groups = {"A": [owner.id], "B": [other.id for other in others]}
    body = {"type": "matching", "name": "봄 만남", "mode": "blind", "groups": groups}
    return str(owner.ask("POST", "/chats/rooms", body)["id"])


def pseudonym(person: Person, room: str) -> str:
    return str(person.ask("GET", f"/chats/rooms/{room}")["me"])


def choose(page: Page, who: str, item: str) -> None:
    page.get_by_role("button", name=f"더 보기: {who}").click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def test_a_blind_room_is_made_and_names_nobody(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("최민지"), person("박준호")
    page, other = window(minji), window(junho)
    page.click("#new-room-open")
    page.get_by_role("radio", name="매칭").check()
    expect(page.locator("#mode-about")).to_contain_text("가명")
    page.fill("#people-query", junho.username)
    page.locator("#people-found button").click()
    expect(page.locator("#chosen li").first).to_have_text("A · 나")
    expect(page.locator("#chosen li").first).to_have_css("padding-right", "12px")
    expect(page.locator("#chosen li").last).to_contain_text("B · 박준호")
    page.get_by_label("방 이름").fill("가면 무도회")
    page.click("#new-room-create")
    expect(page.locator("#room-name")).to_have_text("가면 무도회")
    room = page.url.split("/")[-1]
    mine, theirs = pseudonym(minji, room), pseudonym(junho, room)
    expect(page.locator("#veil")).to_contain_text("누가 누구인지 아무도 모르는 방")
    expect(page.locator("#veil strong")).to_have_text(f"여기서 나는 {mine}")

    other.locator("#room-list button", has_text="가면 무도회").click()
    write(other, f"@{mine} 님 안녕하세요")
    expect(page.locator(".theirs .sender")).to_have_text(theirs)
    expect(page.locator(".theirs .avatar.mask")).to_have_count(1)
    expect(page.locator(".theirs .mention.me")).to_have_text(f"@{mine}")
    expect(page.locator("#room-list .preview")).to_contain_text(theirs)
    page.reload()
    page.click("#members-toggle")
    expect(page.locator("#member-list li", has_text=theirs)).to_contain_text("B 그룹")
    expect(page.locator("#member-list li", has_text=theirs)).to_contain_text("접속 중")
    expect(page.locator("#member-list .avatar.mask")).to_have_count(2)
    assert "박준호" not in page.content()
    assert junho.id not in page.content()


def test_the_group_of_a_member_is_shown_whole(window: OpenWindow, person: SignUp) -> None:
    minji, *others = [person(f"사람 {number}") for number in range(12)]
    page = window(minji, blind(minji, *others))
    page.click("#members-toggle")
    expect(page.locator("#member-list li")).to_have_count(12)
    for name in page.locator("#member-list strong").all():
        assert name.evaluate("node => node.scrollWidth <= node.clientWidth")


def test_two_learn_of_each_other_when_both_agree_and_not_before(
    window: OpenWindow, person: SignUp
) -> None:
    minji, junho, sora = person("최민지"), person("박준호"), person("윤소라")
    room = blind(minji, junho, sora)
    mine, theirs = pseudonym(minji, room), pseudonym(junho, room)
    page, other = window(minji, room), window(junho, room)
    for each in (page, other):
        each.click("#members-toggle")
    choose(page, theirs, "정체 알려 주기")
    page.locator("#question").get_by_role("button", name="정체 알려 주기").click()
    row = page.locator("#member-list li", has_text=theirs)
    expect(row).to_contain_text("상대를 기다리는 중")
    choose(page, theirs, "정체 알려 주기 거두기")
    expect(row).not_to_contain_text("상대를 기다리는 중")
    choose(page, theirs, "정체 알려 주기")
    page.locator("#question").get_by_role("button", name="정체 알려 주기").click()
    expect(row).to_contain_text("상대를 기다리는 중")
    assert "최민지" not in other.content()

    choose(other, mine, "정체 알려 주기")
    other.locator("#question").get_by_role("button", name="정체 알려 주기").click()
    expect(other.locator("#member-list li", has_text=mine)).to_contain_text("최민지")
    expect(row).to_contain_text(f"박준호 (@{junho.username})")
    expect(page.locator("#log .notice")).to_contain_text("서로 누구인지 알게 되었습니다")
    expect(page.get_by_role("button", name=f"더 보기: {theirs}")).to_have_count(0)


def test_one_leaves_a_blind_room_after_a_question(window: OpenWindow, person: SignUp) -> None:
    minji, junho = person("민지"), person("준호")
    page = window(junho, blind(minji, junho))
    page.click("#room-more")
    items = page.locator("#actions").get_by_role("menuitem")
    expect(items.filter(has_text="방 설정")).to_have_count(0)
    items.filter(has_text="방 나가기").click()
    page.locator("#question").get_by_role("button", name="방 나가기").click()
    expect(page.locator("#no-rooms")).to_be_visible()
    expect(page.locator("body")).not_to_have_class("in-blind")
