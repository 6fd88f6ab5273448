"""Whatever goes wrong is a problem document, and nothing of the server's inside is in it."""

from __future__ import annotations

import json
from typing import Any

import trio
from http_world import PASSWORD, open_http

from actors.ports import OutcomeUnknown, StoreUnavailable

ROOMS = "/api/v1/chats/rooms"
SIGN_IN = "/api/v1/auth/token"


def assert_problem(reply: Any, status: int, code: str) -> None:
    assert (reply.status, reply.headers["Content-Type"]) == (status, "application/problem+json")
    assert {"type", "title", "status", "detail", "code"} <= set(reply.json)
    assert (reply.json["status"], reply.json["code"]) == (status, code)
    assert reply.json["type"] == f"/docs#{code}"
    assert "Traceback" not in reply.text
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


async def test_bodies_that_are_no_json_are_bad_frames(database_url: str) -> None:
    async with open_http(database_url) as http:
        for raw in (
            b"",
            b"{",
            b'{"username": "a", "password": "b"} x',
            b"\xff\xfe",
            b'{"username": "minji", "password": "pw", "more": "\xff"}',
            b"\xef\xbb\xbf{}",
            b'{"more":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
            b'{"a":' * 100_000,
            b"[" * 200_000,
            b'{"username": "minji", "password": NaN}',
            b'{"username": "minji", "password": "a\nb"}',
        ):
            reply = await http.ask("POST", SIGN_IN, raw=raw)
            assert_problem(reply, 400, "bad_frame")
            assert "frame" not in reply.json["title"] + reply.json["detail"]
        for raw in (b"[]", b"[" * 100 + b"]" * 100, b"null", b"7", b'"text"'):
            assert_problem(await http.ask("POST", SIGN_IN, raw=raw), 400, "invalid")
        assert http.log.errors == []


