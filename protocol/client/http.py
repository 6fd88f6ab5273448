"""One request over HTTP, on a connection of its own: for what is asked now and then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import h11
import trio

from protocol.client.errors import ConnectionLost, RequestError, RequestTimeout
from protocol.client.line import READ_BYTES, address, connect, host_header
from protocol.client.record import Record

MOST_BYTES: Final = 16 * 2**20
GOOD: Final = range(200, 300)
API: Final = "/api/v1"
ROOMS: Final = f"{API}/chats/rooms"


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
    ) -> Record:
        """What the path of *parts* *below* there answers. None is left out, as on the wire.

        Raises RequestError, RequestTimeout (it may have been done), and ConnectionLost.
        """
        path = "/".join([below, *(quote(str(part), safe="") for part in parts)])
        asked = urlencode(_present(query or {}))
        data = b"" if body is None else json.dumps(_present(body)).encode()
        request = self._request(method, f"{path}?{asked}" if asked else path, data)
        try:
            with trio.fail_after(self._within):
                status, answer = await self._exchange(request, data)
        except trio.TooSlowError:
            raise RequestTimeout(f"no answer in {self._within} s") from None
        except (OSError, trio.BrokenResourceError, h11.RemoteProtocolError) as error:
            raise ConnectionLost(str(error)) from error
        return _told(status, answer)

    def _request(self, method: str, target: str, data: bytes) -> h11.Request:
        headers = {
            "Host": host_header(self._host, self._port),
            "Authorization": f"Bearer {self._token}",
            "Connection": "close",
        }
        if data:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
        return h11.Request(method=method, target=target, headers=list(headers.items()))

    async def _exchange(self, request: h11.Request, data: bytes) -> tuple[int, bytes]:
        parser, status, answer = h11.Connection(h11.CLIENT), 0, bytearray()
        async with await connect(self._host, self._port, secure=self._secure) as stream:
            events = (request, h11.Data(data=data), h11.EndOfMessage())
            await stream.send_all(b"".join(parser.send(event) or b"" for event in events))
            while not isinstance(event := parser.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    parser.receive_data(bytes(await stream.receive_some(READ_BYTES)))
                elif isinstance(event, h11.Response):
                    status = event.status_code
                elif isinstance(event, h11.Data):
                    answer += event.data
                if len(answer) > MOST_BYTES:
                    raise trio.BrokenResourceError("the answer does not end")
        return status, bytes(answer)


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _told(status: int, answer: bytes) -> Record:
    """The answer as a record; a problem document is raised."""
    try:
        said = json.loads(answer or b"{}", object_hook=Record)
    except ValueError:
        said = None
    if not isinstance(said, Record):
        raise ConnectionLost(f"HTTP {status}, and no JSON")
    if status in GOOD:
        return said
    raise RequestError(
        said.code or "internal",
        said.detail or f"HTTP {status}",
        fields=said.fields,
        retry_after_ms=said.retry_after_ms,
    )
