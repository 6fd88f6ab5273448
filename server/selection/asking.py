"""The server's side of the process that selects: keeps it going, and asks one thing at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn, Protocol

import msgspec
import trio

from actors.ports import Selection, StoreUnavailable
from actors.selection_records import Selected, SelectionAsked, SelectionFigures, Told
from server.child import bare_environment
from server.selection.frames import (
    HEAD,
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
)

WITHIN_S, QUEUED = 5.0, 100
LOADED_WITHIN_S, SILENT_S = 120.0, 30.0
STOPPED_WITHIN_S = 2.0
REST_S, REST_MOST_S, STEADY_S = 0.1, 10.0, 60.0
READ: Final = 65_536
ROOT: Final = Path(__file__).parents[2]


class Log(Protocol):
    """The one thing wanted of a logger."""

    def warning(self, event: str, **fields: object) -> object:
        """Note *event*."""


class SelectionProcess(Selection):
    """The port Selection. Somebody has to ``run()`` it; until then, and while it comes back from an
    end, who asks waits at most WITHIN_S seconds.

    The facts are those of the database at the moment of asking. Ends of the process are not ours:
    each fails what it was at, and the next one begins a little later.
    """

    def __init__(self, database_url: str, *, test_prefix: str, log: Log) -> None:
        self._begin, self._log = Begin(database_url, test_prefix), log
        self._turn = trio.Lock()
        self._number = 0
        self._child: _Child | None = None
        self._ready = trio.Event()

    @property
    def pid(self) -> int | None:
        """Of the process, once it has read everything; None while there is none that has."""
        return self._child.process.pid if self._child and self._ready.is_set() else None

    async def run(self) -> None:
        """Keep the process going until cancelled; then none is left."""
        rest = REST_S
        while True:
            begun = trio.current_time()
            reason = await self._live()
            self._log.warning("selection_ended", reason=reason)
            rest = REST_S if trio.current_time() - begun > STEADY_S else rest
            await trio.sleep(rest)
            rest = min(2 * rest, REST_MOST_S)

    async def select(self, asked: SelectionAsked) -> Selected:
        """Choose as many as are asked for, or all there are."""
        answer = await self._ask(lambda number: Select(number, asked))
        assert answer.selected is not None  # noqa: S101 - what a Select is answered with
        return answer.selected

    async def explain(self, asked: SelectionAsked, user_no: int) -> Told | None:
        """Why that selection chooses one person or not; None for one who is not known."""
        return (await self._ask(lambda number: Explain(number, asked, user_no))).told

    async def figures(self) -> SelectionFigures:
        """How it is now."""
        answer = await self._ask(Figure)
        assert answer.figures is not None  # noqa: S101 - what a Figure is answered with
        return answer.figures

    async def _ask(self, made: Callable[[int], Request]) -> Answer:
        if self._turn.statistics().tasks_waiting >= QUEUED:
            raise StoreUnavailable("selection: too many wait for one")
        with trio.move_on_after(WITHIN_S):
            async with self._turn:
                while (child := self._child) is None or not self._ready.is_set():
                    await self._ready.wait()
                self._number += 1
                return await child.ask(made(self._number))
        raise StoreUnavailable(f"selection: no answer within {WITHIN_S:g} s")

    async def _live(self) -> str:
        """One process from its beginning to its end; why it ended."""
        try:
            process = await _opened()
        except OSError as error:
            return str(error)
        self._child = child = _Child(process)
        try:
            return await self._listen(child)
        finally:
            self._child = None
            if self._ready.is_set():
                self._ready = trio.Event()
            child.end()
            await _stopped(process)

    async def _listen(self, child: _Child) -> str:
        try:
            await child.send(self._begin)
            with trio.fail_after(LOADED_WITHIN_S) as patience:
                while report := await child.report():
                    match report:
                        case Alive():
                            self._ready.set()
                        case Answer():
                            child.answered(report)
                        case Ended(reason):
                            return reason
                    patience.deadline = trio.current_time() + SILENT_S
        except trio.TooSlowError:
            return "it does not answer"
        except (StoreUnavailable, msgspec.DecodeError) as error:
            return str(error)
        return "it was ended"


class _Child:
    """One process, and the question that it is at."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self._asked: _Asked | None = None
        self._said = bytearray()

    async def ask(self, request: Request) -> Answer:
        """The answer to *request*; one that nobody waits for any more is dropped."""
        self._asked = asked = _Asked(request.number)
        await self.send(request)
        await asked.settled.wait()
        if asked.answer is None:
            _refuse()
        if asked.answer.fault:
            raise RuntimeError(f"a selection failed: {asked.answer.fault}")
        return asked.answer

    async def send(self, frame: Begin | Request) -> None:
        """Write *frame*. Half a frame would be the end of all sense: who gives up ends it."""
        assert self.process.stdin is not None  # noqa: S101 - it was opened so
        try:
            await self.process.stdin.send_all(framed(frame))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            _refuse()
        except trio.Cancelled:
            self.process.kill()
            raise

    def answered(self, answer: Answer) -> None:
        """Hand *answer* to whoever waits for it."""
        if self._asked is not None and self._asked.number == answer.number:
            self._asked.answer = answer
            self._asked.settled.set()

    def end(self) -> None:
        """There will be no answer any more."""
        if self._asked is not None:
            self._asked.settled.set()

    async def report(self) -> Report | None:
        """The next thing it says; None when it has ended."""
        head = await self._receive(HEAD)
        body = await self._receive(int.from_bytes(head))
        return msgspec.msgpack.decode(body, type=Report) if body else None

    async def _receive(self, size: int) -> bytes:
        """So many bytes; none where there are not so many any more."""
        assert self.process.stdout is not None  # noqa: S101 - it was opened so
        while len(self._said) < size:
            with suppress(trio.BrokenResourceError):
                if said := await self.process.stdout.receive_some(READ):
                    self._said += said
                    continue
            return b""
        taken = bytes(self._said[:size])
        del self._said[:size]
        return taken


class _Asked:
    """A question under way; settled without an answer when the process ended."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.settled = trio.Event()
        self.answer: Answer | None = None


def _refuse() -> NoReturn:
    raise StoreUnavailable("selection: its process ended")


async def _opened() -> trio.Process:
    return await trio.lowlevel.open_process(
        [sys.executable, "-P", "-X", "utf8", "-m", "server.selection.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,  # a Ctrl-C is for the server
    )


def _environment() -> dict[str, str]:
    """A bare one, but for what libpq goes by here, too; and with no threads of numpy's own."""
    libpq = {
        name: told for name, told in os.environ.items() if name == "HOME" or name.startswith("PG")
    }
    return {**libpq, **bare_environment(), "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}


async def _stopped(process: trio.Process) -> None:
    """Close its input, by which it ends, and see to it that it does."""
    with trio.CancelScope(shield=True):
        for stream in (process.stdin, process.stdout):
            assert stream is not None  # noqa: S101 - it was opened so
            await stream.aclose()
        with trio.move_on_after(STOPPED_WITHIN_S):
            await process.wait()
            return
        process.kill()
        await process.wait()
