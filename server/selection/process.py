"""The process that selects: ``python -m server.selection.process``.

Requests come on its standard input, and answers go to its standard output. It ends when either is
closed, whatever it does then, and when it loses the database.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from typing import Final

from server.selection.choosing import Chooser
from server.selection.frames import (
    Alive,
    Answer,
    Begin,
    Ended,
    Explain,
    Figure,
    Report,
    Request,
    Select,
    framed,
    read_frame,
)
from server.selection.reading import DatabaseLost, Reader

POLITE: Final = 5
"""How far it steps back for the server, of 19."""
AGAIN_S: Final = 1.0
"""How often it reads what changed, when nothing is asked."""
WAITING: Final = 16
LOST: Final = 1


def main() -> int:
    """Its exit code."""
    os.nice(POLITE)
    begin = read_frame(sys.stdin.buffer, Begin)
    if begin is None:
        return 0
    requests: queue.Queue[Request] = queue.Queue(WAITING)
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    try:
        reader = Reader.open(begin.database_url)
        _serve(Chooser(reader, test_prefix=begin.test_prefix), requests)
    except DatabaseLost as error:
        _send(Ended(str(error).strip()))
    except Exception:  # noqa: BLE001 - told where it can be logged
        _send(Ended(traceback.format_exc()))
    return LOST


def _listen(requests: queue.Queue[Request]) -> None:
    while (request := read_frame(sys.stdin.buffer, Request)) is not None:
        requests.put(request)
    os._exit(0)


def _serve(chooser: Chooser, requests: queue.Queue[Request]) -> None:
    while True:
        _send(Alive())
        try:
            request = requests.get(timeout=AGAIN_S)
        except queue.Empty:
            chooser.refresh()
        else:
            _send(_answer(chooser, request))


def _answer(chooser: Chooser, request: Request) -> Answer:
    number = request.number
    try:
        match request:
            case Select():
                return Answer(number, selected=chooser.select(request.asked))
            case Explain():
                return Answer(number, told=chooser.explain(request.asked, request.user_no))
            case Figure():
                return Answer(number, figures=chooser.figures())
    except (DatabaseLost, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - told where it can be logged
        return Answer(number, fault=traceback.format_exc())


def _send(report: Report) -> None:
    try:
        sys.stdout.buffer.write(framed(report))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    os._exit(main())  # the thread that listens waits for nothing any more
