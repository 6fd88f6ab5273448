"""Notifications for those who send them: to one or many, what became of them, taking back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import trio
from msgspec import UNSET, Raw, structs

from actors.notification_records import NewNotification, Platform
from actors.ports import WallClock
from actors.requests import Caller
from actors.rules.notification_types import TYPES, URGENT, priority_from, type_of
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.http.audit import Audit
from server.http.auth import rate_limited
from server.http.bodies import decode, invalid
from server.http.names import normal
from server.http.notification_content import data_of, texts_of
from server.http.notification_parts import PATH, NotificationParts
from server.http.notification_recipients import RIGHTS, Recipient
from server.http.notification_schemas import (
    AHEAD_MOST_MS,
    BatchResult,
    BatchResults,
    NewBatch,
    NewNotice,
    NotificationStatus,
    Outcome,
    OutcomeStatus,
    PlatformOutcome,
    SentNotice,
    millis,
    utc,
)
from server.http.ports import Limits, Rate
from server.http.route import Answer, Call, NoQuery, Route
from server.ids import IdSource
from server.postgres.notification_inbox import PlatformOutcome as StoredOutcome
from server.postgres.notification_inbox import SentNotification

SENT: Final = PATH + "/sent/{notification}"
SENDERS: Final = Rate(per_second=1.0, burst=20)
"""Notifications of one sender."""
RECIPIENTS: Final = Rate(per_second=240 / 3_600, burst=60)
"""Notifications to one person, whoever sends them: 300 in any hour."""
PAIRS: Final = Rate(per_second=40 / 3_600, burst=20)
"""Of one sender to one person: 60 in any hour, so that nobody uses up what all have."""
URGENT_PAIRS: Final = Rate(per_second=5 / 3_600, burst=5)
"""Of those the urgent ones: 10 in any hour."""
SCHEDULED_MOST, SCHEDULED_OWN_MOST = 100, 1_000
"""Those of one sender that are to go to one person later; and to himself."""
IN_ONE_TURN: Final = 25
"""Of a batch: then others have theirs."""

OF_THE_RECIPIENT: Final = frozenset(
    {
        *("inactive", "blocked", "read", "type_off", "no_endpoint", "online"),
        *("dnd", "quiet_hours", "digest", "platform_limit"),
        *("endpoint_gone", "address_refused", "not_authorized"),
    }
)
"""Reasons that are the recipient's own affair, which no sender learns."""


OPEN_TO_SENDERS: Final = ("pending", "sent")
"""What they are told of such a one all the same."""
WHOLE: Final[Sequence[NotificationStatus]] = ("pending", "sent", "unknown", "failed", "expired")
"""What they are told of all platforms: the first that one of them is, else ``cancelled``."""


