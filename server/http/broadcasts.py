"""Broadcasts: sending one, what came of it, hearing others' and replying."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec
import trio

from actors.ports import AdapterError, WallClock
from actors.selection_records import Audience
from protocol.errors import ProtocolError
from protocol.limits import BROADCAST_TRIES, BROADCAST_TRY_EVERY_S
from server.files.intake import Intake, Recording
from server.http.auth import rate_limited
from server.http.bodies import invalid
from server.http.broadcast_parts import ONE, PATH, BroadcastParts
from server.http.broadcast_schemas import (
    FIELDS,
    Broadcast,
    Broadcasts,
    BroadcastsQuery,
    Form,
    as_of,
    form_of,
    sent,
)
from server.http.idempotency import LONGEST_KEY, REPLAY, Repeats
from server.http.multipart import form_with_file
from server.http.ports import Limits, Rate
from server.http.route import Answer, Call, NoQuery, Route
from server.ids import IdSource
from server.postgres.broadcast_making import NewBroadcast, too_many
from server.postgres.idempotency import Asked

AUDIO = "audio"
FORGET_WITHIN = 2.0
TRIES = Rate(per_second=1 / BROADCAST_TRY_EVERY_S, burst=BROADCAST_TRIES)
"""Recordings of one user that are taken in, good ones or not."""


class SendingRoutes:
    """The routes of senders."""

    def __init__(
        self,
        parts: BroadcastParts,
        *,
        intake: Intake,
        limits: Limits,
        repeats: Repeats,
        clock: WallClock,
        new_id: IdSource,
    ) -> None:
        self._stores, self._wake, self._new_seed = parts.stores, parts.wake, parts.new_seed
        self._intake, self._limits, self._repeats = intake, limits, repeats
        self._clock, self._new_id = clock, new_id

    async def create(self, call: Call[None, NoQuery]) -> Answer:
        """Send a recording (``audio``, 1 to 30 seconds) to those who are likely to answer.

        A form, with ``recipient_count`` (1 to 100) and perhaps ``schedule`` (milliseconds since
        1970), and ``group``, ``region``, ``gender``, ``age_from``, ``age_to``: all that is given
        must hold. Who hears it is chosen after the answer.
        """
        user_no, now = call.caller.user_no, self._clock.now_ms()
        if wait := await self._limits.take(f"broadcasts:{user_no}", TRIES):
            raise rate_limited(wait)
        if call.key is None and (wait := await self._stores.making.wait_ms(user_no, now=now)):
            raise too_many(wait)
        if call.mimetype != "multipart/form-data":
            raise invalid(AUDIO, "a multipart/form-data form is needed")
        with self._intake.counted(user_no):
            taken = await self._take(call)
        try:
            answer = await self._once(call, taken)
        except BaseException:
            await self._forget(user_no, taken.recording)
            raise
        if REPLAY in answer.headers:
            await self._forget(user_no, taken.recording)
        return answer

    async def _take(self, call: Call[None, NoQuery]) -> _Taken:
        form = await form_with_file(
            call.headers["Content-Type"], call.content, file=AUDIO, fields=FIELDS
        )
        digest = hashlib.sha256()
        recording = await self._intake.take_voice(
            call.caller.user_no, form.new, _hashed(form.content, digest.update)
        )
        digest.update(msgspec.json.encode(form.fields, order="sorted"))
        return _Taken(recording, form.fields, digest.digest())

    async def _once(self, call: Call[None, NoQuery], taken: _Taken) -> Answer:
        form = form_of(taken.fields)
        audience = form.audience(await self._group_no(form))
        if call.key is None:
            return await self._make(call, taken, form, audience, self._new_id())
        asked = Asked(call.caller.user_no, call.key, PATH, taken.digest)
        broadcast = self._repeats.id_of(asked)
        return await self._repeats.once_of(
            asked, lambda: self._make(call, taken, form, audience, broadcast)
        )

    async def _forget(self, user_no: int, recording: Recording) -> None:
        """Best effort: what no broadcast has goes by itself, after a while."""
        with trio.move_on_after(FORGET_WITHIN, shield=True), suppress(AdapterError, ProtocolError):
            await self._stores.files.remove(recording.file.id, user_no)

    async def _group_no(self, form: Form) -> int | None:
        if form.group is None:
            return None
        number = await self._stores.groups.number(form.group)
        if number is None:
            raise invalid("group", "no such group")
        return number

    async def _make(
        self,
        call: Call[None, NoQuery],
        taken: _Taken,
        form: Form,
        audience: Audience | None,
        broadcast: str,
    ) -> Answer:
        user_no, now = call.caller.user_no, self._clock.now_ms()
        new = NewBroadcast(
            broadcast,
            user_no,
            taken.recording.file.id,
            taken.recording.waveform,
            form.recipient_count,
            audience,
            now,
            form.start_at(now),
            self._new_seed(),
        )
        await self._stores.making.make(new)
        self._wake()
        await self._stores.lists.changed([user_no])
        rows = await self._stores.views.sent(user_no, only=broadcast)
        return Answer(201, as_of(sent(rows[0]), now))

    async def mine(self, call: Call[None, BroadcastsQuery]) -> Answer:
        """One's own broadcasts, newest first, with how many received, read and answered each."""
        return Answer(200, await self._stores.lists.sent(call.caller.user_no, call.query))

    async def cancel(self, call: Call[None, NoQuery]) -> Answer:
        """Take back a scheduled broadcast."""
        now = self._clock.now_ms()
        await self._stores.making.cancel(call.path["broadcast"], call.caller.user_no, at=now)
        await self._stores.lists.changed([call.caller.user_no])
        return Answer(204)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="POST",
                path=PATH,
                name="create_broadcast",
                summary="Send a recording to people who are likely to answer",
                handler=self.create,
                answers={201: Broadcast},
                refusals=(409, 410),
                takes_bytes=True,
                form=Form,
                file=AUDIO,
                key=LONGEST_KEY,
            ),
            Route(
                method="GET",
                path=PATH,
                name="list_broadcasts",
                summary="One's own broadcasts, newest first",
                handler=self.mine,
                query=BroadcastsQuery,
                answers={200: Broadcasts},
            ),
            Route(
                method="DELETE",
                path=ONE,
                name="cancel_broadcast",
                summary="Take back a scheduled broadcast",
                handler=self.cancel,
                answers={204: None},
                refusals=(409,),
            ),
        )


class _Taken(NamedTuple):
    recording: Recording
    fields: Mapping[str, str]
    digest: bytes


async def _hashed(
    parts: AsyncIterator[bytes], update: Callable[[bytes], None]
) -> AsyncIterator[bytes]:
    async for part in parts:
        update(part)
        yield part
