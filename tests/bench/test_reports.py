"""What is said of results: tables, the page, the comparison, and the file they are kept in."""

from __future__ import annotations

import io
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import fromstring

import msgspec
import pytest
from made_up import MACHINE, grown, measure, record, three_rounds

from bench.arguments import add_arguments
from bench.commands import run
from bench.compare import compared
from bench.figures import FIGURES, value
from bench.page import page
from bench.plots import Curve, bars, curves
from bench.progress import Display
from bench.record import NotARecord, Record, read_record, write_record
from bench.results import Connected, Progress
from bench.tables import markdown, report_text, verdict

PLAIN = three_rounds([1000, 1100, 1050], [2000, 2000, 2000])
SVG = "{http://www.w3.org/2000/svg}"


def asked(*words: str) -> int:
    parser = ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(words))


def kept(result: Record, path: Path) -> str:
    write_record(result, path)
    return str(path)


def test_every_figure_can_be_read_off_a_run() -> None:
    one = measure("W2", "madang", 1000)
    seen = {name: value(name, [one]) for name in FIGURES}
    assert seen["messages/s"].middle == 10.0 and seen["deliveries/s"].middle == 100.0
    assert seen["server us/message"].middle == 50_000 and seen["KiB/connection"].middle == 4.0
    assert seen["p99 ms"].middle == pytest.approx(99, abs=1)
    assert seen["reconnect p99 ms"] is None
    assert value("KiB/connection", [replace(one, memory=None)]) is None


def test_the_table_has_the_median_the_spread_and_the_lead() -> None:
    said = report_text(PLAIN)
    assert "500 rooms of 2" in said and "fsync on" in said and MACHINE.cpu in said
    ours = next(line for line in said.splitlines() if line.startswith("  Madang "))
    theirs = next(line for line in said.splitlines() if line.startswith("  Node"))
    assert "10.5 ±5%" in ours and theirs.endswith("0.53 x")
    assert "W2 socketify: no <package>" in said


def test_a_fault_is_a_verdict() -> None:
    good, bad = measure("W2", "node_ws", 1000), measure("W2", "madang", 9000, problem="1 lost")
    assert verdict(record([good])).startswith("ok")
    assert verdict(record([good, bad])).splitlines() == ["FAIL", "  W2 madang round 1: 1 lost"]
    assert '<p class="FAIL">' in page(record([bad]))
    assert "nothing was measured" in verdict(replace(record([good]), measures=()))


