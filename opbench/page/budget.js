// Budgets: one slider per cost, and the sentence that names the best network within them.

const NICE = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];

// Round limits, in SI units, from the cheapest network to the dearest; the last is no limit.
function steps(key) {
  const values = population().map((point) => valueOf(point, key)).filter((value) => value > 0);
  const { scale } = DATA.metrics[key];
  if (!values.length) return [Infinity];
  const low = Math.min(...values) * scale;
  const high = Math.max(...values) * scale;
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const nice of NICE) {
      const step = Number(`${nice}e${power}`);
      if (step >= low && step < high) found.push(Number((step / scale).toPrecision(12)));
    }
  }
  return [...found, Infinity];
}

function nearest(list, limit) {
  if (!known(limit)) return list.length - 1;
  const far = (step) => Math.abs(Math.log(step / limit));
  return list.reduce((best, step, i) => (far(step) < far(list[best]) ? i : best), 0);
}

// A box that is replaced while it is typed in reports a change that nobody wants any more.
let built = 0;

function buildBudgets(changed) {
  built += 1;
  byId("budgets").replaceChildren(...DATA.budgets.filter(isThere).map((key) => budgetRow(key, changed)));
  const absent = DATA.budgets.filter((key) => !isThere(key));
  byId("unmeasured").replaceChildren(...(absent.length ? [
    `Not measured yet, so no budget: ${absent.map((key) => DATA.metrics[key].label).join(", ")}. `,
    ...withCode(`${DATA.metrics[absent[0]].remedy}.`),
  ] : []));
}

// A number as people write it: "0,5" and "0.5" are a half, "1,000" is a thousand; none is no limit.
function readNumber(text) {
  const written = text.trim().replace(/\s/g, "");
  if (!written) return Infinity;
  const grouped = /^[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(written);
  const value = Number(grouped ? written.replaceAll(",", "") : written.replace(",", "."));
  return value > 0 ? value : NaN;
}

// Once things have been quiet for a moment.
function soon(action) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, 150);
  };
}

function budgetRow(key, changed) {
  const { label, unit, scale } = DATA.metrics[key];
  const slider = el("input", {
    type: "range", id: `slide-${key}`, min: 0, step: 1,
    "aria-label": `at most, ${label}`,
    oninput: () => limit(steps(key)[Number(slider.value)]),
  });
  const mine = built;
  const typed = () => {
    if (mine !== built) return;
    const value = readNumber(number.value);
    number.setAttribute("aria-invalid", String(Number.isNaN(value)));
    if (!Number.isNaN(value)) limit(value / scale);
  };
  const number = el("input", {
    type: "text", inputmode: "decimal", id: `limit-${key}`, placeholder: "any", autocomplete: "off",
    "aria-label": `at most, ${label} in ${unit}`, oninput: soon(typed),
    onchange: () => { typed(); showBudgets(); },
  });
  function limit(value) {
    if (value > 0 && Number.isFinite(value)) state.max[key] = Number(value.toPrecision(12));
    else delete state.max[key];
    changed();
  }
  return el("div", { class: "budget" },
    el("label", { for: `slide-${key}` }, sentence(label)), slider,
    el("span", { class: "limit" }, "≤ ", number, ` ${unit}`));
}

function showBudgets() {
  for (const key of DATA.budgets.filter(isThere)) {
    const list = steps(key);
    const limit = state.max[key];
    const slider = byId(`slide-${key}`);
    slider.max = list.length - 1;
    slider.disabled = list.length === 1; // nothing of this data set was measured
    slider.value = nearest(list, limit);
    slider.setAttribute("aria-valuetext", known(limit) ? `at most ${withUnit(key, limit)}` : "no limit");
    slider.style.setProperty("--part", `${(100 * slider.value) / Math.max(1, list.length - 1)}%`);
    const number = byId(`limit-${key}`);
    // What is being typed stays as it is.
    if (document.activeElement !== number) number.value = known(limit) ? Number((limit * DATA.metrics[key].scale).toPrecision(6)) : "";
  }
}

const budgetWords = () =>
  Object.entries(state.max).map(([key, limit]) => withUnit(key, limit)).join(" and ");

// Best first by what is drawn upwards, the cheaper one first between equals.
function withinBudget(points) {
  return points
    .filter((point) => known(point.vy) && !point.broken.length)
    .sort((a, b) => b.vy - a.vy || a.macs - b.macs);
}

function showAnswer(points) {
  const fitting = withinBudget(points);
  const [best, ...rest] = fitting.filter(contends);
  const words = best ? answer(best, rest, fitting) : fitting.length ? onlyOthers(fitting) : noAnswer(points);
  const said = el("div", {}, ...words);
  // The same words again would be read out again.
  if (said.textContent !== byId("answer").textContent) byId("answer").replaceChildren(said);
}

