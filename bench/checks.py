"""What of a command line makes no sense together, found before anything starts."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bench.workloads import Workload

ELSEWHERE = ("tokens", "dialect", "pid")
LOADS = frozenset(
    (
        *("targets", "url", "tokens", "dialect", "pid", "install", "rooms", "members", "mode"),
        *("inflight", "rate", "senders", "seconds", "warmup", "drain", "body", "stopped"),
        *("short", "rounds", "out", "into"),
    )
)
PEOPLE = ("rooms", "members", "scale")


class Misused(Exception):
    """The command line asks for what there is not; the message is one line."""


def check(slips: Iterable[str]) -> None:
    """Raise Misused with the first of them."""
    for slip in slips:
        raise Misused(slip)


def of_targets(given: Namespace) -> Iterator[str]:
    """Against what."""
    if not given.url:
        for name in ELSEWHERE:
            if getattr(given, name) is not None:
                yield f"--{name} is of a server that runs already: it needs --url"
        return
    if not is_address(given.url):
        yield f"--url must look like ws://host:port/path, not {given.url!r}"
    if given.targets:
        yield "--url and --targets exclude each other"
    if given.pid and not Path(f"/proc/{given.pid}").exists():
        yield f"--pid {given.pid}: there is no such process"
    yield from _of_people(given)


def _of_people(given: Namespace) -> Iterator[str]:
    if given.dialect in {"raw", "socketio"}:
        if given.tokens:
            yield f"the dialect {given.dialect} knows no --tokens"
        return
    if not given.tokens:
        yield "--url needs --tokens: a file of `madang fixture`, or the --dialect of a relay"
    for name in PEOPLE:
        if getattr(given, name) is not None:
            yield f"--{name} changes nothing: the people are those of --tokens"


def is_address(url: str) -> bool:
    """Whether the generator can connect to it: no TLS, a port, and no query.

    >>> [is_address(url) for url in ("ws://h:1", "ws://h:1/ws", "ws://h/ws", "http://h:1/")]
    [True, True, False, False]
    """
    try:
        parts = urlsplit(url)
        return bool(parts.scheme == "ws" and parts.hostname and parts.port and not parts.query)
    except ValueError:
        return False


def of_one(given: Namespace, word: str) -> Iterator[str]:
    """What the measurement *word* takes, which is no load."""
    for name, setting in vars(given).items():
        if name in LOADS and setting:
            yield f"--{name} changes nothing of the {word}"


def of_load(given: Namespace, workload: Workload) -> Iterator[str]:
    """What is to be done there."""
    name, mode = workload.name, workload.mode
    if mode == "open" and not workload.rate:
        yield f"{name}: the mode open needs a --rate"
    if given.rate and mode != "open":
        yield f"{name}: --rate is of the mode open, and this one is {mode}"
    if given.inflight and mode != "closed":
        yield f"{name}: --inflight is of the mode closed, and this one is {mode}"
    if workload.stopped >= workload.connections:
        yield f"{name}: {workload.stopped:,} stopped of {workload.connections:,} leaves nobody"
