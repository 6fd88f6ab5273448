"""What the page knows of a room, whatever comes in whatever order: its own modules, in Chromium."""

from __future__ import annotations

import pytest
from people import OpenWindow
from playwright.sync_api import Page

ROOM = """
const { Room } = await import("/assets/room.js");
const { Loader } = await import("/assets/loader.js");
const { Store } = await import("/assets/store.js");
const { Watch } = await import("/assets/watch.js");
const store = new Store({ id: "me", name: "me", username: "me" });
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
        let now = 99;
        const clocked = new Store({ id: "me", name: "me", username: "me" }, () => now);
        const known = clocked.addRoom({ ...summary, muted: true, muted_until: 100 });
        const before = [clocked.endMutes(), known.muted];
        now = 100;
        const after = [clocked.endMutes(), known.muted, clocked.endMutes()];
        clocked.addRoom({ ...summary, muted: true });
        return [...before, ...after, clocked.endMutes(), known.muted];
        """,
    ) == [False, True, True, False, False, False, True]


def test_only_those_who_show_it_count_as_not_having_read(page: Page) -> None:
    assert run(
        page,
        """
        const shown = (cursors) => (room.setCursors(cursors), room.notRead(3));
        room.setMembers(["me", "she", "he", "it"].map((user) => ({ user })));
        const counts = [shown(undefined), shown({}), shown({ me: 3, she: 1, he: 3 })];
        room.apply(said(4, { sender: "it" })); // who hides it does not show it by speaking
        room.moveCursor("she", 3);
        counts.push(room.notRead(3), room.notRead(4));
        room.merge({ ...summary, crowded: true });
        return [...counts, room.notRead(3)];
        """,
    ) == [0, 0, 1, 0, 2, 0]


def test_a_room_whose_answer_has_no_cursors_counts_nobody(page: Page) -> None:
    assert run(
        page,
        """
        const known = store.addRoom({ ...summary, cursors: { me: 3, she: 0 } });
        const before = known.notRead(3);
        const answer = { members: [{ user: "me" }, { user: "she" }] };
        await new Loader({ store, http: async () => answer }).members(known);
        return [before, known.notRead(3)];
        """,
    ) == [1, 0]


def test_mentions_in_threads_and_in_muted_rooms_are_counted(page: Page) -> None:
    assert run(
        page,
        """
        const known = store.addRoom({ ...summary, mentions: 0, muted: true });
        store.apply(said(4, { room: "r", thread: 1, mentions: ["me"] }));
        store.apply(said(5, { room: "r" }));
        const muted = [known.unread, known.mentions, store.totalUnread()];
        known.muted = false;
        known.readTo(5);
        store.apply(said(6, { room: "r", thread: 1, mentions: ["@all"] }));
        return [...muted, known.unread, known.mentions, store.totalUnread()];
        """,
    ) == [1, 1, 1, 0, 1, 1]


def test_of_many_rooms_that_were_open_only_the_latest_keep_their_log(page: Page) -> None:
    assert run(
        page,
        """
        const ids = Array.from({ length: 22 }, (_, n) => `${n}`);
        const rooms = ids.map((id) => store.addRoom({ ...summary, id }));
        for (const each of [...rooms.slice(0, 20), rooms[0], ...rooms.slice(20)]) {
          store.open(each);
          if (each.hold === "held") continue;
          each.startLoading();
          each.newestPage(page([said(1)], 3));
        }
        return rooms.filter((each) => each.hold === "none").map((each) => each.id);
        """,
    ) == ["1", "2"]


def test_of_a_very_long_log_the_end_is_kept_and_the_rest_is_asked_for_again(page: Page) -> None:
    assert run(
        page,
        """
        room.startLoading();
        room.newestPage(page([said(1)], 3));
        for (let seq = 4; seq <= 11_002; seq += 1) room.apply(said(seq));
        room.trim();
        const before = [room.events.length, room.more];
        room.apply(said(11_003));
        room.trim();
        return [...before, room.events.length, room.more, room.events[0].seq, room.seen];
        """,
    ) == [11_000, False, 10_000, True, 1_004, 11_003]


