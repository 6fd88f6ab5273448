"""Audio, packed anew: as it was recorded, with nothing beside the sound, its length measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import av
from av.audio.stream import AudioStream


class Container(NamedTuple):
    """How FFmpeg reads and writes what is sniffed as a type, and the type of its sound alone."""

    reads: str
    writes: str
    media_type: str


CONTAINERS: Final = {
    "video/webm": Container("matroska", "webm", "audio/webm"),
    "audio/ogg": Container("ogg", "ogg", "audio/ogg"),
    "audio/mp4": Container("mov", "ipod", "audio/mp4"),
    "video/mp4": Container("mov", "ipod", "audio/mp4"),
    "audio/mpeg": Container("mp3", "mp3", "audio/mpeg"),
    "audio/x-wav": Container("wav", "wav", "audio/wav"),
    "audio/x-flac": Container("flac", "flac", "audio/flac"),
    "audio/aac": Container("aac", "adts", "audio/aac"),
}
MOST_PACKETS: Final = 1_000_000


class NoAudio(Exception):
    """It has pictures too, or no sound that can be packed anew."""


def repack(source: Path, found: str, *, content: Path) -> tuple[str, int]:
    """Write the sound of *source*, sniffed as *found*, to *content*: its type and milliseconds.

    The demuxer is the one that was sniffed: none that could open anything else by itself. Raises
    NoAudio.
    """
    container = CONTAINERS[found]
    try:
        with av.open(str(source), format=container.reads, metadata_errors="replace") as opened:
            stream = _only_sound(opened)
            with av.open(str(content), "w", format=container.writes) as written:
                length = _copy(opened, stream, written)
    except (av.FFmpegError, ValueError) as error:
        raise NoAudio(str(error)) from error
    return container.media_type, length


def _only_sound(opened: Any) -> AudioStream:
    pictures = [each for each in opened.streams.video if not _is_cover(each)]
    if pictures or len(opened.streams.audio) != 1:
        raise NoAudio("is not one track of sound alone")
    stream: AudioStream = opened.streams.audio[0]
    return stream


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _copy(opened: Any, stream: AudioStream, written: Any) -> int:
    packed = written.add_stream_from_template(stream)
    first, end = None, 0
    for packet in _packets(opened, stream):
        begins = packet.pts if packet.pts is not None else packet.dts
        first = begins if first is None else min(first, begins)
        end = max(end, begins + (packet.duration or 0))
        packet.stream = packed
        written.mux(packet)
    if first is None or stream.time_base is None:
        raise NoAudio("has no sound in it")
    return int((end - first) * stream.time_base * 1000)


def _packets(opened: Any, stream: AudioStream) -> Iterator[Any]:
    for number, packet in enumerate(opened.demux(stream)):
        if number > MOST_PACKETS:
            raise NoAudio("has too many packets")
        if packet.dts is not None:
            yield packet
