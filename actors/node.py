"""One node: every actor and queue of it, wired to the ports, and what the edges may ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar, cast

import trio

from actors.arrivals import Arrivals, Arriving, refusal
from actors.audience import Audiences
from actors.batcher import Batcher
from actors.blocking import Blocking
from actors.blocks import RecentBlocks
from actors.campaign_audience import CampaignAudience
from actors.campaign_ports import JobsWatched
from actors.dispatcher import Dispatcher
from actors.job_watchers import JobWatchers, looks_at
from actors.journal import GroupCommit
from actors.message import message
from actors.notices import Notices, SeenKey, UnreadIds
from actors.notification_feed import NotificationFeed
from actors.online import Attendance, Online
from actors.online_time import OnlineTime
from actors.ports import (
    AdapterError,
    Blocks,
    Claims,
    EventLog,
    FanOut,
    Files,
    Journal,
    Notifications,
    People,
    Presences,
    Session,
    Standing,
    StoreUnavailable,
    UserState,
    WallClock,
)
from actors.records import Claimed, PageQuery, PageResult
from actors.registry import Context, Registry
from actors.replay import Replayer
from actors.requests import Requests
from actors.room import RoomActor
from actors.room_commands import RoomCommand
from actors.room_commands import refuse_with_code as refuse_room_command
from actors.room_surroundings import Questions, Surroundings
from actors.sessions import Connected, Sessions
from actors.supervisor import Log, Supervisor
from actors.timers import Timers
from actors.user import UserActor, UserSurroundings
from actors.user_commands import Look, Moved, UserCommand
from actors.user_commands import refuse_with_code as refuse_user_command
from protocol.close import CloseCode
from protocol.errors import ErrorCode
from protocol.ids import Millis, RoomId, UserId
from protocol.limits import CONNECTIONS_PER_USER

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@message
class Ports:
    """What a node needs from outside."""

    journal: Journal
    log: EventLog
    files: Files
    people: People
    blocks: Blocks
    presences: Presences
    notifications: Notifications
    fan_out: FanOut
    clock: WallClock
    turn_ended: Callable[[], None]  # whatever was offered to sessions leaves now
    jobs: JobsWatched | None = None  # without it there is none to be watched
    service: UserId | None = None  # who writes to people for the service itself


class Node:
    """The rooms and users that are active here, and the sessions connected here."""

    IDLE_S = 300.0  # a room or user at rest for this long is let go
    CLAIM_TAIL = 300  # more events than one batch has, so that a lost one is found again
    CLAIMS_AT_ONCE = 32  # rooms; a tail of the longest messages is 20 MiB
    BODIES_AT_ONCE = 50  # messages; the longest are 3 MiB
    STANDING_S = 30.0  # how often connected users' standing is looked at again
    EXPIRY_S = 1.0

    def __init__(self, ports: Ports, *, log: Log) -> None:
        self._ports, self._log = ports, log
        self.timers = Timers()
        self.dispatcher = Dispatcher(turn_ended=ports.turn_ended)
        self.sessions = Sessions(most_per_user=CONNECTIONS_PER_USER)
        self.audiences = Audiences(ports.fan_out)
        self.journal = GroupCommit(ports.journal, turn_ended=ports.turn_ended, log=log)
        self._tasks: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._replayer = Replayer(ports.log)
        self._seen: dict[int, Millis] = {}
        self._online_time = OnlineTime(ports.clock)
        self._standings = self._batcher("standings", self._fetch_standings)
        self._summaries = self._batcher("summaries", ports.people.summaries)
        self._recent_blocks = RecentBlocks()
        self.online = Online(ports.presences, log=log)
        self._tasks.append(("online", self.online.run))
        self.attendance = Attendance(self.online, self.audiences, ports.presences)
        self.feed = NotificationFeed()
        self.notices = self._make_notices()
        self.job_watchers = self._make_job_watchers()
        self.users = self._make_users()
        self.rooms = self._make_rooms()
        self.requests = Requests(
            rooms=self.rooms, users=self.users, sessions=self.sessions, people=ports.people
        )
        self.campaign_audience = self._make_campaign_audience()
        self.blocking = Blocking(
            store=ports.blocks,
            rooms=self.rooms,
            users=self.users,
            recent=self._recent_blocks,
            clock=ports.clock,
        )
        self.arrivals = Arrivals(
            standings=self._standings,
            summaries=self._summaries,
            sessions=self.sessions,
            audiences=self.audiences,
            users=self.users,
            rooms=self.rooms,
            replay=self._replay_between,
            notices=self.notices,
        )

    # ---- wiring

    def _batcher(
        self,
        name: str,
        fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        *,
        most: int = 500,
    ) -> Batcher[K, V]:
        batcher = Batcher(fetch, turn_ended=self._ports.turn_ended, log=self._log, most=most)
        self._tasks.append((name, batcher.run))
        return batcher

    def _make_notices(self) -> Notices:
        return Notices(
            self.sessions,
            feed=self.feed,
            unseen=self._batcher("unseen", self._ports.notifications.unseen),
            seen=self._batcher("seen", self._store_notices_seen),
            turn_ended=self._ports.turn_ended,
            log=self._log,
        )

    def _make_job_watchers(self) -> JobWatchers:
        watchers = JobWatchers(
            self._ports.jobs,
            standings=self._standings,
            looks=self._batcher("watched_jobs", looks_at(self._ports.jobs)),
            turn_ended=self._ports.turn_ended,
            log=self._log,
        )
        self._tasks.append(("job_watchers", watchers.run))
        return watchers

    def _make_campaign_audience(self) -> CampaignAudience:
        return CampaignAudience(
            service=self._ports.service,
            sessions=self.sessions,
            rooms=self.rooms,
            requests=self.requests,
        )

    def _make_rooms(self) -> Registry[RoomCommand]:
        ports, log = self._ports, self._ports.log
        claims: Batcher[RoomId, Claimed] = self._batcher(
            "claims", partial(ports.journal.claim, tail=self.CLAIM_TAIL), most=self.CLAIMS_AT_ONCE
        )
        questions = Questions(
            self._batcher("sent", log.sent),
            self._batcher("targets", log.targets),
            self._batcher("marks", log.marks),
            self._batcher("kinds", log.kinds),
            self._batcher("bodies", log.bodies, most=self.BODIES_AT_ONCE),
            self._batcher("withdrawn", log.withdrawn),
            self._batcher("counts", log.counts),
            self._batcher("thread_counts", log.thread_counts),
            self._batcher("participants", log.participants),
            self._batcher("former", log.former),
            self._batcher("files", ports.files.ready),
        )
        around = Surroundings(
            self.journal,
            questions,
            self.sessions,
            self.audiences.of,
            ports.fan_out,
            self._replay_to_present,
            self._moved,
            ports.clock,
            self._recent_blocks,
            self.timers.after,
        )

        def build(context: Context[RoomCommand], state: object) -> RoomActor:
            self.campaign_audience.built(cast(Claimed, state))
            return RoomActor(cast(Claimed, state), context, around)

        return Registry(
            dispatcher=self.dispatcher,
            timers=self.timers,
            load=lambda key, done: claims.ask(cast(RoomId, key), done),
            build=build,
            refuse=refuse_room_command,
            let_go=lambda key: self._rested(cast(RoomId, key)),
            log=self._log,
        )

    def _make_users(self) -> Registry[UserCommand]:
        people = self._ports.people
        states: Batcher[UserId, UserState] = self._batcher("users", people.states)
        choices = self._batcher("choices", self._store_choices)

        def build(context: Context[UserCommand], state: object) -> UserActor:
            return UserActor(cast(UserState, state), context, around)

        users: Registry[UserCommand] = Registry(
            dispatcher=self.dispatcher,
            timers=self.timers,
            load=lambda key, done: states.ask(cast(UserId, key), done),
            build=build,
            refuse=refuse_user_command,
            let_go=lambda key: None,
            log=self._log,
        )
        around = UserSurroundings(
            users,
            self.sessions,
            self.timers,
            choices,
            states,
            self._seen.__setitem__,
            self.online,
            self._online_time,
            self._ports.clock,
        )
        return users

    @property
    def ports(self) -> Ports:
        """What it has from outside."""
        return self._ports

    def also(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Have the node's supervisor keep *run* going, too. To be said before the node runs."""
        self._tasks.append((name, run))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the node going until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            supervisor = Supervisor(nursery, log=self._log)
            supervisor.spawn("dispatcher", self.dispatcher.run)
            supervisor.spawn("journal", self.journal.run)
            supervisor.spawn("timers", self.timers.run)
            supervisor.spawn("upkeep", self._upkeep)
            supervisor.spawn("standing", self._watch_standing)
            for name, run in self._tasks:
                supervisor.spawn(name, run)
            task_status.started()

    def quiet(self) -> bool:
        """Nothing waits in a mailbox or for the journal."""
        cells = [*self.rooms.statistics(), *self.users.statistics()]
        return self.journal.idle() and not any(cell.depth for cell in cells)

    def befriended(self, users: Iterable[UserId]) -> None:
        """Who their friends are may have changed, and is stored."""
        for user in users:
            self.users.tell_if_there(user, Look(friends=True))

    async def page(self, query: PageQuery) -> PageResult | ErrorCode:
        """A page of history, or why the asker gets none. Raises StoreUnavailable."""
        return await self._ports.log.page(query)

    # ---- what actors ask of the node

    def _replay_to_present(self, session: Session, room: RoomId, sent: int) -> None:
        self._replay_between(cast(Arriving, session), room, sent, sent)

    def _replay_between(self, session: Arriving, room: RoomId, sent: int, upto: int) -> None:
        audience = self.audiences.of(room)
        ticket = audience.expect(session)
        session.later(partial(self._replayer.replay, session, audience, ticket, sent, upto))

    def _moved(self, user: UserId, room: RoomId, inside: bool) -> None:  # noqa: FBT001
        self.users.tell_if_there(user, Moved(room, inside=inside))

    def _rested(self, room: RoomId) -> None:
        self.audiences.rest(room)
        self.campaign_audience.rested(room)

    # ---- upkeep

    async def _fetch_standings(self, claims: Sequence[Claims]) -> Mapping[Claims, Standing]:
        found = await self._ports.people.standings(claims)
        return {claim: found[claim.jti] for claim in claims if claim.jti in found}

    async def _store_choices(
        self, choices: Sequence[tuple[int, str]]
    ) -> Mapping[tuple[int, str], bool]:
        for user_no, choice in choices:
            await self._ports.people.choose(user_no, choice)
        return dict.fromkeys(choices, True)

    async def _store_notices_seen(self, keys: Sequence[SeenKey]) -> Mapping[SeenKey, UnreadIds]:
        return await self._ports.notifications.seen(keys, at=self._ports.clock.now_ms())

    async def _upkeep(self) -> None:
        """Once a second: expired tokens, times of presence, actors that may rest."""
        while True:
            await trio.sleep(self.EXPIRY_S)
            now = self._ports.clock.now_ms() // 1000
            for session in self.sessions:
                if session.claims.expires_at <= now:
                    session.close(CloseCode.TOKEN_EXPIRED, "the token has expired")
            self.rooms.passivate_idle(self.IDLE_S)
            self.users.passivate_idle(self.IDLE_S)
            await self.store_seen()
            self._ports.turn_ended()

    async def store_seen(self) -> None:
        """Write down when users were last here, and for how long. Best effort; kept for the next
        time on failure.
        """
        if self._seen:
            seen = dict(self._seen)
            self._seen.clear()
            try:
                await self._ports.people.seen(seen)
            except StoreUnavailable:
                self._seen.update(seen | self._seen)
        if passed := self._online_time.take():
            try:
                await self._ports.people.were_online(passed)
            except StoreUnavailable:
                self._online_time.give_back(passed)

    async def _watch_standing(self) -> None:
        """A backstop: whatever revoked a token, its sockets close within STANDING_S."""
        while True:
            await trio.sleep(self.STANDING_S)
            for session in self.sessions:
                self._standings.ask(session.claims, partial(_close_unless_good, session))


def _close_unless_good(session: Connected, found: Standing | AdapterError | None) -> None:
    if not isinstance(found, AdapterError) and (why := refusal(found)) is not None:
        session.close(*why)
