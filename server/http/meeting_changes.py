"""Meetings: voting and proposing, taking part, and what who called one does."""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET

from actors.meeting_commands import Answer as TakePart
from actors.meeting_commands import (
    Cancel,
    CastVote,
    Confirm,
    Edit,
    Invite,
    MeetingCommand,
    Propose,
    Reopen,
    StartVoting,
    Withdraw,
)
from actors.meeting_records import PRESENT, Meeting, OptionKind
from actors.rules.tally import Rule
from protocol.ids import Millis
from server.http.bodies import invalid
from server.http.meeting_making import (
    ahead,
    invited,
    line_of,
    options_of,
    participant,
    rule_of,
    title_of,
)
from server.http.meeting_parts import ONE, MeetingDesk, MeetingParts
from server.http.meeting_schemas import (
    Cancellation,
    Choice,
    MeetingEdit,
    MeetingShown,
    MoreOptions,
    MorePeople,
    Participation,
    Reopening,
    VoteAsked,
)
from server.http.notification_schemas import millis
from server.http.ports import Rate
from server.http.route import Answer, Call, NoQuery, Route
from server.ids import IdSource

CHANGES: Final = Rate(per_second=5.0, burst=50)
"""What one user changes in meetings over HTTP; votes over the socket are frames."""
REFUSALS: Final = (404, 409, 410, 429)


