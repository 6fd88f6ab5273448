"""Images, decoded and encoded anew: upright, in sRGB, and with nothing beside their pixels.

All of it works on files, in a process of its own, and trusts nothing: what is too large is not even
decoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from PIL import Image, ImageCms, ImageOps, ImageSequence

from protocol.limits import IMAGE_BYTES

FORMATS: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
}
QUALITY, LOWER_QUALITY = 88, 70
SAVED: Final[Mapping[str, dict[str, Any]]] = {
    "JPEG": {"quality": QUALITY},
    "PNG": {},
    "WEBP": {"quality": QUALITY, "method": 3},
    "GIF": {},
}
MOVING: Final = {"WEBP": {"quality": 80, "method": 0}}  # as many frames as there may be, in time
MOST_PIXELS: Final = 50_000_000
MOST_MOVING_PIXELS: Final = 40_000_000
"""Of all frames together."""
MOST_FRAMES: Final = 500
THUMBNAIL, PREVIEW = 320, 1280  # pixels of the longer side
PREVIEW_PAYS = 400_000  # bytes; a smaller content is as good as a preview
SMALL: Final = {"quality": 78, "method": 3}
FRAME_MS = 100


class TooMuch(Exception):
    """More pixels or frames than are decoded, or bytes than an image may have: the text says it."""


class Remade(NamedTuple):
    """An image as it is served."""

    width: int
    height: int
    has_preview: bool


def remake(
    source: Path, media_type: str, *, content: Path, thumbnail: Path, preview: Path
) -> Remade:
    """Write the image *source* anew to *content*, and smaller ones where they are worth it.

    Raises TooMuch, and anything else for what cannot be decoded.
    """
    kind = FORMATS[media_type]
    with Image.open(source, formats=[kind]) as image:
        _check(image)
        if kind != "JPEG" and getattr(image, "is_animated", False):
            still = _remake_moving(image, kind, content)
        else:
            still = _remake_still(image, kind, content)
    size = still.size
    small = _for_display(still)
    has_preview = max(size) > PREVIEW and content.stat().st_size > PREVIEW_PAYS
    if has_preview:
        small.save(preview, "WEBP", **SMALL)
    small.thumbnail((THUMBNAIL, THUMBNAIL), reducing_gap=3.0)
    small.save(thumbnail, "WEBP", **SMALL)
    return Remade(*size, has_preview)


def _check(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise TooMuch(f"has {width} x {height} pixels, and {MOST_PIXELS} are read")


def _remake_still(image: Image.Image, kind: str, content: Path) -> Image.Image:
    still = _in_srgb(_upright(image))
    still.info = _kept(still, "transparency")
    try:
        _save(still, content, kind, **SAVED[kind])
    except TooMuch:
        if kind != "JPEG":
            raise
        _save(still, content, kind, quality=LOWER_QUALITY)
    return still


def _remake_moving(image: Image.Image, kind: str, content: Path) -> Image.Image:
    frames, lasting = [], []
    for number, frame in enumerate(ImageSequence.Iterator(image), 1):
        if number > MOST_FRAMES or number * image.width * image.height > MOST_MOVING_PIXELS:
            raise TooMuch(
                f"moves for more than {number - 1} frames of {image.width} x {image.height}"
            )
        frames.append(frame.convert("RGBA"))
        frames[-1].info = {}
        lasting.append(frame.info.get("duration") or FRAME_MS)  # known once it is decoded
    moves: dict[str, Any] = {"duration": lasting, **_kept(image, "loop")}
    if kind != "WEBP":
        moves["disposal"] = 2 if kind == "GIF" else 1  # each frame on a clean ground
    moves |= MOVING.get(kind, {})
    _save(frames[0], content, kind, save_all=True, append_images=frames[1:], **moves)
    return frames[0]


def _save(image: Image.Image, content: Path, kind: str, **options: Any) -> None:
    with content.open("wb") as file:
        image.save(Bounded(file, IMAGE_BYTES), kind, **options)  # type: ignore[arg-type]


class Bounded(RawIOBase):
    """Writes at most *most* bytes to *file*. Raises TooMuch, before the disk has more."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._left = file, most

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Write all of *data*."""
        self._left -= len(data)
        if self._left < 0:
            raise TooMuch(f"would have more than {IMAGE_BYTES} bytes, encoded anew")
        return self._file.write(data)


def _kept(image: Image.Image, *names: str) -> dict[Any, Any]:
    return {name: image.info[name] for name in names if name in image.info}


def _upright(image: Image.Image) -> Image.Image:
    """The image as EXIF says that it is to be turned; as it is, where that cannot be read."""
    image.load()
    with suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _in_srgb(image: Image.Image) -> Image.Image:
    """The colours that are meant, without the profile that says so."""
    profile, alpha = image.info.get("icc_profile"), None
    if image.mode == "RGBA" and profile:
        alpha, image = image.getchannel("A"), image.convert("RGB")
    if profile and image.mode in ("RGB", "CMYK"):
        with suppress(ImageCms.PyCMSError, OSError):
            meant = ImageCms.ImageCmsProfile(BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            image = ImageCms.profileToProfile(image, meant, srgb, outputMode="RGB") or image
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        image = image.convert("RGB")
    if alpha is not None:
        image.putalpha(alpha)
    return image


def _for_display(image: Image.Image) -> Image.Image:
    """The image itself, made as small as a preview, in a mode that every browser shows."""
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode in ("1", "P", "PA"):
        image = image.convert(mode)
    image.thumbnail((PREVIEW, PREVIEW), reducing_gap=3.0)
    return image if image.mode == mode else image.convert(mode)
