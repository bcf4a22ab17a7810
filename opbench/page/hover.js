// What a point of the chart tells: every fact in brief, what is drawn in bold, and who says so.

const TOLD = [
  ["top1", "top5", "density"],
  ["macs", "flops", "params", "activations"],
  ["peak_activation_bytes", "weight_bytes"],
  ["latency_s", "latency_per_image_s", "throughput_images_per_s"],
  ["peak_memory_bytes", "energy_j", "power_w"],
];
const LETTERS = { wide: 76, narrow: 40 };

const rowOf = (point, key) => (MEASURED.has(key) ? point.cell : point);

function intervalWords(point, key) {
  const [low, high] = ["low", "high"].map((end) => rowOf(point, key)?.[`${key}_${end}`]);
  return known(low) && known(high) ? ` (${scaled(key, low)} to ${scaled(key, high)})` : "";
}

function metricWords(point, key) {
  const words = `${DATA.metrics[key].label} ${withUnit(key, valueOf(point, key))}${intervalWords(point, key)}`;
  return key === state.x || key === state.y ? `<b>${plotlyText(words)}</b>` : plotlyText(words);
}

const metricRow = (point, keys) =>
  keys.filter((key) => known(valueOf(point, key))).map((key) => metricWords(point, key)).join(", ");

// Where the numbers are from, a sentence each.
function sourceRows(point) {
  const { cell } = point;
  return [
    known(point.top1) ? `accuracy: ${point.source ?? "no source given"}; ${point.protocol ?? "protocol not stated"}` : "",
    point.published_only ? "counts: as published, cannot be run"
      : `counts: opbench ${DATA.version}, one image of ${inputWords(point.input_size)}${point.fvcore_macs === point.macs ? "; fvcore counts the same MACs" : ""}`,
    point.uncounted ? `not counted: ${point.uncounted}, so that the MACs are a lower bound` : "",
    point.paper ? `network: ${point.paper}` : "",
    cell ? `timing: ${conditionWords(condition())}; run ${cell.run}${cell.quality && cell.quality !== "good" ? `, ${cell.quality}` : ""}` : "",
  ].filter(Boolean).map((words) => folded(words).map(plotlyText).join("<br>"));
}

// Lines that the chart is wide enough for, broken between words.
function folded(words) {
  const most = isNarrow() ? LETTERS.narrow : LETTERS.wide;
  const lines = [""];
  for (const word of words.split(" ")) {
    const last = lines.length - 1;
    if (lines[last] && lines[last].length + word.length >= most) lines.push(word);
    else lines[last] += lines[last] ? ` ${word}` : word;
  }
  return lines;
}

function hoverText(point) {
  const title = `<b>${plotlyText(point.label)}</b> · ${plotlyText(point.family)}${point.year ? ` · ${point.year}` : ""}`;
  return [title, ...TOLD.map((keys) => metricRow(point, keys)).filter(Boolean), ...sourceRows(point)].join("<br>");
}
