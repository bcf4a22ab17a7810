// What a point of the chart tells: every fact in brief, what is drawn in bold, and who says so.

// A line or more each: gains, counted costs, measured ones.
const TOLD = [DATA.gains, DATA.costs.filter((key) => !MEASURED.has(key)), DATA.measured];
const LETTERS = { wide: 50, narrow: 36 };

const isDrawnAs = (key) => key === state.x || key === state.y;

const isTold = (point, key) => known(valueOf(point, key))
  && (isDrawnAs(key) || isTelling(key, point.cell?.batch_size));

const metricWords = (point, key) => `${withLabel(key, valueOf(point, key))}${intervalWords(point, key)}`;

// What is drawn has a bold line of its own, the others share theirs.
function metricRows(point, keys) {
  const told = keys.filter((key) => isTold(point, key));
  const bold = told.filter(isDrawnAs).map((key) => `<b>${plotlyText(metricWords(point, key))}</b>`);
  const rest = told.filter((key) => !isDrawnAs(key)).map((key) => metricWords(point, key));
  const listed = rest.map((words, i) => (i < rest.length - 1 ? `${words},` : words));
  return [...bold, ...(listed.length ? inLines(listed).map(plotlyText) : [])];
}

// Where the numbers are from, the accuracy first.
function sourceRows(point) {
  const { cell } = point;
  const witness = point.fvcore_macs === point.macs ? " and by fvcore, the same" : "";
  return [
    known(point.top1) ? `accuracy: ${point.source ?? "no source given"}; ${point.protocol ?? "protocol not stated"}` : "accuracy: none published",
    point.published_only ? "counts: as published, cannot be run"
      : `counts: opbench ${DATA.version}${witness}, one image of ${inputWords(point.input_size)}`,
    uncountedWords(point) ? `not counted: ${uncountedWords(point)}, so that the MACs are a lower bound` : "",
    point.paper ? `network: ${point.paper}` : "",
    cell ? `timing: ${conditionWords(condition())}; run ${cell.run}${isSteady(cell) ? "" : `; ${cell.quality}`}` : "",
  ].filter(Boolean).map((words) => folded(words).map(plotlyText).join("<br>"));
}

// Lines that the chart is wide enough for, broken between words.
const folded = (words) => inLines(words.split(" "));

function inLines(pieces) {
  const most = isNarrow() ? LETTERS.narrow : LETTERS.wide;
  const lines = [""];
  for (const word of pieces) {
    const last = lines.length - 1;
    if (lines[last] && lines[last].length + word.length >= most) lines.push(word);
    else lines[last] += lines[last] ? ` ${word}` : word;
  }
  return lines;
}

function hoverText(point) {
  const title = `<b>${plotlyText(point.label)}</b> · ${plotlyText(familyLabel(point.family))}${point.year ? ` · ${point.year}` : ""}`;
  const brief = isNarrow(); // a touch also opens the panel, which has every fact
  const metrics = (brief ? [[state.y], [state.x]] : TOLD).flatMap((keys) => metricRows(point, keys));
  return [title, ...metrics, ...sourceRows(point).slice(0, brief ? 1 : undefined)].filter(Boolean).join("<br>");
}
