from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from frame_tables import CLIENT, PARTS, SERVER, fields_of

import protocol
from protocol import limits
from protocol.close import MEANING as CLOSE_MEANING
from protocol.errors import MEANING as ERROR_MEANING
from protocol.events import FileInfo
from protocol.frames import RoomSummary

PAGE = (Path(protocol.__file__).parent / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [
        row
        for row in cells
        if row[0].strip("`") not in ("frame", "code", "limit", "summary", "part")
        or row[0] == "`summary`"
    ]


def told(text: str) -> Mapping[str, dict[str, str]]:
    return {
        row[0].strip("`"): dict(re.findall(r"`([\w?]+)` ([^,]+)", row[1].strip()))
        for row in rows(text)
    }


def test_client_frames_and_their_fields_are_those_of_the_code() -> None:
    assert told(section("What a client sends")) == {t: fields_of(k) for t, k in CLIENT.items()}


def test_server_frames_and_their_fields_are_those_of_the_code() -> None:
    assert told(section("What the server sends")) == {t: fields_of(k) for t, k in SERVER.items()}


def test_the_summary_is_that_of_the_code() -> None:
    assert told(section("Opening")) == {"summary": fields_of(RoomSummary)}


def test_files_and_their_fields_are_those_of_the_code() -> None:
    assert told(section("Files")) == {"file": fields_of(FileInfo)}


def test_parts_of_meetings_and_their_fields_are_those_of_the_code() -> None:
    assert told(section("Meetings")) == {name: fields_of(kind) for kind, name in PARTS.items()}


def test_every_reply_is_a_server_frame() -> None:
    replies = {row[2].strip("` |") for row in rows(section("What a client sends"))}
    assert replies <= set(SERVER)


def test_error_codes_and_their_meanings_are_those_of_the_code() -> None:
    table = {row[0].strip("`"): row[1].strip(" |") for row in rows(section("Error codes"))}
    assert table == {code.value: meaning for code, meaning in ERROR_MEANING.items()}


def test_close_codes_and_their_meanings_are_those_of_the_code() -> None:
    table = {row[0]: row[1].strip(" |") for row in rows(section("Close codes"))}
    assert table == {str(code.value): meaning for code, meaning in CLOSE_MEANING.items()}


def test_limits_and_their_meanings_are_those_of_the_code() -> None:
    source = Path(limits.__file__).read_text(encoding="utf-8")
    documented = dict(re.findall(r'^(\w+): Final = .*\n"""(.*?)"""', source, flags=re.M))
    table = {row[0].strip("`"): (row[1], row[2].strip(" |")) for row in rows(section("Limits"))}
    code = {
        name: (str(getattr(limits, name)), text.replace("``", "`"))
        for name, text in documented.items()
    }
    assert table == code
