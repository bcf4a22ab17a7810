// Which networks are shown, what each is worth on an axis, and which no other beats.

const MEASURED = new Set(DATA.measured);

const place = (cell) => [cell.machine, cell.device, cell.variant].filter(known).join(", ");

// From so many places on they are grouped, and those that are not looked at folded.
const MANY_PLACES = 8;

// Distinct values of a column of the cells, those that were measured most first.
function ranked(cells, column) {
  const sizes = new Map();
  for (const cell of cells) sizes.set(column(cell), (sizes.get(column(cell)) ?? 0) + 1);
  return [...sizes].sort((a, b) => b[1] - a[1]).map(([value]) => value);
}

// The condition in force: what was chosen if it was measured, else what was measured most.
function condition() {
  const pick = (values, wanted) => values.find((value) => String(value) === wanted) ?? values[0];
  const places = ranked(DATA.cells, place);
  const at = pick(places, state.at);
  const there = DATA.cells.filter((cell) => place(cell) === at);
  const runtimes = ranked(there, (cell) => cell.runtime);
  const runtime = pick(runtimes, state.runtime);
  const executed = there.filter((cell) => cell.runtime === runtime);
  const dtypes = ranked(executed, (cell) => cell.dtype);
  const dtype = pick(dtypes, state.dtype);
  const typed = executed.filter((cell) => cell.dtype === dtype);
  const batches = ranked(typed, (cell) => cell.batch_size).sort((a, b) => a - b);
  const batch = pick(batches, state.batch);
  return { places, at, runtimes, runtime, dtypes, dtype, batches, batch };
}

// Eager execution goes without saying.
const conditionWords = ({ at, runtime, dtype, batch }) =>
  [at, ...(runtime === DEFAULTS.runtime ? [] : [runtime]), dtype, `batch ${batch}`].join(", ");

// Every network of the data set with the cell of the condition in force; kept until either changes.
let counted = { key: null, points: [] };

const isTimed = () => MEASURED.has(state.x) || MEASURED.has(state.y);

function population() {
  const now = condition();
  const key = JSON.stringify([state.data, isTimed(), now.at, now.runtime, now.dtype, now.batch]);
  if (counted.key !== key) counted = { key, points: populated(now) };
  return counted.points;
}

function populated({ at, runtime, dtype, batch }) {
  const cells = new Map();
  for (const cell of DATA.cells) {
    if (place(cell) === at && cell.runtime === runtime && cell.dtype === dtype && cell.batch_size === batch) cells.set(cell.name, cell);
  }
  return DATA.networks
    .filter((network) => network.dataset === state.data)
    .map((network) => withCell(network, cells.get(network.name) ?? null));
}

// A time stands beside the accuracy of its own artefact where that was measured.
function withCell(network, cell) {
  if (!isTimed()) return { ...network, cell };
  const own = cell?.own[network.dataset];
  return { ...network, ...own, cell, one_artefact: Boolean(own) };
}

// Timings lie in the cell of a point, all else in the point itself.
const rowOf = (point, key) => (MEASURED.has(key) ? point.cell : point);
const valueOf = (point, key) => rowOf(point, key)?.[key] ?? null;
const endOf = (point, key, end) => rowOf(point, key)?.[`${key}_${end}`] ?? null;

// The 95 % interval of a value, where there is one.
function intervalWords(point, key) {
  const [low, high] = ["low", "high"].map((end) => endOf(point, key, end));
  return known(low) && known(high) ? ` (${scaled(key, low)} to ${scaled(key, high)})` : "";
}

const isSteady = (cell) => !known(cell.quality) || cell.quality === "good";

// The time for an image is that of the pass where there is one image.
const isTelling = (key, batch) => key !== "latency_per_image_s" || batch > 1;

// Whether any number of this metric is there at all.
const isThere = (key) =>
  (MEASURED.has(key) ? DATA.cells : DATA.networks).some((row) => known(row[key]));

// Search: words that names, families and years begin with, or if nothing begins so, hold.

const plain = (text) => ` ${text.toLowerCase().replace(/[^\p{L}\p{N}.]+/gu, " ")}`;

