"""Recordings of broadcasts: what becomes of real sounds, and of what only seems one."""

from __future__ import annotations

import io
import math
import struct
import tempfile
from array import array
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import SECRET, sound
from recordings import Format, recorded, tone
from test_file_bounds import overlapping, with_a_jump

from actors.ports import StoreUnavailable
from protocol.errors import ErrorCode, ProtocolError
from server.files.media import Made
from server.files.voice import BARS, LONGEST_MS, RATE, record

FORMATS = get_args(Format)


def made(folder: Path, data: bytes) -> Made:
    (folder / "received").write_bytes(data)
    return record(folder.joinpath, data[:8192])


def refused(folder: Path, data: bytes) -> str:
    with pytest.raises(ProtocolError) as caught:
        made(folder, data)
    assert caught.value.code is ErrorCode.INVALID and not (folder / "content").exists()
    (why,) = (caught.value.fields or {}).items()
    assert why[0] == "audio" and str(folder) not in str(caught.value)
    return why[1]


def heard(path: Path) -> tuple[float, array[int]]:
    """Milliseconds and samples of what was made, as a player decodes it."""
    samples = array("h")
    resampler = av.AudioResampler("s16")
    with av.open(str(path)) as opened:
        (stream,) = opened.streams
        assert (stream.type, stream.codec.canonical_name) == ("audio", "mp3")
        for frame in opened.decode(audio=0):
            assert (frame.sample_rate, frame.layout.name) == (RATE, "mono")
            for each in resampler.resample(frame):
                samples.frombytes(bytes(each.planes[0])[: 2 * each.samples])
    return len(samples) * 1000 / RATE, samples


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("seconds", [1.0, 30.0])
def test_what_is_recorded_in_any_format_becomes_one(
    tmp_path: Path, kind: Format, seconds: float
) -> None:
    found = made(tmp_path, recorded(seconds, kind))
    assert (found.kind, found.media_type) == ("audio", "audio/mpeg")
    assert found.duration_ms == pytest.approx(seconds * 1000, abs=30)
    assert found.duration_ms is not None and found.duration_ms <= LONGEST_MS
    length, samples = heard(found.content.path)
    assert length == pytest.approx(found.duration_ms, abs=1)
    assert max(samples[RATE // 4 : RATE // 2]) == pytest.approx(9000, rel=0.1), "as loud as before"
    assert found.content.size < 9_000 * seconds


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("seconds", "lasts"), [(0.9, "0.9"), (30.5, "30.5"), (31.5, "more than 30 s")]
)
def test_what_is_too_short_or_too_long_is_told_how_long_it_is(
    tmp_path: Path, kind: Format, seconds: float, lasts: str
) -> None:
    why = refused(tmp_path, recorded(seconds, kind))
    assert why.endswith("; it must last 1 to 30 s")
    assert why.startswith(f"lasts {lasts}")


@pytest.mark.parametrize("beyond", [0.03, 0.05])
def test_what_an_encoder_adds_at_the_end_is_cut_off(tmp_path: Path, beyond: float) -> None:
    found = made(tmp_path, recorded(30 + beyond, "wav"))
    assert found.duration_ms == 30_000 and heard(found.content.path)[0] == 30_000


def test_a_little_more_than_that_is_too_long(tmp_path: Path) -> None:
    assert refused(tmp_path, recorded(30.06, "wav")).startswith("lasts 30.06 s")
    assert refused(tmp_path, recorded(0.999, "wav")).startswith("lasts 0.999 s")


@pytest.mark.parametrize(
    ("kind", "rate", "layout"),
    [
        ("wav", 8_000, "mono"),
        ("wav", 44_100, "stereo"),
        ("wav", 192_000, "7.1"),
        ("flac", 96_000, "stereo"),
        ("m4a", 44_100, "5.1"),
        ("ogg", 48_000, "5.1"),
        ("mp3", 8_000, "mono"),
        ("mp3", 22_050, "stereo"),
    ],
)
def test_many_channels_become_one_and_none_is_clipped(
    tmp_path: Path, kind: Format, rate: int, layout: str
) -> None:
    found = made(tmp_path, recorded(2.0, kind, rate=rate, layout=layout, volume=30_000))
    assert found.duration_ms == pytest.approx(2000, abs=50)
    _, samples = heard(found.content.path)
    loudest = max(samples[RATE // 2 : RATE])
    assert loudest == pytest.approx(30_000, rel=0.12), "the same on all channels, so on one"


def test_the_waveform_is_the_loudest_of_each_part(tmp_path: Path) -> None:
    parts = [tone(1024, rate=48_000, layout="mono", volume=500 * n) for n in range(BARS)]
    found = made(tmp_path, wav(b"".join(bytes(part.planes[0])[:2048] for part in parts)))
    bars = found.waveform
    assert bars is not None and len(bars) == BARS
    assert bars[-1] == 255 and all(abs(bar - 255 * n / 63) < 3 for n, bar in enumerate(bars))


@pytest.mark.parametrize("kind", FORMATS)
def test_silence_is_no_height_at_all(tmp_path: Path, kind: Format) -> None:
    assert made(tmp_path, recorded(1.5, kind, volume=0)).waveform == bytes(BARS)


def test_the_loudest_sample_there_is(tmp_path: Path) -> None:
    assert made(tmp_path, wav(struct.pack("<h", -32768) * 48_000)).waveform == b"\xff" * BARS


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_sound_is_the_same_file_and_says_nothing_else(tmp_path: Path, kind: str) -> None:
    codecs = {"webm": "libopus", "ogg": "libopus", "mp3": "libmp3lame", "wav": "pcm_s16le"}
    codec = codecs.get(kind, "flac" if kind == "flac" else "aac")
    container = {"m4a": "ipod", "aac": "adts"}.get(kind, kind)
    found = []
    for title in (SECRET, SECRET[::-1]):
        digest = made(tmp_path, sound(container, codec, 1.2, title=title)).content.digest
        data = (tmp_path / "content").read_bytes()
        assert title.encode() not in data and not data.startswith(b"ID3")
        found.append(digest)
    assert found[0] == found[1]


def together(kind: str, *codecs: str, cover: bool = False) -> bytes:
    """A file with a track of each of *codecs*: two seconds of sound, or one picture."""
    out = io.BytesIO()
    with av.open(out, "w", format=kind) as written:
        tracks = [_track(written, each, cover=cover) for each in codecs]
        for stream, frame in tracks:
            written.mux(stream.encode(frame))
            written.mux(stream.encode(None))
    return out.getvalue()


def _track(written: Any, codec: str, *, cover: bool) -> tuple[Any, Any]:
    if codec not in ("mjpeg", "mpeg4"):
        stream = written.add_stream(codec, rate=48_000, layout="mono")
        return stream, tone(96_000, rate=48_000, layout="mono", volume=9_000)
    stream = written.add_stream(codec, rate=25)
    stream.width, stream.height = 64, 64
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    if cover:
        stream.disposition = av.stream.Disposition.attached_pic
    return stream, av.VideoFrame(64, 64, stream.pix_fmt)


def test_a_picture_of_what_is_heard_is_no_film(tmp_path: Path) -> None:
    data = together("mp3", "mjpeg", "libmp3lame", cover=True)
    assert b"APIC" in data
    assert made(tmp_path, data).duration_ms == 2000
    assert b"JFIF" not in (tmp_path / "content").read_bytes()


def test_what_is_not_one_track_of_sound_alone_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, together("mp4", "mpeg4", "aac")) == "has moving pictures"
    assert refused(tmp_path, together("mp4", "mpeg4")) == "has moving pictures"
    assert refused(tmp_path, together("mp4", "aac", "aac")) == "has 2 tracks of sound"


@pytest.mark.parametrize("kind", FORMATS)
def test_what_breaks_off_is_refused_or_as_long_as_what_is_there(
    tmp_path: Path, kind: Format
) -> None:
    whole = recorded(4.0, kind)
    for end in (len(whole) // 2, len(whole) - 100):
        with suppress(ProtocolError):
            found = made(tmp_path, whole[:end])
            assert heard(found.content.path)[0] == pytest.approx(found.duration_ms, abs=1)
            assert 1900 < (found.duration_ms or 0) <= (2100 if end == len(whole) // 2 else 4030)


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    begun = (b"OggS", b"ID3", b"fLaC", b"\x1a\x45\xdf\xa3", b"\xff\xd8\xff\xe0", b"#!AMR\n")
    for data in (
        *(b"", b"x" * 5_000, b"RIFF\xff\xff\xff\xffWAVEfmt "),
        *(start + bytes(400) for start in begun),
        *(mark * 4_000 for mark in (b"\xff\xfb", b"\xff\xf1")),
        *(recorded(1.0, kind)[:60] for kind in FORMATS),
    ):
        assert refused(tmp_path, data)


def wav(
    samples: bytes,
    *,
    code: int = 1,
    rate: int = 48_000,
    channels: int = 1,
    bits: int = 16,
    size: int | None = None,
) -> bytes:
    """What a WAV says of itself may be wrong."""
    block = channels * bits // 8
    told = struct.pack("<HHIIHH", code, channels, rate, rate * block % 2**32, block % 2**16, bits)
    size = len(samples) if size is None else size
    return (
        b"RIFF" + struct.pack("<I", (size + 36) % 2**32) + b"WAVEfmt " + struct.pack("<I", 16)
        + told + b"data" + struct.pack("<I", size) + samples
    )  # fmt: skip


SPOKEN = bytes(tone(96_000, rate=48_000, layout="mono", volume=9_000).planes[0])[:192_000]


@pytest.mark.parametrize("size", [0, 1_000, 2**31, 2**32 - 1])
def test_a_header_that_says_another_length_changes_nothing(tmp_path: Path, size: int) -> None:
    """But for one that is shorter: what is behind it is no sound."""
    if size in (0, 2**31, 2**32 - 1):
        assert made(tmp_path, wav(SPOKEN, size=size)).duration_ms == 2000
    else:
        assert refused(tmp_path, wav(SPOKEN, size=size)).startswith("lasts 0.01 s")


def test_a_recording_that_was_not_told_how_long_it_is_is_measured(tmp_path: Path) -> None:
    data = bytearray(recorded(3.0, "webm"))
    place = data.index(b"\x44\x89\x88") + 3
    for told in (0.0, 1e9, math.inf, math.nan):
        data[place : place + 8] = struct.pack(">d", told)
        assert made(tmp_path, bytes(data)).duration_ms == 3000


def test_times_that_jump_make_nothing_longer(tmp_path: Path) -> None:
    data = with_a_jump(sound("webm", "libopus", 2.0), 3_000_000_000)
    assert made(tmp_path, data).duration_ms == pytest.approx(2000, abs=30)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"rate": 1}, "has 1 samples a second"),
        ({"rate": 7_999}, "samples a second"),
        ({"rate": 192_001}, "samples a second"),
        ({"rate": 2**31 - 1}, "samples a second"),
        ({"channels": 9}, "has 9 channels"),
        ({"channels": 255}, "has 255 channels"),
        ({"channels": 65_535}, ""),
        ({"channels": 0}, ""),
        ({"bits": 0}, ""),
        ({"code": 2, "bits": 4}, ""),
        ({"code": 0x55}, ""),
        ({"code": 0x2001}, ""),
    ],
)
def test_a_sound_says_of_itself_what_can_be(tmp_path: Path, told: dict[str, int], why: str) -> None:
    assert why in refused(tmp_path, wav(SPOKEN, **told))


