"""What a notification may say: texts as they are kept, and data that can be kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from actors.rules.notification_text import TURNS, message_fault, plain, title_fault
from actors.rules.personal_data import masked_always, masked_in_data
from protocol.fields import MAX_INT
from server.http.bodies import invalid

DATA_BYTES: Final = 4 * 1024
DATA_DEPTH: Final = 5
"""Objects and lists within each other, the data itself among them."""
LEAST_NUMBER: Final = 1e-9
"""What is smaller would be kept as a long row of zeros."""
FAULTS: Final[Mapping[str, str]] = {
    "control": "must have no control characters, none that turn the direction of writing,"
    " and a title no line breaks",
    "blank": "must have something that can be seen",
    "forbidden_words": "has a word that this server does not let through",
}


def fault_text(fault: str) -> str:
    """What is wrong with a text: its code and, where that does not say it, what is wanted.

    >>> fault_text("blank")
    'blank: must have something that can be seen'
    """
    return f"{fault}: {FAULTS[fault]}" if fault in FAULTS else fault


def texts_of(title: str, message: str, *, forbidden: Collection[str]) -> tuple[str, str]:
    """Both as they are kept, without what nobody is to be told. Raises ProtocolError."""
    for field, text in (("title", title), ("message", message)):
        if TURNS.search(text):  # what only takes no space is left out
            raise invalid(field, fault_text("control"))
    kept = [masked_always(plain(text)).strip() for text in (title, message)]
    faults = {
        "title": title_fault(kept[0], forbidden=forbidden),
        "message": message_fault(kept[1], forbidden=forbidden),
    }
    for field, fault in faults.items():
        if fault is not None:
            raise invalid(field, fault_text(fault))
    return kept[0], kept[1]


def data_of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """As it is kept, without what nobody is to be told. Raises ProtocolError for data that is too
    long, too deep, or has odd numbers.
    """
    if len(msgspec.json.encode(data)) > DATA_BYTES:
        raise invalid("data", f"must have at most {DATA_BYTES} bytes")
    level: list[Any] = [data]
    for _ in range(DATA_DEPTH):
        inside = [each for value in level for each in _values(value)]
        if not all(map(_is_sound, inside)):
            raise invalid("data", f"numbers must be up to {MAX_INT}")
        level = [value for value in inside if isinstance(value, dict | list)]
    if level:
        raise invalid("data", f"must be at most {DATA_DEPTH} levels deep")
    return {name: _masked(value) for name, value in data.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return masked_in_data(value)
    if isinstance(value, list):
        return [_masked(each) for each in value]
    if isinstance(value, dict):
        return {name: _masked(each) for name, each in value.items()}
    return value


def _values(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _is_sound(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or value == 0:
        return True
    return LEAST_NUMBER <= abs(value) <= MAX_INT
