"""What ``madang bench`` does: measure, or look at results again."""

from __future__ import annotations

import resource
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench.arguments import WORDS, asked_rounds, asked_targets, asked_workloads
from bench.compare import changes, comparison
from bench.drawn import plots
from bench.load.build import CannotBuild, build
from bench.machine import commit, place_for_data
from bench.madang import Folders
from bench.measuring import Bench
from bench.page import page
from bench.pinning import Cores, our_cores
from bench.record import FOLDER, NotARecord, Record, Skipped, read_record, write_record
from bench.rounds import Plan, Series
from bench.tables import NoPlace, markdown, put_into, report_text, verdict
from bench.targets import (
    FLOOR,
    Elsewhere,
    Facts,
    NotHere,
    Target,
    madang,
    null_journal,
    relay,
    relay_names,
)

FILES = 65_536


class Misused(Exception):
    """The command line asks for what there is not; the message is one line."""


def run(given: Namespace) -> int:
    """0, or 1 where a run failed or became worse, or 2 where the question makes no sense."""
    try:
        if given.words and given.words[0] in WORDS:
            return _again(given.words[0], given.words[1:], given)
        return measure_all(given)
    except (Misused, NotARecord, NoPlace, CannotBuild) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2


def measure_all(given: Namespace) -> int:
    """Measure, print, and keep."""
    allow_many_files()
    folders = Folders(given.folder or place_for_data())
    plan = _plan(given, folders)
    cores = our_cores()
    if given.url:
        cores = Cores(server=None, generator=cores.generator)
    bench = Bench(program=build(), cores=cores)
    record = Series(plan, bench, folders, sys.stderr).run(sys.argv[1:])
    path = given.out or FOLDER / f"{record.at.replace(':', '').replace('+0000', 'Z')}.json"
    write_record(record, path)
    html = path.with_suffix(".html")
    html.write_text(page(record), "utf-8")
    print(f"{report_text(record)}\n\n{verdict(record)}\n{path}\n{html}")
    return int(bool(record.problems()))


def allow_many_files() -> None:
    """As many as the workloads want where we may say so, else as many as we are allowed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < FILES:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
            return
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _plan(given: Namespace, folders: Folders) -> Plan:
    try:
        workloads = asked_workloads(given)
    except KeyError as unknown:
        raise Misused(f"there is no workload {unknown.args[0]}; --help lists them") from None
    targets: list[Target] = []
    missing = []
    for name in _names(given):
        try:
            targets.append(_target(name, given, folders))
        except NotHere as reason:
            sys.stderr.write(f"bench: without {name}: {reason}\n")
            missing.append(Skipped("all", name, str(reason), failed=False))
    if not targets:
        raise Misused("nothing of that can be measured here")
    rounds = asked_rounds(given)
    return Plan(workloads=workloads, targets=targets, rounds=rounds, missing=missing)


def _names(given: Namespace) -> list[str]:
    """Of the targets, one by one."""
    if given.url:
        return ["url"]
    peers = [name for name in relay_names() if name not in FLOOR]
    several = {"peers": peers, "floor": list(FLOOR)}
    return [each for name in asked_targets(given) for each in several.get(name, [name])]


def _target(name: str, given: Namespace, folders: Folders) -> Target:
    """Raises NotHere where it can't be had."""
    if name == "url":
        return _elsewhere(given)
    if name in {"madang", "null"}:
        make = madang if name == "madang" else null_journal
        return make(folders, commit(Path(__file__).parent))
    # The floor needs only a compiler.
    download = given.install or given.words == ["all"] or name in FLOOR
    try:
        return relay(name, download=download)
    except KeyError:
        known = ", ".join(("madang", "null", *relay_names()))
        raise Misused(f"there is no target {name}; known: {known}") from None


def _elsewhere(given: Namespace) -> Elsewhere:
    chat = given.dialect == "madang"
    if not given.url:
        raise Misused("the target url needs --url")
    if chat and not given.tokens:
        raise Misused("--url needs --tokens: a file of `madang fixture`, or a --dialect of a relay")
    facts = Facts("url", given.url, "unknown", "", chat=chat)
    return Elsewhere(facts, given.url, given.dialect, given.tokens, given.pid)


def _again(word: str, paths: Sequence[str], given: Namespace) -> int:
    """Look at results that there are."""
    wanted = 2 if word in {"compare", "plots"} else 1
    if len(paths) != wanted:
        raise Misused(f"{word} wants {wanted} path{'s' if wanted > 1 else ''}")
    first = read_record(Path(paths[0]))
    if word == "compare":
        return _compare(first, read_record(Path(paths[1])), given.threshold)
    if word == "plots":
        _draw(first, Path(paths[1]))
    elif word == "report":
        Path(paths[0]).with_suffix(".html").write_text(page(first), "utf-8")
    elif given.into:
        put_into(given.into, markdown(first))
    else:
        print(markdown(first))
    return 0


def _compare(before: Record, after: Record, threshold: float) -> int:
    found = list(changes(before, after))
    if not found:
        raise Misused("the two have no measurement in common")
    if before.machine.cpu != after.machine.cpu or before.machine.cores != after.machine.cores:
        print("these are of two machines: the ratios say little")
    print(comparison(found, threshold))
    return int(any(each.is_worse(threshold) for each in found))


def _draw(record: Record, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in plots(record):
        (folder / f"{name}.svg").write_text(svg, "utf-8")
        print(folder / f"{name}.svg")
