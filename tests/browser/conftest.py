"""A real server, a real Chromium, and people who use the page.

Playwright's synchronous API keeps an asyncio loop in its thread while it lives, so it lives for one
module of tests and no longer.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bell import KAKAO_SECRET
from campaign_server import CampaignServer, campaign_server
from people import PATIENCE, Line, OpenWindow, Person, SignUp, ask
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect, sync_playwright
from relay import Relay

ROOT = Path(__file__).parents[2]
expect.set_options(timeout=PATIENCE)
COMMAND = [sys.executable, "-m", "server", "serve", "--host", "127.0.0.1", "--port", "0"]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; without one the tests of the page are skipped."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((path for path in map(shutil.which, names) if path), None)
    if path is None:
        missing = "no Chromium: the tests of the page in a browser did not run"
        (pytest.fail if os.environ.get("REQUIRE_ALL") == "1" else pytest.skip)(missing)
    return path


@pytest.fixture(scope="session")
def address(chromium: str, open_folder: Path) -> Iterator[str]:
    """The address of a server with data of its own, and a bot in KakaoTalk."""
    log = (open_folder / "page-server.log").open("w+")
    command = [*COMMAND, "--data", str(open_folder / "page-data")]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MADANG_")}
    own = {**plain, "MADANG_KAKAO_BOT_SECRET": KAKAO_SECRET}
    server = subprocess.Popen(
        command, cwd=ROOT, env=own, stdout=subprocess.PIPE, stderr=log, text=True
    )
    assert server.stdout is not None
    for line in server.stdout:
        if line.startswith("ready "):
            yield line.split()[1]
            break
    else:
        log.seek(0)
        pytest.fail(f"the server did not start:\n{log.read()[-3000:]}")
    server.terminate()
    server.communicate(timeout=20)
    log.close()


@pytest.fixture(scope="session")
def campaigns(chromium: str, open_folder: Path) -> Iterator[CampaignServer]:
    """A server that sends campaigns, slowly by its provider, to people of these regions."""
    people = {"seoul": 12, "busan": 60, "daegu": 8, "jeju": 20, "ulsan": 4}
    with campaign_server(open_folder / "campaigns", people, rate=10) as running:
        yield running


@pytest.fixture(scope="session")
def boss(campaigns: CampaignServer) -> Person:
    """An admin of that server."""
    return campaigns.admin("boss")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        # trio-asyncio, once imported, hands out loops of its own, on which playwright cannot run.
        patch.setattr(asyncio, "new_event_loop", asyncio.SelectorEventLoop)
        playwright = sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield browser
    browser.close()
    playwright.stop()


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def person(address: str, numbers: Iterator[int]) -> SignUp:
    """Sign somebody up under a name."""

    def sign_up(name: str) -> Person:
        username, password = f"someone{next(numbers)}", "a courtyard in spring"
        body = {"username": username, "password": password, "name": name}
        session = ask(address, "POST", "/users", body)
        return Person(address, session["user"]["id"], username, name, password, session)

    return sign_up


@pytest.fixture
def window(browser: Browser, address: str) -> Iterator[OpenWindow]:
    """Open a window of one's own: signed in when a person is given, in a room when one is named.

    At the end no window may have met an error in a script or gone against the content policy.
    """
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def heard(text: str) -> None:
        if "Content Security Policy" in text:
            wrong.append(text)

    def opened(dialog: Dialog) -> None:
        wrong.append(f"a dialog opened: {dialog.message}")
        dialog.dismiss()

    def open_window(
        person: Person | None = None, room: str = "", *, at: str = address, **options: Any
    ) -> Page:
        kept = {"cookies": [], "origins": [signed_in(at, person)] if person else []}
        context = browser.new_context(**{"locale": "ko-KR", "storage_state": kept, **options})
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: heard(message.text))
        page.on("dialog", opened)
        if room:
            enter(page, at, room)
        else:
            page.goto(f"{at}/")
        page.wait_for_selector("#starting", state="hidden")  # words come after the load event
        if person:
            page.wait_for_selector("#no-rooms", state="attached")  # the rooms are known
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert not wrong


def enter(page: Page, address: str, room: str) -> None:
    """Go into *room*, and wait for its log and its members: with each the rows are drawn anew."""
    with page.expect_response(f"**/chats/rooms/{room}"):
        page.goto(f"{address}/#/room/{room}")
    page.wait_for_selector("#log[aria-busy=false]", state="attached")
    page.wait_for_selector("#room-about:not(:empty)", state="attached")


def signed_in(address: str, person: Person) -> dict[str, Any]:
    """What a browser keeps of somebody who chose to stay signed in."""
    session = {"name": "madang.session", "value": json.dumps(person.session)}
    return {"origin": address, "localStorage": [session]}


@pytest.fixture
def relay(address: str) -> Iterator[Relay]:
    relay = Relay(address)
    yield relay
    relay.close()


@pytest.fixture
def line(window: OpenWindow, person: SignUp, relay: Relay) -> Line:
    minji, junho = person("민지"), person("준호")
    room = minji.room("끊김", junho)
    cut, whole = window(minji, room, at=relay.address), window(junho, room)
    return Line(minji, junho, room, cut, whole)