def test_samples_that_are_no_numbers_do_no_harm(tmp_path: Path) -> None:
    for value in (math.nan, math.inf, -math.inf, 1e38, 5.0):
        found = made(tmp_path, wav(struct.pack("<f", value) * 96_000, code=3, bits=32))
        assert found.duration_ms == 2000 and found.waveform is not None


def test_hours_in_a_few_bytes_are_not_even_decoded(tmp_path: Path) -> None:
    hours = recorded(3_600.0, "flac", rate=8_000, volume=0)
    assert len(hours) < 2**20
    assert refused(tmp_path, hours).startswith("lasts more than 30 s; it must last 1 to 30 s")
    assert refused(tmp_path, overlapping(2000, 30_000))


@settings(max_examples=100)
@given(st.sampled_from(FORMATS), st.data())
def test_broken_sounds_never_crash(kind: Format, choice: Any) -> None:
    data = bytearray(recorded(1.0, kind))
    for _ in range(choice.draw(st.integers(1, 6))):
        place = choice.draw(st.integers(0, min(len(data), 4_000) - 1))
        data[place] = choice.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder, suppress(ProtocolError):
        found = made(Path(folder), bytes(data[: choice.draw(st.integers(1, len(data)))]))
        assert found.duration_ms is not None and 1_000 <= found.duration_ms <= 30_000


def test_a_full_disk_is_no_fault_of_the_recording(tmp_path: Path) -> None:
    (tmp_path / "content").symlink_to("/dev/full")
    with pytest.raises(StoreUnavailable, match="space"):
        made(tmp_path, recorded(1.0))
    with pytest.raises(StoreUnavailable):
        record((tmp_path / "nowhere").joinpath, recorded(1.0)[:8192])
