"""What one said and changed, whatever is refused and whenever it is: the page's modules, in Chromium."""

from __future__ import annotations

import pytest
from people import OpenWindow
from playwright.sync_api import Page

WORLD = """
const { Edits } = await import("/assets/edits.js");
const { Refusal } = await import("/assets/session.js");
const { openEdits, Sending } = await import("/assets/sending.js");
const { Wire } = await import("/assets/wire.js");
const soon = (time = 50) => new Promise((done) => setTimeout(done, time));
const change = (body) => ({ t: "edit", room: "r", seq: 1, body });
"""


@pytest.fixture
def page(window: OpenWindow) -> Page:
    return window()


def run(page: Page, script: str) -> object:
    return page.evaluate(f"async () => {{ {WORLD} {script} }}")


@pytest.mark.parametrize("code", ["rate_limited", "unavailable", "internal"])
def test_an_older_change_that_is_to_be_tried_again_leaves_the_newer_one(
    page: Page, code: str
) -> None:
    asked = run(
        page,
        f"""
        const asked = [];
        let refuse;
        const ask = (frame) => new Promise((resolve, reject) => {{
          asked.push(frame.body);
          if (asked.length === 1) refuse = reject;
          else resolve();
        }});
        const saved = [change("old")];
        const edits = new Edits({{ ask, keep: () => {{}}, failed: () => {{}}, saved }});
        edits.opened();
        const stored = edits.send(change("new"));
        refuse(new Refusal({{ code: "{code}", retry_after_ms: 1 }}));
        await stored;
        await soon();
        return [...asked, edits.size];
        """,
    )
    assert asked == ["old", "new", 0]
