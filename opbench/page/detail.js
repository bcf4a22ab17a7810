// Every fact about one network, each with its source.

function showDetail() {
  const panel = byId("detail");
  const point = population().find((each) => each.name === state.pick);
  panel.hidden = !point;
  if (!point) return panel.replaceChildren();
  return panel.replaceChildren(
    el("div", { class: "bar" },
      el("h2", { id: "detail-title", tabindex: -1 }, point.label, " ", el("small", {}, el("code", {}, point.name))),
      el("button", { type: "button", "data-pick": "" }, "Close")),
    facts(accuracyFacts(point)), facts(countFacts(point)), facts([beatenFact(point)]), facts(timingFacts(point)),
  );
}

const facts = (rows) => (rows.length ? el("dl", { class: "facts" }, ...rows.flatMap(([term, value, ...from]) => [
  el("dt", {}, term), el("dd", {}, value, from.length ? el("span", { class: "from" }, ...from) : ""),
])) : "");

function accuracyFacts(point) {
  if (!known(point.top1)) return [["Accuracy", "none published that we know of"], ...measuredFacts(point)];
  const interval = known(point.top1_low)
    ? `95 % interval ${point.top1_low.toFixed(2)} to ${point.top1_high.toFixed(2)}, from the number of test images` : "";
  const source = () => [link(point.source ?? "no source given", point.source_url), point.protocol ? ` · ${point.protocol}` : ""];
  const percent = (value) => `${point.top1_measured ? value.toFixed(2) : value} %`;
  const rows = [["Top-1", percent(point.top1), ...source(), interval ? ` · ${interval}` : ""]];
  if (known(point.top5)) rows.push(["Top-5", percent(point.top5), ...source()]);
  if (known(point.trained_on)) rows.push(["Trained on", groupLabel(point.trained_on)]);
  if (isOfLibrary(point)) {
    rows.push(["Library", statedBy(point), `the accuracy is its statement, of images resized to ${point.resize ?? "a size not stated"} (${point.interpolation}) and cropped to ${inputWords(point.input_size)}`]);
    rows.push(["Licence of the weights", point.licence ?? "not stated"]);
  }
  rows.push(["Density", withUnit("density", point.density), "top-1 divided by parameters"]);
  return [...rows, ...measuredFacts(point)];
}

// The accuracy that is not drawn, beside the one that is, and how the two agree.
function measuredFacts(point) {
  if (!known(point.measured_top1)) return [];
  const rows = point.top1_measured ? [] : [["Measured here", `${point.measured_top1.toFixed(2)} %`, `evaluation ${point.evaluation}; not drawn: ${point.measured_beside ?? "the accuracy of your own file is"}`]];
  if (known(point.published_top1) && point.top1_measured) rows.push(["Published", `${point.published_top1} %`, point.published_source]);
  if (known(point.top1_verdict)) rows.push(["Published against measured", point.top1_verdict]);
  return rows;
}

// The networks that make this one a poor choice on the axes that are drawn.
function beatenFact(point) {
  const against = `in ${DATA.metrics[state.y].label} and ${DATA.metrics[state.x].label}`;
  const better = beaters(point, population());
  if (!better) return ["Beaten by", "not compared", `${against}: ${point.published_only ? "it cannot be run" : "a number is missing, or the protocol is another"}`];
  if (!better.length) return ["Beaten by", "no other network", against];
  const some = better.slice(0, 4).flatMap((other, i) => [i ? ", " : "", pickButton(other), ` (${withUnit(state.y, valueOf(other, state.y))}, ${withUnit(state.x, valueOf(other, state.x))})`]);
  return ["Beaten by", el("span", {}, ...some, better.length > 4 ? ` and ${better.length - 4} more` : ""), against];
}

// Counts that are shown in full, and where others are from.
const EXACT = new Set(["macs", "params", "activations"]);
const FROM = { flops: "two operations for each multiply-accumulate", peak_activation_bytes: "analytic, one image", weight_bytes: "parameters and buffers as stored" };

const exact = (value) => value.toLocaleString("en");

