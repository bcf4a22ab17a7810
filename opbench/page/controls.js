// Axes, conditions, families, search: what changes the selection.

function fill(id, options, value) {
  byId(id).replaceChildren(...optionsOf(options, value));
}

const optionsOf = (options, value) => options.map(({ key, label, disabled }) =>
  el("option", { value: key, disabled, selected: key === value }, label));

// Few places stand as they are, the one with most cells first; of many each is found by its name.
function fillPlaces(places, at) {
  const sizes = new Map(places.map((name) => [name, new Set()]));
  const gpus = new Set();
  for (const cell of DATA.cells) {
    const name = place(cell);
    sizes.get(name)?.add(cell.name);
    if (cell.device !== "cpu") gpus.add(name);
  }
  const named = places.map((key) => ({ key, label: `${key} (${sizes.get(key).size})` }));
  named.sort((a, b) => a.key.localeCompare(b.key, "en", { numeric: true, sensitivity: "base" }));
  const groups = [["GPUs", (each) => gpus.has(each.key)], ["Processors", (each) => !gpus.has(each.key)]];
  byId("at").replaceChildren(...groups.map(([title, test]) => [title, named.filter(test)])
    .filter(([, some]) => some.length)
    .map(([title, some]) => el("optgroup", { label: `${title}: ${some.length}` }, ...optionsOf(some, at))));
}

