"""Recordings of broadcasts as they come in: files like any other, or nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from recordings import recorded
from test_posted_files import Clock

from protocol.errors import ErrorCode, ProtocolError
from server.files.folder import FolderStorage
from server.files.intake import Intake, NewUpload, Recording
from server.files.spool import Spool
from server.files.voice import VOICE_BYTES
from server.ids import random_id
from server.postgres.files import FileStore

SAID = NewUpload("../../me at home.webm", "audio/webm", None)


def intake_of(world: Any, folder: Path, quota: int = 0) -> Intake:
    rows, spool = FileStore(world.database), Spool(folder / "uploads")
    storage = FolderStorage(folder / "files")
    return Intake(rows, spool, storage, quota=quota, clock=Clock(), new_id=random_id)


async def parts(data: bytes, then: Exception | None) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]
    if then is not None:
        raise then


async def take(
    intake: Intake, data: bytes, new: NewUpload = SAID, then: Exception | None = None
) -> Recording:
    async with aclosing(parts(data, then)) as coming:
        with intake.counted(1):
            return await intake.take_voice(1, new, coming)


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def nothing_left(world: Any, folder: Path) -> bool:
    return await FileStore(world.database).use(1) == (0, 0) and not left(folder)


async def test_a_recording_becomes_a_file_that_says_nothing_of_its_name(
    postgres: Any, tmp_path: Path
) -> None:
    intake = intake_of(postgres, tmp_path)
    info, waveform = await take(intake, recorded(3.0))
    assert (info.name, info.type, info.kind) == ("broadcast.mp3", "audio/mpeg", "audio")
    assert (info.duration_ms, len(waveform)) == (3000, 64)
    assert max(waveform) == 255
    store = FileStore(postgres.database)
    assert await store.use(1) == (info.size, 0)
    (listed,) = await store.mine(1, after=None, limit=9)
    assert (listed.info, listed.posted) == (info, False)
    (path,) = left(tmp_path)
    assert path.stat().st_size == info.size and path.is_relative_to(tmp_path / "files")
    other = await take(intake, recorded(3.0))
    assert other.file.id != info.id
    await store.remove(other.file.id, 1)


async def test_what_is_no_recording_leaves_nothing(postgres: Any, tmp_path: Path) -> None:
    intake = intake_of(postgres, tmp_path)
    ways = ((recorded(0.9), "lasts 0.9 s"), (b"x", "is no sound"), (b"", "is empty"))
    for data, why in ways:
        for new in (SAID, SAID._replace(length=len(data))):
            with pytest.raises(ProtocolError, match=why) as caught:
                await take(intake, data, new)
            assert caught.value.code is ErrorCode.INVALID
            assert list(caught.value.fields or {}) == ["audio"]
    late = ProtocolError(ErrorCode.INVALID, fields={"recipient_count": "is none"})
    with pytest.raises(ProtocolError, match="recipient_count"):
        await take(intake, recorded(1.0), then=late)
    assert await nothing_left(postgres, tmp_path)


async def test_too_much_is_refused_as_soon_as_it_is_known(postgres: Any, tmp_path: Path) -> None:
    intake = intake_of(postgres, tmp_path)
    much = recorded(1.0, "wav") + bytes(VOICE_BYTES)
    for length in (None, VOICE_BYTES, VOICE_BYTES + 1):
        with pytest.raises(ProtocolError) as caught:
            await take(intake, much, SAID._replace(length=length))
        assert caught.value.code is ErrorCode.TOO_LARGE
        assert list(caught.value.fields or {}) == ["size"]
    assert intake.bytes_in <= 2 * (VOICE_BYTES + 65_536)
    assert await nothing_left(postgres, tmp_path)


async def test_recordings_count_as_all_files_do(postgres: Any, tmp_path: Path) -> None:
    data = recorded(2.0, "wav")
    intake = intake_of(postgres, tmp_path, quota=len(data) + 10_000)
    assert (await take(intake, data)).file.size < 20_000
    for new in (SAID, SAID._replace(length=len(data))):
        with pytest.raises(ProtocolError) as caught:
            await take(intake, data, new)
        assert list(caught.value.fields or {}) == ["quota"]
