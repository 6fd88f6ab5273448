"""What is cut off in the middle leaves all as it was; and nodes do nothing twice side by side."""

from __future__ import annotations

from random import Random

import pytest
import trio
from notification_world import (
    AGAIN,
    HOUR,
    MINUTE,
    NOON,
    REFUSED,
    SENT,
    UNKNOWN,
    WITHDRAWN,
    Running,
    digest,
    go,
    new,
    open_app_world,
)

from actors.notification_records import LegResult, Preferences
from actors.ports import OutcomeUnknown, StoreUnavailable
from protocol.ids import Millis
from server.postgres import pool

PLATFORMS = ("web", "push", "discord")


@pytest.fixture
async def run(database_url):
    async with open_app_world(database_url) as world:
        yield world


async def all_of(run):
    """Whatever is kept anywhere."""
    listed = await run.owner.fetch("SELECT * FROM notifications ORDER BY 1")
    endpoints = await run.fetch("SELECT * FROM notification_endpoints ORDER BY 1")
    settings = await run.fetch("SELECT * FROM notification_settings ORDER BY 1, 2")
    kept, entries, windows = await run.kept(), await run.entries(), await run.windows()
    return kept, entries, windows, [tuple(row) for row in listed], endpoints, settings


class CutOff:
    """Cancels a call before its statement of that number; ``statements`` were begun with."""

    def __init__(self, monkeypatch, number):
        self.scope, self.statements = trio.CancelScope(), 0

        async def used(*args, **options):
            self.statements += 1
            if self.statements == number:
                self.scope.cancel()
            return await real(*args, **options)

        real = pool.used
        monkeypatch.setattr(pool, "used", used)


CALLS = {
    "enqueue": lambda run, legs: run.queue.enqueue(
        [new("b1", collapse_key="x"), new("b2", dedupe_key="d"), new("b3", dedupe_key="d")]
    ),
    "place": lambda run, legs: run.queue.place(digest, now=Millis(NOON + MINUTE), most=9),
    "begin": lambda run, legs: run.begin(),
    "lapse": lambda run, legs: run.begin("discord", now=NOON + MINUTE),
    "record": lambda run, legs: run.queue.record(
        [LegResult(leg, each, None) for leg, each in zip(legs, (SENT, REFUSED), strict=True)],
        at=NOON,
    ),
    "read": lambda run, legs: run.inbox.read(1, ["a1", "a2"], at=NOON),
    "seen": lambda run, legs: run.listed.seen([(1, ("a1", "a2"))], at=NOON),
    "delete": lambda run, legs: run.inbox.delete(1, "a1", at=NOON),
    "answer": lambda run, legs: run.inbox.answer(
        1, "a1", "accept", at=NOON, telling=lambda _: new("b4", to=9, sender=1, dedupe_key="d")
    ),
    "cancel": lambda run, legs: run.inbox.cancel(9, "a1", at=NOON),
    "settings": lambda run, legs: run.settings.put(1, "web", Preferences(dnd=True), at=NOON),
}


async def prepared(run):
    """Some of all there may be; what is begun with on Discord."""
    for platform in ("push", "discord"):
        await run.endpoint(1, platform)
    how = {"platforms": PLATFORMS, "routing": "fallback", "unread_after_ms": MINUTE}
    await run.queue.enqueue(
        [
            new("a1", collapse_key="x", **how),
            new("a2", platforms=("push", "discord")),
            new("a3", platforms=("discord",)),
        ]
    )
    await run.place()
    legs = (await run.begin("discord")).legs
    await run.send("a4", collapse_key="y")
    await run.send("a5", platforms=("push",))
    await run.place(lambda legs: [])
    return legs


@pytest.mark.parametrize("call", CALLS)
async def test_what_is_cut_off_has_done_nothing(run, call, monkeypatch):
    """At each of its statements; only a call that came to its end has done all of it."""
    legs = await prepared(run)
    before = await all_of(run)
    number = 1
    while True:
        with monkeypatch.context() as patch:
            cut = CutOff(patch, number)
            with cut.scope:
                await CALLS[call](run, legs)
        if cut.statements < number:
            break
        # A commit that was begun with comes to its end, whoever waits for it.
        is_done = number == cut.statements and cut.statements > 3
        after = await all_of(run)
        if after != before:
            assert is_done
            before = after
        number += 1
    assert number > 3
    assert await all_of(run) != before or is_done


