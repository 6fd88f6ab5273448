"""What a search finds, against a plain reading of the rooms: by the tail, the index, or both."""

from __future__ import annotations

import unicodedata

import pytest
from search_world import DELETED, RESTORED, UPDATED, Searched, change

from actors.rules.searching import CARRIES, MARKS_MOST, SEARCHED_MOST, folded


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
    ("네", "네ㄳ", True),
    ("ㄳ", "네ㄳ", True),
    ("ㄱㅅ", "ㄳㄳ", True),
    ("ㄳ", "감사", True),
    ("ㄱ", "네ㄳ", True),
    ("ㅅ", "네ㄳ", True),
    ("ㅂㅅ", "ㅄ", True),
    ("ㅠㅠ", "ㅋㅠㅠ", True),
    ("ㅋ", "ㅋㅠㅠ", True),
    ("큐", "ㅋㅠㅠ", False),
    ("ㅠㅠ", "ㅋㅋㅋ ㅠㅠ 네ㅎㅎ", True),
    ("ㅋㅋ 네 ㅎㅎ", "ㅋㅋㅋ ㅠㅠ 네ㅎㅎ", True),
    ("넿", "네ㅎㅎ", False),
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
    sql = """
        SELECT search_fold('A' || chr(n))
        FROM unnest($1::integer[]) WITH ORDINALITY AS t (n, i) ORDER BY i"""
    rows = await postgres.database.fetch(sql, codes)
    wrong = [n for n, row in zip(codes, rows, strict=True) if row[0] != folded("A" + chr(n))]
    assert wrong == []
    marks = [n for n in range(0x300, 0x110000) if unicodedata.combining(chr(n))]
    rows = await postgres.database.fetch(sql.replace("chr(n)", "repeat(chr(n), 30)"), marks)
    folds = [(row[0], folded("A" + chr(n) * 30)) for n, row in zip(marks, rows, strict=True)]
    assert [told for told, wanted in folds if told != wanted] == []
    marks = "a" + "\u0301\u0316" * 3000
    assert len(folded(marks)) <= MARKS_MOST + 1
    strange = "e" + "\u0316\uff9e" * 3000 + "\u0f73\u0f71" * 9 + "b"
    long = [marks, strange, "네ㄳ" * 3000, "ㅋㅠㅠ" * 9, "가" * 5000, "\ufdfa" * 3000]
    long += [f"a{CARRIES}b", unicodedata.normalize("NFD", "뜰" * 2000)]
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
