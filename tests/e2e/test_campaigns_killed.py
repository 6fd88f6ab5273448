"""A campaign through a provider that fails and cuts, on a server that is killed: nobody twice.

``CAMPAIGN_PEOPLE=100000 CAMPAIGN_KILLS=20`` makes it as large as it should stand; after each kill
the job waits for the end of its lease, a quarter of a minute.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from provider_server import Exchange
from provider_thread import provider_of
from running_server import RunningServer

from server.lifecycle import backends

PEOPLE = int(os.environ.get("CAMPAIGN_PEOPLE", "1500"))
KILLS = int(os.environ.get("CAMPAIGN_KILLS", "1"))
SEND = "/api/admin/messages/send"
OVER = {"COMPLETED", "PARTIALLY_FAILED", "FAILED", "CANCELLED", "PAUSED"}
ADD = """
INSERT INTO users (user_id, username, birth_date, phone)
SELECT 'bulk' || n, 'bulk' || n, current_date - 25 * 365, '010-' || n
FROM generate_series(1, %s) AS n"""
LEDGER = "SELECT user_no, status FROM bulk_message_recipients"
MESSAGES = """
SELECT count(*), max(count) FROM (
    SELECT count(*) FROM room_events WHERE client_id = %s GROUP BY room_no
) in_each"""


class Provider:
    """Fails with 5 % of the messages, and takes 1 % without a word; for good, each by its id."""

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()
        self._fails = Counter[str]()

    async def play(self, exchange: Exchange) -> bool:
        received = await exchange.request()
        if received is None:
            return False
        name = received.json()["id"]
        chance = random.Random(name).random()  # noqa: S311 - the same for the same message
        if chance < 0.05 and not self._fails[name]:
            self._fails[name] += 1
            return await exchange.answer(503)
        self.accepted[name] += 1
        if chance > 0.99:
            return await exchange.reset()
        return await exchange.accept(name)


@contextmanager
def database(data: Path) -> Iterator[psycopg.Connection[Any]]:
    with (
        backends(data, None, None, role="command") as running,
        psycopg.connect(running.database_url, autocommit=True) as connection,
    ):
        yield connection


@pytest.mark.timeout(3_600)
def test_kills_at_any_moment_send_to_nobody_twice(open_folder: Path) -> None:
    provider = Provider()
    with provider_of(provider.play) as port:
        environ = {
            "MADANG_PRIVATE_ADDRESSES": "1",
            "MADANG_MESSAGE_API_URL": f"http://127.0.0.1:{port}/v1",
            "MADANG_MESSAGE_API_KEY": "key",
            "MADANG_MESSAGE_API_RATE": "0",
        }
        with RunningServer(open_folder / "killed", **environ) as server:
            done = sent_through_kills(server, "http", PEOPLE)
            with database(server.data) as rows:
                ledger = dict(rows.execute(LEDGER).fetchall())
    check(done, Counter(ledger.values()))
    assert max(provider.accepted.values()) == 1, "the provider took each at most once"
    taken = {int(name.rpartition("-")[2]) for name in provider.accepted}
    by_state = {
        state: {who for who in ledger if ledger[who] == state} for state in set(ledger.values())
    }
    assert by_state["sent"] <= taken
    assert taken <= by_state["sent"] | by_state.get("unknown", set())


@pytest.mark.timeout(3_600)
def test_kills_in_the_app_leave_one_message_with_each(open_folder: Path) -> None:
    people = 10 * PEOPLE  # it is that much faster
    with RunningServer(open_folder / "killed-in-app") as server:
        done = sent_through_kills(server, "in_app", people)
        with database(server.data) as rows:
            ledger = Counter(dict(rows.execute(LEDGER).fetchall()).values())
            (rooms, most), *_ = rows.execute(MESSAGES, [f"campaign-{done['jobId']}"]).fetchall()
    assert (done["status"], done["successCount"]) == ("COMPLETED", people)
    assert ledger == {"delivered": people}
    assert (rooms, most) == (people, 1)


def sent_through_kills(server: RunningServer, channel: str, people: int) -> Any:
    """How a job to so many stands in the end, whose server was killed on the way."""
    chance = random.Random(7)  # noqa: S311 - the same moments each time
    admin = server.sign_up("admin")
    with database(server.data) as rows:
        rows.execute("UPDATE users SET role = 'admin' WHERE user_id = %s", [admin.id])
        rows.execute(ADD, [people])
    body = {"ageGroup": "TWENTIES", "message": "안내입니다", "channel": channel}
    job = server.call("POST", SEND, body, token=admin.token)["data"]["jobId"]
    for number in range(KILLS):
        wait_for(server, admin.token, job, people * number // (KILLS + 1))
        time.sleep(chance.random() * 0.5)
        server.kill()
        server.start()
    return wait_for(server, admin.token, job, people)


def wait_for(server: RunningServer, token: str, job: str, settled: int) -> Any:
    """The job, once so many are settled or it is over."""
    deadline = time.monotonic() + 600
    while True:
        data = server.call("GET", f"{SEND}/{job}/status", token=token)["data"]
        names = ("successCount", "failureCount", "unknownCount", "skippedCount")
        if data["status"] in OVER or (
            settled < data["totalUsers"] and sum(map(data.get, names)) >= settled
        ):
            return data
        assert time.monotonic() < deadline, data
        time.sleep(0.1)


def check(done: Any, ledger: Counter[str]) -> None:
    assert done["status"] == "PARTIALLY_FAILED", done
    assert set(ledger) <= {"sent", "unknown", "failed"}, "each has one state that is final"
    assert ledger.total() == done["totalUsers"] == PEOPLE
    counts = (done["successCount"], done["unknownCount"], done["failureCount"])
    assert counts == (ledger["sent"], ledger["unknown"], ledger["failed"])
    assert ledger["sent"] > PEOPLE * 0.9 - KILLS * 500, done
