"""The result as text: a table a workload for the terminal, one table of all for the README."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.figures import Value, ratio, shown, value
from bench.record import Measure, Record
from bench.targets import BASELINE, Facts
from bench.workloads import Workload

OURS = "madang"
BUSY_BEFORE = 0.5  # of its cores
KEPT_UP = 0.97  # of the rate that was asked for
BUSY = 90  # percent of a core, above which the generator may be what is measured
BEGIN, END = "<!-- bench:table -->", "<!-- bench:end -->"


class NoPlace(Exception):
    """A file without the two marks that a table goes between."""


def cell(record: Record, workload: Workload, target: str, figure: str) -> Value | None:
    """The figure over all rounds."""
    return value(figure, record.runs(workload.name, target))


def ahead(record: Record, workload: Workload, target: str) -> float | None:
    """How many times better Madang is than *target*, by the workload's first figure."""
    figure = workload.figures[0]
    ours = cell(record, workload, OURS, figure)
    theirs = cell(record, workload, target, figure)
    return ratio(figure, ours.middle, theirs.middle) if ours and theirs else None


def report_text(record: Record) -> str:
    """Everything, for a terminal."""
    parts = [about(record), *(_block(record, workload) for workload in record.workloads)]
    skipped = sorted({(each.workload, each.target, each.reason) for each in record.skipped})
    if skipped:
        lines = [f"  {workload} {target}: {reason}" for workload, target, reason in skipped]
        parts.append("\n".join(["not measured:", *lines]))
    parts.append("\n".join(remarks(record)))
    return "\n\n".join(part for part in parts if part)


def verdict(record: Record) -> str:
    """FAIL with what, or ok."""
    wrong = record.problems()
    if not wrong:
        return f"ok: nothing lost, doubled, reordered or miscounted in {len(record.measures)} runs"
    return "\n".join(["FAIL", *(f"  {line}" for line in wrong)])


def remarks(record: Record) -> list[str]:
    """What one should know before one believes a figure, and what two workloads say together."""
    found = []
    if record.machine.load_average > BUSY_BEFORE * record.machine.cores:
        found.append(
            f"the machine was busy before it began: load average {record.machine.load_average:.1f}"
        )
    for target in record.targets:
        found += _behind(record, target)
        none, half = (_late_of(record, name, target.name) for name in ("W7-none", "W7-half"))
        if none and half:
            found.append(f"slow readers, {target.title}: the others' p99 is {half / none:.2f} x")
        busy = sorted({run.workload for run in record.measures if _is_busy(run, target.name)})
        if busy:
            found.append(f"the generator was busy with {target.title} in {', '.join(busy)}")
    return found


def _behind(record: Record, target: Facts) -> Iterator[str]:
    """An open loop goes on whatever the server does: then its latency is that of a queue."""
    for workload in record.workloads:
        got = cell(record, workload, target.name, "messages/s")
        if workload.mode == "open" and got and got.middle < KEPT_UP * workload.rate:
            yield (
                f"{target.title} fell behind in {workload.name}: {shown(got.middle)} messages/s "
                f"of {shown(workload.rate)}"
            )


def _late_of(record: Record, workload: str, target: str) -> float | None:
    got = value("p99 ms", record.runs(workload, target))
    return got.middle if got else None


def _is_busy(run: Measure, target: str) -> bool:
    share = value("generator CPU %", [run])
    return run.target == target and share is not None and share.middle > BUSY


def about(record: Record) -> str:
    """The machine in a few lines."""
    machine, database = record.machine, record.machine.database
    shows = ", ".join(f"{name} {setting}" for name, setting in database.items())
    return "\n".join(
        (
            f"{record.at}, commit {machine.commit}, {machine.python}",
            f"{machine.cpu}, {machine.cores} cores, {machine.memory_gib} GiB; {machine.system}",
            f"{machine.pinning}; rate limits {machine.rate_limits}; "
            f"load average before {machine.load_average:.1f}",
            f"data on {machine.data_file_system}; PostgreSQL: {shows or 'not asked'}",
        )
    )


def _block(record: Record, workload: Workload) -> str:
    measured = [target for target in record.targets if record.runs(workload.name, target.name)]
    if not measured:
        return ""
    head = ["", *workload.figures, "Madang is"]
    rows = [_row(record, workload, target) for target in measured]
    return "\n".join([f"{workload.name}: {workload.about}", *aligned([head, *rows])])


def _row(record: Record, workload: Workload, target: Facts) -> list[str]:
    cells = []
    for figure in workload.figures:
        got = cell(record, workload, target.name, figure)
        cells.append(with_spread(got) if got else "-")
    times = None if target.name == OURS else ahead(record, workload, target.name)
    return [target.title, *cells, f"{times:.2f} x" if times else ""]


def with_spread(got: Value) -> str:
    """The median, and how far the rounds lie apart.

    >>> with_spread(Value(1234.0, 0.05, 3)), with_spread(Value(1.5, 0, 1))
    ('1,234 ±2%', '1.50')
    """
    return shown(got.middle) + (f" ±{got.spread * 50:.0f}%" if got.rounds > 1 else "")


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns side by side; all but the first to the right.

    >>> list(aligned([["", "a"], ["row", "10"]]))
    ['        a', '  row  10']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [
            first.ljust(widths[0]),
            *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True)),
        ]
        yield ("  " + "  ".join(cells)).rstrip()


def markdown(record: Record) -> str:
    """One table: a row a target, a column a workload, Madang's lead in brackets."""
    measured = {(each.workload, each.target) for each in record.measures}
    targets = [each for each in record.targets if each.name in {name for _, name in measured}]
    workloads = [each for each in record.workloads if each.name in {name for name, _ in measured}]
    heads = (f"{each.name}, {each.figures[0]}" for each in workloads)
    lines = [f"| | {' | '.join(heads)} |", "|---|" + "---:|" * len(workloads)]
    for target in targets:
        cells = " | ".join(_brief(record, workload, target) for workload in workloads)
        lines.append(f"| {target.title} | {cells} |")
    rounds = f"{record.rounds} round{'s' if record.rounds > 1 else ''}"
    note = f"In brackets: Madang's lead (above 1 it is ahead); {rounds}."
    notes = [f"- {each.name}: {each.about}" for each in workloads]
    return "\n".join(
        [*lines, "", note, "", *notes, *(f"- {line}" for line in about(record).split("\n"))]
    )


def _brief(record: Record, workload: Workload, target: Facts) -> str:
    got = cell(record, workload, target.name, workload.figures[0])
    if got is None:
        return "-"
    times = None if target.name == OURS else ahead(record, workload, target.name)
    bold = "**" if target.name in {OURS, BASELINE} else ""
    return f"{bold}{shown(got.middle)}{bold}" + (f" ({times:.2f} x)" if times else "")


def put_into(path: Path, table: str) -> None:
    """Replace what is between the marks in the file *path*; raises NoPlace."""
    text = path.read_text("utf-8")
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise NoPlace(f"{path}: there is no {BEGIN} with an {END} after it")
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", "utf-8")
