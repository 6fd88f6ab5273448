"""Recordings of broadcasts: decoded to their end, measured, and all encoded the same way.

They become MP3, mono, 48 kHz, 64 kbit/s. Every browser since 2018 plays that: Safari, which long
played no Opus in Ogg or WebM, and also Chromium and Firefox that were built without the codecs one
pays for, which have no AAC. Its encoder notes how many samples it added, so that a player leaves
exactly those out again. Equal sound becomes equal bytes, which are kept once.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import av
from av.audio.stream import AudioStream

from actors.ports import StoreUnavailable
from protocol.limits import BROADCAST_S
from server.files.audio import BESIDE, CONTAINERS, NoAudio, faults_of_ffmpeg, opened, packets
from server.files.media import Made, part_of, sniffed, unreadable

VOICE_BYTES: Final = 10 * 1024 * 1024
"""A recording as it is received."""
BARS: Final = 64
"""Equal parts of a recording, of each of which its waveform has a byte."""

RATE, BIT_RATE = 48_000, 64_000
SHORTEST_MS, LONGEST_MS = (round(seconds * 1000) for seconds in BROADCAST_S)
PADDING_MS: Final = 50
"""Encoders fill up their last frame and not all say how far: that much is cut off at the end."""
STOP_S: Final = 31
"""More than that is not even decoded."""

CODECS: Final = frozenset(
    {
        *("opus", "vorbis", "aac", "mp3", "flac", "alac", "pcm_alaw", "pcm_mulaw"),
        *("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_s16be"),
    }
)
"""What people record in. FFmpeg decodes much more, and little of it was looked at as well."""
RATES: Final = range(8_000, 192_001)
CHANNELS: Final = range(1, 9)


def record(path_of: Callable[[str], Path], head: bytes) -> Made:
    """The recording that the upload in ``path_of("received")`` becomes, which begins with *head*.

    Waits for the disk and the processor. Raises ProtocolError and StoreUnavailable.
    """
    try:
        return _record(path_of, head)
    except NoAudio as error:
        raise unreadable(str(error), "voice") from error
    except OSError as error:
        raise StoreUnavailable(f"files: {error}") from error


def waveform(samples: array[int]) -> bytes:
    """How loud each of BARS equal parts of *samples* becomes, the loudest of them 255.

    >>> waveform(array("h", [-100, 50] * 32)).hex(" ", 2)[:9], waveform(array("h", [0] * 64))[:3]
    ('ff80 ff80', b'\\x00\\x00\\x00')
    """
    edges = [len(samples) * bar // BARS for bar in range(BARS + 1)]
    peaks = [max(map(abs, samples[start:end])) for start, end in pairwise(edges)]
    loudest = max(peaks) or 1
    return bytes(round(peak * 255 / loudest) for peak in peaks)


def _record(path_of: Callable[[str], Path], head: bytes) -> Made:
    found = sniffed(head)
    if found not in CONTAINERS:
        raise NoAudio("is no sound in WebM, Ogg, MP4, MP3, WAV, FLAC or AAC")
    samples = _decoded(path_of("received"), found)
    length = round(len(samples) * 1000 / RATE)
    if not SHORTEST_MS <= length <= LONGEST_MS + PADDING_MS:
        raise _lasts(f"{length / 1000} s")
    del samples[LONGEST_MS * RATE // 1000 :]
    content = path_of("content")
    _write(samples, content)
    return Made(
        "audio",
        "audio/mpeg",
        part_of(content),
        duration_ms=min(length, LONGEST_MS),
        waveform=waveform(samples),
    )


def _decoded(source: Path, found: str) -> array[int]:
    """All samples, of all channels together: none is louder than the loudest of them."""
    samples, most, seconds = array("h"), source.stat().st_size + BESIDE, 0.0
    resampler = av.AudioResampler("s16", "mono", RATE)
    with opened(source, found) as (sound, stream):
        _check(stream.codec_context)
        for frame in _frames(sound, stream, most):
            _check(frame)
            seconds += frame.samples / frame.sample_rate
            if seconds > STOP_S:
                raise _lasts(f"more than {LONGEST_MS / 1000:g} s")
            _append(samples, resampler.resample(frame))
        _append(samples, resampler.resample(None))
    if not samples:
        raise NoAudio("has no sound in it")
    return samples


def _frames(sound: Any, stream: AudioStream, most: int) -> Iterator[Any]:
    if stream.codec_context.codec.canonical_name not in CODECS:
        raise NoAudio("is encoded in a way that is not taken")
    for packet in packets(sound, stream, most):
        if packet.size:  # one without would end the decoding
            yield from packet.decode()
    yield from stream.decode(None)


def _check(sound: Any) -> None:
    rate, channels = sound.sample_rate, sound.layout.nb_channels
    if rate not in RATES:
        raise NoAudio(f"has {rate} samples a second; {RATES[0]} to {RATES[-1]} are taken")
    if channels not in CHANNELS:
        raise NoAudio(f"has {channels} channels; at most {CHANNELS[-1]} are taken")


def _append(samples: array[int], frames: list[Any]) -> None:
    for frame in frames:
        samples.frombytes(memoryview(frame.planes[0])[: frame.samples * samples.itemsize])


def _write(samples: array[int], content: Path) -> None:
    frame = av.AudioFrame("s16p", "mono", len(samples))
    frame.planes[0].update(samples.tobytes())
    frame.sample_rate = RATE
    with (
        faults_of_ffmpeg(),
        av.open(str(content), "w", format="mp3", options={"id3v2_version": "0"}) as written,
    ):
        stream = written.add_stream("libmp3lame", rate=RATE, layout="mono", format="s16p")
        stream.bit_rate = BIT_RATE
        written.mux(stream.encode(frame))
        written.mux(stream.encode(None))


def _lasts(length: str) -> NoAudio:
    shortest, longest = BROADCAST_S
    return NoAudio(f"lasts {length}; it must last {shortest:g} to {longest:g} s")
