"""Campaigns over HTTP (specification 002): tried out and sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

import msgspec
import trio

from actors.campaign_records import Channel
from actors.ports import WallClock
from actors.rules.advertising import broken_rule
from actors.rules.campaign_states import JobStatus
from protocol.errors import ErrorCode, ProtocolError
from server.http.audit import Audit
from server.http.bodies import invalid
from server.http.campaign_envelope import PATH, Envelope, Text, good
from server.http.campaign_parts import CURRENCY, ONE, SEND, SERVICE, CampaignParts
from server.http.campaign_schemas import (
    BegunJob,
    Cost,
    NewCampaign,
    NewConditions,
    NewTest,
    Previewed,
    start_of,
)
from server.http.campaign_shown import forecast
from server.http.idempotency import LONGEST_KEY, Repeats
from server.http.names import normal
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.ids import IdSource
from server.postgres.campaign_making import Meant, NewJob
from server.postgres.idempotency import Asked
from server.postgres.users import UserStore

S = TypeVar("S", bound=msgspec.Struct)

JOB_IDS: Final = UUID("7ecd0c4e-2d5c-5d0d-9f3b-0d6b1a4f8c52")
TAKEN_UP_WITHIN_S: Final = 0.5
LOOK_EVERY_S: Final = 0.02
URGENT: Final = 4

BEGUN: Text = {
    "ko": "대량 메시지 발송이 시작되었습니다.",
    "en": "The mass sending has begun.",
}
SCHEDULED: Text = {
    "ko": "대량 메시지 발송이 예약되었습니다.",
    "en": "The mass sending is scheduled.",
}
PREVIEWED: Text = {"ko": "발송 대상 미리보기 성공", "en": "Whom the campaign would reach."}
TRIED: Text = {"ko": "테스트 발송이 시작되었습니다.", "en": "The test sending has begun."}
RESENT: Text = {
    "ko": "실패한 대상에게 재발송이 시작되었습니다.",
    "en": "Those who were not reached are sent to again.",
}


class CampaignSending:
    """The routes of those who send."""

    def __init__(
        self,
        parts: CampaignParts,
        *,
        users: UserStore,
        repeats: Repeats,
        clock: WallClock,
        new_id: IdSource,
        audit: Audit,
    ) -> None:
        self._parts, self._making, self._views = parts, parts.making, parts.views
        self._users, self._repeats, self._audit = users, repeats, audit
        self._clock, self._new_id = clock, new_id

    async def send(self, call: Call[NewCampaign, NoQuery]) -> Answer:
        """Send one message to everyone of an age group, each of them once."""
        body = call.body

        async def work(asked: Asked | None) -> Answer:
            job = self._id_of(asked)
            made = None if asked is None else await self._views.one(job)
            total = made["total_users"] if made else await self._send(call, job)
            text = BEGUN if body.scheduled_at is None else SCHEDULED
            return await self._begun(call, job, total, body.channel, text)

        return await self._repeats.once(call, "send_campaign", work)

    async def _send(self, call: Call[NewCampaign, NoQuery], job: str) -> int:
        """Make it; how many it is for."""
        body = call.body
        start_at = start_of(body.scheduled_at, self._clock.now_ms())
        self._check(body.message, body.channel, advertising=body.advertising)
        new = NewJob(
            job,
            await self._meant(body),
            body.message,
            body.priority,
            body.ramp,
            start_at,
            body.title.strip(),
        )
        return await self._making.create(new, self._audit.by(call))

    async def test(self, call: Call[NewTest, NoQuery]) -> Answer:
        """Send a message to 1 to 20 named people, as a job like others."""
        body = call.body

        async def work(asked: Asked | None) -> Answer:
            self._check(body.message, body.channel, advertising=body.advertising)
            names = list(dict.fromkeys(map(normal, body.user_ids)))
            found = await self._users.named(names)
            people = {name: one for name, one in found.items() if one.role != "service"}
            if missing := [name for name in names if name not in people]:
                raise invalid("userIds", f"no such user: {missing[0]}")
            numbers = sorted({one.user_no for one in people.values()})
            by, meant = self._audit.by(call), await self._meant(body)
            new = NewJob(self._id_of(asked), meant, body.message, URGENT, False, by.at)  # noqa: FBT003
            total = await self._making.create_test(new, numbers, by)
            return await self._begun(call, new.id, total, body.channel, TRIED)

        return await self._repeats.once(call, "test_campaign", work)

    async def resend(self, call: Call[None, NoQuery]) -> Answer:
        """Send again to those whom a job, which is over, failed to reach, and to nobody else."""
        of = call.path["job"]

        async def work(asked: Asked | None) -> Answer:
            channel = (await self._row(of))["channel"]
            job = self._id_of(asked)
            total = await self._making.resend_failures(of, job, self._audit.by(call))
            return await self._begun(call, job, total, channel, RESENT)

        if call.key is None:
            return await work(None)
        asked = Asked(call.caller.user_no, call.key, f"resend_campaign {of}", b"")
        return await self._repeats.once_of(asked, lambda: work(asked))

    async def preview(self, call: Call[NewCampaign, NoQuery]) -> Answer:
        """Whom it would reach, who is left out and why, what it costs and how long it takes."""
        body, now = call.body, self._clock.now_ms()
        start_of(body.scheduled_at, now)
        self._check_channel(body.channel)
        found = await self._making.preview(await self._meant(body), at=now)
        await self._audit.seen(
            call, "campaign.preview", count=found.reached, group=body.age_group.value
        )
        each = self._parts.terms.cost if body.channel == "http" else 0.0
        broken = self._broken(body.message) if body.advertising else None
        per_second = await self._parts.per_second(body.channel)
        data = Previewed(
            total_users=found.reached,
            sample=list(found.sample),
            left_out=dict(found.left_out),
            cost=Cost(each, round(each * found.reached, 2), CURRENCY),
            estimated_duration=forecast(found.reached, per_second),
            broken_rule=broken,
        )
        return good(call.headers, PREVIEWED, data)

    def _check(self, message: str, channel: Channel, *, advertising: bool) -> None:
        self._check_channel(channel)
        if not message.strip():
            raise invalid("message", "must not be blank")
        if advertising and (broken := self._broken(message)):
            raise invalid("message", broken)

    def _check_channel(self, channel: Channel) -> None:
        if channel not in self._parts.terms.per_second:
            raise invalid("channel", "the server has no provider for it")

    def _broken(self, message: str) -> str | None:
        rule = broken_rule(message, self._parts.terms.service_name)
        return None if rule is None else rule.value

    async def _meant(self, body: NewCampaign | NewTest) -> Meant:
        terms = self._parts.terms
        sender_no = await self._making.ensure_service(SERVICE, terms.service_name)
        group, conditions = None, None
        if isinstance(body, NewCampaign):
            group, conditions = body.age_group, body.conditions
        return Meant(
            sender_no,
            group,
            (conditions or NewConditions()).checked(),
            body.channel,
            body.advertising,
            terms.zone,
        )

    def _id_of(self, asked: Asked | None) -> str:
        """As the specification has it: a UUID."""
        known = self._new_id() if asked is None else self._repeats.id_of(asked)
        return str(uuid5(JOB_IDS, known))

    async def _begun(
        self, call: Call[Any, NoQuery], job: str, total: int, channel: Channel, text: Text
    ) -> Answer:
        self._parts.running.wake()
        took = forecast(total, await self._parts.per_second(channel))
        status = await self._taken_up(job)
        return good(call.headers, text, BegunJob(job, total, took, status), status=202)

    async def _taken_up(self, job: str) -> JobStatus:
        """Where it stands once a node has taken it up, which is soon, or else anyway."""
        status = JobStatus((await self._row(job))["status"])
        with trio.move_on_after(TAKEN_UP_WITHIN_S):
            while status is JobStatus.CREATED:
                await trio.sleep(LOOK_EVERY_S)
                status = JobStatus((await self._row(job))["status"])
        return status

    async def _row(self, job: str) -> Mapping[str, Any]:
        row = await self._views.one(job)
        if row is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return row

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            _make(
                SEND, "send_campaign", "Send to everyone of an age group", self.send, NewCampaign
            ),
            _make(PATH + "/test", "test_campaign", "Send to named people", self.test, NewTest),
            Route(
                method="POST",
                path=PATH + "/preview",
                name="preview_campaign",
                summary="Whom a campaign would reach",
                access=Access.ADMIN,
                handler=self.preview,
                body=NewCampaign,
                answers={200: Envelope[Previewed]},
            ),
            _make(ONE + "/resend", "resend_campaign", "Send to those who failed", self.resend),
        )


def _make(
    path: str,
    name: str,
    summary: str,
    handler: Callable[[Call[Any, Any]], Awaitable[Answer]],
    body: type[msgspec.Struct] | None = None,
) -> Route:
    return Route(
        method="POST",
        path=path,
        name=name,
        summary=summary,
        access=Access.ADMIN,
        handler=handler,
        body=body,
        answers={202: Envelope[BegunJob]},
        refusals=(409,),
        key=LONGEST_KEY,
    )