async def test_the_last_of_a_key_given_twice_counts_and_unknown_ones_do_not(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        raw = json.dumps({"username": minji.username, "password": PASSWORD, "ignored": {"a": [1]}})
        twice = raw.replace("{", '{"username": "somebody", ', 1).encode()
        assert (await http.ask("POST", SIGN_IN, raw=twice)).status == 200


async def test_other_media_types_and_compressed_bodies_are_unsupported(database_url: str) -> None:
    async with open_http(database_url) as http:
        for headers in (
            {"Content-Type": "application/x-www-form-urlencoded"},
            {"Content-Type": "text/plain"},
            {"Content-Type": "multipart/form-data; boundary=x"},
            {"Content-Type": ""},
            {"Content-Encoding": "gzip"},
        ):
            reply = await http.ask("POST", SIGN_IN, {"a": 1}, headers=headers)
            assert_problem(reply, 415, "invalid")
            assert reply.json["title"] == "Unsupported Media Type"
            wanted = "uncompressed" if "Content-Encoding" in headers else "application/json"
            assert wanted in reply.json["detail"]


async def test_a_body_over_a_mebibyte_is_too_large(database_url: str) -> None:
    async with open_http(database_url) as http:
        reply = await http.ask("POST", SIGN_IN, raw=b" " * (2**20 + 1))
        assert_problem(reply, 413, "too_large")
        reply = await http.ask("POST", SIGN_IN, raw=b" " * 2**20)
        assert_problem(reply, 400, "bad_frame")


async def test_a_body_that_trickles_is_cut_however_steadily(database_url: str) -> None:
    async with open_http(database_url) as http:
        http.app.config["BODY_TIMEOUT"] = 0.5
        headers = {"Content-Type": "application/json"}
        async with http.client.request(SIGN_IN, method="POST", headers=headers) as connection:
            started = trio.current_time()
            with trio.move_on_after(5):
                while trio.current_time() - started < 2:
                    await connection.send(b" ")
                    await trio.sleep(0.05)
            response = await connection.as_response()
        assert response.status_code == 408
        assert (await response.get_json(force=True))["code"] == "bad_frame"


async def test_unknown_paths_and_methods_are_problems_too(database_url: str) -> None:
    async with open_http(database_url) as http:
        for path in ("/nothing", "/api/v1/me/", "/assets/../pages.py", "/api/v1"):
            assert_problem(await http.ask("GET", path), 404, "not_found")
        for method in ("DELETE", "TRACE", "OPTIONS", "BREW"):
            reply = await http.ask(method, "/api/v1/me")
            assert_problem(reply, 405, "invalid")
            assert "PATCH" in reply.headers["Allow"]
            assert reply.json["title"] == "Method Not Allowed"
            assert reply.json["detail"] == f"this path takes {reply.headers['Allow']}"
            assert "fields" not in reply.json


async def test_wrong_fields_are_told_in_words(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        room = await http.team(minji)
        for method, path, body, fields in (
            ("POST", ROOMS, {"type": "x"}, {"type": "must be one of: direct, matching, team"}),
            (
                "POST",
                f"{ROOMS}/{room}/messages",
                {"body": "b", "mentions": 7},
                {"mentions": "must be a list; each item a string of 1 to 64 characters"},
            ),
            (
                "PATCH",
                "/api/v1/me",
                {"birth_date": "x"},
                {"birth_date": "must be a date such as 1999-12-31"},
            ),
            (
                "PATCH",
                "/api/v1/me",
                {"phone": "x"},
                {"phone": "must be a telephone number such as +82 10-1234-5678"},
            ),
            ("GET", f"{ROOMS}?limit=x", None, {"limit": "must be an integer from 1 to 1000"}),
        ):
            reply = await http.ask(method, path, body, token=minji.token)
            assert_problem(reply, 400, "invalid")
            assert reply.json["fields"] == fields


async def test_paths_that_no_id_can_be_name_nothing(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        for room in ("%00", "x" * 65, "a%0ab", "%20", "%F0%9F%92%A3", "'; DROP TABLE users; --"):
            for path in (f"{ROOMS}/{room}", f"{ROOMS}/{room}/messages"):
                reply = await http.ask("GET", path.replace(" ", "%20"), token=minji.token)
                assert_problem(reply, 404, "not_found")
        assert http.log.errors == []


async def test_a_failure_of_ours_is_logged_and_tells_nothing(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()

        async def fail(*_: object, **__: object) -> None:
            raise ZeroDivisionError("the secret of room 7")

        http.requests.post = fail  # type: ignore[method-assign,assignment]
        path = f"{ROOMS}/any/messages"
        reply = await http.ask("POST", path, {"body": "hi"}, token=minji.token)
        assert_problem(reply, 500, "internal")
        assert "secret" not in reply.text
        assert [error["event"] for error in http.log.errors] == ["request_failed"]


async def test_an_outage_of_the_store_says_when_to_come_again(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        for error in (StoreUnavailable("PostgreSQL: at 10.0.0.7"), OutcomeUnknown("lost")):

            async def fail(*_: object, error: Exception = error, **__: object) -> None:
                raise error

            http.requests.post = fail  # type: ignore[method-assign,assignment]
            path = f"{ROOMS}/any/messages"
            reply = await http.ask("POST", path, {"body": "hi"}, token=minji.token)
            assert_problem(reply, 503, "unavailable")
            assert reply.headers["Retry-After"] == "1"
            assert "10.0.0.7" not in reply.text


async def test_readiness_says_what_is_missing(database_url: str) -> None:
    async with open_http(database_url) as http:
        assert (await http.ask("GET", "/readyz")).json == {"status": "ok"}

        async def away() -> None:
            raise StoreUnavailable("PostgreSQL: at 10.0.0.7")

        http.parts.checks["PostgreSQL"] = away  # type: ignore[index]
        await trio.sleep(1.1)
        reply = await http.ask("GET", "/readyz")
        assert_problem(reply, 503, "unavailable")
        assert reply.json["fields"] == {"PostgreSQL": "does not answer"}
        assert (await http.ask("GET", "/healthz")).status == 200


async def test_authorization_headers_of_all_kinds_are_refused_alike(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        for value in (
            "",
            "Bearer",
            "Bearer ",
            f"Basic {minji.token}",
            minji.token,
            f"Bearer {minji.token}x",
            f"Bearer {minji.token} x",
            "Bearer " + "x" * 9000,
            "Bearer é",
        ):
            reply = await http.ask("GET", "/api/v1/me", headers={"Authorization": value})
            assert_problem(reply, 401, "unauthenticated")
        reply = await http.ask(
            "GET", "/api/v1/me", headers={"Authorization": f"bearer {minji.token}"}
        )
        assert reply.status == 200
        query = await http.ask("GET", f"/api/v1/me?token={minji.token}")
        assert query.status == 401
