"""What admins do over HTTP is in the audit log, by numbers alone, and they can read it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import trio
from broadcast_calls import delivered, people, send
from http_world import HttpWorld, Person, open_http
from test_http_files import FILES, get, photo, post, upload
from test_reveals import blind

from server.http.route import Access
from server.postgres.audit_chain import verify_chain

ADMIN, ROOMS = "/api/v1/admin", "/api/v1/chats/rooms"
LOG = ADMIN + "/audit"

# Every route that only admins may call, and what a call of it is in the log.
ACTIONS = {
    "change_account": "account.status",
    "list_block_log": "block.list",
    "list_reports": "report.list",
    "change_report": "report.change",
    "order_reveal": "reveal.ask",
    "approve_reveal": "reveal.approve",
    "list_reveal_orders": "reveal.list",
    "explain_broadcast": "broadcast.explain",
    "show_broadcast_figures": "broadcast.figures",
    "list_groups": "group.list",
    "create_group": "group.create",
    "change_group": "group.change",
    "list_group_members": "group.members",
    "delete_group": "group.delete",
    "list_audit": "audit.read",
    "preview_campaign": "campaign.preview",
    "send_campaign": "campaign.create",
    "test_campaign": "campaign.test",
    "list_campaigns": "campaign.list",
    "show_campaign": "campaign.show",
    "watch_campaign": "campaign.watch",
    "pause_campaign": "campaign.pause",
    "resume_campaign": "campaign.resume",
    "cancel_campaign": "campaign.cancel",
    "resend_campaign": "campaign.resend",
    "list_campaign_results": "campaign.results",
    "download_campaign_results": "campaign.results_file",
    "show_notification_statistics": "notification.statistics",
    "explain_any_notification": "notification.explain",
    "list_notification_log": "notification.log",
    "list_notification_templates": "notification.templates",
    "show_notification_template": "notification.template",
    "change_notification_template": "notification.template_change",
}

# What others leave in it: members, who runs the server, and admins by routes of everybody.
BESIDE = {
    "account.role",
    "file.read",
    "notification.send",
    "reveal.consent",
    "reveal.mutual",
    "reveal.read",
    "reveal.withdraw",
    "room.export",
    "room.match",
    "users.import",
}
WEB = Path(__file__).parents[2] / "server" / "web"
CANARY = "canary-8f31"
LATER = 1_800_000_600_000
HOLD = 2_000_000_000_000
RUNS = "SELECT completed_at IS NULL FROM bulk_message_jobs WHERE job_id = $1"
FAIL = "UPDATE bulk_message_recipients SET status = 'failed'"
RESET = """
UPDATE bulk_message_jobs SET status = $2, failure_count = $3, leased_until = $4::bigint,
    completed_at = CASE WHEN $4::bigint = 0 THEN completed_at END
