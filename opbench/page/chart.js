// The main chart, drawn by plotly.  Blob area is proportional to parameters, hue is family.

const BIGGEST = { params: 155e6, wide: 58, narrow: 38 };
const LEGEND_SIZES = [5e6, 35e6, 65e6, 95e6, 125e6, 155e6];

// The library lies packed in the page; it runs as a script of the page's own.
const plotlyIsThere = unpacked(byId("plotly").textContent).then((program) => document.head.append(el("script", {}, program)));

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const isDark = () => css("--is-dark") === "1";
const tint = (family) => DATA.families[isDark() ? "dark" : "light"][family] ?? css("--muted");
const isNarrow = () => byId("chart").clientWidth < 560;

const LEAST = 7; // pixels: a dot that can be seen and hit

const trueDiameter = (params) => (isNarrow() ? BIGGEST.narrow : BIGGEST.wide) * Math.sqrt(params / BIGGEST.params);

const diameter = (params) => Math.max(LEAST, trueDiameter(params));

const isEnlarged = (point) => trueDiameter(point.params) < LEAST;

// A square of the same area is less wide than a circle.
const markerSize = (point) => diameter(point.params) * (point.single_crop ? 1 : Math.sqrt(Math.PI) / 2);

function symbol(point) {
  const shape = point.single_crop ? "circle" : "square";
  return point.published_only ? `${shape}-open` : shape;
}

// Measured here: a dark rim.  Of one artefact: solid, where what was joined is translucent.
const opacity = (point) => (point.broken.length ? 0.13 : point.one_artefact ? 1 : 0.78);

function rim(point) {
  if (point.name === state.pick) return { color: css("--ink"), width: 2.5 };
  if (point.published_only) return { color: tint(point.family), width: 1.8 };
  return point.top1_measured ? { color: css("--ink"), width: 1.5 } : { color: css("--paper"), width: 1 };
}

// Lines to both ends of the 95 % interval, where there is one and the point is lit; bars with ends
// where it is of an accuracy that was measured here.
function whiskers(points, key, family) {
  const reach = (end) => points.map((point) => {
    const to = point.broken.length ? null : endOf(point, key, end);
    return known(to) ? Math.abs(to - valueOf(point, key)) * DATA.metrics[key].scale : 0;
  });
  const bar = key === "top1" && points.some((point) => point.top1_measured);
  const look = bar ? { thickness: 1.6, width: 4, color: tint(family) } : { thickness: 1.3, width: 0, color: `${tint(family)}80` };
  return { type: "data", symmetric: false, array: reach("high"), arrayminus: reach("low"), ...look };
}

function familyTrace(family, points) {
  return {
    type: "scatter", mode: "markers", name: plotlyText(family),
    x: points.map((point) => point.vx * DATA.metrics[state.x].scale),
    y: points.map((point) => point.vy * DATA.metrics[state.y].scale),
    error_x: whiskers(points, state.x, family), error_y: whiskers(points, state.y, family),
    customdata: points.map((point) => point.name),
    text: points.map(hoverText), hovertemplate: "%{text}<extra></extra>",
    marker: {
      size: points.map(markerSize), symbol: points.map(symbol),
      color: tint(family), opacity: points.map(opacity),
      line: { color: points.map((point) => rim(point).color), width: points.map((point) => rim(point).width) },
    },
  };
}

function frontierTrace(best) {
  return {
    type: "scatter", mode: "lines", name: "Pareto frontier", hoverinfo: "skip",
    x: best.map((point) => point.vx * DATA.metrics[state.x].scale),
    y: best.map((point) => point.vy * DATA.metrics[state.y].scale),
    line: { color: css("--muted"), width: 1.4, dash: "dash", shape: "hv" },
  };
}

// Dashed lines at the limits that lie on the axis.
function limitLines() {
  if (!known(state.max[state.x])) return [];
  const at = state.max[state.x] * DATA.metrics[state.x].scale;
  return [{
    type: "line", xref: "x", yref: "paper", x0: at, x1: at, y0: 0, y1: 1, layer: "below",
    line: { color: css("--accent"), width: 1.5, dash: "dash" },
  }];
}

