"""What one said and changed, whatever is refused and whenever: modules of the page, in Chromium."""

from __future__ import annotations

import pytest
from people import OpenWindow, SignUp, write
from playwright.sync_api import Page, expect

WORLD = """
const { Edits } = await import("/assets/edits.js");
const { Refusal } = await import("/assets/session.js");
const { openEdits, Sending } = await import("/assets/sending.js");
const { Wire } = await import("/assets/wire.js");
const { Composer } = await import("/assets/view_composer.js");
const { Drafts } = await import("/assets/drafts.js");
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
        const fits = () => true;
        const edits = new Edits({{ ask, fits, keep: () => {{}}, failed: () => {{}}, saved }});
        edits.opened();
        const stored = edits.send(change("new"));
        refuse(new Refusal({{ code: "{code}", retry_after_ms: 1 }}));
        await stored;
        await soon();
        return [...asked, edits.size];
        """,
    )
    assert asked == ["old", "new", 0]


def test_a_change_is_measured_as_it_is_sent_and_dropped_where_it_can_never_go(page: Page) -> None:
    asked = run(
        page,
        """
        const asked = [], failed = [];
        const wire = new Wire({ onState: () => {} });
        wire.ask = async (frame) => void asked.push(frame.body);
        const room = { id: "r" };
        const edits = openEdits("test", { wire, failed: (error) => failed.push(error.code) });
        const sending = new Sending({ wire, edits });
        const around = JSON.stringify(change("")).length;
        const longest = "x".repeat(65_536 - around);
        const frame = change(longest);
        const alone = wire.fits(frame);
        const taken = sending.change(room, 1, longest);
        const rid = `,"rid":${Number.MAX_SAFE_INTEGER}`.length;
        const shorter = await sending.change(room, 1, longest.slice(rid));
        sessionStorage.setItem("test", JSON.stringify([frame]));
        const kept = openEdits("test", { wire, failed: (error) => failed.push(error.code) });
        kept.opened();
        await soon();
        return [alone, taken, shorter, asked.length, failed.join(), kept.size];
        """,
    )
    assert asked == [True, False, True, 1, "too_large", 0]


def test_a_save_that_ends_late_leaves_what_is_written_by_then(page: Page) -> None:
    found = run(
        page,
        """
        const root = document.getElementById("writing");
        const field = document.getElementById("body");
        const drafts = new Drafts("drafts");
        let end;
        const saving = () => new Promise((done) => (end = () => (done(true), soon(0))));
        const nothing = () => {};
        const parts = { root, drop: root, drafts, change: saving, typing: nothing, leave: nothing };
        const composer = new Composer(parts);
        const [here, there] = [{ id: "here" }, { id: "there" }];
        const put = (text) => {
          field.value = text;
          field.oninput();
        };
        const save = () => {
          composer.rewrite({ seq: 1, body: "before" });
          put("after");
          document.getElementById("send").onclick();
        };
        const found = [];
        composer.show(here);
        put("draft");
        save();
        composer.show(there);
        await end();
        found.push(drafts.get("here").body); // the edit is over
        composer.show(here);
        save();
        field.onkeydown(new KeyboardEvent("keydown", { key: "Escape" }));
        put("newer");
        composer.show(there);
        await end();
        found.push(drafts.get("here").body);
        composer.show(here);
        save();
        put("after all");
        composer.show(there);
        await end();
        found.push(drafts.get("here").body, Boolean(drafts.get("here").edit));
        composer.show(null);
        return found;
        """,
    )
    assert found == ["draft", "newer", "after all", True]


def test_what_is_said_is_said_once_though_the_window_can_keep_nothing_more(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    page = window(minji, minji.room("가득"))
    page.evaluate(
        """() => {
          for (let [size, n] = [2 ** 22, 0]; size >= 1; size /= 2) {
            try {
              for (;;) sessionStorage.setItem(`full ${n++}`, "x".repeat(size));
            } catch {
              // as much as that does not fit any more
            }
          }
        }"""
    )
    for body in ("하나", "둘"):
        write(page, body)
        expect(page.locator("#body")).to_have_value("")
    expect(page.locator(".mine.stored .bubble")).to_have_text(["하나", "둘"])


def test_an_answer_that_could_not_go_is_written_anew_though_its_question_is_not_held(
    window: OpenWindow, person: SignUp
) -> None:
    minji = person("민지")
    room = minji.room("길다")
    minji.flood(room, 80)
    page = window(minji, room)
    text = "어제 그 말에 대해서"
    entry = {"room": room, "id": "x", "body": text, "reply_to": 1, "at": 1}
    page.evaluate(
        "([name, kept]) => sessionStorage.setItem(name, JSON.stringify(kept))",
        [f"madang.outbox.{minji.id}", [{**entry, "state": "failed", "code": "too_large"}]],
    )
    page.reload()
    page.locator(".message.failed [data-edit]").click()
    expect(page.locator("#body")).to_have_value(text)
    page.reload()
    expect(page.locator("#body")).to_have_value(text)
    page.press("#body", "Enter")
    expect(page.locator(".mine.stored .quote")).to_have_count(1)
