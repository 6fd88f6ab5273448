"""Campaigns through the HTTP application: people of some age, calls of an admin, and a provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import trio
from http_world import KEY, HttpWorld, Person, Reply, open_http
from provider_server import Exchange, ProviderServer, Received, serving

from server.settings import Place, Settings, read_settings

PATH = "/api/admin/messages"
SEND = PATH + "/send"
RUNNING = {"CREATED", "SCHEDULED", "IN_PROGRESS", "PROCESSING_BATCH", "SENDING_MESSAGES"}
IN_THEIR_TWENTIES = "2003-05-05"
COUPON = "할인 쿠폰이 발급되었습니다!"
ADVERTISING = "(광고) 마당 봄맞이 할인! 무료수신거부 080-123-4567"

BULK = """
INSERT INTO users (user_id, username, birth_date, phone)
SELECT 'bulk' || n, 'bulk' || n, $2::text::date, '010-' || n FROM generate_series(1, $1) AS n"""


class Provider(NamedTuple):
    """Takes messages, but for those that ``refuses`` names, while ``open`` is set. It calls them by
    their own ids, but that of the first by what is none.
    """

    server: ProviderServer
    refuses: set[str]
    open: list[trio.Event]

    def messages(self) -> list[Mapping[str, Any]]:
        return [each.json() for each in self.server.received]

    def phones(self) -> list[str]:
        return sorted(each["to"] for each in self.messages())


@asynccontextmanager
async def a_provider() -> AsyncIterator[Provider]:
    refuses: set[str] = set()
    gate = [trio.Event()]
    gate[0].set()

    async def play(exchange: Exchange) -> bool:
        received = await exchange.request()
        if received is None:
            return False
        await gate[0].wait()
        if _phone(received) in refuses:
            return await exchange.answer(422)
        is_first = _phone(received).endswith("0000")
        name = f'=1+2"{_phone(received)}' if is_first else received.json()["id"]
        return await exchange.accept(name)

    async with serving(play) as server:
        yield Provider(server, refuses, gate)


def _phone(received: Received) -> str:
    return str(received.json()["to"])


def settings_for(provider: Provider | None, **more: str) -> Settings:
    environ = {"MADANG_PRIVATE_ADDRESSES": "1", **more}
    if provider is not None:
        environ |= {
            "MADANG_MESSAGE_API_URL": f"http://127.0.0.1:{provider.server.port}/v1",
            "MADANG_MESSAGE_API_KEY": "key",
            "MADANG_MESSAGE_API_RATE": more.get("MADANG_MESSAGE_API_RATE", "1000"),
        }
    place = Place(Path("data"), None, None)
    return read_settings(environ, place, host="127.0.0.1", port=0, token_key=KEY)


class Office:
    """An admin who sends campaigns."""

    def __init__(self, http: HttpWorld, admin: Person) -> None:
        self.http, self.admin = http, admin

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> Reply:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.ask(
            method, path, body, token=self.admin.token, key=key, headers=said
        )

    async def send(self, *, key: str | None = None, **fields: Any) -> Any:
        """The data of a new job."""
        body = {"ageGroup": "TWENTIES", "message": COUPON, **fields}
        reply = await self.ask("POST", SEND, body, key=key)
        assert reply.status == 202, reply
        return reply.json["data"]

    async def status(self, job: str) -> Any:
        reply = await self.ask("GET", f"{SEND}/{job}/status")
        assert reply.status == 200, reply
        return reply.json["data"]

    async def over(self, job: str) -> Any:
        """The job, once it rests or is over."""
        return await self.until(job, lambda data: data["status"] not in RUNNING)

    async def until(self, job: str, holds: Callable[[Any], bool]) -> Any:
        with trio.fail_after(30):
            while not holds(data := await self.status(job)):  # noqa: ASYNC110 - as clients do
                await trio.sleep(0.05)
        return data

    async def results(self, job: str, query: str = "") -> Any:
        reply = await self.ask("GET", f"{SEND}/{job}/results{query}")
        assert reply.status == 200, reply
        return reply.json["data"]

    async def by_phone(self, job: str) -> dict[str, tuple[str, str | None]]:
        """What became of each, by his phone."""
        rows = await self.http.database.fetch("SELECT user_id, phone FROM users")
        phones = {row["user_id"]: row["phone"] for row in rows}
        items = (await self.results(job, "?limit=200"))["items"]
        return {phones[each["userId"]]: (each["status"], each["reason"]) for each in items}

    async def audit(self) -> list[tuple[str, Any, Mapping[str, Any]]]:
        """Actions on campaigns but for looks at jobs, their counts and details, oldest first."""
        reply = await self.ask("GET", "/api/v1/admin/audit?limit=200")
        assert reply.status == 200, reply
        entries = [each for each in reply.json["items"] if each["action"].startswith("campaign")]
        assert all(each["actor"] == self.admin.id for each in entries)
        assert all(each["address"] == "127.0.0.1" for each in entries)
        return [
            (each["action"], each.get("count"), each["details"])
            for each in reversed(entries)
            if each["action"] not in ("campaign.show", "campaign.list")
        ]


async def people(http: HttpWorld, count: int, born: str = IN_THEIR_TWENTIES) -> list[Person]:
    """People with phones 010-1, 010-2, …"""
    found = []
    for number in range(count):
        person = await http.person()
        profile = {"birth_date": born, "phone": f"010-1111-{number:04}"}
        reply = await http.ask("PATCH", "/api/v1/me", profile, token=person.token)
        assert reply.status == 200, reply
        found.append(person)
    return found


async def crowd(http: HttpWorld, count: int, born: str = IN_THEIR_TWENTIES) -> None:
    """Many people who never sign in."""
    await http.database.execute(BULK, count, born)


async def consent(http: HttpWorld, person: Person, *, given: bool) -> Any:
    path, body = "/api/v1/users/me/consents", {"advertising": given}
    reply = await http.ask("PUT", path, body, token=person.token)
    assert reply.status == 200, reply
    return reply.json


@asynccontextmanager
async def an_office(database_url: str, settings: Settings | None = None) -> AsyncIterator[Office]:
    async with open_http(database_url, settings=settings) as http:
        yield Office(http, await http.admin())


@asynccontextmanager
async def office_and_provider(database_url: str) -> AsyncIterator[tuple[Office, Provider]]:
    async with (
        a_provider() as provider,
        an_office(database_url, settings_for(provider)) as office,
    ):
        yield office, provider
