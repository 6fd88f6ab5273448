// A log of ten thousand messages in the page's own view, without a server: for tests, and for measuring.

async () => {
  const COUNT = 10_000;
  const [{ LogView }, { Room }, { Store }] = await Promise.all(["view_log", "room", "store"].map((name) => import(`/assets/${name}.js`)));
  const text = "가나다 라마바사 아자차카 타파하 ".repeat(12);
  const said = (seq) => ({
    t: "message", room: "r", seq, at: 1_700_000_000_000 + seq * 20_000, sender: `u${Math.floor(seq / 3) % 7}`, kind: "text",
    body: `${seq} ${text.slice(0, (seq * 37) % 180)}`, ...(seq % 9 === 0 && { reactions: { "👍": { count: 2, me: false } } }),
  });
  const store = new Store({ id: "me", name: "나", username: "me" });
  const room = store.addRoom({ id: "r", type: "team", name: "긴 방", mode: "open", me: "me", role: "member", last_seq: COUNT, read_seq: COUNT, unread: 0, mentions: 0 });
  room.startLoading();
  room.newestPage({ events: Array.from({ length: COUNT }, (_, index) => said(index + 1)), upto: COUNT, more: false });
  for (const [shown, id] of [[false, "sign-in"], [true, "chat"], [true, "room"], [false, "nothing-open"]]) document.getElementById(id).hidden = !shown;
  const known = () => ({ room, names: new Set(), me: new Set(["나"]) });
  const log = new LogView({ store, outbox: { of: () => [] }, act: {}, known, moved: () => {}, load: () => {}, loadOlder: async () => false });
  log.show(room);
  log.draw();

  const scroller = document.getElementById("scroller");
  const list = document.getElementById("log");
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));

  globalThis.longLog = {
    /** Scroll back to the message `to`: [rows, nodes] at most in the document, and how many messages were drawn. */
    async back(to, step = 1_000) {
      const seen = new Set();
      let [rows, nodes] = [0, 0];
      while (!seen.has(`${to}`)) {
        scroller.scrollTop -= step;
        await frame();
        for (const { dataset } of list.children) if (dataset.seq) seen.add(dataset.seq);
        rows = Math.max(rows, list.children.length);
        nodes = Math.max(nodes, document.querySelectorAll("*").length);
      }
      return [rows, nodes, seen.size];
    },

    jump: (seq) => log.jump(seq),

    /** Have `count` messages come, one by one, at the end: [elements made, rows at most]. */
    async append(count) {
      let [made, rows] = [0, 0];
      const watch = new MutationObserver((records) => records.forEach(({ addedNodes }) => (made += addedNodes.length)));
      watch.observe(list, { childList: true });
      for (let seq = COUNT + 1; seq <= COUNT + count; seq += 1) {
        room.apply({ ...said(seq), at: 1_700_000_000_000 + COUNT * 20_000 });
        log.draw();
        await frame();
        rows = Math.max(rows, list.children.length);
      }
      watch.disconnect();
      return [made, rows];
    },
  };
}
