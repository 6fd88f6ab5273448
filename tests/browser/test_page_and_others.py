"""Two windows and two clients of other makes in one room see the same, in the same order."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgpack
from people import OpenWindow, Person, SignUp, write
from playwright.sync_api import expect
from websockets.sync.client import ClientConnection, connect

EACH = 20


def test_two_windows_and_two_other_clients_see_one_order(
    window: OpenWindow, person: SignUp, address: str
) -> None:
    mina, joon, sora, dan = (person(name) for name in ("미나", "준", "소라", "Dan"))
    room = mina.room("한자리", joon, sora, dan)
    one, other = window(mina, room), window(joon, room)
    url = address.replace("http", "ws") + "/ws"
    kinds: Any = [["madang.v1.msgpack"], ["madang.v1.json"]]
    with (
        connect(url, subprotocols=kinds[0]) as packed,
        connect(url, subprotocols=kinds[1]) as plain,
    ):
        enter(packed, sora, msgpack.packb)
        enter(plain, dan, json.dumps)
        for number in range(EACH):
            say(packed, msgpack.packb, room, f"소라 {number}")
            say(plain, json.dumps, room, f"Dan {number}")
            write(one, f"미나 {number}")
            write(other, f"준 {number}")
        heard = [bodies(packed, msgpack.unpackb), bodies(plain, json.loads)]
    for page in (one, other):
        expect(page.locator(".mine.stored")).to_have_count(EACH)  # and stand where they belong
        expect(page.locator(".bubble")).to_have_count(4 * EACH)
        heard.append(page.locator(".bubble").all_inner_texts())
    events = mina.ask("GET", f"/chats/rooms/{room}/messages?limit=200")["items"]
    stored = [event["body"] for event in events]
    assert len(stored) == 4 * EACH and heard == [stored] * 4


def enter(socket: ClientConnection, who: Person, encode: Callable[[object], Any]) -> None:
    socket.send(encode({"t": "hello", "token": who.session["token"]}))
    socket.recv(timeout=10)


def say(socket: ClientConnection, encode: Callable[[object], Any], room: str, body: str) -> None:
    socket.send(encode({"t": "send", "room": room, "id": body, "body": body}))


def bodies(socket: ClientConnection, decode: Callable[[Any], Any]) -> list[str]:
    found: list[str] = []
    while len(found) < 4 * EACH:
        frame = decode(socket.recv(timeout=20))
        if frame["t"] == "message":
            found.append(frame["body"])
    return found
