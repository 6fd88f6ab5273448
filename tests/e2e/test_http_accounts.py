"""Signing up, in and out; the profile and the password; what admins do."""

from __future__ import annotations

import unicodedata
from typing import Any
from urllib.parse import quote

from http_world import PASSWORD, MovableClock, open_http

from server.http.ports import Rate
from server.http.schemas import DemoAccount


async def test_who_signs_up_is_signed_in_and_can_sign_in_again(database_url: str) -> None:
    async with open_http(database_url) as http:
        body = {"username": "minji", "password": PASSWORD, "name": "민지"}
        made = await http.ask("POST", "/api/v1/users", body)
        assert made.status == 201
        assert made.json["user"]["name"] == "민지"
        assert made.json["expires_at"] > http.parts.clock.now_ms()
        again = await http.ask("POST", "/api/v1/auth/token", {**body, "username": "MINJI"})
        assert again.status == 200
        assert again.json["user"]["id"] == made.json["user"]["id"]
        for token in (made.json["token"], again.json["token"]):
            me = await http.ask("GET", "/api/v1/me", token=token)
            assert me.status == 200
            assert me.json["last_sign_in_at"] == http.parts.clock.now_ms()
            assert (me.json["role"], me.json["status"], me.json["time_zone"]) == (
                "user",
                "active",
                "Asia/Seoul",
            )


async def test_a_username_is_taken_in_every_case_and_composition(database_url: str) -> None:
    async with open_http(database_url) as http:
        await http.person("Minji")
        await http.person("가나")
        for username in ("minji", "MINJI", "\u1100\u1161\u1102\u1161"):
            body = {"username": username, "password": PASSWORD}
            reply = await http.ask("POST", "/api/v1/users", body)
            assert (reply.status, reply.json["code"]) == (409, "conflict")
            assert "username" in reply.json["fields"]


NONSENSE: list[tuple[str, Any]] = [
    ("username", "a"),
    ("username", "x" * 33),
    ("username", "x" * 65),
    ("username", "two words"),
    ("username", "a/b"),
    ("username", "a\u202eb"),
    ("username", "nul\x00"),
    ("username", "유쾌한여우"),
    ("username", unicodedata.normalize("NFD", "유쾌한여우64")),
    ("username", 7),
    ("username", None),
    ("password", ""),
    ("password", "x" * 257),
    ("password", "x" * 1_000_000),
    ("name", "two\nlines"),
    ("name", "x" * 65),
    ("name", "bell\x07"),
    ("name", "\ud800"),
]


async def test_nonsense_is_refused_with_the_field_that_is_wrong(database_url: str) -> None:
    async with open_http(database_url) as http:
        for field, value in NONSENSE:
            body = {"username": "minji", "password": PASSWORD, field: value}
            reply = await http.ask("POST", "/api/v1/users", body)
            assert (reply.status, reply.json["code"]) == (400, "invalid"), (field, value)
            assert list(reply.json["fields"]) == [field]


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        answers = [
            await http.ask("POST", "/api/v1/auth/token", {"username": name, "password": "wrong"})
            for name in (minji.username, "nobody")
        ]
        assert [reply.status for reply in answers] == [401, 401]
        assert answers[0].json == answers[1].json