def test_no_more_people_are_watched_than_the_server_takes(page: Page) -> None:
    assert run(
        page,
        """
        const watched = new Set();
        let most = 0;
        const wire = { tell: ({ watch = [], unwatch = [] }) => {
          for (const user of watch) watched.add(user);
          most = Math.max(most, watched.size);
          for (const user of unwatch) watched.delete(user);
        } };
        const watch = new Watch({ store, wire });
        const direct = (n) => ({ ...summary, id: `r${n}`, type: "direct", peer: `p${n}`, name: "x",
          last_message: said(1, { at: n }) });
        for (let n = 0; n < 700; n += 1) store.addRoom(direct(n));
        watch.renewed();
        const newest = watched.has("p699") && !watched.has("p1") && watched.has("me");
        const members = Array.from({ length: 400 }, (_, n) => ({ user: `m${n}` }));
        room.setMembers(members);
        watch.membersOf(room);
        for (let n = 700; n < 800; n += 1) watch.peersOf([store.addRoom(direct(n))]);
        return [newest, most <= 500, watched.has("p799"), watched.has("m0")];
        """,
    ) == [True, True, True, True]


def test_who_became_a_peer_is_watched_on_and_of_others_nothing_old_is_kept(page: Page) -> None:
    assert run(
        page,
        """
        const watched = new Set();
        const wire = { tell: ({ watch = [], unwatch = [] }) => {
          for (const user of watch) watched.add(user);
          for (const user of unwatch) watched.delete(user);
        } };
        const watch = new Watch({ store, wire });
        room.setMembers([{ user: "a" }, { user: "b" }]);
        watch.membersOf(room);
        watch.peersOf([{ peer: "a" }, { peer: "c" }]);
        room.setMembers([]);
        watch.membersOf(room);
        for (const user of ["a", "c"]) store.apply({ t: "presence", user, state: "online" });
        const before = [...watched].join("");
        watch.peersOf(Array.from({ length: 249 }, (_, n) => ({ peer: `p${n}` })));
        return [before, watched.has("a"), store.presence.has("a"), store.presence.has("c")];
        """,
    ) == ["ac", False, False, True]


def test_a_row_that_goes_leaves_the_focus_to_the_one_beside_it(page: Page) -> None:
    assert run(
        page,
        """
        const { make, reconcile } = await import("/assets/dom.js");
        const list = make("ul");
        document.body.append(list);
        const build = ({ key }) => make("li", {}, make("button", {}, key));
        const show = (...keys) => reconcile(list, keys.map((key) => ({ key, mark: key })), build);
        const held = () => document.activeElement.textContent;
        show("a", "b", "c", "d");
        list.children[1].firstChild.focus();
        show("a", "d");
        const after = held();
        show("a");
        const last = held();
        list.remove();
        return [after, last];
        """,
    ) == ["d", "a"]


def test_a_change_is_sent_until_it_is_answered(page: Page) -> None:
    assert run(
        page,
        """
        const { Edits } = await import("/assets/edits.js");
        const { Refusal } = await import("/assets/session.js");
        let answers = [], kept = [];
        const asked = [], failed = [];
        const ask = async (frame) => {
          asked.push(frame.body);
          const code = answers.shift();
          if (code) throw new Refusal({ code, retry_after_ms: 1 });
        };
        const keep = (frames) => (kept = JSON.stringify(frames));
        const frame = (body) => ({ t: "edit", room: "r", seq: 1, body });
        const refusedLater = (error) => failed.push(error.code);
        const fits = () => true;
        let edits = new Edits({ ask, fits, keep, failed: refusedLater });
        answers = ["network", "network"];
        const told = [await edits.send(frame("a")), await edits.send(frame("b"))];
        edits = new Edits({ ask, fits, keep, failed: refusedLater, saved: JSON.parse(kept) });
        const size = edits.size;
        answers = ["rate_limited"];
        edits.opened();
        await new Promise((done) => setTimeout(done, 50));
        const through = [asked.join(""), edits.size, kept];
        answers = ["gone", "network", "gone"];
        const refused = await edits.send(frame("c")).catch((error) => error.code);
        await edits.send(frame("d"));
        edits.opened();
        await new Promise((done) => setTimeout(done, 50));
        return [...told, size, ...through, refused, failed.join(), edits.size];
        """,
    ) == [False, False, 1, "abbb", 0, "[]", "gone", "gone", 0]


def test_both_languages_have_the_same_words(page: Page) -> None:
    found = page.evaluate(
        """async () => {
          const keys = (words, at = "") => Object.entries(words).flatMap(([key, value]) =>
            typeof value === "object" ? keys(value, `${at}${key}.`) : [`${at}${key}`]);
          const of = async (language) => {
            const names = ["words", "words_more", "words_notifications", "words_console"];
            const parts = names.map((name) => `/assets/${name}_${language}.js`);
            const all = await Promise.all(parts.map((part) => import(part)));
            return all.flatMap((part) => keys(part[language])).sort();
          };
          return [await of("ko"), await of("en")];
        }"""
    )
    assert found[0] == found[1]
    assert len(found[0]) > 200
    assert len(found[0]) == len(set(found[0]))
