"""What can be asked of a user's actor, by the user's own sessions and by other users' actors."""

from __future__ import annotations

from actors.message import message
from actors.ports import Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Status, WatchPresence
from protocol.ids import RoomId
from protocol.refusals import error_frame


@message
class Arrived:
    """A session of this user is open."""

    session: Session


@message
class Gone:
    """A session of this user is closed."""

    session: Session


@message
class Lingered:
    """Nobody came back within the time of grace."""


@message
class Choose:
    """How the user wants to be shown."""

    session: Session
    frame: Status


@message
class Watch:
    """A session of this user watches others, or stops."""

    session: Session
    frame: WatchPresence


@message
class Watched:
    """*session* of somebody who is in *rooms* wants to see this user; no rooms: no longer."""

    session: Session
    rooms: frozenset[RoomId]


@message
class Moved:
    """This user is in a room, or out of it."""

    room: RoomId
    inside: bool


UserCommand = Arrived | Gone | Lingered | Choose | Watch | Watched | Moved


def refuse_with_code(command: UserCommand, code: ErrorCode) -> None:
    """Answer what a client asked; the rest has nobody to tell."""
    if isinstance(command, Choose | Watch):
        command.session.offer(error_frame(ProtocolError(code), rid=command.frame.rid))
