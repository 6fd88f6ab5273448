"""Requests over HTTP, each on a connection of its own: for what is asked now and then."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final
from urllib.parse import quote, urlencode

import h11
import trio

from protocol.client.errors import ConnectionLost, RequestError, RequestTimeout
from protocol.client.line import READ_BYTES, address, connect, host_header
from protocol.client.record import Record

MOST_BYTES: Final = 16 * 2**20
GOOD: Final = range(200, 300)
REFUSED: Final = range(400, 500)
API: Final = "/api/v1"
CHATS: Final = f"{API}/chats"
ROOMS: Final = f"{CHATS}/rooms"
AGAIN_S: Final = 1.0
ANY_TEXT: Final = "surrogatepass"
UNDECIDED: Final = frozenset({"conflict", "unavailable"})
"""With a time to come again they say: the same request may be under way, or done."""


class _HungUp(Exception):
    """The server takes no more of a request."""


class Answer:
    """One answer as it is taken: no more is read than was asked for.

    Each wait raises RequestTimeout after ``within`` seconds, and ConnectionLost where the
    connection ends before the answer does.
    """

    def __init__(self, stream: trio.abc.Stream, *, within: float) -> None:
        self._stream, self._within = stream, within
        self._parser = h11.Connection(h11.CLIENT)
        self.status = self.length = 0

    async def begin(self, request: h11.Request, data: bytes) -> None:
        """Send the request, and wait for the status."""
        events = (request, h11.Data(data=data), h11.EndOfMessage())
        with bounded(self._within):
            await self._stream.send_all(b"".join(self._parser.send(each) or b"" for each in events))
            await self._begun()

    async def bring(self, request: h11.Request, parts: AsyncIterator[bytes]) -> None:
        """Send the request with the body *parts*, and wait for the status, which may come before
        its end. Each part has ``within`` seconds, and the status after the last.
        """
        failures: list[Exception] = []
        async with trio.open_nursery() as nursery:
            scope = nursery.cancel_scope
            scope.deadline = trio.current_time() + self._within
            nursery.start_soon(self._send_all, request, parts, scope, failures)
            try:
                await self._begun()
            except (OSError, trio.BrokenResourceError, h11.RemoteProtocolError) as error:
                failures.append(ConnectionLost(str(error)))
            scope.cancel()
        if failures and not self.status:
            raise failures[0]
        if not self.status:
            raise RequestTimeout(f"no answer in {self._within} s")

    async def _send_all(
        self,
        request: h11.Request,
        parts: AsyncIterator[bytes],
        scope: trio.CancelScope,
        failures: list[Exception],
    ) -> None:
        try:
            await self._send(request)
            async for part in parts:
                await self._send(h11.Data(data=part))
                scope.deadline = trio.current_time() + self._within
            await self._send(h11.EndOfMessage())
        except _HungUp:
            pass  # what the server has to say is still to be read
        except Exception as error:  # noqa: BLE001 - whatever the program's own parts raise
            failures.append(error)
            scope.cancel()

    async def _send(self, event: h11.Event) -> None:
        with sendable():
            data = self._parser.send(event) or b""
        try:
            await self._stream.send_all(data)
        except (OSError, trio.BrokenResourceError) as error:
            raise _HungUp from error

    async def _begun(self) -> None:
        while not isinstance(event := await self._event(), h11.Response):
            pass
        self.status = event.status_code
        self.length = int(dict(event.headers).get(b"content-length", b"0"))

    async def take(self) -> bytes:
        """More of the body; nothing at its end."""
        with bounded(self._within):
            event = await self._event()
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    async def whole(self) -> bytes:
        """All of the body."""
        body = bytearray()
        while data := await self.take():
            body += data
            if len(body) > MOST_BYTES:
                raise ConnectionLost("the answer does not end")
        return bytes(body)

    async def _event(self) -> object:
        while (event := self._parser.next_event()) is h11.NEED_DATA:
            self._parser.receive_data(bytes(await self._stream.receive_some(READ_BYTES)))
        return event


class Http:
    """The server's HTTP side, asked as the user of *token*."""

    def __init__(self, url: str, token: str, *, within: float) -> None:
        self._secure, self._host, self._port, _ = address(url)
        self._token, self._within = token, within

    async def ask(
        self,
        method: str,
        *parts: str | int,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        below: str = ROOMS,
        key: str | None = None,
    ) -> Record:
        """What the path of *parts* *below* there answers. In the query None is left out.

        *key* is the Idempotency-Key. Raises RequestError, RequestTimeout (it may have been done),
        and ConnectionLost.
        """
        data = b"" if body is None else json.dumps(body).encode()
        target = target_of(below, *parts, query=query)
        with bounded(self._within):
            async with self.answer(method, target, data, key=key) as answer:
                said = await answer.whole()
        return told(answer.status, said)

    async def once(self, body: Mapping[str, Any], *, key: str) -> Record:
        """POST a room's *body* until there is an answer: by *key* the server makes one room.

        Raises RequestError, and RequestTimeout with the key as its id.
        """
        try:
            with trio.fail_after(self._within):
                undecided: Collection[str] = UNDECIDED
                while True:
                    try:
                        return await self.ask("POST", body=body, key=key)
                    except (ConnectionLost, RequestError) as error:
                        wait = _until_again(error, undecided)
                    undecided = UNDECIDED | {"rate_limited"}
                    await trio.sleep(wait)
        except (trio.TooSlowError, RequestTimeout):
            raise RequestTimeout(f"no answer in {self._within} s", id=key) from None

    @asynccontextmanager
    async def answer(
        self, method: str, target: str, data: bytes = b"", *, key: str | None = None
    ) -> AsyncIterator[Answer]:
        """The answer as it comes, whatever its status; its connection is closed with the block."""
        with sendable():
            request = self._request(method, target, data, key)
        with bounded(self._within):
            stream = await connect(self._host, self._port, secure=self._secure)
        async with stream:
            answer = Answer(stream, within=self._within)
            await answer.begin(request, data)
            yield answer

    @asynccontextmanager
    async def bringing(
        self, target: str, headers: Mapping[str, str], parts: AsyncIterator[bytes]
    ) -> AsyncIterator[Answer]:
        """POST the body *parts*, and the answer to that."""
        own = {"Host": host_header(self._host, self._port), "Connection": "close"}
        own["Authorization"] = f"Bearer {self._token}"
        with sendable():
            told_of = list((own | dict(headers)).items())
            request = h11.Request(method="POST", target=target, headers=told_of)
        with bounded(self._within):
            stream = await connect(self._host, self._port, secure=self._secure)
        async with stream:
            answer = Answer(stream, within=self._within)
            await answer.bring(request, parts)
            yield answer

    def _request(self, method: str, target: str, data: bytes, key: str | None) -> h11.Request:
        headers = {
            "Host": host_header(self._host, self._port),
            "Authorization": f"Bearer {self._token}",
            "Connection": "close",
        }
        if data:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
        if key is not None:
            headers["Idempotency-Key"] = key
        return h11.Request(method=method, target=target, headers=list(headers.items()))


