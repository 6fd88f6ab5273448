"""Reveals over HTTP, where two things happen at the same time or one admin would do for two."""

from __future__ import annotations

import json

from http_world import PASSWORD, HttpWorld, Person, open_http

ROOMS = "/api/v1/chats/rooms"


async def blind(http: HttpWorld, one: Person, other: Person) -> tuple[str, str, str]:
    """A blind room, and how it names the two."""
    groups = {"A": [one.id], "B": [other.id]}
    body = {"type": "matching", "mode": "blind", "groups": groups}
    made = await http.ask("POST", ROOMS, body, token=one.token)
    theirs = await http.ask("GET", f"{ROOMS}/{made.json['id']}", token=other.token)
    return made.json["id"], made.json["me"], theirs.json["me"]


async def test_a_consent_that_is_taken_back_beside_its_answer_is_not_mutual(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann, bob = await http.person(), await http.person()
        room, _, name = await blind(http, ann, bob)
        path = f"{ROOMS}/{room}/reveals/{name}"
        reveals = http.parts.reveals
        mine = reveals.mine

        async def late(*asked: object) -> object:
            assert (await http.ask("DELETE", path, token=ann.token)).status == 204
            return await mine(*asked)  # type: ignore[arg-type]

        reveals.mine = late  # type: ignore[assignment, method-assign]
        reply = await http.ask("PUT", path, token=ann.token)
        assert (reply.status, reply.json) == (200, {"name": name, "mutual": False})


async def test_one_admin_alone_learns_nothing_with_admins_of_his_own_making(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann, bob, cat, dan, eve = [await http.person() for _ in range(5)]
        root, other = await http.admin(), await http.admin()
        room, name, _ = await blind(http, ann, bob)

        async def made(by: Person, whom: Person, role: str = "admin") -> Person:
            body = {"role": role}
            path = f"/api/v1/admin/users/{whom.id}"
            http.parts.clock.ms += 2_000  # type: ignore[attr-defined]
            assert (await http.ask("PATCH", path, body, token=by.token)).status == 200
            return await signed_in(http, whom)

        async def approved(asks: Person, approves: Person) -> int:
            body = {"name": name, "reason": "spam"}
            path = f"/api/v1/admin/rooms/{room}/reveals"
            order = await http.ask("POST", path, body, token=asks.token)
            path = f"/api/v1/admin/reveals/{order.json['id']}/approve"
            return (await http.ask("POST", path, token=approves.token)).status

        cat, dan = await made(root, cat), await made(root, dan)
        eve = await made(cat, eve)
        cat = await made(eve, await made(eve, cat, "user"))
        own = (root, cat, dan, eve)
        pairs = [(one, two) for one in own for two in own if one is not two]
        assert [await approved(*pair) for pair in pairs] == [403] * len(pairs)
        assert await approved(root, other) == await approved(other, eve) == 200
        await http.parts.users.grant(eve.username, "admin")
        assert await approved(root, eve) == await approved(eve, dan) == 200


async def test_changes_of_accounts_are_in_the_audit_log(database_url: str) -> None:
    async with open_http(database_url) as http:
        admin, ann = await http.admin(), await http.person()
        path = f"/api/v1/admin/users/{ann.id}"
        for body in ({"role": "admin"}, {"role": "admin"}, {"status": "suspended", "role": "user"}):
            assert (await http.ask("PATCH", path, body, token=admin.token)).status == 200
        rows = await http.database.fetch(
            "SELECT action, by.user_id, subject.user_id, details::text FROM audit_log a"
            " LEFT JOIN users by ON by.user_no = actor_no"
            " JOIN users subject ON subject.user_no = subject_no ORDER BY audit_no"
        )
        assert [(*row[:3], json.loads(row[3])) for row in rows] == [
            ("account.role", None, admin.id, {"role": "admin"}),
            ("account.role", admin.id, ann.id, {"role": "admin", "was": "user"}),
            ("account.status", admin.id, ann.id, {"status": "suspended", "was": "active"}),
            ("account.role", admin.id, ann.id, {"role": "user", "was": "admin"}),
        ]


async def signed_in(http: HttpWorld, person: Person) -> Person:
    """*person* with a token that holds after his role was changed."""
    body = {"username": person.username, "password": PASSWORD}
    reply = await http.ask("POST", "/api/v1/auth/token", body)
    return person._replace(token=reply.json["token"])
