"""The form of a broadcast: what is wrong with one is said, and leaves nothing."""

from __future__ import annotations

from typing import Any

import pytest
from broadcast_calls import HOUR_MS, PATH, form, items, people, send
from http_world import open_http
from recordings import recorded


@pytest.mark.parametrize(
    ("fields", "blamed"),
    [
        ({"recipient_count": 0}, "recipient_count"),
        ({"recipient_count": 101}, "recipient_count"),
        ({"recipient_count": "ten"}, "recipient_count"),
        ({"recipient_count": ""}, "recipient_count"),
        ({"recipient_count": "1e1"}, "recipient_count"),
        ({"schedule": "soon"}, "schedule"),
        ({"schedule": "null"}, "schedule"),
        ({"gender": "null"}, "gender"),
        ({"age_from": "NULL"}, "age_from"),
        ({"region": " "}, "region"),
        ({"schedule": 2**53 - 1}, "schedule"),
        ({"schedule": "9" * 30}, "schedule"),
        ({"regoin": "서울"}, "regoin"),
        ({"group": "nowhere"}, "group"),
        ({"gender": "x"}, "gender"),
        ({"age_from": 30, "age_to": 20}, "age_to"),
        ({"audio": None}, "audio"),
        ({"audio": b""}, "audio"),
        ({"audio": b"\x1aE\xdf\xa3 no sound"}, "audio"),
        ({"audio": recorded(0.5)}, "audio"),
        ({"audio": recorded(31, "mp3")}, "audio"),
    ],
)
async def test_what_is_wrong_is_said_and_leaves_nothing(
    database_url: str, fields: dict[str, Any], blamed: str
) -> None:
    async with open_http(database_url) as http:
        [ann] = await people(http, 1)
        reply = await send(http, ann, **fields)
        assert (reply.status, reply.json["code"]) == (400, "invalid"), reply
        assert list(reply.json["fields"]) == [blamed], reply
        assert await items(http, ann, "") == []
        mine = await http.ask("GET", "/api/v1/chats/files", token=ann.token)
        assert (mine.json["items"], mine.json["used"]) == ([], 0)


async def test_what_is_wrong_is_said_in_the_words_of_a_form(database_url: str) -> None:
    async with open_http(database_url) as http:
        [ann] = await people(http, 1)
        now_s = http.parts.clock.now_ms() // 1000
        time = "a time in milliseconds since 1970"
        for fields, why in (
            ({"recipient_count": "ten"}, "must be an integer from 1 to 100"),
            ({"recipient_count": 101}, "must be an integer from 1 to 100"),
            ({"gender": "x"}, "must be one of: female, male, other"),
            ({"gender": "null"}, "must be left out where nothing is meant"),
            ({"schedule": "tomorrow"}, f"must be {time}"),
            ({"schedule": now_s}, f"is long past; it must be {time}, not seconds"),
            ({"schedule": now_s * 1000 + 91 * 24 * HOUR_MS}, "must be at most 90 days ahead"),
            ({"audio": b"no sound"}, "is no sound in WebM, Ogg, MP4, MP3, WAV, FLAC or AAC"),
            ({"audio": recorded(32, "mp3")}, "lasts more than 30 s; it must last 1 to 30 s"),
        ):
            reply = await send(http, ann, **fields)
            assert list(reply.json["fields"].values()) == [why], reply
        reply = await http.ask("POST", PATH, token=ann.token, **form())
        assert reply.json["fields"] == {"recipient_count": "missing"}


async def test_a_time_that_has_just_passed_is_at_once(database_url: str) -> None:
    async with open_http(database_url) as http:
        [ann] = await people(http, 1)
        now = http.parts.clock.now_ms()
        for late_ms, status in ((1, 201), (HOUR_MS, 201), (HOUR_MS + 1, 400)):
            assert (await send(http, ann, schedule=now - late_ms)).status == status
        starts = [each["start_at"] for each in await items(http, ann, "")]
        assert starts == [now, now]
