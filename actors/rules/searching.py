"""What a search asks for, in the words that texts are compared by.

Texts are compared folded; ``search_fold`` of the database folds in the same way, held to it by a
test over all characters. A consonant that stands alone means itself and every syllable that begins
with it: ㅎㅇ finds 회의.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

SEARCHED_MOST: Final = 4_096
"""Characters of a text that are searched, as it is and as it is folded: its beginning."""
CARRIES: Final = "\ue000"
"""Begins what a message has beside its body, its kind and names of files; never in a text."""
MARKS_MOST: Final = 10
"""Marks in a row that are searched: putting them in order takes the square of their number."""

_MARKS: Final = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7\u0610-\u061a"
    r"\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7-\u06e8\u06ea-\u06ed\u0711\u0730-\u074a"
    r"\u07eb-\u07f3\u07fd\u0816-\u0819\u081b-\u0823\u0825-\u0827\u0829-\u082d\u0859-\u085b"
    r"\u0897-\u089f\u08ca-\u08e1\u08e3-\u08ff\u093c\u094d\u0951-\u0954\u09bc\u09cd\u09fe\u0a3c"
    r"\u0a4d\u0abc\u0acd\u0b3c\u0b4d\u0bcd\u0c3c\u0c4d\u0c55-\u0c56\u0cbc\u0ccd\u0d3b-\u0d3c\u0d4d"
    r"\u0dca\u0e38-\u0e3a\u0e48-\u0e4b\u0eb8-\u0eba\u0ec8-\u0ece\u0f18-\u0f19\u0f35\u0f37\u0f39"
    r"\u0f71-\u0f84\u0f86-\u0f87\u0fc6\u1037-\u103a\u108d\u135d-\u135f\u1714-\u1715\u1734\u17d2"
    r"\u17dd\u18a9\u1939-\u193b\u1a17-\u1a18\u1a60\u1a75-\u1a7f\u1ab0-\u1ace\u1b34\u1b44"
    r"\u1b6b-\u1b73\u1baa-\u1bab\u1be6\u1bf2-\u1bf3\u1c37\u1cd0-\u1cd2\u1cd4-\u1ce8\u1ced\u1cf4"
    r"\u1cf8-\u1cf9\u1dc0-\u1dff\u20d0-\u20f0\u2cef-\u2cf1\u2d7f\u2de0-\u2dff\u302a-\u302f"
    r"\u3099-\u309a\ua66f\ua674-\ua67d\ua69e-\ua69f\ua6f0-\ua6f1\ua806\ua82c\ua8c4\ua8e0-\ua8f1"
    r"\ua92b-\ua92d\ua953\ua9b3\ua9c0\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\uaaf6"
    r"\uabed\ufb1e\ufe20-\ufe2f\uff9e-\uff9f\U000101fd\U000102e0\U00010376-\U0001037a"
    r"\U00010a0d-\U00010a0f\U00010a38-\U00010a3f\U00010ae5-\U00010ae6\U00010d24-\U00010d27"
    r"\U00010d69-\U00010d6d\U00010eab-\U00010eac\U00010efc-\U00010eff\U00010f46-\U00010f50"
    r"\U00010f82-\U00010f85\U00011046\U00011070\U0001107f\U000110b9-\U000110ba"
    r"\U00011100-\U00011102\U00011133-\U00011134\U00011173\U000111c0\U000111ca"
    r"\U00011235-\U00011236\U000112e9-\U000112ea\U0001133b-\U0001133c\U0001134d"
    r"\U00011366-\U00011374\U000113ce-\U000113d0\U00011442-\U00011446\U0001145e"
    r"\U000114c2-\U000114c3\U000115bf-\U000115c0\U0001163f\U000116b6-\U000116b7\U0001172b"
    r"\U00011839-\U0001183a\U0001193d-\U0001193e\U00011943\U000119e0\U00011a34\U00011a47\U00011a99"
    r"\U00011c3f\U00011d42-\U00011d45\U00011d97\U00011f41-\U00011f42\U0001612f"
    r"\U00016af0-\U00016af4\U00016b30-\U00016b36\U00016ff0-\U00016ff1\U0001bc9e"
    r"\U0001d165-\U0001d169\U0001d16d-\U0001d172\U0001d17b-\U0001d182\U0001d185-\U0001d18b"
    r"\U0001d1aa-\U0001d1ad\U0001d242-\U0001d244\U0001e000-\U0001e02a\U0001e08f"
    r"\U0001e130-\U0001e136\U0001e2ae\U0001e2ec-\U0001e2ef\U0001e4ec-\U0001e4ef"
    r"\U0001e5ee-\U0001e5ef\U0001e8d0-\U0001e8d6\U0001e944-\U0001e94a"
)  # what stands on the character before it, of any of Unicode's combining classes but 0
_MARKS_BEYOND: Final = re.compile(f"([{_MARKS}]{{{MARKS_MOST}}})[{_MARKS}]+")

_ODD: Final = re.compile("[^\x00-\x7f가-힣]")  # without these, NFKC leaves a text as it is
_CONSONANT, _CONSONANTS = 0x1100, 19
_SYLLABLE, _SYLLABLES_OF_ONE = 0xAC00, 588
_PAIRS: Final = "ㄳㄱㅅㄵㄴㅈㄶㄴㅎㄺㄹㄱㄻㄹㅁㄼㄹㅂㄽㄹㅅㄾㄹㅌㄿㄹㅍㅀㄹㅎㅄㅂㅅ"
_VOWEL, _VOWELS, _VOWEL_APART = 0x314F, 21, 0xE001


def _lower_letters() -> Iterator[tuple[int, str]]:
    """Latin, Greek and Cyrillic capitals: what else has two cases is not folded."""
    for code in (*range(0x41, 0x5B), *range(0xC0, 0x530), *range(0x1E00, 0x1F00)):
        letter = chr(code)
        lower = letter.lower()
        if lower != letter and len(lower) == 1 and _is_folded(letter) and _is_folded(lower):
            yield code, lower


def _is_folded(letter: str) -> bool:
    return unicodedata.is_normalized("NFKC", letter)


LOWER: Final = dict(_lower_letters())
TYPED: Final = {
    CARRIES: " ",
    **{_PAIRS[n]: _PAIRS[n + 1 : n + 3] for n in range(0, len(_PAIRS), 3)},
    **{chr(_VOWEL + n): chr(_VOWEL_APART + n) for n in range(_VOWELS)},
}
"""Korean letters that were typed one by one, as NFKC does not join them to the syllable before: of
two consonants each for itself, and vowels as what joins nothing.
"""
_TYPED: Final = str.maketrans(TYPED)


def folded(text: str) -> str:
    """*text* as it is compared.

    >>> folded("\\uff2f\\uff2b Go"), folded("\\u1112\\u116c의 가"), len(folded("ㅋㅋ"))
    ('ok go', '회의 가', 2)
    >>> folded("네ㄳ") == "네" + folded("ㄱㅅ"), folded("ㅠㅠ") in folded("ㅋㅠㅠ")
    (True, True)
    """
    beginning = text[:SEARCHED_MOST]
    if not _ODD.search(beginning):
        return beginning.lower()
    apart = _MARKS_BEYOND.sub(r"\1", beginning.translate(_TYPED))
    return unicodedata.normalize("NFKC", apart)[:SEARCHED_MOST].translate(LOWER)


def is_plain(text: str) -> bool:
    """Whether *text* is folded character by character, and so in no time."""
    beginning = text[:SEARCHED_MOST]
    if _MARKS_BEYOND.search(beginning):
        return False
    return unicodedata.is_normalized("NFKC", beginning)


def words_of(text: str) -> list[str]:
    """The folded words of a query, each once.

    >>> words_of(" 회의  OK ok ")
    ['회의', 'ok']
    """
    apart = "".join(" " if unicodedata.category(c) == "Cc" else c for c in folded(text))
    return list(dict.fromkeys(apart.split()))


def carried(what: str) -> str:
    """What a message of the kind *what* has, which carries files, and no query can say."""
    return CARRIES + what.upper()


NOTHING_CARRIED: Final = f"^[^{CARRIES}]*$"
"""Matches what is searched of a message that has a body alone."""


class Terms(NamedTuple):
    """What has to be in a text: *words* as grams, and each in one of the others.

    ``likes`` are for LIKE; ``patterns``, of words with consonants, mean the same to PostgreSQL
    and to ``re``.
    """

    words: list[str]
    likes: list[str]
    patterns: list[str]


def terms_of(words: Sequence[str]) -> Terms:
    """How to look for *words*, which are folded.

    >>> terms_of(["100%", "회\\u110b"])
    Terms(words=['100%', '회ᄋ'], likes=['%100\\\\%%'], patterns=['회[ᄋ아-잏]'])
    """
    plain = [word for word in words if not any(map(_is_consonant, word))]
    others = [word for word in words if word not in plain]
    return Terms(list(words), [_like(word) for word in plain], [pattern_of(w) for w in others])


def pattern_of(word: str) -> str:
    """A regular expression for a folded *word*."""
    return "".join(_syllables(c) if _is_consonant(c) else re.escape(c) for c in word)


def _like(word: str) -> str:
    return "%" + re.sub(r"([%_\\])", r"\\\1", word) + "%"


def _is_consonant(c: str) -> bool:
    return 0 <= ord(c) - _CONSONANT < _CONSONANTS


def _syllables(consonant: str) -> str:
    first = _SYLLABLE + (ord(consonant) - _CONSONANT) * _SYLLABLES_OF_ONE
    return f"[{consonant}{chr(first)}-{chr(first + _SYLLABLES_OF_ONE - 1)}]"
