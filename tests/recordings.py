"""Sounds as a recorder makes them: for every test that needs one."""

from __future__ import annotations

import io
import math
from array import array
from fractions import Fraction
from functools import cache
from typing import Final, Literal

import av

Format = Literal["webm", "ogg", "mp3", "m4a", "wav", "flac", "aac"]

ENCODED: Final[dict[Format, tuple[str, str]]] = {
    "webm": ("webm", "libopus"),
    "ogg": ("ogg", "libopus"),
    "mp3": ("mp3", "libmp3lame"),
    "m4a": ("ipod", "aac"),
    "wav": ("wav", "pcm_s16le"),
    "flac": ("flac", "flac"),
    "aac": ("adts", "aac"),
}


@cache
def recorded(
    seconds: float,
    format: Format = "webm",  # noqa: A002 - that is what it is
    *,
    rate: int = 48_000,
    layout: str = "mono",
    volume: int = 9_000,
) -> bytes:
    """A tone of 440 Hz, as loud as *volume* of 32,767 on every channel."""
    container, codec = ENCODED[format]
    out = io.BytesIO()
    with av.open(out, "w", format=container) as written:
        stream = written.add_stream(codec, rate=rate, layout=layout)
        frame = tone(round(seconds * rate), rate=rate, layout=layout, volume=volume)
        written.mux(stream.encode(frame))
        written.mux(stream.encode(None))
    return out.getvalue()


def tone(samples: int, *, rate: int, layout: str, volume: int) -> av.AudioFrame:
    """Samples as they are before they are encoded."""
    frame = av.AudioFrame("s16", layout, samples)
    turn, channels = 2 * math.pi * 440 / rate, frame.layout.nb_channels
    wave = (round(volume * math.sin(turn * n)) for n in range(rate))
    second = array("h", (each for each in wave for _ in range(channels))).tobytes()
    size = frame.planes[0].buffer_size
    frame.planes[0].update((second * (size // len(second) + 1))[:size])
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    return frame
