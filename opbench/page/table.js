// The selection as a table: the same rows as the chart, sortable, and as CSV in SI units.
//
// The first columns answer: which network, how good, how dear, who says so.  The others leave from
// the right where the page is narrow, unless the reader asks for all of them.

const TITLES = { label: "Network", family: "Family", year: "Year", input_size: "Input", protocol: "Protocol", source: "Who says so", fits: "Fits", best: "Frontier", trained_on: "Trained on", quality: "Timing is" };
const SHORT = { params: "Params", macs: "MACs", flops: "Operations", activations: "Activations", top1: "Top-1", top5: "Top-5", latency_s: "Latency", throughput_images_per_s: "Throughput", peak_memory_bytes: "Peak memory" };
const FIRST = 4; // columns that stay on the narrowest page
const INTERVAL = " 95 %"; // after a metric's key: the column of its interval

const metricOf = (column) => DATA.metrics[column.replace(INTERVAL, "")];
const isInterval = (column) => column.endsWith(INTERVAL);

function metricColumns() {
  const timed = DATA.measured.filter((key) => isThere(key) && isTelling(key, condition().batch));
  const ofNetwork = Object.values(DATA.metrics).filter((metric) => metric.of === "network").map((metric) => metric.key);
  return [...new Set([state.y, state.x, "top1", "top5", "macs", "params", "activations", ...timed, ...ofNetwork])];
}

// Intervals of what is drawn, and of the time, with what is to be thought of it.
function intervalColumns() {
  const timed = isThere("latency_s") ? ["latency_s"] : [];
  const keys = [...new Set([state.y, state.x, ...timed])].filter((key) => DATA.metrics[key].interval);
  return keys.flatMap((key) => (key === state.y || key === state.x ? [key + INTERVAL] : [key, key + INTERVAL]));
}

function columns() {
  const limited = Object.keys(state.max).length ? ["fits"] : [];
  const picked = population().some((point) => point.name === state.pick) ? ["beats"] : [];
  const quality = DATA.cells.length ? ["quality"] : [];
  const ofLibraries = DATA.zoo.count ? ["best", "trained_on", "input_size"] : [];
  const first = ["label", state.y, state.x, "source", ...ofLibraries, ...picked, ...limited, ...intervalColumns(), ...quality, "year", "protocol"];
  return [...new Set([...first, ...metricColumns(), "family", "input_size"])];
}

// What the picked network is beaten by, as names.
const beatersOfPick = () => new Set((beaters(population().find((point) => point.name === state.pick) ?? {}, population()) ?? []).map((point) => point.name));

function cellValue(point, column) {
  if (column === "fits") return point.broken.length ? 0 : 1;
  if (column === "quality") return point.cell?.quality ?? null;
  if (isInterval(column)) return endOf(point, column.replace(INTERVAL, ""), "low");
  return DATA.metrics[column] ? valueOf(point, column) : point[column] ?? null;
}

const inWords = new Intl.Collator("en", { numeric: true });

// "-y" sorts by what is drawn upwards, best first; missing values always come last.
function sorted(points, marked = { beats: beatersOfPick(), best: new Set(frontier(points).map((point) => point.name)) }) {
  const down = state.sort.startsWith("-");
  const wanted = state.sort.replace(/^-/, "");
  const column = wanted === "y" ? state.y : wanted === "x" ? state.x : wanted;
  const order = (a, b) => (typeof a === "string" ? inWords.compare(a, b) : a - b);
  const value = (point) => (marked[column] ? Number(marked[column].has(point.name)) : cellValue(point, column));
  const values = new Map(points.map((point) => [point, value(point)]));
  const better = (one, other) => (column === "best" && known(one.vy) && known(other.vy) ? other.vy - one.vy : 0);
  return [...points].sort((one, other) => {
    const [a, b] = [values.get(one), values.get(other)];
    if (!known(a) || !known(b)) return known(b) - known(a) || one.name.localeCompare(other.name);
    return (down ? -1 : 1) * order(a, b) || better(one, other) || one.name.localeCompare(other.name);
  });
}

function title(column) {
  if (column === "beats") return `Beats ${population().find((point) => point.name === state.pick).label}`;
  if (isInterval(column)) return `${SHORT[column.replace(INTERVAL, "")] ?? sentence(metricOf(column).label)}, 95 %`;
  return TITLES[column] ?? SHORT[column] ?? sentence(metricOf(column).label);
}

function headCell(column, changed) {
  const metric = metricOf(column);
  const field = column === state.y ? "y" : column === state.x ? "x" : column;
  const current = [field, column].includes(state.sort.replace(/^-/, ""));
  const down = state.sort.startsWith("-");
  const sort = () => {
    const bestDown = metric?.better === "higher" || ["fits", "beats", "best"].includes(column);
    state.sort = current ? (down ? field : `-${field}`) : bestDown ? `-${field}` : field;
    changed();
  };
  return el("th", { scope: "col", class: metric ? "number" : "", "aria-sort": current ? (down ? "descending" : "ascending") : "none" },
    el("button", { type: "button", "data-sort": column, onclick: sort },
      title(column), metric && !(isInterval(column) && isPercentage(metric.key)) ? el("small", {}, ` ${metric.unit}`) : "",
      el("span", { class: "arrow", "aria-hidden": "true" }, current ? (down ? " ↓" : " ↑") : "")));
}

