"""Friends over HTTP, and what open sockets see of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_world import HttpWorld, open_http
from http_world import Person as Asker
from notification_calls import NOTE, arrived, good, listed, until
from notification_calls import ask as ask_notifications
from running_server import Person, RunningServer
from test_changes import refused
from test_session import Speaker

FRIENDS = "/api/friends"
REQUESTS = FRIENDS + "/requests"
DAY_S = 86_400


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "friends") as running:
        yield running


@pytest.fixture
def people(server: RunningServer, request: pytest.FixtureRequest) -> list[Person]:
    number = abs(hash(request.node.name)) % 10**9
    return [server.sign_up(f"{name}{number}") for name in ("ann", "bob", "eve")]


def silent(speaker: Speaker, frame: str = "presence") -> bool:
    """Whether none of *frame* comes before the answer to a ping, a moment later."""
    time.sleep(1.5)  # more than it takes to look again
    speaker.say("ping", rid=99)
    while (heard := speaker.hear())["t"] != "pong":
        if heard["t"] == frame:
            return False
    return True


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_two_become_friends_by_an_answer_and_see_each_other(
    server: RunningServer, people: list[Person], codec: str
) -> None:
    ann, bob = (server.sign_up(f"{each.username}{codec}") for each in people[:2])
    with Speaker(server, codec) as one, Speaker(server, codec) as two:
        for speaker, person, other in ((one, ann, bob), (two, bob, ann)):
            speaker.enter(person)
            speaker.say("presence", watch=[other.id])
        made = server.call("POST", REQUESTS, {"userId": bob.id}, token=ann.token)
        assert (made["userId"], made["standing"]) == (bob.id, "sent")
        note = two.hear("notification")
        assert (note["type"], note["sender"]) == ("friend.request", ann.id)
        assert silent(one), "he has not agreed yet"
        path = f"/api/notifications/{note['id']}/answer"
        server.call("PUT", path, {"answer": "accept"}, token=bob.token)
        told: dict[str, Any] = {}
        while set(told) < {"notification", "presence"}:
            frame = one.hear()
            told[frame["t"]] = frame
        heard, seen = told["notification"], told["presence"]
        assert (heard["type"], heard["sender"]) == ("friend.accepted", bob.id)
        assert heard["data"] == {"answer": "accept", "invitation": note["id"]}
        assert (seen["user"], seen["state"]) == (bob.id, "online")
        assert two.hear("presence")["user"] == ann.id


def test_they_see_each_other_until_they_are_none(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, eve = people
    server.call("POST", REQUESTS, {"userId": bob.id}, token=ann.token)
    server.call("PUT", f"{REQUESTS}/{ann.id}", {"answer": "accept"}, token=bob.token)
    mine = server.call("GET", FRIENDS, token=ann.token)["friends"]
    assert [(each["userId"], each["standing"]) for each in mine] == [(bob.id, "friend")]
    with Speaker(server) as one, Speaker(server) as two, Speaker(server) as three:
        for speaker, person in ((one, ann), (two, bob), (three, eve)):
            speaker.enter(person)
        for speaker, others in ((one, [bob]), (two, [ann]), (three, [ann, bob])):
            speaker.say("presence", watch=[other.id for other in others])
        for speaker, other in ((one, bob), (two, ann)):
            seen = speaker.hear("presence")
            assert (seen["user"], seen["state"]) == (other.id, "online")
        for state, shown in (("invisible", "offline"), ("online", "online")):
            two.say("status", state=state)
            assert one.hear("presence")["state"] == shown
        server.call("DELETE", f"{FRIENDS}/{ann.id}", token=bob.token)
        gone = one.hear("presence")
        assert (gone["user"], gone["state"], "last_seen" in gone) == (bob.id, "offline", False)
        two.say("status", state="dnd")
        assert silent(one) and silent(three), "a stranger sees neither"


def test_a_block_ends_it_and_a_restart_does_not(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, _ = people
    server.call("POST", REQUESTS, {"userId": bob.username}, token=ann.token)
    server.call("POST", REQUESTS, {"userId": ann.username}, token=bob.token)
    server.kill()
    server.start()
    with Speaker(server) as one, Speaker(server) as two:
        one.enter(ann)
        two.enter(bob)
        one.say("presence", watch=[bob.id])
        assert one.hear("presence")["state"] == "online"
        server.call("PUT", f"/api/v1/blocks/{ann.id}", token=bob.token)
        assert one.hear("presence")["state"] == "offline"
        server.call("DELETE", f"/api/v1/blocks/{ann.id}", token=bob.token)
        assert server.call("GET", FRIENDS, token=ann.token)["friends"] == []
        two.say("status", state="dnd")
        assert silent(one)
        ask = ("DELETE", f"{FRIENDS}/{bob.id}")
        assert refused(server, *ask, token=ann.token) == (404, "not_found")


def test_what_is_taken_back_goes_from_the_screen(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, _ = people
    with Speaker(server) as two:
        two.enter(bob)
        server.call("POST", REQUESTS, {"userId": bob.id}, token=ann.token)
        note = two.hear("notification")
        server.call("DELETE", f"{REQUESTS}/{bob.id}", token=ann.token)
        assert two.hear("notification_gone")["ids"] == [note["id"]]
        path = f"/api/notifications/{note['id']}/answer"
        answer = {"answer": "accept"}
        assert refused(server, "PUT", path, answer, token=bob.token) == (410, "gone")
    with Speaker(server) as two:
        two.enter(bob)
        assert silent(two, "notification")


# ---- over HTTP alone


async def call(
    http: HttpWorld, by: Asker, method: str, path: str, body: Any = None
) -> tuple[int, Any]:
    """The status, and the code or what there is now."""
    reply = await http.ask(method, path, body, token=by.token)
    return reply.status, reply.json and (reply.json.get("code") or reply.json["standing"])


async def ask(http: HttpWorld, by: Asker, user: str) -> tuple[int, Any]:
    return await call(http, by, "POST", REQUESTS, {"userId": user})


async def answer(http: HttpWorld, by: Asker, user: str, said: str) -> tuple[int, Any]:
    return await call(http, by, "PUT", f"{REQUESTS}/{user}", {"answer": said})


async def whom(http: HttpWorld, by: Asker, which: str = "friend") -> list[str]:
    reply = await http.ask("GET", f"{FRIENDS}?which={which}", token=by.token)
    assert {each["standing"] for each in reply.json["friends"]} <= {which}
    return [each["userId"] for each in reply.json["friends"]]


async def test_asking_agreeing_and_ending(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve = [await http.person() for _ in range(3)]
        assert await ask(http, ann, bob.id) == (201, "sent")
        assert await ask(http, ann, bob.username.upper()) == (200, "sent")
        assert await whom(http, ann, "sent") == [bob.id]
        assert await whom(http, bob, "received") == [ann.id]
        assert await answer(http, ann, bob.id, "accept") == (404, "not_found")
        assert await answer(http, bob, ann.id, "accept") == (200, "friend")
        assert await answer(http, bob, ann.id, "accept") == (200, "friend")
        assert await whom(http, ann) == [bob.id] and await whom(http, bob) == [ann.id]
        assert await whom(http, ann, "sent") == await whom(http, bob, "received") == []
        assert await ask(http, eve, ann.id) == (201, "sent")
        assert await answer(http, ann, eve.id, "decline") == (204, None)
        assert await whom(http, eve, "sent") == []
        assert await ask(http, eve, ann.id) == (201, "sent")
        assert await call(http, eve, "DELETE", f"{REQUESTS}/{ann.id}") == (204, None)
        assert await ask(http, ann, eve.id) == (201, "sent")
        assert await ask(http, eve, ann.id) == (200, "friend")
        assert await call(http, eve, "DELETE", f"{FRIENDS}/{ann.username}") == (204, None)
        assert await whom(http, ann) == [bob.id]


async def test_an_answer_of_either_kind_answers_both(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob, eve = [await http.person() for _ in range(3)]
        for asker in (ann, eve):
            assert await ask(http, asker, bob.id) == (201, "sent")
        both = await until(http, bob, "", lambda page: len(page["notifications"]) == 2)
        notes = {each["sender"]["id"]: each["id"] for each in both["notifications"]}
        assert await answer(http, bob, ann.id, "accept") == (200, "friend")
        told = await until(http, ann, "", lambda page: len(page["notifications"]) == 1)
        [accepted] = told["notifications"]
        assert accepted["type"] == "friend.accepted"
        assert accepted["data"] == {"answer": "accept", "invitation": notes[ann.id]}
        declined = {"answer": "decline"}
        await good(http, bob, "PUT", f"/{notes[eve.id]}/answer", declined)
        shown = {each["id"]: (each["read"], each["answer"]) for each in await listed(http, bob)}
        assert shown == {notes[ann.id]: (True, "accept"), notes[eve.id]: (True, "decline")}
        assert await whom(http, bob) == [ann.id] and await whom(http, bob, "received") == []
        assert await listed(http, eve) == []
        again = await ask_notifications(http, bob, "PUT", f"/{notes[ann.id]}/answer", declined)
        assert again.status == 409


async def test_friends_may_notify_each_other(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await http.person(), await http.person()
        said = {"recipientId": bob.id, **NOTE}
        assert (await ask_notifications(http, ann, "POST", "/send", said)).status == 403
        await ask(http, ann, bob.id)
        assert (await ask_notifications(http, ann, "POST", "/send", said)).status == 403
        await ask(http, bob, ann.id)
        made = await good(http, ann, "POST", "/send", said)
        await arrived(http, bob, made["id"])
        await call(http, bob, "DELETE", f"{FRIENDS}/{ann.id}")
        assert (await ask_notifications(http, ann, "POST", "/send", said)).status == 403


async def test_who_is_not_there_is_like_a_name_that_nobody_has(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve, gone = [await http.person() for _ in range(4)]
        admin, service, stranger = await http.admin(), await http.person(), await http.person()
        await http.parts.users.grant(service.username, "service")
        path = f"/api/v1/admin/users/{gone.id}"
        await http.ask("PATCH", path, {"status": "deleted"}, token=admin.token)
        for by, other in ((ann, bob), (eve, ann)):
            await http.ask("PUT", f"/api/v1/blocks/{other.id}", token=by.token)
        names = ["nobody", gone.id, gone.username, service.id, bob.id, eve.id]

        async def told(name: str) -> set[tuple[int, str]]:
            replies = [
                await http.ask("PUT", f"{REQUESTS}/{name}", {"answer": "accept"}, token=ann.token),
                await http.ask("PUT", f"{REQUESTS}/{name}", {"answer": "decline"}, token=ann.token),
                await http.ask("DELETE", f"{REQUESTS}/{name}", token=ann.token),
                await http.ask("DELETE", f"{FRIENDS}/{name}", token=ann.token),
            ]
            return {(reply.status, reply.text) for reply in replies}

        async def asked(name: str) -> tuple[int, str]:
            reply = await http.ask("POST", REQUESTS, {"userId": name}, token=ann.token)
            return reply.status, reply.text

        expected = await asked("nobody")
        assert expected[0] == 404
        assert {await asked(name) for name in names} == {expected}
        for name in [*names, stranger.id]:
            assert await told(name) == {expected}
        assert await ask(http, ann, ann.id) == (400, "invalid")
        assert await ask(http, bob, ann.id) == await ask(http, ann, eve.id) == (404, "not_found")


async def test_pages_go_on_where_the_last_one_ended(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, *others = [await http.person() for _ in range(6)]
        for other in others:
            http.parts.clock.ms += 1_000  # type: ignore[attr-defined]
            await ask(http, other, ann.id)
        found, query = list[str](), "?which=received&limit=2"
        for size in (2, 2, 1):
            page = (await http.ask("GET", FRIENDS + query, token=ann.token)).json
            assert len(page["friends"]) == size and ("cursor" in page) is (size == 2)
            found += [each["userId"] for each in page["friends"]]
            query = f"?which=received&limit=2&cursor={page.get('cursor')}"
        assert found == [each.id for each in others[::-1]]
        wrong = await http.ask("GET", f"{FRIENDS}?cursor=x", token=ann.token)
        assert (wrong.status, list(wrong.json["fields"])) == (400, ["cursor"])


async def test_asking_is_limited_by_day_and_by_pair(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve = [await http.person() for _ in range(3)]
        for _ in range(3):
            assert (await ask(http, ann, bob.id))[0] == 201
            assert (await ask(http, ann, bob.id))[0] == 200, "that is no other request"
            assert await answer(http, bob, ann.id, "decline") == (204, None)
        reply = await http.ask("POST", REQUESTS, {"userId": bob.id}, token=ann.token)
        assert (reply.status, reply.json["code"]) == (429, "rate_limited")
        assert reply.json["detail"] == "you ask this person too often"
        assert DAY_S * 0.9 < int(reply.headers["Retry-After"]) <= DAY_S
        assert (await ask(http, ann, eve.id))[0] == 201
        assert (await ask(http, bob, ann.id))[0] == 201, "each has a share of his own"
        statuses = [(await ask(http, eve, "nobody"))[0] for _ in range(51)]
        assert statuses[:50] == [404] * 50 and statuses[50] == 429, "also who is not there counts"
