"""Who may call what: a row for every route there is, so that a new route without one fails."""

from __future__ import annotations

from typing import Any, NamedTuple

from http_world import PASSWORD, open_http

from server.http.route import Access, Route

# route -> body, and the status for: nobody, a bad token, a stranger, a former member, a member,
# the owner, an admin; one who was blocked, in the direct room with whom he was blocked by; a member
# of a blind room. Strangers learn nothing: 404 stands for 403 where there is something to hide.
MATRIX: dict[str, tuple[Any, str]] = {
    "sign_up": (
        {"username": "outsider", "password": PASSWORD},
        "409 409 409 409 409 409 409 409 409",
    ),
    "sign_in": (
        {"username": "nobody", "password": PASSWORD},
        "401 401 401 401 401 401 401 401 401",
    ),
    "show_demo": (None, "404 404 404 404 404 404 404 404 404"),
    "live": (None, "200 200 200 200 200 200 200 200 200"),
    "ready": (None, "200 200 200 200 200 200 200 200 200"),
    "show_me": (None, "401 401 200 200 200 200 200 200 200"),
    "change_me": ({}, "401 401 200 200 200 200 200 200 200"),
    "change_password": (
        {"current_password": "wrong", "new_password": "x"},
        "401 401 400 400 400 400 400 400 400",
    ),
    "find_people": (None, "401 401 200 200 200 200 200 200 200"),
    "change_account": ({}, "401 401 403 403 403 403 200 403 403"),
    "create_room": ({"type": "matching"}, "401 401 400 400 400 400 400 400 400"),
    "list_rooms": (None, "401 401 200 200 200 200 200 200 200"),
    "show_room": (None, "401 401 404 403 200 200 404 200 200"),
    "show_room_presence": (None, "401 401 404 403 200 200 404 200 403"),
    "list_messages": (None, "401 401 404 403 200 200 404 200 200"),
    "post_message": ({"body": "hi"}, "401 401 404 403 201 201 404 403 201"),
    "show_message": (None, "401 401 404 403 200 200 404 200 200"),
    "react": (None, "401 401 404 403 200 200 404 403 200"),
    "list_reactions": (None, "401 401 404 403 200 200 404 200 200"),
    "unreact": (None, "401 401 404 403 200 200 404 200 200"),
    "pin_message": (None, "401 401 404 403 200 200 404 403 200"),
    "list_pins": (None, "401 401 404 403 200 200 404 200 200"),
    "unpin_message": (None, "401 401 404 403 200 200 404 403 200"),
    "edit_message": ({"body": "ho"}, "401 401 404 403 200 403 404 403 403"),
    "list_versions": (None, "401 401 404 403 200 200 404 200 200"),
    "report_message": ({"reason": "spam"}, "401 401 404 403 201 201 404 201 201"),
    "list_reports": (None, "401 401 403 403 403 403 200 403 403"),
    "change_report": ({"status": "closed"}, "401 401 403 403 403 403 404 403 403"),
    "delete_message": (None, "401 401 404 403 200 200 404 403 403"),
    "export_room": (None, "401 401 404 403 403 200 404 200 200"),
    "restore_message": (None, "401 401 404 403 403 200 404 403 403"),
    "list_readers": (None, "401 401 404 403 200 200 404 200 200"),
    "show_unread": (None, "401 401 200 200 200 200 200 200 200"),
    "read_room": ({"seq": 1}, "401 401 404 403 200 200 404 200 200"),
    "mark_unread": ({"seq": 1}, "401 401 404 403 200 200 404 200 200"),
    "unmark_unread": (None, "401 401 404 403 200 200 404 200 200"),
    "list_threads": (None, "401 401 404 403 200 200 404 200 200"),
    "search_messages": (None, "401 401 200 200 200 200 200 200 200"),
    "list_public_rooms": (None, "401 401 200 200 200 200 200 200 200"),
    "change_room": ({"description": "x"}, "401 401 404 403 403 200 404 403 403"),
    "mute_room": ({}, "401 401 404 403 200 200 404 200 200"),
    "unmute_room": (None, "401 401 404 403 200 200 404 200 200"),
    "join_room": (None, "401 401 404 403 200 200 404 200 200"),
    "change_role": ({"role": "guest"}, "401 401 404 403 403 404 404 403 403"),
    "list_reveals": (None, "401 401 404 403 200 200 404 200 200"),
    "consent_to_reveal": (None, "401 401 404 403 404 404 404 404 404"),
    "withdraw_reveal": (None, "401 401 404 404 404 404 404 404 404"),
    "order_reveal": ({"name": "x", "reason": "y"}, "401 401 403 403 403 403 404 403 403"),
    "list_reveal_orders": (None, "401 401 403 403 403 403 200 403 403"),
    "approve_reveal": (None, "401 401 403 403 403 403 404 403 403"),
    "add_member": ({"user": "outsider"}, "401 401 404 403 403 200 404 403 403"),
    "remove_member": (None, "401 401 404 403 403 200 404 403 403"),
    "block_user": (None, "401 401 200 200 200 200 200 200 200"),
    "list_blocks": (None, "401 401 200 200 200 200 200 200 200"),
    "list_block_log": (None, "401 401 403 403 403 403 200 403 403"),
    "unblock_user": (None, "401 401 204 204 204 204 204 204 204"),
    "sign_out": (None, "401 401 204 204 204 204 204 204 204"),
}
PLAIN = {"/metrics", "/openapi.json", "/docs", "/docs.css", "/", "/assets/<name>"}
"""What is no API: the same for everybody, without a token."""

