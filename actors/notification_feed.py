"""Who follows notifications by a stream of server-sent events, on this node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from protocol.errors import ErrorCode, ProtocolError
from protocol.notices import Notification, NotificationGone

Told = Notification | NotificationGone


class FeedStream(trio.abc.ReceiveChannel[Told]):
    """What one reader is told, in order. It ends when he is too slow, and with the node: he comes
    again, and begins where he was.
    """

    def __init__(self, most: int, closed: Callable[[FeedStream], None]) -> None:
        self._send, self._receive = trio.open_memory_channel[Told](most)
        self._closed = closed

    def tell(self, frame: Told) -> bool:
        """Queue *frame*; False where there is no room for it."""
        try:
            self._send.send_nowait(frame)
        except trio.WouldBlock:
            return False
        return True

    def end(self) -> None:
        """Nothing more comes after what is queued."""
        self._send.close()

    async def receive(self) -> Told:
        """The next one; EndOfChannel at the end."""
        return await self._receive.receive()

    def close(self) -> None:
        """The reader has left."""
        self._receive.close()
        self._closed(self)

    async def aclose(self) -> None:
        """The same."""
        self.close()
        await trio.lowlevel.checkpoint()


class NotificationFeed:
    """The streams of this node."""

    WAITING: Final = 100  # frames of one stream
    OF_USER: Final = 5
    MOST: Final = 5_000
    AGAIN_MS: Final = 5_000

    def __init__(self) -> None:
        self._streams: dict[int, list[FeedStream]] = {}
        self._is_ended = False
        self.count = 0

    def open(self, user_no: int) -> FeedStream:
        """What the user is told from now on; to be closed by whoever reads it.

        Raises ProtocolError: ``rate_limited`` where he, or the node, has as many as there may be.
        """
        mine = self._streams.get(user_no, ())
        if len(mine) >= self.OF_USER:
            raise self._refused(f"you have {self.OF_USER} streams already")
        if self._is_ended or self.count >= self.MOST:
            raise self._refused("this server has no room for another stream just now")
        stream = FeedStream(self.WAITING, lambda closed: self._forget(user_no, closed))
        self._streams.setdefault(user_no, []).append(stream)
        self.count += 1
        return stream

    def _refused(self, why: str) -> ProtocolError:
        return ProtocolError(ErrorCode.RATE_LIMITED, why, retry_after_ms=self.AGAIN_MS)

    def tell(self, user_no: int, frame: Told) -> None:
        """Every stream of the user has it next."""
        for stream in list(self._streams.get(user_no, ())):
            if not stream.tell(frame):
                self._end(user_no, stream)

    def restart(self) -> None:
        """End all streams: something may have been missed, and is had by whoever comes again."""
        for user_no, streams in list(self._streams.items()):
            for stream in list(streams):
                self._end(user_no, stream)

    def end(self) -> None:
        """The node stops: the same, and none is opened any more."""
        self._is_ended = True
        self.restart()

    def _end(self, user_no: int, stream: FeedStream) -> None:
        stream.end()
        self._forget(user_no, stream)

    def _forget(self, user_no: int, stream: FeedStream) -> None:
        mine = self._streams.get(user_no, [])
        if stream in mine:
            mine.remove(stream)
            self.count -= 1
            if not mine:
                del self._streams[user_no]
