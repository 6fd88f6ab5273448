"""Audio, packed anew: as it was recorded, with nothing beside the sound, its length measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import av
from av.audio.stream import AudioStream

from actors.ports import StoreUnavailable
from protocol.limits import FILE_BYTES
from server.files.faults import OURS


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
MOST_MS: Final = 2**31 - 1
BESIDE: Final = 64 * 1024
"""Bytes of sound beyond the length of its file, where a container writes them down only once."""
NO_COMMENT: Final = b"\x03vorbis" + bytes(8) + b"\x01"


class NoAudio(Exception):
    """It has pictures too, or no sound that can be packed anew."""


def repack(source: Path, found: str, *, content: Path) -> tuple[str, int]:
    """Write the sound of *source*, sniffed as *found*, to *content*: its type and milliseconds.

    The demuxer is the one that was sniffed: none that could open anything else by itself. Raises
    NoAudio, and StoreUnavailable.
    """
    container, most = CONTAINERS[found], source.stat().st_size + BESIDE
    try:
        with av.open(str(source), format=container.reads, metadata_errors="replace") as opened:
            stream = _only_sound(opened)
            with av.open(str(content), "w", format=container.writes) as written:
                length = _copy(opened, stream, written, most)
    except (av.FFmpegError, ValueError) as error:
        if getattr(error, "errno", None) in OURS:  # a broken file wants more memory than there is
            raise StoreUnavailable(f"files: {error}") from error
        raise NoAudio(str(error)) from error
    if length > MOST_MS or content.stat().st_size > FILE_BYTES:
        raise NoAudio("is too long")
    return container.media_type, length


def _only_sound(opened: Any) -> AudioStream:
    pictures = [each for each in opened.streams.video if not _is_cover(each)]
    if pictures or len(opened.streams.audio) != 1:
        raise NoAudio("is not one track of sound alone")
    stream: AudioStream = opened.streams.audio[0]
    return stream


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _copy(opened: Any, stream: AudioStream, written: Any, most: int) -> int:
    packed = written.add_stream_from_template(stream)
    if stream.codec_context.name == "vorbis":
        packed.codec_context.extradata = _without_comment(stream.codec_context.extradata or b"")
    first, end = None, 0
    for packet in _packets(opened, stream, most):
        begins = packet.pts if packet.pts is not None else packet.dts
        first = begins if first is None else min(first, begins)
        end = max(end, begins + (packet.duration or 0))
        packet.stream = packed
        written.mux(packet)
    if first is None or stream.time_base is None:
        raise NoAudio("has no sound in it")
    return int((end - first) * stream.time_base * 1000)


def _packets(opened: Any, stream: AudioStream, most: int) -> Iterator[Any]:
    """Those with sound. One file can name the same bytes again and again: *most* ends that."""
    size = 0
    for number, packet in enumerate(opened.demux(stream)):
        size += packet.size
        if number > MOST_PACKETS or size > most:
            raise NoAudio("has more sound than its file can have")
        if packet.dts is not None:
            yield packet


def _without_comment(headers: bytes) -> bytes:
    """The three *headers* of Vorbis, laced as Xiph does, the second of which says no more than
    that it is there.
    """
    many, length = headers[:1], headers[1:2]
    if many != b"\x02" or length in (b"", b"\xff"):
        raise NoAudio("has headers that cannot be read")
    comment, at = 0, 2
    for byte in headers[2:]:
        comment, at = comment + byte, at + 1
        if byte != 0xFF:  # noqa: PLR2004 - the number goes on in the next byte
            break
    first = headers[at : at + length[0]]
    rest = headers[at + length[0] + comment :]
    return many + length + bytes([len(NO_COMMENT)]) + first + NO_COMMENT + rest
