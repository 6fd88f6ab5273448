"""The client on trio: its calls wait, its events are iterated, and one task keeps it connected."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from secrets import randbelow, token_urlsafe
from typing import Any, Final

import trio

from protocol.client.calls import HttpCalls
from protocol.client.core import BROKEN, Core, Settled
from protocol.client.errors import BrokenStream, ClientError, ConnectionLost, RequestTimeout
from protocol.client.http import Http
from protocol.client.line import Line, LineLost, dial
from protocol.client.record import Record
from protocol.client.rooms import Rooms
from protocol.limits import PING_MS

OPEN_WITHIN_S: Final = 20.0
MOST_SENDS: Final = 256
MOST_REQUESTS: Final = 64
MOST_EVENTS: Final = 1_000
LEFT: Final = 1000


class Bell:
    """Wakes whoever waits; they look again at what they waited for."""

    def __init__(self) -> None:
        self._rung = trio.Event()

    def ring(self) -> None:
        """Wake all who wait now."""
        self._rung.set()
        self._rung = trio.Event()

    async def wait(self, until: float | None = None) -> None:
        """Return at the next ring, or at *until*."""
        with trio.move_on_at(trio.current_time() + PING_MS / 1000 if until is None else until):
            await self._rung.wait()


class Waiting:
    """Where one call waits for what becomes of it."""

    def __init__(self) -> None:
        self.done = trio.Event()
        self._outcome: Record | ClientError | None = None

    def settle(self, outcome: Record | ClientError) -> None:
        """This became of it."""
        self._outcome = outcome
        self.done.set()

    def result(self) -> Record:
        """The answer, or the error raised."""
        assert self._outcome is not None  # noqa: S101 - called once it is done
        if isinstance(self._outcome, ClientError):
            raise self._outcome
        return self._outcome


class Client(HttpCalls):
    """A user's client: iterate it for events, call it to act. Made by `open_client`.

    A connection that breaks is replaced, and what was missed comes on the new one; then there is a
    ``welcome`` among the events, as `rooms` is new too. Every call waits at most ``within`` seconds
    for its answer, over any number of connections, and raises RequestTimeout then; RequestError
    when the server refuses; ClientClosed when there will be no connection any more. `typing` and
    `ping` are about the present connection: they raise ConnectionLost where there is none.
    """

    def __init__(self, core: Core, http: Http, *, within: float, new_id: Callable[[], str]) -> None:
        self._core, self._http, self._within, self._new_id = core, http, within, new_id
        self._waiting: dict[int, Waiting] = {}
        self._sends, self._asks = trio.Semaphore(MOST_SENDS), trio.Semaphore(MOST_REQUESTS)
        self._to_write, self._to_read, self._to_take = Bell(), Bell(), Bell()
        self._now = trio.CancelScope()

    @property
    def user(self) -> str:
        """The id of the user whose token it is."""
        return self._core.user

    @property
    def rooms(self) -> Rooms:
        """The summaries of the user's rooms by id, as of now."""
        return self._core.rooms

    # ---- events

    def __aiter__(self) -> AsyncIterator[Record]:
        return self

    async def __anext__(self) -> Record:
        while (event := self._core.take()) is None:
            self._core.check()
            await self._to_take.wait()
        self._to_read.ring()
        if self._core.is_behind:
            self._now.cancel()
        return event

    # ---- calls

    async def send(  # noqa: PLR0913 - the fields of the frame
        self,
        room: str,
        body: str,
        *,
        reply_to: int | None = None,
        thread: int | None = None,
        mentions: Sequence[str] | None = None,
        files: Sequence[str] | None = None,
        id: str | None = None,  # noqa: A002 - the wire's name
    ) -> Record:
        """Post a message; its ``ack`` (room, id, seq, at, dup) once it is stored.

        *files* are ids of one's own (see `upload`); with them the body may be empty.

        Until then it is sent again, with the same id, on every new connection. While too many
        messages wait this one waits for its turn. After RequestTimeout it may have been stored all
        the same: ``send`` with the id of the error tells.
        """
        id = id or self._new_id()  # noqa: A001 - the wire's name
        fields: dict[str, Any] = {"room": room, "id": id, "body": body}
        fields |= {"reply_to": reply_to, "thread": thread}
        fields["files"] = None if files is None else list(files)
        named = None if mentions is None else list(mentions)
        try:
            with trio.fail_after(self._within):
                async with self._sends:
                    return await self._settled(self._core.send({**fields, "mentions": named}))
        except trio.TooSlowError:
            raise RequestTimeout(f"no answer in {self._within} s", id=id) from None

    async def edit(self, room: str, seq: int, body: str) -> Record:
        """Give one's own message another body; ``ok`` with the seq and time of the change."""
        return await self._ask({"t": "edit", "room": room, "seq": seq, "body": body})

    async def delete(self, room: str, seq: int) -> Record:
        """Take a message back; ``ok``, without a seq where it was deleted already."""
        return await self._ask({"t": "delete", "room": room, "seq": seq})

    async def react(self, room: str, seq: int, emoji: str, *, on: bool = True) -> Record:
        """Put *emoji* on a message or take it off; ``ok``, without a seq where nothing changed."""
        return await self._ask({"t": "react", "room": room, "seq": seq, "emoji": emoji, "on": on})

    async def pin(self, room: str, seq: int, *, on: bool = True) -> Record:
        """Pin a message or unpin it; ``ok``, without a seq where nothing changed."""
        return await self._ask({"t": "pin", "room": room, "seq": seq, "on": on})

    async def read(self, room: str, seq: int, *, thread: int | None = None) -> None:
        """Move the read cursor forward to *seq*: of the room, or of the *thread* of that root."""
        await self._ask({"t": "read", "room": room, "seq": seq, "thread": thread})

    async def mark_unread(self, room: str, seq: int) -> None:
        """Have *room* unread again from *seq* on, on all devices; 0 takes that back."""
        await self._ask({"t": "mark_unread", "room": room, "seq": seq})

    async def typing(self, room: str, *, on: bool = True) -> None:
        """Show the others of the room that the user types, or stopped."""
        await self._ask({"t": "typing", "room": room, "on": on}, lasting=False)

    async def history(
        self,
        room: str,
        *,
        after: int | None = None,
        before: int | None = None,
        around: int | None = None,
        limit: int | None = None,
        thread: int | None = None,
    ) -> Record:
        """A ``page`` of the room (events, more, upto): the newest, or what a bound asks for."""
        bounds = {"after": after, "before": before, "around": around}
        fields = {"room": room, **bounds, "limit": limit, "thread": thread}
        return await self._ask({"t": "history", **fields})

    async def watch(self, users: Sequence[str], *, room: str | None = None) -> None:
        """Have ``presence`` events of *users*: now, and whenever it changes.

        With a blind *room* the users are its pseudonyms.
        """
        await self._ask({"t": "presence", "watch": list(users), "room": room})

    async def unwatch(self, users: Sequence[str], *, room: str | None = None) -> None:
        """Have them no more."""
        await self._ask({"t": "presence", "unwatch": list(users), "room": room})

    async def status(self, state: str) -> None:
        """Be shown as online, away, dnd or invisible. ``away`` ends with the connection."""
        await self._ask({"t": "status", "state": state})

    async def seen(self, *ids: str) -> None:
        """Notifications with these ids were seen: they come no more.

        The user's other connections get an event ``notification_gone`` with the ``ids``.
        """
        await self._ask({"t": "seen", "ids": list(ids)})

    async def watch_job(self, job: str, *, on: bool = True) -> None:
        """Have ``progress`` events of a campaign, or of a broadcast of one's own: now, and whenever
        it changes; with *on* false no more.

        A new connection shows it again by itself, or there is an ``error`` event with its ``job``.
        """
        await self._ask({"t": "watch_job", "job": job, "on": on})

    async def ping(self) -> int:
        """The server's time, in milliseconds since the epoch."""
        pong = await self._ask({"t": "ping"}, lasting=False)
        return int(pong["time"])

    async def _ask(self, fields: dict[str, Any], *, lasting: bool = True) -> Record:
        try:
            with trio.fail_after(self._within):
                async with self._asks:
                    return await self._settled(self._core.request(fields, lasting=lasting))
        except trio.TooSlowError:
            raise RequestTimeout(f"no answer in {self._within} s") from None

    async def _settled(self, number: int) -> Record:
        waiting = self._waiting[number] = Waiting()
        self._to_write.ring()
        self._to_read.ring()
        try:
            await waiting.done.wait()
        finally:
            del self._waiting[number]
            if not waiting.done.is_set():
                self._core.give_up(number)
        return waiting.result()

    # ---- the connection

    async def _until_open(self) -> None:
        """Wait for the first ``welcome``. Raises ClientClosed, and ConnectionLost in the end."""
        with trio.move_on_after(self._within):
            while not self._core.is_open:
                self._core.check()
                await self._to_take.wait()
            return
        raise ConnectionLost(self._core.failure)

    async def _stay_connected(self, url: str) -> None:
        """Be connected until it is over. Shielded: `_leave` ends it, in good order."""
        with trio.CancelScope(shield=True):
            while not self._core.is_over:
                code, reason = BROKEN, "hung up"
                async with trio.open_nursery() as sockets:
                    with trio.CancelScope() as self._now:
                        await trio.sleep_until(self._core.reconnect_at)
                        code, reason = await self._one_connection(sockets, url)
                    sockets.cancel_scope.cancel()
                self._tell(self._core.lost(code, reason, trio.current_time()))

    async def _one_connection(self, sockets: trio.Nursery, url: str) -> tuple[int, str]:
        """Connect and converse: the close code and its reason. *sockets* outlives hanging up."""
        try:
            with trio.fail_after(OPEN_WITHIN_S):
                line = await dial(sockets, url, quiet_s=2 * PING_MS / 1000)
        except LineLost as error:
            return error.code, error.reason
        except trio.TooSlowError:
            return BROKEN, "no answer to the opening"
        try:
            return await self._converse(line)
        finally:
            await line.hang_up()

    async def _converse(self, line: Line) -> tuple[int, str]:
        self._core.opened()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, line)
            ended = await self._read(line)
            nursery.cancel_scope.cancel()
        return ended

    async def _read(self, line: Line) -> tuple[int, str]:
        """Hear the server until the line is lost: the close code and its reason."""
        try:
            with trio.fail_after(OPEN_WITHIN_S):
                while not self._core.is_open:
                    await self._hear(line)
            self._to_write.ring()
            line.allow_quiet(2 * self._core.ping_ms / 1000)
            while True:
                while not self._core.wants_more:
                    await self._to_read.wait()
                await self._hear(line)
        except LineLost as error:
            return error.code, error.reason
        except BrokenStream as error:
            return BROKEN, str(error)
        except trio.TooSlowError:
            return BROKEN, "no welcome"

    async def _hear(self, line: Line) -> None:
        data = await line.receive()
        settled = self._core.received(data, trio.current_time())
        self._tell(settled)
        if self._waiting or settled:
            self._to_write.ring()

    async def _write(self, line: Line) -> None:
        """Write what there is to write. When the line is lost the reader learns it too."""
        while True:
            now = trio.current_time()
            payload = self._core.next_payload(now)
            if payload is None:
                await self._to_write.wait(self._core.held_until(now))
                continue
            try:
                await line.send(payload)
            except LineLost:
                return

    def _leave(self) -> None:
        self._tell(self._core.end(LEFT, "the program left"))
        self._now.cancel()

    def _tell(self, settled: list[Settled]) -> None:
        for number, outcome in settled:
            waiting = self._waiting.get(number)
            if waiting is not None:
                waiting.settle(outcome)
        self._to_take.ring()


