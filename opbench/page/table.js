// The selection as a table: the same rows as the chart, sortable, and as CSV in SI units.

const TITLES = { label: "Network", family: "Family", year: "Year", input_size: "Input", protocol: "Protocol", source: "Source of the accuracy", fits: "Fits" };
const SHORT = { params: "Params", macs: "MACs", flops: "Operations", activations: "Activations", top1: "Top-1", top5: "Top-5" };

function metricColumns() {
  const timed = DATA.measured.filter((key) => isThere(key) && isTelling(key, condition().batch));
  return [...new Set([state.y, state.x, "top1", "top5", "macs", "params", "activations", ...timed])];
}

function columns() {
  const limited = Object.keys(state.max).length ? ["fits"] : [];
  return ["label", ...limited, ...metricColumns(), "protocol", "source", "family", "year", "input_size"];
}

function cellValue(point, column) {
  if (column === "fits") return point.broken.length ? 0 : 1;
  return DATA.metrics[column] ? valueOf(point, column) : point[column] ?? null;
}

// "-y" sorts by what is drawn upwards, best first; missing values always come last.
function sorted(points) {
  const down = state.sort.startsWith("-");
  const wanted = state.sort.replace(/^-/, "");
  const column = wanted === "y" ? state.y : wanted === "x" ? state.x : wanted;
  const order = (a, b) => (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
  return [...points].sort((one, other) => {
    const [a, b] = [cellValue(one, column), cellValue(other, column)];
    if (!known(a) || !known(b)) return known(b) - known(a) || one.name.localeCompare(other.name);
    return (down ? -1 : 1) * order(a, b) || one.name.localeCompare(other.name);
  });
}

function headCell(column, changed) {
  const metric = DATA.metrics[column];
  const field = column === state.y ? "y" : column === state.x ? "x" : column;
  const current = [field, column].includes(state.sort.replace(/^-/, ""));
  const down = state.sort.startsWith("-");
  const sort = () => {
    const bestDown = metric?.better === "higher" || column === "fits";
    state.sort = current ? (down ? field : `-${field}`) : bestDown ? `-${field}` : field;
    changed();
  };
  return el("th", { scope: "col", class: metric ? "number" : "", "aria-sort": current ? (down ? "descending" : "ascending") : "none" },
    el("button", { type: "button", "data-sort": column, onclick: sort },
      TITLES[column] ?? SHORT[column] ?? sentence(metric.label), metric ? el("small", {}, ` ${metric.unit}`) : "",
      el("span", { class: "arrow", "aria-hidden": "true" }, current ? (down ? " ↓" : " ↑") : "")));
}

function bodyCell(point, column) {
  const value = cellValue(point, column);
  if (column === "label") return el("th", { scope: "row", class: "network" }, swatch(point), pickButton(point));
  if (column === "fits") return el("td", { class: "nowrap" }, value ? "yes" : `over: ${point.broken.map((key) => (SHORT[key] ?? DATA.metrics[key].label)).join(", ")}`);
  if (column === "source") return el("td", { class: "source" }, link(value ?? "–", point.source_url));
  if (column === "family") return el("td", { class: "nowrap" }, familyLabel(value));
  if (column === "input_size") return el("td", { class: "nowrap" }, inputWords(value));
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

function showTable(points, changed) {
  const shown = columns();
  byId("table").replaceChildren(
    el("caption", { class: "unseen" }, "The selected networks with costs, accuracy and its source"),
    el("thead", {}, el("tr", {}, ...shown.map((column) => headCell(column, changed)))),
    el("tbody", {}, ...sorted(points).map((point) => el("tr", {
      class: [point.broken.length ? "over" : "", point.name === state.pick ? "picked" : ""].join(" ").trim(), "data-name": point.name,
    }, ...shown.map((column) => bodyCell(point, column))))),
  );
  const total = population().length;
  const fit = points.filter((point) => !point.broken.length).length;
  byId("shown").textContent = `${points.length} of ${total} networks${Object.keys(state.max).length ? `, ${fit} within ${budgetWords()}` : ""}. `
    + `One image, one forward pass; ${DATA.per_mac}${DATA.cells.length ? `. Timings: ${conditionWords(condition())}` : ""}.`;
}

const quoted = (value) => {
  const text = known(value) ? String(value) : "";
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

function asCsv(points) {
  const names = ["name", "label", "family", "year", "dataset", "input_size", ...new Set([...metricColumns(), "macs", "params"]), "protocol", "source", "source_url"];
  const timed = DATA.cells.length ? ["run", "machine", "device", "dtype", "batch_size"] : [];
  const rows = sorted(points).map((point) => [
    ...names.map((name) => quoted(cellValue(point, name))), ...timed.map((name) => quoted(point.cell?.[name])),
  ].join(","));
  return `${[[...names, ...timed].join(","), ...rows].join("\r\n")}\r\n`;
}

function download(points) {
  const address = URL.createObjectURL(new Blob([asCsv(points)], { type: "text/csv" }));
  el("a", { href: address, download: "opbench.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
