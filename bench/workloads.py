"""What is measured: each workload is data, and so is whatever a user asks for instead."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

Mode = Literal["closed", "open", "hold", "storm"]


@dataclass(frozen=True, slots=True)
class Crowd:
    """*rooms* of *size* members each, filled from *users* people (so some may be in several)."""

    users: int
    rooms: int
    size: int

    @classmethod
    def apart(cls, rooms: int, size: int) -> Crowd:
        """Everybody is in one room."""
        return cls(rooms * size, rooms, size)


@dataclass(frozen=True, slots=True)
class Person:
    """Who takes part: one line of a fixture."""

    token: str
    rooms: list[str]

    @property
    def id(self) -> str:
        """Of the user, as the token has it."""
        claims = base64.urlsafe_b64decode(self.token.split(".")[1] + "==")
        return str(json.loads(claims)["sub"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Beside the sends, so many a second of each; *reconnects* are people who come back."""

    reads: float = 0
    typing: float = 0
    pages: float = 0
    statuses: float = 0
    reconnects: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One load. *figures* are what the table shows of it, the first being what is compared.

    *gap* is how many events everybody missed before a storm, *stored_rooms* how many rooms the
    database holds beside those that talk, *drain* the longest wait at the end for what is under
    way, *body* the bytes of a text. Where *chat_only*, a relay can't do it. *growth* is (what
    grows, how far): a point of a curve.
    """

    name: str
    about: str
    crowds: tuple[Crowd, ...]
    figures: tuple[str, ...]
    mode: Mode = "closed"
    inflight: int = 1
    senders: Literal["all", "one"] = "all"
    rate: float = 0
    seconds: float = 8
    warmup: float = 2
    drain: float = 20
    body: int = 64
    stopped: int = 0
    gap: int = 0
    mix: Mix | None = None
    chat_only: bool = False
    stored_rooms: int = 0
    growth: tuple[str, int] | None = None

    @property
    def connections(self) -> int:
        """People who connect."""
        return sum(min(crowd.users, crowd.rooms * crowd.size) for crowd in self.crowds)

    @property
    def group(self) -> str:
        """What one asks for: W1 is several loads."""
        return self.name.partition("-")[0]


FAST = ("deliveries/s", "messages/s", "p50 ms", "p99 ms", "server us/delivery")
LATE = ("last p50 ms", "last p99 ms", "p50 ms", "p99 ms", "p99.9 ms")
CROWD = ("p99.9 ms", "p50 ms", "p99 ms", "last p99 ms", "server us/delivery")
IDLE = ("KiB/connection", "connects/s")
DAY = ("p99 ms", "p50 ms", "p99.9 ms", "ack p99 ms", "server us/message", "reconnect p99 ms")
HEAVY_TAIL = (
    Crowd.apart(1, 500),
    Crowd(400, 4, 120),
    Crowd(400, 20, 30),
    Crowd(600, 150, 8),
    Crowd(600, 900, 2),
)


def _fan_out(members: int, inflight: int) -> Workload:
    return Workload(
        name=f"W1-{members}-{inflight}",
        about=f"1 room of {members:,}, one sender, {inflight} in flight",
        crowds=(Crowd.apart(1, members),),
        figures=FAST,
        inflight=inflight,
        senders="one",
    )


def _idle(connections: int) -> Workload:
    return Workload(
        name=f"W3-{connections}",
        about=f"{connections:,} idle connections of distinct users who share a room",
        crowds=(Crowd.apart(1, connections),),
        figures=IDLE,
        mode="hold",
        seconds=60,
    )


def _slow(name: str, about: str, stopped: int) -> Workload:
    """The texts are long, so that what a stopped reader leaves fills its socket."""
    return Workload(
        name=name,
        about=about,
        crowds=(Crowd.apart(1, 1000),),
        figures=("p99 ms", "p50 ms", "RSS MiB", "kernel MiB"),
        mode="open",
        senders="one",
        rate=25,
        seconds=15,
        body=8000,
        stopped=stopped,
    )


WORKLOADS = (
    *(_fan_out(members, inflight) for members in (100, 1000) for inflight in (1, 16)),
    Workload(
        name="LONE",
        about="1 room of 100, a lone message every 20 ms",
        crowds=(Crowd.apart(1, 100),),
        figures=LATE,
        mode="open",
        senders="one",
        rate=50,
    ),
    Workload(
        name="W2",
        about="500 rooms of 2, everyone sends, one in flight each",
        crowds=(Crowd.apart(500, 2),),
        figures=("messages/s", "deliveries/s", "p50 ms", "p99 ms", "server us/message"),
    ),
    _idle(5000),
    _idle(20_000),
    Workload(
        name="W4",
        about="5,000 reconnect at once, 50 rooms of 100, each resumes a gap of 100 events",
        crowds=(Crowd.apart(50, 100),),
        figures=("all resumed s", "resumed", "resume p50 ms", "resume p99 ms"),
        mode="storm",
        gap=100,
        chat_only=True,
    ),
    Workload(
        name="W5",
        about="1 room of 10,000, 5 messages/s",
        crowds=(Crowd.apart(1, 10_000),),
        figures=CROWD,
        mode="open",
        senders="one",
        rate=5,
        seconds=15,
    ),
    Workload(
        name="W6",
        about="mixed day: 1,075 rooms of 2 to 500; sends, reads, typing, pages, reconnects",
        crowds=HEAVY_TAIL,
        figures=DAY,
        mode="open",
        rate=100,
        seconds=15,
        mix=Mix(reads=200, typing=100, pages=10, statuses=10, reconnects=10),
        chat_only=True,
    ),
    _slow("W7-none", "1 room of 1,000, 25 long messages/s, all read", 0),
    _slow("W7-half", "the same, and 500 of them never read", 500),
)


def _growing() -> Iterable[Workload]:
    for members in (10, 100, 1000, 10_000):
        yield replace(
            _fan_out(members, 16),
            name=f"GROWTH-room-{members}",
            figures=("server us/delivery", "deliveries/s"),
            seconds=5,
            growth=("members of a room", members),
        )
    for connections in (1000, 5000, 20_000):
        yield replace(
            _idle(connections),
            name=f"GROWTH-idle-{connections}",
            seconds=15,
            growth=("idle connections", connections),
        )
    for rooms in (10, 1000, 100_000):
        yield Workload(
            name=f"GROWTH-stored-{rooms}",
            about=f"10 rooms of 2 talk while the database holds {rooms:,}",
            crowds=(Crowd.apart(10, 2),),
            figures=("server us/message", "database us/message", "p99 ms"),
            seconds=5,
            stored_rooms=rooms - 10,
            growth=("rooms in the database", rooms),
        )


GROWTH = tuple(_growing())
QUICK = ("W1", "LONE", "W2", "W3-5000", "W4", "W5", "W6", "W7")
PEERS = ("W1", "W2", "W3-5000")


def chosen(names: Iterable[str]) -> list[Workload]:
    """The workloads called so, or whose group is; KeyError names the one that there is not.

    >>> [workload.name for workload in chosen(["w3", "LONE"])]
    ['W3-5000', 'W3-20000', 'LONE']
    """
    found = []
    for name in names:
        wanted = name.upper()
        of_it = [
            each for each in (*WORKLOADS, *GROWTH) if wanted in (each.name.upper(), each.group)
        ]
        if not of_it:
            raise KeyError(name)
        found += of_it
    return found


def shortened(workload: Workload, factor: float) -> Workload:
    """The same for a part of its time; its figures are then rough."""
    return replace(
        workload,
        seconds=max(1.0, workload.seconds * factor),
        warmup=max(0.5, workload.warmup * factor),
    )


def scaled(workload: Workload, factor: float) -> Workload:
    """The same with fewer people, where a machine or a test can't hold them all.

    >>> scaled(chosen(["W2"])[0], 0.1).crowds
    (Crowd(users=100, rooms=50, size=2),)
    """
    crowds = tuple(
        Crowd(
            max(each.size, ceil(each.users * factor)), max(1, round(each.rooms * factor)), each.size
        )
        if each.rooms > 1
        else Crowd.apart(1, max(2, round(each.size * factor)))
        for each in workload.crowds
    )
    return replace(workload, crowds=crowds, stopped=round(workload.stopped * factor))


def played_by(people: Sequence[Person], workload: Workload) -> Workload:
    """The same by *people* who are there already, in the rooms that they have.

    >>> pairs = [Person("a", ["r"]), Person("b", ["r"])]
    >>> played_by(pairs, chosen(["LONE"])[0]).about
    '1 room of 100, a lone message every 20 ms (here: 2 people in 1 room)'
    """
    sizes = Counter(room for person in people for room in person.rooms)
    rooms = Counter(sizes.values())
    users = Counter(max(sizes[room] for room in person.rooms) for person in people if person.rooms)
    crowds = tuple(Crowd(users[size], rooms[size], size) for size in sorted(rooms))
    many = f"{len(sizes):,} room{'s' if len(sizes) > 1 else ''}"
    where = f"{users.total():,} people in {many}"
    return replace(workload, crowds=crowds, about=f"{workload.about} (here: {where})")
