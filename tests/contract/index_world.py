"""A journal whose rooms an indexer takes at once."""

from __future__ import annotations

from actors.rules.searching import terms_of, words_of
from server.postgres.indexing import Indexer, NotedRooms, NotingJournal
from server.postgres.searching import SearchStore, Sought

CHUNKS = "SELECT room_no, chunk, is_whole, seqs, texts FROM search_chunks ORDER BY 1, 2"
STATES = "SELECT room_no, indexed_upto FROM search_states ORDER BY 1"


class HastyRooms(NotedRooms):
    CALM_S = 0.0


class World:
    """A journal whose rooms an indexer takes at once."""

    def __init__(self, postgres, writing):
        self.postgres, self.writing = postgres, writing
        self.rooms = HastyRooms()
        self.journal = NotingJournal(postgres.journal(), self.rooms)
        self.indexer = Indexer(postgres.database, self.rooms)
        self.store = SearchStore(postgres.database)

    async def room(self):
        number, room = await self.postgres.room(1, 2)
        await self.journal.claim([room], tail=0)
        return number

    async def say(self, room_no, first, last, body="말"):
        said = [self.writing.said(seq, body=f"{body}{seq}") for seq in range(first, last + 1)]
        return await self.tell(room_no, *said)

    async def tell(self, room_no, *events):
        return await self.journal.append([self.writing.batch(room_no, 1, list(events))])

    async def settle(self):
        """Work until nothing is left to do."""
        steps = 0
        while await self.indexer.step():
            steps += 1
        return steps

    async def find(self, q):
        page = await self.store.search(1, Sought(terms=terms_of(words_of(q)), limit=50))
        return [message.seq for message in page.messages]

    async def fetch(self, sql):
        return [tuple(row) for row in await self.postgres.database.fetch(sql)]
