"""The frames of the code as the rows of the specification's tables."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType, structs

from protocol.events import FileInfo, Listed, Tally
from protocol.fields import Frame
from protocol.frames import ClientFrame, RoomSummary, ServerFrame
from protocol.meetings import (
    MeetingCandidate,
    MeetingDecision,
    MeetingOptionShown,
    MeetingPerson,
    MeetingRule,
)


def fields_of(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Field, with ``?`` when it may be absent, to the word for its type."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {
        field.encode_name + ("?" if _optional(field) else ""): word_for(hints[field.name])
        for field in structs.fields(kind)
    }


PARTS: Mapping[Any, str] = {
    MeetingPerson: "person",
    MeetingOptionShown: "option",
    MeetingRule: "rule",
    MeetingCandidate: "candidate",
    MeetingDecision: "decision",
}
WORDS: Mapping[Any, str] = {
    Any: "any",
    RoomSummary: "summary",
    Tally: "tally",
    FileInfo: "file",
    **PARTS,
}


def _optional(field: structs.FieldInfo) -> bool:
    return not field.required and field.default in (None, UNSET)


def word_for(hint: Any) -> str:
    """``str``, ``list of str``, ``online/away``, …"""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        word = word_for(args[0])
    elif origin is Literal:
        word = "/".join(args)
    elif origin in (typing.Union, types.UnionType):
        rest = [arg for arg in args if arg not in (type(None), UnsetType)]
        word = "event" if hint == Listed else word_for(rest[0])
    elif origin in (list, dict):
        word = f"{'list' if origin is list else 'map'} of {word_for(args[-1])}"
    else:
        word = _name_of(hint)
    return word


def _name_of(kind: type) -> str:
    if kind in WORDS:
        return WORDS[kind]
    return str(kind.__struct_config__.tag) if issubclass(kind, Frame) else kind.__name__


def frames_of(union: Any) -> Mapping[str, type[msgspec.Struct]]:
    """Every frame of *union* by its ``t``."""
    return {str(kind.__struct_config__.tag): kind for kind in get_args(union)}


CLIENT, SERVER = frames_of(ClientFrame), frames_of(ServerFrame)