// 1, 2 and 5 of every power of ten that the points span, or the powers alone where they are many.
function logTicks(drawn) {
  const values = drawn.map((point) => point.vx * DATA.metrics[state.x].scale);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const ticks = [];
  const fine = high / low < 1e3;
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const factor of fine ? [1, 2, 5] : [1]) ticks.push(Number(`${factor}e${power}`));
  }
  return { tickmode: "array", tickvals: ticks, ticktext: ticks.map((tick) => digits(tick)) };
}

function layout(drawn) {
  const axis = {
    gridcolor: css("--grid"), linecolor: css("--muted"), zeroline: false, automargin: true,
    tickfont: { color: css("--muted"), size: 13 }, title: { standoff: 12, font: { size: 14.5 } },
  };
  const log = state.log === "1";
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
    margin: { l: 58, r: 14, t: 10, b: 52 }, hovermode: "closest", hoverdistance: 12, dragmode: isNarrow() ? false : "zoom",
    font: { family: FONT, color: css("--ink"), size: 14 },
    hoverlabel: { bgcolor: css("--panel"), bordercolor: css("--grid"), align: "left", font: { color: css("--ink"), size: 13.5, family: FONT } },
    xaxis: {
      ...axis, type: log ? "log" : "linear", ...(log ? logTicks(drawn) : { rangemode: "tozero" }),
      title: { ...axis.title, text: plotlyText(axisTitle(state.x)) }, showline: true, ticks: "outside", tickcolor: css("--muted"), ticklen: 4,
    },
    yaxis: { ...axis, title: { ...axis.title, text: plotlyText(axisTitle(state.y)) } },
    shapes: limitLines(), annotations: [],
    uirevision: [state.data, state.x, state.y, state.log].join(), // what was zoomed into stays
  };
}

const CONFIG = {
  responsive: true, displaylogo: false, displayModeBar: false, scrollZoom: false,
};

const named = (points) => new Set(points.map((point) => point.name));

async function drawChart(points) {
  const drawn = points.filter(isDrawn);
  const blobs = drawn.filter((point) => !isOfLibrary(point));
  const families = [...new Set(blobs.map((point) => point.family))].sort();
  // The big ones first, so that they hide no small one.
  const bigFirst = [...blobs].sort((a, b) => b.params - a.params);
  const best = frontier(drawn);
  const alike = (family, measured) => bigFirst.filter((point) => point.family === family && Boolean(point.top1_measured) === measured);
  const traces = families.flatMap((family) => [false, true].map((measured) => alike(family, measured))
    .filter((some) => some.length).map((some) => familyTrace(family, some)));
  if (blobs.length < drawn.length) traces.unshift(extentTrace(drawn), standingTrace(drawn.filter((point) => isOfLibrary(point) && !isHaze(point, named(best)))));
  if (state.front === "1") traces.unshift(frontierTrace(best));
  if (state.mine.length) traces.push(mineTrace());
  const chart = byId("chart");
  await plotlyIsThere;
  await Plotly.react(chart, traces, layout(drawn), CONFIG);
  await labelChart(chart, drawn);
  describeChart(chart, points, drawn);
}

// Names are placed once the axes are known.
function labelChart(chart, drawn) {
  const { xaxis, yaxis } = chart._fullLayout;
  const best = named(frontier(drawn));
  placeHaze(chart, drawn, best);
  const rank = (point) => (point.name === state.pick ? 4 : 0) + (point.broken.length ? 0 : 2) + best.has(point.name);
  const order = drawn.filter((point) => !isHaze(point, best))
    .map((point) => ({
      label: shortLabel(point), rank: rank(point), vy: point.vy, faint: point.broken.length > 0,
      px: xaxis.d2p(point.vx * DATA.metrics[state.x].scale),
      py: yaxis.d2p(point.vy * DATA.metrics[state.y].scale), r: isOfLibrary(point) ? 4.5 : diameter(point.params) / 2,
    }))
    .sort((a, b) => b.rank - a.rank || b.vy - a.vy);
  const area = { width: xaxis._length, height: yaxis._length, ink: css("--ink") };
  const lines = [...(state.front === "1" ? frontierBoxes(drawn, xaxis, yaxis) : []), ...whiskerBoxes(drawn, xaxis, yaxis)];
  const annotations = placeLabels(order, area, lines);
  byId("named").textContent = annotations.length < drawn.length ? `${annotations.length} of ${drawn.length} networks are named, as far as there is room; the others tell their name when pointed at.` : "";
  return Plotly.relayout(chart, { annotations });
}

