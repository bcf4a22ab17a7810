// Names beside the points: as many as fit without touching each other, the best first.

const FONT = "'Source Sans Pro', sans-serif";
const SIZE = 12.5;
const LINE = 15;
// A name is so much nearer to its own point than to any other, that nobody takes it for theirs.
const NEARER = 6;

const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

const ruler = document.createElement("canvas").getContext("2d");

function widthOf(words) {
  ruler.font = `${SIZE}px ${FONT}`;
  return ruler.measureText(words).width + 4;
}

// Where a name of `width` may stand around a point of radius r, by preference.
function spots(x, y, r, width) {
  const box = (left, top) => ({ left, top, right: left + width, bottom: top + LINE });
  const gap = r + 3;
  return [
    box(x - width / 2, y - gap - LINE), box(x + gap, y - LINE / 2), box(x - gap - width, y - LINE / 2),
    box(x - width / 2, y + gap), box(x + 0.7 * gap, y - 0.7 * gap - LINE), box(x - 0.7 * gap - width, y - 0.7 * gap - LINE),
    box(x + 0.7 * gap, y + 0.7 * gap), box(x - 0.7 * gap - width, y + 0.7 * gap),
  ];
}

const beyond = (at, low, high) => Math.max(0, low - at, at - high);
const distance = (box, { px, py, r }) =>
  Math.hypot(beyond(px, box.left, box.right), beyond(py, box.top, box.bottom)) - r;

// Whether a name at `spot` is taken for that of `own`.
function tells(spot, own, points) {
  const least = Math.max(0, distance(spot, own)) + NEARER;
  return points.every((point) => point === own || distance(spot, point) >= least);
}

// Annotations for the points, given in order of rank, inside a plot of width x height pixels.
function placeLabels(points, { width, height, ink }, obstacles) {
  const taken = [...obstacles];
  const inside = (box) => box.left >= 0 && box.right <= width && box.top >= 0 && box.bottom <= height;
  const placed = [];
  for (const point of points) {
    if (point.px < 0 || point.px > width || point.py < 0 || point.py > height) continue;
    const box = spots(point.px, point.py, point.r, widthOf(point.label))
      .find((spot) => inside(spot) && !taken.some((other) => overlap(spot, other)) && tells(spot, point, points));
    if (!box) continue;
    taken.push(box);
    placed.push({
      xref: "paper", yref: "paper", showarrow: false, text: plotlyText(point.label),
      x: (box.left + box.right) / 2 / width, y: 1 - (box.top + box.bottom) / 2 / height,
      xanchor: "center", yanchor: "middle", opacity: point.faint ? 0.45 : 1,
      font: { size: SIZE, color: ink },
    });
  }
  return placed;
}
