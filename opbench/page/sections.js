// Figures, claims and provenance: they do not change with the selection.

async function drawn(packed) {
  const svg = new DOMParser().parseFromString(await unpacked(packed), "image/svg+xml");
  return document.importNode(svg.documentElement, true);
}

// Draws each figure once, by its name.
const figureDrawers = new Map();

function figure({ name, description, packed }, open) {
  const inside = el("figure", { class: "drawn" });
  const box = el("details", { id: `figure-${name}` }, el("summary", {}, el("b", {}, name), " ", description), inside);
  let done = null;
  const fill = async () => {
    const svg = await drawn(packed);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", description);
    inside.replaceChildren(svg);
  };
  figureDrawers.set(name, () => (done ??= fill()));
  box.addEventListener("toggle", () => box.open && figureDrawers.get(name)());
  box.open = open;
  return box;
}

// On paper everything is open.  Figures are drawn while the page is idle: printing waits for nothing.
function listenToPrint() {
  let closed = [];
  let columns = state.cols;
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("main details:not([open])")];
    for (const box of closed) box.open = true;
    columns = state.cols;
    state.cols = "1";
    printing = true;
    showTable(selection(), changed);
  });
  addEventListener("afterprint", () => {
    for (const box of closed) box.open = false;
    state.cols = columns;
    printing = false;
    showTable(selection(), changed);
  });
}

async function drawFigures() {
  for (const draw of figureDrawers.values()) {
    await new Promise((idle) => (globalThis.requestIdleCallback ?? setTimeout)(idle));
    await draw();
  }
}

function showFigures() {
  const there = DATA.figures.filter((each) => each.packed);
  const missing = DATA.figures.filter((each) => each.missing);
  const reasons = new Map();
  for (const { name, missing: why } of missing) reasons.set(why, [...(reasons.get(why) ?? []), name]);
  byId("figures").replaceChildren(
    ...there.map((each) => figure(each, each.name === "accuracy-vs-ops")),
    ...[...reasons].map(([why, names]) => el("p", { class: "note" }, `Not drawn: ${names.join(", ")}. `, ...withCode(`${sentence(why)}.`))),
    DATA.figures.length ? "" : el("p", { class: "note" }, "Not included: ", el("code", {}, "opbench report"), " without --no-figures includes them."));
}

const VERDICTS = { holds: "yes", "does not hold": "no", "cannot tell": "open" };

function showClaims() {
  const count = (verdict) => DATA.claims.filter((claim) => claim.verdict === verdict).length;
  byId("tally").textContent = `Of ${DATA.claims.length} statements of the article, the paper and the works they draw on, `
    + `${Object.keys(VERDICTS).map((verdict) => `${count(verdict)} ${verdict}`).join(", ").replace(" holds", " hold").replace("does not hold", "do not hold").replace("cannot tell", "cannot be told")}, on these results.`;
  fill("verdict", [{ key: "", label: "all" }, ...Object.keys(VERDICTS).map((key) => ({ key, label: key }))], "");
  const list = () => byId("claims").replaceChildren(...DATA.claims
    .filter((claim) => ["", claim.verdict].includes(byId("verdict").value)).map(claimRow));
  byId("verdict").addEventListener("change", list);
  list();
}

const claimRow = (claim) => el("article", { class: "claim" },
  el("span", { class: `badge ${VERDICTS[claim.verdict]}` }, claim.verdict),
  el("div", {},
    el("p", { class: "said" }, claim.statement),
    el("p", { class: "small" }, "Said: ", claim.expected || "–", claim.found ? ` · Found: ${claim.found}` : "", claim.missing ? ` · Missing: ${claim.missing}` : ""),
    el("p", { class: "small" }, link(claim.source, claim.source_url), ` · tested by: ${claim.test} · on ${claim.on}`)));

function showProvenance() {
  byId("provenance").replaceChildren(countsProvenance(), accuracyProvenance(), libraryProvenance(), ...runProvenance(),
    ...(DATA.notes.length ? [el("h3", {}, "Notes"), el("ul", {}, ...DATA.notes.map((note) => el("li", {}, note)))] : []));
}

function countsProvenance() {
  const own = BUILT_IN.filter((network) => !network.published_only);
  const same = own.filter((network) => known(network.fvcore_macs) && network.fvcore_macs === network.macs).length;
  const odd = own.filter(uncountedWords).map((network) => `${network.label}: ${uncountedWords(network)}`);
  return el("div", {}, el("h3", {}, "Counts"),
    el("p", {}, `Parameters, MACs, activations and analytic memory of ${own.length} networks: opbench ${DATA.version}, one forward pass of one image at the network’s own input size. `,
      `${DATA.convention} `,
      `For ${same} of the ${own.length}, fvcore, a second and independent counter, finds exactly the same MACs${same < own.length ? "; where it does not, the network’s facts say why" : ""}. `,
      odd.length ? `With operators that no rule covers: ${odd.join("; ")}.` : "No operator was left uncounted."));
}

function accuracyProvenance() {
  const groups = new Map();
  for (const network of BUILT_IN.filter((each) => known(each.top1))) {
    const key = JSON.stringify([network.source, network.source_url, network.protocol]);
    groups.set(key, [...(groups.get(key) ?? []), network.label]);
  }
  const rows = [...groups].map(([key, labels]) => [...JSON.parse(key), labels]).sort((a, b) => b[3].length - a[3].length || String(a[0]).localeCompare(String(b[0])));
  return el("div", {}, el("h3", {}, "Accuracies, as published"),
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Sources of the accuracies" }, el("table", {},
      el("thead", {}, el("tr", {}, ...["Source", "Protocol", "Networks"].map((title) => el("th", { scope: "col" }, title)))),
      el("tbody", {}, ...rows.map(([source, address, protocol, labels]) => el("tr", {},
        el("th", { scope: "row" }, link(source ?? "not stated", address)), el("td", {}, protocol ?? "–"), el("td", {}, labels.join(", "))))))));
}

function runProvenance() {
  const title = el("h3", {}, "Timings");
  if (!DATA.runs.length) return [title, el("p", {}, "None yet: ", el("code", {}, "opbench run"), " times the registry on this machine, and the next page has latency, throughput and memory.")];
  const failed = DATA.failures.length ? [el("p", {}, `${DATA.failures.length} ${DATA.failures.length === 1 ? "cell" : "cells"} could not be measured: `,
    DATA.failures.map((cell) => `${cell.name}, batch ${cell.batch_size} (${cell.reason})`).join("; "), ".")] : [];
  const sizes = DATA.other_sizes ? [el("p", { class: "note" }, `${DATA.other_sizes} cells at another input size than the network’s own are in the runs and not on this page.`)] : [];
  const runs = DATA.runs.map(runBox);
  const folded = runs.length > MANY_PLACES ? [el("details", {}, el("summary", {}, `${runs.length} runs`), ...runs)] : runs;
  return [title, ...folded, ...failed, ...sizes];
}

function runBox({ run, started, opbench, environment, protocol, cuda }) {
  const machines = new Set(DATA.cells.filter((cell) => cell.run === run).map((cell) => cell.machine));
  const told = { started, opbench, ...environment, ...protocol, "settings of CUDA": cuda };
  return el("details", {},
    el("summary", {}, el("b", {}, `Run ${run}`), ` ${[[...machines].join(" and "), started?.slice(0, 10)].filter(Boolean).join(", ")}`),
    el("dl", { class: "facts tight" }, ...Object.entries(told).filter(([, value]) => known(value)).flatMap(([key, value]) => [
      el("dt", {}, key.replaceAll("_", " ")), el("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value)),
    ])));
}
