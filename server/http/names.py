"""What people may be called, and what else they may say of themselves."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from actors.rules.local_time import is_zone
from actors.rules.pseudonyms import is_pseudonym
from server.http.bodies import invalid

USERNAME = re.compile(r"[\w.-]{2,32}")
LONGEST_NAME = 64
UNSEEMLY = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Characters that break a line, or the direction of the text around a name."""
OLDEST_BIRTH = date(1900, 1, 1)


def normal(text: str) -> str:
    """*text* with its syllables composed, as all names are kept and compared.

    >>> normal("\\u1100\\u1161")
    '가'
    """
    return unicodedata.normalize("NFC", text)


def username_of(text: str) -> str:
    """A username to store. Raises ProtocolError.

    >>> username_of("minji_2")
    'minji_2'
    """
    username = normal(text)
    if not USERNAME.fullmatch(username):
        raise invalid("username", "must have 2 to 32 letters, digits, '.', '_' or '-'")
    if is_pseudonym(username):
        raise invalid("username", "is a name of the kind that people of blind rooms are given")
    return username


def name_of(text: str, *, longest: int = LONGEST_NAME) -> str:
    """A name to show. Raises ProtocolError."""
    name = normal(text).strip()
    if len(name) > longest or UNSEEMLY.search(name):
        raise invalid("name", f"must have at most {longest} characters, all on one line")
    return name


def region_of(text: str, field: str = "region") -> str:
    """A region to store or to look for: regions are compared letter by letter. Raises
    ProtocolError.
    """
    region = normal(text).strip()
    if not region:
        raise invalid(field, "must not be empty")
    return region


def check_birth_date(born: date, *, today: date) -> None:
    """Raises ProtocolError for a day nobody alive was born on."""
    if not OLDEST_BIRTH <= born <= today:
        raise invalid("birth_date", f"must be from {OLDEST_BIRTH} to today")


def check_time_zone(name: str) -> None:
    """Raises ProtocolError for a name that not every time zone database has."""
    if not is_zone(name):
        raise invalid("time_zone", "must be a name such as Asia/Seoul")
