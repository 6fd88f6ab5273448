"""What a search of the bench has to find: read off the messages as they are loaded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from heapq import merge
from typing import Any, Final, NamedTuple

from actors.rules.searching import terms_of, words_of
from server.postgres.searching import SearchStore, Sought

PAGES: Final = 20
"""Pages of a search that are looked at."""
PAGE: Final = 50

INITIALS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_TO_INITIALS: Final = {0xAC00 + n: INITIALS[n // 588] for n in range(11_172)}

Told = tuple[int, int, int]  # at, seq, room: the later, the higher


class Untrue(Exception):
    """A search did not find what it has to, or something else."""


class Checked(NamedTuple):
    """*pages* that had the right *messages*, of *all* that there are."""

    pages: int
    messages: int
    all: int


class Truth:
    """Which messages of each room have all words of each of *sought*."""

    def __init__(self, sought: Iterable[str]) -> None:
        self._said: dict[str, dict[int, list[Told]]] = {q: defaultdict(list) for q in sought}

    def noting(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """The same *rows* of search_load.COLUMNS, ascending by time, noted as they pass."""
        for row in rows:
            room, seq, _, _, _, at, *_, body = row
            for q, said in self._said.items():
                if holds(body, q):
                    said[room].append((at, seq, room))
            yield row

    def of(self, q: str, rooms: Iterable[int]) -> list[Told]:
        """What *q* has to find in *rooms*, the newest first."""
        said = self._said[q]
        return list(merge(*(reversed(said.get(room, [])) for room in rooms), reverse=True))


def holds(body: str, q: str) -> bool:
    """Whether *body* has every word of *q*: syllables, or initial consonants.

    >>> holds("회의록 내일", "내일 회의"), holds("화요일", "ㅎㅇ"), holds("흰옷", "회의")
    (True, True, False)
    """
    initials = body.translate(_TO_INITIALS)
    return all(word in (initials if word[0] in INITIALS else body) for word in q.split())


async def check(store: SearchStore, user_no: int, q: str, told: list[Told]) -> Checked:
    """Follow the pages of *q*, the first of them. Raises Untrue where they are not what was *told*.

    Rooms are called ``room`` and their number.
    """
    found: list[Told] = []
    sought = Sought(terms=terms_of(words_of(q)), limit=PAGE)
    pages, ends = 0, False
    while pages < PAGES and not ends:
        page = await store.search(user_no, sought)
        assert page is not None
        found += ((m.at, m.seq, int(m.room.removeprefix("room"))) for m in page.messages)
        pages, ends = pages + 1, page.following is None
        sought = replace(sought, below=page.following or sought.below)
    if found != told[: len(found)] or (ends and len(found) < len(told)):
        raise Untrue(f"{q}: user {user_no} finds {len(found)}, not what is there of {len(told)}")
    return Checked(pages, len(found), len(told))
