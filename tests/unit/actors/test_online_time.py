"""How long users are connected, as it is written down."""

from __future__ import annotations

import trio
from trio.testing import MockClock as Clock
from world import World, open_world

from actors.online_time import OnlineTime
from actors.ports import StoreUnavailable
from actors.user_commands import Choose
from protocol.close import CloseCode
from protocol.frames import Status
from protocol.ids import Millis

DAY_S = 86_400


class Clock3SecondsToMidnight:
    def now_ms(self) -> Millis:
        return Millis(int((20_001 * DAY_S - 3 + trio.current_time()) * 1000))


def online(world: World, user: str) -> int:
    return sum(world.people.person(user).online.values())  # type: ignore[arg-type]


async def test_all_devices_together_count_once_and_invisible_ones_too(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        one, two = await world.connect("ann"), await world.connect("ann")
        world.node.users.tell(one.user_id, Choose(one, Status(state="invisible", rid=2)))
        await trio.sleep(100)
        assert 55 <= online(world, "ann") <= 100, "what is over is not waited for"
        one.close(CloseCode.NORMAL, "")
        await trio.sleep(20)
        two.close(CloseCode.NORMAL, "")
        await trio.sleep(500)
        assert abs(online(world, "ann") - 120) <= 2 and online(world, "bob") == 0
        again = await world.connect("ann")
        await trio.sleep(10)
        again.close(CloseCode.NORMAL, "")
        await trio.sleep(5)
        assert abs(online(world, "ann") - 130) <= 3


async def test_what_could_not_be_stored_is_stored_later(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann")
        were_online = world.people.were_online

        async def away(seconds: object) -> None:
            raise StoreUnavailable("away")

        world.people.were_online = away  # type: ignore[method-assign]
        ann = await world.connect("ann")
        await trio.sleep(200)
        ann.close(CloseCode.NORMAL, "")
        await trio.sleep(5)
        world.people.were_online = were_online  # type: ignore[method-assign]
        assert online(world, "ann") == 0
        await trio.sleep(2)
        assert abs(online(world, "ann") - 200) <= 2


async def test_a_session_over_midnight_is_cut_there(autojump_clock: Clock) -> None:
    times = OnlineTime(Clock3SecondsToMidnight())
    times.put(1, here=True)
    await trio.sleep(10)
    times.put(1, here=False)
    times.put(1, here=False)
    assert times.take() == {(1, 20_000): 3, (1, 20_001): 7}
    assert times.take() == {}


async def test_so_many_at_once_and_the_longest_here_first(autojump_clock: Clock) -> None:
    times = OnlineTime(Clock3SecondsToMidnight())
    for user_no in range(1, 1_502):
        times.put(user_no, here=True)
    await trio.sleep(4)
    assert times.take() == {}
    await trio.sleep(50)
    first, then = times.take(), times.take()
    assert {user_no for user_no, _ in first} == set(range(1, 1_001))
    assert {user_no for user_no, _ in then} == set(range(1_001, 1_502))
    assert sum(first.values()) == 54 * 1_000 and times.take() == {}
