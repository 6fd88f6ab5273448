"""How the pages look: nothing is wider than its window. `make pictures` keeps the pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from campaign_server import CampaignServer, campaign_server
from consoles import begun, compose, console, messages, press
from people import OpenWindow, Person, SignUp, until
from playwright.sync_api import Locator, Page, expect

FOLDER = os.environ.get("PICTURES")
WEB = Path(__file__).parents[2] / "server" / "web"
SHOWN = (WEB / "README.md").read_text(encoding="utf-8")
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
    for part in ("#scroller", "#room-list", "#room > header", "#composer"):
        wider = page.locator(part).evaluate("node => node.scrollWidth - node.clientWidth")
        assert wider <= 0, part
    keep(page, tmp_path, f"{size}-{theme}")


def keep(page: Page, elsewhere: Path, name: str) -> None:
    """A picture of what fits; of what the README shows, where pictures are kept."""
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    folder = Path(FOLDER) if FOLDER and f"pictures/{name}.png" in SHOWN else elsewhere
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


@pytest.fixture(scope="module")
def town(chromium: str, open_folder: Path) -> Iterator[CampaignServer]:
    """A server that sends to many people, a hundred in a second."""
    with campaign_server(open_folder / "town", {"seoul": 1_542, "jeju": 64}, rate=100) as running:
        yield running


SPRING = "안녕하세요, 마당입니다. 토요일 열 시에 *봄맞이 장터*가 열립니다. 이웃과 함께 오세요!"


@pytest.fixture(scope="module")
def mayor(town: CampaignServer) -> Person:
    """An admin, who has sent something already."""
    mayor = town.admin("mayor", name="한서윤")
    begun(mayor, "seoul", "새 기능이 생겼어요. 방송을 들어 보세요", title="방송 안내")
    tomorrow = round(time.time() * 1000) + 86_400_000
    begun(mayor, "seoul", "내일 점검이 있습니다", title="점검 안내", scheduledAt=tomorrow)
    town.provider.refused = "7"
    begun(mayor, "jeju", "제주 모임에 초대합니다", title="제주 모임", channel="http", priority=4)
    return mayor


def reached(bar: Locator) -> int:
    """How many people a job has come to."""
    return int(bar.evaluate("node => node.value"))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", DESKTOP | {"color_scheme": "light"}),
        ("dark", DESKTOP | {"color_scheme": "dark"}),
        ("phone", PHONE),
    ],
)
def test_the_console_fits_its_window(
    window: OpenWindow, mayor: Person, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    page = console(window, mayor, **options)
    job = begun(mayor, "seoul", SPRING, title="봄맞이 장터", channel="http")
    row = page.locator(f"[data-job='{job}']")
    until(page, lambda: reached(row.get_by_role("progressbar")) > 200)
    keep(page, tmp_path, f"console-jobs-{name}")
    row.get_by_role("link").click()
    expect(page.get_by_role("progressbar")).to_have_count(1)
    until(page, lambda: reached(page.get_by_role("progressbar")) > 800)
    keep(page, tmp_path, f"console-job-{name}")
    messages(mayor, "POST", f"/send/{job}/cancel")
    page.get_by_role("link", name="새 발송").click()
    compose(page, "seoul", SPRING)
    press(page, "대상 미리 보기")
    expect(page.locator("aside .large")).to_have_text("1,542명이 받습니다")
    page.get_by_text("더 고르기").click()
    page.evaluate("scrollTo(0, 0)")
    keep(page, tmp_path, f"console-new-{name}")
    press(page, "보내기…")
    expect(page.locator("#confirm")).to_be_visible()
    page.wait_for_timeout(300)
    keep(page, tmp_path, f"console-confirm-{name}")
