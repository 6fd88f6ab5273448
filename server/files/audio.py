"""Audio, packed anew: as it was recorded, with nothing beside the sound, its length measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
    """It has pictures too, or no sound that can be read; the text goes on after 'the file'."""


def repack(source: Path, found: str, *, content: Path) -> tuple[str, int]:
    """Write the sound of *source*, sniffed as *found*, to *content*: its type and milliseconds.

    Raises NoAudio and StoreUnavailable.
    """
    container, most = CONTAINERS[found], source.stat().st_size + BESIDE
    with (
        opened(source, found) as (sound, stream),
        av.open(str(content), "w", format=container.writes) as written,
    ):
        length = _copy(sound, stream, written, most)
    if length > MOST_MS or content.stat().st_size > FILE_BYTES:
        raise NoAudio("is too long")
    return container.media_type, length


@contextmanager
def opened(source: Path, found: str) -> Iterator[tuple[Any, AudioStream]]:
    """*source*, sniffed as *found*, and its only sound, while it is read in the block.

    The demuxer is the one that was sniffed: none that could open anything else by itself. Raises
    NoAudio and StoreUnavailable, also for what FFmpeg says in the block.
    """
    with faults_of_ffmpeg():
        reads = CONTAINERS[found].reads
        with av.open(str(source), format=reads, metadata_errors="replace") as sound:
            yield sound, _only_sound(sound)


@contextmanager
def faults_of_ffmpeg() -> Iterator[None]:
    """What FFmpeg says in the block as NoAudio, or StoreUnavailable where a disk is at fault."""
    try:
        yield
    except (av.FFmpegError, ValueError) as error:
        if getattr(error, "errno", None) in OURS:  # a broken file wants more memory than there is
            raise StoreUnavailable(f"files: {error}") from error
        raise NoAudio("cannot be read as the sound that it seems to be") from error


def _only_sound(container: Any) -> AudioStream:
    if any(not _is_cover(each) for each in container.streams.video):
        raise NoAudio("has moving pictures")
    if (tracks := len(container.streams.audio)) != 1:
        raise NoAudio(f"has {tracks} tracks of sound")
    stream: AudioStream = container.streams.audio[0]
    if stream.codec_context is None:
        raise NoAudio("is encoded in a way that is not known")
    return stream


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _copy(sound: Any, stream: AudioStream, written: Any, most: int) -> int:
    packed = written.add_stream_from_template(stream)
    if stream.codec_context.name == "vorbis":
        packed.codec_context.extradata = _without_comment(stream.codec_context.extradata or b"")
    first, end = None, 0
    for packet in packets(sound, stream, most):
        if packet.dts is None:
            continue
        begins = packet.pts if packet.pts is not None else packet.dts
        first = begins if first is None else min(first, begins)
        end = max(end, begins + (packet.duration or 0))
        packet.stream = packed
        written.mux(packet)
    if first is None or stream.time_base is None:
        raise NoAudio("has no sound in it")
    return int((end - first) * stream.time_base * 1000)


def packets(sound: Any, stream: AudioStream, most: int) -> Iterator[Any]:
    """Those of *stream*. One file can name the same bytes again and again: *most* ends that."""
    size = 0
    for number, packet in enumerate(sound.demux(stream)):
        size += packet.size
        if number > MOST_PACKETS or size > most:
            raise NoAudio("has more sound than its file can have")
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
