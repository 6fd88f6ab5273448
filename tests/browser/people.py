"""People of a test, and what they do over HTTP."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from playwright.sync_api import Page

PATIENCE = 15_000  # milliseconds; a machine may be busy
STEP = 20


@dataclass(frozen=True)
class Person:
    """A signed-up person, who may also do things over HTTP."""

    address: str
    id: str
    username: str
    name: str
    password: str
    session: dict[str, Any]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        return ask(self.address, method, path, body, token=self.session["token"])

    def room(self, name: str, *others: Person) -> str:
        """A new team room of this person's with *others* in it."""
        members = [other.id for other in others]
        made = self.ask("POST", "/chats/rooms", {"type": "team", "name": name, "members": members})
        return str(made["id"])

    def flood(self, room: str, count: int) -> None:
        """That many messages, in no order to rely on."""
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda number: self.say(room, f"밀린 말 {number}"), range(count)))

    def say(self, room: str, *bodies: str) -> None:
        for body in bodies:
            self.ask("POST", f"/chats/rooms/{room}/messages", {"body": body})


def ask(
    address: str,
    method: str,
    path: str,
    body: object = None,
    *,
    token: str = "",
    root: str = "/api/v1",
) -> Any:
    """One request to the HTTP interface."""
    url = f"{address}{root}{path}"
    request = urllib.request.Request(url, method=method)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, data, timeout=20) as answer:
        return json.loads(answer.read() or b"null")


SignUp = Callable[[str], Person]


class OpenWindow(Protocol):
    """Opens a window, signed in when a person is given, in a room when one is named."""

    def __call__(
        self, person: Person | None = None, room: str = "", *, at: str = ..., **options: Any
    ) -> Page: ...


class Line(NamedTuple):
    """Two people in a room; the way of the first one's window to the server can be cut."""

    minji: Person
    junho: Person
    room: str
    cut: Page
    whole: Page


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Let *page* go on until something *holds* that shows nowhere in it."""
    for _ in range(PATIENCE // STEP):
        if holds():
            return
        page.wait_for_timeout(STEP)
    raise AssertionError("it never came to be")


def write(page: Page, body: str) -> None:
    """Write a message and press Enter."""
    page.fill("#body", body)
    page.press("#body", "Enter")