def target_of(below: str, *parts: str | int, query: Mapping[str, Any] | None = None) -> str:
    """The path of *parts* *below* there, with what is not None of *query*.

    >>> target_of("/rooms", "a/b", 7, query={"after": "뜰", "limit": None})
    '/rooms/a%2Fb/7?after=%EB%9C%B0'
    """
    path = "/".join([below, *(quote(str(part), safe="", errors=ANY_TEXT) for part in parts)])
    present = {name: value for name, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(present, errors=ANY_TEXT)}" if present else path


@contextmanager
def sendable() -> Iterator[None]:
    """What no request can be is refused as the server would."""
    try:
        yield
    except (UnicodeEncodeError, h11.LocalProtocolError) as error:
        raise RequestError("invalid", f"this cannot be sent: {error}") from error


@contextmanager
def bounded(within: float) -> Iterator[None]:
    """At most *within* seconds; what goes wrong on the connection is one of the client's errors."""
    try:
        with trio.fail_after(within):
            yield
    except trio.TooSlowError:
        raise RequestTimeout(f"no answer in {within} s") from None
    except (OSError, trio.BrokenResourceError, h11.RemoteProtocolError) as error:
        raise ConnectionLost(str(error)) from error


def told(status: int, answer: bytes) -> Record:
    """The answer as a record; a problem document, or an envelope that says no, is raised."""
    said = record_of(answer or b"{}")
    if said is None and status in REFUSED:
        raise RequestError("invalid", f"HTTP {status}, and no JSON: is this the server?")
    if said is None:
        raise ConnectionLost(f"HTTP {status}, and no JSON")
    if status in GOOD:
        return said
    raise refusal(said, said.detail or said.message or f"HTTP {status}")


def record_of(text: bytes) -> Record | None:
    """The JSON object in *text*; None where there is none."""
    try:
        said = json.loads(text, object_hook=Record)
    except ValueError:
        return None
    return said if isinstance(said, Record) else None


def refusal(said: Record, message: str) -> RequestError:
    """What the server *said* went wrong, as an error; in an envelope the ``data`` say it.

    >>> said = Record(success=False, data=Record(code="rate_limited", retryAfterMs=1000))
    >>> error = refusal(said, "later")
    >>> error.code, error.retry_after_ms
    ('rate_limited', 1000)
    """
    why = said.data if isinstance(said.data, Record) else said
    return RequestError(
        why.code or "internal",
        message,
        fields=why.fields,
        retry_after_ms=why.retryAfterMs if why is said.data else why.retry_after_ms,
    )


def _until_again(error: ConnectionLost | RequestError, undecided: Collection[str]) -> float:
    """Seconds until the same request is worth another try. Raises *error* where it is not."""
    if isinstance(error, ConnectionLost):
        return AGAIN_S
    if error.code not in undecided or error.retry_after_ms is None:
        raise error
    return error.retry_after_ms / 1000