async def test_a_decision_that_fails_leaves_all_as_it_was(run):
    await prepared(run)
    before = await all_of(run)

    def fails(legs):
        raise ValueError("a rule")

    with pytest.raises(ValueError, match="a rule"):
        await run.place(fails, now=NOON + MINUTE)
    assert await all_of(run) == before
    assert (await run.place(now=NOON + MINUTE)).decided > 0


# ---- side by side


async def test_no_leg_is_decided_by_two(run):
    """And all are decided."""
    people = range(1, 13)
    for start in range(0, 600, 100):
        await run.queue.enqueue(
            [new(f"n{number}", 1 + number % len(people)) for number in range(start, start + 100)]
        )
    decided, shown = list[str](), list[str]()

    async def node():
        queue, idle = run.another_node(), 0
        while idle < 3:
            mine = list[str]()

            def decide(legs, mine=mine):
                mine.extend(leg.id for leg in legs)
                return go(legs)

            placed = await queue.place(decide, now=NOON, most=20)
            decided.extend(mine)
            shown.extend(each.notification.id for each in placed.shown)
            idle = 0 if mine else idle + 1

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(node)
    assert sorted(decided) == sorted(shown) == sorted(f"n{number}" for number in range(600))
    assert {each.status for each in (await run.kept()).values()} == {"sent"}


async def test_one_node_at_a_time_decides_for_somebody(run):
    for name, to in (("n1", 1), ("n2", 2), ("n3", 1)):
        await run.send(name, to)
    async with run.database.service() as transaction:
        await transaction.fetchval("SELECT pg_advisory_xact_lock(-31, 1)")
        placed = await run.place()
        assert [each.notification.id for each in placed.shown] == ["n2"]
        assert placed.next_due == NOON
    assert (await run.place()).decided == 2


async def test_other_settings_wait_for_decisions_by_the_old_ones(run):
    """Else what was just held back by those would stay so."""
    await run.send()
    async with trio.open_nursery() as nursery, run.database.service() as transaction:
        await transaction.fetchval("SELECT pg_advisory_xact_lock(-31, 1)")
        nursery.start_soon(run.want, 1, "web", Preferences(), NOON + 5)
        await trio.sleep(0.1)
        how = "state = 'waiting', hold_key = 'quiet', due_at = due_at + 1000"
        await transaction.execute(f"UPDATE notification_deliveries SET {how}")  # noqa: S608
    assert (await run.kept())["n1"].legs[0].due_at == NOON + 5


async def test_what_somebody_is_changing_is_left_to_the_next_round(run):
    for name in ("n1", "n2"):
        await run.send(name)
    take = "SELECT FROM notification_queue WHERE notification_id = 'n1' FOR NO KEY UPDATE"
    async with run.database.service() as transaction:
        await transaction.execute(take)
        with trio.fail_after(5):
            assert (await run.place()).decided == 1
    assert (await run.place()).decided == 1


async def test_no_leg_is_begun_with_by_two(run):
    await run.endpoint(1)
    await run.queue.enqueue([new(f"n{number}", platforms=("push",)) for number in range(100)])
    await run.place()
    begun = list[str]()

    async def node(lease):
        queue = run.another_node()
        how = {"now": NOON, "until": Millis(NOON + MINUTE), "most": 7, "lease": lease}
        while legs := (await queue.begin("push", **how)).legs:
            begun.extend(leg.id for leg in legs)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for lease in range(4):
                nursery.start_soon(node, lease)
    assert len(begun) == len(set(begun)) == 100


async def test_two_with_one_key_at_once_are_one(run):
    made = []

    async def send(number):
        some = [new(f"{number}-{key}", dedupe_key=f"k{key}") for key in range(20)]
        made.extend(await run.another_node().enqueue(some[:: 1 if number % 2 else -1]))

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(send, number)
    assert len(await run.kept()) == 20
    assert sum(not each.is_repeated for each in made) == 20
    assert {each.id for each in made} == set(await run.kept())


async def test_of_two_that_collapse_at_once_one_is_left(run):
    async def send(number):
        for turn in range(10):
            await run.another_node().enqueue([new(f"{number}-{turn}", collapse_key="x")])

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(send, number)
    statuses = [each.status for each in (await run.kept()).values()]
    assert (statuses.count("pending"), statuses.count("cancelled")) == (1, 39)


