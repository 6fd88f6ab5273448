"""The process in which one file is made of an upload: ``python -m server.files.decoder``.

A task comes on its standard input, and what came of it goes to its standard output.
"""

from __future__ import annotations

import resource
import traceback
from pathlib import Path
from typing import Final

import msgspec

from actors.ports import StoreUnavailable
from protocol.errors import ProtocolError
from protocol.limits import FILE_BYTES
from server.bounded import bounded
from server.files.media import FIELDS, Made, Purpose, make
from server.files.voice import record

LIMITS: Final = {
    resource.RLIMIT_AS: (2**30, 2**30),  # bytes; a photo of 50 million pixels takes half of it
    resource.RLIMIT_CPU: (20, 25),  # seconds; at the first it is told why, at the other not
    resource.RLIMIT_FSIZE: (FILE_BYTES + 2**20, FILE_BYTES + 2**20),
    resource.RLIMIT_CORE: (0, 0),
}


class Task(msgspec.Struct):
    """What to make a file of. Each part is in ``{upload}.{part}``; ``head`` begins the received."""

    upload: str
    head: bytes
    name: str
    said: str
    purpose: Purpose = "file"

    def make(self) -> Made:
        """Do it, here. Raises ProtocolError and StoreUnavailable."""
        if self.purpose == "voice":
            return record(self._part, self.head)
        return make(self._part, self.head, name=self.name, said=self.said)

    def _part(self, name: str) -> Path:
        return Path(f"{self.upload}.{name}")


class Outcome(msgspec.Struct):
    """What became of it, or why nothing: the file's fault, the disk's, or that of the program."""

    made: Made | None = None
    unreadable: str = ""
    unavailable: str = ""
    fault: str = ""


def main() -> None:
    """One task, within limits."""
    bounded(_answer, LIMITS)


def _answer(said: bytes) -> bytes:
    task = msgspec.json.decode(said, type=Task)
    return msgspec.json.encode(_outcome(task), enc_hook=str)


def _outcome(task: Task) -> Outcome:
    try:
        return Outcome(made=task.make())
    except ProtocolError as error:
        return Outcome(unreadable=(error.fields or {})[FIELDS[task.purpose]])
    except StoreUnavailable as error:
        return Outcome(unavailable=str(error))
    except MemoryError:
        return Outcome(unreadable="takes too much memory to be read")
    except Exception:  # noqa: BLE001 - told where it can be logged
        return Outcome(fault=traceback.format_exc())


if __name__ == "__main__":
    main()
