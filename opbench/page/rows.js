// The rows of a long table: only those in view are in the document, all of one height.
//
// A short table is whole, so that the browser's own search finds what it holds; so is a printed one.

const WHOLE = 150; // rows
const AROUND = 15; // rows above and below those in view

let printing = false;
let listed = { rows: [], shown: [], first: 0, last: 0, key: "" };

const isLong = (rows) => rows.length > WHOLE && !printing;

const rowHeight = () => Number.parseFloat(css("--row"));

const bodyRow = (point, i) => el("tr", {
  class: [point.broken.length ? "over" : "", point.name === state.pick ? "picked" : ""].join(" ").trim(),
  "data-name": point.name, "aria-rowindex": i + 2,
}, ...listed.shown.map((column) => bodyCell(point, column)));

// The rows in view of the box that scrolls, and some around them.
function inView() {
  const box = byId("table").parentElement;
  const top = Math.floor(box.scrollTop / rowHeight());
  const first = Math.max(0, Math.min(top, listed.rows.length) - AROUND);
  const last = Math.min(listed.rows.length, top + Math.ceil(innerHeight / rowHeight()) + AROUND);
  return [first, last];
}

const gap = (rows) => el("tbody", { "aria-hidden": "true" }, el("tr", {}, el("td", { colspan: listed.shown.length, style: `height:${rows * rowHeight()}px;padding:0;border:0` })));

function bodies(first, last) {
  const body = el("tbody", {}, ...listed.rows.slice(first, last).map((point, i) => bodyRow(point, first + i)));
  return [...(first ? [gap(first)] : []), body, ...(last < listed.rows.length ? [gap(listed.rows.length - last)] : [])];
}

// Fill the table anew: all rows, or those in view.
function fillRows(rows, shown) {
  const key = JSON.stringify([state.sort, state.data, rows.length, rows[0]?.name]);
  const table = byId("table");
  if (isLong(rows) && key !== listed.key) table.parentElement.scrollTop = 0;
  listed = { rows, shown, key, first: 0, last: rows.length };
  table.classList.toggle("long", isLong(rows));
  table.setAttribute("aria-rowcount", rows.length + 1);
  if (isLong(rows)) [listed.first, listed.last] = inView();
  table.append(...bodies(listed.first, listed.last));
}

// Columns keep the widths that the heads and the first rows give them.
function fixWidths() {
  const table = byId("table");
  table.style.tableLayout = table.style.width = "";
  if (!isLong(listed.rows)) return;
  const heads = [...table.querySelectorAll("thead th")];
  const widths = heads.map((head) => head.offsetWidth);
  heads.forEach((head, i) => { head.style.width = `${widths[i]}px`; });
  table.style.width = `${widths.reduce((sum, width) => sum + width, 0)}px`;
  table.style.tableLayout = "fixed";
}

function followScroll() {
  if (!isLong(listed.rows)) return;
  const [first, last] = inView();
  if (first >= listed.first && last <= listed.last) return;
  const before = standIn(document.activeElement);
  const [from, to] = [Math.max(0, first - AROUND), Math.min(listed.rows.length, last + AROUND)];
  [listed.first, listed.last] = [from, to];
  const table = byId("table");
  for (const body of [...table.tBodies]) body.remove();
  table.append(...bodies(from, to));
  before()?.focus({ preventScroll: true });
}

function listenToScroll() {
  let asked = false;
  byId("table").parentElement.addEventListener("scroll", () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; followScroll(); });
  }, { passive: true });
}