class Crowd:
    """Nodes, readers and senders who do whatever they like, side by side."""

    ROUNDS = 40

    def __init__(self, run):
        self.run, self.sent, self.clock = run, [], NOON
        self.failed = []

    async def does(self, seed):
        random = Random(seed)  # noqa: S311 - the same again
        for turn in range(self.ROUNDS):
            self.clock = Millis(self.clock + random.choice((0, 1, MINUTE)))
            what = random.choice((self.send, self.place, self.place, self.notify, self.read,
                                  self.cancel, self.want))  # fmt: skip
            try:
                await what(random, f"{seed}-{turn}")
            except OutcomeUnknown:
                raise
            except StoreUnavailable as error:
                self.failed.append(error)

    async def send(self, random, name):
        some = [
            new(
                f"{name}-{number}",
                random.randint(1, 3),
                platforms=tuple(random.sample(PLATFORMS, random.randint(1, 3))),
                routing=random.choice(("all", "fallback")),
                unread_after_ms=MINUTE,
                priority=random.randint(1, 4),
                collapse_key=random.choice((None, None, "x", "y")),
                dedupe_key=random.choice((None, None, "d")),
                expires_at=random.choice((None, Millis(self.clock + 5 * MINUTE))),
                at=self.clock,
            )
            for number in range(5)
        ]
        await self.run.another_node().enqueue(some)
        self.sent += [each.id for each in some]

    async def place(self, random, name):
        decide = random.choice((go, digest, digest))
        await self.run.another_node().place(decide, now=self.clock, most=random.choice((3, 50)))

    async def notify(self, random, name):
        node, platform = self.run.another_node(), random.choice(("push", "discord"))
        lasts = random.choice((1, MINUTE))
        lease = {"until": Millis(self.clock + lasts), "lease": random.getrandbits(40)}
        begun = await node.begin(platform, now=self.clock, most=9, **lease)
        await trio.sleep(random.random() / 100)
        results = []
        for leg in begun.legs:
            attempt = random.choice((SENT, SENT, REFUSED, AGAIN, UNKNOWN))
            if leg.take_back is not None:
                attempt = random.choice((WITHDRAWN, AGAIN))
            again = Millis(self.clock + 1) if attempt is AGAIN and leg.attempt < 4 else None
            results.append(LegResult(leg, attempt, again))
        await node.record(results, at=self.clock)

    async def read(self, random, name):
        ids = tuple(random.sample(self.sent, min(len(self.sent), 8)))
        keys = [(user_no, ids) for user_no in (1, 2, 3)]
        await self.run.listed.seen(keys, at=self.clock)

    async def cancel(self, random, name):
        if self.sent:
            await self.run.inbox.cancel(9, random.choice(self.sent), at=self.clock)

    async def want(self, random, name):
        platform = random.choice(PLATFORMS)
        await self.run.settings.put(random.randint(1, 3), platform, Preferences(), at=self.clock)


def recounted(kept, name):
    """What has become of a notification, by its legs."""
    states = []
    for leg in kept[name].legs:
        told_by = [leg] if leg.merged_into is None else [
            each for each in kept[leg.merged_into].legs if each.platform == leg.platform
        ]  # fmt: skip
        states += [each.state for each in told_by]
    for status, some in (
        ("pending", {"waiting", "backup", "ready", "leased"}),
        ("sent", {"sent", "withdraw", "withdrawn"}),
        *((each, {each}) for each in ("unknown", "failed", "expired")),
    ):
        if some & {*states}:
            return status
    return "cancelled"


async def test_whatever_many_do_at_once_all_comes_to_an_end(run):
    """Nobody waits for each other in a ring, all legs end, and a status is that of its legs."""
    for number in (1, 2, 2, 3):
        for platform in ("push", "discord"):
            await run.endpoint(number, platform)
    crowd = Crowd(run)
    with trio.fail_after(100):
        async with trio.open_nursery() as nursery:
            for seed in range(4):
                nursery.start_soon(crowd.does, seed)
    assert not crowd.failed and len(crowd.sent) > 50
    kept = await run.kept()
    assert {name: each.status for name, each in kept.items()} == {
        name: recounted(kept, name) for name in kept
    }
    await finished(run, crowd.clock)
    kept = await run.kept()
    assert {name: each.status for name, each in kept.items()} == {
        name: recounted(kept, name) for name in kept
    }
    assert not {leg.state for each in kept.values() for leg in each.legs} & {
        "waiting", "backup", "ready", "leased", "withdraw"
    }  # fmt: skip


async def finished(run: Running, at):
    for turn in range(8):
        now = at + (turn + 1) * HOUR
        while (await run.place(now=now)).decided:
            pass
        for platform in ("push", "discord"):
            for leg in (await run.begin(platform, now=now, most=1000)).legs:
                attempt = SENT if leg.take_back is None else WITHDRAWN
                await run.record(leg, attempt, at=now)
