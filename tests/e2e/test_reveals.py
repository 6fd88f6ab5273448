"""Reveals over HTTP, where two things happen at the same time or one admin would do for two."""

from __future__ import annotations

from http_world import HttpWorld, Person, open_http

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
