"""What a field must be, in words for those who write clients.

Derived from the struct's own types: the words cannot differ from what is checked, and are the same
on the wire and over HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect, structs

# Errors repeat what was sent: a path in the middle of one may be that of whoever sent it.
_FIELD: Final = re.compile(
    r"Object (missing required|contains unknown) field `(.*?)`(?: - at `\$(.*)`)?", re.DOTALL
)
_VALUE: Final = re.compile(r".*`\$(\.[^`]*)`", re.DOTALL)
LONGEST_NAME: Final = 64
"""Of a field that there is not, so much is told."""


def blamed(error: msgspec.ValidationError, kind: type[msgspec.Struct]) -> tuple[str, str] | None:
    """The field of *kind* that *error* is about and what is wrong with it; None for no field.

    One of a struct within *kind* is told with the way to it, such as ``conditions.region``.
    """
    if found := _FIELD.fullmatch(str(error)):
        fault, name, path = found.groups(default="")
        above, hint = _followed(path, kind)
        where = ".".join([*above, name[:LONGEST_NAME]])
        known = ", ".join(_fields(hint))
        return where, "missing" if "missing" in fault else f"is no field; these are: {known}"
    if found := _VALUE.fullmatch(str(error)):
        names, hint = _followed(found[1], kind)
        return ".".join(names), must_be(hint)
    return None


def place_of(names: Sequence[str], kind: type[msgspec.Struct] | None) -> str:
    """The field of *kind* that is at *names*, or that the rest of them is within; the first of
    *names* where there is no such field.
    """
    found, _ = _followed("".join(f".{name}" for name in names), kind)
    return ".".join(found) or names[0]


def _followed(path: str, kind: type[msgspec.Struct] | None) -> tuple[list[str], Any]:
    """The names along *path*, as far as it goes through structs, and the type where it ends."""
    names: list[str] = []
    hint: Any = kind
    for name in path.partition("[")[0].split(".")[1:]:
        fields = _fields(hint)
        if name not in fields:
            break
        names, hint = [*names, name], fields[name]
    return names, hint


def _fields(hint: Any) -> dict[str, Any]:
    """The types of the fields of the struct in *hint*; none where there is no struct in it."""
    for kind in (hint, *get_args(hint)):
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return {field.encode_name: field.type for field in structs.fields(kind)}
    return {}


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
