// The page at /debug/: asks the other pages once a second, and shows what they say. No file of its own, so
// that the program is all there is.
#pragma once

#include <string_view>

namespace weft::http::detail {

inline constexpr std::string_view debug_page = R"html(<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>weft: what it does</title>
<style>
:root { --edge: #d5d5d5; --soft: #f3f3f3; --text: #222; --ground: #fff; --dim: #666;
  --bar: #9ec5e8 }
@media (prefers-color-scheme: dark) {
  :root { --edge: #3a3a3a; --soft: #262626; --text: #ddd; --ground: #181818; --dim: #999; --bar: #2f5b82 }
}
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.2rem auto; max-width: 72rem; padding: 0 1rem;
  color: var(--text); background: var(--ground) }
header { display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap }
h1 { font-size: 1.2rem; margin: 0 } h2 { font-size: 1rem; margin: 1.4rem 0 .4rem }
nav button, #pause { font: inherit; background: none; border: 0; color: inherit; padding: .1rem .4rem;
  cursor: pointer; border-bottom: 2px solid transparent }
nav button.on { border-color: currentColor } #said { color: var(--dim); margin-left: auto }
table { border-collapse: collapse; min-width: 40% }
th, td { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--edge);
  vertical-align: top; overflow-wrap: anywhere }
th { font-weight: 600 }
td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.cards { display: flex; gap: .7rem; flex-wrap: wrap; margin: 1rem 0 }
.card { background: var(--soft); padding: .4rem .8rem; min-width: 6rem } .card b { display: block;
  font-size: 1.25rem; font-variant-numeric: tabular-nums }
.dim { color: var(--dim) } code, pre { font: 13px/1.45 ui-monospace, monospace }
pre { background: var(--soft); padding: .5rem; overflow: auto; margin: .3rem 0 }
tr.group { cursor: pointer } tr.group:hover { background: var(--soft) }
.bar { background: var(--bar); height: .5rem; margin-top: .45rem; min-width: 1px }
input { font: inherit; padding: .1rem .4rem; background: var(--ground); color: inherit;
  border: 1px solid var(--edge) }
</style>
<header>
<h1>weft</h1>
<nav></nav>
<button id="pause">pause</button>
<span id="said"></span>
</header>
<main></main>
<script>
"use strict";
const main = document.querySelector("main"), nav = document.querySelector("nav");
let paused = false, shown = location.hash.slice(1) || "fibers", open = new Set(), wanted = "";

