"""How the page looks: nothing is wider than its window. `make pictures` keeps the pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from people import OpenWindow, Person, SignUp
from playwright.sync_api import expect

FOLDER = os.environ.get("PICTURES")
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.fixture
def room(person: SignUp) -> tuple[Person, str]:
    """Somebody, and a room with a bit of everything."""
    minji, junho, sora, hana = (person(name) for name in ("최민지", "박준호", "윤소라", "정하나"))
    room = minji.room("봄 산책", junho, sora, hana)
    path = f"/chats/rooms/{room}"
    junho.say(room, "이번 토요일에 어디로 갈까요?", "날씨가 좋대요")
    sora.say(room, "남산 어때요? 벚꽃이 *한창*이래요.")
    minji.say(room, "좋아요! 몇 시에 만날까요?")
    answer = "열 시에 *충무로역* 4번 출구에서요. 지도는 https://example.com/namsan 에 있어요."
    junho.ask("POST", f"{path}/messages", {"body": answer, "reply_to": 4})
    mention = {"body": "@최민지 김밥은 제가 싸 갈게요", "mentions": [minji.id]}
    sora.ask("POST", f"{path}/messages", mention)
    for who, said in ((hana, "저는 과일이요"), (junho, "음료는 제가")):
        who.ask("POST", f"{path}/messages", {"body": said, "thread": 6})
    minji.say(room, "그럼 돗자리는 제가 가져갈게요", "다들 토요일에 봐요!")
    minji.ask("PUT", f"{path}/messages/5/pin")
    minji.ask("PATCH", path, {"description": "토요일마다 걷는 사람들", "visibility": "public"})
    sora.say(minji.room("디자인 이야기", sora), "시안 두 개 올렸어요. 편할 때 봐 주세요")
    direct = minji.ask("POST", "/chats/rooms", {"type": "direct", "members": [junho.id]})
    junho.say(direct["id"], "내일 회의 열한 시로 옮겨도 될까요?")
    return minji, room


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("size", "options"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_a_room_fits_its_window(
    window: OpenWindow,
    room: tuple[Person, str],
    tmp_path: Path,
    size: str,
    options: dict[str, Any],
    theme: str,
) -> None:
    minji, place = room
    page = window(minji, place, color_scheme=theme, **options)
    expect(page.locator("#log .thread-link")).to_be_visible()
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for part in ("#scroller", "#room-list", "#room > header", "#composer"):
        wider = page.locator(part).evaluate("node => node.scrollWidth - node.clientWidth")
        assert wider <= 0, part
    folder = Path(FOLDER) if FOLDER else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{size}-{theme}.png")
