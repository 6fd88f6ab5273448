"""A room that is searched, and the plain reading of what it says."""

from __future__ import annotations

import random
import re
import unicodedata

from actors.records import EventKind, NewEvent
from actors.rules.searching import folded, terms_of, words_of
from server.postgres.searching import BOUNDS, SearchStore, Sought

UPDATED, DELETED, RESTORED = EventKind.UPDATED, EventKind.DELETED, EventKind.RESTORED


def change(seq, kind, of, sender=1, **fields):
    return NewEvent(seq, 1000 + seq, kind, sender, 3, of=of, **fields)


class Searched:
    """A room of users 1 and 2, what is said in it, and what a search finds."""

    def __init__(self, postgres, writing, bounds=BOUNDS):
        self.postgres, self.writing = postgres, writing
        self.store = SearchStore(postgres.database, bounds=bounds)
        self.journal = postgres.journal()

    async def room(self, *members, blind=False):
        make = self.postgres.blind if blind else self.postgres.room
        self.number, self.id = await make(*members)
        await self.journal.claim([self.id], tail=0)
        return self.number, self.id

    async def tell(self, *events, room_no=None, moves=()):
        batch = self.writing.batch(room_no or self.number, 1, list(events), moves=moves)
        await self.journal.append([batch])

    async def say(self, *bodies):
        said = [self.writing.said(seq, body=body) for seq, body in enumerate(bodies, 1)]
        await self.tell(*said)

    async def index(self, most=1000):
        sql = "SELECT behind FROM index_rooms(ARRAY(SELECT room_no FROM chat_rooms), $1)"
        return await self.postgres.database.fetchval(sql, most)

    async def find(self, q, *, user=1, **fields):
        """The seqs of all pages."""
        sought = Sought(terms=terms_of(words_of(q)), **fields)
        return [message.seq for message in await self.all(sought, user)]

    async def all(self, sought, user=1):
        found = []
        while True:
            messages, following = await self.store.search(user, sought)
            found += messages
            if following is None:
                return found
            assert following < sought.below
            sought = Sought(
                **{name: getattr(sought, name) for name in sought.__slots__} | {"below": following}
            )


WORDS = [
    "회의",
    "회의록",
    "ㅋㅋ",
    "API",
    "v2",
    "내일",
    "100%",
    "가",
    "나",
    "ok",
    "뜰",
    "a_b",
    "회 의",
]
QUERIES = [*WORDS, "ㅎㅇ", "ㅎ", "회ㅇㄹ", "o", "%", "의 내", "ㅋ", "ㄴㅇ", "api v", "ㄷ가"]


def holds(body, q):
    """The plain reading."""
    said = folded(body)
    return all(re.search(pattern(word), said) for word in words_of(q))


def pattern(word):
    first = [chr(0xAC00 + 588 * n) for n in range(19)]
    last = [chr(0xAC00 + 588 * n + 587) for n in range(19)]
    parts = []
    for c in word:
        n = ord(c) - 0x1100
        parts.append(f"(?:{c}|[{first[n]}-{last[n]}])" if 0 <= n < 19 else re.escape(c))
    return "".join(parts)


class History:
    """What rooms of some members say by chance, and the plain reading of it."""

    def __init__(self, seed, members, *, moves=1.0):
        self.chance, self.members = random.Random(seed), members  # noqa: S311
        self.moves = moves  # how often the clock does
        self.seqs = dict.fromkeys(members, 0)
        self.said, self.gone, self.at = {}, set(), 1000
        self.senders = {}

    def events(self, room):
        """Some more of *room*."""
        return [self._event(room) for _ in range(self.chance.randint(0, 25))]

    def _event(self, room):
        self.seqs[room] += 1
        self.at += self.chance.random() < self.moves and self.chance.randint(0, 1)
        seq, mine = self.seqs[room], [key for key in self.said if key[0] == room]
        body = " ".join(self.chance.choices(WORDS, k=self.chance.randint(1, 4)))
        body = unicodedata.normalize(self.chance.choice(["NFC", "NFD"]), body)
        kind = self.chance.choices([EventKind.MESSAGE, UPDATED, DELETED, RESTORED], [6, 1, 1, 1])[0]
        if not mine or kind is EventKind.MESSAGE:
            self.said[room, seq] = self.at, body
            sender = self.senders[room, seq] = self.chance.choice(self.members[room])
            return NewEvent(seq, self.at, EventKind.MESSAGE, sender, seq, f"c{seq}", 1, body)
        of = self.chance.choice(mine)
        if kind is DELETED:
            self.gone.add(of)
            return NewEvent(seq, self.at, DELETED, 1, seq, of=of[1])
        if kind is RESTORED or of in self.gone:
            self.gone.discard(of)
            body, kind = self.said[of][1], RESTORED
        self.said[of] = self.said[of][0], body
        return NewEvent(seq, self.at, kind, 1, seq, body=body, of=of[1])

    def found(self, q, *, sender=None, hidden=()):
        """The newest first."""
        standing = {
            key: told
            for key, told in self.said.items()
            if key not in self.gone and self.senders[key] not in hidden
        }
        found = [
            (at, *key[::-1])
            for key, (at, body) in standing.items()
            if holds(body, q) and sender in (None, self.senders[key])
        ]
        return sorted(found, reverse=True)
