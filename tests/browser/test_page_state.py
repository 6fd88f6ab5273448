"""What the page knows of a room, whatever comes in whatever order: its own modules, in Chromium."""

from __future__ import annotations

import pytest
from people import OpenWindow
from playwright.sync_api import Page

ROOM = """
const { Room } = await import("/assets/room.js");
const { Loader } = await import("/assets/loader.js");
const summary = { id: "r", me: "me", last_seq: 3, read_seq: 3, unread: 0, type: "team" };
const room = new Room(summary);
const text = { t: "message", sender: "she", kind: "text" };
const said = (seq, more) => ({ ...text, seq, at: seq, body: `${seq}`, ...more });
const page = (events, upto, more = false) => ({ events, upto, more });
const change = (t, seq, of, more) =>
  room.apply({ t, seq, of, at: seq, sender: "she", ...more });
const put = (seq, sender, emoji, on = true) => change("reaction", seq, 1, { sender, emoji, on });
const kinds = () => Object.keys(room.events[0].reactions).join("");
"""


@pytest.fixture
def page(window: OpenWindow) -> Page:
    return window()


def run(page: Page, script: str) -> object:
    return page.evaluate(f"async () => {{ {ROOM} {script} }}")


def test_kinds_of_reactions_stand_first_come_first_as_on_a_fresh_page(page: Page) -> None:
    assert (
        run(
            page,
            """
            room.startLoading();
            room.newestPage(page([said(1)], 3));
            put(4, "a", "👍"); put(5, "b", "❤️"); put(6, "c", "👍"); put(7, "a", "👍", false);
            return kinds();
            """,
        )
        == "❤️👍"
    )


def test_kinds_that_a_page_brought_stand_before_later_ones_while_one_of_theirs_is_left(
    page: Page,
) -> None:
    assert run(
        page,
        """
        room.startLoading();
        room.newestPage(page([said(1, { reactions: { "👍": { count: 1, me: false } } })], 3));
        put(4, "b", "❤️"); put(5, "c", "👍");
        const before = kinds();
        put(6, "a", "👍", false);
        return [before, kinds(), Boolean(room.events[0].unsure)];
        """,
    ) == ["👍❤️", "❤️👍", False]


def test_an_order_that_only_the_server_knows_is_asked_for(page: Page) -> None:
    assert run(
        page,
        """
        const tallies = { "👍": { count: 2, me: false }, "❤️": { count: 1, me: false } };
        room.startLoading();
        room.newestPage(page([said(1, { reactions: tallies })], 3));
        put(4, "a", "👍", false);
        const unsure = room.events[0].unsure;
        const fresh = { "❤️": { count: 1, me: false }, "👍": { count: 1, me: false } };
        const asked = [];
        const wire = { ask: async (frame) => {
          asked.push(frame.before);
          return page([said(1, { reactions: fresh })], 4);
        } };
        await new Loader({ wire }).again(room, 1);
        return [unsure, asked, kinds(), Boolean(room.events[0].unsure)];
        """,
    ) == [True, [2], "❤️👍", False]


def test_a_deletion_stays_although_a_thousand_changes_came_with_an_older_page(page: Page) -> None:
    assert run(
        page,
        """
        room.startLoading();
        room.newestPage(page([said(3)], 3, true));
        let asked = 0;
        const wire = { ask: async () => {
          asked += 1;
          if (asked > 1) return page([said(1), said(2, { body: undefined, deleted: true })], 3_000);
          change("message_deleted", 4, 2);
          for (let seq = 5; seq < 2_000; seq += 1) change("pinned", seq, 3, { on: seq % 2 === 0 });
          return page([said(1), said(2)], 3);
        } };
        const came = await new Loader({ wire }).older(room);
        return [came, asked, room.events.map((event) => event.deleted === true)];
        """,
    ) == [True, 2, [False, True, False]]


def test_a_change_of_the_first_message_does_not_stop_the_older_page(page: Page) -> None:
    assert run(
        page,
        """
        room.startLoading();
        room.newestPage(page([said(3)], 3, true));
        const wire = { ask: async () => {
          change("pinned", 4, 3, { on: true });
          return page([said(1), said(2)], 4);
        } };
        const came = await new Loader({ wire }).older(room);
        return [came, room.events.map((event) => event.seq)];
        """,
    ) == [True, [1, 2, 3]]


def test_who_has_left_keeps_a_name_whether_before_or_while_the_page_is_open(page: Page) -> None:
    assert run(
        page,
        """
        const { Store } = await import("/assets/store.js");
        const store = new Store({ id: "me", name: "me", username: "me" });
        const known = store.addRoom(summary);
        const answer = {
          members: [{ user: "she", name: "Bora", username: "b", role: "member" }],
          former: [{ user: "he", name: "Chul" }, { user: "gone", name: "" }],
        };
        await new Loader({ store, http: async () => answer }).members(known);
        store.apply({ t: "member", room: "r", seq: 4, at: 4, user: "she", change: "left" });
        const names = ["she", "he", "gone"].map((user) => store.nameIn(known, user) ?? null);
        return [known.members.size, ...names];
        """,
    ) == [0, "Bora", "Chul", None]


def test_a_mute_ends_at_its_time_and_one_for_good_does_not(page: Page) -> None:
    assert run(
        page,
        """
        const { Store } = await import("/assets/store.js");
        let now = 99;
        const store = new Store({ id: "me", name: "me", username: "me" }, () => now);
        const known = store.addRoom({ ...summary, muted: true, muted_until: 100 });
        const before = [store.endMutes(), known.muted];
        now = 100;
        const after = [store.endMutes(), known.muted, store.endMutes()];
        store.addRoom({ ...summary, muted: true });
        return [...before, ...after, store.endMutes(), known.muted];
        """,
    ) == [False, True, True, False, False, False, True]


def test_both_languages_have_the_same_words(page: Page) -> None:
    found = page.evaluate(
        """async () => {
          const keys = (words, at = "") => Object.entries(words).flatMap(([key, value]) =>
            typeof value === "object" ? keys(value, `${at}${key}.`) : [`${at}${key}`]);
          const { ko } = await import("/assets/words_ko.js");
          const { en } = await import("/assets/words_en.js");
          return [keys(ko).sort(), keys(en).sort()];
        }"""
    )
    assert found[0] == found[1]
    assert len(found[0]) > 200