WHERE job_id = $1"""


async def did(http: HttpWorld, call: str, who: Person, body: Any = None, **path: str) -> Any:
    """What the route *call* answers, which has to be something good."""
    route = next(each for each in http.routes if each.name == call)
    query = path.pop("query", "")
    asked = route.path.format(**path) + query
    reply = await http.ask(route.method, asked, body, token=who.token)
    assert reply.status < 300, (call, reply)
    return reply.json


async def entries(http: HttpWorld, admin: Person, query: str = "") -> list[dict[str, Any]]:
    return (await did(http, "list_audit", admin, query=query))["items"]  # type: ignore[no-any-return]


async def everything(http: HttpWorld) -> tuple[Person, Person]:
    """Each route of admins is called once, on what has a canary in every text; two admins."""
    root, other = await http.admin(), await http.admin()
    ann, bob = await people(http, 2, name=CANARY)
    made = (await send(http, ann)).json
    await delivered(http, ann, made["id"])
    await did(http, "explain_broadcast", root, broadcast=made["id"], query=f"?user={bob.username}")
    await did(http, "show_broadcast_figures", root)
    room = await http.team(ann, bob)
    said = {"body": CANARY}
    await did(http, "post_message", ann, said, room=room)
    report = {"reason": "spam", "note": CANARY}
    await did(http, "report_message", bob, report, room=room, seq="1")
    [kept] = (await did(http, "list_reports", root))["items"]
    closed = {"status": "closed", "resolution": CANARY}
    await did(http, "change_report", root, closed, id=kept["id"])
    room, name, _ = await blind(http, ann, bob)
    order = await did(http, "order_reveal", root, {"name": name, "reason": CANARY}, room=room)
    for _ in range(2):
        await did(http, "approve_reveal", other, order=order["id"])
    await did(http, "list_reveal_orders", root)
    group = await did(http, "create_group", root, {"name": CANARY, "members": [ann.id]})
    await did(
        http, "change_group", root, {"name": CANARY + "2", "add": [bob.id]}, group=group["id"]
    )
    await did(http, "list_groups", root)
    await did(http, "list_group_members", root, group=group["id"])
    await did(http, "delete_group", root, group=group["id"])
    await did(http, "block_user", ann, user=bob.username)
    await did(http, "list_block_log", root, query=f"?user={bob.username}")
    await did(http, "change_account", root, {"status": "suspended"}, id=bob.id)
    await campaigns(http, root, ann)
    await notifications(http, root, ann)
    return root, other


async def campaigns(http: HttpWorld, root: Person, ann: Person) -> None:
    """Each route of campaigns is called once. Ann has a phone; the second job cannot begin."""
    body = {"ageGroup": "TWENTIES", "message": CANARY, "title": CANARY}
    await did(http, "preview_campaign", root, body)
    made = await did(http, "send_campaign", root, body | {"scheduledAt": LATER})
    job = made["data"]["jobId"]
    for call in ("cancel_campaign", "list_campaigns", "show_campaign", "watch_campaign"):
        await did(http, call, root, **{} if call == "list_campaigns" else {"job": job})
    tried = {"message": CANARY, "channel": "in_app", "userIds": [ann.id]}
    job = (await did(http, "test_campaign", root, tried))["data"]["jobId"]
    await over(http, job)
    await did(http, "list_campaign_results", root, job=job)
    await did(http, "download_campaign_results", root, job=job)
    await reset(http, job, "IN_PROGRESS", 0, HOLD)
    await did(http, "pause_campaign", root, job=job)
    await did(http, "resume_campaign", root, job=job)
    await over(http, job)
    await reset(http, job, "PARTIALLY_FAILED", 1, 0)
    await http.database.execute(FAIL)
    await did(http, "resend_campaign", root, job=job)


async def notifications(http: HttpWorld, root: Person, ann: Person) -> None:
    """Each route of admins is called once, about one that Ann is told by one of them."""
    told = {"title": CANARY, "message": CANARY, "data": {"x": CANARY}}
    body = {"recipientId": ann.id, "type": "system.announcement", **told}
    sent = (await did(http, "send_notification", root, body))["id"]
    await did(http, "show_notification_statistics", root)
    await did(http, "explain_any_notification", root, notification=sent)
    await did(http, "list_notification_log", root, user=ann.username)
    kind = {"type": "friend.request", "language": "ko"}
    texts = {"title": f"{CANARY} {{title}}", "message": f"{CANARY} {{message}}"}
    await did(http, "change_notification_template", root, texts, **kind)
    await did(http, "show_notification_template", root, **kind)
    await did(http, "list_notification_templates", root)


async def over(http: HttpWorld, job: str) -> None:
    with trio.fail_after(20):
        while await http.database.fetchval(RUNS, job):  # noqa: ASYNC110 - as clients do
            await trio.sleep(0.05)


async def reset(http: HttpWorld, job: str, status: str, failed: int, leased_until: int) -> None:
    """Have *job* where no quick call finds it: at work, say, on a node that holds it."""
    await http.database.execute(RESET, job, status, failed, leased_until)


async def test_every_route_of_admins_leaves_an_entry_and_no_text_of_anybody(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_http(database_url) as http:
        declared = {route.name for route in http.routes if route.access is Access.ADMIN}
        assert declared == set(ACTIONS)
        http.address = "127.0.0.7"
        root, other = await everything(http)
        listed = await entries(http, root, "?limit=200")
        assert [each["action"] for each in reversed(listed)] == [
            "account.role",
            "account.role",
            *"broadcast.explain broadcast.figures report.list report.change reveal.ask".split(),  # noqa: SIM905
            *"reveal.approve reveal.read reveal.list group.create group.change group.list".split(),  # noqa: SIM905
            *"group.members group.delete block.list account.status".split(),  # noqa: SIM905
            *"campaign.preview campaign.create campaign.cancel campaign.list".split(),  # noqa: SIM905
            *"campaign.show campaign.watch campaign.test campaign.results".split(),  # noqa: SIM905
            *"campaign.results_file campaign.pause campaign.resume campaign.resend".split(),  # noqa: SIM905
            *"notification.send notification.statistics notification.explain".split(),  # noqa: SIM905
            *"notification.log notification.template_change notification.template".split(),  # noqa: SIM905
            "notification.templates",
        ]
        by_action = {each["action"]: each for each in listed}
        assert by_action["reveal.approve"]["actor"] == other.id
        for action in set(ACTIONS.values()) - {"audit.read", "reveal.approve"}:
            assert by_action[action]["actor"] == root.id
            assert by_action[action]["address"] == "127.0.0.7"
        counts = {action: each.get("count") for action, each in by_action.items()}
        assert (counts["group.create"], counts["group.change"], counts["group.members"]) == (
            1,
            1,
            2,
        )
        assert (counts["report.list"], counts["broadcast.explain"]) == (1, 1)
        rows = await http.database.fetch("SELECT a::text AS said FROM audit_log a")
        assert CANARY not in "".join(row["said"] for row in rows)
        assert CANARY not in json.dumps(listed)
        assert CANARY not in "".join(capsys.readouterr())
        assert http.log.errors == []
        assert (await verify_chain(http.database))[:2] == (len(rows), None)
        assert (await entries(http, root))[0]["action"] == "audit.read"


async def test_what_is_refused_changes_nothing_and_leaves_no_entry(database_url: str) -> None:
    async with open_http(database_url) as http:
        admin, user = await http.admin(), await http.person()
        body = {"name": "one"}
        assert (await http.ask("POST", ADMIN + "/groups", body, token=user.token)).status == 403
        assert (await http.ask("POST", ADMIN + "/groups", body, token=admin.token)).status == 201
        assert (await http.ask("POST", ADMIN + "/groups", body, token=admin.token)).status == 409
        gone = f"{ADMIN}/groups/none"
        assert (await http.ask("DELETE", gone, token=admin.token)).status == 404
        listed = await entries(http, admin)
        assert [each["action"] for each in listed] == ["group.create", "account.role"]


async def test_the_log_is_read_in_pages_and_by_what_is_sought(database_url: str) -> None:
    async with open_http(database_url) as http:
        admin, ann = await http.admin(), await http.person("ann")
        began = http.parts.clock.now_ms()
        for number in range(5):
            http.parts.clock.ms += 1_000  # type: ignore[attr-defined]
            await did(http, "create_group", admin, {"name": f"g{number}"})
        await did(http, "change_account", admin, {"status": "suspended"}, id=ann.id)
        seen, query = list[int](), "?limit=2&action=group.create"
        while query:
            page = await did(http, "list_audit", admin, query=query)
            seen += [each["number"] for each in page["items"]]
            query = f"?limit=2&action=group.create&after={page['next']}" if "next" in page else ""
        assert len(seen) == 5 and seen == sorted(set(seen), reverse=True)
        [one] = await entries(http, admin, "?subject=ann")
        assert (one["action"], one["subject"], one["actor"]) == ("account.status", ann.id, admin.id)
        assert one["details"] == {"status": "suspended", "was": "active"}
        assert await entries(http, admin, f"?actor={ann.id}") == []
        late = await entries(http, admin, f"?actor={admin.id}&since={began + 4_000}")
        assert {each["at"] >= began + 4_000 for each in late} == {True}
        assert len([each for each in late if each["action"] == "group.create"]) == 2
        for wrong, status in (("?actor=nobody", 404), ("?since=x", 400), ("?after=0", 400)):
            assert (await http.ask("GET", LOG + wrong, token=admin.token)).status == status


async def test_the_log_tells_nobody_who_is_who_in_a_blind_room(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, admin = await http.person("ann"), await http.person("bob"), await http.admin()
        room, ann_name, bob_name = await blind(http, ann, bob)
        await did(http, "consent_to_reveal", ann, room=room, name=bob_name)
        await did(http, "order_reveal", admin, {"name": ann_name, "reason": "x"}, room=room)
        exported = await http.ask("GET", f"{ROOMS}/{room}/export", token=bob.token)
        assert exported.status == 200
        export, ask, consent, _ = await entries(http, admin)
        assert (export["action"], export["actor"]) == ("room.export", bob_name)
        assert "address" not in export, "of a member it is not kept"
        assert (ask["actor"], ask["subject"]) == (admin.id, ann_name)
        assert (consent["actor"], consent["subject"]) == (ann_name, bob_name)
        for name in ("ann", "bob"):
            for part in ("actor", "subject"):
                assert await entries(http, admin, f"?{part}={name}") == []
        text = json.dumps(await entries(http, admin))
        assert ann.id not in text and bob.id not in text


async def test_a_file_that_an_admin_sees_for_a_report_alone_leaves_an_entry(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann, bob, admin = await http.person(), await http.person(), await http.admin()
        room = await http.team(ann, bob)
        file = (await upload(http, ann, photo())).json["id"]
        await post(http, ann, room, file)
        reason = {"reason": "illegal"}
        await did(http, "report_message", bob, reason, room=room, seq="1")
        link = (await http.ask("GET", f"{FILES}/{file}/link", token=admin.token)).json["url"]
        assert (await get(http, admin, f"{FILES}/{file}"))[0] == 200
        assert (await http.client.get(link)).status_code == 200
        read = await entries(http, admin, "?action=file.read")
        assert [each["actor"] for each in read] == [admin.id] * 3
        assert read[0]["details"] == {"file": file} and read[0]["room"] == room
        assert (await get(http, bob, f"{FILES}/{file}"))[0] == 200
        assert len(await entries(http, admin, "?action=file.read")) == 3
        http.address = "203.0.113.9"
        assert (await get(http, admin, f"{FILES}/{file}"))[0] == 404
        assert (await http.client.get(link)).status_code == 404


async def test_a_room_that_an_admin_makes_for_others_leaves_an_entry(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, admin = await http.person(), await http.person(), await http.admin()
        body = {"type": "matching", "groups": {"A": [ann.id], "B": [bob.id]}}
        for key in ("once", "once"):
            made = await http.ask("POST", ROOMS, body, token=admin.token, key=key)
            assert made.status == 201
        [entry] = await entries(http, admin, "?action=room.match")
        assert (entry["room"], entry["count"], entry["actor"]) == (made.json["id"], 2, admin.id)
        http.address = "203.0.113.9"
        assert (await http.ask("POST", ROOMS, body, token=admin.token)).status == 400


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_console_has_words_for_all_that_is_in_the_log(language: str) -> None:
    words = (WEB / f"words_console_{language}.js").read_text(encoding="utf-8")
    listed = words[words.index("\n  actions: {") :]
    said = dict(re.findall(r'"([a-z]+\.[a-z_]+)": "([^"]+)"', listed[: listed.index("\n  },")]))
    assert set(said) == set(ACTIONS.values()) | BESIDE
    assert len(set(said.values())) == len(said), "one is chosen by its words"
