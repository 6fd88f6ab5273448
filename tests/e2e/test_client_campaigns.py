"""What the Python client asks of campaigns, of the real server and of a provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest
import trio
from campaign_calls import Provider, a_provider
from running_server import Person, RunningServer
from test_blind import grant
from test_campaigns_live import person

from protocol.client import Client, RequestError, open_client

SOON_MS = 3_600_000
OVER = {"COMPLETED", "PARTIALLY_FAILED", "FAILED", "CANCELLED"}


def server_of(folder: Path, provider: Provider) -> RunningServer:
    environ = {
        "MADANG_PRIVATE_ADDRESSES": "1",
        "MADANG_MESSAGE_API_URL": f"http://127.0.0.1:{provider.server.port}/v1",
        "MADANG_MESSAGE_API_KEY": "key",
    }
    return RunningServer(folder, **environ)


def people(server: RunningServer, count: int) -> list[Person]:
    """Of some twenty years, with phones that end in 0, 1, …"""
    found = [person(server, f"reader{number}") for number in range(count)]
    for number, each in enumerate(found):
        phone = {"phone": f"010-1111-{number:04}"}
        server.call("PATCH", "/api/v1/me", phone, token=each.token)
    return found


def chief_of(server: RunningServer) -> Person:
    chief = server.sign_up("chief")
    grant(server, chief)
    return chief


async def told(client: AsyncIterator[Any], job: str, *statuses: str) -> Any:
    """The next progress of *job* with one of these."""
    async for event in client:
        if event.t == "progress" and event.job == job and event.status in statuses:
            return event
    raise AssertionError("the client ended")


async def refused(call: Awaitable[Any], code: str) -> RequestError:
    with pytest.raises(RequestError) as info:
        await call
    assert info.value.code == code
    return info.value


async def test_a_program_sends_campaigns_and_watches_them(open_folder: Path) -> None:
    async with a_provider() as provider:
        with server_of(open_folder / "sdk-campaigns", provider) as server:
            readers, chief = people(server, 3), chief_of(server)
            with trio.fail_after(90):
                async with (
                    open_client(server.url, chief.token) as one,
                    open_client(server.url, readers[0].token, listen=False) as two,
                ):
                    job = await sent(one, provider, readers)
                    await sent_again(one, provider, job)
                    await stopped(one, provider)
                    await tried(one, readers[2])
                    await refused_to(one, two)


async def sent(one: Client, provider: Provider, readers: list[Person]) -> str:
    """A campaign that one of three does not take: its id."""
    provider.refuses.add("010-1111-0001")
    seen = await one.preview_campaign("TWENTIES", "hi", channel="http")
    assert (seen.totalUsers, seen.sample) == (3, [each.id for each in readers])
    fields = {"channel": "http", "title": "쿠폰", "priority": 4}
    made = await one.send_campaign("TWENTIES", "할인 쿠폰", key="once", **fields)
    again = await one.send_campaign("TWENTIES", "할인 쿠폰", key="once", **fields)
    assert (made.totalUsers, again.jobId) == (3, made.jobId)
    job = str(made.jobId)
    await one.watch_job(job)
    last = await told(one, job, *OVER)
    assert (last.status, last.total, last.done, last.failed) == ("PARTIALLY_FAILED", 3, 3, 1)
    shown = await one.show_campaign(job)
    assert (shown.title, shown.priority, shown.successCount) == ("쿠폰", 4, 2)
    failed = await one.campaign_results(job, status="failed")
    assert [each.userId for each in failed["items"]] == [readers[1].id]
    page = await one.campaign_results(job, limit=2)
    rest = await one.campaign_results(job, after=page.next, limit=2)
    assert [len(each["items"]) for each in (page, rest)] == [2, 1]
    return job


async def sent_again(one: Client, provider: Provider, job: str) -> None:
    provider.refuses.clear()
    again = await one.resend_campaign(job, key="again")
    assert (await one.resend_campaign(job, key="again")).jobId == again.jobId
    await one.watch_job(again.jobId)
    last = await told(one, again.jobId, *OVER)
    assert (last.status, last.total, last.done) == ("COMPLETED", 1, 1)
    await refused(one.resend_campaign(again.jobId), "conflict")
    newest = await one.campaigns(limit=1)
    assert [each.jobId for each in newest["items"]] == [again.jobId]
    older = await one.campaigns(after=newest.next, limit=1)
    assert [each.jobId for each in older["items"]] == [job]
    found = await one.campaigns(status="PARTIALLY_FAILED")
    assert [each.jobId for each in found["items"]] == [job]


async def stopped(one: Client, provider: Provider) -> None:
    provider.open[0] = trio.Event()
    job = (await one.send_campaign("TWENTIES", "hi", channel="http")).jobId
    await one.watch_job(job)
    await told(one, job, "SENDING_MESSAGES")
    assert (await one.pause_campaign(job)).status == "PAUSED"
    await told(one, job, "PAUSED")
    await refused(one.pause_campaign(job), "conflict")
    assert (await one.resume_campaign(job)).jobId == job
    assert (await one.cancel_campaign(job)).status == "CANCELLED"
    provider.open[0].set()
    await told(one, job, "CANCELLED")
    await one.watch_job(job, on=False)


async def tried(one: Client, reader: Person) -> None:
    made = await one.test_campaign([reader.username], "hi", key="try")
    again = await one.test_campaign([reader.username], "hi", key="try")
    assert (made.totalUsers, again.jobId) == (1, made.jobId)
    await one.watch_job(made.jobId)
    assert (await told(one, made.jobId, *OVER)).status == "COMPLETED"
    assert (await one.show_campaign(made.jobId)).ageGroup is None


async def refused_to(one: Client, two: Client) -> None:
    """What is refused, and to whom; and what everybody may say of himself."""
    error = await refused(one.send_campaign("NINETIES", "hi"), "invalid")
    assert "ageGroup" in error.fields
    error = await refused(one.send_campaign("TWENTIES", "할인", advertising=True), "invalid")
    assert error.fields == {"message": "label_missing"}
    await refused(one.show_campaign("none/such"), "not_found")
    await refused(two.campaigns(), "forbidden")
    await refused(two.watch_job("none"), "not_found")
    assert (await two.consents()).advertising is False
    agreed = await two.change_consents(advertising=True)
    assert (agreed.advertising, agreed.advertising_night) == (True, False)
    assert (await two.change_consents(advertising_night=True)).advertising is True


async def test_what_is_watched_is_watched_again_after_a_restart(open_folder: Path) -> None:
    """More of them than a server takes at once."""
    with RunningServer(open_folder / "sdk-watching") as server:
        chief = chief_of(server)
        with trio.fail_after(90):
            async with open_client(server.url, chief.token) as one:
                at = await one.ping() + SOON_MS
                jobs = [
                    (await one.send_campaign("TEENS", f"{number}", scheduledAt=at)).jobId
                    for number in range(12)
                ]
                for job in jobs:
                    await one.watch_job(job)
                    await told(one, job, "SCHEDULED")
                await one.watch_job(jobs[0], on=False)
                await trio.to_thread.run_sync(server.kill)
                await trio.to_thread.run_sync(server.start)
                while (await anext(one)).t != "welcome":
                    pass
                for job in sorted(jobs[1:]):
                    await told(one, job, "SCHEDULED")
                await one.cancel_campaign(jobs[0])
                await one.cancel_campaign(jobs[1])
                event = await anext(one)
                assert (event.t, event.job, event.status) == ("progress", jobs[1], "CANCELLED")
