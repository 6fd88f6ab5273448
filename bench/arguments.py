"""The command line of the bench, as data; nothing heavy is loaded to show its help."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import TypeVar

from bench.peers.catalogue import ENTRIES
from bench.workloads import (
    GROWTH,
    PEERS,
    QUICK,
    WORKLOADS,
    Crowd,
    Workload,
    chosen,
    scaled,
    shortened,
)

N = TypeVar("N", int, float)
SHORT = 0.5
ALL_ROUNDS = 3
OWN = ("inflight", "rate", "seconds", "warmup", "drain", "body", "stopped", "senders", "mode")
WORDS = ("compare", "table", "plots", "report")
BODY_LEAST, BODY_MOST = 32, 60_000
DESCRIPTION = """Measure a chat server, and say what it lost.

  bench                     Madang, the same without storage, and the floor: all workloads, short
  bench all                 with all peers, W1 to W3, three alternating rounds
  bench search              how long a search takes, cold and warm (--scale, --folder)
  bench selection           how long a choice of recipients takes, and a chat beside it
  bench campaign            how fast a campaign reaches people, and a chat beside it
  bench notification        how fast notifications reach people, and a chat beside it
  bench growth              what a delivery, a connection and a message cost as there are more
  bench W2 LONE             these workloads; options change them
  bench W2 --url ws://host:port/ws --tokens FILE     a server that runs (FILE: madang fixture)
  bench compare A.json B.json [--threshold 0.9]      exit code 1 where B is worse
  bench table R.json [--into README.md]              the table in Markdown
  bench plots R.json FOLDER                          the plots as SVG files
  bench report R.json                                the HTML page again
"""


def add_arguments(parser: ArgumentParser) -> None:
    """All of them."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.description = DESCRIPTION
    parser.epilog = "\n".join(("workloads:", *_listed(), "targets:", *_targets()))
    known = ", ".join(dict.fromkeys(each.group for each in WORKLOADS))
    parser.add_argument("words", nargs="*", metavar="WORD", help=f"all, growth, {known}, ...")
    _add_targets(parser)
    _add_parameters(parser)
    _add_output(parser)


def _listed() -> Iterator[str]:
    for each in WORKLOADS:
        yield f"  {each.name:<20} {each.about}"


def _targets() -> Iterator[str]:
    yield "  madang               every message is stored first"
    yield "  null                 Madang that stores nothing"
    yield "  peers                those below but the floor; --install downloads them"
    yield "  floor                floor_each and floor_joined"
    for each in ENTRIES:
        yield f"  {each.name:<20} {each.title}"


def _add_targets(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("against what")
    group.add_argument("--targets", metavar="A,B", help="of those below; not with --url")
    group.add_argument("--url", help="a server that runs already")
    group.add_argument("--tokens", type=Path, metavar="FILE", help="its people: a fixture's file")
    group.add_argument("--dialect", choices=["madang", "raw", "socketio"], help="of the --url")
    group.add_argument("--pid", type=whole, help="its process, to see its CPU and memory")
    group.add_argument("--install", action="store_true", help="install the peers that are missing")
    group.add_argument("--folder", type=Path, metavar="DIR", help="where data folders are made")


def _add_parameters(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("other parameters than the workload's own")
    group.add_argument("--rooms", type=whole)
    group.add_argument("--members", type=whole, help="of each room")
    group.add_argument("--mode", choices=["closed", "open", "hold", "storm"])
    group.add_argument("--inflight", type=whole, help="messages of each sender under way")
    group.add_argument("--rate", type=positive, help="messages a second in total (mode open)")
    group.add_argument("--senders", choices=["all", "one"], help="one: the first of each room")
    group.add_argument("--seconds", type=positive)
    group.add_argument("--warmup", type=not_negative)
    group.add_argument("--drain", type=not_negative, help="longest wait for what is under way")
    group.add_argument("--body", type=body_size, metavar="BYTES")
    group.add_argument("--stopped", type=whole, help="members that never read")
    group.add_argument("--short", type=positive, metavar="F", help="F times as long")
    group.add_argument("--scale", type=positive, metavar="F", help="F times as many people")


def _add_output(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("rounds and results")
    group.add_argument("--rounds", type=whole, help="each measurement so many times")
    group.add_argument("--out", type=Path, metavar="FILE", help="default .bench/results/TIME.json")
    group.add_argument("--threshold", type=positive, default=0.9, help="of compare (%(default)s)")
    group.add_argument("--into", type=Path, metavar="FILE", help="of table: put it between marks")


def positive(text: str) -> float:
    """A number above 0."""
    return _number(text, float, lambda number: 0 < number < inf, "number above 0")


def not_negative(text: str) -> float:
    """A number from 0."""
    return _number(text, float, lambda number: 0 <= number < inf, "number from 0")


def whole(text: str) -> int:
    """A whole number from 1."""
    return _number(text, int, lambda number: number >= 1, "whole number from 1")


def body_size(text: str) -> int:
    """Bytes that a text may have: the generator's own stamp is in it."""
    fits = f"whole number from {BODY_LEAST} to {BODY_MOST}"
    return _number(text, int, lambda number: BODY_LEAST <= number <= BODY_MOST, fits)


def _number(text: str, kind: Callable[[str], N], fits: Callable[[N], bool], what: str) -> N:
    with suppress(ValueError):
        number = kind(text)
        if fits(number):
            return number
    raise ArgumentTypeError(f"{text!r} is no {what}")


def asked_workloads(given: Namespace) -> list[Workload]:
    """What the words ask for, changed as the options say; KeyError names an unknown one."""
    return list(_changed(given, _named(given)))


def _named(given: Namespace) -> list[Workload]:
    if given.words == ["all"]:
        return chosen(PEERS)
    if given.words == ["growth"]:
        return list(GROWTH)
    return chosen(given.words or QUICK)


def _changed(given: Namespace, workloads: list[Workload]) -> Iterator[Workload]:
    own = {name: getattr(given, name) for name in OWN if getattr(given, name) is not None}
    short = given.short or (SHORT if given.words in ([], ["all"]) else 1.0)
    for each in workloads:
        workload = shortened(each, short) if short != 1.0 else each
        workload = scaled(workload, given.scale) if given.scale else workload
        workload = replace(workload, crowds=_crowds(given, workload), **own)
        yield replace(workload, about=_about(each, workload, own))


def _about(usual: Workload, changed: Workload, own: dict[str, object]) -> str:
    """Says what is not as usual."""
    less = [f"{changed.connections:,} people"] if changed.crowds != usual.crowds else []
    words = [*less, *(f"{name} {setting}" for name, setting in own.items())]
    return f"{usual.about} (here: {', '.join(words)})" if words else usual.about


def _crowds(given: Namespace, workload: Workload) -> tuple[Crowd, ...]:
    if given.rooms is None and given.members is None:
        return workload.crowds
    first = workload.crowds[0]
    return (Crowd.apart(given.rooms or first.rooms, given.members or first.size),)


def asked_rounds(given: Namespace) -> int:
    """How often."""
    return int(given.rounds or (ALL_ROUNDS if given.words == ["all"] else 1))


def asked_targets(given: Namespace) -> list[str]:
    """Their names; ``peers`` and ``floor`` stand for several."""
    if given.targets:
        return str(given.targets).split(",")
    if given.words == ["all"]:
        return ["madang", "null", "peers", "floor"]
    return ["madang"] if given.words == ["growth"] else ["madang", "null", "floor"]
