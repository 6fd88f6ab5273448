"""Calendars over HTTP: when one is busy, and the address where calendars find one's meetings."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote

import pytest
import vobject
from http_world import HttpWorld, Person, Reply, open_http

from server.calendars.reading import LARGEST
from server.http.calendar import IMPORTS
from server.http.calendar_feed import LOOKS

PATH = "/api/calendar"
BUSY, FEED, IMPORT = PATH + "/busy", PATH + "/feed", PATH + "/import"
NOW = datetime.fromtimestamp(1_800_000_000, UTC)  # of a world's clock
HOUR = timedelta(hours=1)


def at(hours: float) -> str:
    return (NOW + hours * HOUR).isoformat()


def new_busy(start: float, end: float, title: str = "") -> dict[str, str]:
    return {"startsAt": at(start), "endsAt": at(end), "title": title}


async def ask(http: HttpWorld, person: Person, method: str, path: str, body: Any = None) -> Any:
    reply = await http.ask(method, path, body, token=person.token)
    assert reply.status in (200, 201, 204), reply
    return reply.json


async def refused(
    http: HttpWorld, person: Person, method: str, path: str, body: Any = None
) -> tuple[int, list[str]]:
    reply = await http.ask(method, path, body, token=person.token)
    return reply.status, list(reply.json.get("fields", {}))


async def bring(http: HttpWorld, person: Person, data: bytes, kind: str = "text/calendar") -> Reply:
    return await http.ask(
        "POST", IMPORT, raw=data, token=person.token, headers={"Content-Type": kind}
    )


def file_of(*events: str) -> bytes:
    inside = "".join(f"BEGIN:VEVENT\n{each}\nEND:VEVENT\n" for each in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{inside}END:VCALENDAR\n".encode()


async def test_one_says_when_one_is_busy_and_takes_it_back(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = [await http.person() for _ in range(2)]
        made = await ask(http, ann, "POST", BUSY, new_busy(1, 2, " 치과\u202e\n"))
        assert (made["title"], made["source"]) == ("치과", "own")
        assert datetime.fromisoformat(made["startsAt"]) == NOW + HOUR
        assert (await ask(http, ann, "GET", BUSY))["items"] == [made]
        assert (await ask(http, bob, "GET", BUSY))["items"] == []
        one = f"{BUSY}/{made['id']}"
        assert await refused(http, bob, "DELETE", one) == (404, [])
        await ask(http, ann, "DELETE", one)
        assert await refused(http, ann, "DELETE", one) == (404, [])
        assert (await ask(http, ann, "GET", BUSY))["items"] == []


async def test_busy_times_come_in_pages(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        for hour in range(5):
            await ask(http, ann, "POST", BUSY, new_busy(hour, hour + 0.5, str(hour)))
        seen, path = [], f"{BUSY}?limit=2&from={quote(at(0.75))}&to={quote(at(4))}"
        page = await ask(http, ann, "GET", path)
        while "cursor" in page:
            seen += [each["title"] for each in page["items"]]
            page = await ask(http, ann, "GET", f"{path}&cursor={page['cursor']}")
        assert [*seen, *(each["title"] for each in page["items"])] == ["1", "2", "3"]
        assert await refused(http, ann, "GET", f"{BUSY}?cursor=x") == (400, ["cursor"])
        assert await refused(http, ann, "GET", f"{BUSY}?from=x") == (400, ["from"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (new_busy(2, 1), "endsAt"),
        (new_busy(1, 1), "endsAt"),
        (new_busy(1, 24 * 400), "endsAt"),
        (new_busy(24 * 400, 24 * 400 + 1), "startsAt"),
        (new_busy(-24 * 400, -24 * 400 + 1), "startsAt"),
        (new_busy(1, 2, "x" * 256), "title"),
        ({"startsAt": "2027-01-15T10:00:00", "endsAt": at(1)}, "startsAt"),
    ],
)
async def test_a_time_that_is_none_is_refused(
    database_url: str, body: dict[str, str], field: str
) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        assert await refused(http, ann, "POST", BUSY, body) == (400, [field])


async def test_a_calendar_is_brought_and_takes_the_place_of_the_last(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        await ask(http, ann, "PATCH", "/api/v1/me", {"time_zone": "America/New_York"})
        weekly = "UID:a\nDTSTART:20270201T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=2"
        bad = "UID:b\nSUMMARY:without a beginning"
        reply = await bring(http, ann, file_of(weekly, bad), "text/calendar; charset=utf-8")
        assert (reply.status, reply.json["added"], reply.json["leftOut"]) == (200, 2, 1)
        assert datetime.fromisoformat(reply.json["until"]) == NOW + timedelta(days=366)
        found = (await ask(http, ann, "GET", BUSY))["items"]
        assert [(each["startsAt"][:19], each["source"]) for each in found] == [
            ("2027-02-01T14:00:00", "import"),  # by the clock in New York
            ("2027-02-08T14:00:00", "import"),
        ]
        assert (await bring(http, ann, file_of())).json["added"] == 0
        assert (await ask(http, ann, "GET", BUSY))["items"] == []


async def test_what_is_no_calendar_changes_nothing(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        event = "UID:a\nDTSTART:20270201T090000Z\nDURATION:PT1H"
        assert (await bring(http, ann, file_of(event))).status == 200
        kept = await ask(http, ann, "GET", BUSY)
        for data, kind, status in (
            (b"no calendar", "text/calendar", 400),
            (file_of(), "application/json", 415),
            (b"x" * (LARGEST + 1), "text/calendar", 413),
        ):
            assert (await bring(http, ann, data, kind)).status == status
        assert await ask(http, ann, "GET", BUSY) == kept


async def test_calendars_are_brought_now_and_then(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        codes = [(await bring(http, ann, b"x")).status for _ in range(IMPORTS.burst + 1)]
        assert codes == [400] * IMPORTS.burst + [429]


# ---- the address


async def met(http: HttpWorld, *people: Person) -> str:
    """A meeting of theirs that the first one calls, and confirms."""
    await http.team(*people)
    body = {
        "participantIds": [each.id for each in people[1:]],
        "title": "점심; 함께, 모두",
        "proposedTimes": [{"datetime": at(24)}],
        "proposedLocations": [{"name": "마당"}],
        "timeZone": "Europe/Berlin",
    }
    made = await ask(http, people[0], "POST", "/api/meetings/coordinate", body)
    meeting = str(made.get("id") or made["meetingId"])
    shown = await ask(http, people[0], "GET", f"/api/meetings/{meeting}")
    [time], [place] = shown["proposedTimes"], shown["proposedLocations"]
    choice = {"time": time["id"], "location": place["id"]}
    await ask(http, people[0], "POST", f"/api/meetings/{meeting}/confirm", choice)
    return meeting


async def look(http: HttpWorld, path: str, etag: str = "") -> Reply:
    return await http.ask("GET", path, headers={"If-None-Match": etag} if etag else None)


def events_of(reply: Reply) -> list[Any]:
    assert reply.headers["Content-Type"] == "text/calendar; charset=utf-8"
    return list(getattr(vobject.readOne(reply.text), "vevent_list", []))


async def test_a_calendar_finds_meetings_at_its_address(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, cho = [await http.person() for _ in range(3)]
        path = (await ask(http, bob, "POST", FEED))["path"]
        first = await look(http, path)
        assert (first.status, events_of(first)) == (200, [])
        meeting = await met(http, ann, bob)
        reply = await look(http, path, first.headers["ETag"])
        [event] = events_of(reply)
        assert event.dtstart.value == NOW + 24 * HOUR and event.status.value == "CONFIRMED"
        assert event.dtend.value - event.dtstart.value == HOUR
        assert (event.summary.value, event.location.value) == ("점심; 함께, 모두", "마당")
        assert event.uid.value.startswith(meeting) and "Europe/Berlin" in reply.text
        sequence, etag = int(event.sequence.value), reply.headers["ETag"]
        same = await look(http, path, etag)
        assert (same.status, same.text, same.headers["ETag"]) == (304, "", etag)
        await ask(http, ann, "POST", f"/api/meetings/{meeting}/cancel", {})
        [event] = events_of(await look(http, path, etag))
        assert event.uid.value.startswith(meeting) and event.status.value == "CANCELLED"
        assert int(event.sequence.value) > sequence
        others = (await ask(http, cho, "POST", FEED))["path"]
        assert events_of(await look(http, others)) == []


async def test_an_address_is_told_once_and_can_be_ended(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        assert await ask(http, ann, "GET", FEED) == {"exists": False}
        first = await ask(http, ann, "POST", FEED)
        shown = await ask(http, ann, "GET", FEED)
        assert shown == {"exists": True, "createdAt": first["createdAt"]}
        second = (await ask(http, ann, "POST", FEED))["path"]
        assert first["path"] != second and len(second) > len(FEED) + 43
        assert (await look(http, first["path"])).status == 404
        assert (await look(http, second)).status == 200
        assert (await http.client.head(second)).status_code == 200
        await ask(http, ann, "DELETE", FEED)
        assert (await look(http, second)).status == 404
        assert await ask(http, ann, "GET", FEED) == {"exists": False}


async def test_who_tries_addresses_is_soon_stopped(database_url: str) -> None:
    async with open_http(database_url) as http:
        codes = [(await look(http, f"{FEED}/{n}.ics")).status for n in range(LOOKS.burst + 1)]
        assert codes == [404] * LOOKS.burst + [429]
        http.address = "192.0.2.7"
        assert (await look(http, f"{FEED}/x.ics")).status == 404


async def test_an_address_is_in_no_log(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_http(database_url) as http:

        async def broken(*_: object, **__: object) -> None:
            raise RuntimeError("a line of code")

        ann = await http.person()
        path = (await ask(http, ann, "POST", FEED))["path"]
        token = path.removeprefix(f"{FEED}/").removesuffix(".ics")
        monkeypatch.setattr(http.parts.meetings.calendars, "entries", broken)
        reply = await look(http, path)
        [failed] = http.log.errors
        told = "".join(traceback.format_exception(cast("Exception", failed.pop("exc_info"))))
        assert reply.status == 500 and token not in reply.text
        assert "a line of code" in told and token not in told and token not in repr(failed)
