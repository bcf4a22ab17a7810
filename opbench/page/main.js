// The page as a whole: one state, drawn anew after every change.

function draw() {
  const points = selection();
  const focused = standIn(document.activeElement);
  showControls();
  showBudgets();
  showAnswer(points);
  showKeys(points);
  showCaption(points);
  showTable(points, changed);
  showDetail();
  showMine();
  focused()?.focus({ preventScroll: true });
  return drawChart(points);
}

// What tells an element from the others of its region, before and after a drawing.
const identity = (element) =>
  JSON.stringify([element.id, element.href, element.dataset, element.closest("tr")?.dataset.name]);

// Drawing replaces elements: finds the one that stands for `element` afterwards, if any.
function standIn(element) {
  const region = element?.closest("#families, #answer, #mine-list, #table, #detail");
  if (!region) return () => (element === document.body ? null : element);
  const wanted = identity(element);
  return () => (element.isConnected ? element
    : [...region.querySelectorAll("a, button, input, h2")].find((each) => identity(each) === wanted));
}

let drawing = Promise.resolve();
let waiting = false;

// One drawing at a time, and one that waits for all changes since; `data-ready` counts the done.
function redraw() {
  if (waiting) return drawing;
  waiting = true;
  drawing = drawing.then(() => {
    waiting = false;
    return draw();
  }).then(() => {
    const root = document.documentElement;
    root.dataset.ready = Number(root.dataset.ready ?? 0) + 1;
  });
  return drawing;
}

function changed() {
  writeFragment();
  return redraw();
}

// Where the reader was before the facts of a network were opened.
let opener = () => null;

function pick(name) {
  if (name && !byId("detail").contains(document.activeElement)) opener = standIn(document.activeElement);
  state.pick = name;
  changed().then(() => {
    if (!name) return (opener() ?? byId("chart-title")).focus({ preventScroll: true });
    byId("detail-title").focus({ preventScroll: true });
    return byId("detail").scrollIntoView({ block: "nearest" });
  });
}

function restore() {
  const before = state.pick;
  readFragment();
  buildBudgets(changed);
  const leave = before && !state.pick && byId("detail").contains(document.activeElement);
  return redraw().then(() => leave && (opener() ?? byId("chart-title")).focus({ preventScroll: true }));
}

// Columns and labels are measured when they are drawn, so the embedded typeface comes first.
const typefaceLoaded = () => Promise.allSettled([...document.fonts].map((face) => face.load()));

function start() {
  document.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-pick]");
    if (chosen) pick(chosen.dataset.pick);
    const target = event.target.closest("[data-to]");
    if (target) jump(target.dataset.to);
  });
  // The fragment is the view's, so that a link inside the page must not take it.
  for (const to of document.querySelectorAll("[data-to]")) to.setAttribute("href", "#");
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-to], .skip")) event.preventDefault();
    if (event.target.closest(".skip")) jump("table-title");
  });
  byId("csv").addEventListener("click", () => download(selection()));
  listenToControls(changed);
  listenToPrint();
  listenToScroll();
  listenToHaze();
  listenToMine(changed);
  listenToTheme(redraw);
  showFigures();
  showClaims();
  showProvenance();
  byId("cols").addEventListener("click", () => { state.cols = state.cols === "1" ? "0" : "1"; changed(); });
  typefaceLoaded().then(restore).then(() => {
    drawFigures();
    const chart = byId("chart");
    chart.on("plotly_click", ({ points: [hit] }) => hit.customdata && pick(hit.customdata));
    chart.on("plotly_relayout", (change) => {
      if (Object.keys(change).some((key) => /^[xy]axis/.test(key))) labelChart(chart, selection().filter(isDrawn));
    });
  });
  addEventListener("hashchange", restore);
  addEventListener("resize", soon(redraw));
}

function jump(id) {
  byId(id).scrollIntoView();
  byId(id).focus({ preventScroll: true });
}

start();
