"""The chat session of one connection: frames in, commands to actors; frames out, bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence

import trio
from msgspec import UNSET

from actors.ports import Claims, Standing
from actors.ref import ActorStopped, MailboxFull
from actors.room_commands import (
    Change,
    MarkRead,
    Post,
    RoomCommand,
    SetMark,
    Type,
    WatchHere,
    refuse_with_code,
)
from actors.user_commands import Choose, UserCommand, Watch
from protocol.close import CloseCode
from protocol.codec import Codec, FrameError
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import (
    ClientFrame,
    Delete,
    Edit,
    Goodbye,
    Hello,
    History,
    Lag,
    MarkUnread,
    Pin,
    Ping,
    Pong,
    React,
    Read,
    RoomSummary,
    Send,
    ServerFrame,
    SetTyping,
    Status,
    WatchPresence,
    Welcome,
)
from protocol.ids import RoomId, SessionId, UserId
from protocol.limits import (
    ABUSE_FRAMES,
    HELLO_WITHIN_S,
    MAX_FRAME,
    SERVER_FRAME,
)
from protocol.meetings import Vote
from protocol.notices import Seen, WatchJob
from protocol.refusals import error_frame
from server.edge.connection import Connection
from server.edge.desk import Desk
from server.edge.early import news_among
from server.edge.frame_rate import FrameRate
from server.edge.framing import ws_frame
from server.edge.history import answer_history, bounds_refusal
from server.edge.paced import Paced
from server.tokens import TokenExpired


class ChatSession:
    """One client on one connection: opening until ``welcome``, then open, then gone.

    Frames are handled one after another in plain calls. Where a room's mailbox is full the
    connection is read no further until there is room.
    """

    __slots__ = (
        "_abuse",
        "_arriving",
        "_desk",
        "_early",
        "_hello_rid",
        "_paced",
        "_rate",
        "changed",
        "claims",
        "codec",
        "connection",
        "gone",
        "hidden",
        "known_in",
        "opened",
        "rooms",
        "session_id",
        "user_id",
        "user_no",
    )

    def __init__(self, connection: Connection, codec: Codec, desk: Desk) -> None:
        self.connection, self.codec, self._desk = connection, codec, desk
        self._rate = desk.frame_rate()
        self._abuse = 0
        self._paced: Paced | None = None
        self._early: dict[Hashable, ServerFrame] | None = None
        self._arriving = False
        self._hello_rid: int | None = None
        self.claims: Claims
        self.session_id = SessionId(desk.new_id())
        self.user_id, self.user_no = UserId(""), 0
        self.rooms: set[RoomId] = set()
        self.known_in: set[RoomId] = set()
        self.hidden = False
        self.changed: frozenset[RoomId] = frozenset()
        self.opened = self.gone = False

    # ---- what actors see

    def offer(self, frame: ServerFrame) -> None:
        """Queue *frame*."""
        payload = self.codec.encode(frame)
        self.connection.offer(ws_frame(payload, text=self.codec.text))

    def offer_state(self, key: Hashable, frame: ServerFrame) -> None:
        """Queue a state frame; while the client is slow only the newest of *key* is kept.

        Before ``welcome`` it waits, for what is read for that may be older.
        """
        if not self.opened:
            self._early = (self._early or {}) | {key: frame}
            return
        payload = self.codec.encode(frame)
        self.connection.offer_state(key, ws_frame(payload, text=self.codec.text))

    def close(self, code: CloseCode, reason: str) -> None:
        """Say goodbye and close."""
        if not self.gone:
            self.offer(Goodbye(code=code.value, reason=reason))
            self.connection.close(code, reason)

    @property
    def admits_admins(self) -> bool:
        """An admin may act from where it comes from: else he is a user like others."""
        return self.connection.is_clear and self._desk.admits_admins(self.connection.peer)

    @property
    def congested(self) -> bool:
        """More waits for the client than it should: give it the rest as it reads."""
        return self.connection.congested

    async def ready(self) -> None:
        """Return when the client has read enough to be given more."""
        while self.connection.congested and self._paced is not None and not self.gone:
            self._desk.flush()
            await self._paced.wait()

    def later(self, job: Callable[[], Awaitable[None]]) -> None:
        """Run *job* after the session's earlier ones."""
        if self._paced is None:
            self._paced = Paced(self._desk.nursery, flush=self._desk.flush, failed=self._job_failed)
        if not self._paced.put(job):
            self.close(CloseCode.TOO_MANY_REQUESTS, "too many requests at once")

    def _job_failed(self, exc: Exception) -> None:
        self._desk.log.error("session_job_failed", user=self.user_id, exc_info=exc)
        self.close(CloseCode.INTERNAL, "the server failed")

    def admit(self, standing: Standing) -> None:
        """The user may come in."""
        self.user_no = standing.user_no
        self.connection.admit()
        if self._rate is not None:
            self._rate.of_user = self._desk.user_bucket(self.user_id)

    def welcome(self, summaries: list[RoomSummary]) -> Sequence[RoomSummary]:
        """Send ``welcome`` with the rooms it has place for; returns the others.

        Where it would be long it goes without cursors, then without last messages, then with fewer
        rooms.
        """
        payload = self._welcome(summaries)
        for field in ("cursors", "last_message"):
            if len(payload) > SERVER_FRAME:
                for summary in summaries:
                    setattr(summary, field, UNSET)
                payload = self._welcome(summaries)
        fit = len(summaries)
        while len(payload) > SERVER_FRAME:
            fit //= 2
            payload = self._welcome(summaries[:fit])
        self.opened = True
        self.connection.offer(ws_frame(payload, text=self.codec.text))
        self._offer_early(summaries)
        self.connection.resume()
        return summaries[fit:]

    def _offer_early(self, summaries: list[RoomSummary]) -> None:
        """What came while the rooms were read, where they were read before it."""
        early, self._early = self._early or {}, None
        for key, frame in news_among(early, summaries):
            self.offer_state(key, frame)

    def _welcome(self, rooms: list[RoomSummary]) -> bytes:
        return self.codec.encode(
            Welcome(
                user=self.user_id,
                session=self.session_id,
                time=self._desk.now_ms(),
                ping_ms=self._desk.ping_ms,
                max_frame=MAX_FRAME,
                features=[],
                rooms=rooms,
                rid=UNSET if self._hello_rid is None else self._hello_rid,
            )
        )

    def farewell(self, code: int, reason: str) -> bytes:
        """The last frame before the edge closes by itself."""
        return ws_frame(self.codec.encode(Goodbye(code=code, reason=reason)), text=self.codec.text)

    # ---- what the hub calls

    def message(self, data: bytes, text: bool) -> None:  # noqa: FBT001 - the hub's call
        """One whole message of the client."""
        frame = self._decode(data, text=text)
        if self._rate is not None and not self._within_rate(frame, self._rate):
            return
        if isinstance(frame, FrameError):
            self._refuse_frame(frame)
            return
        self._abuse = 0
        if self.opened:
            self._handle(frame)
        else:
            self._before_welcome(frame)

    def _decode(self, data: bytes, *, text: bool) -> ClientFrame | FrameError:
        if text is not self.codec.text:
            return FrameError(ErrorCode.BAD_FRAME, "the other codec was agreed on")
        try:
            return self.codec.decode(data)
        except FrameError as error:
            return error

    def drained(self, skipped: int) -> None:
        """The client reads again."""
        if skipped:
            self.offer(Lag(skipped=skipped))
        if self._paced is not None:
            self._paced.wake()

    def closed(self) -> None:
        """The connection is gone."""
        self.gone = True
        if self._paced is not None:
            self._paced.drop()
        self._desk.node.arrivals.end(self)

    def _refuse_frame(self, error: FrameError) -> None:
        self.offer(error_frame(error, rid=error.rid, room=error.room, id=error.id))
        if error.code is not ErrorCode.INVALID:
            self._abuse += 1
            if self._abuse >= ABUSE_FRAMES:
                self.close(CloseCode.ABUSE, "frames that are none")

    def refuse(self, frame: ClientFrame | FrameError, error: ProtocolError) -> None:
        """Answer *frame* with *error*."""
        room, sent = getattr(frame, "room", None), getattr(frame, "id", None)
        self.offer(error_frame(error, rid=frame.rid, room=room, id=sent))

    # ---- opening

    def start(self, *, at_once: bool) -> None:
        """Wait for ``hello``; not where the request brought a token and its path needs no more."""
        token = self.connection.header_token or self.connection.query_token
        if token is not None and not self._know(token):
            return
        if at_once and token is not None:
            self._arrive(Hello())
        else:
            self._desk.node.timers.after(HELLO_WITHIN_S, self._hello_is_due)

    def _hello_is_due(self) -> None:
        if not self._arriving:
            self.close(CloseCode.UNAUTHENTICATED, "no hello came")

    def _before_welcome(self, frame: ClientFrame) -> None:
        if not isinstance(frame, Hello):
            self.refuse(frame, ProtocolError(ErrorCode.UNAUTHENTICATED, "hello comes first"))
        elif self.user_id or self._know(frame.token or ""):
            self._arrive(frame)

    def _know(self, token: str) -> bool:
        """Learn who this is, or close with the code that says why not."""
        try:
            self.claims = self._desk.verify(token)
        except TokenExpired:
            self.close(CloseCode.TOKEN_EXPIRED, "the token has expired")
        except ProtocolError:
            self.close(CloseCode.UNAUTHENTICATED, "no valid token")
        else:
            self.user_id = self.claims.user
            return True
        return False

    def _arrive(self, hello: Hello) -> None:
        """What follows ``hello`` is read after ``welcome``."""
        self._arriving, self._hello_rid = True, hello.rid
        self.connection.pause()
        self._desk.node.arrivals.begin(self, hello.resume or {})

    # ---- open

    def _within_rate(self, frame: ClientFrame | FrameError, rate: FrameRate) -> bool:
        now = trio.current_time()
        wait = rate.wait(frame, now)
        if not wait:
            return True
        if rate.refused(now):
            self.close(CloseCode.TOO_MANY_REQUESTS, "kept sending while limited")
        else:
            retry = max(1, int(wait * 1000))
            self.refuse(frame, ProtocolError(ErrorCode.RATE_LIMITED, retry_after_ms=retry))
        return False

    def _handle(self, frame: ClientFrame) -> None:
        match frame:  # busiest arm first
            case Send():
                self._tell_room(frame.room, Post(self, frame))
            case Read():
                self._tell_room(frame.room, MarkRead(self, frame))
            case SetTyping():
                self._tell_room(frame.room, Type(self, frame))
            case _:
                self._handle_rare(frame)

    def _handle_rare(self, frame: ClientFrame) -> None:
        match frame:
            case MarkUnread():
                self._tell_room(frame.room, SetMark(self, frame))
            case Edit() | Delete() | React() | Pin():
                self._tell_room(frame.room, Change(self, frame))
            case History():
                self._history(frame)
            case WatchPresence(room=str() as room):
                self._tell_room(room, WatchHere(self, frame))
            case _:
                self._handle_own(frame)

    def _handle_own(self, frame: ClientFrame) -> None:
        match frame:
            case WatchPresence():
                self._tell_self(Watch(self, frame), frame)
            case Status():
                self._tell_self(Choose(self, frame), frame)
            case Seen():
                self._desk.node.notices.seen(self, frame)
            case Vote():
                self._desk.vote(self, frame)
            case WatchJob():
                self._desk.node.job_watchers.watch(self, frame)
            case Ping():
                rid = UNSET if frame.rid is None else frame.rid
                self.offer(Pong(time=self._desk.now_ms(), rid=rid))
            case _:
                self.refuse(frame, ProtocolError(ErrorCode.INVALID, "hello was said already"))

    def _history(self, frame: History) -> None:
        error = bounds_refusal(frame)
        if error is not None:
            self.refuse(frame, error)
        else:
            self.later(lambda: answer_history(self, self._desk.node, frame))

    def _tell_room(self, room: str, command: RoomCommand) -> None:
        rooms = self._desk.node.rooms
        try:
            rooms.tell(room, command)
        except ActorStopped:
            refuse_with_code(command, ErrorCode.UNAVAILABLE)
        except MailboxFull:
            self.connection.pause()
            rooms.when_open(room, lambda: self._try_again(room, command))

    def _try_again(self, room: str, command: RoomCommand) -> None:
        if not self.gone:
            self.connection.resume()
            self._tell_room(room, command)

    def _tell_self(self, command: UserCommand, frame: ClientFrame) -> None:
        try:
            self._desk.node.users.tell(self.user_id, command)
        except (ActorStopped, MailboxFull):
            self.refuse(frame, ProtocolError(ErrorCode.UNAVAILABLE))