class NotificationSending:
    """The routes of senders."""

    def __init__(
        self,
        parts: NotificationParts,
        *,
        limits: Limits,
        clock: WallClock,
        new_id: IdSource,
        audit: Audit,
    ) -> None:
        self._parts, self._recipients, self._limits = parts, parts.recipients, limits
        self._clock, self._new_id, self._audit = clock, new_id, audit

    async def send(self, call: Call[NewNotice, NoQuery]) -> Answer:
        """Notify somebody: a friend, somebody of a room or meeting of one's own, or oneself.

        The answer says that it is kept. Where it goes, and when, is decided when it is due, by what
        its recipient wants then; `/api/notifications/sent/{id}` tells what became of it.
        """
        caller, body = call.caller, call.body
        await self._take(caller, f"notify:{caller.user_no}", SENDERS, "you send too many")
        name = normal(body.recipient_id)
        recipient = (await self._recipients.named(caller, [name])).get(name)
        new = self._checked(caller, body, recipient)
        if caller.role not in RIGHTS and not await self._is_repeated(new):
            new = await self._bounded(caller, new)
        if recipient is not None and caller.role == "admin" and recipient.takes_right(new.type):
            about = {"notification": new.id, "type": new.type}
            await self._note(call, 1, subject_no=new.recipient_no, **about)
        [kept] = await self._parts.queue.enqueue([new])
        self._parts.wake()
        if not kept.is_repeated:
            due = utc(new.scheduled_at)
            return Answer(202, SentNotice(kept.id, "pending", due, repeated=False))
        return Answer(202, await self._first(caller, kept.id))

    async def _is_repeated(self, new: NewNotification) -> bool:
        """Whether it is there: whoever asks again until he has an answer is charged once."""
        sender, key = new.sender_no, new.dedupe_key
        if sender is None or key is None:
            return False
        return await self._recipients.relations.has_sent(sender, new.recipient_no, key)

    async def _bounded(self, caller: Caller, new: NewNotification) -> NewNotification:
        """As it may be kept, of so many for one person. Raises ProtocolError."""
        sender, to = caller.user_no, new.recipient_no
        if new.scheduled_at > new.created_at:
            relations = self._recipients.relations
            most = SCHEDULED_OWN_MOST if sender == to else SCHEDULED_MOST
            if await relations.scheduled(sender, to, now=new.created_at, most=most) >= most:
                text = f"{most} are scheduled for this person already"
                raise ProtocolError(ErrorCode.CONFLICT, text)
        if sender != to:
            text = "you send this person too many"
            await self._take(caller, f"notify:{sender}:{to}", PAIRS, text)
        text = "this person is sent too many by all together"
        await self._take(caller, f"notified:{to}", RECIPIENTS, text)
        is_urgent = new.priority == URGENT and sender != to
        if is_urgent and await self._limits.take(f"urgent:{sender}:{to}", URGENT_PAIRS):
            return structs.replace(new, priority=URGENT - 1)
        return new

    async def _first(self, caller: Caller, id: str) -> SentNotice:  # noqa: A002 - the field's name
        """How far one is that was there before."""
        found = await self._parts.inbox.sent(caller.user_no, id)
        if found is None:
            raise ProtocolError(ErrorCode.CONFLICT, "it was forgotten at the same time")
        return SentNotice(id, told_of(found).status, utc(found.scheduled_at), repeated=True)

    async def send_batch(self, call: Call[NewBatch, NoQuery]) -> Answer:
        """Notify many, each as if alone, for admins and the service's own account.

        The results are in the order of the notifications: what was refused does not keep the others
        from being sent.
        """
        caller = call.caller
        if caller.role not in RIGHTS:
            raise ProtocolError(ErrorCode.FORBIDDEN, "this is for admins and the service")
        notices = [_decoded(each) for each in call.body.notifications]
        names = [normal(each.recipient_id) for each in notices if isinstance(each, NewNotice)]
        found = await self._recipients.named(caller, list(dict.fromkeys(names)))
        checked = list[NewNotification | BatchResult]()
        for notice in notices:
            checked.append(self._tried(caller, notice, found))
            if len(checked) % IN_ONE_TURN == 0:
                await trio.lowlevel.checkpoint()
        new = [each for each in checked if isinstance(each, NewNotification)]
        if new and caller.role == "admin":
            await self._note(call, len(new))
        return Answer(202, BatchResults(await self._enqueue(new, checked)))

    async def _enqueue(
        self, new: Sequence[NewNotification], checked: Sequence[NewNotification | BatchResult]
    ) -> list[BatchResult]:
        kept = iter(await self._parts.queue.enqueue(new) if new else ())
        self._parts.wake()
        results = []
        for each in checked:
            if isinstance(each, NewNotification):
                id, is_repeated = next(kept)  # noqa: A001 - the field's name
                results.append(BatchResult(id=id, repeated=is_repeated))
            else:
                results.append(each)
        return results

    def _tried(
        self, caller: Caller, notice: NewNotice | ProtocolError, found: Mapping[str, Recipient]
    ) -> NewNotification | BatchResult:
        try:
            if isinstance(notice, ProtocolError):
                raise notice
            return self._checked(caller, notice, found.get(normal(notice.recipient_id)))
        except ProtocolError as error:
            fields = UNSET if error.fields is None else dict(error.fields)
            return BatchResult(code=error.code.value, fields=fields)

    def _checked(
        self, caller: Caller, notice: NewNotice, recipient: Recipient | None
    ) -> NewNotification:
        """As it is kept. Raises ProtocolError where it may not be sent."""
        if recipient is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "no such user")
        kind = type_of(notice.type)
        if kind is None:
            raise invalid("type", "must be one of: " + ", ".join(TYPES))
        recipient.check(kind)
        title, message = texts_of(
            notice.title, notice.message, forbidden=self._parts.terms.forbidden
        )
        data = data_of(notice.data)
        if len(set(notice.platforms)) < len(notice.platforms):
            raise invalid("platforms", "must name each platform once")
        now = self._clock.now_ms()
        due = _due(notice, now)
        is_fallback = notice.routing == "fallback"
        return NewNotification(
            id=self._new_id(),
            recipient_no=recipient.person.user_no,
            sender_no=caller.user_no,
            type=kind,
            title=title,
            message=message,
            data=data,
            platforms=tuple(notice.platforms),
            routing=notice.routing,
            unread_after_ms=notice.unread_after * 1_000 if is_fallback else 0,
            priority=priority_from(recipient.relations, kind, notice.priority),
            scheduled_at=due,
            expires_at=None if notice.ttl is None else Millis(due + notice.ttl * 1_000),
            dedupe_key=notice.dedupe_key,
            collapse_key=notice.collapse_key,
            created_at=now,
        )

    async def _take(self, caller: Caller, key: str, rate: Rate, text: str) -> None:
        if caller.role not in RIGHTS and (wait := await self._limits.take(key, rate)):
            raise rate_limited(wait, text)

    async def _note(self, call: Call[Any, NoQuery], count: int, **about: Any) -> None:
        """An admin uses what only he may."""
        await self._audit.seen(call, "notification.send", count=count, **about)

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        """What became of one that one has sent, on each of its platforms."""
        id = call.path["notification"]  # noqa: A001
        found = await self._parts.inbox.sent(call.caller.user_no, id)
        if found is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return Answer(200, told_of(found))

    async def cancel(self, call: Call[None, NoQuery]) -> Answer:
        """Send it nowhere where it has not gone yet. What is under way may still arrive."""
        id, now = call.path["notification"], self._clock.now_ms()  # noqa: A001
        was_waiting = await self._parts.inbox.cancel(call.caller.user_no, id, at=now)
        if was_waiting is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        if not was_waiting:
            found = await self._parts.inbox.sent(call.caller.user_no, id)
            if found is None or told_of(found).status != "sent":  # where it was: it may be read
                raise ProtocolError(ErrorCode.CONFLICT, "there is nothing left to be cancelled")
        return Answer(204)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="POST",
                path=PATH + "/send",
                name="send_notification",
                summary="Notify somebody",
                handler=self.send,
                body=NewNotice,
                answers={202: SentNotice},
                refusals=(403, 404, 409),
            ),
            Route(
                method="POST",
                path=PATH + "/send/batch",
                name="send_notifications",
                summary="Notify many",
                handler=self.send_batch,
                body=NewBatch,
                answers={202: BatchResults},
                refusals=(403,),
            ),
            Route(
                method="GET",
                path=SENT,
                name="show_sent_notification",
                summary="What became of a notification one has sent",
                handler=self.show,
                answers={200: Outcome},
            ),
            Route(
                method="DELETE",
                path=SENT,
                name="cancel_notification",
                summary="Take back a notification that was not sent yet",
                handler=self.cancel,
                answers={204: None},
                refusals=(409,),
            ),
        )


