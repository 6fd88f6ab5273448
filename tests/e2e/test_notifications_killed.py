"""Notifications on a server that is killed, through a provider that cuts: none lost, none twice.

``NOTIFICATIONS=20000 NOTIFICATION_KILLS=20`` makes it as large as it should stand.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psycopg
import pytest
from provider_server import Exchange
from provider_thread import provider_of
from running_server import RunningServer

from server.lifecycle import backends

COUNT = int(os.environ.get("NOTIFICATIONS", "1200"))
KILLS = int(os.environ.get("NOTIFICATION_KILLS", "2"))
PEOPLE, BATCH = 20, 100
BEGUN = 100  # that may be under way, or not recorded, when a server is killed
UNHEARD = 0.02  # of what was taken
API = "/api/notifications"
ENDED = "SELECT count(*) FROM notification_queue WHERE status <> 'pending'"
LEGS = """
SELECT q.title, d.platform, d.state FROM notification_deliveries d
JOIN notification_queue q USING (notification_no)"""
SHOWN = "SELECT title, count(*) FROM notifications GROUP BY title"


class Discord:
    """Takes messages to webhooks; of some nobody hears that it did."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    async def play(self, exchange: Exchange) -> bool:
        received = await exchange.request()
        if received is None:
            return False
        title = plain(received.json()["embeds"][0]["title"]).removeprefix("공지: ")
        self.taken[title] += 1
        if random.Random(title).random() < UNHEARD:  # noqa: S311 - the same for the same one
            return await exchange.reset()
        number = str(10**17 + self.taken.total())
        return await exchange.answer(200, b'{"id": "%s"}' % number.encode())


def plain(text: str) -> str:
    """What Discord shows of it."""
    return re.sub(r"\\(.)", r"\1", text)


@contextmanager
def rows(data: Path) -> Iterator[psycopg.Connection[Any]]:
    with (
        backends(data, None, None, role="command") as running,
        psycopg.connect(running.database_url, autocommit=True) as connection,
    ):
        yield connection


@pytest.mark.timeout(3_600)
def test_kills_at_any_moment_lose_nothing_and_double_nothing(open_folder: Path) -> None:
    discord = Discord()
    with provider_of(discord.play) as port:
        environ = {
            "MADANG_PRIVATE_ADDRESSES": "1",
            "MADANG_DISCORD_API_URL": f"http://127.0.0.1:{port}/api/v10",
            "MADANG_NOTIFICATION_DIGEST_S": "0",
            "MADANG_NOTIFICATION_DISCORD_PER_HOUR": "0",
        }
        with RunningServer(open_folder / "notified", **environ) as server:
            people = [server.sign_up(f"person{number}") for number in range(PEOPLE)]
            for number, person in enumerate(people):
                url = f"https://discord.com/api/webhooks/{10**17 + number}/{number:0>40}"
                body = {"webhookUrl": url}
                server.call("POST", f"{API}/endpoints/discord", body, token=person.token)
            killing = threading.Thread(target=kill_now_and_then, args=(server,))
            sent_through_kills(server, [person.id for person in people], killing)
            with rows(server.data) as found:
                wait_for_all(found)
                legs = found.execute(LEGS).fetchall()
                shown = dict(found.execute(SHOWN).fetchall())
    check(legs, shown, discord.taken)


def check(legs: list[Any], shown: dict[str, int], taken: Counter[str]) -> None:
    titles = {title_of(number) for number in range(COUNT)}
    on_the_web = [title for title, platform, _ in legs if platform == "web"]
    assert Counter(on_the_web) == Counter(titles), "each is kept once, whoever was killed"
    assert shown == dict.fromkeys(titles, 1)
    outside = {title: state for title, platform, state in legs if platform == "discord"}
    assert set(outside.values()) <= {"sent", "unknown"}, Counter(outside.values())
    assert max(taken.values()) == 1, "Discord took each at most once"
    sent = {title for title, state in outside.items() if state == "sent"}
    assert sent <= taken.keys() <= outside.keys()
    unsure = len(outside) - len(sent)
    assert unsure <= KILLS * BEGUN + UNHEARD * COUNT * 2, unsure


def sent_through_kills(server: RunningServer, people: list[str], killing: threading.Thread) -> None:
    """All of them, batch by batch, each until the server has said that it is kept."""
    admin = server.sign_up("admin")
    with rows(server.data) as found:
        found.execute("UPDATE users SET role = 'admin' WHERE user_id = %s", [admin.id])
    killing.start()
    for first in range(0, COUNT, BATCH):
        body = {"notifications": [one(number, people) for number in range(first, first + BATCH)]}
        while not is_kept(server, body, admin.token):
            time.sleep(0.05)
    killing.join()


def is_kept(server: RunningServer, body: object, token: str) -> bool:
    with suppress(OSError, HTTPException):  # it was killed in the midst of an answer
        kept = server.call("POST", f"{API}/send/batch", body, token=token)["results"]
        assert all("id" in each for each in kept), kept
        return True
    return False


def kill_now_and_then(server: RunningServer) -> None:
    chance = random.Random(7)  # noqa: S311 - the same moments each time
    for _ in range(KILLS):
        time.sleep(0.3 + chance.random() * 1.5)
        server.kill()
        server.start()


def one(number: int, people: list[str]) -> object:
    return {
        "recipientId": people[number % len(people)],
        "type": "system.announcement",
        "title": title_of(number),
        "message": "안내입니다",
        "platforms": ["web", "discord"],
        "dedupeKey": str(number),
    }


def title_of(number: int) -> str:
    return f"no {number}"


def wait_for_all(found: psycopg.Connection[Any]) -> None:
    deadline = time.monotonic() + 600
    while True:
        [ended] = found.execute(ENDED).fetchone() or (0,)
        if ended == COUNT:
            return
        assert time.monotonic() < deadline, ended
        time.sleep(0.2)