def fair_chance() -> float:
    """A number in [0, 1)."""
    return randbelow(2**32) / 2**32


@asynccontextmanager
async def open_client(  # noqa: PLR0913 - each is a value the program may choose
    url: str,
    token: str,
    *,
    device: str | None = None,
    listen: bool = True,
    within: float = 30.0,
    chance: Callable[[], float] = fair_chance,
    new_id: Callable[[], str] = token_urlsafe,
) -> AsyncIterator[Client]:
    """A client that is connected when the block begins, and comes back by itself within it.

    *url* is the server's address, with or without ``/ws``; *device* names this device, the same
    each time. A program that never iterates says ``listen=False`` and gets no events. Raises
    ClientClosed when the server does not want this token, ConnectionLost when it cannot be reached
    *within* so many seconds, which are also what each call may take. What the block raises leaves
    it as it is, not in a group.
    """
    http = Http(url, token, within=within)
    core = Core(
        token=token,
        device=device,
        listen=listen,
        chance=chance,
        most_events=MOST_EVENTS,
        most_sends=MOST_SENDS,
    )
    client = Client(core, http, within=within, new_id=new_id)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client._stay_connected, url)
        try:
            await client._until_open()
            yield client
        except Exception as error:  # noqa: BLE001 - raised below, where the nursery wraps it in no group
            failure = error
        finally:
            client._leave()
    if failure is not None:
        raise failure
