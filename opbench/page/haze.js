// Networks of libraries, more than a thousand: small marks on a canvas behind the chart.
//
// Those on the frontier, and the picked one, are points of the chart itself.  The others have a hint
// of their own, and a click on one shows every fact.

const NEAR = { mouse: 7, touch: 14 }; // pixels

let haze = []; // the marks, in pixels of the chart's box
let solid = []; // the points of the chart, which come first

const isHollow = (point) => point.trained_on !== "imagenet1k";

const isHaze = (point, best) => isOfLibrary(point) && !best.has(point.name) && point.name !== state.pick;

// The points of libraries that the chart draws itself, and the corners of the others, unseen.
function standingTrace(points) {
  return {
    type: "scatter", mode: "markers", name: "torchvision and timm",
    x: points.map((point) => point.vx * DATA.metrics[state.x].scale),
    y: points.map((point) => point.vy * DATA.metrics[state.y].scale),
    customdata: points.map((point) => point.name),
    text: points.map(hoverText), hovertemplate: "%{text}<extra></extra>",
    marker: {
      size: points.map(() => 9), symbol: points.map((point) => `${point.single_crop ? "circle" : "square"}${isHollow(point) ? "-open" : ""}`),
      color: points.map((point) => tint(point.family)), opacity: points.map((point) => (point.broken.length ? 0.2 : 1)),
      line: {
        width: points.map((point) => (isHollow(point) || point.name === state.pick ? 2.2 : 1)),
        color: points.map((point) => (point.name === state.pick ? css("--ink") : isHollow(point) ? tint(point.family) : css("--paper"))),
      },
    },
  };
}

function extentTrace(points) {
  const ends = (field, key) => {
    const values = points.map((point) => point[field] * DATA.metrics[key].scale);
    return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  };
  return {
    type: "scatter", mode: "markers", hoverinfo: "skip", name: "", marker: { opacity: 0, size: 5 },
    x: ends("vx", state.x), y: ends("vy", state.y),
  };
}

// Where each point lies, once the axes are known.
function placeHaze(chart, drawn, best) {
  const { xaxis, yaxis } = chart._fullLayout;
  const placed = drawn.map((point) => ({
    point,
    px: xaxis._offset + xaxis.d2p(point.vx * DATA.metrics[state.x].scale),
    py: yaxis._offset + yaxis.d2p(point.vy * DATA.metrics[state.y].scale),
  })).filter(({ px, py }) => px >= xaxis._offset && px <= xaxis._offset + xaxis._length && py >= yaxis._offset && py <= yaxis._offset + yaxis._length);
  haze = placed.filter(({ point }) => isHaze(point, best));
  solid = placed.filter(({ point }) => !isHaze(point, best))
    .map((each) => ({ ...each, r: isOfLibrary(each.point) ? 5 : diameter(each.point.params) / 2 }));
  paintHaze(chart);
}

function paintHaze(chart) {
  const canvas = byId("haze");
  const [width, height, dense] = [chart.clientWidth, chart.clientHeight, devicePixelRatio || 1];
  Object.assign(canvas, { width: width * dense, height: height * dense });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px`, left: `${chart.offsetLeft}px` });
  const pen = canvas.getContext("2d");
  pen.scale(dense, dense);
  const colours = new Map();
  for (const { point, px, py } of haze) {
    if (!colours.has(point.family)) colours.set(point.family, tint(point.family));
    paintMark(pen, point, [px, py], colours.get(point.family));
  }
}

function paintMark(pen, point, [x, y], colour) {
  Object.assign(pen, { globalAlpha: point.broken.length ? 0.1 : 0.45, fillStyle: colour, strokeStyle: colour, lineWidth: 1.2 });
  pen.beginPath();
  if (point.single_crop) pen.arc(x, y, 2.5, 0, 2 * Math.PI);
  else pen.rect(x - 2.2, y - 2.2, 4.4, 4.4);
  if (isHollow(point)) pen.stroke();
  else pen.fill();
}

// The mark that a pointer is at, unless it is at a point of the chart.
function markAt(event) {
  const frame = byId("chart").getBoundingClientRect();
  const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
  const far = ({ px, py }) => Math.hypot(px - x, py - y);
  if (solid.some((each) => far(each) <= each.r + 2)) return null;
  const nearest = haze.reduce((best, each) => (best && far(best) <= far(each) ? best : each), null);
  return nearest && far(nearest) <= (NEAR[event.pointerType] ?? NEAR.mouse) ? nearest : null;
}

function hintLines(point) {
  return [
    el("b", {}, point.label), ` · ${familyLabel(point.family)}${point.year ? ` · ${point.year}` : ""}`, el("br"),
    el("b", {}, withLabel(state.y, point.vy)), el("br"), el("b", {}, withLabel(state.x, point.vx)), el("br"),
    `trained on ${groupLabel(point.trained_on)}, ${inputWords(point.input_size)}`, el("br"), `${statedBy(point)} states it; ${point.protocol}`,
  ];
}

function showHint(event) {
  const hint = byId("hint");
  const mark = event && markAt(event);
  hint.hidden = !mark;
  byId("chart").classList.toggle("at-mark", Boolean(mark));
  if (!mark) return;
  hint.replaceChildren(...hintLines(mark.point));
  const room = byId("chart").clientWidth - hint.offsetWidth;
  hint.style.left = `${Math.max(0, Math.min(room, mark.px + 10))}px`;
  hint.style.top = `${mark.py + 12}px`;
}

function listenToHaze() {
  const chart = byId("chart");
  let from = null;
  chart.addEventListener("pointermove", (event) => event.pointerType === "mouse" && showHint(event.buttons ? null : event));
  chart.addEventListener("pointerleave", () => showHint(null));
  chart.addEventListener("pointerdown", (event) => { from = event; }, true);
  document.addEventListener("pointerup", (event) => {
    const still = from && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) < 4;
    const mark = still && markAt(event);
    from = null;
    if (mark) { showHint(null); pick(mark.point.name); }
  }, true);
}
