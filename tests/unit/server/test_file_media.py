"""What is made of files, by real images and sounds."""

from __future__ import annotations

import tempfile
import unicodedata
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import SECRET, encoded, made, quarters, refused, sound
from PIL import Image, ImageCms, PngImagePlugin

from actors.rules.file_names import clean_name
from protocol.errors import ProtocolError
from protocol.limits import FILE_BYTES, FILE_NAME_BYTES, IMAGE_BYTES
from server.files.media import most_bytes, sniffed


def marked() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = 6, SECRET  # turned to the right; the author
    exif.get_ifd(0x8825)[29] = SECRET  # GPS
    return exif


def shown(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def test_a_photo_is_turned_upright_and_says_nothing_of_where_it_was_made(tmp_path: Path) -> None:
    for kind, options in (
        ("JPEG", {"comment": SECRET, "xmp": SECRET.encode()}),
        ("WEBP", {"xmp": SECRET.encode()}),
        ("PNG", {"pnginfo": _texts()}),
    ):
        data = encoded(quarters(), kind, exif=marked(), **options)
        assert SECRET.encode() in data
        found = made(tmp_path, data)
        assert (found.kind, found.width, found.height) == ("image", 40, 60)
        for part in (found.content, found.thumbnail):
            assert part is not None
            assert SECRET.encode() not in part.path.read_bytes()
            image = shown(part.path)
            assert not image.getexif() and "icc_profile" not in image.info
            red = image.convert("RGB").getpixel((image.width - 5, 5))
            assert red[0] > 200 and red[2] < 60, kind  # type: ignore[index]


def _texts() -> PngImagePlugin.PngInfo:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", SECRET)
    texts.add_itxt("Location", SECRET)
    return texts


def test_what_moves_goes_on_moving_at_its_pace(tmp_path: Path) -> None:
    frames = [quarters().rotate(angle) for angle in (0, 90, 180)]
    for kind, options in (("GIF", {"comment": SECRET.encode()}), ("WEBP", {}), ("PNG", {})):
        data = encoded(
            frames[0], kind, save_all=True, append_images=frames[1:], duration=70, loop=3, **options
        )
        found = made(tmp_path, data)
        assert SECRET.encode() not in found.content.path.read_bytes()
        with Image.open(found.content.path) as image:
            assert (image.n_frames, image.info["loop"]) == (3, 3), kind  # type: ignore[attr-defined]
            image.seek(2)
            image.load()
            assert image.info["duration"] == 70
            corner = image.convert("RGB").getpixel((5, 5))
            assert corner[2] > 200 and corner[0] < 60  # type: ignore[index]


def test_colours_are_those_that_were_meant(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for mode, options in (("RGB", {"icc_profile": profile}), ("CMYK", {}), ("L", {})):
        found = made(tmp_path, encoded(quarters(mode=mode), "JPEG", **options))
        assert shown(found.content.path).mode in ("RGB", "L")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_has_a_thumbnail(tmp_path: Path, mode: str) -> None:
    image = quarters((900, 300)).convert("L") if mode == "I;16" else quarters((900, 300), mode)
    found = made(tmp_path, encoded(image.convert(mode), "PNG"))
    assert found.thumbnail is not None and shown(found.thumbnail.path).size == (320, 107)
    assert (found.width, found.height, found.preview) == (900, 300, None)


def test_a_large_photo_has_a_preview_too(tmp_path: Path) -> None:
    found = made(tmp_path, encoded(Image.effect_noise((2600, 1300), 90), "JPEG", quality=80))
    assert found.preview is not None and shown(found.preview.path).size == (1280, 640)
    assert found.thumbnail is not None and shown(found.thumbnail.path).size == (320, 160)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_pixels_are_counted_before_they_are_decoded(tmp_path: Path) -> None:
    bomb = encoded(Image.new("1", (9000, 9000)), "PNG")
    assert len(bomb) < 20_000
    assert "pixels" in refused(tmp_path, bomb)
    frames = [Image.new("P", (2000, 2000), n) for n in range(12)]
    moving = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert len(moving) < 200_000 and "frames" in refused(tmp_path, moving)
    many = [Image.new("L", (2, 2), n % 7 * 30) for n in range(600)]
    assert "frames" in refused(
        tmp_path, encoded(many[0], "GIF", save_all=True, append_images=many[1:], duration=10)
    )


def test_what_claims_to_be_an_image_must_be_one(tmp_path: Path) -> None:
    whole = encoded(quarters((300, 300)), "JPEG")
    assert refused(tmp_path, whole[: len(whole) // 2])
    assert refused(tmp_path, b"\xff\xd8\xff\xe0" + b"x" * 500)
    assert refused(tmp_path, b"GIF89a" + bytes(300))
    assert refused(tmp_path, b"MZ" + bytes(300), name="holiday.JPG")
    assert refused(tmp_path, b"<svg onload=alert(1)>", said="image/png")


@pytest.mark.parametrize(
    "data",
    [
        b"<!doctype html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"%PDF-1.4 ...",
        b"PK\x03\x04" + bytes(40),
        b"x",
    ],
)
def test_everything_else_is_a_file_as_it_came(tmp_path: Path, data: bytes) -> None:
    found = made(tmp_path, data, name="page.svg")
    assert (found.kind, found.content.path.read_bytes()) == ("file", data)
    assert "html" not in found.media_type and "svg" not in found.media_type


def test_an_image_with_something_behind_it_loses_it(tmp_path: Path) -> None:
    script = b"*/=1;alert(document.cookie);/*"
    for data in (
        encoded(quarters(), "GIF") + script,
        encoded(quarters(), "JPEG") + b"PK\x03\x04" + script,
    ):
        assert script not in made(tmp_path, data).content.path.read_bytes()


@pytest.mark.parametrize(
    ("kind", "codec", "media_type"),
    [
        ("webm", "libopus", "audio/webm"),
        ("ogg", "libopus", "audio/ogg"),
        ("mp3", "libmp3lame", "audio/mpeg"),
        ("ipod", "aac", "audio/mp4"),
        ("wav", "pcm_s16le", "audio/wav"),
        ("flac", "flac", "audio/flac"),
        ("adts", "aac", "audio/aac"),
    ],
)
def test_the_length_of_a_sound_is_measured_and_what_is_beside_it_is_gone(
    tmp_path: Path, kind: str, codec: str, media_type: str
) -> None:
    data = sound(kind, codec, 2.0, title=SECRET)
    assert kind == "adts" or SECRET.encode() in data
    found = made(tmp_path, data, name="voice")
    assert (found.kind, found.media_type) == ("audio", media_type)
    assert found.duration_ms is not None and abs(found.duration_ms - 2000) < 100
    assert SECRET.encode() not in found.content.path.read_bytes()
    again = made(tmp_path, found.content.path.read_bytes())
    assert (again.kind, again.duration_ms) == ("audio", pytest.approx(found.duration_ms, abs=60))


def test_a_recording_without_a_length_in_its_head_gets_one(tmp_path: Path) -> None:
    data = sound("webm", "libopus", 3.0)
    duration = data.index(b"\x44\x89\x88")  # where a recorder in a browser has nothing
    silent = data[:duration] + b"\xec\x89" + bytes(9) + data[duration + 11 :]
    found = made(tmp_path, silent)
    assert found.kind == "audio" and abs((found.duration_ms or 0) - 3000) < 100


def test_a_sound_that_breaks_off_is_as_long_as_what_is_there(tmp_path: Path) -> None:
    data = sound("ogg", "libopus", 4.0)
    found = made(tmp_path, data[: len(data) // 2])
    assert found.kind == "file" or (found.duration_ms or 0) < 3500


def test_what_seems_a_sound_and_is_none_is_a_file(tmp_path: Path) -> None:
    for data in (b"OggS" + bytes(400), b"ID3" + bytes(400), b"fLaC" + bytes(400)):
        assert made(tmp_path, data).kind == "file"


@settings(max_examples=60)
@given(st.sampled_from(["JPEG", "PNG", "GIF", "WEBP"]), st.data())
def test_broken_images_are_refused_and_never_crash(kind: str, choice: Any) -> None:
    whole = bytearray(encoded(quarters((40, 30)), kind))
    for _ in range(choice.draw(st.integers(1, 6))):
        whole[choice.draw(st.integers(0, len(whole) - 1))] = choice.draw(st.integers(0, 255))
    _survives(bytes(whole[: choice.draw(st.integers(1, len(whole)))]))


@settings(max_examples=30)
@given(st.data())
def test_broken_sounds_never_crash(choice: Any) -> None:
    whole = bytearray(OPUS)
    for _ in range(choice.draw(st.integers(1, 6))):
        whole[choice.draw(st.integers(0, len(whole) - 1))] = choice.draw(st.integers(0, 255))
    _survives(bytes(whole[: choice.draw(st.integers(1, len(whole)))]))


def _survives(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(ProtocolError):
            made(Path(folder), data)


OPUS = sound("webm", "libopus", 0.2)


def test_how_large_it_may_be_is_said_by_the_first_bytes() -> None:
    assert most_bytes(encoded(quarters(), "PNG")[:16]) == IMAGE_BYTES
    assert most_bytes(b"%PDF-1.7") == most_bytes(b"") == FILE_BYTES
    assert sniffed(b"\x89PN") == sniffed(b"") == "application/octet-stream"


@given(st.text(max_size=400))
def test_a_cleaned_name_can_do_no_harm(name: str) -> None:
    cleaned = clean_name(name)
    assert len(cleaned.encode()) <= FILE_NAME_BYTES
    assert not set(cleaned) & set('/\\<>:"|?*\0\r\n\u202e\u2066\u2028')
    assert cleaned not in (".", "..") and cleaned == cleaned.strip(" .")
    assert clean_name(cleaned) == cleaned


def test_a_long_korean_name_keeps_its_end() -> None:
    long = unicodedata.normalize("NFD", "회의록" * 60) + ".pdf"
    cleaned = clean_name(long)
    assert cleaned.endswith(".pdf") and cleaned.startswith("회의록회의록")
    assert 250 < len(cleaned.encode()) <= FILE_NAME_BYTES
    assert clean_name("x" * 300) == "x" * 255