def _decoded(raw: Raw) -> NewNotice | ProtocolError:
    try:
        return decode(bytes(raw), NewNotice)
    except ProtocolError as error:
        return error


def told_of(stored: SentNotification) -> Outcome:
    """What its sender is told of it. Of a fallback no more than the first platform where it was
    sent: whether the next ones have their turn says whether it was read.
    """
    platforms = [outcome_of(each, has_ttl=stored.has_ttl) for each in stored.platforms]
    told = [each.status for each in platforms]
    if stored.is_fallback and "sent" in told:
        reached = told.index("sent") + 1
        return _outcome(stored, "sent", platforms[:reached])
    status: NotificationStatus = next((each for each in WHOLE if each in told), "cancelled")
    return _outcome(stored, status, platforms)


def _outcome(
    stored: SentNotification, status: NotificationStatus, platforms: list[PlatformOutcome]
) -> Outcome:
    due = utc(stored.scheduled_at)
    return Outcome(stored.id, stored.recipient, stored.title, due, status, platforms)


def outcome_of(stored: StoredOutcome, *, has_ttl: bool) -> PlatformOutcome:
    """What its sender is told of a platform: not what its recipient wants, or has read. What has
    no ``ttl`` expires for it was held back, which is the recipient's affair, too.
    """
    platform, status = cast("Platform", stored.platform), stored.status
    was_held_back = stored.reason == "expired" and not has_ttl
    if stored.reason not in OF_THE_RECIPIENT and not was_held_back:
        return PlatformOutcome(platform, cast("OutcomeStatus", status), stored.reason)
    if stored.reason == "read":
        status = "sent"  # he has it, there or elsewhere
    told = status if status in OPEN_TO_SENDERS else "skipped"
    return PlatformOutcome(platform, cast("OutcomeStatus", told), "")


def _due(notice: NewNotice, now: Millis) -> Millis:
    """When it is due: now, unless that is ahead."""
    if notice.scheduled_at is None:
        return now
    due = millis(notice.scheduled_at)
    if due > now + AHEAD_MOST_MS:
        raise invalid("scheduledAt", f"must be within {AHEAD_MOST_MS // 86_400_000} days")
    return max(due, now)
