"""What a search finds, against a plain reading of the rooms: by the tail, the index, or both."""

from __future__ import annotations

import random
import re
import unicodedata

import pytest

from actors.records import EventKind, NewEvent
from actors.rules.searching import CARRIES, SEARCHED_MOST, folded, terms_of, words_of
from server.postgres.searching import SearchStore, Sought

UPDATED, DELETED, RESTORED = EventKind.UPDATED, EventKind.DELETED, EventKind.RESTORED


def change(seq, kind, of, sender=1, **fields):
    return NewEvent(seq, 1000 + seq, kind, sender, 3, of=of, **fields)


class Searched:
    """A room of users 1 and 2, what is said in it, and what a search finds."""

    def __init__(self, postgres, writing):
        self.postgres, self.writing = postgres, writing
        self.store = SearchStore(postgres.database)
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
        """The seqs of all pages, and how many pages there were."""
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


@pytest.fixture
async def searched(postgres, writing):
    made = Searched(postgres, writing)
    await made.room(1, 2)
    return made


FINDS = [
    ("회의", "내일 회의록을", True),
    ("회", "회의", True),
    ("의록", "회의록", True),
    ("회록", "회의록", False),
    ("ㅎㅇ", "회의", True),
    ("회ㅇ", "회의", True),
    ("ㅎ의", "회의", True),
    ("ㅎㅇㄹ", "내일회의록", True),
    ("ㅎㅇㄹㅇ", "회의록을", True),
    ("ㅎㄹ", "회의록", False),
    ("ㅋㅋ", "ㅋㅋㅋ 그래", True),
    ("ㅋㅋㅋㅋ", "ㅋㅋㅋ 그래", False),
    ("ㄱ", "까치", False),
    ("ㄲ", "까치", True),
    ("ㅏ", "아", False),
    ("회의 내일", "내일 회의", True),
    ("회의 모레", "내일 회의", False),
    ("api v2", "새 API-v2를 배포", True),
    ("2026년3", "2026년3월", True),
    ("a", "A", True),
    ("éCOLE", "École", True),
    ("привет", "ПРИВЕТ", True),
    ("100%", "100% 확실", True),
    ("100%", "1000 확실", False),
    ("a_b", "a_b", True),
    ("a_b", "axb", False),
    ("c:\\dir", "c:\\dir\\x", True),
    (".*", "a.*b", True),
    (".*", "ab", False),
    ("[ㅎ]", "[회]", True),
    ("(ㅎ|x", "(회|x", True),
    (unicodedata.normalize("NFD", "회의"), "회의", True),
    ("회의", unicodedata.normalize("NFD", "내일 회의"), True),
    ("ok", "\uff2f\uff2b", True),
    ("\uff2f\uff2b", "ok", True),
    ("👍", "좋아요 👍🏽", True),
    ("줄 둘", "첫째 줄\n둘째 줄", True),
    ("줄둘", "첫째 줄\n둘째", False),
]


@pytest.mark.parametrize("whole", [False, True], ids=["tail", "index"])
async def test_words_are_found_wherever_they_are(searched, whole):
    fillers = [f"채움 {n}" for n in range(127 - len(FINDS))] if whole else []
    await searched.say(*(body for _, body, _ in FINDS), *fillers)
    if whole:
        assert await searched.index() == []
    for seq, (q, body, found) in enumerate(FINDS, 1):
        assert (seq in await searched.find(q)) is found, (q, body)


async def test_the_database_folds_every_character_as_the_rules_do(postgres):
    codes = [
        n
        for n in (*range(1, 0x3400), *range(0xA640, 0x11000), *range(0x1D400, 0x20000))
        if unicodedata.category(chr(n)) not in ("Cn", "Cs")
    ]
    sql = "SELECT search_fold('A' || chr(n)) FROM unnest($1::integer[]) WITH ORDINALITY AS t (n, i)"
    rows = await postgres.database.fetch(f"{sql} ORDER BY i", codes)
    wrong = [n for n, row in zip(codes, rows, strict=True) if row[0] != folded("A" + chr(n))]
    assert wrong == []
    long = ["가" * 5000, "\ufdfa" * 3000, f"a{CARRIES}b", unicodedata.normalize("NFD", "뜰" * 2000)]
    for text in long:
        told = await postgres.database.fetchval("SELECT search_fold($1)", text)
        assert told == folded(text) and len(told) <= SEARCHED_MOST


