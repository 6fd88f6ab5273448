"""What Korean law asks of advertising that is sent to people (Act on Promotion of Information and
Communications Network Utilization and Information Protection, article 50).

A guard against oversight and no lawyer: it sees whether what must be said is there, not whether
it is true.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from actors.rules.local_time import local_time

LABEL: Final = "(광고)"
NIGHT_FROM: Final = 21
NIGHT_UNTIL: Final = 8

_REFUSE = r"수신\s*거부"
_TOLL_FREE = r"(?<!\d)080[-. ]?\d{3,4}[-. ]?\d{4}(?!\d)"
_WAYS_OUT: Final = (
    re.compile(rf"무료\s*{_REFUSE}\W*\w"),
    re.compile(rf"{_REFUSE}.{{0,20}}?(?:{_TOLL_FREE}|https?://\w)", re.DOTALL),
    re.compile(rf"{_TOLL_FREE}.{{0,20}}?{_REFUSE}", re.DOTALL),
)


class Rule(StrEnum):
    """A rule that a message can break. The codes are stable."""

    LABEL_MISSING = "label_missing"
    SENDER_MISSING = "sender_missing"
    OPT_OUT_MISSING = "opt_out_missing"


def broken_rule(message: str, sender_name: str) -> Rule | None:
    """The first rule that *message*, which is advertising of *sender_name*, breaks; or None.

    It begins with ``(광고)``; it names the sender; it offers a way out that costs nothing:
    ``무료수신거부`` (or ``무료 수신거부``) with words after it that say how, or ``수신거부``, which
    alone does not say that it is free, with a number that begins with 080, for which nobody pays,
    at most 20 characters before or after it, or a link after it.

    >>> broken_rule("(광고) 마당 봄맞이 할인! 무료수신거부 080-123-4567", "마당") is None
    True
    >>> broken_rule("마당 봄맞이 할인!", "마당")
    <Rule.LABEL_MISSING: 'label_missing'>
    """
    text, sender = _normal(message), _normal(sender_name).strip()
    if not text.startswith(LABEL):
        return Rule.LABEL_MISSING
    if not sender or sender not in text:
        return Rule.SENDER_MISSING
    if not any(way_out.search(text) for way_out in _WAYS_OUT):
        return Rule.OPT_OUT_MISSING
    return None


def night_ends(now_ms: int, zone: ZoneInfo | str) -> int | None:
    """When the night in *zone* (or the zone of that name) ends, if it is night there; else None.

    Night is from 21:00 to 08:00, when advertising needs a consent of its own. Times are
    milliseconds since the epoch.

    >>> night_ends(1_700_000_000_000, "Asia/Seoul")  # 07:13:20
    1700002800000
    >>> night_ends(1_700_002_800_000, "Asia/Seoul") is None
    True
    """
    here = local_time(zone, now_ms)
    if NIGHT_UNTIL <= here.hour < NIGHT_FROM:
        return None
    day = here.date() + timedelta(days=here.hour >= NIGHT_FROM)
    morning = datetime.combine(day, time(NIGHT_UNTIL), here.tzinfo)
    return round(morning.timestamp() * 1000)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)
