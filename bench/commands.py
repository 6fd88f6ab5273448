"""What ``madang bench`` does: measure, or look at results again."""

from __future__ import annotations

import resource
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench import campaign, notification, search, selection
from bench.arguments import WORDS, asked_rounds, asked_targets, asked_workloads
from bench.checks import Misused, check, of_load, of_one, of_targets
from bench.compare import compared, comparison
from bench.drawn import plots
from bench.load.build import CannotBuild, build
from bench.machine import commit, place_for_data
from bench.madang import Folders, NotPeople, read_people
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
from bench.workloads import Workload, played_by

FILES = 65_536


def run(given: Namespace) -> int:
    """0, or 1 where a run failed or became worse, or 2 where the question makes no sense."""
    try:
        if given.words == ["search"]:
            return _search(given)
        if given.words in (["selection"], ["campaign"], ["notification"]):
            return _beside_a_chat(given)
        if given.words and given.words[0] in WORDS:
            return _again(given.words[0], given.words[1:], given)
        return measure_all(given)
    except (Misused, NotARecord, NoPlace, NotPeople, CannotBuild) as error:
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


def _search(given: Namespace) -> int:
    """The search in a database of its own, without a server."""
    check(of_one(given, "search"))
    print(search.measure(Folders(given.folder or place_for_data()), given.scale or 1.0))
    return 0


def _beside_a_chat(given: Namespace) -> int:
    """Selections, campaigns or notifications; then a chat on a server of its own beside them."""
    check(of_one(given, given.words[0]))
    allow_many_files()
    bench = Bench(program=build(), cores=our_cores())
    folders = Folders(given.folder or place_for_data())
    measure = {
        "selection": selection.measure,
        "campaign": campaign.measure,
        "notification": notification.measure,
    }[given.words[0]]
    print(measure(folders, given.scale or 1.0, bench))
    return 0


def allow_many_files() -> None:
    """As many as the workloads want where we may say so, else as many as we are allowed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < FILES:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
            return
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _plan(given: Namespace, folders: Folders) -> Plan:
    check(of_targets(given))
    workloads = _workloads(given)
    targets: list[Target] = []
    missing = []
    for name in _names(given):
        try:
            targets.append(_target(name, given, folders))
        except NotHere as reason:
            sys.stderr.write(f"bench: without {name}: {reason}\n")
            missing.append(Skipped("all", name, str(reason), failed=False))
    plan = Plan(workloads=workloads, targets=targets, rounds=asked_rounds(given), missing=missing)
    if not any(plan.runs()):
        raise Misused("nothing of that can be measured here")
    return plan


def _workloads(given: Namespace) -> list[Workload]:
    try:
        workloads = asked_workloads(given)
    except KeyError as unknown:
        raise Misused(f"there is no workload {unknown.args[0]}; --help lists them") from None
    if given.tokens:
        people = read_people(given.tokens)
        workloads = [played_by(people, each) for each in workloads]
    for each in workloads:
        check(of_load(given, each))
    return workloads


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
    facts = Facts("url", given.url, "unknown", "", chat=bool(given.tokens))
    people = read_people(given.tokens) if given.tokens else None
    return Elsewhere(facts, given.url, given.dialect or "madang", people, given.pid)


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
    found = compared(before, after)
    if not found.changes:
        raise Misused("; ".join(("the two have no measurement in common", *found.apart)))
    if before.machine.cpu != after.machine.cpu or before.machine.cores != after.machine.cores:
        print("these are of two machines: the ratios say little")
    print(comparison(found, threshold))
    return int(found.is_worse(threshold))


def _draw(record: Record, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in plots(record):
        (folder / f"{name}.svg").write_text(svg, "utf-8")
        print(folder / f"{name}.svg")