function metricOption(key) {
  const label = sentence(DATA.metrics[key].label);
  if (isThere(key)) return { key, label };
  return { key, label: `${label} – not measured: ${(DATA.metrics[key].remedy || "no source has it").replaceAll("`", "")}`, disabled: true };
}

function showControls() {
  fill("x", DATA.costs.map(metricOption), state.x);
  fill("y", DATA.gains.map(metricOption), state.y);
  fill("data", DATA.datasets, state.data);
  showConditions();
  byId("log").checked = state.log === "1";
  byId("front").checked = state.front === "1";
  if (byId("q").value.trim() !== state.q) byId("q").value = state.q;
  byId("src").checked = state.src === "1";
  showFilters();
  showElsewhere();
  showFamilies();
}

// "1 more in Cityscapes": what the search finds where the reader does not look.
function showElsewhere() {
  const { others, bySource } = matchesElsewhere();
  const broken = expression() === undefined;
  byId("q").setAttribute("aria-invalid", String(broken));
  if (broken) return byId("elsewhere").replaceChildren(`“${state.q}” is no regular expression: all networks are shown.`);
  const buttons = others.map(({ key, label, count }) =>
    el("button", { type: "button", class: "more", "data-elsewhere": key }, `${count} more in ${label}`));
  if (bySource) buttons.push(el("button", { type: "button", class: "more", "data-elsewhere": "sources" }, `${bySource} more by their sources`));
  return byId("elsewhere").replaceChildren(...(buttons.length ? [el("span", {}, `“${state.q}” also matches: `), ...buttons] : []));
}

function showConditions() {
  const { places, at, runtimes, runtime, dtypes, dtype, batches, batch } = condition();
  const as = (values) => values.map((value) => ({ key: String(value), label: String(value) }));
  const lists = { at: [places, at], runtime: [runtimes, runtime], dtype: [dtypes, dtype], batch: [batches, batch] };
  for (const [id, [values, value]] of Object.entries(lists)) {
    fill(id, values.length ? as(values) : [{ key: "", label: "nothing timed yet" }], String(value));
    byId(id).disabled = !values.length;
  }
  if (places.length > MANY_PLACES) fillPlaces(places, at);
}

// The families with a colour of their own, and the others last.
const chips = () => [...new Set(population().map(chipOf))].sort((a, b) => (a === OTHERS) - (b === OTHERS) || (a < b ? -1 : 1));

function showFamilies() {
  const off = familiesOff();
  const boxes = chips().map((family) => el("label", { class: "chip", style: `--tint:${tint(family)}` },
    el("input", { type: "checkbox", checked: !off.has(family), "data-family": family }),
    el("span", { class: "swatch", "aria-hidden": "true" }), chipLabel(family)));
  byId("families").replaceChildren(el("legend", {}, "Families"), ...boxes,
    el("button", { type: "button", class: "quiet", "data-families": "all" }, "all"),
    el("button", { type: "button", class: "quiet", "data-families": "none" }, "none"));
}

function toggleFamily(family, shown) {
  const off = familiesOff();
  if (shown) off.delete(family);
  else off.add(family);
  setFamiliesOff(off);
}

function listenToControls(changed) {
  for (const id of ["x", "y", "at", "runtime", "dtype", "batch", ...FILTER_KEYS]) {
    byId(id).addEventListener("change", (event) => { state[id] = event.target.value; changed(); });
  }
  byId("data").addEventListener("change", (event) => {
    // Limits and families belong to the data set they were chosen for.
    Object.assign(state, { data: event.target.value, max: {}, off: "", pick: "", ...noFilters() });
    changed();
  });
  for (const id of ["log", "front"]) {
    byId(id).addEventListener("change", (event) => { state[id] = event.target.checked ? "1" : "0"; changed(); });
  }
  byId("q").addEventListener("input", (event) => { state.q = event.target.value.trim(); changed(); });
  byId("src").addEventListener("change", (event) => { state.src = event.target.checked ? "1" : "0"; changed(); });
  document.addEventListener("click", (event) => {
    const { elsewhere, clear } = event.target.closest("[data-elsewhere], [data-clear]")?.dataset ?? {};
    if (clear) Object.assign(state, { q: "", src: "0", off: "", ...noFilters() });
    else if (elsewhere === "sources") state.src = "1";
    else if (elsewhere) Object.assign(state, { data: elsewhere, max: {}, off: "", pick: "", ...noFilters() });
    else return;
    changed();
  });
  byId("families").addEventListener("change", (event) => {
    toggleFamily(event.target.dataset.family, event.target.checked);
    changed();
  });
  byId("families").addEventListener("click", (event) => {
    const all = event.target.dataset.families;
    if (!all) return;
    setFamiliesOff(new Set(all === "none" ? chips() : []));
    changed();
  });
}

// As the system has it, until the reader asks for the other, which is kept where the browser lets us.

function storedTheme() {
  try {
    return localStorage.getItem("opbench.theme");
  } catch {
    return null;
  }
}

function storeTheme(theme) {
  try {
    localStorage.setItem("opbench.theme", theme);
  } catch { /* then it lasts until the page is closed */ }
}

function listenToTheme(changed) {
  const root = document.documentElement;
  if (["light", "dark"].includes(storedTheme())) root.dataset.theme = storedTheme();
  const show = () => {
    byId("theme").textContent = isDark() ? "Light colours" : "Dark colours";
    return changed();
  };
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    storeTheme(root.dataset.theme);
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  byId("theme").textContent = isDark() ? "Light colours" : "Dark colours";
}

// How to read the marks: area, marker, frontier.
function showKeys(points) {
  const circle = (params) => {
    const size = diameter(params);
    return el("span", { class: "size" }, el("span", { class: "blob", style: `width:${size}px;height:${size}px` }), `${params / 1e6}`);
  };
  const marks = [["●", "single central crop", () => true],
    ["■", "another protocol", (point) => !point.single_crop],
    ["•", "torchvision’s or timm’s, trained on ImageNet-1k alone", (point) => isOfLibrary(point) && point.trained_on === "imagenet1k"],
    ["∘", "torchvision’s or timm’s, with more data or a teacher", (point) => isOfLibrary(point) && point.trained_on !== "imagenet1k"],
    ["○", "published only, cannot be run", (point) => point.published_only],
    ["◉", "dark rim: measured here", (point) => point.top1_measured],
    ["◍", "translucent: measured apart from the time", (point) => point.top1_measured && !point.one_artefact]];
  byId("keys").replaceChildren(
    el("span", { class: "sizes" }, "Million parameters: ", ...LEGEND_SIZES.map(circle)),
    el("span", { class: "marks" }, ...marks.filter(([, , test]) => points.some(test))
      .map(([mark, words]) => el("span", {}, el("b", { "aria-hidden": "true" }, mark), ` ${words}`)),
    state.front === "1" ? el("span", {}, el("b", { class: "dots", "aria-hidden": "true" }), " no other is better in both") : ""));
}

function whiskerWords(points) {
  const drawn = (key) => points.some((point) => known(endOf(point, key, "low")));
  const of = [drawn(state.x) ? `the ${DATA.metrics[state.x].label}` : "", drawn(state.y) ? "the accuracy, from the number of test images" : ""].filter(Boolean);
  return of.length ? `Whiskers: 95 % interval of ${of.join(", and of ")}.` : "";
}

function unsteadyWords(points) {
  const timed = points.filter((point) => point.cell);
  const unsteady = timed.filter((point) => !isSteady(point.cell)).length;
  return unsteady ? `${unsteady} of ${timed.length} were noisy or unstable: read them with their intervals.` : "";
}

function showCaption(points) {
  const lost = points.filter((point) => !isDrawn(point)).map((point) => point.label);
  const haze = points.filter(isOfLibrary);
  const words = [`Counts: opbench ${DATA.version}, one forward pass of one image at the network’s own input size. ${DATA.convention}`];
  if (MEASURED.has(state.x)) words.push(`Timings: ${conditionWords(condition())}, at the network’s own input size.`, unsteadyWords(points));
  words.push(whiskerWords(points));
  const enlarged = points.filter((point) => isDrawn(point) && !isOfLibrary(point) && isEnlarged(point)).map((point) => point.label);
  if (enlarged.length) words.push(`Drawn larger than their parameters, to be seen: ${enlarged.join(", ")}.`);
  if (lost.length) words.push(`Not drawn, because a number is missing: ${lost.length > 8 ? `${lost.slice(0, 8).join(", ")} and ${lost.length - 8} more` : lost.join(", ")}.`);
  if (haze.length) words.push(`Small marks: ${haze.length} accuracies as ${[...new Set(haze.map(statedBy))].join(" and ")} state them, each at the input size that is counted; their area is the same for all.`);
  if (!points.every(contends)) words.push("The frontier and the answer leave out accuracies of other protocols, and networks that cannot be run.");
  byId("caption").textContent = words.filter(Boolean).join(" ");
}
