"""What a field must be, in words for those who write clients.

Derived from the struct's own types: the words cannot differ from what is checked, and are the same
on the wire and over HTTP.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from msgspec import inspect, structs

_NAMED: Final = re.compile(r"required field `(\w+)`|`\$\.(\w+)")


def blamed(error: msgspec.ValidationError, kind: type[msgspec.Struct]) -> tuple[str, str] | None:
    """The field of *kind* that *error* is about and what is wrong with it; None for no field."""
    found = _NAMED.search(str(error))
    if found is None:
        return None
    if found[1]:
        return found[1], "missing"
    hints = {field.encode_name: field.type for field in structs.fields(kind)}
    return found[2], must_be(hints[found[2]])


def must_be(hint: Any) -> str:
    """What a value of the type *hint* must be; that it may be absent goes without saying.

    >>> from typing import Literal
    >>> must_be(Literal["no", "yes"] | None)
    'must be one of: no, yes'
    >>> must_be(list[str])
    'must be a list; each item a string'
    """
    return f"must be {_noun(inspect.type_info(hint))}"


def _noun(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            noun = str((extra or {}).get("description") or _noun(inner))
        case inspect.UnionType(types=types):
            noun = _noun(next(each for each in types if not isinstance(each, inspect.NoneType)))
        case inspect.LiteralType(values=values):
            noun = "one of: " + ", ".join(map(str, values))
        case inspect.EnumType(cls=kinds):
            noun = "one of: " + ", ".join(str(each.value) for each in kinds)
        case inspect.ListType(item_type=item, min_length=least, max_length=most):
            noun = f"a list{_span(least, most, ' items')}; each item {_noun(item)}"
        case inspect.DictType(value_type=value):
            noun = f"a map; each value {_noun(value)}"
        case _:
            noun = _plain_noun(kind)
    return noun


def _plain_noun(kind: inspect.Type) -> str:
    match kind:
        case inspect.StrType(min_length=least, max_length=most):
            noun = f"a string{_span(least, most, ' characters')}"
        case inspect.IntType(ge=least, le=most):
            noun = "an integer" if least is None else f"an integer from {least} to {most}"
        case inspect.BoolType():
            noun = "true or false"
        case inspect.DateType():
            noun = "a date such as 1999-12-31"
        case _:
            noun = "a map"
    return noun


def _span(least: int | None, most: int | None, what: str) -> str:
    if most is None:
        return ""
    return f" of {least} to {most}{what}" if least else f" of at most {most}{what}"