function countFacts(point) {
  if (point.published_only) {
    return [["MACs", exact(point.macs), "half of the operations drawn in ", link(point.source, point.source_url)],
      ["Parameters", exact(point.params), link(point.source, point.source_url)]];
  }
  const by = `counted by opbench ${DATA.version}, one image of ${inputWords(point.input_size)}`;
  const states = isOfLibrary(point) ? `${statedBy(point)} states` : "the paper states";
  const rows = [
    ["MACs", exact(point.macs), by, witnessWords(point), statedWords(states, "multiply-adds", point.stated_macs)],
    ["Parameters", exact(point.params), by, statedWords(states, "parameters", point.stated_params)],
    ["Activations", exact(point.activations), "elements made by convolutions and linear layers"],
  ];
  for (const { key, label } of Object.values(DATA.metrics).filter((metric) => metric.of === "network" && metric.role === "cost" && !EXACT.has(metric.key))) {
    if (known(point[key])) rows.push([sentence(label), withUnit(key, point[key]), FROM[key] ?? "computed from the counts"]);
  }
  if (uncountedWords(point)) rows.push(["Not counted", uncountedWords(point), "operators without a rule: the MACs are a lower bound"]);
  if (point.paper) rows.push([isOfLibrary(point) ? "Family from" : "Network from", link(point.paper, point.paper_url), point.year ? String(point.year) : ""]);
  return rows;
}

function witnessWords(point) {
  if (point.witness_note) return ` · fvcore differs: ${point.witness_note}`;
  return known(point.fvcore_macs) && point.fvcore_macs === point.macs ? " · fvcore counts the same" : "";
}

const statedWords = (states, what, value) => (known(value) ? ` · ${states} ${exact(value)} ${what}` : "");

const typical = (cell) => (known(cell.p50_s) ? ` · in this run half of the passes took at most ${scaled("latency_s", cell.p50_s)}, nine in ten ${withUnit("latency_s", cell.p90_s)}` : "");

function timingFacts(point) {
  const inOrder = (a, b) => place(a).localeCompare(place(b)) || a.dtype.localeCompare(b.dtype) || a.batch_size - b.batch_size
    || (b.runtime === DEFAULTS.runtime) - (a.runtime === DEFAULTS.runtime) || a.runtime.localeCompare(b.runtime);
  const cells = DATA.cells.filter((cell) => cell.name === point.name).sort(inOrder);
  const failures = DATA.failures.filter((cell) => cell.name === point.name);
  if (point.published_only) return [["Timing", "cannot be measured", point.why ?? "its definition was never published"]];
  if (!cells.length && !failures.length) return [["Timing", "not measured", el("code", {}, `opbench run ${targetOf(point)}`), " measures it"]];
  const setting = (cell) => conditionWords({ ...cell, at: place(cell), batch: cell.batch_size });
  const now = condition();
  const many = new Set(cells.map(place)).size > MANY_PLACES;
  const here = many ? cells.filter((cell) => place(cell) === now.at) : cells;
  return [
    ...here.map((cell) => [setting(cell),
      DATA.measured.filter((key) => known(cell[key]) && isTelling(key, cell.batch_size))
        .map((key) => withLabel(key, cell[key])).join(", "),
      `run ${cell.run} · 95 % interval of the latency ${scaled("latency_s", cell.latency_s_low)} to ${withUnit("latency_s", cell.latency_s_high)}${typical(cell)}${isSteady(cell) ? "" : ` · ${cell.quality}`}`]),
    ...failures.map((cell) => [setting(cell), "could not be measured", `${cell.reason} · run ${cell.run}`]),
    ...(many ? [elsewhereFact(cells, now)] : []),
  ];
}

// The latency on every other machine in the runtime, type and batch of this one, the shortest first.
function elsewhereFact(cells, now) {
  const alike = (cell) => cell.runtime === now.runtime && cell.dtype === now.dtype && cell.batch_size === now.batch;
  const others = cells.filter((cell) => place(cell) !== now.at && alike(cell)).sort((a, b) => a.latency_s - b.latency_s);
  const title = `On ${others.length} other ${others.length === 1 ? "machine" : "machines"}`;
  if (!others.length) return [title, "not measured in this runtime, data type and batch"];
  const ends = [others[0], others.at(-1)].map((cell) => withUnit("latency_s", cell.latency_s));
  const rows = others.map((cell) => el("tr", {}, el("th", { scope: "row" }, place(cell)), el("td", { class: "number" }, withUnit("latency_s", cell.latency_s))));
  return [title, el("details", {}, el("summary", {}, `${DATA.metrics.latency_s.label} ${ends.join(" to ")}`),
    el("table", {}, el("tbody", {}, ...rows))), conditionWords({ ...now, at: "" }).replace(/^, /, "")];
}
