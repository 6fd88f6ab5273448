"""Who watches how jobs go on, what he is shown, and how often."""

from __future__ import annotations

from contextlib import asynccontextmanager

import trio
from world import FakeSession, World, open_world

from actors.broadcast import BroadcastActor
from actors.broadcast_records import Announcement, DueBroadcast, SenderFacts
from actors.job_watchers import JobWatchers, looks_at
from actors.ports import StoreUnavailable
from actors.selection_records import Selected
from protocol.frames import Error, Ok
from protocol.notices import BroadcastChange, Progress, WatchJob


def progress(done: int, job: str = "j", status: str = "SENDING_MESSAGES") -> Progress:
    return Progress(job=job, status=status, total=100, done=done, failed=0)


class Jobs:
    """Jobs of which admins may know, and broadcasts with their senders."""

    def __init__(self) -> None:
        self.known: dict[str, Progress] = {}
        self.senders: dict[str, int] = {}
        self.away = False
        self.asked: list[str] = []

    async def may_watch(self, user_no: int, role: str, job: str) -> bool:
        if self.away:
            raise StoreUnavailable("away")
        return role == "admin" or self.senders.get(job) == user_no

    async def progress_of(self, job: str) -> Progress | None:
        self.asked.append(job)
        if self.away:
            raise StoreUnavailable("away")
        return self.known.get(job)


@asynccontextmanager
async def open_watching():
    async with open_world() as world:
        jobs = Jobs()
        look = next(run.__self__ for task, run in world.node._tasks if task == "watched_jobs")
        look._fetch = looks_at(jobs)  # as the node's own port says it
        world.node.job_watchers._jobs = jobs
        world.add_people("ann", "eve")
        world.people._by_id["ann"].role = "admin"
        jobs.known["j"] = progress(1)
        yield world, jobs


def watch(world: World, session: FakeSession, job: str = "j", *, on: bool = True, rid: int = 1):
    world.node.job_watchers.watch(session, WatchJob(job=job, on=on, rid=rid))


async def test_an_admin_is_shown_how_it_is_and_then_what_is_new(autojump_clock):
    async with open_watching() as (world, _):
        ann = await world.connect("ann")
        watch(world, ann)
        await world.quiet()
        assert [ok.rid for ok in ann.of(Ok)] == [1] and ann.of(Progress) == [progress(1)]
        assert ann.states["progress", "j"] == progress(1), "a state: the newest is enough"
        world.node.job_watchers.changed(progress(2))
        world.node.job_watchers.changed(progress(3))
        world.node.job_watchers.changed(progress(3, job="another"))
        await trio.sleep(1)
        assert ann.of(Progress)[1:] == [progress(3)]


async def test_it_comes_twice_a_second_at_most_and_only_what_changed(autojump_clock):
    async with open_watching() as (world, _):
        ann = await world.connect("ann")
        watch(world, ann)
        await world.quiet()
        for each in range(100):
            world.node.job_watchers.changed(progress(each))
            await trio.sleep(0.1)
        assert 18 <= len(ann.of(Progress)) <= 22
        await trio.sleep(1)
        seen = len(ann.of(Progress))
        for _ in range(20):
            world.node.job_watchers.changed(progress(99))
            await trio.sleep(0.1)
        assert len(ann.of(Progress)) == seen


async def test_who_may_not_know_of_it_is_told_that_there_is_none(autojump_clock):
    async with open_watching() as (world, jobs):
        ann, eve = await world.connect("ann"), await world.connect("eve")
        jobs.senders["b"] = world.numbers["eve"]
        jobs.known["b"] = progress(7, job="b", status="delivered")
        for job in ("j", "b", "none"):
            watch(world, eve, job)
        watch(world, ann, "none")
        await world.quiet()
        assert eve.errors() == ["not_found"] * 2 and ann.errors() == ["not_found"]
        assert eve.of(Progress) == [jobs.known["b"]], "his own broadcast"
        assert [error.rid for error in ann.of(Error)] == [1]


async def test_a_role_counts_as_it_is_when_one_asks(autojump_clock):
    async with open_watching() as (world, _):
        ann = await world.connect("ann")
        world.people._by_id["ann"].role = "user"
        watch(world, ann)
        await world.quiet()
        assert ann.errors() == ["not_found"]


async def test_an_admin_who_is_elsewhere_is_a_user_like_others(autojump_clock):
    async with open_watching() as (world, jobs):
        jobs.senders["b"] = world.numbers["ann"]
        jobs.known["b"] = progress(7, job="b", status="delivered")
        here, elsewhere = await world.connect("ann"), await world.connect("ann")
        elsewhere.admits_admins = False
        for session in (here, elsewhere):  # at once: what one may see is not shown to the other
            watch(world, session)
            watch(world, session, "b")
        await world.quiet()
        assert elsewhere.errors() == ["not_found"] and here.errors() == []
        assert elsewhere.of(Progress) == [jobs.known["b"]], "his own broadcast"
        world.node.job_watchers.changed(progress(2))
        await trio.sleep(1)
        assert here.of(Progress)[-1] == progress(2)
        assert progress(2) not in elsewhere.of(Progress)


async def test_who_ends_watching_is_shown_no_more(autojump_clock):
    async with open_watching() as (world, _):
        ann = await world.connect("ann")
        watch(world, ann)
        await world.quiet()
        watch(world, ann, on=False, rid=2)
        world.node.job_watchers.changed(progress(5))
        await trio.sleep(3)
        assert len(ann.of(Progress)) == 1 and [ok.rid for ok in ann.of(Ok)] == [1, 2]
        watch(world, ann, rid=3)
        watch(world, ann, on=False, rid=4)
        await trio.sleep(3)
        assert len(ann.of(Progress)) == 1, "an end that overtakes the beginning counts"
        assert not world.node.job_watchers._by_job


