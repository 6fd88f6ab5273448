"""Plots as SVG: bars and curves, without a script, in colours that suit light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import NamedTuple
from xml.sax.saxutils import escape

from bench.figures import shown

COLOURS = ("#0b7285", "#e8590c", "#5f3dc4", "#2b8a3e", "#c2255c", "#1864ab", "#868e96", "#a61e4d")
WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 16, 44
BAR, LABEL = 24, 210


class Curve(NamedTuple):
    """A line and its name."""

    name: str
    points: Sequence[tuple[float, float]]


class Axis(NamedTuple):
    """From *low* to *high*, by its logarithm where *logarithmic*, over *length* from *start*."""

    low: float
    high: float
    start: float
    length: float
    logarithmic: bool

    def at(self, value: float) -> float:
        """Where *value* lies."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = log10(low), log10(high), log10(max(value, low))
        return self.start + self.length * (value - low) / (high - low)


def bars(rows: Sequence[tuple[str, float]]) -> str:
    """A bar a row, the longest over the whole width."""
    longest = max((value for _, value in rows), default=0) or 1
    parts = []
    for n, (name, value) in enumerate(rows):
        y, width = n * BAR, (WIDTH - LABEL - 110) * value / longest
        parts += [
            text(LABEL - 8, y + 16, name, anchor="end"),
            f'<rect x="{LABEL}" y="{y + 4}" width="{max(1, width):.1f}" height="{BAR - 8}" '
            f'fill="{COLOURS[0] if name.startswith("Madang") else COLOURS[6]}"/>',
            text(LABEL + width + 6, y + 16, shown(value)),
        ]
    return picture(parts, len(rows) * BAR)


def curves(
    lines: Sequence[Curve],
    *,
    across: str,
    up: str,
    ticks: Sequence[tuple[float, str]],
    logarithmic_x: bool = False,
    from_zero: bool = False,
) -> str:
    """Lines over one pair of axes; *ticks* are the values across, with their names."""
    values = [y for line in lines for _, y in line.points if y > 0]
    if not values:
        return ""
    x = Axis(ticks[0][0], ticks[-1][0], LEFT, WIDTH - LEFT - RIGHT, logarithmic_x)
    low, high = (0.0, max(values) * 1.1) if from_zero else decades(min(values), max(values))
    y = Axis(low, high, HEIGHT - BOTTOM, TOP + BOTTOM - HEIGHT, logarithmic=not from_zero)
    parts = [*_grid(x, y, ticks, across, up)]
    for n, line in enumerate(lines):
        parts += _line(line, x, y, n)
    return picture(parts, HEIGHT)


def _line(line: Curve, x: Axis, y: Axis, n: int) -> list[str]:
    colour, at = COLOURS[n % len(COLOURS)], TOP + 14 + 18 * n
    points = " ".join(f"{x.at(px):.1f},{y.at(py):.1f}" for px, py in line.points)
    return [
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *(
            f'<circle cx="{x.at(px):.1f}" cy="{y.at(py):.1f}" r="2" fill="{colour}"/>'
            for px, py in line.points[:: max(1, len(line.points) // 8)]
        ),
        f'<rect x="{WIDTH - RIGHT + 14}" y="{at - 9}" width="10" height="10" fill="{colour}"/>',
        text(WIDTH - RIGHT + 30, at, line.name),
    ]


def _grid(x: Axis, y: Axis, ticks: Sequence[tuple[float, str]], across: str, up: str) -> list[str]:
    parts = []
    for value, name in ticks:
        parts += [rule(x.at(value), TOP, x.at(value), HEIGHT - BOTTOM)]
        parts += [text(x.at(value), HEIGHT - BOTTOM + 16, name, anchor="middle")]
    for value in steps(y):
        parts += [rule(LEFT, y.at(value), WIDTH - RIGHT, y.at(value))]
        parts += [text(LEFT - 6, y.at(value) + 4, shown(value), anchor="end")]
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    return [*parts, text(middle, HEIGHT - 8, across, anchor="middle"), text(LEFT + 6, TOP + 10, up)]


def steps(axis: Axis) -> list[float]:
    """The values that get a line: powers of ten, or four even ones."""
    if axis.logarithmic:
        return [10.0**n for n in range(round(log10(axis.low)), round(log10(axis.high)) + 1)]
    return [axis.low + (axis.high - axis.low) * n / 4 for n in range(5)]


def decades(low: float, high: float) -> tuple[float, float]:
    """The powers of ten around both.

    >>> decades(0.3, 20)
    (0.1, 100.0)
    """
    first, last = floor(log10(low)), ceil(log10(high))
    return 10.0**first, 10.0 ** max(last, first + 1)


def rule(x1: float, y1: float, x2: float, y2: float) -> str:
    """A thin line."""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="#8884"/>'


def text(x: float, y: float, words: str, anchor: str = "start") -> str:
    """Words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def picture(parts: Sequence[str], height: float) -> str:
    """The whole, as high as needed; it can stand in a page or be a file."""
    style = 'font-family="system-ui, sans-serif" font-size="12" fill="#868e96"'
    view = f'viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" role="img"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {view} {style}>{"".join(parts)}</svg>'