// What is searched of a network; sources only when the reader asks.
function searched(network, inSources) {
  const fields = [network.name, network.label, network.family, familyLabel(network.family), network.year];
  if (inSources) fields.push(network.source, network.protocol, network.paper);
  return fields.filter(known).join(" ");
}

// "/^resnet\d+$/" is a regular expression, tried on each field alone; null is any other search.
function expression() {
  const [, source] = /^\/(.+?)\/?$/.exec(state.q) ?? [];
  try {
    return source ? new RegExp(source, "iu") : null;
  } catch {
    return undefined;
  }
}

function expressionTest(pattern, inSources) {
  const fields = (network) => [network.name, network.label, shortLabel(network), familyLabel(network.family), network.year,
    ...(inSources ? [network.source, network.protocol, network.paper] : [])];
  return (network) => fields(network).some((field) => known(field) && pattern.test(String(field)));
}

// A test of networks for all words of the search; an expression that is none leaves all.
function searchTest(inSources = state.src === "1") {
  const pattern = expression();
  if (pattern === undefined) return () => true;
  if (pattern) return expressionTest(pattern, inSources);
  const tests = state.q.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const start = plain(word);
    const begins = (network) => start.trim() && plain(searched(network, inSources)).includes(start);
    const holds = (network) => searched(network, inSources).toLowerCase().includes(word);
    return DATA.networks.some(begins) ? begins : holds;
  });
  return (network) => tests.every((test) => test(network));
}

// How many networks match elsewhere: on another data set, or by their sources.
function matchesElsewhere() {
  if (!state.q || expression() === undefined) return { others: [], bySource: 0 };
  const [test, wide] = [searchTest(), searchTest(true)];
  const others = DATA.datasets.filter(({ key }) => key !== state.data)
    .map((each) => ({ ...each, count: DATA.networks.filter((network) => network.dataset === each.key && test(network)).length }))
    .filter(({ count }) => count);
  const here = DATA.networks.filter((network) => network.dataset === state.data);
  return { others, bySource: here.filter((network) => wide(network) && !test(network)).length };
}

// Limits that the point breaks; a number that is missing fits no budget.
const broken = (point) => Object.keys(state.max).filter((key) => {
  const value = valueOf(point, key);
  return !known(value) || value > state.max[key];
});

// The selection: what chart and table share.
function selection() {
  const off = familiesOff();
  const [matches, passes] = [searchTest(), filterTest()];
  return population()
    .filter((point) => !off.has(chipOf(point)) && passes(point) && matches(point))
    .map((point) => ({
      ...point,
      vx: valueOf(point, state.x), vy: valueOf(point, state.y), broken: broken(point),
    }));
}

const isDrawn = (point) => known(point.vx) && known(point.vy) && (state.log === "0" || point.vx > 0);

// What is compared: one protocol, and networks that one can run.
const contends = (point) => point.single_crop && !point.published_only;

// The points that no other beats, cheapest first.
function frontier(points) {
  const sign = DATA.metrics[state.x].better === "lower" ? 1 : -1;
  const able = points.filter((point) => isDrawn(point) && contends(point))
    .sort((a, b) => sign * (a.vx - b.vx) || b.vy - a.vy);
  const best = [];
  for (const point of able) {
    const last = best.at(-1);
    if (!last || point.vy > last.vy || (point.vy === last.vy && point.vx === last.vx)) best.push(point);
  }
  return best;
}

// The networks that are at least as good in both as this one and better in one, best first.
function beaters(point, points) {
  const sign = DATA.metrics[state.x].better === "lower" ? 1 : -1;
  const at = (each) => [sign * valueOf(each, state.x), valueOf(each, state.y)];
  const able = (each) => known(valueOf(each, state.x)) && known(valueOf(each, state.y)) && contends(each);
  if (!able(point)) return null;
  const [x, y] = at(point);
  return points.filter((other) => able(other) && at(other)[0] <= x && at(other)[1] >= y && (at(other)[0] < x || at(other)[1] > y))
    .sort((a, b) => at(b)[1] - at(a)[1] || at(a)[0] - at(b)[0]);
}
