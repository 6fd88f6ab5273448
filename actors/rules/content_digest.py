"""What makes two sends the same: a digest of everything the sender chose but the ``id``."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from protocol.frames import Send

_encode = msgspec.json.Encoder().encode


def content_digest(send: Send) -> int:
    """A signed 64-bit digest of body, kind, reply_to, thread, files and mentions as sent.

    >>> one = Send(room="r", id="1", body="hi")
    >>> content_digest(one) == content_digest(Send(room="r", id="2", body="hi", kind="text"))
    True
    >>> content_digest(one) == content_digest(Send(room="r", id="1", body="ho"))
    False
    """
    content = (
        send.body,
        send.kind or "text",
        send.reply_to,
        send.thread,
        send.files or (),
        send.mentions or (),
    )
    return int.from_bytes(blake2b(_encode(content), digest_size=8).digest(), "big", signed=True)
