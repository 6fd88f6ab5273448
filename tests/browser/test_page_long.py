"""Ten thousand messages in one window: of them only some are ever in the document."""

from __future__ import annotations

from pathlib import Path

import pytest
from people import OpenWindow
from playwright.sync_api import Page

MOST_ROWS, MOST_NODES = 200, 4_000

SCRIPT = (Path(__file__).parent / "long_log.js").read_text(encoding="utf-8")


@pytest.fixture
def page(window: OpenWindow) -> Page:
    """A log that holds ten thousand messages, drawn by the page's own modules."""
    page = window()
    page.evaluate(SCRIPT)
    return page


def test_all_of_a_long_log_is_scrolled_through_and_little_of_it_drawn(page: Page) -> None:
    rows, nodes, seen = page.evaluate("longLog.back(9_000)")
    assert seen >= 1_001
    assert rows <= MOST_ROWS
    assert nodes <= MOST_NODES
    page.evaluate("longLog.jump(1_200)")
    rows, nodes, seen = page.evaluate("longLog.back(1)")
    assert seen >= 1_200
    assert rows <= MOST_ROWS
    assert nodes <= MOST_NODES


def test_what_is_added_at_the_end_of_a_long_log_is_drawn_alone(page: Page) -> None:
    made, rows = page.evaluate("longLog.append(200)")
    assert made < 200 * 3  # each, and the one before it, which is no longer the last of its group
    assert rows <= MOST_ROWS
