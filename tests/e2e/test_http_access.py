"""Who may call what: a row for every route there is, so that a new route without one fails."""

from __future__ import annotations

from typing import Any, NamedTuple

from http_world import PASSWORD, open_http

from server.http.campaign_envelope import is_enveloped
from server.http.route import Access, Route

CAMPAIGN = {"ageGroup": "TWENTIES", "message": "hi"}
ANNOUNCED = {
    "recipientId": "outsider",
    "type": "system.announcement",
    "title": "hi",
    "message": "hi",
}
SUBSCRIBED = {
    "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/x",
    "keys": {
        "p256dh": (
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
            "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    },
}
WEBHOOK = "https://discord.com/api/webhooks/112233445566778899/" + "x" * 68

# route -> body, and the status for: nobody, a bad token, a stranger, a former member, a member,
# the owner, an admin; one who was blocked, in the direct room with whom he was blocked by; a member
# of a blind room. A file is posted in each room; the member has begun an upload. Strangers learn
# nothing: 404 stands for 403 where there is something to hide.
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
    # Before the report, which shows an admin what was reported.
    "download_file": (None, "401 401 404 404 200 200 404 200 200"),
    "download_thumbnail": (None, "401 401 404 404 200 200 404 200 200"),
    "show_file_link": (None, "401 401 404 404 200 200 404 200 200"),
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
    # Before the blocks: whoever has one is not there.
    "ask_friend": ({"userId": "outsider"}, "401 401 201 201 201 201 201 201 201"),
    "list_friends": (None, "401 401 200 200 200 200 200 200 200"),
    "answer_friend": ({"answer": "accept"}, "401 401 404 404 404 404 404 404 404"),
    "take_back_friend_request": (None, "401 401 204 204 204 204 204 204 204"),
    "remove_friend": (None, "401 401 404 404 404 404 404 404 404"),
    "block_user": (None, "401 401 200 200 200 200 200 200 200"),
    "list_blocks": (None, "401 401 200 200 200 200 200 200 200"),
    "list_block_log": (None, "401 401 403 403 403 403 200 403 403"),
    "unblock_user": (None, "401 401 204 204 204 204 204 204 204"),
    "upload_file": (None, "401 401 201 201 201 201 201 201 201"),
    "list_files": (None, "401 401 200 200 200 200 200 200 200"),
    "show_tus": (None, "204 204 204 204 204 204 204 204 204"),
    "delete_file": (None, "401 401 404 404 409 404 404 404 404"),
    "show_upload": (None, "401 401 404 404 200 404 404 404 404"),
    "resume_upload": (None, "401 401 404 404 204 404 404 404 404"),
    "end_upload": (None, "401 401 404 404 204 404 404 404 404"),
    "create_broadcast": (None, "401 401 400 400 400 400 400 400 400"),
    "list_broadcasts": (None, "401 401 200 200 200 200 200 200 200"),
    "list_received_broadcasts": (None, "401 401 200 200 200 200 200 200 200"),
    "list_broadcast_groups": (None, "401 401 200 200 200 200 200 200 200"),
    # Of one that is nobody's here: test_broadcasts_http.py has those that are somebody's.
    "show_broadcast": (None, "401 401 404 404 404 404 404 404 404"),
    "read_broadcast": (None, "401 401 404 404 404 404 404 404 404"),
    "reply_to_broadcast": ({"body": "hi"}, "401 401 404 404 404 404 404 404 404"),
    "cancel_broadcast": (None, "401 401 404 404 404 404 404 404 404"),
    "explain_broadcast": (None, "401 401 403 403 403 403 404 403 403"),
    "show_broadcast_figures": (None, "401 401 403 403 403 403 200 403 403"),
    # Nobody may invite whom he shares nothing with.
    "call_meeting": (
        {"participantIds": ["outsider"], "title": "hi"},
        "401 401 400 400 400 400 400 400 400",
    ),
    "meetings": (None, "401 401 200 200 200 200 200 200 200"),
    # Of one that there is not: test_meetings.py has those that there are.
    "show_meeting": (None, "401 401 404 404 404 404 404 404 404"),
    "meeting_calendar": (None, "401 401 404 404 404 404 404 404 404"),
    "meeting_history": (None, "401 401 404 404 404 404 404 404 404"),
    "vote": ({"optionId": "x", "vote": "yes"}, "401 401 404 404 404 404 404 404 404"),
    "propose_options": ({}, "401 401 404 404 404 404 404 404 404"),
    "withdraw_option": (None, "401 401 404 404 404 404 404 404 404"),
    "take_part": ({"standing": "accepted"}, "401 401 404 404 404 404 404 404 404"),
    "edit_meeting": ({}, "401 401 404 404 404 404 404 404 404"),
    "invite_to_meeting": ({"participantIds": ["outsider"]}, "401 401 400 400 400 400 400 400 400"),
    "start_voting": (None, "401 401 404 404 404 404 404 404 404"),
    "confirm_meeting": ({"time": "x"}, "401 401 404 404 404 404 404 404 404"),
    "cancel_meeting": ({}, "401 401 404 404 404 404 404 404 404"),
    "reopen_meeting": ({}, "401 401 404 404 404 404 404 404 404"),
    "list_groups": (None, "401 401 403 403 403 403 200 403 403"),
    "create_group": ({"name": "x"}, "401 401 403 403 403 403 201 403 403"),
    "change_group": ({}, "401 401 403 403 403 403 404 403 403"),
    "list_group_members": (None, "401 401 403 403 403 403 404 403 403"),
    "delete_group": (None, "401 401 403 403 403 403 404 403 403"),
    "list_audit": (None, "401 401 403 403 403 403 200 403 403"),
    "send_campaign": (CAMPAIGN, "401 401 403 403 403 403 202 403 403"),
    "test_campaign": (
        {"message": "hi", "channel": "in_app", "userIds": ["outsider"]},
        "401 401 403 403 403 403 202 403 403",
    ),
    "preview_campaign": (CAMPAIGN, "401 401 403 403 403 403 200 403 403"),
    "list_campaigns": (None, "401 401 403 403 403 403 200 403 403"),
    # Of one that there is not: test_campaigns_http.py has those that there are.
    "show_campaign": (None, "401 401 403 403 403 403 404 403 403"),
    "pause_campaign": (None, "401 401 403 403 403 403 404 403 403"),
    "resume_campaign": (None, "401 401 403 403 403 403 404 403 403"),
    "cancel_campaign": (None, "401 401 403 403 403 403 404 403 403"),
    "resend_campaign": (None, "401 401 403 403 403 403 404 403 403"),
    "list_campaign_results": (None, "401 401 403 403 403 403 404 403 403"),
    "download_campaign_results": (None, "401 401 403 403 403 403 404 403 403"),
    "watch_campaign": (None, "401 401 403 403 403 403 404 403 403"),
    "show_consents": (None, "401 401 200 200 200 200 200 200 200"),
    "change_consents": ({"advertising": True}, "401 401 200 200 200 200 200 200 200"),
    # Where no bots are set up: test_webhooks_*.py and test_kakao_connect.py have those that are.
    "make_notification_link": ({"platform": "kakao"}, "401 401 404 404 404 404 404 404 404"),
    "connect_kakao": (None, "401 401 404 404 404 404 404 404 404"),
    "return_from_kakao": (None, "404 404 404 404 404 404 404 404 404"),
    "kakao_skill": (None, "404 404 404 404 404 404 404 404 404"),
    "discord_interaction": (None, "404 404 404 404 404 404 404 404 404"),
    "list_sessions": (None, "401 401 200 200 200 200 200 200 200"),
    "end_session": (None, "401 401 404 404 404 404 404 404 404"),
    "send_notification": (ANNOUNCED, "401 401 403 403 403 403 202 403 403"),
    "send_notifications": (
        {"notifications": [ANNOUNCED]},
        "401 401 403 403 403 403 202 403 403",
    ),
    "list_notifications": (None, "401 401 200 200 200 200 200 200 200"),
    "read_notifications": ({}, "401 401 200 200 200 200 200 200 200"),
    "watch_notifications": (None, "401 401 200 200 200 200 200 200 200"),
    # Of one that there is not: test_notifications_mine.py has those that there are.
    "show_sent_notification": (None, "401 401 404 404 404 404 404 404 404"),
    "cancel_notification": (None, "401 401 404 404 404 404 404 404 404"),
    "read_notification": (None, "401 401 404 404 404 404 404 404 404"),
    "delete_notification": (None, "401 401 404 404 404 404 404 404 404"),
    "answer_notification": ({"answer": "accept"}, "401 401 404 404 404 404 404 404 404"),
    "explain_notification": (None, "401 401 404 404 404 404 404 404 404"),
    "show_notification_settings": (None, "401 401 200 200 200 200 200 200 200"),
    "change_notification_settings": ({"platform": "web"}, "401 401 200 200 200 200 200 200 200"),
    "list_endpoints": (None, "401 401 200 200 200 200 200 200 200"),
    "show_push_key": (None, "401 401 200 200 200 200 200 200 200"),
    "add_push_endpoint": (SUBSCRIBED, "401 401 201 201 201 201 201 201 201"),
    "add_discord_endpoint": ({"webhookUrl": WEBHOOK}, "401 401 201 201 201 201 201 201 201"),
    "add_kakao_endpoint": ({}, "401 401 404 404 404 404 404 404 404"),
    "end_endpoint": (None, "401 401 404 404 404 404 404 404 404"),
    "show_notification_statistics": (None, "401 401 403 403 403 403 200 403 403"),
    "explain_any_notification": (None, "401 401 403 403 403 403 404 403 403"),
    "list_notification_log": (None, "401 401 403 403 403 403 200 403 403"),
    "list_notification_templates": (None, "401 401 403 403 403 403 200 403 403"),
    "show_notification_template": (None, "401 401 403 403 403 403 200 403 403"),
    "change_notification_template": (
        {"title": "{title}", "message": "{message}"},
        "401 401 403 403 403 403 200 403 403",
    ),
    "add_busy": (
        {"startsAt": "2027-02-01T10:00:00Z", "endsAt": "2027-02-01T11:00:00Z"},
        "401 401 201 201 201 201 201 201 201",
    ),
    "list_busy": (None, "401 401 200 200 200 200 200 200 200"),
    # Of one that there is not: test_calendar.py has those that there are.
    "remove_busy": (None, "401 401 404 404 404 404 404 404 404"),
    "import_calendar": (None, "401 401 200 200 200 200 200 200 200"),
    "show_calendar_feed": (None, "401 401 200 200 200 200 200 200 200"),
    "make_calendar_feed": (None, "401 401 201 201 201 201 201 201 201"),
    "drop_calendar_feed": (None, "401 401 204 204 204 204 204 204 204"),
    "read_calendar_feed": (None, "404 404 404 404 404 404 404 404 404"),
    "sign_out": (None, "401 401 204 204 204 204 204 204 204"),
}
PLAIN = {
    "/metrics",
    "/openapi.json",
    "/docs",
    "/docs.css",
    "/",
    "/admin",
    "/sw.js",
    "/assets/<name>",
}
"""What is no API: the same for everybody, without a token."""

QUERY = {"find_people": "?q=a", "search_messages": "?q=hi", "list_block_log": "?user=outsider"}
FILES = "/api/v1/chats/files"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636000000002000148afa4710000000049454e44ae426082"
)
TUS = {"Tus-Resumable": "1.0.0"}
BEGUN = {"headers": TUS | {"Upload-Length": "9"}}
BYTES: dict[str, Any] = {
    "upload_file": {"raw": PNG},
    "show_upload": {"headers": TUS},
    "end_upload": {"headers": TUS},
    "import_calendar": {
        "raw": b"BEGIN:VCALENDAR\nEND:VCALENDAR\n",
        "headers": {"Content-Type": "text/calendar"},
    },
    "resume_upload": {
        "raw": b"five!",
        "headers": TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
    },
}
FIRST_POSTED = 2  # by the member; 1 is the former member's ``left``


