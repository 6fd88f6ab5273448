// All jobs, newest first, and how far each is.

import { dateTime } from "./calendar.js";
import { Job, STATES } from "./campaign_job.js";
import { icon, make } from "./dom.js";
import { labelled } from "./fields.js";
import { aboutOf, JobBar, nameOf, whoIs } from "./job_bar.js";
import { pagedList } from "./view_pages.js";
import { words } from "./words.js";

/** {node, title, live}; `live` as of Live. */
export function jobsView({ calls, live, me }) {
  const rows = new Map(); // job -> its row
  const choices = ["", ...STATES].map((status) => make("option", { value: status }, status ? words.jobStates[status] : words.allStates));
  const chosen = make("select", {}, ...choices);
  const fits = ({ status }) => !chosen.value || chosen.value === status;
  const load = async (after) => {
    const page = await calls.jobs(chosen.value, after);
    if (after === undefined) rows.clear();
    setTimeout(() => live.follow()); // when the rows are there
    return { ...page, items: page.items.filter(({ jobId }) => !rows.has(jobId)) };
  };
  const partsOf = (now) => {
    const row = new Row(now, me);
    rows.set(now.jobId, row);
    return [row.node];
  };
  const list = pagedList({ label: words.jobs, load, partsOf, empty: () => (chosen.value ? words.noSuchJobs : words.noJobs), picture: "send" });
  chosen.onchange = list.restart;
  const renew = async () => {
    const { items } = await calls.jobs(chosen.value);
    for (const now of items.reverse()) {
      const row = rows.get(now.jobId);
      if (row) row.become(now);
      else if (fits(now)) list.add(now);
    }
  };
  const told = (frame) => {
    if (rows.get(frame.job)?.told(frame)) renew().catch(() => {}).then(() => live.follow());
  };
  const active = () => [...rows.values()].filter(({ job }) => !job.isOver).map(({ job }) => job.now.jobId);
  const begin = make("a", { href: "#/new", class: "button primary" }, icon("plus"), words.newCampaign);
  const node = make("section", {}, make("div", { class: "bar" }, labelled(words.filterState, chosen), begin), list.node);
  return { node, title: words.jobs, live: { active, told, renew } };
}

class Row {
  constructor(now, me) {
    this.job = new Job(now);
    this.bar = new JobBar(this.job);
    const { jobId, createdAt, createdBy } = now;
    this.node = make("article", { class: "card job", data: { job: jobId } },
      make("div", { class: "head" }, make("a", { href: `#/job/${jobId}`, dir: "auto" }, nameOf(now)), this.bar.state),
      make("p", { class: "hint" }, `${aboutOf(now)} · ${whoIs(createdBy, me)} · ${dateTime(Date.parse(createdAt))}`), this.bar.bar, this.bar.figures);
  }

  become(now) {
    this.job.become(now);
    this.bar.draw();
  }

  told(frame) {
    const changed = this.job.told(frame);
    this.bar.draw();
    return changed;
  }
}