async def test_a_job_of_another_node_is_looked_at_now_and_then(autojump_clock):
    async with open_watching() as (world, jobs):
        ann = await world.connect("ann")
        watch(world, ann)
        await world.quiet()
        jobs.known["j"] = progress(50)
        await trio.sleep(3)
        assert ann.of(Progress)[-1] == progress(50)
        jobs.away = True
        await trio.sleep(10)
        jobs.away, jobs.known["j"] = False, progress(100, status="COMPLETED")
        await trio.sleep(3)
        assert ann.of(Progress)[-1].status == "COMPLETED"
        asked = len(jobs.asked)
        await trio.sleep(60)
        assert len(jobs.asked) == asked, "it is over"


async def test_who_leaves_while_another_job_is_looked_at_harms_nobody(autojump_clock):
    async with open_watching() as (world, jobs):
        ann = await world.connect("ann")
        for job in "abc":
            jobs.known[job] = progress(1, job)
            watch(world, ann, job)
        await world.quiet()
        is_first = True

        async def slowly(job: str) -> Progress | None:
            nonlocal is_first
            if is_first:
                is_first = False
                watch(world, ann, "b", on=False)
                watch(world, ann, "c", on=False)
            return jobs.known[job]

        jobs.progress_of = slowly
        await trio.sleep(10)
        jobs.known["a"] = progress(50, "a")
        await trio.sleep(3)
        assert ann.of(Progress)[-1] == progress(50, "a"), "it is still looked at"
        assert set(world.node.job_watchers._heard_at) == {"a"}


async def test_a_broadcast_that_was_announced_is_looked_at_no_more(autojump_clock):
    async with open_watching() as (world, jobs):
        ann = await world.connect("ann")
        jobs.known["b"] = progress(3, "b", status="announced")
        watch(world, ann, "b")
        await world.quiet()
        asked = len(jobs.asked)
        await trio.sleep(60)
        assert len(jobs.asked) == asked


async def test_who_is_gone_is_forgotten(autojump_clock):
    async with open_watching() as (world, _):
        ann = await world.connect("ann")
        watch(world, ann)
        await world.quiet()
        ann.close(1000, "bye")
        await trio.sleep(3)
        watchers = world.node.job_watchers
        kept = (watchers._by_job, watchers._by_session, watchers._shown, watchers._heard_at)
        assert not any(kept) and not watchers._asked


async def test_one_connection_watches_so_many_and_asks_so_many_at_once(autojump_clock):
    async with open_watching() as (world, jobs):
        ann = await world.connect("ann")
        jobs.known |= {f"j{n}": progress(0, job=f"j{n}") for n in range(30)}
        for n in range(10):
            watch(world, ann, f"j{n}", rid=n)
        assert ann.errors() == ["rate_limited"] * 2
        for n in range(8, 25):
            await world.quiet()
            watch(world, ann, f"j{n}", rid=n)
        await world.quiet()
        assert ann.errors()[2:] == ["conflict"] * 5
        watch(world, ann, "j0", on=False)
        watch(world, ann, "j29", rid=99)
        await world.quiet()
        assert ann.of(Ok)[-1].rid == 99


async def test_a_node_watches_so_many_jobs(autojump_clock, monkeypatch):
    monkeypatch.setattr(JobWatchers, "MOST", 1)
    async with open_watching() as (world, jobs):
        jobs.known["k"] = progress(1, job="k")
        ann, other = await world.connect("ann"), await world.connect("ann")
        watch(world, ann)
        await world.quiet()
        watch(world, other)
        watch(world, other, "k")
        await world.quiet()
        assert other.errors() == ["conflict"] and other.of(Progress) == [progress(1)]


async def test_without_the_store_it_is_unavailable_and_without_the_port_there_is_none(
    autojump_clock,
):
    async with open_watching() as (world, jobs):
        ann = await world.connect("ann")
        jobs.away = True
        watch(world, ann)
        await world.quiet()
        assert ann.errors() == ["unavailable"]
    async with open_world() as world:
        world.add_people("ann")
        ann = await world.connect("ann")
        watch(world, ann)
        await world.quiet()
        assert ann.errors() == ["not_found"]


class OneBroadcast:
    """A store with one broadcast, for three."""

    due = DueBroadcast(
        broadcast_no=1,
        broadcast_id="b",
        sender_no=1,
        asked=3,
        seed=1,
        audience=None,
        delivered=False,
    )

    def __init__(self, chosen: list[object]) -> None:
        self.is_due, self._chosen = True, chosen

    async def lease(self, **_options):
        due, self.is_due = ([self.due] if self.is_due else []), False
        return due, None

    async def facts(self, *_args, **_options):
        return SenderFacts(blocked=[], pairs=[])

    async def select(self, _asked):
        return Selected(strategy={}, chosen=self._chosen, near=[], counts={}, took_ms=1)

    async def deliver(self, *_args, **_options):
        return 2

    async def announcement(self, _due):
        change = BroadcastChange(id="b", change="received", at=1)
        return Announcement(frame=change, recipients=[])

    async def announced(self, _due):
        return None

    async def fail(self, *_args):
        return True


async def test_a_broadcast_tells_how_many_of_those_asked_for_got_it(autojump_clock):
    for chosen, status, done in (([1, 2], "delivered", 2), ([], "failed", 0)):
        async with open_world() as world:
            store, told = OneBroadcast(chosen), []
            actor = BroadcastActor(
                store,
                store,
                notices=world.node.notices,
                clock=world.node._ports.clock,
                log=world.log,
                progress=told.append,
            )
            world.nursery.start_soon(actor.run)
            await trio.sleep(1)
            assert told == [Progress(job="b", status=status, total=3, done=done, failed=0)]
