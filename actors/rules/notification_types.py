"""What people are notified of, and who may notify whom of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Relation = Literal[
    "self", "friend", "shares_room", "shares_meeting", "service", "admin", "stranger"
]
"""What a sender is to a recipient: there may be several. A blind room counts for nothing."""

URGENT: Final = 4

URGENT_SENDERS: Final = frozenset[Relation]({"self", "shares_meeting", "service", "admin"})
"""From whom something is urgent. A room alone is shared by too many."""

_SERVICE: Final = frozenset[Relation]({"service", "admin"})
_PEOPLE: Final = frozenset[Relation]({"friend", "shares_room", "shares_meeting"})


class TypeRule(NamedTuple):
    """``may_be_urgent``: with priority 4 it waits for nothing; ``digestable``: several within a
    short time are told as one; ``is_invitation``: it can be accepted or declined.
    """

    senders: frozenset[Relation]
    may_be_urgent: bool = False
    digestable: bool = False
    is_invitation: bool = False


TYPES: Final[Mapping[str, TypeRule]] = MappingProxyType(
    {
        "meeting.invitation": TypeRule(_PEOPLE | _SERVICE, digestable=True, is_invitation=True),
        "meeting.response": TypeRule(_PEOPLE | _SERVICE, digestable=True),
        "meeting.confirmed": TypeRule(_PEOPLE | _SERVICE, may_be_urgent=True),
        "meeting.cancelled": TypeRule(_PEOPLE | _SERVICE, may_be_urgent=True),
        "friend.request": TypeRule(
            _SERVICE | {"shares_room", "shares_meeting"}, digestable=True, is_invitation=True
        ),
        "friend.accepted": TypeRule(_SERVICE | {"friend"}, digestable=True),
        "calendar.reminder": TypeRule(_SERVICE | {"self", "shares_meeting"}, may_be_urgent=True),
        "calendar.conflict": TypeRule(_SERVICE | {"self"}, may_be_urgent=True, digestable=True),
        "system.announcement": TypeRule(_SERVICE, may_be_urgent=True),
    }
)  # by the names of specification 003, section 7.1
ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "meeting_invitation": "meeting.invitation",
        "meeting_update": "meeting.response",
        "friend_request": "friend.request",
        "reminder": "calendar.reminder",
    }
)  # its section 6.2


def type_of(name: str) -> str | None:
    """The type that *name* means; None: none.

    >>> type_of("friend.request"), type_of("friend_request"), type_of("friend")
    ('friend.request', 'friend.request', None)
    """
    known = ALIASES.get(name, name)
    return known if known in TYPES else None


def may_notify(relations: Collection[str], type: str) -> bool:  # noqa: A002 - the field's name
    """Whether who has these *relations* to somebody may notify him of *type*.

    >>> may_notify({"friend"}, "meeting.invitation"), may_notify({"stranger"}, "friend.request")
    (True, False)
    """
    rule = TYPES.get(type)
    return rule is not None and not rule.senders.isdisjoint(relations)


def effective_priority(type: str, priority: int) -> int:  # noqa: A002 - the field's name
    """*priority* as it counts: the highest is for those types that may be urgent.

    >>> effective_priority("meeting.cancelled", 4), effective_priority("friend.request", 4)
    (4, 3)
    """
    rule = TYPES.get(type)
    may_be_urgent = rule is not None and rule.may_be_urgent
    return priority if may_be_urgent else min(priority, URGENT - 1)


def priority_from(
    relations: Collection[str],
    type: str,  # noqa: A002 - the field's name
    priority: int,
) -> int:
    """`effective_priority` of what somebody asks who has these *relations* to its recipient.

    >>> priority_from({"friend"}, "meeting.cancelled", 4)
    3
    >>> priority_from({"friend", "shares_meeting"}, "meeting.cancelled", 4)
    4
    """
    most = URGENT - 1 if URGENT_SENDERS.isdisjoint(relations) else URGENT
    return min(effective_priority(type, priority), most)