class MeetingChangeRoutes:
    """The routes. Each answers what the meeting is afterwards."""

    def __init__(self, parts: MeetingParts, desk: MeetingDesk, *, new_id: IdSource) -> None:
        self._parts, self._desk, self._new_id = parts, desk, new_id

    # ---- taking part

    async def vote(self, call: Call[VoteAsked, NoQuery]) -> Answer:
        """Say something of an option; the last word counts, until the meeting is decided."""
        said, user_no = call.body, call.caller.user_no
        wanted: list[str | tuple[OptionKind, int]] = []
        if said.option_id is not None:
            wanted.append(said.option_id)
        if said.time_index is not None:
            wanted.append(("time", said.time_index))
        if said.location_index is not None:
            wanted.append(("place", said.location_index))
        if not wanted:
            raise invalid("optionId", "which option: by its id, or by timeIndex or locationIndex")
        commands = [CastVote(user_no, option, said.vote) for option in wanted]
        return await self._do(call, *commands)

    async def propose(self, call: Call[MoreOptions, NoQuery]) -> Answer:
        """Propose more times or places."""
        said, meeting = call.body, await self._desk.found(call)
        options = options_of(
            said.proposed_times,
            said.proposed_locations,
            zone=meeting.zone,
            now=self._desk.now(),
            new_id=self._new_id,
        )
        if not options:
            raise invalid("proposedTimes", "nothing is proposed")
        return await self._do(call, Propose(call.caller.user_no, options))

    async def withdraw(self, call: Call[None, NoQuery]) -> Answer:
        """Take back what one proposed; who called the meeting takes back anything."""
        return await self._do(call, Withdraw(call.caller.user_no, call.path["option"]))

    async def take_part(self, call: Call[Participation, NoQuery]) -> Answer:
        """Say that one takes part, or does not: then one is in the meeting's room no more."""
        caller, standing = call.caller, call.body.standing
        meeting = await self._done(call, TakePart(caller.user_no, standing))
        if standing == "accepted":
            await self._parts.rooms.enter(meeting, [caller.user_id])
        else:
            await self._parts.rooms.leave(meeting, caller)
        return Answer(200, self._desk.shown(meeting, caller))

    # ---- what the initiator does

    async def edit(self, call: Call[MeetingEdit, NoQuery]) -> Answer:
        """Change the title, the deadline or the rule, as long as it is voted."""
        said, meeting = call.body, await self._desk.found(call)
        command = Edit(
            call.caller.user_no,
            None if said.title is UNSET else title_of(said.title),
            self._deadline(said),
            self._rule(said, meeting),
        )
        return await self._do(call, command)

    def _deadline(self, said: MeetingEdit) -> Millis | None:
        if said.deadline is UNSET:
            return None
        if said.deadline is None:
            return Millis(0)
        return ahead(millis(said.deadline), "deadline", self._desk.now())

    def _rule(self, said: MeetingEdit, meeting: Meeting) -> Rule | None:
        if said.rule is UNSET:
            return None
        people = meeting.people.values()
        return rule_of(said.rule, [each for each in people if each.standing in PRESENT])

    async def invite(self, call: Call[MorePeople, NoQuery]) -> Answer:
        """Have more people take part; who declined or left is asked again."""
        caller = call.caller
        people = await invited(self._parts.recipients, caller, call.body.participant_ids)
        new = [participant(each, "invited") for each in people]
        meeting = await self._done(call, Invite(caller.user_no, new))
        await self._parts.rooms.enter(meeting, [each.user_id for each in people])
        return Answer(200, self._desk.shown(meeting, caller))

    async def start(self, call: Call[None, NoQuery]) -> Answer:
        """From now on others propose nothing more."""
        return await self._do(call, StartVoting(call.caller.user_no))

    async def confirm(self, call: Call[Choice, NoQuery]) -> Answer:
        """Decide by hand."""
        said = call.body
        return await self._do(call, Confirm(call.caller.user_no, said.time, said.location))

    async def cancel(self, call: Call[Cancellation, NoQuery]) -> Answer:
        """It will not take place; also what was decided already."""
        reason = line_of(call.body.reason, "reason")
        return await self._do(call, Cancel(call.caller.user_no, reason))

    async def reopen(self, call: Call[Reopening, NoQuery]) -> Answer:
        """Have it voted again, with the votes that there are. Then it is decided at the deadline,
        or by hand; a changed rule may say otherwise.
        """
        said, now = call.body.deadline, self._desk.now()
        deadline = None if said is None else ahead(millis(said), "deadline", now)
        return await self._do(call, Reopen(call.caller.user_no, deadline))

    async def _do(self, call: Call[Any, NoQuery], *commands: MeetingCommand) -> Answer:
        return Answer(200, self._desk.shown(await self._done(call, *commands), call.caller))

    async def _done(self, call: Call[Any, NoQuery], *commands: MeetingCommand) -> Meeting:
        await self._desk.take(call.caller, "meeting-changes", CHANGES)
        ask, name = self._parts.coordinating.ask, call.path["meeting"]
        return [await ask(name, command) for command in commands][-1]

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="PUT",
                path=ONE + "/vote",
                name="vote",
                summary="Vote for an option of a meeting",
                handler=self.vote,
                body=VoteAsked,
                answers={200: MeetingShown},
                refusals=REFUSALS,
            ),
            Route(
                method="POST",
                path=ONE + "/options",
                name="propose_options",
                summary="Propose times and places",
                handler=self.propose,
                body=MoreOptions,
                answers={200: MeetingShown},
                refusals=REFUSALS,
            ),
            Route(
                method="DELETE",
                path=ONE + "/options/{option}",
                name="withdraw_option",
                summary="Take back a time or a place",
                handler=self.withdraw,
                answers={200: MeetingShown},
                refusals=REFUSALS,
            ),
            Route(
                method="PUT",
                path=ONE + "/participation",
                name="take_part",
                summary="Accept, decline or leave",
                handler=self.take_part,
                body=Participation,
                answers={200: MeetingShown},
                refusals=REFUSALS,
            ),
            Route(
                method="PATCH",
                path=ONE,
                name="edit_meeting",
                summary="Change the title, the deadline or the rule",
                handler=self.edit,
                body=MeetingEdit,
                answers={200: MeetingShown},
                refusals=REFUSALS,
            ),
            Route(
                method="POST",
                path=ONE + "/participants",
                name="invite_to_meeting",
                summary="Invite more people",
                handler=self.invite,
                body=MorePeople,
                answers={200: MeetingShown},
                refusals=REFUSALS,
            ),
            Route(
                method="POST",
                path=ONE + "/start",
                name="start_voting",
                summary="Close a meeting to proposals of others",
                handler=self.start,
                answers={200: MeetingShown},
                refusals=REFUSALS,
            ),
            Route(
                method="POST",
                path=ONE + "/confirm",
                name="confirm_meeting",
                summary="Decide by hand",
                handler=self.confirm,
                body=Choice,
                answers={200: MeetingShown},
                refusals=REFUSALS,
            ),
            Route(
                method="POST",
                path=ONE + "/cancel",
                name="cancel_meeting",
                summary="Cancel a meeting",
                handler=self.cancel,
                body=Cancellation,
                answers={200: MeetingShown},
                refusals=REFUSALS,
            ),
            Route(
                method="POST",
                path=ONE + "/reopen",
                name="reopen_meeting",
                summary="Have it voted again",
                handler=self.reopen,
                body=Reopening,
                answers={200: MeetingShown},
                refusals=REFUSALS,
            ),
        )
