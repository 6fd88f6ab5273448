from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from remembering_log import RememberingLog

from actors.actor import Actor
from actors.batcher import Batcher
from actors.dispatcher import Dispatcher
from actors.ports import AdapterError, StoreUnavailable
from actors.ref import ActorStopped, MailboxFull, Reply
from actors.registry import Context, Registry
from actors.supervisor import RestartIntensityExceeded, Supervisor, too_intense
from actors.timers import Timers
from protocol.errors import ErrorCode


class Counter(Actor[object]):
    """Adds numbers; raises on 'poison'; answers replies; holds on 'hold'."""

    def __init__(self, start: int, context: Context[object]) -> None:
        self.total, self.context, self.unanswered = start, context, list[object]()

    def receive(self, message: object) -> None:
        match message:
            case "poison":
                raise ValueError("poison")
            case "hold":
                self.context.hold()
            case "keep":
                self.unanswered.append(message)
            case int():
                self.total += message
            case Reply():
                message.set(self.total)

    def leftovers(self) -> list[object]:
        return self.unanswered


class Store:
    """Loads counters at 0 unless told otherwise."""

    def __init__(self) -> None:
        self.loads: list[Hashable] = []
        self.answer: object = 0

    def load(self, key: Hashable, done: Callable[[object], None]) -> None:
        self.loads.append(key)
        done(self.answer)


class Kernel:
    def __init__(self, store: Store, capacity: int) -> None:
        self.log, self.store, self.refused = RememberingLog(), store, list[object]()
        self.ended: list[object] = []
        self.turns = 0
        self.timers = Timers()
        self.dispatcher = Dispatcher(turn_ended=self._turn_ended)
        self.actors: list[Counter] = []
        self.registry: Registry[object] = Registry(
            dispatcher=self.dispatcher,
            timers=self.timers,
            load=store.load,
            build=self._build,
            refuse=self._refuse,
            let_go=self.ended.append,
            log=self.log,
            capacity=capacity,
        )

    def _build(self, context: Context[object], state: object) -> Counter:
        assert isinstance(state, int)
        self.actors.append(Counter(state, context))
        return self.actors[-1]

    def _refuse(self, message: object, code: ErrorCode) -> bool:
        self.refused.append((message, code))
        return message != "hint"

    def _turn_ended(self) -> None:
        self.turns += 1

    async def total(self, key: str) -> object:
        return await self.registry.ref(key).ask(lambda reply: reply, within=5)


@asynccontextmanager
async def kernel(capacity: int = 1024, store: Store | None = None) -> AsyncIterator[Kernel]:
    made = Kernel(store or Store(), capacity)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.dispatcher.run)
        nursery.start_soon(made.timers.run)
        yield made
        nursery.cancel_scope.cancel()


async def test_messages_to_one_actor_arrive_in_order_and_load_it_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with kernel() as k:
        for number in range(200):
            k.registry.tell("a", number)
        assert await k.total("a") == sum(range(200))
        assert k.store.loads == ["a"]
        assert k.turns >= 1