// Long whiskers, as thin boxes that no name should cross.
const whiskerBoxes = (drawn, xaxis, yaxis) => [...acrossBoxes(drawn, xaxis, yaxis), ...uprightBoxes(drawn, xaxis, yaxis)];

function uprightBoxes(drawn, xaxis, yaxis) {
  const up = (value) => yaxis.d2p(value * DATA.metrics[state.y].scale);
  return drawn.filter((point) => point.top1_measured && !point.broken.length && known(endOf(point, state.y, "low"))).map((point) => {
    const x = xaxis.d2p(point.vx * DATA.metrics[state.x].scale);
    return { left: x - 1, right: x + 1, top: up(endOf(point, state.y, "high")), bottom: up(endOf(point, state.y, "low")) };
  });
}

function acrossBoxes(drawn, xaxis, yaxis) {
  const at = (value) => xaxis.d2p(value * DATA.metrics[state.x].scale);
  return drawn.filter((point) => !isOfLibrary(point) && !point.broken.length && known(endOf(point, state.x, "low"))).map((point) => {
    const y = yaxis.d2p(point.vy * DATA.metrics[state.y].scale);
    return { left: at(endOf(point, state.x, "low")), right: at(endOf(point, state.x, "high")), top: y - 1, bottom: y + 1 };
  });
}

// The steps of the frontier, as thin boxes that no name should cross.
function frontierBoxes(drawn, xaxis, yaxis) {
  const corners = frontier(drawn).map((point) => ({
    x: xaxis.d2p(point.vx * DATA.metrics[state.x].scale), y: yaxis.d2p(point.vy * DATA.metrics[state.y].scale),
  }));
  return corners.slice(1).flatMap((to, i) => {
    const from = corners[i];
    return [
      { left: Math.min(from.x, to.x), right: Math.max(from.x, to.x), top: from.y - 1, bottom: from.y + 1 },
      { left: to.x - 1, right: to.x + 1, top: Math.min(from.y, to.y), bottom: Math.max(from.y, to.y) },
    ];
  });
}

function describeChart(chart, points, drawn) {
  const title = `${sentence(DATA.metrics[state.y].label)} against ${DATA.metrics[state.x].label}`;
  byId("chart-title").textContent = title;
  const best = frontier(drawn).map((point) => point.label).join(", ");
  chart.setAttribute("aria-label", `Chart: ${title}, ${drawn.length} networks. On the Pareto frontier: ${best || "none"}. The table below holds the same numbers.`);
  byId("empty").hidden = drawn.length > 0;
  byId("empty").textContent = drawn.length ? "" : emptyWords(points);
  chart.classList.toggle("blank", !drawn.length);
}

function emptyWords(points) {
  if (!points.length) return "No network is selected: clear the search, or show more families.";
  const lacking = [state.x, state.y].filter((key) => points.every((point) => !known(valueOf(point, key))));
  const remedy = lacking.map((key) => DATA.metrics[key].remedy).find(Boolean);
  return `${points.length === 1 ? "The network selected has no number for" : `None of the ${points.length} networks selected has a number for`} ${lacking.map((key) => DATA.metrics[key].label).join(" and ") || "both axes"}`
    + `${remedy ? `: ${remedy.replaceAll("`", "")}` : ""}. The table lists them.`;
}