QUERY = {"find_people": "?q=a", "search_messages": "?q=hi", "list_block_log": "?user=outsider"}
FIRST_POSTED = 2  # by the member; 1 is the former member's ``left``


class Cast(NamedTuple):
    callers: list[tuple[str | None, str]]  # with the room that it is about
    outsider: str


async def test_every_route_answers_everybody_as_the_matrix_says(database_url: str) -> None:
    async with open_http(database_url) as http:
        cast = await _cast(http)
        ways: dict[str, str] = {}
        for route in sorted(http.routes, key=lambda route: list(MATRIX).index(route.name)):
            body, _ = MATRIX[route.name]
            replies = [
                await http.ask(route.method, _path(route, cast, room), body, token=token)
                for token, room in cast.callers
            ]
            ways[route.name] = " ".join(str(reply.status) for reply in replies)
        assert ways == {name: statuses for name, (_, statuses) in MATRIX.items()}


async def test_every_path_of_the_server_is_in_the_table_of_routes(database_url: str) -> None:
    async with open_http(database_url) as http:
        declared = {(route.method, _rule(route)) for route in http.routes}
        served = {
            (method, rule.rule)
            for rule in http.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD"}
        }
        assert served - declared == {("GET", path) for path in PLAIN}
        assert declared <= served
        assert {route.name for route in http.routes} == set(MATRIX)
        assert len(http.routes) == len(MATRIX)


async def test_routes_that_want_somebody_read_no_stranger_s_body(database_url: str) -> None:
    async with open_http(database_url) as http:
        cast = await _cast(http)
        wanting = [route for route in http.routes if route.access is not Access.ANYBODY]
        assert len(wanting) > 10
        for route in wanting:
            reply = await http.ask(route.method, _path(route, cast, "x"), raw=b"\xff" * 2_000_000)
            assert (reply.status, reply.json["code"]) == (401, "unauthenticated")
            assert reply.headers["WWW-Authenticate"].startswith("Bearer")


async def _cast(http: Any) -> Cast:
    stranger, former, owner = [await http.person() for _ in range(3)]
    member = await http.person("member")
    admin = await http.admin()
    outsider = await http.person("outsider")
    room = await http.team(owner, member, former)
    path = f"/api/v1/chats/rooms/{room}/members/{former.id}"
    assert (await http.ask("DELETE", path, token=former.token)).status == 200
    people = (stranger, former, member, owner, admin)
    tokens = [None, "nonsense", *(person.token for person in people)]
    callers = [(token, room) for token in tokens]
    return Cast([*callers, await _blocked(http), await _blind(http)], outsider.id)


async def _blocked(http: Any) -> tuple[str, str]:
    blocker, blocked = await http.person(), await http.person()
    room = await _made(http, blocker, {"type": "direct", "members": [blocked.id]})
    path = f"/api/v1/blocks/{blocked.id}"
    assert (await http.ask("PUT", path, token=blocker.token)).status == 200
    return blocked.token, room


async def _blind(http: Any) -> tuple[str, str]:
    one, other = await http.person(), await http.person()
    groups = {"A": [one.id], "B": [other.id]}
    room = await _made(http, one, {"type": "matching", "mode": "blind", "groups": groups})
    return other.token, room


async def _made(http: Any, person: Any, body: object) -> str:
    """A room in which *person* has said two things."""
    rooms = "/api/v1/chats/rooms"
    room = str((await http.ask("POST", rooms, body, token=person.token)).json["id"])
    for _ in range(2):
        path = f"{rooms}/{room}/messages"
        assert (await http.ask("POST", path, {"body": "hi"}, token=person.token)).status == 201
    return room


def _path(route: Route, cast: Cast, room: str) -> str:
    path = route.path.format(
        room=room,
        user="outsider",
        id=cast.outsider,
        seq=FIRST_POSTED,
        emoji="x",
        name="x",
        order="x",
    )
    return path + QUERY.get(route.name, "")


def _rule(route: Route) -> str:
    return route.path.replace("{", "<").replace("}", ">")
