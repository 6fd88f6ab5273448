"""Selections in the server's own process, with the promises of the one apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

from actors.ports import Selection, StoreUnavailable
from actors.selection_records import Selected, SelectionAsked, SelectionFigures, Told
from server.selection.choosing import Chooser
from server.selection.reading import DatabaseLost, Reader

T = TypeVar("T")


class LocalSelection(Selection):
    """The port Selection. Facts of everybody are read at the first question; one at a time."""

    def __init__(self, database_url: str, *, test_prefix: str) -> None:
        self._url, self._test_prefix = database_url, test_prefix
        self._turn = trio.Lock()
        self._chooser: Chooser | None = None

    async def select(self, asked: SelectionAsked) -> Selected:
        """Choose as many as are asked for, or all there are."""
        return await self._do(lambda chooser: chooser.select(asked))

    async def explain(self, asked: SelectionAsked, user_no: int) -> Told | None:
        """Why that selection chooses one person or not; None for one who is not known."""
        return await self._do(lambda chooser: chooser.explain(asked, user_no))

    async def figures(self) -> SelectionFigures:
        """How it is now."""
        return await self._do(lambda chooser: chooser.figures())

    def close(self) -> None:
        """Let go of what is held; the next question begins anew."""
        if self._chooser is not None:
            self._chooser.close()
        self._chooser = None

    async def _do(self, work: Callable[[Chooser], T]) -> T:
        async with self._turn:
            try:
                return await trio.to_thread.run_sync(self._done, work)
            except DatabaseLost as error:
                self.close()
                raise StoreUnavailable(f"selection: {error}") from error

    def _done(self, work: Callable[[Chooser], T]) -> T:
        if self._chooser is None:
            reader = Reader.open(self._url)
            self._chooser = Chooser(reader, test_prefix=self._test_prefix)
        return work(self._chooser)