// What leaves networks out of the answer, in words: empty where nothing does.
function filterWords() {
  const there = new Set(chips());
  const off = [...familiesOff()].filter((family) => there.has(family));
  const on = [...there].filter((family) => !off.includes(family));
  const names = (families) => families.map(chipLabel).join(", ");
  const families = !off.length ? "" : on.length < off.length ? `of ${names(on) || "no family"}` : `without ${names(off)}`;
  return [state.q && expression() !== undefined ? `matching “${state.q}”` : "", families, ...chosenWords()].filter(Boolean).join(" and ");
}

const clearButton = () => el("button", { type: "button", "data-clear": "filters" }, "Show all networks");

const filterLine = () => (filterWords()
  ? el("p", { class: "small" }, `Only networks ${filterWords()} are looked at. `, clearButton()) : "");

function noAnswer(points) {
  const { label } = DATA.metrics[state.y];
  if (!points.length) return [el("p", { class: "verdict" }, "Nothing is selected."), el("p", {}, "Clear the search, or show more families. ", clearButton())];
  if (!points.some((point) => known(point.vy))) return [el("p", { class: "verdict" }, "No answer."), el("p", {}, `None of these networks has a ${label}.`)];
  return [el("p", { class: "verdict" }, `Nothing shown fits within ${budgetWords()}.`), filterLine(), el("p", {}, "Raise the limits, or show more families.")];
}

// The value of a network that is not compared, and why it is not.
const onItsTerms = (point) =>
  `${withUnit(state.y, point.vy)}, ${point.published_only ? "cannot be run" : point.protocol ?? "protocol not stated"}`;

function onlyOthers(fitting) {
  const kinds = [
    fitting.some((point) => !point.single_crop) ? "accuracies of another protocol" : "",
    fitting.some((point) => point.published_only) ? "networks that cannot be run" : "",
  ].filter(Boolean).join(" and ");
  const limits = budgetWords();
  return [
    el("p", { class: "verdict" }, "Nothing to compare."),
    el("p", {}, `Only ${kinds} ${limits ? `fit within ${limits}` : "are shown"}:`), filterLine(),
    ...fitting.slice(0, 4).map((point) => el("p", { class: "small" }, pickButton(point), ` (${onItsTerms(point)}), says `,
      link(point.source ?? "no source", point.source_url), ".")),
  ];
}

function answer(best, rest, fitting) {
  const limits = budgetWords();
  const better = fitting.filter((point) => !point.single_crop && point.vy > best.vy);
  const metric = DATA.metrics[state.y];
  return [
    el("p", { class: "small" }, filterWords() ? `Of the ${count(selection().length, "network")} ${filterWords()}, the best ${limits ? `within ${limits}` : "without a limit"} is`
      : limits ? `Within ${limits}, the best is` : "Without a limit, the best is"),
    el("p", { class: "verdict" }, pickButton(best)),
    el("p", {}, el("strong", {}, withUnit(state.y, best.vy)), ` ${metric.label}, `,
      costs(best), "."),
    el("p", {}, el("span", { class: "small" }, "Sources: "), ...witnesses(best)),
    rest.length ? el("p", { class: "small" }, "Then ",
      ...rest.slice(0, 3).flatMap((point, i) => [i ? ", " : "", pickButton(point),
        ` ${withUnit(state.y, point.vy)}`]), ".") : "",
    filterWords() ? el("p", {}, clearButton()) : "",
    better.length ? el("p", { class: "small" },
      `A higher accuracy is published for ${better.map((point) => `${point.label} (${onItsTerms(point)})`).join(", ")}, `
      + "but not on a single central crop.") : "",
  ].filter(Boolean);
}

function costs(point) {
  const keys = new Set(["macs", "params", ...Object.keys(state.max)]);
  return [...keys].map((key) => key === "params"
    ? `${withUnit(key, valueOf(point, key)).replace(" M", " million")} parameters`
    : `${withUnit(key, valueOf(point, key))}${intervalWords(point, key)}`).join(", ");
}

function witnesses(point) {
  return [
    "The accuracy: ", isOfLibrary(point) ? "as stated by " : "", link(point.source ?? "no source", point.source_url),
    point.protocol ? ` (${point.protocol}${isOfLibrary(point) ? ` of ${inputWords(point.input_size)}, trained on ${groupLabel(point.trained_on)}` : ""})` : "",
    `. The operations: counted by opbench ${DATA.version}`,
    point.fvcore_macs === point.macs ? " and by fvcore, with the same result" : "",
    ". ", ...(point.paper ? [isOfLibrary(point) ? "The family: " : "The network: ", link(point.paper, point.paper_url), "."] : []),
    ...(point.cell && Object.keys(state.max).some((key) => MEASURED.has(key))
      ? [` The timing: run ${point.cell.run}, ${conditionWords(condition())}${isSteady(point.cell) ? "" : `; ${point.cell.quality}, so that others may be as fast`}.`] : []),
  ].filter((part) => part !== "");
}

const pickButton = (point) => el("button", {
  type: "button", class: "name", "data-pick": point.name,
  "aria-label": `${point.label}: show every fact`,
}, point.label);
