// The reader's own networks, from the address or a CSV: their place on the chart, and what is near.
//
// `mine=NAME,MACS,PARAMS,TOP1` in the fragment, once for each; what is not known stays empty.

const MOST_OF_MINE = 20;
const MOST_BYTES = 1e6;
const A_TENTH = 0.1; // costs within it are about the same
const SUFFIXES = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

// "4.1G", "4.1e9" or "4100000000"; null for what is no number above zero.
function quantity(text) {
  const [, number, suffix] = /^\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([kmgt]?)\s*$/i.exec(text ?? "") ?? [];
  const value = Number(number) * SUFFIXES[suffix?.toLowerCase()];
  return value > 0 && Number.isFinite(value) ? value : null;
}

function ownNetwork([name, macs, params, top1]) {
  const found = { name: name?.trim() || "mine", macs: quantity(macs), params: quantity(params), top1: quantity(top1) };
  if (!found.macs || found.top1 > 100) return null;
  return { ...found, label: found.name, flops: 2 * found.macs, density: found.params && found.top1 ? found.top1 / (found.params * DATA.metrics.params.scale) : null };
}

// A name may have commas of its own.
function mineOf(text) {
  const parts = text.split(",");
  const numbers = parts.length > 3 ? parts.splice(-3) : parts.splice(1);
  return ownNetwork([parts.join(","), ...numbers]);
}

const mineText = ({ name, macs, params, top1 }) => [name, macs, params ?? "", top1 ?? ""].join(",");

// Rows of a CSV, whose quoted values may hold commas, quotes and line ends.
function csvRows(text) {
  const rows = [[]];
  for (const [, quotedValue, bare, end] of text.replace(/^\ufeff/, "").matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    rows.at(-1).push(quotedValue?.replaceAll('""', '"') ?? bare);
    if (end !== ",") rows.push([]);
  }
  return rows.filter((row) => row.some(Boolean));
}

// The networks of a CSV with the columns of `opbench count --format csv`; a sentence if there are none.
function mineFromCsv(text) {
  const [head = [], ...rows] = csvRows(text);
  const at = ["name", "macs", "params", "top1"].map((column) => head.findIndex((title) => title.trim().toLowerCase() === column));
  if (at[1] < 0) return "The file has no column macs: opbench count --format csv writes one.";
  const found = rows.map((row) => ownNetwork(at.map((place) => row[place]))).filter(Boolean);
  return found.length ? found.slice(0, MOST_OF_MINE) : "No row of the file has MACs above zero.";
}

const comparable = () => selection().filter((point) => contends(point) && known(point.top1) && point.macs > 0);

// How far costs are apart, in powers: of MACs, and of parameters where both are known.
const costDistance = (mine, point) =>
  Math.hypot(Math.log(point.macs / mine.macs), mine.params && point.params ? Math.log(point.params / mine.params) : 0);

const nearestTo = (mine, points) => [...points].sort((a, b) => costDistance(mine, a) - costDistance(mine, b)).slice(0, 5);

const strongerThan = (mine, points) => points
  .filter((point) => Math.abs(point.macs - mine.macs) <= A_TENTH * mine.macs && point.top1 > (mine.top1 ?? 0))
  .sort((a, b) => b.top1 - a.top1 || a.macs - b.macs).slice(0, 5);

const inBrief = (points) => points.flatMap((point, i) => [i ? ", " : "", pickButton(point),
  ` (${withUnit("top1", point.top1)}, ${withUnit("macs", point.macs)}, ${withUnit("params", point.params)}; `, link(isOfLibrary(point) ? statedBy(point) : shortSource(point.source ?? "no source"), point.source_url), ")"]);

function mineBox(mine, points) {
  const better = strongerThan(mine, points);
  const costs = [withUnit("macs", mine.macs), mine.params ? `${scaled("params", mine.params)} million parameters` : "", mine.top1 ? withUnit("top1", mine.top1) : "accuracy not given"];
  return el("div", { class: "own" },
    el("p", {}, el("strong", {}, mine.label), `: ${costs.filter(Boolean).join(", ")}, as you say. `, el("button", { type: "button", class: "quiet", "data-forget": mineText(mine) }, "remove")),
    el("p", {}, el("span", { class: "small" }, "Nearest in cost: "), ...inBrief(nearestTo(mine, points)), "."),
    el("p", {}, el("span", { class: "small" }, mine.top1 ? "More accurate within a tenth of its MACs: " : "Most accurate within a tenth of its MACs: "), ...(better.length ? inBrief(better) : ["none of those selected"]), "."));
}

let refusal = "";

function showMine() {
  const points = state.data === "imagenet" ? comparable() : [];
  byId("mine-list").replaceChildren(
    refusal ? el("p", { class: "no" }, refusal) : "",
    ...(points.length ? state.mine.map((mine) => mineBox(mine, points)) : []),
    state.mine.length && !points.length ? el("p", { class: "small" }, "None of the networks selected has an accuracy on ImageNet to compare with.") : "");
  if (state.mine.length || refusal) byId("mine").open = true;
}

// Stars at the reader's networks, where both numbers are known.
function mineTrace() {
  const there = state.mine.filter((mine) => state.data === "imagenet" && known(mine[state.x]) && known(mine[state.y]));
  return {
    type: "scatter", mode: "markers+text", name: "yours", cliponaxis: false,
    x: there.map((mine) => mine[state.x] * DATA.metrics[state.x].scale), y: there.map((mine) => mine[state.y] * DATA.metrics[state.y].scale),
    text: there.map((mine) => `<b>${plotlyText(mine.label)}</b>`), textposition: "top center",
    hovertemplate: "%{text}, yours<extra></extra>",
    marker: { symbol: "star", size: 17, color: css("--accent"), line: { color: css("--paper"), width: 1.5 } },
    textfont: { color: css("--accent"), size: 13 },
  };
}

function listenToMine(changed) {
  const take = (found) => {
    refusal = typeof found === "string" ? found : "";
    if (!refusal) state.mine = [...state.mine, ...found].slice(-MOST_OF_MINE);
    changed();
  };
  const read = async (file) => file && take(file.size > MOST_BYTES ? "The file is larger than 1 MB." : mineFromCsv(await file.text()));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => { event.preventDefault(); read(event.dataTransfer.files[0]); });
  byId("mine-file").addEventListener("change", (event) => { read(event.target.files[0]); });
  byId("mine-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const own = mineOf(byId("mine-text").value);
    if (own) byId("mine-text").value = "";
    take(own ? [own] : "Write a name and its MACs at least: my network, 4.1G, 25.6M, 76.1");
  });
  byId("mine-list").addEventListener("click", (event) => {
    const { forget } = event.target.dataset;
    if (forget === undefined) return;
    state.mine = state.mine.filter((mine) => mineText(mine) !== forget);
    changed();
  });
}