// Text never becomes markup: elements are made, and given text.
function make(tag, properties = {}, ...children) {
  const e = Object.assign(document.createElement(tag), properties);
  e.append(...children.filter(c => c !== undefined && c !== null));
  return e;
}
const count = n => n === null ? "no limit" : n.toLocaleString("en");
function table(head, rows) {
  const cell = (tag, value) => {
    const counted = typeof value === "number" || value === null;
    return make(tag, {className: counted || /^[\d.]+ (%|KiB|µs|ms|s)$/.test(value) ? "n" : ""},
      value instanceof Node ? value : counted ? count(value) : String(value ?? ""));
  };
  return make("table", {},
    make("tr", {}, ...head.map(([name, numeric]) => make("th", {className: numeric ? "n" : ""}, name))),
    ...rows.map(r => r instanceof Node ? r : make("tr", {}, ...r.map(v => cell("td", v)))));
}
const duration = ns => ns === undefined ? "" : ns < 1e6 ? `${Math.round(ns / 1e3)} µs`
  : ns < 1e9 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e9).toFixed(1)} s`;
const card = (what, n) => make("div", {className: "card"}, make("b", {}, count(n)), what);
async function ask(path) {
  const reply = await fetch(path, {cache: "no-store"});
  if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
  return reply;
}
function filter(change) {
  const box = make("input", {value: wanted, placeholder: "only with this text", type: "search"});
  box.oninput = () => { wanted = box.value; change(); };
  return box;
}

// The box that was typed in has been made anew.
function keep_focus(at) {
  if (at < 0) return;
  const box = main.querySelector("input");
  box.focus();
  box.setSelectionRange(at, at);
}

// --- fibers
const frame_text = f => f.function ? f.function : `${f.module}+${f.offset}`;
// The first frame that is the program's own: weft's waiting functions tell less.
function place_of(frames) {
  const own = frames.find(f => f.function && !/^((void )?weft::detail::|weft_context_)/.test(f.function));
  return own ? own.function : frames.length ? frame_text(frames[0]) : "";
}
function grouped(all) {
  const groups = new Map();
  for (const f of all.fibers) {
    const where = f.stack ?? `${f.file}:${f.line}`, key = [f.phase, f.waits_for, where].join("\n");
    if (!groups.has(key)) groups.set(key, {key, fibers: [], frames: all.stacks[f.stack] ?? []});
    groups.get(key).fibers.push(f);
  }
  return [...groups.values()].sort((a, b) => b.fibers.length - a.fibers.length);
}
function members(g) {
  const most = 50;
  const rows = g.fibers.slice(0, most).map(f => [f.id, f.name, f.worker ?? "none yet",
    `${f.file}:${f.line}`, f.priority, f.stack_class,
    f.stack_resident ? `${f.stack_resident / 1024} KiB` : "", duration(f.run_ns), duration(f.age_ns),
    f.waits_at ?? "", f.awaits ?? ""]);
  return make("div", {}, g.frames.length ? make("pre", {}, g.frames.map(frame_text).join("\n")) : "",
    table([["id", 1], ["name"], ["worker", 1], ["spawned at"], ["priority"], ["stack"], ["used", 1],
      ["ran", 1], ["age", 1], ["waits at"], ["for fiber", 1]], rows),
    g.fibers.length > most ? `and ${count(g.fibers.length - most)} more` : "");
}
function show_fibers(all) {
  const phases = {};
  for (const f of all.fibers) phases[f.phase] = (phases[f.phase] ?? 0) + 1;
  const matches = g => JSON.stringify([g.fibers[0], g.frames]).includes(wanted);
  const groups = grouped(all).filter(g => !wanted || matches(g));
  const most = Math.max(1, ...groups.map(g => g.fibers.length)), rows = [];
  for (const g of groups) {
    const f = g.fibers[0];
    const row = make("tr", {className: "group"},
      make("td", {className: "n"}, count(g.fibers.length),
        make("div", {className: "bar", style: `width: ${6 * g.fibers.length / most}rem`})),
      make("td", {}, f.phase + (f.waits_for ? `: ${f.waits_for}` : "")),
      make("td", {}, make("code", {}, place_of(g.frames) || f.function)),
      make("td", {}, `${f.file.split("/").pop()}:${f.line}`, make("div", {className: "dim"}, f.name)));
    row.onclick = () => { open.has(g.key) ? open.delete(g.key) : open.add(g.key); show_fibers(all); };
    rows.push(row);
    if (open.has(g.key)) rows.push(make("tr", {}, make("td"), make("td", {colSpan: 3}, members(g))));
  }
  const kept = document.activeElement?.type === "search" ? document.activeElement.selectionStart : -1;
  main.replaceChildren(
    make("div", {className: "cards"}, card("fibers", all.fibers.length),
      ...Object.entries(phases).map(([phase, n]) => card(phase, n))),
    make("h2", {}, "Workers"),
    table([["worker", 1], ["fibers", 1], ["state"]], all.workers.map(w => [w.worker, w.fibers,
      w.answered ? "answers" : `kept by fiber ${w.running}`])),
    make("h2", {}, "By what they do ", filter(() => show_fibers(all))),
    table([["fibers", 1], ["state"], ["where"], ["spawned at"]], rows));
  keep_focus(kept);
}

// --- pools
function show_pools({pools}) {
  main.replaceChildren(make("h2", {}, "Pools"), table(
    [["pool"], ["in use", 1], ["idle", 1], ["most so far", 1], ["limit", 1], ["hits", 1], ["misses", 1],
      ["hit rate", 1], ["refused", 1]],
    pools.map(p => [p.name, p.in_use, p.idle, p.high_water, p.limit, p.hits, p.misses,
      p.hits + p.misses ? `${(100 * p.hits / (p.hits + p.misses)).toFixed(1)} %` : "", p.refused])));
}

// --- metrics
// The text format of Prometheus: families with a kind, a help line, and samples.
function families_in(text) {
  const all = new Map();
  const family = name => all.get(name) ?? all.set(name, {name, samples: []}).get(name);
  for (const line of text.split("\n")) {
    const head = line.match(/^# (HELP|TYPE) (\S+) (.*)$/);
    const sample = line.match(/^([^\s{]+)(\{.*\})? (\S+)( -?\d+)?$/);
    if (head) family(head[2])[head[1] === "HELP" ? "help" : "kind"] = head[3];
    else if (sample) {
      const base = sample[1].replace(/_(bucket|sum|count)$/, "");
      family(all.has(sample[1]) ? sample[1] : base).samples.push(
        {name: sample[1], labels: sample[2] ?? "", value: Number(sample[3])});
    }
  }
  return [...all.values()];
}
// The bound of the bucket that a share of all counts is reached in.
function quantile(buckets, share) {
  const most = Math.max(0, ...buckets.map(b => b.value));
  const at = buckets.find(b => b.value >= share * most && most > 0);
  return at ? at.labels.match(/le="([^"]*)"/)[1] : "";
}
let before = {at: 0, values: new Map()};
function show_metrics(text) {
  const now = {at: performance.now(), values: new Map()}, rows = [];
  for (const f of families_in(text)) {
    if (wanted && !JSON.stringify([f.name, f.help, f.samples.map(s => s.labels)]).includes(wanted)) continue;
    const row = (what, value, rate) => rows.push(make("tr", {title: f.help ?? ""}, make("td", {}, what),
      make("td", {className: "n"}, value), make("td", {className: "n"}, rate)));
    if (f.kind === "histogram") {
      const buckets = f.samples.filter(s => s.name.endsWith("_bucket"));
      const shares = [0.5, 0.9, 0.99, 0.999].map(s => `p${100 * s} ≤ ${quantile(buckets, s)}`);
      row(f.name, count(f.samples.find(s => s.name.endsWith("_count"))?.value ?? 0), shares.join(", "));
      continue;
    }
    for (const s of f.samples) {
      const key = s.name + s.labels, last = before.values.get(key);
      now.values.set(key, s.value);
      if (s.value === 0 && !wanted) continue;
      const rate = f.kind === "counter" && last !== undefined
        ? `${count(Math.round((s.value - last) / (now.at - before.at) * 1000))} /s` : "";
      row(key, count(s.value), rate);
    }
  }
  before = now;
  const kept = document.activeElement?.type === "search" ? document.activeElement.selectionStart : -1;
  main.replaceChildren(make("h2", {}, "Metrics ", filter(() => show_metrics(text)),
      make("span", {className: "dim"}, wanted ? "" : " what is 0 is not shown")),
    table([["name"], ["value", 1], ["", 1]], rows));
  keep_focus(kept);
}

// --- stacks
function show_stacks({sites}) {
  main.replaceChildren(make("h2", {}, "Stacks by spawn site"),
    sites.length ? table(
      [["spawned at"], ["function"], ["class"], ["fibers", 1], ["most used", 1], ["p99", 1]],
      sites.map(s => [`${s.file.split("/").pop()}:${s.line}`, make("code", {}, s.function), s.stack_class,
        s.fibers, `${s.bytes_max / 1024} KiB`, `${s.bytes_p99 / 1024} KiB`]))
    : make("p", {}, "Nothing is counted: the runtime was started without options.stack_census."));
}

// --- trace
function show_trace() {
  if (main.querySelector("#seconds")) return;          // it may be recording
  const seconds = make("input", {id: "seconds", type: "number", min: 1, max: 60, value: 2});
  const record = make("button", {}, "record"), done = make("p", {className: "dim"});
  record.onclick = async () => {
    record.disabled = true;
    done.textContent = "recording ...";
    try {
      const reply = await ask(`trace?seconds=${seconds.value}`);
      const link = make("a", {href: URL.createObjectURL(await reply.blob()), download: "weft-trace.json"});
      link.click();
      done.textContent = "Saved: open it at ui.perfetto.dev.";
    } catch (e) {
      done.textContent = String(e.message ?? e);
    }
    record.disabled = false;
  };
  main.replaceChildren(make("h2", {}, "Trace"), make("p", {}, seconds, " seconds ", record), done);
}

const pages = {
  fibers: async () => show_fibers(await (await ask("fibers?format=json")).json()),
  metrics: async () => show_metrics(await (await ask("metrics")).text()),
  stacks: async () => show_stacks(await (await ask("stacks")).json()),
  trace: async () => show_trace(),
  pools: async () => show_pools(await (await ask("pools")).json()),
};
for (const name of Object.keys(pages))
  nav.append(make("button", {onclick: () => { shown = name; location.hash = name; refresh(); }}, name));
pause.onclick = () => { paused = !paused; pause.textContent = paused ? "go on" : "pause"; };
async function refresh() {
  for (const b of nav.children) b.className = b.textContent === shown ? "on" : "";
  const begun = performance.now();
  try {
    await pages[shown]();
    said.textContent = `asked in ${Math.round(performance.now() - begun)} ms`;
  } catch (e) {
    said.textContent = String(e.message ?? e);
  }
}
if (!pages[shown]) shown = "fibers";
refresh();
setInterval(() => { if (!paused && !document.hidden) refresh(); }, 1000);
</script>
</html>
)html";

}  // namespace weft::http::detail
