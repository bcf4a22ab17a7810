// Names beside the points: as many as fit without touching each other, the best first.

const LETTER = 6.4;
const LINE = 15;

const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

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

// Annotations for the points, given in order of rank, inside a plot of width x height pixels.
function placeLabels(points, { width, height, ink }, obstacles) {
  const blob = ({ px, py, r }) => ({ left: px - 0.8 * r, right: px + 0.8 * r, top: py - 0.8 * r, bottom: py + 0.8 * r });
  const taken = [...obstacles, ...points.map(blob)];
  const inside = (box) => box.left >= 0 && box.right <= width && box.top >= 0 && box.bottom <= height;
  const placed = [];
  for (const point of points) {
    if (point.px < 0 || point.px > width || point.py < 0 || point.py > height) continue;
    const box = spots(point.px, point.py, point.r, LETTER * point.label.length + 4)
      .find((spot) => inside(spot) && !taken.some((other) => overlap(spot, other)));
    if (!box) continue;
    taken.push(box);
    placed.push({
      xref: "paper", yref: "paper", showarrow: false, text: plotlyText(point.label),
      x: (box.left + box.right) / 2 / width, y: 1 - (box.top + box.bottom) / 2 / height,
      xanchor: "center", yanchor: "middle", opacity: point.faint ? 0.45 : 1,
      font: { size: 12.5, color: ink },
    });
  }
  return placed;
}
