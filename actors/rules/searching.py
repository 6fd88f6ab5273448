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

_CONSONANT, _CONSONANTS = 0x1100, 19
_SYLLABLE, _SYLLABLES_OF_ONE = 0xAC00, 588


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


def folded(text: str) -> str:
    """*text* as it is compared.

    >>> folded("\\uff2f\\uff2b Go"), folded("\\u1112\\u116c의 가"), len(folded("ㅋㅋ"))
    ('ok go', '회의 가', 2)
    """
    plain = text[:SEARCHED_MOST].replace(CARRIES, " ")
    return unicodedata.normalize("NFKC", plain)[:SEARCHED_MOST].translate(LOWER)


def words_of(text: str) -> list[str]:
    """The folded words of a query, each once.

    >>> words_of(" 회의  OK ok ")
    ['회의', 'ok']
    """
    apart = "".join(" " if unicodedata.category(c) == "Cc" else c for c in folded(text))
    return list(dict.fromkeys(apart.split()))


def carried(what: str) -> str:
    """The word that a message of the kind *what* has, which carries files."""
    return CARRIES + what


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