class Cast(NamedTuple):
    callers: list[tuple[str | None, str, str]]  # with the room and the file that it is about
    outsider: str
    upload: str


async def test_every_route_answers_everybody_as_the_matrix_says(database_url: str) -> None:
    async with open_http(database_url) as http:
        cast = await _cast(http)
        ways: dict[str, str] = {}
        for route in sorted(http.routes, key=lambda route: list(MATRIX).index(route.name)):
            body, _ = MATRIX[route.name]
            said = BYTES.get(route.name, {})
            replies = [
                await http.ask(
                    route.method, _path(route, cast, room, file), body, token=token, **said
                )
                for token, room, file in cast.callers
            ]
            ways[route.name] = " ".join(str(reply.status) for reply in replies)
        assert ways == {name: statuses for name, (_, statuses) in MATRIX.items()}


async def test_every_path_of_the_server_is_in_the_table_of_routes(database_url: str) -> None:
    async with open_http(database_url) as http:
        declared = {(route.method, _rule(route)) for route in http.routes}
        served = {
            (method, rule.rule)
            for rule in http.app.url_map.iter_rules()
            for method in (rule.methods or set()) - ({"HEAD"} if "GET" in rule.methods else set())
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
            reply = await http.ask(
                route.method, _path(route, cast, "x", "x"), raw=b"\xff" * 2_000_000
            )
            said = reply.json["data"] if is_enveloped(route.path) else reply.json
            assert (reply.status, said["code"]) == (401, "unauthenticated")
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
    file = await _posted(http, member, room)
    callers = [(token, room, file) for token in tokens]
    others = [await _blocked(http), await _blind(http)]
    upload = (await http.ask("POST", FILES, token=member.token, **BEGUN)).headers["Location"]
    return Cast([*callers, *others], outsider.id, upload.split("/")[-2])


async def _blocked(http: Any) -> tuple[str, str, str]:
    blocker, blocked = await http.person(), await http.person()
    room = await _made(http, blocker, {"type": "direct", "members": [blocked.id]})
    path = f"/api/v1/blocks/{blocked.id}"
    file = await _posted(http, blocker, room)
    assert (await http.ask("PUT", path, token=blocker.token)).status == 200
    return blocked.token, room, file


async def _blind(http: Any) -> tuple[str, str, str]:
    one, other = await http.person(), await http.person()
    groups = {"A": [one.id], "B": [other.id]}
    room = await _made(http, one, {"type": "matching", "mode": "blind", "groups": groups})
    return other.token, room, await _posted(http, one, room)


async def _posted(http: Any, person: Any, room: str) -> str:
    """A small image that *person* shows in *room*, by which id that has it."""
    made = await http.ask("POST", FILES, token=person.token, raw=PNG)
    path = f"/api/v1/chats/rooms/{room}/messages"
    body = {"body": "", "files": [made.json["id"]]}
    assert (await http.ask("POST", path, body, token=person.token)).status == 201
    said = (await http.ask("GET", path, token=person.token)).json["items"]
    return str(said[-1]["files"][0]["id"])


async def _made(http: Any, person: Any, body: object) -> str:
    """A room in which *person* has said two things."""
    rooms = "/api/v1/chats/rooms"
    room = str((await http.ask("POST", rooms, body, token=person.token)).json["id"])
    for _ in range(2):
        path = f"{rooms}/{room}/messages"
        assert (await http.ask("POST", path, {"body": "hi"}, token=person.token)).status == 201
    return room


def _path(route: Route, cast: Cast, room: str, file: str) -> str:
    path = route.path.format(
        room=room,
        file=cast.upload if route.path.endswith("/upload") else file,
        user="outsider",
        id=cast.outsider,
        seq=FIRST_POSTED,
        emoji="x",
        name="x",
        order="x",
        broadcast="x",
        group="x",
        job="x",
        notification="x",
        endpoint="x",
        type="friend.request",
        language="ko",
        session="x",
        busy="x",
        token="x",
        meeting="x",
        option="x",
    )
    return path + QUERY.get(route.name, "")


def _rule(route: Route) -> str:
    return route.path.replace("{", "<").replace("}", ">")
