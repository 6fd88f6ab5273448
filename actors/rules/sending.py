"""Whether a ``send`` is acceptable, as far as its own fields and the members tell."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Final

from actors.records import Target
from actors.rules import permissions
from actors.rules.permissions import Action
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import FileInfo
from protocol.fields import Kind, Role, RoomType
from protocol.frames import Send
from protocol.limits import FILES_A_MESSAGE

EVERYBODY: Final = ("@here", "@all")
MOST_MENTIONS: Final = 50


def refusal(
    send: Send, *, room_type: RoomType, role: Role, least: Role = "guest", members: Container[str]
) -> ProtocolError | None:
    """Why *send* of a member with *role* is refused, or None; *least* is what the room asks for.

    >>> from functools import partial
    >>> check = partial(refusal, room_type="team", role="member", members=())
    >>> check(Send(room="r", id="1", body="hi")) is None
    True
    >>> check(Send(room="r", id="1", body=" ")).fields
    {'body': 'must not be empty'}
    """
    if least != "guest" and permissions.RANK[role] < permissions.RANK[least]:
        return ProtocolError(ErrorCode.FORBIDDEN, f"only from the role {least} on")
    if not send.body.strip() and not send.files:
        return invalid("body", "must not be empty")
    error = _files_refusal(send)
    if error is not None:
        return error
    if send.mentions:
        all_too = permissions.may(Action.MENTION_ALL, room_type=room_type, role=role)
        return _mentions_refusal(send.mentions, all_too=all_too, members=members)
    return None


def invalid(field: str, why: str) -> ProtocolError:
    """An ``invalid`` that blames one *field*."""
    return ProtocolError(ErrorCode.INVALID, f"{field}: {why}", fields={field: why})


def kind_of(send: Send, files: Sequence[FileInfo]) -> Kind | None:
    """What a message with *files* is: as it says, if they are that, or what they are; else None.

    >>> photo = FileInfo(id="f", name="a.png", type="image/png", size=9, kind="image")
    >>> kind_of(Send(room="r", id="1", body="", files=["f"]), [photo])
    'image'
    >>> kind_of(Send(room="r", id="1", body="", files=["f"], kind="audio"), [photo]) is None
    True
    """
    kinds = {file.kind for file in files}
    most: Kind = "file" if len(kinds) > 1 else next(iter(kinds))
    if send.kind in (None, most):
        return most
    return "file" if send.kind == "file" else None


def _files_refusal(send: Send) -> ProtocolError | None:
    if not send.files:
        return None if send.kind in (None, "text") else invalid("files", f"a {send.kind} has files")
    if len(send.files) > FILES_A_MESSAGE:
        return invalid("files", f"at most {FILES_A_MESSAGE}")
    if len(set(send.files)) < len(send.files):
        return invalid("files", "each once")
    return invalid("kind", "files make no text") if send.kind == "text" else None


def _mentions_refusal(
    mentions: list[str], *, all_too: bool, members: Container[str]
) -> ProtocolError | None:
    if len(mentions) > MOST_MENTIONS:
        return invalid("mentions", f"at most {MOST_MENTIONS}")
    if any(who in EVERYBODY for who in mentions) and not all_too:
        return ProtocolError(ErrorCode.FORBIDDEN, "only owners and admins may mention everybody")
    if any(who not in EVERYBODY and who not in members for who in mentions):
        return invalid("mentions", "not a member of this room")
    return None


def target_refusal(field: str, target: Target) -> ProtocolError | None:
    """Why *target* cannot be the *field* (``reply_to`` or ``thread``) of a send, or None.

    A deleted one can: what is said about it may be on its way already.

    >>> target_refusal("thread", Target(1, 0)) is None
    True
    >>> target_refusal("thread", Target(1, 7)).code.value
    'invalid'
    """
    if target.thread < 0:
        return invalid(field, "no message of this room")
    if field == "thread" and target.thread > 0:
        return invalid(field, "this message is itself in a thread")
    return None
