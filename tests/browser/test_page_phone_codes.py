"""AlimTalk to one's own phone, in the page: a code comes there, and is said here."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from bell import api, settings, way
from campaign_server import CampaignServer, campaign_server
from people import OpenWindow, Person, ask
from playwright.sync_api import expect

PHONE = "01012345678"


class Phones(ThreadingHTTPServer):
    """SENS, whose phones say what came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.came: list[tuple[str, str]] = []

    def code(self) -> str:
        phone, content = self.came[-1]
        found = re.search(r"\b\d{6}\b", content)
        assert phone == PHONE and found is not None
        return found[0]


class Requests(BaseHTTPRequestHandler):
    """One connection."""

    server: Phones
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        [message] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"]
        self.server.came.append((message["to"], message["content"]))
        content = json.dumps({"messages": [{"requestStatusCode": "A000"}]}).encode()
        self.send_response(202)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def phones() -> Iterator[Phones]:
    phones = Phones()
    threading.Thread(target=phones.serve_forever, daemon=True).start()
    yield phones
    phones.shutdown()
    phones.server_close()


@pytest.fixture(scope="module")
def told(chromium: str, open_folder: Path, phones: Phones) -> Iterator[CampaignServer]:
    """A server that sends AlimTalk."""
    environ = {
        "MADANG_SENS_API_URL": f"http://127.0.0.1:{phones.server_port}",
        "MADANG_SENS_ACCESS_KEY": "access",
        "MADANG_SENS_SECRET_KEY": "secret",
        "MADANG_SENS_SERVICE_ID": "ncp:kkobizmsg:kr:1:madang",
        "MADANG_SENS_CHANNEL": "@madang",
        "MADANG_SENS_TEMPLATES": "*=told,verification=code",
    }
    with campaign_server(open_folder / "phones", {}, rate=10, **environ) as running:
        yield running


def with_phone(told: CampaignServer, username: str) -> Person:
    person = told.person(username)
    token = person.session["token"]
    ask(person.address, "PATCH", "/me", {"phone": PHONE}, token=token)
    return person


def test_the_code_that_came_to_the_phone_adds_it(
    window: OpenWindow, told: CampaignServer, phones: Phones
) -> None:
    page = window(with_phone(told, "minji"), at=told.address)
    dialog = settings(page)
    kakao = way(dialog, "kakao")
    field = kakao.get_by_label("인증번호")
    expect(field).to_be_hidden()
    kakao.get_by_role("button", name="내 전화번호로").click()
    expect(field).to_be_focused()
    expect(kakao.get_by_role("status").filter(visible=True)).to_contain_text(
        "010…5678에 알림톡으로 인증번호를 보냈습니다."
    )
    row = dialog.get_by_role("list", name="받는 곳").get_by_role("listitem")
    field.fill(f"{(int(phones.code()) + 1) % 1_000_000:06}")
    field.press("Enter")
    expect(kakao.get_by_role("alert").filter(visible=True).last).to_have_text(
        "인증번호가 틀렸거나 끝났습니다."
    )
    expect(row).to_have_count(0)
    field.fill(phones.code())
    kakao.get_by_role("button", name="확인").click()
    expect(row).to_contain_text("알림톡 · 010…5678")
    expect(field).to_be_hidden()


def test_without_a_phone_or_with_too_many_codes_it_is_said(
    window: OpenWindow, told: CampaignServer
) -> None:
    junho = told.person("junho")
    page = window(junho, at=told.address)
    kakao = way(settings(page), "kakao")
    button = kakao.get_by_role("button", name="내 전화번호로")
    button.click()
    alert = kakao.get_by_role("alert").first
    expect(alert).to_contain_text("휴대전화 번호가 없습니다.")
    token = junho.session["token"]
    ask(junho.address, "PATCH", "/me", {"phone": "01087654321"}, token=token)
    for _ in range(2):
        assert "label" in api(junho, "POST", "/endpoints/kakao", {})
    button.click()
    expect(alert).not_to_contain_text("휴대전화")
    expect(alert).not_to_be_empty()
