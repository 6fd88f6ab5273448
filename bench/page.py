"""The result as one HTML file: verdict, machine, a table and plots for each workload, growth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from xml.sax.saxutils import escape

import msgspec

from bench.drawn import growth, latency, speed
from bench.figures import COSTS
from bench.record import Record
from bench.tables import OURS, about, ahead, cell, remarks, verdict, with_spread
from bench.targets import Facts
from bench.workloads import Workload

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; }
td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #8884; }
td:first-child, th:first-child { text-align: left; }
svg { max-width: 100%; height: auto; display: block; margin: .5rem 0; }
.FAIL { color: #e03131; font-weight: bold; } .ok { color: #2f9e44; font-weight: bold; }
pre { overflow: auto; }
"""


def page(record: Record) -> str:
    """Well-formed, and complete without anything else."""
    word = verdict(record)
    body = [
        "<h1>Madang: measured</h1>",
        f'<p class="{"FAIL" if word.startswith("FAIL") else "ok"}">{_lines(word)}</p>',
        f"<p>{_lines(about(record))}</p>",
        *(f"<h2>{escape(title)}</h2>{plot}" for title, plot in growth(record)),
        *(part for workload in record.workloads for part in _workload(record, workload)),
        *(f"<p>{escape(line)}</p>" for line in remarks(record)),
        *_skipped(record),
        "<h2>Machine</h2>",
        f"<pre>{escape(_facts(record))}</pre>",
    ]
    head = f'<meta charset="utf-8"/><title>Madang: measured</title><style>{STYLE}</style>'
    inside = "\n".join(body)
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>{inside}</body></html>\n'


def _workload(record: Record, workload: Workload) -> Iterator[str]:
    measured = [target for target in record.targets if record.runs(workload.name, target.name)]
    if not measured:
        return
    yield f"<h2>{escape(workload.name)}</h2><p>{escape(workload.about)}</p>"
    rows = []
    for target in measured:
        times = None if target.name == OURS else ahead(record, workload, target.name)
        lead = f"{times:.2f} x" if times else ""
        rows.append([*_cells(record, workload, target, workload.figures), lead])
    yield table(["", *workload.figures, "Madang is"], rows)
    costs = [_cells(record, workload, target, COSTS) for target in measured]
    yield f"<details><summary>Latency and cost</summary>{table(['', *COSTS], costs)}</details>"
    if workload.growth is None:
        yield speed(record, workload)
        yield latency(record, workload)


def _cells(record: Record, workload: Workload, target: Facts, figures: Sequence[str]) -> list[str]:
    got = (cell(record, workload, target.name, figure) for figure in figures)
    return [target.title, *(with_spread(each) if each else "-" for each in got)]


def _skipped(record: Record) -> Iterator[str]:
    if record.skipped:
        yield "<h2>Not measured</h2>"
        rows = [[each.workload, each.target, each.reason] for each in record.skipped]
        yield table(["workload", "server", "why"], rows)


def _facts(record: Record) -> str:
    """The machine and the versions of the targets, as they are kept."""
    facts = msgspec.to_builtins({"machine": record.machine, "targets": record.targets})
    return msgspec.json.format(msgspec.json.encode(facts)).decode()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Of text."""
    tops = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = ("<tr>" + "".join(f"<td>{escape(each)}</td>" for each in row) + "</tr>" for row in rows)
    return f"<table><tr>{tops}</tr>{''.join(lines)}</table>"


def _lines(text: str) -> str:
    return "<br/>".join(escape(line) for line in text.split("\n"))
