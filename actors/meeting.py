"""The actor of one meeting: it takes all its mail at once, and has one commit for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from actors.meeting_closing import close_if_over, settle
from actors.meeting_commands import MeetingCommand
from actors.meeting_draft import Draft, News
from actors.meeting_moves import move
from actors.meeting_ports import Changed, MeetingStore
from actors.meeting_records import Meeting
from actors.notification_records import NewNotification
from actors.ports import AdapterError, WallClock
from actors.ref import MailboxFull
from actors.supervisor import Log
from protocol.errors import ErrorCode, ProtocolError

Done = Callable[[Meeting | ProtocolError], None]
"""Hears what the meeting is after a command, or why the command was refused."""


class Asked(NamedTuple):
    """A command, and who waits for what becomes of it."""

    command: MeetingCommand
    done: Done


class MeetingSurroundings(NamedTuple):
    """What meetings need. ``worded`` makes a notification of what somebody is to be told; ``show``
    is told of every change after it is durable; ``told``: that there are new notifications.
    """

    store: MeetingStore
    worded: Callable[[News, Meeting], NewNotification]
    show: Callable[[Meeting], None]
    told: Callable[[], None]
    clock: WallClock
    log: Log


class MeetingActor:
    """A meeting as long as there is mail for it. What it is stands in the store alone, where nobody
    else changes it while the actor decides: so any number of nodes may have one for a meeting.

    While one commit is under way the mail waits, and the next takes all of it. An outage is told to
    all who wait; what a crash of one command had changed is undone, and the others go on.
    """

    CAPACITY: Final = 256

    def __init__(self, id: str, around: MeetingSurroundings) -> None:  # noqa: A002
        self.id, self._around, self._log = id, around, around.log
        self.mailbox: deque[Asked] = deque()

    def tell(self, asked: Asked) -> None:
        """Enqueue; raises MailboxFull."""
        if len(self.mailbox) >= self.CAPACITY:
            raise MailboxFull(self.id)
        self.mailbox.append(asked)

    async def turn(self) -> None:
        """Do what the mail says, and answer it."""
        mail = list(self.mailbox)
        self.mailbox.clear()
        answers: list[ProtocolError | None] = []
        changed: list[Changed] = []

        def decide(meeting: Meeting) -> Changed:
            answers.clear()
            changed.append(self._decided(meeting, mail, answers))
            return changed[-1]

        try:
            kept = await self._around.store.change(self.id, decide)
        except AdapterError:
            self._refuse(mail, ErrorCode.UNAVAILABLE)
        except Exception as error:  # noqa: BLE001 - who waits is told; the next turn begins anew
            self._log.error("meeting_failed", meeting=self.id, exc_info=error)
            self._refuse(mail, ErrorCode.INTERNAL)
        else:
            if kept is None:
                self._refuse(mail, ErrorCode.NOT_FOUND)
                return
            for asked, refusal in zip(mail, answers, strict=True):
                asked.done(refusal or kept)
            self._tell(kept, changed[-1])

    def _tell(self, kept: Meeting, changed: Changed) -> None:
        if kept.rev != changed.meeting.rev:
            self._around.show(kept)
        if changed.notifications:
            self._around.told()

    def _refuse(self, mail: Sequence[Asked], code: ErrorCode) -> None:
        for asked in mail:
            asked.done(ProtocolError(code))

    def _decided(
        self, meeting: Meeting, mail: Sequence[Asked], answers: list[ProtocolError | None]
    ) -> Changed:
        draft = Draft(meeting.copy(), self._around.clock.now_ms())
        close_if_over(draft)
        for asked in mail:
            after, refusal = self._moved(draft, asked.command)
            answers.append(refusal)
            draft = after
        settle(draft)
        draft.meeting.updated_at = draft.now
        notifications = [self._around.worded(news, draft.meeting) for news in draft.news]
        return Changed(draft.meeting, notifications, draft.history)

    def _moved(self, draft: Draft, command: MeetingCommand) -> tuple[Draft, ProtocolError | None]:
        """The draft after it, or before it with why it was refused."""
        before = draft.copy()
        try:
            move(draft, command)
        except ProtocolError as refusal:
            return before, refusal
        except Exception as error:  # noqa: BLE001 - one command keeps no other from being done
            self._log.error("meeting_command_failed", meeting=self.id, exc_info=error)
            return before, ProtocolError(ErrorCode.INTERNAL)
        return draft, None
