"""Campaigns over HTTP: the two calls of specification 002, and all that it lacks."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID

import jsonschema
import pytest
import trio
from campaign_calls import (
    ADVERTISING,
    COUPON,
    PATH,
    RUNNING,
    SEND,
    Provider,
    a_provider,
    an_office,
    consent,
    crowd,
    office_and_provider,
    people,
    settings_for,
)
from provider_server import Exchange, serving

DURATION = re.compile(r"PT(\d+H)?(\d+M)?(\d+(\.\d+)?S)?")
OF_THE_SPECIFICATION = {
    "jobId",
    "status",
    "totalUsers",
    "successCount",
    "failureCount",
    "startedAt",
    "completedAt",
    "duration",
}


async def test_the_two_calls_of_the_specification(database_url: str) -> None:
    async with an_office(database_url) as office:
        await people(office.http, 3)
        await people(office.http, 1, "1990-01-01")
        sent = await office.ask("POST", SEND, {"ageGroup": "TWENTIES", "message": COUPON})
        assert sent.status == 202
        assert set(sent.json) == {"success", "message", "data"}
        assert sent.json["success"] is True
        assert sent.json["message"] == "대량 메시지 발송이 시작되었습니다."
        data = sent.json["data"]
        assert set(data) == {"jobId", "totalUsers", "estimatedDuration", "status"}
        assert str(UUID(data["jobId"])) == data["jobId"]
        assert data["totalUsers"] == 3
        assert DURATION.fullmatch(data["estimatedDuration"])
        assert data["status"] in RUNNING - {"CREATED", "SCHEDULED"} | {"COMPLETED"}

        await office.over(data["jobId"])
        shown = await office.ask("GET", f"{SEND}/{data['jobId']}/status")
        assert (shown.status, shown.json["success"]) == (200, True)
        assert shown.json["message"] == "작업 상태 조회 성공"
        job = shown.json["data"]
        assert set(job) >= OF_THE_SPECIFICATION
        assert (job["jobId"], job["status"]) == (data["jobId"], "COMPLETED")
        assert (job["totalUsers"], job["successCount"], job["failureCount"]) == (3, 3, 0)
        for at in ("createdAt", "startedAt", "completedAt"):
            assert datetime.fromisoformat(job[at]).utcoffset() is not None
            assert job[at].endswith("+09:00")
        assert DURATION.fullmatch(job["duration"])
        assert (job["ageGroup"], job["message"], job["channel"]) == ("TWENTIES", COUPON, "in_app")
        assert job["createdBy"] == office.admin.id
        assert [entry[:2] for entry in await office.audit()] == [("campaign.create", 3)]
        assert COUPON not in str(await office.audit())


async def test_a_double_click_is_one_job(database_url: str) -> None:
    async with an_office(database_url) as office:
        await people(office.http, 2)
        body = {"ageGroup": "TWENTIES", "message": COUPON}
        replies = []

        async def click() -> None:
            replies.append(await office.ask("POST", SEND, body, key="one"))

        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(click)
        await click()
        assert {reply.status for reply in replies} <= {202, 409}
        assert len({reply.json["data"]["jobId"] for reply in replies if reply.status == 202}) == 1
        assert replies[-1].headers["Idempotency-Replay"] == "true"
        listed = await office.ask("GET", SEND)
        assert len(listed.json["data"]["items"]) == 1
        other = await office.ask("POST", SEND, body | {"message": "other"}, key="one")
        assert (other.status, other.json["data"]["code"]) == (409, "conflict")


async def test_the_numbers_that_are_set_are_gone_by(database_url: str) -> None:
    async def play(exchange: Exchange) -> bool:
        return await exchange.request() is not None and await exchange.answer(503)

    async with serving(play) as server:
        provider = Provider(server, set(), [])
        settings = settings_for(provider, MADANG_CAMPAIGN_ATTEMPTS="1", MADANG_CAMPAIGN_PAGE="100")
        async with an_office(database_url, settings) as office:
            await people(office.http, 3)
            end = await office.over((await office.send(channel="http"))["jobId"])
            assert (end["status"], end["failureCount"]) == ("PARTIALLY_FAILED", 3)
            assert len(provider.phones()) == 3


async def test_the_jobs_are_listed_newest_first_by_pages_and_status(database_url: str) -> None:
    async with an_office(database_url) as office:
        await people(office.http, 1)
        ids = [(await office.send(title=f"no {n}"))["jobId"] for n in range(3)]
        for job in ids:
            await office.over(job)
        first = (await office.ask("GET", SEND + "?limit=2")).json["data"]
        assert [job["title"] for job in first["items"]] == ["no 2", "no 1"]
        rest = (await office.ask("GET", f"{SEND}?limit=2&cursor={first['next']}")).json["data"]
        assert ([job["jobId"] for job in rest["items"]], rest["next"]) == ([ids[0]], None)
        done = (await office.ask("GET", SEND + "?status=COMPLETED")).json["data"]
        assert len(done["items"]) == 3
        assert (await office.ask("GET", SEND + "?status=FAILED")).json["data"]["items"] == []
        wrong = await office.ask("GET", SEND + "?cursor=nothing")
        assert (wrong.status, set(wrong.json["data"]["fields"])) == (400, {"cursor"})


async def test_a_preview_says_whom_what_it_costs_and_which_rule_it_breaks(
    database_url: str,
) -> None:
    async with a_provider() as provider:
        settings = settings_for(provider, MADANG_MESSAGE_COST="9.5", MADANG_MESSAGE_API_RATE="2")
        async with an_office(database_url, settings) as office:
            ann, bob, eve, sue = await people(office.http, 4)
            for person in (ann, bob, sue):
                await consent(office.http, person, given=True)
            await consent(office.http, bob, given=False)
            path = f"/api/v1/admin/users/{sue.id}"
            assert (await office.ask("PATCH", path, {"status": "suspended"})).status == 200
            body = {
                "ageGroup": "TWENTIES",
                "message": "쿠폰",
                "channel": "http",
                "advertising": True,
            }
            reply = await office.ask("POST", PATH + "/preview", body)
            assert reply.status == 200
            assert reply.json["data"] == {
                "totalUsers": 1,
                "sample": [ann.id],
                "leftOut": {"opted_out": 1, "no_consent": 1, "suspended": 1},
                "cost": {"perMessage": 9.5, "total": 9.5, "currency": "KRW"},
                "estimatedDuration": "PT1S",
                "brokenRule": "label_missing",
            }
            good = await office.ask("POST", PATH + "/preview", body | {"message": ADVERTISING})
            assert good.json["data"]["brokenRule"] is None
            free = await office.ask(
                "POST", PATH + "/preview", {"ageGroup": "TWENTIES", "message": "x"}
            )
            assert free.json["data"]["cost"]["total"] == 0
            assert free.json["data"]["totalUsers"] == 3
            assert eve.id in free.json["data"]["sample"]
            assert [entry[:2] for entry in await office.audit()] == [
                ("campaign.preview", 1),
                ("campaign.preview", 1),
                ("campaign.preview", 3),
            ]
            assert not provider.messages()


async def test_conditions_narrow_the_audience(database_url: str) -> None:
    async with an_office(database_url) as office:
        ann, _ = await people(office.http, 2)
        patch = {"region": "부산"}
        assert (await office.http.ask("PATCH", "/api/v1/me", patch, token=ann.token)).status == 200
        job = await office.send(conditions={"region": "부산", "lastSeenWithinDays": 3_650})
        assert (await office.over(job["jobId"]))["totalUsers"] == 1
        [item] = (await office.results(job["jobId"]))["items"]
        assert item["userId"] == ann.id
        nobody = await office.send(conditions={"isTest": True})
        assert nobody["totalUsers"] == 0
        assert (await office.over(nobody["jobId"]))["status"] == "FAILED"


async def test_a_test_send_reaches_exactly_those_who_are_named(database_url: str) -> None:
    async with office_and_provider(database_url) as (office, provider):
        ann, _, eve = await people(office.http, 3, "1950-01-01")
        body = {"message": "어때요?", "channel": "http", "userIds": [ann.id, eve.username]}
        sent = await office.ask("POST", PATH + "/test", body, key="test")
        assert (sent.status, sent.json["data"]["totalUsers"]) == (202, 2)
        again = await office.ask("POST", PATH + "/test", body, key="test")
        assert again.json == sent.json
        job = await office.over(sent.json["data"]["jobId"])
        assert (job["status"], job["successCount"], job["ageGroup"]) == ("COMPLETED", 2, None)
        assert provider.phones() == ["010-1111-0000", "010-1111-0002"]
        for name in ("nobody", "madang"):
            wrong = await office.ask("POST", PATH + "/test", body | {"userIds": [name]})
            assert (wrong.status, set(wrong.json["data"]["fields"])) == (400, {"userIds"})
        for names in ([], ["x"] * 21):
            assert (
                await office.ask("POST", PATH + "/test", body | {"userIds": names})
            ).status == 400
        assert [entry[:2] for entry in await office.audit()] == [("campaign.test", 2)]


async def test_refusals_are_in_the_envelope_and_in_the_language_of_who_asks(
    database_url: str,
) -> None:
    async with an_office(database_url) as office:
        person = await office.http.person()
        cases: list[tuple[Any, ...]] = [
            ("GET", f"{SEND}/no-such-job/status", None, 404, "not_found", "찾을 수 없습니다."),
            ("POST", SEND, {"ageGroup": "BABIES", "message": "x"}, 400, "invalid", None),
            ("POST", SEND, {"ageGroup": "TEENS", "message": " "}, 400, "invalid", None),
            ("POST", SEND, {"ageGroup": "TEENS", "message": "x" * 4001}, 400, "invalid", None),
            ("DELETE", SEND, None, 405, "invalid", None),
            ("GET", PATH + "/nothing", None, 404, "not_found", None),
        ]
        for method, path, body, status, code, text in cases:
            korean = await office.ask(method, path, body)
            english = await office.ask(method, path, body, Accept_Language="en-US,en;q=0.9")
            for reply in (korean, english):
                assert (reply.status, reply.json["success"]) == (status, False)
                assert reply.headers["Content-Type"] == "application/json"
                assert reply.json["data"]["code"] == code
            assert text in (None, korean.json["message"])
            assert re.search("[가-힣]", korean.json["message"])
            assert english.json["message"].isascii()
        assert (
            "one of: TEENS"
            in (await office.ask("POST", SEND, {"ageGroup": "BABIES", "message": "x"})).json[
                "data"
            ]["fields"]["ageGroup"]
        )
        channel = await office.ask(
            "POST", SEND, {"ageGroup": "TEENS", "message": "x", "channel": "http"}
        )
        assert (channel.status, set(channel.json["data"]["fields"])) == (400, {"channel"})
        english = await office.ask("GET", SEND, Accept_Language="en")
        assert english.json["message"].isascii()
        for token, status, code in (
            (None, 401, "unauthenticated"),
            (person.token, 403, "forbidden"),
        ):
            refused = await office.http.ask("GET", SEND, token=token)
            assert (refused.status, refused.json["data"]["code"]) == (status, code)
        problem = await office.http.ask("GET", "/api/v1/me")
        assert problem.headers["Content-Type"] == "application/problem+json"


async def test_a_slip_in_a_body_is_named_and_nothing_is_done(database_url: str) -> None:
    campaign = {"ageGroup": "TEENS", "message": "x"}
    trial = {"message": "x", "channel": "in_app", "userIds": ["x"]}
    consents = "/api/v1/users/me/consents"
    cases: list[tuple[str, str, Any, str]] = [
        ("POST", SEND, campaign | {"scheduled_at": "2030-01-01T10:00:00+09:00"}, "scheduled_at"),
        ("POST", PATH + "/preview", campaign | {"userIds": ["x"]}, "userIds"),
        ("POST", PATH + "/test", trial | {"advertizing": True}, "advertizing"),
        ("PUT", consents, {"advertisingNight": False}, "advertisingNight"),
    ]
    for key, wrong in (("city", "x"), ("region", 5), ("lastSeenWithinDays", 0), ("isTest", "yes")):
        body = campaign | {"conditions": {key: wrong}}
        cases += [("POST", path, body, f"conditions.{key}") for path in (SEND, PATH + "/preview")]
    async with an_office(database_url) as office:
        document = await office.http.openapi()
        for method, path, body, field in cases:
            refused = await office.ask(method, path, body)
            data = refused.json if path == consents else refused.json["data"]
            assert (refused.status, data["code"], list(data["fields"])) == (400, "invalid", [field])
            described = document["paths"][path][method.lower()]["requestBody"]["content"]
            schema = described["application/json"]["schema"] | {
                "components": document["components"]
            }
            assert not jsonschema.Draft202012Validator(schema).is_valid(body)
        blank = await office.ask("POST", SEND, campaign | {"conditions": {"region": " "}})
        assert list(blank.json["data"]["fields"]) == ["conditions.region"]
        assert (await office.ask("GET", SEND)).json["data"]["items"] == []
        assert (await office.ask("GET", consents)).json["said"] == {}


async def test_an_admin_elsewhere_is_no_admin(database_url: str) -> None:
    async with an_office(database_url) as office:
        office.http.address = "203.0.113.9"
        for method, path, body in (
            ("POST", SEND, {"ageGroup": "TWENTIES", "message": COUPON}),
            ("GET", SEND, None),
        ):
            refused = await office.ask(method, path, body)
            assert (refused.status, refused.json["data"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize("channel", ["in_app", "http"])
async def test_a_job_of_a_thousand_people_completes(database_url: str, channel: str) -> None:
    async with office_and_provider(database_url) as (office, provider):
        await crowd(office.http, 1_000)
        job = await office.send(channel=channel)
        assert job["totalUsers"] == 1_000
        end = await office.over(job["jobId"])
        assert (end["status"], end["successCount"]) == ("COMPLETED", 1_000)
        sent = provider.phones()
        assert len(sent) == len(set(sent)) == (1_000 if channel == "http" else 0)
        figures = await office.http.database.fetch(
            "SELECT status, count(*) FROM bulk_message_recipients GROUP BY status"
        )
        assert [tuple(row) for row in figures] == [
            ("sent" if channel == "http" else "delivered", 1_000)
        ]
