from __future__ import annotations

import trio
import trio.testing
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.ports import StoreUnavailable
from actors.ref import MailboxFull
from actors.requests import Caller
from actors.user import UserActor
from actors.user_commands import Choose, Watch
from protocol.close import CloseCode
from protocol.fields import PresenceState
from protocol.frames import PresenceChange, Status, WatchPresence
from protocol.ids import Millis, RoomId, UserId


async def watcher(world: World) -> FakeSession:
    world.add_people("ann", "bob", "eve")
    world.add_room("ann", "bob")
    ann = await world.connect("ann")
    await watch(world, ann, "bob")
    return ann


async def watch(world: World, session: FakeSession, *users: str) -> None:
    world.node.users.tell(session.user_id, Watch(session, WatchPresence(watch=list(users), rid=1)))
    await world.quiet()


async def choose(world: World, session: FakeSession, state: PresenceState) -> None:
    world.node.users.tell(session.user_id, Choose(session, Status(state=state, rid=2)))
    await world.quiet()


def states(session: FakeSession) -> list[str]:
    return [change.state for change in session.of(PresenceChange)]


async def test_a_watcher_sees_the_present_state_and_then_changes_only(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        one, two = await world.connect("bob"), await world.connect("bob")
        one.close(CloseCode.NORMAL, "")
        await trio.sleep(5)
        two.close(CloseCode.NORMAL, "")
        await trio.sleep(5)
        assert states(ann) == ["offline", "online", "offline"]
        assert ann.of(PresenceChange)[-1].last_seen


async def test_a_page_that_reloads_does_not_flicker(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        bob = await world.connect("bob")
        bob.close(CloseCode.NORMAL, "")
        await trio.sleep(UserActor.GRACE_S / 2)
        await world.connect("bob")
        await trio.sleep(10)
        assert states(ann) == ["offline", "online"]


async def test_devices_are_merged_and_choices_hold_on_all_of_them(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        one, two = await world.connect("bob"), await world.connect("bob")
        await choose(world, one, "away")
        await choose(world, two, "away")
        await choose(world, one, "dnd")
        await choose(world, two, "invisible")
        await choose(world, one, "online")
        assert states(ann) == ["offline", "online", "away", "dnd", "offline", "online"]


async def test_an_invisible_user_comes_back_invisible(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        bob = await world.connect("bob")
        await choose(world, bob, "invisible")
        bob.close(CloseCode.NORMAL, "")
        await trio.sleep(world.node.IDLE_S * 2)
        await world.connect("bob")
        assert states(ann) == ["offline", "online", "offline"]


async def test_strangers_are_left_out(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await watcher(world)
        eve = await world.connect("eve")
        await watch(world, eve, "bob", "nobody")
        await world.connect("bob")
        assert states(eve) == []


async def test_those_who_stop_sharing_a_room_see_each_other_no_longer(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        owner = Caller(world.numbers["ann"], UserId("ann"), "ann", "user")
        await world.requests.remove_member(owner, ROOM, UserId("bob"))
        await world.connect("bob")
        assert states(ann) == ["offline"]


async def test_last_seen_is_stored(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann")
        ann = await world.connect("ann")
        await trio.sleep(5)
        ann.close(CloseCode.NORMAL, "")
        await trio.sleep(5)
        stored = (await world.people.states([UserId("ann")]))[UserId("ann")]
        assert stored.last_seen and stored.last_seen >= 5000


async def test_every_time_one_goes_he_has_the_whole_grace(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        for pause in (1.0, 1.4, 0.0):
            (await world.connect("bob")).close(CloseCode.NORMAL, "")
            await trio.sleep(pause)
        await trio.sleep(UserActor.GRACE_S - 0.2)
        assert states(ann)[-1] == "online"
        await trio.sleep(0.5)
        assert states(ann) == ["offline", "online", "offline"]


async def test_presence_is_right_again_after_an_outage_and_a_full_mailbox(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        world.add_room("ann", "bob")
        ann = await world.connect("ann")
        states_of, down = world.people.states, [StoreUnavailable("x")]

        async def flaky(users: object) -> object:
            if down:
                raise down.pop()
            return await states_of(users)  # type: ignore[arg-type]

        batcher = next(run.__self__ for name, run in world.node._tasks if name == "users")  # type: ignore[attr-defined]
        batcher._fetch = flaky
        bob = await world.connect("bob")
        await watch(world, ann, "bob")
        await trio.sleep(1)
        assert states(ann) == ["online"]
        full = False
        while not full:
            try:
                world.node.users.tell(UserId("bob"), Watch(bob, WatchPresence(watch=[])))
            except MailboxFull:
                full = True
        bob.close(CloseCode.NORMAL, "")
        await trio.sleep(5)
        assert states(ann) == ["online", "offline"]
        assert world.node.users.dropped == 1


async def test_those_who_share_another_room_still_see_each_other(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        bob = await world.connect("bob")
        world.add_room("bob", "ann", room="other")
        world.requests.room_created(RoomId("other"), [UserId("ann"), UserId("bob")])
        await world.quiet()
        bob_himself = Caller(world.numbers["bob"], UserId("bob"), "bob", "user")
        await world.requests.remove_member(bob_himself, ROOM, UserId("bob"))
        await world.quiet()
        bob.close(CloseCode.NORMAL, "")
        await trio.sleep(5)
        assert states(ann) == ["offline", "online", "offline"]


async def test_those_who_only_watched_leave_nothing_behind(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        ann.close(CloseCode.NORMAL, "")
        await trio.sleep(world.node.IDLE_S * 3)
        assert len(world.node.users) == 0


async def test_the_last_choice_wins(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        bob = await world.connect("bob")
        for state in ("invisible", "dnd", "invisible"):
            world.node.users.tell(UserId("bob"), Choose(bob, Status(state=state)))
        await trio.sleep(1)
        stored = (await world.people.states([UserId("bob")]))[UserId("bob")]
        assert stored.choice == "invisible"
        assert states(ann) == ["offline", "online", "offline", "dnd", "offline"]


async def test_a_watch_begins_when_a_room_is_shared_and_outlasts_a_kick(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        eve, bob = await world.connect("eve"), await world.connect("bob")
        await watch(world, eve, "bob")
        owner = Caller(world.numbers["ann"], UserId("ann"), "ann", "user")
        for change in (
            world.requests.add_member,
            world.requests.remove_member,
            world.requests.add_member,
        ):
            await change(owner, ROOM, UserId("eve"))
            await trio.sleep(2)
        bob.close(CloseCode.NORMAL, "")
        await trio.sleep(5)
        assert states(eve) == ["online", "offline", "online", "offline"]
        assert states(ann) == ["offline", "online", "offline"]


async def test_a_crash_of_the_watched_loses_no_watcher(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        bob = await world.connect("bob")
        world.node.users.tell(UserId("bob"), Watch(bob, None))  # type: ignore[arg-type]
        await world.quiet()
        assert world.node.users.crashes == 1
        bob.close(CloseCode.NORMAL, "")
        await trio.sleep(5)
        assert states(ann)[-1] == "offline"


async def test_more_may_watch_one_person_than_a_mailbox_holds(autojump_clock: Clock) -> None:
    async with open_world() as world:
        names = [f"user{number}" for number in range(1200)]
        world.add_people("ann", *names)
        for first in range(0, len(names), 150):  # where there are more, nobody is shown
            world.add_room("ann", *names[first : first + 150], room=f"room{first}")
        sessions = [FakeSession(world, name, name) for name in names]
        for session in sessions:
            world.node.arrivals.begin(session, {})
        await world.quiet()
        for session in sessions:
            frame = WatchPresence(watch=["ann"])
            world.node.users.tell(session.user_id, Watch(session, frame))
        await world.quiet()
        assert all(states(session) == ["offline"] for session in sessions)


async def test_to_be_watched_is_not_to_be_here(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        world.people._by_id[UserId("bob")].last_seen = Millis(5)
        world.add_room("ann", "bob")
        ann = await world.connect("ann")
        await watch(world, ann, "bob")
        await trio.sleep(5)
        assert [change.last_seen for change in ann.of(PresenceChange)] == [5]
        assert (await world.people.states([UserId("bob")]))[UserId("bob")].last_seen == 5


async def offline_with_time(session: FakeSession) -> list[tuple[str, bool]]:
    await trio.sleep(5)
    return [(each.state, bool(each.last_seen)) for each in session.of(PresenceChange)]


async def hide(world: World, user: str, *, hidden: bool = True) -> None:
    person = world.people._by_id[UserId(user)]
    person.hides_last_seen = hidden
    world.requests.last_seen_set(UserId(user), hidden=hidden)
    await world.quiet()


async def test_who_hides_when_he_was_here_shows_it_to_nobody(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        bob = await world.connect("bob")
        await hide(world, "bob")
        bob.close(CloseCode.NORMAL, "")
        told = await offline_with_time(ann)
        assert told == [("offline", False), ("online", False), ("offline", False)]


async def test_who_hides_it_is_not_shown_it_of_others(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        bob = await world.connect("bob")
        await hide(world, "ann")
        bob.close(CloseCode.NORMAL, "")
        assert (await offline_with_time(ann))[-1] == ("offline", False)
        await hide(world, "ann", hidden=False)
        assert (await offline_with_time(ann))[-1] == ("offline", True)


async def test_a_time_that_is_shown_already_is_taken_back(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        (await world.connect("bob")).close(CloseCode.NORMAL, "")
        assert (await offline_with_time(ann))[-1] == ("offline", True)
        await hide(world, "bob")
        assert (await offline_with_time(ann))[-1] == ("offline", False)
        await hide(world, "bob", hidden=False)
        assert (await offline_with_time(ann))[-1] == ("offline", True)


async def test_a_hidden_time_is_hidden_by_the_next_actor_too(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watcher(world)
        bob = await world.connect("bob")
        await hide(world, "ann")
        for user in ("ann", "bob"):
            world.node.users.tell(UserId(user), None)  # type: ignore[arg-type]
        await world.quiet()
        assert world.node.users.crashes == 2
        bob.close(CloseCode.NORMAL, "")
        assert (await offline_with_time(ann))[-1] == ("offline", False)
