"""The command lines of the generator that a measurement takes, and the plans of who is where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.generator import Load, Seat, write_plan
from bench.madang import seats_of
from bench.targets import Running
from bench.workloads import Mix, Person, Workload

CONNECT_WITHIN = 120.0
FIRST_FEW = 10
AWAY_ONE_IN = 20  # people who come and go while the others stay


class Loads:
    """The loads of *workload* on *running*; plans are written into *folder*."""

    def __init__(self, workload: Workload, running: Running, folder: Path) -> None:
        self._workload, self._running, self._folder = workload, running, folder
        self._staying, self._coming = parted(workload, running.people or ())

    def main(self) -> Load:
        """What is measured."""
        return self._peopled(self._bare(), self._staying, 0 if self._workload.gap else None)

    def few(self) -> Load:
        """The first few connect and leave, so that what a server makes once is there already."""
        load = replace(self._bare(), mode="hold", seconds=0.3, stopped=None)
        if self._running.people is None:
            return replace(load, rooms=1, members=FIRST_FEW)
        return self._peopled(load, self._staying[:FIRST_FEW])

    def filling(self) -> Load:
        """The gap of each room, said by one member of each while the others are away."""
        rooms = {room: seats[:1] for room, seats in seats_of(self._staying).items()}
        rate, plan = len(rooms) * self._workload.gap / 2, self._plan("filling", rooms)
        return replace(self._bare(), mode="open", plan=plan, rate=rate, seconds=2, warmup=0)

    def comers(self) -> Load | None:
        """One return of some who were away, who missed all that was said."""
        mix = self._workload.mix
        if mix is None or not mix.reconnects or not self._coming:
            return None
        plan = self._plan("comers", seats_of(self._coming[: round(mix.reconnects)], 0))
        return Load(
            url=self._running.url, mode="storm", plan=plan, settle_s=0.1, connect_s=20, drain_s=5
        )

    def _bare(self) -> Load:
        """Without anybody in it."""
        workload, mix = self._workload, self._workload.mix or Mix()
        return Load(
            url=self._running.url,
            dialect=self._running.dialect,
            mode=workload.mode,
            body=workload.body,
            inflight=workload.inflight,
            senders=workload.senders,
            rate=workload.rate or None,
            seconds=workload.seconds,
            warmup=workload.warmup,
            stopped=workload.stopped or None,
            connect_s=CONNECT_WITHIN,
            drain_s=workload.drain,
            reads=mix.reads or None,
            typing=mix.typing or None,
            pages=mix.pages or None,
            statuses=mix.statuses or None,
        )

    def _peopled(self, load: Load, people: Sequence[Person], cursor: int | None = None) -> Load:
        """With a plan of *people*, or with the strangers of a relay."""
        if self._running.people is None:
            (crowd,) = self._workload.crowds
            return replace(load, rooms=crowd.rooms, members=crowd.size)
        return replace(load, plan=self._plan("plan", seats_of(people, cursor)))

    def _plan(self, name: str, rooms: Mapping[str, Sequence[Seat]]) -> Path:
        path = self._folder / name
        write_plan(path, rooms)
        return path


def parted(
    workload: Workload, people: Sequence[Person]
) -> tuple[Sequence[Person], Sequence[Person]]:
    """Who stays, and who is away at first: only where the workload has people come back."""
    if workload.mix is None or not workload.mix.reconnects:
        return people, ()
    staying = [person for n, person in enumerate(people) if n % AWAY_ONE_IN]
    return staying, people[::AWAY_ONE_IN]
