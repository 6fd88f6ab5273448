// What admins of the server see: reports of messages, who blocked whom, orders to reveal somebody, and how broadcasts do.

import { dateTime } from "./calendar.js";
import { openDialog } from "./dialog.js";
import { make } from "./dom.js";
import { labelled, tabs } from "./fields.js";
import { accountsView } from "./view_accounts.js";
import { broadcastsView } from "./view_explain.js";
import { fillFiles } from "./view_files.js";
import { pagedList } from "./view_pages.js";
import { words } from "./words.js";

/** `chat` has calls, links and user. */
export function showAdmin({ calls, links, user }) {
  const { body, dialog, say } = openDialog(words.admin, { id: "admin" });
  dialog.classList.add("wide");
  const place = make("div", {});
  const views = { reports: () => reports(calls, links, say), people: () => accountsView(calls, say), blocks: () => blockLog(calls), reveals: () => reveals(calls, user, say), broadcasts: () => broadcastsView(calls.http) };
  const show = (name) => {
    say();
    place.replaceChildren(views[name]());
  };
  body.append(tabs("view", words.admin, words.adminViews, "reports", show), place, make("a", { href: "/admin" }, words.campaigns));
  show("reports");
}

function reports(calls, links, say) {
  let status = "open";
  const list = pagedList({
    label: words.adminViews.reports,
    load: (after) => calls.reports(status, after),
    partsOf: (report) => [reportOf(report, links, (change) => calls.changeReport(report.id, change).then(list.restart, say))],
  });
  const choose = (value) => {
    status = value;
    list.restart();
  };
  return make("section", {}, tabs("status", words.adminViews.reports, words.reportStatus, status, choose), list.node);
}

function reportOf({ reason, note, at, room, seq, reporter, message, status, resolution }, links, change) {
  const open = status === "open";
  const files = make("div", { class: "files" });
  if (open && message.files) fillFiles(files, message.files, { links, pictures: () => [], tabIndex: 0 }); // they can be had until it is closed
  const done = make("input", { "aria-label": words.resolution, placeholder: words.resolution, maxLength: 1000, hidden: !open });
  const act = () => change(open ? { status: "closed", resolution: done.value.trim() || undefined } : { status: "open" });
  return make("div", { class: "card" },
    make("p", {}, make("strong", {}, words.reasons[reason]), make("small", {}, ` ${dateTime(at)} · ${room} #${seq}`)),
    make("blockquote", { dir: "auto" }, message.body ?? words.erased), files,
    make("p", { class: "hint" }, words.reportedBy(reporter, message.sender), note && ` · ${note}`, resolution && ` · ${resolution}`),
    make("div", { class: "verbs" }, done, make("button", { type: "button", class: "plain small", onclick: act }, open ? words.closeReport : words.reopenReport)));
}

function blockLog(calls) {
  const place = make("div", {});
  const field = make("input", { type: "search", required: true, maxLength: 64, autocomplete: "off" });
  const form = make("form", {}, labelled(words.whoseBlocks, field));
  form.onsubmit = (event) => {
    event.preventDefault();
    const user = field.value.trim();
    place.replaceChildren(pagedList({
      label: words.adminViews.blocks,
      load: (after) => calls.blockLog(user, after),
      partsOf: (entry) => [make("span", { class: "what" }, make("strong", {}, words.blockEntry(entry)), make("small", {}, dateTime(entry.at)))],
    }).node);
  };
  return make("section", {}, form, place);
}

function reveals(calls, user, say) {
  const list = pagedList({
    label: words.adminViews.reveals,
    load: () => calls.revealOrders(),
    partsOf: (order) => [orderOf(order, user, () => calls.approveReveal(order.id).then(list.restart, say))],
  });
  const field = (name, text) => labelled(text, make("input", { name, required: true, maxLength: name === "reason" ? 1000 : 64, autocomplete: "off" }));
  const form = make("form", {}, make("p", { class: "hint" }, words.aboutOrders), field("room", words.roomId), field("name", words.pseudonym), field("reason", words.orderReason),
    make("div", { class: "verbs" }, make("button", { class: "primary small" }, words.orderReveal)));
  form.onsubmit = async (event) => {
    event.preventDefault();
    say();
    const { room, name, reason } = form.elements;
    try {
      await calls.orderReveal(room.value.trim(), { name: name.value.trim(), reason: reason.value.trim() });
      form.reset();
      list.restart();
    } catch (error) {
      say(error);
    }
  };
  return make("section", {}, form, list.node);
}

function orderOf({ room, name, reason, asked_by: askedBy, asked_at: at, approved_by: approvedBy, person }, user, approve) {
  const waits = !approvedBy && askedBy !== user.username;
  return make("div", { class: "card" },
    make("p", {}, make("strong", {}, name), make("small", {}, ` ${dateTime(at)} · ${room}`)),
    make("p", { dir: "auto" }, reason),
    person ? make("p", { class: "reveal" }, `${person.name || person.username} (@${person.username})`) : make("p", { class: "hint" }, words.waitsForSecond),
    waits ? make("div", { class: "verbs" }, make("button", { type: "button", class: "plain small", onclick: approve }, words.approve)) : undefined);
}
