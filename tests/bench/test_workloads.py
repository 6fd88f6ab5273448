"""What can be asked for, and what is then run."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest

from bench.arguments import add_arguments, asked_rounds, asked_targets, asked_workloads
from bench.commands import run
from bench.figures import FIGURES
from bench.loads import Loads
from bench.madang import idle_crowd
from bench.measuring import Bench
from bench.pinning import Cores
from bench.rounds import Plan, check_limits
from bench.targets import Facts, NotHere, Running, madang, null_journal, relay_names
from bench.workloads import GROWTH, QUICK, WORKLOADS, Crowd, Person, chosen, played_by


def asked(*words: str) -> ArgumentParser:
    parser = ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_every_workload_has_a_name_of_its_own_and_figures_that_there_are() -> None:
    everything = (*WORKLOADS, *GROWTH)
    assert len({each.name for each in everything}) == len(everything)
    for each in everything:
        assert each.figures and set(each.figures) <= set(FIGURES)
        assert each.mode != "open" or each.rate > 0


def test_a_group_is_all_its_loads_and_what_there_is_not_is_named() -> None:
    assert chosen(["W1"])[0].name == "W1-100-1" and len(chosen(["w1"])) == 4
    assert {each.group for each in chosen(QUICK)} >= {"W1", "LONE", "W2", "W3", "W4", "W6", "W7"}
    with pytest.raises(KeyError, match="W9"):
        chosen(["W2", "W9"])


def test_the_goals_are_measured_at_the_sizes_they_name() -> None:
    (storm,) = chosen(["W4"])
    assert storm.connections == 5000 and storm.crowds[0].rooms == 50 and storm.gap == 100
    assert chosen(["W5"])[0].connections == 10_000
    assert chosen(["W7-half"])[0].stopped == 500
    assert {each.growth for each in GROWTH} >= {
        ("members of a room", 10_000),
        ("idle connections", 20_000),
        ("rooms in the database", 100_000),
    }
    assert idle_crowd(100_000) == Crowd(20_000, 100_000, 2)


def test_options_change_the_workload() -> None:
    (changed,) = asked_workloads(asked("W2", "--rooms", "7", "--members", "3", "--inflight", "4"))
    assert changed.crowds == (Crowd(21, 7, 3),) and changed.inflight == 4
    (less,) = asked_workloads(asked("W5", "--scale", "0.1", "--short", "0.2"))
    assert less.connections == 1000 and less.seconds == 3.0
    assert less.about.endswith("(here: 1,000 people)") and "here" not in chosen(["W5"])[0].about
    assert changed.about.endswith("(here: 21 people, inflight 4)")
    assert asked_workloads(asked("W2"))[0].seconds == 2 * asked_workloads(asked())[5].seconds


def test_all_means_all_peers_in_three_rounds() -> None:
    given = asked("all")
    assert asked_rounds(given) == 3 and "peers" in asked_targets(given)
    assert {each.group for each in asked_workloads(given)} == {"W1", "W2", "W3"}
    assert asked_targets(asked("growth")) == ["madang"]
    assert asked_targets(asked("W2", "--targets", "null,floor")) == ["null", "floor"]


def test_rounds_alternate_and_relays_are_spared_what_they_cannot_do() -> None:
    targets = [madang(None, "1"), null_journal(None, "1")]  # type: ignore[arg-type]
    plan = Plan(workloads=chosen(["W2", "W4"]), targets=targets, rounds=2)
    assert [f"{run.workload.name} {run.target.facts.name}" for run in plan.runs()] == [
        "W2 madang",
        "W2 null",
        "W4 madang",
        "W2 null",
        "W2 madang",
        "W4 madang",
    ]


def test_more_connections_than_files_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, 1024))
    check_limits(chosen(["W1-100-1"])[0])
    with pytest.raises(NotHere, match="5,000 connections, but ulimit -Hn is 1,024"):
        check_limits(chosen(["W3-5000"])[0])


def test_who_comes_back_is_not_there_at_first(tmp_path: Path) -> None:
    people = [Person(f"t{n}", [f"r{n % 4}"]) for n in range(40)]
    running = Running(url="ws://h:1/ws", dialect="madang", processes=lambda: None, people=people)
    loads = Loads(chosen(["W6"])[0], running, tmp_path)
    main, comers = loads.main(), loads.comers()
    assert comers is not None and main.reads == 200
    staying, coming = (load.plan.read_text() for load in (main, comers))
    assert "t1 " in staying and " t0 " not in staying and " t0@0" in f" {coming}"


def test_a_storm_starts_after_the_gap_was_filled(tmp_path: Path) -> None:
    people = [Person(f"t{n}", [f"r{n % 2}"]) for n in range(6)]
    running = Running(url="ws://h:1/ws", dialect="madang", processes=lambda: None, people=people)
    loads = Loads(chosen(["W4"])[0], running, tmp_path)
    filling = loads.filling()
    assert filling.rate * filling.seconds == 2 * 100
    assert filling.plan.read_text() == "r0 t0\nr1 t1\n"
    assert "t0@0 t2@0 t4@0" in loads.main().plan.read_text()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["W9"], "there is no workload W9"),
        (["W2", "--targets", "carrier_pigeon"], "there is no target carrier_pigeon"),
        (["W2", "--url", "ws://h:1/ws"], "--url needs --tokens"),
        (["W2", "--url", "http://h:1/ws", "--dialect", "raw"], "--url must look like ws://"),
        (["W2", "--url", "ws://h:x/ws", "--dialect", "raw"], "--url must look like ws://"),
        (["W2", "--url", "ws://h:1", "--dialect", "raw", "--tokens", "f"], "knows no --tokens"),
        (["W2", "--url", "ws://h:1", "--tokens", "f", "--rooms", "3"], "--rooms changes nothing"),
        (["W2", "--url", "ws://h:1", "--targets", "madang"], "exclude each other"),
        (["W2", "--url", "ws://h:1", "--tokens", "/nope"], "/nope is no file of"),
        (["W2", "--url", "ws://h:1", "--tokens", __file__], "is no file of `madang fixture`"),
        (["W2", "--url", "ws://h:1", "--tokens", "/dev/null"], "there is nobody in a room"),
        (["W2", "--url", "ws://h:1", "--dialect", "raw", "--pid", "4194305"], "no such process"),
        (["W4", "--url", "ws://h:1", "--dialect", "raw"], "nothing of that can be measured"),
        (["W2", "--tokens", "f"], "--tokens is of a server that runs already"),
        (["W2", "--dialect", "raw"], "--dialect is of a server that runs already"),
        (["W2", "--mode", "open"], "the mode open needs a --rate"),
        (["W2", "--rate", "5"], "--rate is of the mode open, and this one is closed"),
        (["LONE", "--inflight", "5"], "--inflight is of the mode closed, and this one is open"),
        (["W2", "--rooms", "1", "--stopped", "2"], "2 stopped of 2 leaves nobody"),
        (["compare", "one.json"], "compare wants 2 paths"),
        (["table", "none.json"], "none.json"),
    ],
)
def test_a_slip_is_one_line_and_exit_code_2(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(asked(*words)) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and complaint in said[0]


@pytest.mark.parametrize(
    "words",
    [
        ["--rooms", "0"],
        ["--members", "two"],
        ["--inflight", "0"],
        ["--rate", "-1"],
        ["--seconds", "nan"],
        ["--drain", "inf"],
        ["--warmup", "-0.1"],
        ["--body", "70000"],
        ["--body", "31"],
        ["--rounds", "0"],
        ["--pid", "0"],
    ],
)
def test_a_number_out_of_range_is_exit_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        asked("W2", *words)
    assert ended.value.code == 2
    assert f"argument {words[0]}: '{words[1]}' is no" in capsys.readouterr().err


def test_everything_that_can_be_named_is_in_the_help() -> None:
    parser = ArgumentParser()
    add_arguments(parser)
    said = parser.format_help()
    for name in ("null", *relay_names(), *(each.name for each in WORKLOADS)):
        assert f"  {name} " in said


def test_people_of_a_file_bring_their_rooms() -> None:
    people = [Person("a", ["r", "s"]), Person("b", ["r"]), Person("c", ["r"]), Person("d", ["s"])]
    workload = played_by(people, chosen(["W2"])[0])
    assert workload.crowds == (Crowd(1, 1, 2), Crowd(3, 1, 3)) and workload.connections == 4
    assert workload.about.endswith("(here: 4 people in 2 rooms)")


def test_nobody_is_pinned_on_one_core() -> None:
    bench = Bench(program=Path("x"), cores=Cores(None, None))
    assert bench.generator_cores == () and "nobody is pinned" in str(bench.cores)


def test_facts_of_the_two_compositions_differ() -> None:
    facts: list[Facts] = [make(None, "1").facts for make in (madang, null_journal)]  # type: ignore[arg-type]
    assert [each.stores for each in facts] == ["every message, first", "nothing"]
