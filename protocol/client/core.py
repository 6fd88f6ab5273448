"""The client without I/O: messages of the server in, answers, events and messages to write out.

It has no clock, no chance and no tasks: time comes with each call, in seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from protocol.client.backoff import Backoff, may_reconnect
from protocol.client.errors import (
    BrokenStream,
    ClientClosed,
    ClientError,
    ConnectionLost,
    RequestError,
)
from protocol.client.outbox import Key, Outbox
from protocol.client.record import Record, decode, encode
from protocol.client.requests import Request, Requests
from protocol.client.resume import Resume
from protocol.client.rooms import Rooms
from protocol.client.watched_jobs import WatchedJobs
from protocol.limits import MAX_FRAME

NOT_NOW: Final = frozenset({"rate_limited", "unavailable"})
RETRY_S: Final = 1.0
BROKEN: Final = 1006


class Settled(NamedTuple):
    """What became of the call *number*."""

    number: int
    outcome: Record | ClientError


class _Phase(Enum):
    AWAY = auto()
    OPENING = auto()
    OPEN = auto()
    OVER = auto()


class Core:
    """One client over all its connections.

    Every call is settled at most once, and exactly once unless it is given up. Events of a room
    come out in the order of its log, each once; where some cannot be had, a ``gap`` stands for
    them. At most ``most_events`` wait for the program: then nothing more is read, but while calls
    wait for answers. What comes with these is left out, and asked for again by a new connection as
    soon as the program has taken half of what waits (`is_behind`).
    """

    def __init__(
        self,
        *,
        token: str,
        device: str | None,
        listen: bool,
        chance: Callable[[], float],
        most_events: int,
        most_sends: int,
    ) -> None:
        self._token, self._device, self._listen = token, device, listen
        self._chance, self._backoff = chance, Backoff(chance)
        self._most_events = most_events
        self._events: deque[Record] = deque()
        self._outbox, self._requests = Outbox(most=most_sends), Requests()
        self._resume, self._resumed = Resume(), dict[str, int]()
        self._watched, self._jobs = set[str](), WatchedJobs()
        self._phase, self._left_out = _Phase.AWAY, False
        self._first: deque[bytes] = deque()
        self._goodbye, self._open_since = Record(), 0.0
        self._last_number = 0
        self._end: tuple[int, str] | None = None
        self.rooms = Rooms()
        self.user = ""
        self.ping_ms = 0
        self.reconnect_at = 0.0
        self.failure = "not connected yet"

    # ---- what the program sees

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, and ``welcome`` came on it."""
        return self._phase is _Phase.OPEN

    @property
    def is_over(self) -> bool:
        """Whether this was the last connection."""
        return self._phase is _Phase.OVER

    def check(self) -> None:
        """Raise ClientClosed when it is over."""
        if self._end is not None:
            raise ClientClosed(*self._end)

    def take(self) -> Record | None:
        """The next event."""
        return self._events.popleft() if self._events else None

    # ---- calls

    def send(self, fields: dict[str, Any]) -> int:
        """Post a message; the number of the call. Raises RequestError, OutboxFull, ClientClosed."""
        self.check()
        payload = encode({"t": "send", **fields}, most=MAX_FRAME)
        number = self._next_number()
        self._outbox.put(number, (fields["room"], fields["id"]), payload)
        return number

    def request(self, fields: dict[str, Any], *, lasting: bool) -> int:
        """Ask; the number of the call. Raises RequestError, ConnectionLost, ClientClosed.

        A *lasting* request is asked again on the next connection, another is lost with its own.
        """
        self.check()
        if not lasting and not self.is_open:
            raise ConnectionLost(self.failure)
        number = self._next_number()
        payload = encode({**fields, "rid": number}, most=MAX_FRAME)
        self._requests.put(number, Request(fields, payload, lasting))
        if fields["t"] == "watch_job" and not fields["on"]:
            self._jobs.end(fields["job"])
        return number

    def give_up(self, number: int) -> None:
        """The caller waits no more; what was not written yet never is."""
        if self._requests.settle(number) is None:
            self._outbox.drop(number)

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    # ---- the connection

    def opened(self) -> None:
        """A connection is there: ``hello`` is what it begins with."""
        self._phase, self._left_out = _Phase.OPENING, False
        self._goodbye = Record()
        self._resumed = self._resume.positions()
        hello = {"t": "hello", "token": self._token, "device": self._device}
        payload = encode({**hello, "resume": self._resumed or None}, most=MAX_FRAME)
        self._first = deque([payload])

    def next_payload(self, now: float) -> bytes | None:
        """The next message to write; None while there is none (see `held_until`)."""
        if self._first:
            return self._first.popleft()
        if not self.is_open:
            return None
        asked = self._requests.next_payload() or self._jobs.next_payload(now, self._next_number)
        return asked or self._outbox.next_payload(now)

    def held_until(self, now: float) -> float | None:
        """When there may be something to write though nothing happens until then."""
        held = (self._outbox.held_until(now), self._jobs.held_until(now))
        return min((at for at in held if at is not None), default=None) if self.is_open else None

    @property
    def wants_more(self) -> bool:
        """Whether to read on: not while the program has enough to do and waits for no answer."""
        busy = len(self._events) >= self._most_events
        waits = self._phase is _Phase.OPENING or self._requests or self._outbox
        return not busy or bool(waits)

    @property
    def is_behind(self) -> bool:
        """Whether a new connection would bring what was left out, and there is room for it."""
        return self.is_open and self._left_out and len(self._events) <= self._most_events // 2

    def received(self, data: bytes | str, now: float) -> list[Settled]:
        """One message of the server. Raises BrokenStream when the connection is no good."""
        frame = decode(data)
        try:
            if self._phase is _Phase.OPENING:
                self._opening(frame, now)
                return []
            return self._reply(frame, now)
        except (KeyError, TypeError, AttributeError) as error:
            raise BrokenStream(f"{frame.t}: {error!r}") from error

    def lost(self, code: int, reason: str, now: float) -> list[Settled]:
        """The connection, or the try to make one, is over; `reconnect_at` is when to try again."""
        if self.is_over:
            return []
        if code == BROKEN and self._goodbye:
            code, reason = self._goodbye["code"], self._goodbye["reason"]
        if not may_reconnect(code):
            return self.end(code, reason)
        self.reconnect_at = now if self.is_behind else now + self._delay(now)
        self._phase, self._goodbye = _Phase.AWAY, Record()
        self.failure = f"{code} {reason}".rstrip()
        self._outbox.disconnected()
        gone = self._requests.disconnected()
        return [Settled(number, ConnectionLost(self.failure)) for number in gone]

    def end(self, code: int, reason: str) -> list[Settled]:
        """No connection any more. Events that came are still there to be taken."""
        if self.is_over:
            return []
        self._phase, self._end = _Phase.OVER, (code, reason)
        numbers = self._requests.end() + self._outbox.end()
        return [Settled(number, ClientClosed(code, reason)) for number in numbers]

    def _delay(self, now: float) -> float:
        held_s = now - self._open_since if self.is_open else 0.0
        return self._backoff.delay(held_s=held_s, turn_ms=self._goodbye.reconnect_after_ms)

    # ---- frames

    def _opening(self, frame: Record, now: float) -> None:
        match frame.t:
            case "welcome":
                self._welcome(frame, now)
            case "goodbye":
                self._goodbye = frame
            case "error":
                raise BrokenStream(f"hello was refused: {frame.code} {frame.message}")
            case _:
                raise BrokenStream(f"{frame.t} came before welcome")

    def _welcome(self, frame: Record, now: float) -> None:
        returning = bool(self.user)
        self._phase, self._open_since = _Phase.OPEN, now
        self.user, self.ping_ms = frame["user"], frame["ping_ms"]
        self.rooms.welcome(frame["rooms"])
        if returning:
            self._deliver(frame)
        for instead in self._resume.left_out(self._resumed, frame["rooms"]):
            self._tell(instead)
        for room in frame["rooms"]:
            self._resume.join(room["id"], room["last_seq"])
        if self._watched:
            watch = {"t": "presence", "watch": sorted(self._watched)}
            self._first.append(encode(watch, most=MAX_FRAME))
        self._jobs.opened()

    def _reply(self, frame: Record, now: float) -> list[Settled]:
        match frame.t:
            case "ack":
                return self._settled((frame["room"], frame["id"]), frame)
            case "error":
                return self._refused(frame, now)
            case "ok" | "page" | "pong":
                return self._answered(frame.rid, frame)
            case "goodbye":
                self._goodbye = frame
            case "welcome":
                raise BrokenStream("a second welcome")
            case _:
                self._tell(frame)
        return []

    def _settled(self, key: Key, outcome: Record | ClientError) -> list[Settled]:
        number = self._outbox.settle(key)
        return [] if number is None else [Settled(number, outcome)]

    def _answered(self, number: int, outcome: Record | ClientError) -> list[Settled]:
        if self._jobs.settle(number) is not None:
            return [Settled(number, outcome)]
        request = self._requests.settle(number)
        if request is None:
            return []
        if isinstance(outcome, Record):
            self._note(Record(request.fields))
        return [Settled(number, outcome)]

    def _note(self, done: Record) -> None:
        """What a request that succeeded says about us."""
        if done.t == "read" and done.thread is None:
            self.rooms.read(done["room"], done["seq"])
        elif done.t == "presence":
            self._watched.update(done.watch or ())
            self._watched.difference_update(done.unwatch or ())
        elif done.t == "watch_job" and done.on:
            self._jobs.begin(done["job"])

    def _refused(self, frame: Record, now: float) -> list[Settled]:
        error = RequestError(
            frame["code"],
            frame["message"],
            fields=frame.fields,
            retry_after_ms=frame.retry_after_ms,
        )
        if frame.rid is not None and (job := self._jobs.settle(frame.rid)) is not None:
            self._not_shown(job, frame, error, now)
            return [Settled(frame.rid, error)]
        if frame.rid is not None:
            return self._answered(frame.rid, error)
        if frame.room is None or frame.id is None:
            self._deliver(frame)
            return []
        key = (frame["room"], frame["id"])
        if error.code not in NOT_NOW:
            return self._settled(key, error)
        self._outbox.hold(key, self._later(error, now))
        return []

    def _not_shown(self, job: str, frame: Record, error: RequestError, now: float) -> None:
        """A job that was watched is refused on this connection."""
        if error.code in NOT_NOW:
            self._jobs.hold(job, self._later(error, now))
        else:
            self._jobs.end(job)
            self._deliver(Record(frame, job=job))

    def _later(self, error: RequestError, now: float) -> float:
        wait = error.retry_after_ms
        return now + (RETRY_S * (0.5 + self._chance()) if wait is None else wait / 1000)

    # ---- events

    def _tell(self, frame: Record) -> None:
        match frame.t:
            case "gap":
                if self._deliver(frame):
                    self._resume.jump(frame["room"], frame["to"])
            case "room":
                self.rooms.summary(frame)
                if self._deliver(frame):
                    self._resume.join(frame["id"], frame["last_seq"])
            case "room_gone":
                self.rooms.gone(frame["room"])
                if self._deliver(frame):
                    self._resume.gone(frame["room"])
            case _ if frame.room is not None and frame.seq is not None:
                self._log_event(frame)
            case _:
                self._state(frame)

    def _log_event(self, event: Record) -> None:
        room, seq = event["room"], event["seq"]
        if not self._left_out and not self._resume.is_new(room, seq):
            return
        self.rooms.event(event)
        if self._deliver(event):
            self._resume.saw(room, seq)

    def _state(self, frame: Record) -> None:
        if frame.t == "receipt":
            self.rooms.receipt(frame)
        elif frame.t == "unread" and frame.thread is None:
            self.rooms.unread(frame)
        self._deliver(frame)

    def _deliver(self, frame: Record) -> bool:
        """Queue *frame* for the program; False once one was left out: then none comes after it."""
        if not self._listen:
            return True
        if self._left_out or len(self._events) >= self._most_events:
            self._left_out = True
            return False
        self._events.append(frame)
        return True
