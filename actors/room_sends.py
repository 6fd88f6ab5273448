"""Sends: idempotency first, then the checks, then a seq."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import UNSET

from actors.records import Attached, EventKind, FilesKey, NewEvent, Sent, SentKey
from actors.room_commands import (
    Asked,
    Post,
    RoomCommand,
    acknowledge,
    answer_known,
    refuse,
    refuse_with_code,
)
from actors.room_log import RoomLog
from actors.room_state import Known, Pending
from actors.rules import sending
from actors.rules.event_frames import MessageExtra, written
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import FileInfo, Message
from protocol.fields import Kind


class Sends:
    """Takes the sends of one room.

    The same id from the same sender is answered as the first time, before anything else is looked
    at: membership, targets and mentions may have changed since.
    """

    def __init__(self, log: RoomLog) -> None:
        self._log, self._state = log, log.state

    def take(self, command: Post) -> None:
        """Answer a resend, refuse, or append."""
        known = self._log.recent.get(command.origin.user_no, command.frame.id)
        if known is not None:
            self._again(command, known)
            return
        member = self._state.members.get(command.origin.user_no)
        if member is None:
            self._refuse_unless_sent(command, ProtocolError(ErrorCode.NOT_MEMBER))
            return
        error = self._state.archived_refusal() or sending.refusal(
            command.frame,
            room_type=self._state.type,
            role=member.role,
            least=self._state.least,
            members=self._state.no_by_name,
        )
        if self._state.blocks and error is None:
            error = self._state.parted_refusal()
        if error is not None:
            self._refuse_unless_sent(command, error)
        elif command.frame.files and not command.files:
            self._ask_for_files(command)
        elif command.frame.reply_to is None and command.frame.thread is None:
            self._append(command)
        else:
            self._check_targets(command)

    def settled(self, command: RoomCommand) -> bool:
        """Answer a leftover send that turns out to be durable; False for everything else."""
        if not isinstance(command, Post):
            return False
        known = self._log.recent.get(command.origin.user_no, command.frame.id)
        if isinstance(known, Sent):
            answer_known(command, known)
            return True
        return False

    def durable(self, pending: Pending) -> None:
        """Acknowledge a send and its resends, and know it from here on by what was stored."""
        event, command = pending.event, pending.command
        if not isinstance(command, Post) or event.digest is None:
            return
        sent = Sent(event.seq, event.at, event.digest)
        acknowledge(command, event.seq, event.at, dup=False)
        for resend in pending.resends:
            acknowledge(resend, event.seq, event.at, dup=True)
        self._log.recent.put(event.sender_no, command.frame.id, sent)

    def _again(self, command: Post, known: Known) -> None:
        if isinstance(known, Sent):
            answer_known(command, known)
        elif command.digest() == known.event.digest:
            self._log.wait_with(known.resends, command)
        else:
            refuse_with_code(command, ErrorCode.CONFLICT)

    def _append(self, command: Post) -> None:
        frame, origin, state = command.frame, command.origin, self._state
        files = [file.info for file in command.files]
        kind = sending.kind_of(frame, files) if files else None
        mark = state.advance(self._log.now(), countable=frame.thread is None)
        event = NewEvent(
            mark.seq,
            mark.at,
            EventKind.MESSAGE,
            origin.user_no,
            mark.countable,
            frame.id,
            command.digest(),
            frame.body,
            frame.reply_to,
            frame.thread,
            _extra(frame.mentions, kind, files) if frame.mentions or files else None,
        )
        shown = Message(
            room=state.room,
            seq=mark.seq,
            at=mark.at,
            sender=state.members[origin.user_no].shown,
            kind=kind or "text",
            body=frame.body,
            reply_to=UNSET if frame.reply_to is None else frame.reply_to,
            thread=UNSET if frame.thread is None else frame.thread,
            mentions=frame.mentions or UNSET,
            files=files or UNSET,
        )
        pending = Pending(event, shown, command, files=command.files)
        if frame.mentions:
            pending.mentioned = self._mentioned(frame.mentions, origin.user_no)
        if state.marks and origin.user_no in state.marks:
            self._log.mark(origin.user_no, 0)
        self._log.append(pending)
        self._log.recent.put(origin.user_no, frame.id, pending)

    def _mentioned(self, mentions: list[str], sender_no: int) -> frozenset[int]:
        """Whom *mentions* reach: nobody that the sender has a block with."""
        meant, blocks = self._meant(mentions), self._state.blocks
        if not blocks or sender_no not in blocks:
            return meant
        if 0 in meant:
            meant = frozenset(self._state.members)
        return meant - blocks[sender_no]

    def _meant(self, mentions: Iterable[str]) -> frozenset[int]:
        """The user numbers meant by *mentions*, of those who are here now; 0 for everybody."""
        numbers: set[int] = set()
        for who in mentions:
            if who == "@all":
                numbers.add(0)
            elif who == "@here":
                numbers.update(session.user_no for session in self._log.audience.live)
            elif who in self._state.no_by_name:
                numbers.add(self._state.no_by_name[who])
        return frozenset(numbers)

    def _check_targets(self, command: Post) -> None:
        for field in ("reply_to", "thread"):
            seq: int | None = getattr(command.frame, field)
            if seq is None:
                continue
            target = self._log.find(seq, command, lambda: self.take(command))
            if target is None:
                return
            error = sending.target_refusal(field, target)
            if error is not None:
                self._refuse_unless_sent(command, error)
                return
        self._append(command)

    def _ask_for_files(self, command: Post) -> None:
        """The store tells of the files; the mailbox waits, so that sends keep their order."""

        def answer(found: Sequence[Attached] | None) -> None:
            if found is None:
                why = "must be files of your own, uploaded to their end"
                self._refuse_unless_sent(command, sending.invalid("files", why))
            elif sending.kind_of(command.frame, [file.info for file in found]) is None:
                error = sending.invalid("kind", "the files are something else")
                self._refuse_unless_sent(command, error)
            else:
                command.files = found
                self.take(command)

        state, origin = self._state, command.origin
        key = FilesKey(
            state.room_no, origin.user_no, tuple(command.frame.files or ()), blind=state.blind
        )
        self._log.ask(self._log.around.questions.files, key, command, answer, hold=True)

    def _refuse_unless_sent(self, command: Post, error: ProtocolError) -> None:
        """It may have been stored when it was allowed. Others do not wait: it changes nothing."""

        def answer(sent: Sent | None) -> None:
            if sent is not None:
                answer_known(command, sent)
            elif error.code is ErrorCode.NOT_MEMBER:
                refuse_stranger(self._log, command)
            else:
                refuse(command, error)

        key = SentKey(self._state.room_no, command.origin.user_no, command.frame.id)
        self._log.ask(self._log.around.questions.sent, key, command, answer)


def _extra(mentions: list[str] | None, kind: Kind | None, files: list[FileInfo]) -> str:
    told = MessageExtra(mentions=mentions or UNSET, kind=kind or UNSET, files=files or UNSET)
    return written(told)


def refuse_stranger(log: RoomLog, command: Asked) -> None:
    """``not_member`` for those who were here once; a stranger does not learn of the room."""

    def answer(former: bool | None) -> None:  # noqa: FBT001 - the port's answer
        refuse_with_code(command, ErrorCode.NOT_MEMBER if former else ErrorCode.NOT_FOUND)

    key = (log.state.room_no, command.origin.user_no)
    log.ask(log.around.questions.former, key, command, answer)
