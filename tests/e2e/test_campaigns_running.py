"""Campaigns over HTTP while they run: scheduled, stopped, kept to the law, accounted for."""

from __future__ import annotations

import csv
import io

import structlog
import trio
import trio_asyncio
from campaign_calls import (
    ADVERTISING,
    COUPON,
    PATH,
    RUNNING,
    SEND,
    Office,
    a_provider,
    an_office,
    consent,
    crowd,
    office_and_provider,
    people,
    settings_for,
)
from provider_server import Exchange, serving

from server.campaigning import SharedRate
from server.memory.limits import LocalLimits
from server.redis.client import open_redis
from server.redis.limits import RedisLimits

AT_NIGHT_MS = 5 * 3_600_000  # from where the clock of these tests stands to 22:00 in Seoul


async def test_a_scheduled_job_waits_and_can_be_taken_back(database_url: str) -> None:
    async with an_office(database_url) as office:
        await people(office.http, 1)
        now = office.http.parts.clock
        assert now.now_ms() == 1_800_000_000_000
        one = await office.send(scheduledAt="2027-01-15T18:00:00+09:00")
        two = await office.send(scheduledAt=1_800_000_600_000)
        assert (one["status"], two["status"]) == ("SCHEDULED", "SCHEDULED")
        shown = await office.status(one["jobId"])
        assert shown["scheduledAt"] == "2027-01-15T18:00:00+09:00"
        assert (shown["startedAt"], shown["duration"]) == (None, None)
        taken = await office.ask("POST", f"{SEND}/{two['jobId']}/cancel")
        assert (taken.status, taken.json["data"]["status"]) == (200, "CANCELLED")
        now.ms += 3_600_000  # type: ignore[attr-defined]
        assert (await office.over(one["jobId"]))["status"] == "COMPLETED"
        assert (await office.status(two["jobId"]))["successCount"] == 0
        for wrong in ("2027-01-15T18:30:00", "soon", 1, "2028-01-01T00:00:00Z"):
            body = {"ageGroup": "TWENTIES", "message": "x", "scheduledAt": wrong}
            refused = await office.ask("POST", SEND, body)
            assert (refused.status, set(refused.json["data"]["fields"])) == (400, {"scheduledAt"})


async def test_who_looks_on_leaves_one_entry_an_hour(database_url: str) -> None:
    async with an_office(database_url) as office:
        await people(office.http, 1)
        job = (await office.send())["jobId"]
        await office.over(job)
        for hours in (0, 1):
            office.http.parts.clock.ms += hours * 3_600_000  # type: ignore[attr-defined]
            for _ in range(3):
                await office.status(job)
        reply = await office.ask("GET", "/api/v1/admin/audit?action=campaign.show")
        assert [each["details"] for each in reply.json["items"]] == [{"job": job}] * 2


async def test_a_scheduled_job_whose_answer_was_lost_is_found_also_late(database_url: str) -> None:
    async with an_office(database_url) as office:
        await people(office.http, 1)
        body = {"key": "one", "scheduledAt": "2027-01-15T18:00:00+09:00"}
        made = await office.send(**body)
        await office.http.database.execute("DELETE FROM idempotency_keys")
        office.http.parts.clock.ms += 3_600_000  # type: ignore[attr-defined]
        again = await office.send(**body)
        assert (again["jobId"], again["totalUsers"]) == (made["jobId"], 1)
        assert (await office.over(made["jobId"]))["successCount"] == 1


async def test_a_job_is_paused_gone_on_with_and_cancelled_and_nothing_else(
    database_url: str,
) -> None:
    async with a_provider() as provider:
        settings = settings_for(provider, MADANG_MESSAGE_API_RATE="100")
        async with an_office(database_url, settings) as office:
            await crowd(office.http, 300)
            provider.open[0] = trio.Event()
            job = (await office.send(channel="http"))["jobId"]
            await office.until(job, lambda data: data["status"] == "SENDING_MESSAGES")
            path = f"{SEND}/{job}"
            illegal = await office.ask("POST", path + "/resume")
            assert (illegal.status, illegal.json["data"]["code"]) == (409, "conflict")
            paused = await office.ask("POST", path + "/pause")
            assert (paused.status, paused.json["data"]["status"]) == (200, "PAUSED")
            assert paused.json["message"] == "작업이 일시 중지되었습니다."
            assert (await office.ask("POST", path + "/pause")).status == 409
            provider.open[0].set()
            resumed = await office.ask("POST", path + "/resume")
            assert resumed.json["data"]["status"] in RUNNING
            await office.until(job, lambda data: data["successCount"] > 0)
            cancelled = await office.ask("POST", path + "/cancel")
            assert cancelled.json["data"]["status"] == "CANCELLED"
            for command in ("pause", "resume", "cancel"):
                assert (await office.ask("POST", f"{path}/{command}")).status == 409
            await trio.sleep(1)
            end = await office.status(job)
            counts = [end[f"{kind}Count"] for kind in ("success", "failure", "unknown", "skipped")]
            assert sum(counts) == end["totalUsers"] == 300
            assert end["skippedCount"] > 0
            phones = provider.phones()
            assert len(phones) == len(set(phones)) < 300
            assert [entry[0] for entry in await office.audit()] == [
                "campaign.create",
                "campaign.pause",
                "campaign.resume",
                "campaign.cancel",
            ]


