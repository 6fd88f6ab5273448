"""Files that become more than they were, and disks and memory that end while they do."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from media_files import SECRET, encoded, made, quarters, refused, sound
from PIL import Image

from actors.ports import StoreUnavailable
from server.files import images
from server.files.media import make

MIB = 2**20


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of an MP4 file, or of one of its boxes."""
    while data:
        size, kind = struct.unpack(">I4s", data[:8])
        yield kind, data[8:size]
        data = data[size:]


def with_tables(data: bytes, tables: dict[bytes, bytes]) -> bytes:
    """*data* with other boxes in the place of those that *tables* names, however deep they are."""
    told = b""
    for kind, content in boxes(data):
        inside = tables.get(kind, content)
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
            inside = with_tables(content, tables)
        told += struct.pack(">I4s", 8 + len(inside), kind) + inside
    return told


def overlapping(samples: int, size: int) -> bytes:
    """An MP4 whose every sample is the same *size* bytes."""
    head = struct.pack(">I", 0)
    tables = {
        b"stts": head + struct.pack(">III", 1, samples, 1024),
        b"stsz": head + struct.pack(">II", size, samples),
        b"stsc": head + struct.pack(">IIII", 1, 1, 1, 1),
        b"stco": head + struct.pack(">I", samples) + struct.pack(">I", 48) * samples,
        b"mdat": bytes(size),
    }
    return with_tables(sound("ipod", "aac", 0.2), tables)


def test_sound_that_is_there_only_once_is_not_written_a_thousand_times(tmp_path: Path) -> None:
    data = overlapping(1000, 30_000)
    assert len(data) < 40_000
    found = made(tmp_path, data, "voice.m4a")
    assert (found.kind, found.content.size) == ("file", len(data))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < MIB
    few = made(tmp_path, overlapping(2, 9_000))
    assert few.kind == "audio", "else it says nothing about how many there are"


def test_a_sound_that_is_broken_in_its_counts_is_a_file(tmp_path: Path) -> None:
    """FFmpeg has no memory for so many entries."""
    table = struct.pack(">IIII", 0, 0xFF00_0000, 1, 1024)
    assert made(tmp_path, with_tables(sound("ipod", "aac", 0.2), {b"stts": table})).kind == "file"


def test_images_that_grow_are_refused_before_the_disk_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "IMAGE_BYTES", 300_000)
    noise = Image.effect_noise((640, 480), 90).convert("P", palette=Image.Palette.ADAPTIVE)
    moving = [noise.rotate(angle) for angle in (0, 90, 180)]
    ways = {
        "PNG": encoded(moving[0].convert("RGB"), "PNG"),
        "GIF": encoded(moving[0], "GIF", save_all=True, append_images=moving[1:]),
    }
    for data in ways.values():
        assert "bytes" in refused(tmp_path, data)
        assert (tmp_path / "content").stat().st_size <= 300_000


def test_a_photo_that_would_grow_too_much_is_kept_with_less_detail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(Image.effect_noise((900, 900), 90), "JPEG", quality=60)
    first = made(tmp_path, data).content.size
    assert first > len(data)
    monkeypatch.setattr(images, "IMAGE_BYTES", first - 1)
    assert made(tmp_path, data).content.size < first
    monkeypatch.setattr(images, "IMAGE_BYTES", 1000)
    assert "bytes" in refused(tmp_path, data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "webm", "ogg", "ipod"])
def test_a_full_disk_is_no_fault_of_the_file(tmp_path: Path, kind: str) -> None:
    codec = {"webm": "libopus", "ogg": "libopus", "ipod": "aac"}.get(kind)
    data = sound(kind, codec, 1.0) if codec else encoded(quarters((900, 900)), kind)
    for part in ("content", "thumbnail"):
        (tmp_path / part).symlink_to("/dev/full")
        if not codec or part == "content":
            with pytest.raises(StoreUnavailable, match="space"):
                made(tmp_path, data)
        (tmp_path / part).unlink()
    assert made(tmp_path, data).kind == ("audio" if codec else "image")


def test_a_file_that_is_gone_meanwhile_is_no_fault_of_its_own(tmp_path: Path) -> None:
    for head in (b"text", sound("ogg", "libopus", 0.2), encoded(quarters(), "PNG")):
        with pytest.raises(StoreUnavailable):
            make(tmp_path.joinpath, head, name="", said="")


def test_a_sound_that_jumps_ahead_by_weeks_is_a_file(tmp_path: Path) -> None:
    for ahead, kind in ((1_000_000, "audio"), (3_000_000_000, "file")):
        found = made(tmp_path, with_a_jump(sound("webm", "libopus", 1.0), ahead))
        assert found.kind == kind


def with_a_jump(data: bytes, ahead: int) -> bytes:
    """*data*, whose second half comes *ahead* milliseconds later."""
    out = io.BytesIO()
    with av.open(io.BytesIO(data)) as opened, av.open(out, "w", format="webm") as written:
        packed = written.add_stream_from_template(opened.streams.audio[0])
        for packet in opened.demux(audio=0):
            if packet.dts is not None:
                late = ahead if packet.pts > 500 else 0  # type: ignore[operator]
                packet.pts, packet.dts, packet.stream = packet.pts + late, packet.dts + late, packed  # type: ignore[operator]
                written.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["webm", "ogg"])
@pytest.mark.parametrize("comment", [SECRET.encode(), SECRET.encode() * 20])
def test_vorbis_says_nothing_of_who_made_it(tmp_path: Path, kind: str, comment: bytes) -> None:
    data = commented(sound(kind, "vorbis", 1.0, title=SECRET), kind, comment)
    assert comment in data
    found = made(tmp_path, data)
    assert found.kind == "audio" and SECRET.encode() not in found.content.path.read_bytes()
    again = made(tmp_path, found.content.path.read_bytes())
    assert (again.kind, again.duration_ms) == ("audio", pytest.approx(found.duration_ms, abs=60))
    with av.open(str(found.content.path)) as opened:
        assert sum(frame.samples for frame in opened.decode(audio=0)) > 40_000


def commented(data: bytes, kind: str, comment: bytes) -> bytes:
    """*data* with a comment in the second header of Vorbis, which Matroska keeps as it is."""
    out = io.BytesIO()
    with av.open(io.BytesIO(data)) as opened, av.open(out, "w", format=kind) as written:
        stream = opened.streams.audio[0]
        packed = written.add_stream_from_template(stream)
        packed.metadata["title"] = comment.decode()  # what Ogg makes that header of
        _, size, length, *_ = headers = stream.codec_context.extradata or b""
        first, setup = headers[3 : 3 + size], headers[3 + size + length :]
        said = b"title=" + comment
        told = b"\x03vorbis" + struct.pack("<III", 0, 1, len(said)) + said + b"\x01"
        lace = bytes([255] * (len(told) // 255) + [len(told) % 255])
        packed.codec_context.extradata = b"\x02" + bytes([size]) + lace + first + told + setup
        for packet in opened.demux(audio=0):
            if packet.dts is not None:
                packet.stream = packed
                written.mux(packet)
    return out.getvalue()
