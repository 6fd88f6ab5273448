"""What is made of files apart: the same as here, and whatever happens there ends nothing here."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from media_files import encoded, quarters
from recordings import recorded

from actors.ports import StoreUnavailable
from protocol.errors import ErrorCode, ProtocolError
from server.files import decoding
from server.files.decoder import Task
from server.files.decoding import Decoding
from server.files.media import Purpose


def task(
    folder: Path, data: bytes, *, name: str = "", said: str = "", purpose: Purpose = "file"
) -> Task:
    (folder / "upload.received").write_bytes(data)
    return Task(str(folder / "upload"), data[:8192], name, said, purpose)


PHOTO = encoded(quarters(), "JPEG")


async def test_a_photo_becomes_what_it_becomes_here(tmp_path: Path) -> None:
    apart = await Decoding().make(1, task(tmp_path, PHOTO))
    here = task(tmp_path, PHOTO).make()
    assert apart == here and apart.kind == "image" and apart.content.path.exists()


async def test_what_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    for data, said, why in (
        (PHOTO[:200], "", "cannot be read as the image"),
        (b"#!/bin/sh", "image/png", "is none"),
    ):
        with pytest.raises(ProtocolError, match=why) as refused:
            await Decoding().make(1, task(tmp_path, data, said=said))
        assert list(refused.value.fields or {}) == ["file"]


async def test_a_recording_becomes_what_it_becomes_here(tmp_path: Path) -> None:
    apart = await Decoding().make(1, task(tmp_path, recorded(2.0), purpose="voice"))
    here = task(tmp_path, recorded(2.0), purpose="voice").make()
    assert apart == here and apart.waveform is not None and len(apart.waveform) == 64
    assert (apart.kind, apart.duration_ms) == ("audio", 2000)


async def test_what_is_wrong_with_a_recording_is_told(tmp_path: Path, played: Any) -> None:
    ways = ((recorded(0.5), "lasts 0.5 s"), (PHOTO, "is no sound"), (b"#!/bin/sh", "is no sound"))
    for data, why in ways:
        with pytest.raises(ProtocolError, match=why) as refused:
            await Decoding().make(1, task(tmp_path, data, purpose="voice"))
        assert list(refused.value.fields or {}) == ["audio"]
    for script, why in (("kill -SEGV $$", "cannot be read"), ("kill -XCPU $$", "too long")):
        played(script)
        with pytest.raises(ProtocolError, match=why) as refused:
            await Decoding().make(1, task(tmp_path, b"not even looked at", purpose="voice"))
        assert list(refused.value.fields or {}) == ["audio"]


async def test_a_disk_that_fails_is_not_the_fault_of_the_file(tmp_path: Path) -> None:
    wanted = task(tmp_path, PHOTO)
    (tmp_path / "upload.received").unlink()
    with pytest.raises(StoreUnavailable):
        await Decoding().make(1, wanted)


async def test_what_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, played: Any
) -> None:
    monkeypatch.setattr(decoding, "WITHIN", 2.0)
    pid = played("echo $$ > pid; exec sleep 60")
    with pytest.raises(StoreUnavailable):
        await Decoding().make(1, task(tmp_path, PHOTO))
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


async def test_who_waits_too_long_for_others_may_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, played: Any, nursery: trio.Nursery
) -> None:
    monkeypatch.setattr(decoding, "QUEUED_WITHIN", 0.2)
    played("exec sleep 60")
    some = Decoding()
    for number in range(decoding.AT_ONCE):
        nursery.start_soon(some.make, number, task(tmp_path, PHOTO))
    await trio.sleep(0.1)
    for owner_no, code in ((9, ErrorCode.UNAVAILABLE), (0, ErrorCode.RATE_LIMITED)):
        with pytest.raises(ProtocolError) as refused:
            await some.make(owner_no, task(tmp_path, PHOTO))
        assert refused.value.code is code
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("kill -SEGV $$", ProtocolError),
        ("kill -XCPU $$", ProtocolError),
        ("kill -KILL $$", StoreUnavailable),
        ("kill -TERM $$", StoreUnavailable),
        ("exit 3", RuntimeError),
        ("""echo '{"fault": "a line of code"}'""", RuntimeError),
    ],
)
async def test_however_a_process_ends_this_one_goes_on(
    tmp_path: Path, played: Any, script: str, error: type[Exception]
) -> None:
    played(script)
    with pytest.raises(error):
        await Decoding().make(1, task(tmp_path, PHOTO))


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a script in the place of the decoder; what it may write its number to."""

    def play(script: str) -> Path:
        program = tmp_path / "program"
        program.write_text(f"#!/bin/sh\ncd {tmp_path}\ncat > /dev/null\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        return tmp_path / "pid"

    return play


@pytest.mark.parametrize(
    ("work", "why"),
    [("bytes(3 * 2**30)", "too much memory"), ("[0 for _ in iter(int, 1)]", "too long")],
)
async def test_a_process_has_its_limits(tmp_path: Path, played: Any, work: str, why: str) -> None:
    code = (
        "from server.files import decoder as d; d.LIMITS[d.resource.RLIMIT_CPU] = (1, 3); "
        f"d.Task.make = lambda task: {work}; d.main()"
    )
    played(f"exec {sys.executable} -c '{code}' < task")
    (tmp_path / "task").write_bytes(msgspec.json.encode(task(tmp_path, PHOTO)))
    with pytest.raises(ProtocolError, match=why):
        await Decoding().make(1, task(tmp_path, PHOTO))