async def test_failures_alone_are_sent_to_again(database_url: str) -> None:
    async with office_and_provider(database_url) as (office, provider):
        await people(office.http, 6)
        provider.refuses.update({"010-1111-0001", "010-1111-0004"})
        job = (await office.send(channel="http", title="쿠폰"))["jobId"]
        first = await office.over(job)
        assert (first["status"], first["successCount"]) == ("PARTIALLY_FAILED", 4)
        assert first["failureCount"] == 2
        provider.refuses.clear()
        before = len(provider.messages())
        path = f"{SEND}/{job}/resend"
        again = await office.ask("POST", path, key="again")
        assert (again.status, again.json["data"]["totalUsers"]) == (202, 2)
        assert (await office.ask("POST", path, key="again")).json == again.json
        for pressed in ({"key": "more"}, {}):
            more = await office.ask("POST", path, **pressed)
            assert (more.status, more.json["data"]["code"]) == (409, "conflict")
        second = await office.over(again.json["data"]["jobId"])
        assert (second["status"], second["successCount"]) == ("COMPLETED", 2)
        assert (second["title"], second["resentAs"]) == ("쿠폰", None)
        assert (await office.status(job))["resentAs"] == second["jobId"]
        told = sorted(each["to"] for each in provider.messages()[before:])
        assert told == ["010-1111-0001", "010-1111-0004"]
        nobody = await office.ask("POST", f"{SEND}/{second['jobId']}/resend")
        assert (nobody.status, nobody.json["data"]["code"]) == (409, "conflict")


async def test_failures_of_a_test_send_are_sent_to_again(database_url: str) -> None:
    async with office_and_provider(database_url) as (office, provider):
        told = await people(office.http, 5)
        provider.refuses.update({"010-1111-0001", "010-1111-0002", "010-1111-0004"})
        body = {"message": COUPON, "channel": "http", "userIds": [each.id for each in told[:3]]}
        tried = await office.ask("POST", PATH + "/test", body)
        job = tried.json["data"]["jobId"]
        assert ((await office.over(job))["status"], tried.json["data"]["totalUsers"]) == (
            "PARTIALLY_FAILED",
            3,
        )
        provider.refuses.remove("010-1111-0002")
        total, phones = 2, ["010-1111-0001", "010-1111-0002"]
        for status in ("PARTIALLY_FAILED", "COMPLETED"):  # of a resend, too
            before = len(provider.messages())
            again = await office.ask("POST", f"{SEND}/{job}/resend")
            assert (again.status, again.json["data"]["totalUsers"]) == (202, total)
            job = again.json["data"]["jobId"]
            end = await office.over(job)
            assert (end["status"], end["totalUsers"], end["ageGroup"]) == (status, total, None)
            assert sorted(each["to"] for each in provider.messages()[before:]) == phones
            assert sorted(await office.by_phone(job)) == phones
            provider.refuses.clear()
            total, phones = 1, phones[:1]
        nobody = await office.ask("POST", f"{SEND}/{job}/resend")
        assert (nobody.status, nobody.json["data"]["code"]) == (409, "conflict")


async def test_results_are_pages_and_a_file_and_each_look_is_recorded(database_url: str) -> None:
    async with office_and_provider(database_url) as (office, provider):
        told = await people(office.http, 5)
        provider.refuses.add("010-1111-0003")
        job = (await office.send(channel="http"))["jobId"]
        await office.over(job)
        first = await office.results(job, "?limit=3")
        assert [each["userId"] for each in first["items"]] == [each.id for each in told[:3]]
        item = first["items"][0]
        assert set(item) == {"userId", "status", "reason", "attempt", "at", "providerId"}
        assert (item["status"], item["attempt"]) == ("sent", 1)
        assert item["providerId"] is None, "it may be a formula, and holds a phone"
        assert first["items"][1]["providerId"].startswith(job)
        assert item["at"].endswith("+09:00")
        rest = await office.results(job, f"?limit=3&cursor={first['next']}")
        assert ([each["userId"] for each in rest["items"]], rest["next"]) == (
            [each.id for each in told[3:]],
            None,
        )
        failed = await office.results(job, "?status=failed")
        assert [each["reason"] for each in failed["items"]] == ["provider_refused"]
        await check_file(office, job)
        looks = [entry for entry in await office.audit() if "results" in entry[0]]
        assert [entry[:2] for entry in looks] == [
            ("campaign.results", 3),
            ("campaign.results", 2),
            ("campaign.results", 1),
            ("campaign.results_file", 5),
        ]
        assert all(entry[2] == {"job": job} for entry in looks)
        for cursor, status in ((2**31 - 1, 200), (2**31, 400)):
            reply = await office.ask("GET", f"{SEND}/{job}/results?cursor={cursor}")
            assert reply.status == status


