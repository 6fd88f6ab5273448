"""Frames of RFC 6455, the usual ones: written whole, and cut from whole bytes. Pure."""

from __future__ import annotations

TEXT = 0x81  # final and text
BINARY = 0x82  # final and binary
CLOSE = 0x88
PING = 0x89
PONG = 0x8A
MASKED = 0x80
SHORT = 125  # the longest payload whose length fits the second byte
WIDE = 126  # in the second byte: the length is in the next two
WIDEST = 127  # in the second byte: the length is in the next eight
ODD = 0  # what cut_frame says instead of an end for a frame that needs the slow lane
MAX_REASON = 123
TEXT_HEADS = [bytes((TEXT, length)) for length in range(SHORT + 1)]
BINARY_HEADS = [bytes((BINARY, length)) for length in range(SHORT + 1)]
EMPTY_CLOSE = bytes((CLOSE, 0))


def ws_frame(payload: bytes, *, text: bool) -> bytes:
    """A whole message from the server as one frame.

    >>> ws_frame(b"hi", text=True)
    b'\\x81\\x02hi'
    """
    length = len(payload)
    if length <= SHORT:
        return (TEXT_HEADS if text else BINARY_HEADS)[length] + payload
    return _frame(TEXT if text else BINARY, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """The close frame for *code*; *reason* is cut at a character so that it fits."""
    told = reason.encode()[:MAX_REASON].decode(errors="ignore").encode()
    return _frame(CLOSE, code.to_bytes(2, "big") + told)


def ping_frame(payload: bytes = b"") -> bytes:
    """A ping."""
    return _frame(PING, payload)


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping."""
    return _frame(PONG, payload)


def _frame(first: int, payload: bytes) -> bytes:
    length = len(payload)
    if length <= SHORT:
        return bytes((first, length)) + payload
    if length < 1 << 16:
        return bytes((first, WIDE)) + length.to_bytes(2, "big") + payload
    return bytes((first, WIDEST)) + length.to_bytes(8, "big") + payload


def measure(data: bytes, start: int) -> tuple[int, int] | None:
    """Bytes of header and of payload of the frame at *start*; None while its header is not whole.

    Nothing is judged: an unmasked frame has merely a shorter header.
    """
    have = len(data) - start
    if have <= 1:
        return None
    second = data[start + 1]
    length = second & 0x7F
    wide = 2 if length == WIDE else 8 if length == WIDEST else 0
    header = 2 + wide + (4 if second & MASKED else 0)
    if have < header:
        return None
    if wide:
        length = int.from_bytes(data[start + 2 : start + 2 + wide], "big")
    return header, length


def cut_frame(data: bytes, start: int, limit: int) -> tuple[bytes | None, int]:
    """The unmasked payload of the frame at *start*, and where the next one begins.

    Without a payload the second value is the size *data* must reach before it is worth another
    look, or ``ODD`` for the slow lane: anything but a final, masked data frame of at most *limit*
    bytes, and text that is not whole, for its UTF-8 is judged as it comes.
    """
    size = len(data)
    first = data[start]
    if first != BINARY and first != TEXT:  # noqa: PLR1714 - a tuple costs more, and this is hot
        return None, ODD
    body = start + 6
    if size < body:
        return None, body if size == start + 1 or data[start + 1] >= MASKED else ODD
    length = data[start + 1] - MASKED
    if length > SHORT:
        body += 2 if length == WIDE else 8
        if size < body:
            return None, body
        length = _wide_length(data, start + 2, body - 4)
    if length < 0 or length > limit:
        return None, ODD
    end = body + length
    if end > size:
        return None, end if first == BINARY else ODD
    mask = (data[body - 4 : body] * ((length + 3) >> 2))[:length]
    plain = int.from_bytes(data[body:end], "little") ^ int.from_bytes(mask, "little")
    return plain.to_bytes(length, "little"), end


def _wide_length(data: bytes, start: int, end: int) -> int:
    """A length of two or eight bytes; -1 where fewer bytes would have done."""
    length = int.from_bytes(data[start:end], "big")
    return length if length > (SHORT if end - start == 2 else 0xFFFF) else -1  # noqa: PLR2004