async def test_a_crash_ends_one_incarnation_and_refuses_only_the_poison(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with kernel() as k:
        k.registry.tell("b", 7)
        for message in (1, "poison", 2):
            k.registry.tell("a", message)
        assert await k.total("a") == 2
        assert await k.total("b") == 7
        assert k.refused == [("poison", ErrorCode.INTERNAL)]
        assert k.store.loads.count("a") == 2 and k.store.loads.count("b") == 1


async def test_unanswered_commands_pass_to_the_next_incarnation(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with kernel() as k:
        for message in ("keep", "keep", "poison"):
            k.registry.tell("a", message)
        await trio.testing.wait_all_tasks_blocked()
        assert len(k.actors) == 2 and k.actors[1].unanswered == ["keep", "keep"]


async def test_a_cell_that_crashes_too_often_is_retired_for_a_while_and_alone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with kernel() as k:
        for _ in range(Registry.INTENSITY + 1):
            k.registry.tell("a", "poison")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(ActorStopped):
            k.registry.tell("a", 1)
        assert await k.total("b") == 0
        await trio.sleep(Registry.RETIRED_S + 1)
        k.registry.tell("a", 1)
        assert await k.total("a") == 1


async def test_a_full_mailbox_refuses_and_tells_when_there_is_room(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with kernel(capacity=4) as k:
        k.registry.tell("a", "hold")
        await trio.testing.wait_all_tasks_blocked()
        for number in range(4):
            k.registry.tell("a", number)
        with pytest.raises(MailboxFull):
            k.registry.tell("a", 4)
        opened: list[bool] = []
        k.registry.when_open("a", lambda: opened.append(True))
        await trio.testing.wait_all_tasks_blocked()
        assert not opened
        k.actors[0].context.release()
        await trio.testing.wait_all_tasks_blocked()
        assert opened == [True]
        assert [cell.peak for cell in k.registry.statistics()] == [4]


async def test_an_outage_is_no_crash_and_refuses_as_unavailable(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = Store()
    store.answer = StoreUnavailable("away")
    async with kernel(store=store) as k:
        for number in range(20):
            k.registry.tell("a", number)
            await trio.sleep(0.1)
        await trio.sleep(1)
        assert len(k.refused) == 20 and len(store.loads) < 8, "one look at a time"
        assert {code for _, code in k.refused} == {ErrorCode.UNAVAILABLE}
        assert k.registry.crashes == 0
        store.answer = 5
        await trio.sleep(1)
        assert await k.total("a") == 5


async def test_what_nobody_waits_for_outlasts_an_outage(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = Store()
    store.answer = StoreUnavailable("away")
    async with kernel(store=store) as k:
        k.registry.tell("a", "hint")
        k.registry.tell("a", "poison")
        await trio.sleep(3)
        assert [cell.depth for cell in k.registry.statistics()] == [1]
        assert k.ended == []


async def test_a_late_look_after_an_outage_spares_the_next_actor_of_that_key(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = Store()
    store.answer = StoreUnavailable("away")
    async with kernel(store=store) as k:
        k.registry.tell("a", 1)
        await trio.sleep(0.6)  # the look, half a second on, forgets the cell
        assert k.ended == ["a"]
        store.answer = 5
        assert await k.total("a") == 5
        await trio.sleep(1)
        assert len(k.registry) == 1 and k.ended == ["a"]


async def test_leftovers_outlast_a_crash_at_the_start_and_only_the_poison_is_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with kernel() as k:
        for message in ("keep", "keep", 2):
            k.registry.tell("a", message)
        await trio.testing.wait_all_tasks_blocked()
        k.actors[0].unanswered.insert(1, "poison")
        k.registry._build = _failing_once(k.registry._build)  # type: ignore[method-assign]
        k.actors[0].context.end()
        assert await k.total("a") == 0, "of a new actor"
        assert k.actors[-1].unanswered == ["keep", "keep"]
        assert k.refused == [("poison", ErrorCode.INTERNAL)] and k.registry.crashes == 2


def _failing_once(build: Callable[..., Counter]) -> Callable[..., Counter]:
    failures = [RuntimeError("build")]

    def failing(context: Context[object], state: object) -> Counter:
        if failures:
            raise failures.pop()
        return build(context, state)

    return failing


async def test_an_unknown_key_is_refused_and_forgotten(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = Store()
    store.answer = None
    async with kernel(store=store) as k:
        k.registry.tell("nobody", 1)
        await trio.testing.wait_all_tasks_blocked()
        assert k.refused == [(1, ErrorCode.NOT_FOUND)]
        assert len(k.registry) == 0 and k.ended == ["nobody"]


async def test_only_an_actor_at_rest_is_passivated(autojump_clock: trio.testing.MockClock) -> None:
    async with kernel() as k:
        k.registry.tell("idle", 1)
        k.registry.tell("held", "hold")
        await trio.testing.wait_all_tasks_blocked()
        k.registry.tell("held", 1)
        await trio.sleep(100)
        assert k.registry.passivate_idle(50) == 1
        assert [cell.key for cell in k.registry.statistics()] == ["held"]
        assert await k.total("idle") == 0 and k.store.loads.count("idle") == 2


async def test_a_completion_of_an_ended_incarnation_does_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with kernel() as k:
        k.registry.tell("a", 1)
        await trio.testing.wait_all_tasks_blocked()
        first = k.actors[0]
        late = first.context.completion(first, first.receive)
        k.registry.tell("a", "poison")
        await trio.testing.wait_all_tasks_blocked()
        late(100)
        assert first.total == 1 and await k.total("a") == 0


async def test_an_ask_has_a_deadline(autojump_clock: trio.testing.MockClock) -> None:
    async with kernel() as k:
        k.registry.tell("a", "hold")
        with pytest.raises(trio.TooSlowError):
            await k.total("a")


def test_intensity_counts_only_crashes_within_the_period() -> None:
    crashes: list[float] = []
    limits = {"intensity": 2, "period": 5.0}
    assert [too_intense(crashes, at, **limits) for at in (0, 1, 2)] == [False, False, True]
    assert not too_intense(crashes, 20, **limits)


async def test_a_supervised_task_is_restarted_and_its_siblings_are_not(
    autojump_clock: trio.testing.MockClock,
) -> None:
    runs: dict[str, int] = {"crashing": 0, "steady": 0}

    async def crashing() -> None:
        runs["crashing"] += 1
        if runs["crashing"] < 3:
            raise OSError("disk")
        await trio.sleep_forever()

    async def steady() -> None:
        runs["steady"] += 1
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        supervisor = Supervisor(nursery, log=RememberingLog())
        supervisor.spawn("crashing", crashing)
        supervisor.spawn("steady", steady)
        await trio.sleep(10)
        assert runs == {"crashing": 3, "steady": 1}
        nursery.cancel_scope.cancel()


async def test_a_task_beyond_its_intensity_fails_its_parent(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def crashing() -> None:
        raise OSError("disk")

    with pytest.raises(ExceptionGroup) as info:
        async with trio.open_nursery() as nursery:
            Supervisor(nursery, log=RememberingLog(), intensity=2).spawn("crashing", crashing)
    assert info.group_contains(RestartIntensityExceeded)


async def test_timers_fire_in_order_and_not_when_cancelled(
    autojump_clock: trio.testing.MockClock,
) -> None:
    fired: list[str] = []
    timers = Timers()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        timers.after(2, lambda: fired.append("second"))
        timers.after(1, lambda: fired.append("first"))
        timers.after(1.5, lambda: fired.append("cancelled")).cancel()
        await trio.sleep(3)
        nursery.cancel_scope.cancel()
    assert fired == ["first", "second"]


async def test_questions_asked_during_a_trip_share_the_next(
    autojump_clock: trio.testing.MockClock,
) -> None:
    trips: list[Sequence[int]] = []

    async def fetch(keys: Sequence[int]) -> Mapping[int, str]:
        trips.append(list(keys))
        await trio.sleep(1)
        return {key: str(key) for key in keys if key != 3}

    answers: list[object] = []
    batcher: Batcher[int, str] = Batcher(fetch, turn_ended=lambda: None, log=RememberingLog())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(batcher.run)
        for key in (1, 2, 3, 2):
            batcher.ask(key, answers.append)
            await trio.sleep(0.1)
        await trio.sleep(5)
        nursery.cancel_scope.cancel()
    assert trips == [[1], [2, 3]]
    assert answers == ["1", "2", "2", None]


async def test_a_question_that_fails_answers_those_who_asked(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def fetch(keys: Sequence[int]) -> Mapping[int, str]:
        if keys == [1]:
            raise StoreUnavailable("away")
        if keys == [2]:
            raise TypeError("a bug")
        await trio.sleep_forever()
        raise AssertionError

    answers: list[object] = []
    batcher: Batcher[int, str] = Batcher(fetch, turn_ended=lambda: None, log=RememberingLog())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(batcher.run)
        for key in (1, 2, 3):
            batcher.ask(key, answers.append)
            await trio.sleep(20)
        nursery.cancel_scope.cancel()
    assert len(answers) == 3 and all(isinstance(answer, AdapterError) for answer in answers)