async def check_file(office: Office, job: str) -> None:
    file = await office.ask("GET", f"{SEND}/{job}/results.csv")
    assert (file.status, file.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert file.headers["Content-Disposition"] == f'attachment; filename="campaign-{job}.csv"'
    assert file.text.startswith("\ufeffuserId,status,reason,attempt,at,providerId\r\n")
    rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff"))))
    assert [row["status"] for row in rows] == ["sent", "sent", "sent", "failed", "sent"]
    assert [row["providerId"].rpartition("-")[0] for row in rows] == ["", job, job, "", job]


async def test_advertising_keeps_to_the_law_while_it_runs(database_url: str) -> None:
    async with a_provider() as provider:
        settings = settings_for(provider, MADANG_MESSAGE_API_RATE="10")
        async with an_office(database_url, settings) as office:
            told = await people(office.http, 40)
            for person in told:
                assert (await consent(office.http, person, given=True))["advertising"] is True
            body = {"ageGroup": "TWENTIES", "channel": "http", "advertising": True}
            for text, rule in (
                ("마당 할인", "label_missing"),
                ("(광고) 할인", "sender_missing"),
                ("(광고) 마당 할인", "opt_out_missing"),
            ):
                refused = await office.ask("POST", SEND, body | {"message": text})
                assert refused.status == 400
                assert refused.json["data"]["fields"] == {"message": rule}
            job = (await office.send(channel="http", advertising=True, message=ADVERTISING))[
                "jobId"
            ]
            await office.until(job, lambda data: data["successCount"] > 0)
            said = await consent(office.http, told[-1], given=False)
            assert said["said"]["advertising"]["source"] == "settings"
            end = await office.over(job)
            assert (end["status"], end["successCount"], end["skippedCount"]) == (
                "COMPLETED",
                39,
                1,
            )
            assert (await office.by_phone(job))["010-1111-0039"] == ("skipped", "opted_out")
            assert "010-1111-0039" not in provider.phones()


async def test_advertising_waits_for_the_morning_of_who_wants_none_at_night(
    database_url: str,
) -> None:
    async with an_office(database_url) as office:
        ann, bob = await people(office.http, 2)
        for person, night in ((ann, False), (bob, True)):
            path, body = (
                "/api/v1/users/me/consents",
                {"advertising": True, "advertising_night": night},
            )
            assert (await office.http.ask("PUT", path, body, token=person.token)).status == 200
        office.http.parts.clock.ms += AT_NIGHT_MS  # type: ignore[attr-defined]
        job = (await office.send(advertising=True, message=ADVERTISING))["jobId"]
        await office.until(job, lambda data: data["successCount"] == 1)
        found = {each["userId"]: each for each in (await office.results(job))["items"]}
        assert found[bob.id]["status"] == "delivered"
        assert (found[ann.id]["status"], found[ann.id]["reason"]) == ("queued", "night")
        assert (await office.status(job))["status"] == "SENDING_MESSAGES"


async def test_a_job_that_fails_too_often_is_paused_and_an_alert_is_posted(
    database_url: str,
) -> None:
    async def take(exchange: Exchange) -> bool:
        return await exchange.request() is not None and await exchange.answer(204)

    async with a_provider() as provider, serving(take) as watcher:
        settings = settings_for(
            provider,
            MADANG_ALERT_URL=f"http://127.0.0.1:{watcher.port}/alerts",
            MADANG_ALERT_SECRET="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        )
        async with an_office(database_url, settings) as office:
            await crowd(office.http, 1_000)
            provider.refuses.update(f"010-{number}" for number in range(1, 1_001))
            job = (await office.send(channel="http"))["jobId"]
            end = await office.over(job)
            assert (end["status"], end["reason"]) == ("PAUSED", "failure_rate")
            assert 50 <= end["failureCount"] < 1_000
            with trio.fail_after(10):
                while not watcher.received:  # noqa: ASYNC110 - as clients do
                    await trio.sleep(0.05)
            [alert] = watcher.received
            assert alert.json()["type"] == "campaign.failure_rate"
            assert alert.json()["data"]["job"] == job
            assert alert.headers["webhook-signature"].startswith("v1,")
            assert COUPON not in alert.body.decode() and "010-" not in alert.body.decode()
            provider.refuses.clear()
            assert (await office.ask("POST", f"{SEND}/{job}/resume")).status == 200
            assert (await office.over(job))["status"] == "PARTIALLY_FAILED"


async def test_the_rate_of_the_provider_is_that_of_all_nodes_together(redis_url: str) -> None:
    async with (
        trio_asyncio.open_loop(),
        open_redis(redis_url) as redis,
        trio.open_nursery() as nursery,
    ):
        log = structlog.get_logger()
        nodes = [
            SharedRate(RedisLimits(redis, fallback=LocalLimits(), log=log), 100) for _ in range(3)
        ]
        taken = 0

        async def take(rate: SharedRate) -> None:
            nonlocal taken
            while True:
                wait = await rate.take()
                taken += not wait
                await trio.sleep(wait)

        for rate in nodes:
            nursery.start_soon(take, rate)
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert 120 < taken <= 2 * 100 + 5 + 2
