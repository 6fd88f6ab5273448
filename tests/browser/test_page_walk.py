"""Two windows go through what the page can do: in both languages, by pointer and by keys alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from hands import Hands, Keys, Pointer
from people import OpenWindow, Person, SignUp
from playwright.sync_api import Locator, Page, expect
from test_page_files import arrived, photo

WORDS = """async () => {
  const { learnMore, words } = await import("/assets/words.js");
  await learnMore();
  return JSON.parse(JSON.stringify(words));
}"""


@dataclass
class Side:
    """One of the two: a window, the hands that use it, and the words it speaks."""

    hands: Hands
    words: dict[str, Any]

    @property
    def page(self) -> Page:
        return self.hands.page

    def press(self, place: str, **named: Any) -> None:
        self.hands.press(self.page.locator(place).filter(**named))

    def button(self, word: str, within: str = "body") -> Locator:
        return self.page.locator(within).get_by_role("button", name=self.words[word], exact=True)

    def say(self, text: str) -> None:
        self.hands.write(self.page.locator("#body"), text)
        self.page.keyboard.press("Enter")

    def message(self, text: str) -> Locator:
        """The one that begins or, after what it quotes, ends so."""
        said = self.page.locator(".bubble", has_text=re.compile(f"^{text}|{text}$"))
        return self.page.locator("#log .message").filter(has=said).last

    def menu(self, opener: Locator, word: str, role: Any = "menuitem") -> None:
        """Choose what is called *word* from the menu of *opener*."""
        self.hands.press(opener)
        begun = re.compile(f"^{re.escape(self.words[word])}")  # more may follow, as until when
        line = self.page.locator("#actions").get_by_role(role, name=begun)
        self.hands.press(line)

    def do(self, text: str, word: str) -> None:
        """Choose from the menu of a message."""
        self.menu(self.message(text).locator("[data-more]"), word)

    def room_menu(self, word: str) -> None:
        self.menu(self.page.locator("#room-more"), word)

    def answer(self, word: str) -> None:
        """Say yes to a question."""
        self.hands.press(self.button(word, "#question"))
        expect(self.page.locator("#question")).to_have_count(0)

    def open_room(self, name: str) -> None:
        self.press("#room-list button", has_text=name)
        expect(self.page.locator("#room-name")).to_have_text(name)


# The other tests of the page are in Korean and by pointer.
WAYS = [("ko-KR", Keys), ("en-US", Pointer), ("en-US", Keys)]


@pytest.fixture(params=WAYS, ids=["korean-keys", "english-pointer", "english-keys"])
def way(request: pytest.FixtureRequest) -> tuple[str, type[Pointer | Keys]]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def language(way: tuple[str, type[Pointer | Keys]]) -> str:
    return way[0]


@pytest.fixture
def kind(way: tuple[str, type[Pointer | Keys]]) -> type[Pointer | Keys]:
    return way[1]


@dataclass
class Two:
    """Two people in a room of three, each in a window."""

    minji: Side
    junho: Side
    people: tuple[Person, Person, Person]


@pytest.fixture
def two(window: OpenWindow, person: SignUp, language: str, kind: type[Pointer | Keys]) -> Two:
    people = person("민지"), person("준호"), person("소라")
    room = people[0].room("뜰", people[1])

    def side(who: Person) -> Side:
        page = window(who, room, locale=language)
        return Side(kind(page), page.evaluate(WORDS))

    return Two(side(people[0]), side(people[1]), people)


def test_signing_up_a_room_and_the_way_out(
    window: OpenWindow, person: SignUp, language: str, kind: type[Pointer | Keys]
) -> None:
    junho = person("준호")
    hands = kind(window(locale=language))
    side = Side(hands, hands.page.evaluate(WORDS))
    page, name = side.page, f"{language[:2]}{kind.__name__}".lower()
    hands.press(page.get_by_role("radio", name=side.words["signUp"]))
    hands.write(page.get_by_label(side.words["username"]), name)
    hands.write(page.get_by_label(side.words["displayName"], exact=True), "미래")
    hands.write(page.get_by_label(side.words["password"]), "a courtyard in spring")
    hands.press(page.locator("#sign-in-submit"))
    expect(page.locator("#my-name")).to_have_text("미래")

    hands.press(page.locator("#new-room-open"))
    hands.press(page.get_by_role("radio", name=side.words["team"], exact=True))
    hands.write(page.locator("#people-query"), junho.username)
    hands.press(page.locator("#people-found button", has_text="준호"))
    hands.write(page.get_by_label(side.words["roomName"]), "새 마당")
    hands.press(page.get_by_role("checkbox", name=side.words["makePublic"]))
    hands.press(page.locator("#new-room-create"))
    expect(page.locator("#room-name")).to_have_text("새 마당")

    side.menu(page.locator("#me"), "shortcuts")
    hands.close(page.locator("#shortcuts"))
    side.menu(page.locator("#me"), "signOut")
    expect(page.locator("#sign-in")).to_be_visible()


def test_what_is_said_and_what_becomes_of_it(two: Two) -> None:
    minji, junho = two.minji, two.junho
    minji.say("안녕 courtyard")
    expect(junho.message("안녕 courtyard")).to_be_visible()
    junho.hands.press(junho.message("안녕").locator("[data-more]"))
    junho.hands.press(junho.page.locator("#actions").get_by_role("menuitem", name="👍"))
    expect(minji.message("안녕").locator(".reaction")).to_have_text("👍 1")
    minji.hands.press(minji.message("안녕").locator(".reaction"))
    expect(junho.message("안녕").locator(".reaction")).to_have_text("👍 2")

    junho.hands.press(junho.message("안녕").locator("[data-reply]"))
    junho.say("대답이에요")
    expect(minji.message("대답이에요").locator(".quote")).to_contain_text("안녕 courtyard")
    junho.do("대답이에요", "editMessage")
    junho.say("고친 대답")
    expect(minji.message("고친 대답").locator(".edited")).to_be_visible()
    minji.hands.press(minji.message("고친 대답").locator("[data-versions]"))
    expect(minji.page.locator("#versions")).to_contain_text("대답이에요")
    minji.hands.close(minji.page.locator("#versions"))
    minji.do("안녕", "whoReacted")
    expect(minji.page.locator("#reacted li")).to_have_count(2)
    minji.hands.close(minji.page.locator("#reacted"))


def test_what_is_kept_and_what_goes(two: Two) -> None:
    minji, junho = two.minji, two.junho
    minji.say("안녕 courtyard")
    junho.say("고친 대답")
    minji.do("고친 대답", "pin")
    expect(junho.message("고친 대답").locator(".pinned")).to_be_visible()
    junho.room_menu("pins")
    junho.hands.press(junho.page.locator("#pins li button"))
    expect(junho.page.locator("#pins")).to_have_count(0)
    junho.do("고친 대답", "deleteMessage")
    gone = minji.page.locator("#log .bubble.deleted")
    expect(gone).to_have_count(1)
    minji.hands.press(minji.page.locator("[data-restore]"))
    expect(gone).to_have_count(0)
    minji.do("안녕", "whoRead")
    expect(minji.page.locator("#readers")).to_contain_text("준호")
    minji.hands.close(minji.page.locator("#readers"))


def test_threads_mentions_and_what_is_unread(two: Two) -> None:
    minji, junho = two.minji, two.junho
    minji.say("어디서 볼까요?")
    junho.do("어디서", "openThread")
    junho.hands.write(junho.page.locator("#thread .body"), "정문에서")
    junho.page.keyboard.press("Enter")
    expect(minji.message("어디서").locator(".thread-link")).to_be_visible()
    minji.hands.press(minji.message("어디서").locator(".thread-link"))
    expect(minji.page.locator("#thread-log")).to_contain_text("정문에서")
    minji.hands.press(minji.page.locator("#thread-close"))
    junho.hands.press(junho.page.locator("#thread-close"))
    junho.room_menu("threads")
    expect(junho.page.locator("#threads")).to_contain_text("어디서 볼까요?")
    junho.hands.close(junho.page.locator("#threads"))

    minji.hands.write(minji.page.locator("#body"), "여기요 @준")
    option = minji.page.locator("#writing [role=option]")
    expect(option).to_have_count(1)
    if isinstance(minji.hands, Pointer):
        option.click()
    else:
        minji.page.keyboard.press("Enter")
    expect(minji.page.locator("#body")).to_have_value("여기요 @준호 ")
    minji.page.keyboard.insert_text("와요")
    minji.page.keyboard.press("Enter")
    expect(junho.page.locator(".to-me .mention.me")).to_have_text("@준호")
    junho.do("여기요", "markUnread")
    expect(junho.page.locator("#room-list .badge").last).to_have_text("1")
    junho.open_room("뜰")
    expect(junho.page.locator("#room-list .badge")).to_have_count(0)


def test_files_voices_and_what_is_found_again(two: Two) -> None:
    minji, junho = two.minji, two.junho
    with minji.page.expect_file_chooser() as chosen:
        minji.hands.press(minji.page.locator("#composer [data-part=attach]"))
    chosen.value.set_files([photo("봄꽃.jpg")])
    arrived(minji.page, 1)
    minji.say("꽃이 피었어요")
    picture = junho.message("꽃이").locator(".picture")
    expect(picture.locator("img")).to_be_visible()
    junho.hands.press(picture)
    expect(junho.page.locator("#viewer img")).to_be_visible()
    junho.hands.close(junho.page.locator("#viewer"))

    minji.page.context.grant_permissions(["microphone"])
    minji.hands.press(minji.page.locator("#composer [data-part=mic]"))
    expect(minji.page.locator(".recording .time")).to_have_text(re.compile("0:0[1-9]"))
    minji.hands.press(minji.button("recorded"))
    arrived(minji.page, 1)
    minji.say("목소리도 남겨요")
    sound = junho.message("목소리도").locator(".sound")
    junho.hands.press(sound.get_by_role("button", name=junho.words["play"]))
    expect(sound.locator("button")).to_be_visible()

    junho.hands.press(junho.page.locator("#search-open"))
    junho.hands.write(junho.page.locator("#search [name=q]"), "ㄲㅇ 피")
    found = junho.page.locator("#search li button")
    expect(found.locator("mark").first).to_have_text("꽃이")
    with junho.page.expect_response("**/chats/search?*kind=image*"):
        junho.hands.choose(junho.page.locator("#search [name=kind]"), "image")
    expect(found).to_have_count(1)
    junho.hands.press(found)
    expect(junho.page.locator("#search")).to_have_count(0)
    expect(junho.message("꽃이")).to_be_visible()


def test_people_and_the_room(two: Two) -> None:
    minji = two.minji
    minji.hands.press(minji.page.locator("#members-toggle"))
    minji.hands.write(minji.page.locator("#member-query"), two.people[2].username)
    minji.hands.press(minji.page.locator("#member-found button", has_text="소라"))
    rows = minji.page.locator("#member-list li")
    expect(rows).to_have_count(3)
    more = rows.filter(has_text="준호").locator("button")
    minji.hands.press(more)
    admin = minji.words["roles"]["admin"]
    minji.hands.press(minji.page.locator("#actions").get_by_role("menuitemradio", name=admin))
    expect(rows.filter(has_text="준호")).to_contain_text(admin)
    minji.menu(rows.filter(has_text="소라").locator("button"), "remove")
    minji.answer("remove")
    expect(rows).to_have_count(2)
    minji.hands.press(minji.page.locator("#members-close"))


def test_the_room_itself(two: Two) -> None:
    minji, junho = two.minji, two.junho
    minji.room_menu("roomSettings")
    minji.hands.choose(minji.page.locator("#settings [name=post]"), "member")
    minji.hands.press(minji.button("save", "#settings"))
    expect(minji.page.locator("#settings")).to_have_count(0)
    role = {"role": "admin"}
    room = minji.page.url.rsplit("/", 1)[1]
    two.people[0].ask("PATCH", f"/chats/rooms/{room}/members/{two.people[1].id}", role)
    notice = junho.page.locator("#log .notice").last
    expect(notice).to_contain_text(junho.words["roles"]["admin"])
    junho.room_menu("roomSettings")
    junho.hands.write(junho.page.locator("#settings [name=name]"), "앞뜰")
    junho.hands.press(junho.button("save", "#settings"))
    expect(minji.page.locator("#room-name")).to_have_text("앞뜰")
    minji.room_menu("mute")
    minji.hands.press(minji.page.locator("#actions").get_by_role("menuitem").first)
    expect(minji.page.locator("#room-list")).to_contain_text(minji.words["isMuted"])
    minji.room_menu("unmute")
    minji.room_menu("exportRoom")
    with minji.page.expect_download() as saved:
        minji.hands.press(minji.button("exportStart", "#export"))
    assert saved.value.suggested_filename == "앞뜰.ndjson"
    minji.room_menu("roomSettings")
    minji.hands.press(minji.button("archive", "#settings"))
    minji.answer("archive")
    expect(junho.page.locator("#closed")).to_have_text(junho.words["archivedHere"])
    minji.room_menu("roomSettings")
    minji.hands.press(minji.button("unarchive", "#settings"))
    expect(junho.page.locator("#closed")).to_be_hidden()


def test_one_to_one_reports_and_blocks(two: Two) -> None:
    minji, junho = two.minji, two.junho
    minji.page.keyboard.press("Control+k")
    minji.hands.write(minji.page.get_by_role("combobox"), two.people[1].username)
    person = minji.page.locator("#switcher [role=option]")
    expect(person).to_contain_text("준호")
    if isinstance(minji.hands, Pointer):
        person.click()
    else:
        minji.page.keyboard.press("Enter")
    expect(minji.page.locator("#room-name")).to_have_text("준호")
    minji.say("둘이서만")
    junho.open_room("민지")
    junho.do("둘이서만", "report")
    spam = junho.words["reasons"]["abuse"]
    junho.hands.press(junho.page.locator("#report").get_by_role("radio", name=spam))
    junho.hands.press(junho.button("report", "#report"))
    expect(junho.page.get_by_role("status").get_by_text(junho.words["reported"])).to_be_visible()
    junho.hands.press(junho.page.locator("#report .sheet").get_by_role("button"))
    junho.room_menu("block")
    junho.answer("block")
    expect(junho.page.locator("#closed")).to_have_text(junho.words["blockedHere"])
    junho.menu(junho.page.locator("#me"), "blocked")
    junho.hands.press(junho.page.locator("#blocks li button"))
    expect(junho.page.locator("#blocks li")).to_have_count(0)
    junho.hands.close(junho.page.locator("#blocks"))
    expect(junho.page.locator("#closed")).to_be_hidden()


def test_ones_own_things(two: Two) -> None:
    minji, junho = two.minji, two.junho
    minji.menu(minji.page.locator("#me"), "away", "menuitemradio")
    expect(minji.page.locator("#my-dot.away")).to_be_visible()
    minji.menu(minji.page.locator("#me"), "mySettings")
    settings = minji.page.locator("#my-settings")
    minji.hands.write(settings.locator("[name=name]"), "김민지")
    minji.hands.press(settings.get_by_role("button", name=minji.words["save"]).first)
    expect(minji.page.locator("#my-name")).to_have_text("김민지")
    minji.hands.press(settings.get_by_role("radio", name=minji.words["themes"]["dark"]))
    expect(minji.page.locator("html")).to_have_attribute("data-theme", "dark")
    receipts = settings.get_by_role("checkbox", name=re.compile(minji.words["showReceipts"]))
    minji.hands.press(receipts)
    expect(receipts).not_to_be_checked()
    minji.hands.close(settings)
    junho.say("이름이 길어졌네요")
    expect(minji.message("이름이")).to_be_visible()


def test_a_public_room_and_a_blind_one(two: Two) -> None:
    minji, junho = two.minji, two.junho
    open_to_all = two.people[2].ask(
        "POST", "/chats/rooms", {"type": "team", "name": "열린 뜰", "visibility": "public"}
    )
    junho.hands.press(junho.page.locator("#channels-open"))
    with junho.page.expect_response("**/rooms/public?q=*"):
        junho.hands.write(junho.page.locator("#channels input"), "열린 뜰")
    join = junho.page.locator("#channels li:has-text('열린 뜰') button").first
    junho.hands.press(join)
    expect(junho.page.locator("#room-name")).to_have_text("열린 뜰")
    assert junho.page.url.endswith(open_to_all["id"])
    junho.room_menu("leaveRoom")
    junho.answer("leaveRoom")
    expect(junho.page.locator("#room")).to_be_hidden()

    minji.hands.press(minji.page.locator("#new-room-open"))
    minji.hands.press(minji.page.get_by_role("radio", name=minji.words["matching"], exact=True))
    minji.hands.write(minji.page.locator("#people-query"), two.people[1].username)
    minji.hands.press(minji.page.locator("#people-found button", has_text="준호"))
    minji.hands.write(minji.page.get_by_label(minji.words["roomName"]), "가면")
    minji.hands.press(minji.page.locator("#new-room-create"))
    expect(minji.page.locator("#veil")).to_be_visible()
    junho.open_room("가면")
    for side in (minji, junho):
        side.hands.press(side.page.locator("#members-toggle"))
        rows = side.page.locator("#member-list li")
        expect(rows).to_have_count(2)
        side.menu(rows.locator("button[aria-haspopup]"), "reveal")
        side.answer("reveal")
    expect(junho.page.locator(".reveal")).to_contain_text("민지")
    expect(minji.page.locator(".reveal")).to_contain_text("준호")
