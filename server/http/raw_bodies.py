"""Bodies that are taken as they come: they are signed, or it matters first whom they come from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import trio
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout

LARGEST: Final = 64 * 1024
WITHIN_S: Final = 5.0


async def whole_body(
    content: AsyncIterator[bytes], *, most: int = LARGEST, within_s: float = WITHIN_S
) -> bytes:
    """All of it. Raises RequestEntityTooLarge and RequestTimeout."""
    body = bytearray()
    with trio.move_on_after(within_s):
        async for part in content:
            body += part
            if len(body) > most:
                raise RequestEntityTooLarge
        return bytes(body)
    raise RequestTimeout
