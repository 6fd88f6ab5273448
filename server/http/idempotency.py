"""Idempotency-Key: the same request again gets the first answer again."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import msgspec
import trio

from actors.ports import AdapterError, WallClock
from protocol.errors import ErrorCode, ProtocolError
from server.http.bodies import invalid
from server.http.route import Answer, Call, NoQuery
from server.ids import keyed_id
from server.postgres.idempotency import Asked, Kept, KeptAnswers

S = TypeVar("S", bound=msgspec.Struct)

HEADER = "Idempotency-Key"
REPLAY = "Idempotency-Replay"
LONGEST_KEY = 255
SETTLE_WITHIN = 2.0
UNDER_WAY_MS = 1_000


def key_of(key: str | None, *, most: int) -> str | None:
    """The caller's *key*. Raises ProtocolError when it is none."""
    if key is not None and not (1 <= len(key) <= most and key.isascii() and key.isprintable()):
        raise invalid(HEADER, f"must be 1 to {most} printable ASCII characters")
    return key


class Repeats:
    """Answers repeated requests from what is kept.

    A request that was refused leaves its key free. One whose server died is tried again, so that
    what it makes must be named by ``id_of``: then it cannot be made twice.
    """

    def __init__(self, kept: KeptAnswers, *, clock: WallClock, ids_key: bytes) -> None:
        self._kept = kept
        self._clock = clock
        self._ids_key = ids_key

    def id_of(self, asked: Asked) -> str:
        """The id of what *asked* makes: the same however often it is made.

        Without the key none can be computed, which would tell who asked for what.
        """
        text = f"{asked.user_no}\n{asked.route}\n{asked.key}\n".encode() + asked.digest
        return keyed_id(self._ids_key, text)

    async def once(
        self,
        call: Call[S, NoQuery],
        route: str,
        work: Callable[[Asked | None], Awaitable[Answer]],
    ) -> Answer:
        """What *work* answers, or answered the first time this key came with this request."""
        if call.key is None:
            return await work(None)
        digest = hashlib.sha256(msgspec.json.encode(call.body)).digest()
        asked = Asked(call.caller.user_no, call.key, route, digest)
        return await self.once_of(asked, lambda: work(asked))

    async def once_of(self, asked: Asked, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """The same, for a request that is told from others by *asked*."""
        kept = await self._kept.claim(asked, at=self._clock.now_ms())
        if kept is not None:
            return _again(asked, kept)
        return await self._first(asked, work)

    async def _first(self, asked: Asked, work: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            answer = await work()
        except BaseException:
            await _settle(partial(self._kept.release, asked))
            raise
        body = msgspec.json.encode(answer.value).decode()
        await _settle(partial(self._kept.keep, asked, status=answer.status, body=body))
        return answer


async def _settle(work: Callable[[], Awaitable[None]]) -> None:
    """Leave the key as it should be; where that fails it counts as abandoned after a while."""
    with trio.move_on_after(SETTLE_WITHIN, shield=True), suppress(AdapterError):
        await work()


def _again(asked: Asked, kept: Kept) -> Answer:
    if (kept.route, kept.digest) != (asked.route, asked.digest):
        raise ProtocolError(ErrorCode.CONFLICT, "this Idempotency-Key was used for something else")
    if kept.status is None or kept.body is None:
        text = "the first request with this Idempotency-Key is under way"
        raise ProtocolError(ErrorCode.CONFLICT, text, retry_after_ms=UNDER_WAY_MS)
    return Answer(kept.status, msgspec.Raw(kept.body.encode()), {REPLAY: "true"})
