"""What can be asked of a user's actor, by the user's own sessions and by other users' actors."""

from __future__ import annotations

from actors.blocks import Blocked
from actors.message import message
from actors.ports import Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Status, WatchPresence
from protocol.ids import RoomId
from protocol.refusals import error_frame


@message
class Look:
    """The user's sessions changed, or a time of grace is over: see what there is now.

    Only a hint: every run of the actor looks, so that a lost one is made up for by the next. But
    who is a friend is read from the store only where it may have changed (``friends``).
    """

    friends: bool = False


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
    """*session* of somebody wants to see this user, or no longer.

    Whoever shows nobody when he was last here (``timed`` False) is not shown it of others.
    """

    session: Session
    wanted: bool
    timed: bool = True


@message
class Moved:
    """This user is in a room, or out of it."""

    room: RoomId
    inside: bool


@message
class HideLastSeen:
    """Whether nobody is shown when this user was last here. It is stored already."""

    hidden: bool


UserCommand = Look | Choose | Watch | Watched | Moved | Blocked | HideLastSeen


def refuse_with_code(command: UserCommand, code: ErrorCode) -> bool:
    """Answer what a client asked: True. The rest has nobody to tell: False."""
    if isinstance(command, Blocked):
        command.known.set(True)  # no incarnation is left that does not know
        return True
    if not isinstance(command, Choose | Watch):
        return False
    command.session.offer(error_frame(ProtocolError(code), rid=command.frame.rid))
    return True