async def test_grams_are_what_a_text_cannot_be_without(postgres):
    """Pairs, and threes of Latin letters and of initial consonants: else the index sorts nothing
    out, and nobody would notice but by the time it takes.
    """
    pair = 2**30 + (ord("회") - 0x8000) * 2**15 + ord("의") - 0x8000
    latin = 2**25 + (ord("a") * 128 + ord("p")) * 128 + ord("i")
    pairs = [2**30 + ord(one) * 2**15 + ord(two) for one, two in ("ap", "pi")]
    initials = 2**24 + (18 * 19 + 11) * 19 + 5
    sql = "SELECT search_grams(7, ARRAY[search_fold($1), search_fold($2)])"

    async def grams(*texts):
        return set(await postgres.database.fetchval(sql, *texts))

    assert await grams("회의", "") == {-7, ord("회"), ord("의"), pair}
    assert await grams("API", "") == {-7, latin, *pairs}
    assert await grams("ㅎㅇㄹ", "ㅎㅇ") == {-7, initials}
    assert await grams("회의록", "x") > {-7, pair, initials}
    assert pair not in await grams("회 의", "회") | await grams("회", "의")


async def test_a_message_is_found_by_what_it_says_now_and_by_nothing_else(searched):
    await searched.say(*(f"처음{n}번" for n in range(1, 301)))
    upto = 300
    for indexed in (False, True, True):
        if indexed:
            assert await searched.index() == []
        await searched.tell(
            change(upto + 1, UPDATED, 10, body="나중 것"),
            change(upto + 2, DELETED, 11),
            change(upto + 3, UPDATED, 299, body="나중 것"),
        )
        assert await searched.find("나중") == [299, 10]
        for seq in (10, 11, 299):
            assert await searched.find(f"처음{seq}번") == []
        await searched.tell(
            change(upto + 4, UPDATED, 10, body="처음10번"),
            change(upto + 5, RESTORED, 11, body="처음11번"),
            change(upto + 6, UPDATED, 299, body="처음299번"),
        )
        assert await searched.find("나중") == []
        assert await searched.find("처음", limit=50) == list(range(300, 0, -1))
        for seq in (10, 11, 299):
            assert await searched.find(f"처음{seq}번") == [seq]
        upto += 6


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
    """What two rooms say by chance, and the plain reading of it."""

    def __init__(self, seed, epochs):
        self.chance, self.epochs = random.Random(seed), epochs  # noqa: S311
        self.seqs = dict.fromkeys(epochs, 0)
        self.said, self.gone, self.at = {}, set(), 1000

    def events(self, room):
        """Some more of *room*."""
        return [self._event(room) for _ in range(self.chance.randint(0, 25))]

    def _event(self, room):
        self.seqs[room] += 1
        self.at += self.chance.randint(0, 1)
        seq, mine = self.seqs[room], [key for key in self.said if key[0] == room]
        body = " ".join(self.chance.choices(WORDS, k=self.chance.randint(1, 4)))
        body = unicodedata.normalize(self.chance.choice(["NFC", "NFD"]), body)
        kind = self.chance.choices([EventKind.MESSAGE, UPDATED, DELETED, RESTORED], [6, 1, 1, 1])[0]
        if not mine or kind is EventKind.MESSAGE:
            self.said[room, seq] = self.at, body
            return NewEvent(seq, self.at, EventKind.MESSAGE, 1, seq, f"c{seq}", 1, body)
        of = self.chance.choice(mine)
        if kind is DELETED:
            self.gone.add(of)
            return NewEvent(seq, self.at, DELETED, 1, seq, of=of[1])
        if kind is RESTORED or of in self.gone:
            self.gone.discard(of)
            body, kind = self.said[of][1], RESTORED
        self.said[of] = self.said[of][0], body
        return NewEvent(seq, self.at, kind, 1, seq, body=body, of=of[1])

    def found(self, q):
        """The newest first."""
        standing = {key: told for key, told in self.said.items() if key not in self.gone}
        found = [(at, *key[::-1]) for key, (at, body) in standing.items() if holds(body, q)]
        return sorted(found, reverse=True)


@pytest.mark.parametrize("seed", range(3))
async def test_any_history_is_found_as_a_plain_reading_of_it_finds(searched, seed):
    """Two rooms that talk, change and are indexed by chance; the newest first, page by page."""
    await searched.room(1, 3)
    history = History(seed, dict.fromkeys((searched.number - 1, searched.number), 1))
    for _ in range(24):
        batches = [searched.writing.batch(no, 1, history.events(no)) for no in history.epochs]
        await searched.journal.append(batches)
        if history.chance.random() < 0.3:
            await searched.index(history.chance.choice([2, 3, 1000]))
        if history.chance.random() < 0.4:
            await _compare(searched, history)
    while await searched.index():
        pass
    await _compare(searched, history)
    sql = "SELECT count(*) FROM search_chunks WHERE is_whole"
    assert await searched.postgres.database.fetchval(sql) >= 2


async def _compare(searched, history):
    for q in history.chance.sample(QUERIES, 6):
        limit = history.chance.choice([1, 7, 50])
        found = await searched.all(Sought(terms=terms_of(words_of(q)), limit=limit))
        shown = [(m.at, m.seq, int(m.room.removeprefix("room"))) for m in found]
        assert shown == history.found(q), q
