"""The little markup, by its golden vectors and against hostile bodies."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import protocol
from protocol.markup import spans_of

VECTORS = Path(protocol.__file__).parent / "vectors" / "markup.json"
HOSTILE = [
    "*",
    "_",
    "`",
    "```",
    "*_",
    "_*",
    " *a",
    "*a ",
    "> ",
    "> \n",
    "\n",
    "http://",
    "http://.",
    "`a",
    "a*",
]


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text(encoding="utf-8")))
def test_a_body_has_the_spans_that_are_written_down(vector: dict[str, Any]) -> None:
    assert msgspec.to_builtins(spans_of(vector["body"])) == vector["spans"]


@given(st.text(alphabet="*_`> \nab/:htps.가", max_size=60))
def test_nothing_is_made_up_and_links_say_where_they_go(body: str) -> None:
    spans = spans_of(body)
    assert all(span.text for span in spans)
    left = iter(body)
    assert all(char in left for span in spans for char in span.text), "in the order of the body"
    for span in spans:
        assert span.href is None or (span.href == span.text.strip() and "://" in span.href)
    plain = sum(len(span.text) for span in spans)
    assert sum(map(body.count, "ab가")) <= plain <= len(body)


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear_in_the_length(piece: str) -> None:
    def seconds(length: int) -> float:
        body, times = piece * (length // len(piece)), []
        for _ in range(3):
            start = time.process_time()
            spans_of(body)
            times.append(time.process_time() - start)
        return min(times)

    # Eight times as long: 8 where it is linear, 64 where it is quadratic.
    assert seconds(256_000) < 25 * max(seconds(32_000), 0.001)