async def test_signing_out_revokes_that_token_alone(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        body = {"username": minji.username, "password": PASSWORD}
        other = (await http.ask("POST", "/api/v1/auth/token", body)).json["token"]
        assert (await http.ask("POST", "/api/v1/auth/logout", token=minji.token)).status == 204
        assert (await http.ask("GET", "/api/v1/me", token=minji.token)).status == 401
        assert (await http.ask("GET", "/api/v1/me", token=other)).status == 200
        user, jti, code = http.requests.signed_out[-1]
        assert (user, code) == (minji.id, 4501)
        assert jti is not None


async def test_a_new_password_revokes_every_token_but_the_fresh_one(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        body = {"current_password": PASSWORD, "new_password": "another secret"}
        fresh = await http.ask("PUT", "/api/v1/me/password", body, token=minji.token)
        assert fresh.status == 200
        assert http.requests.signed_out == [(minji.id, None, 4501)]
        assert (await http.ask("GET", "/api/v1/me", token=minji.token)).status == 401
        assert (await http.ask("GET", "/api/v1/me", token=fresh.json["token"])).status == 200
        sign_in = {"username": minji.username, "password": PASSWORD}
        assert (await http.ask("POST", "/api/v1/auth/token", sign_in)).status == 401
        sign_in["password"] = "another secret"
        reply = await http.ask("POST", "/api/v1/auth/token", sign_in)
        # In that same second, and signed in a moment ago: this token holds too.
        assert (await http.ask("GET", "/api/v1/me", token=reply.json["token"])).status == 200


async def test_a_clock_set_back_revives_no_revoked_token(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji, junho = await http.person(), await http.person()
        clock = http.parts.clock
        assert isinstance(clock, MovableClock)
        clock.ms += 3_600_000
        await http.ask("POST", "/api/v1/auth/logout", token=minji.token)
        body = {"current_password": PASSWORD, "new_password": "another secret"}
        fresh = await http.ask("PUT", "/api/v1/me/password", body, token=junho.token)
        clock.ms -= 7_200_000
        for token in (minji.token, junho.token):
            assert (await http.ask("GET", "/api/v1/me", token=token)).status == 401
        assert (await http.ask("GET", "/api/v1/me", token=fresh.json["token"])).status == 200


async def test_the_wrong_current_password_changes_nothing(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        body = {"current_password": "wrong", "new_password": "another secret"}
        reply = await http.ask("PUT", "/api/v1/me/password", body, token=minji.token)
        assert (reply.status, list(reply.json["fields"])) == (400, ["current_password"])
        assert (await http.ask("GET", "/api/v1/me", token=minji.token)).status == 200
        assert http.requests.signed_out == []


PROFILE = {
    "name": "민지 Kim",
    "phone": "+82 10-1234-5678",
    "birth_date": "2001-02-03",
    "gender": "female",
    "preferred_gender": "any",
    "region": "서울",
    "time_zone": "Europe/Berlin",
    "language": "ko-KR",
}


async def test_a_profile_keeps_what_is_not_changed_and_null_clears(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        full = await http.ask("PATCH", "/api/v1/me", PROFILE, token=minji.token)
        assert full.status == 200
        assert {name: full.json[name] for name in PROFILE} == PROFILE
        changed = await http.ask(
            "PATCH", "/api/v1/me", {"phone": None, "region": "부산"}, token=minji.token
        )
        assert "phone" not in changed.json
        assert changed.json["region"] == "부산"
        assert changed.json["birth_date"] == "2001-02-03"
        assert changed.json == (await http.ask("GET", "/api/v1/me", token=minji.token)).json


async def test_nobody_promotes_himself(database_url: str) -> None:
    async with open_http(database_url) as http:
        greedy: dict[str, Any] = {
            "role": "admin",
            "status": "deleted",
            "is_test": True,
            "user_no": 1,
            "id": "x",
        }
        minji = await http.person(**greedy)
        reply = await http.ask("PATCH", "/api/v1/me", greedy | {"name": "M"}, token=minji.token)
        assert reply.status == 200
        assert (reply.json["name"], reply.json["role"], reply.json["id"]) == ("M", "user", minji.id)
        assert (reply.json["status"], reply.json["is_test"]) == ("active", False)


NO_SUCH_THING: list[tuple[str, Any]] = [
    ("phone", "call me"),
    ("phone", "1" * 40),
    ("birth_date", "1899-12-31"),
    ("birth_date", "2999-01-01"),
    ("birth_date", "2001-02-30"),
    ("birth_date", "yesterday"),
    ("gender", "unicorn"),
    ("preferred_gender", 1),
    ("region", ""),
    ("region", "x" * 65),
    ("time_zone", "Mars/Olympus"),
    ("time_zone", "../../etc/passwd"),
    ("time_zone", "Asia"),
    ("time_zone", "right/UTC"),
    ("time_zone", "posix/Asia/Seoul"),
    ("time_zone", "localtime"),
    ("time_zone", "posixrules"),
    ("time_zone", "Factory"),
    ("time_zone", None),
    ("language", "한국어"),
    ("language", "k"),
    ("name", None),
]


async def test_a_profile_refuses_what_is_no_such_thing(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        for field, value in NO_SUCH_THING:
            reply = await http.ask("PATCH", "/api/v1/me", {field: value}, token=minji.token)
            assert (reply.status, list(reply.json["fields"])) == (400, [field]), (field, value)


async def test_people_are_found_by_the_beginning_of_either_name(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person("minji", name="김민지")
        await http.person("minho_100", name="Minho")
        await http.person("xminji")
        for q, expected in {
            "MIN": ["minho_100", "minji"],
            "김민": ["minji"],
            "\u1100\u1175\u11b7\u1106\u1175\u11ab": ["minji"],
            "minho_": ["minho_100"],
            "minj_": [],
            "%": [],
            "\\": [],
        }.items():
            path = f"/api/v1/users?q={quote(q, safe='')}"
            reply = await http.ask("GET", path, token=minji.token)
            assert [item["username"] for item in reply.json["items"]] == expected, q
            assert set(reply.json) == {"items"}
        found = await http.ask("GET", "/api/v1/users?q=minji&limit=1", token=minji.token)
        assert found.json["items"] == [{"id": minji.id, "username": "minji", "name": "김민지"}]


async def test_a_search_without_sense_is_refused(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        for query in ("", "q=", "q=a&limit=0", "q=a&limit=51", "q=a&limit=x", "q=%00"):
            reply = await http.ask("GET", f"/api/v1/users?{query}", token=minji.token)
            assert (reply.status, reply.json["code"]) == (400, "invalid"), query


async def test_suspending_closes_everything_until_the_account_is_restored(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        admin, minji = await http.admin(), await http.person()
        path = f"/api/v1/admin/users/{minji.id}"
        sign_in = {"username": minji.username, "password": PASSWORD}
        for status, refusal in (("suspended", 403), ("deleted", 401)):
            reply = await http.ask("PATCH", path, {"status": status}, token=admin.token)
            assert (reply.status, reply.json["status"]) == (200, status)
            assert http.requests.signed_out.pop() == (minji.id, None, 4503)
            assert (await http.ask("GET", "/api/v1/me", token=minji.token)).status == 401
            assert (await http.ask("POST", "/api/v1/auth/token", sign_in)).status == refusal
            found = await http.ask("GET", f"/api/v1/users?q={minji.username}", token=admin.token)
            assert found.json["items"] == []
        await http.ask("PATCH", path, {"status": "active"}, token=admin.token)
        assert (await http.ask("GET", "/api/v1/me", token=minji.token)).status == 401
        assert (await http.ask("POST", "/api/v1/auth/token", sign_in)).status == 200


async def test_a_new_role_takes_effect_and_revokes_tokens(database_url: str) -> None:
    async with open_http(database_url) as http:
        admin, minji = await http.admin(), await http.person()
        path = f"/api/v1/admin/users/{minji.id}"
        reply = await http.ask("PATCH", path, {"role": "admin"}, token=admin.token)
        assert reply.json["role"] == "admin"
        assert http.requests.signed_out == [(minji.id, None, 4501)]
        assert (await http.ask("GET", "/api/v1/me", token=minji.token)).status == 401
        sign_in = {"username": minji.username, "password": PASSWORD}
        token = (await http.ask("POST", "/api/v1/auth/token", sign_in)).json["token"]
        unchanged = await http.ask("PATCH", path, {"role": "admin"}, token=token)
        assert unchanged.status == 200
        assert len(http.requests.signed_out) == 1
        assert (await http.ask("PATCH", path, {"role": "god"}, token=token)).status == 400
        nobody = await http.ask("PATCH", "/api/v1/admin/users/nobody", {}, token=token)
        assert nobody.status == 404


async def test_guessing_at_one_name_is_limited_and_other_names_are_not(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji, junho = await http.person(), await http.person()
        wrong = {"username": minji.username, "password": "wrong"}
        statuses = [(await http.ask("POST", "/api/v1/auth/token", wrong)).status for _ in range(11)]
        assert statuses[-1] == 429
        assert set(statuses[:-2]) == {401}
        limited = await http.ask("POST", "/api/v1/auth/token", wrong)
        assert limited.json["code"] == "rate_limited"
        assert 0 < limited.json["retry_after_ms"] <= 6_000
        assert int(limited.headers["Retry-After"]) >= 1
        right = {"username": junho.username, "password": PASSWORD}
        for _ in range(12):
            assert (await http.ask("POST", "/api/v1/auth/token", right)).status == 200


async def test_a_user_may_not_ask_without_end(database_url: str) -> None:
    async with open_http(database_url, rate=Rate(0.1, 3)) as http:
        minji, junho = await http.person(), await http.person()
        statuses = [(await http.ask("GET", "/api/v1/me", token=minji.token)).status for _ in "1234"]
        assert statuses == [200, 200, 200, 429]
        assert (await http.ask("GET", "/api/v1/me", token=junho.token)).status == 200


async def test_demo_accounts_are_shown_where_there_are_any(database_url: str) -> None:
    accounts = [DemoAccount("minji", "pw", "민지"), DemoAccount("junho", "pw", "준호")]
    async with open_http(database_url, demo=accounts) as http:
        reply = await http.ask("GET", "/api/v1/demo")
        assert [item["username"] for item in reply.json["items"]] == ["minji", "junho"]
