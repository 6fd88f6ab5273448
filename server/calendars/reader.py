"""The process in which one calendar is read: ``python -m server.calendars.reader``.

What is asked comes on its standard input, and what was found goes to its standard output.
"""

from __future__ import annotations

import resource
import traceback
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from protocol.ids import Millis
from server.bounded import bounded
from server.calendars.reading import BusyTimes, Unreadable, busy_in

LIMITS: Final = {
    resource.RLIMIT_AS: (2**29, 2**29),  # bytes; a file of the largest size takes a quarter of it
    resource.RLIMIT_CPU: (20, 25),  # seconds, of which it needs half at worst
    resource.RLIMIT_FSIZE: (0, 0),
    resource.RLIMIT_CORE: (0, 0),
}


class Asked(msgspec.Struct):
    """What ``busy_in`` is to be given."""

    data: bytes
    start: Millis
    end: Millis
    most: int
    zone: str


class Told(msgspec.Struct):
    """What was found, or why nothing: the file's fault, or that of the program."""

    found: BusyTimes | None = None
    unreadable: str = ""
    fault: str = ""


def main() -> None:
    """One calendar, within limits."""
    bounded(lambda asked: msgspec.json.encode(_told(asked)), LIMITS)


def _told(asked: bytes) -> Told:
    said = msgspec.json.decode(asked, type=Asked)
    try:
        return Told(found=_found(said))
    except Unreadable as error:
        return Told(unreadable=str(error))
    except (MemoryError, RecursionError):
        return Told(unreadable="takes too much memory to be read")
    except Exception:  # noqa: BLE001 - told where it can be logged
        return Told(fault=traceback.format_exc())


def _found(said: Asked) -> BusyTimes:
    zone = ZoneInfo(said.zone)
    return busy_in(said.data, start=said.start, end=said.end, most=said.most, zone=zone)


if __name__ == "__main__":
    main()