function intervalText(point, column) {
  const key = column.replace(INTERVAL, "");
  const [low, high] = ["low", "high"].map((end) => endOf(point, key, end));
  return known(low) && known(high) ? `${even(key, low)} – ${even(key, high)}` : "–";
}

// The work or place a source names, without page and table, which its full words keep.
const shortSource = (source) => source.split(",")[0].trim();

function bodyCell(point, column) {
  const value = ["beats", "best"].includes(column) || isInterval(column) ? null : cellValue(point, column);
  if (column === "label") return el("th", { scope: "row", class: "network", title: point.label }, swatch(point), pickButton(point));
  if (column === "fits") return el("td", { class: "nowrap" }, value ? "yes" : `over: ${point.broken.map((key) => (SHORT[key] ?? DATA.metrics[key].label)).join(", ")}`);
  if (column === "beats") return el("td", {}, point.beats ? "yes" : point.name === state.pick ? "itself" : "no");
  if (column === "best") return el("td", {}, point.best ? "yes" : "–");
  if (column === "trained_on") return el("td", { class: "nowrap" }, known(value) ? groupLabel(value) : "–");
  if (column === "source") return el("td", { class: "source", title: value ?? "" }, link(value ? isOfLibrary(point) ? statedBy(point) : shortSource(value) : "–", point.source_url));
  if (column === "quality") return el("td", { class: value && value !== "good" ? "odd" : "" }, value ?? (point.cell ? "good" : "–"));
  if (column === "family") return el("td", { class: "nowrap" }, familyLabel(value));
  if (column === "input_size") return el("td", { class: "nowrap" }, inputWords(value));
  if (isInterval(column)) return el("td", { class: "number" }, intervalText(point, column));
  if (DATA.metrics[column]) return el("td", { class: "number" }, even(column, value));
  return el("td", { class: column === "protocol" && !point.single_crop ? "odd nowrap" : "nowrap" }, known(value) ? String(value) : "–");
}

// With as many digits in every row, zeros included.
function even(key, value) {
  if (!known(value) || isPercentage(key)) return scaled(key, value);
  const shown = value * DATA.metrics[key].scale;
  return Math.abs(shown) < 100 ? shown.toLocaleString("en", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 }) : digits(shown);
}

const swatch = (point) => el("span", { class: "swatch", style: `--tint:${tint(point.family)}`, "aria-hidden": "true" });

function fillTable(rows, shown, changed) {
  byId("table").replaceChildren(
    el("caption", { class: "unseen" }, "The selected networks with costs, accuracy and its source"),
    el("thead", {}, el("tr", {}, ...shown.map((column) => headCell(column, changed)))),
  );
  fillRows(rows, shown);
}

// How many of the columns fit side by side into the box, from their widths when nothing presses.
function fitting() {
  const table = byId("table");
  const room = table.parentElement.clientWidth - 16; // its padding
  table.style.tableLayout = "";
  table.style.width = "max-content";
  const rights = [...table.querySelectorAll("thead th")].map((head) => head.offsetLeft + head.offsetWidth);
  table.style.width = "";
  return Math.max(FIRST, rights.filter((right) => right <= room).length);
}

function showTable(points, changed) {
  const every = columns();
  const stronger = beatersOfPick();
  const best = new Set(frontier(points).map((point) => point.name));
  const rows = sorted(points, { beats: stronger, best }).map((point) => ({ ...point, beats: stronger.has(point.name), best: best.has(point.name) }));
  fillTable(rows, every, changed);
  const most = state.cols === "1" ? every.length : fitting();
  if (most < every.length) fillTable(rows, every.slice(0, most), changed);
  fixWidths();
  const hidden = every.length - most;
  byId("cols").hidden = !hidden && state.cols === "0";
  byId("cols").textContent = state.cols === "1" ? "Fewer columns" : `${hidden} more columns`;
  const total = population().length;
  const fit = points.filter((point) => !point.broken.length).length;
  byId("shown").textContent = `${points.length} of ${total} networks${Object.keys(state.max).length ? `, ${fit} within ${budgetWords()}` : ""}. `
    + `One image, one forward pass; ${DATA.per_mac}${DATA.cells.length ? `. Timings: ${conditionWords(condition())}` : ""}.`;
}

// Text that a spreadsheet would take for a formula begins with an apostrophe, so that it stays text.
const unarmed = (text) => (/^'*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]/.test(text) ? `'${text}` : text);

const quoted = (value) => {
  const text = typeof value === "number" ? String(value) : known(value) ? unarmed(String(value)) : "";
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

function asCsv(points) {
  const ofLibraries = DATA.zoo.count ? ["trained_on", "resize", "interpolation", "release", "licence", "stated_params", "stated_macs"] : [];
  const names = ["name", "label", "family", "year", "dataset", "input_size", ...new Set([...metricColumns(), "macs", "params"]), "protocol", "source", "source_url", ...ofLibraries];
  const timed = DATA.cells.length ? ["run", "machine", "device", "runtime", "dtype", "batch_size"] : [];
  const rows = sorted(points).map((point) => [
    ...names.map((name) => quoted(name === "name" ? targetOf(point) : cellValue(point, name))), ...timed.map((name) => quoted(point.cell?.[name])),
  ].join(","));
  return `${[[...names, ...timed].join(","), ...rows].join("\r\n")}\r\n`;
}

function download(points) {
  const address = URL.createObjectURL(new Blob([asCsv(points)], { type: "text/csv" }));
  el("a", { href: address, download: "opbench.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