def test_the_readme_gets_the_table_between_its_marks(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    result = kept(PLAIN, tmp_path / "r.json")
    readme.write_text("before\n<!-- bench:table -->\nold\n<!-- bench:end -->\nafter\n")
    for _ in range(2):
        assert asked("table", result, "--into", str(readme)) == 0
    text = readme.read_text()
    assert text.count("- W2:") == 1 and "old" not in text
    assert text.startswith("before") and text.endswith("after\n")
    assert "**10.5**" in markdown(PLAIN) and "commit abc" in text
    readme.write_text("no marks")
    assert asked("table", result, "--into", str(readme)) == 2


def test_the_page_is_well_formed_and_has_its_plots() -> None:
    for result in (PLAIN, grown()):
        tree = fromstring(page(result).removeprefix("<!DOCTYPE html>\n"))  # noqa: S314
        assert tree.tag == "html" and not tree.findall(".//script")
        assert len(tree.findall(f".//{SVG}svg")) == (2 if result is PLAIN else 3)
    assert "Node &lt;ws&gt; &amp; co" in page(PLAIN)
    assert "server us/delivery by members of a room" in page(grown())


def test_plots_are_files_of_their_own_too(tmp_path: Path) -> None:
    assert asked("plots", kept(PLAIN, tmp_path / "r.json"), str(tmp_path)) == 0
    assert asked("plots", kept(grown(), tmp_path / "g.json"), str(tmp_path)) == 0
    drawn = {path.name for path in tmp_path.glob("*.svg")}
    assert {"speed-W2.svg", "latency-W2.svg", "growth-idle-connections.svg"} <= drawn
    for path in tmp_path.glob("*.svg"):
        fromstring(path.read_text())  # noqa: S314


def test_a_plot_stays_in_its_frame_whatever_the_values() -> None:
    assert curves([], across="x", up="y", ticks=[(0, "0"), (1, "1")]) == ""
    flat = curves([Curve("c", [(0, 5), (1, 5)])], across="x", up="y", ticks=[(0, "0"), (1, "1")])
    tree = fromstring(flat)  # noqa: S314
    points = tree.find(f"{SVG}polyline").get("points").split()
    assert all(0 <= float(part) <= 720 for point in points for part in point.split(","))
    assert fromstring(bars([("none", 0)])).tag == f"{SVG}svg"  # noqa: S314


@pytest.mark.parametrize(
    ("after", "worse"),
    [
        ([1000, 1100, 1050], False),
        ([800, 810, 805], True),
        ([500, 1100, 850], False),  # worse, but its own rounds differ by more
        ([2000, 2100, 2050], False),
    ],
)
def test_what_became_worse_is_told_from_noise(
    after: list[int], worse: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = three_rounds(after, [2000, 2000, 2000])
    paths = kept(PLAIN, tmp_path / "a.json"), kept(now, tmp_path / "b.json")
    assert asked("compare", *paths) == int(worse)
    assert ("WORSE" in capsys.readouterr().out) is worse


def test_a_lower_threshold_lets_more_pass(tmp_path: Path) -> None:
    now = three_rounds([800, 810, 805], [2000, 2000, 2000])
    paths = kept(PLAIN, tmp_path / "a.json"), kept(now, tmp_path / "b.json")
    assert asked("compare", *paths, "--threshold", "0.7") == 0
    (ours, theirs) = compared(PLAIN, now).changes
    assert ours.times == pytest.approx(0.76, abs=0.01) and theirs.times == 1.0


def test_one_round_cannot_tell_chance_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = three_rounds([1000], [2000]), three_rounds([800], [2000])
    assert asked("compare", kept(before, tmp_path / "a"), kept(after, tmp_path / "b")) == 1
    said = capsys.readouterr().out
    assert "one round" in said and "WORSE, or chance" in said and "0%" not in said


def test_two_loads_of_one_name_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (other,) = (replace(each, inflight=4) for each in PLAIN.workloads)
    paths = (
        kept(PLAIN, tmp_path / "a"),
        kept(replace(PLAIN, workloads=(other,)), tmp_path / "b"),
    )
    assert asked("compare", *paths) == 2
    assert "W2: inflight 1 and 4" in capsys.readouterr().err


def test_a_second_run_that_failed_is_worse_however_fast(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = record([measure("W2", "madang", 9000, problem="1 lost")])
    assert asked("compare", kept(PLAIN, tmp_path / "a"), kept(failed, tmp_path / "b")) == 1
    assert "FAIL W2 madang round 1: 1 lost" in capsys.readouterr().out


def test_what_one_should_know_is_remarked() -> None:
    slow = replace(PLAIN.workloads[0], mode="open", rate=100.0)
    busy = replace(MACHINE, load_average=1.7)
    said = report_text(replace(PLAIN, workloads=(slow,), machine=busy))
    assert "Madang fell behind in W2: 10.5 messages/s of 100" in said
    assert "load average 1.7" in said.splitlines()[-3]
    assert "fell behind" not in report_text(PLAIN) and "busy before" not in report_text(PLAIN)


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "r.json"
    write_record(PLAIN, path)
    assert read_record(path) == PLAIN
    assert [each.name for each in path.parent.iterdir()] == ["r.json"]


def test_what_is_no_record_is_said_so(tmp_path: Path) -> None:
    newer = tmp_path / "newer.json"
    newer.write_bytes(msgspec.json.encode(msgspec.to_builtins(PLAIN) | {"version": 2}))
    with pytest.raises(NotARecord, match="version 2"):
        read_record(newer)
    for text in ("", "[]", '{"version": 1}'):
        newer.write_text(text)
        with pytest.raises(NotARecord):
            read_record(newer)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere() -> None:
    told = Progress("run", 1.0, 10, 0, 0, 5, 5, 1234), Connected(10, 0, 0, 1.0, 10.0)
    for out in (Terminal(), io.StringIO()):
        display = Display(2, out)
        display.begin("W2 madang")
        for line in told:
            display.tell(line)
        display.end("messages/s 5")
        said = out.getvalue()
        assert said.endswith("W2 madang: messages/s 5\n")
        assert ("run: 1,234 deliveries" in said and "\r" in said) is out.isatty()
        assert said.count("\n") == 1
