"""Real images and sounds, and what is made of them."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from protocol.errors import ErrorCode, ProtocolError
from server.files.media import Made, make

SECRET = "seoul-37.5665-126.9780"


def made(folder: Path, data: bytes, name: str = "", said: str = "") -> Made:
    (folder / "received").write_bytes(data)
    return make(folder.joinpath, data[:8192], name=name, said=said)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def quarters(size: tuple[int, int] = (60, 40), mode: str = "RGB") -> Image.Image:
    """Red above left, blue below right: one can see how it is turned."""
    image = Image.new("RGB", size, "white")
    image.paste("red", (0, 0, size[0] // 2, size[1] // 2))
    image.paste("blue", (size[0] // 2, size[1] // 2, *size))
    return image.convert(mode)


def refused(folder: Path, data: bytes, **said: str) -> str:
    with pytest.raises(ProtocolError) as caught:
        made(folder, data, **said)
    assert caught.value.code is ErrorCode.INVALID and caught.value.fields is not None
    return caught.value.fields["file"]


def sound(kind: str, codec: str, seconds: float, **metadata: str) -> bytes:
    """A tone, written in pieces to what cannot be wound back, as a recorder in a browser does."""
    out = io.BytesIO()
    rate = 48_000
    with av.open(out, "w", format=kind) as container:
        container.metadata.update(metadata)
        own = {"strict": "experimental"} if codec == "vorbis" else {}  # FFmpeg's own encoder
        stream = container.add_stream(codec, rate=rate, options=own)
        layout = "stereo" if own else "mono"
        stream.layout = layout  # type: ignore[attr-defined]
        size = 960
        for number in range(int(seconds * rate) // size):
            frame = av.AudioFrame(format="s16", layout=layout, samples=size)
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            frame.rate, frame.pts, frame.time_base = rate, number * size, Fraction(1, rate)
            for packet in stream.encode(frame):  # type: ignore[attr-defined]
                container.mux(packet)
        for packet in stream.encode(None):  # type: ignore[attr-defined]
            container.mux(packet)
    return out.getvalue()
