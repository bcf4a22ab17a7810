"""Write the findings of folders as a page: ``python -m tests.gpu.report FOLDER…`` writes
``results/gpu.md``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from opbench.escapes import markdown
from tests.gpu.outcome import Line, read
from tests.gpu.part import CARD, GROUPS, PARTS

_TITLES = {
    "checks": "The hardware and PyTorch, and what opbench makes of them",
    "tests": "The tests that need a GPU",
    "truth": "Beside other tools",
    "live": "Live comparisons",
    "roofline": "Labels of the roofline beside PyTorch's profiler",
    "counts": "Counts on the GPU",
    "sweep": "The sweep",
}


def written(*folders: Path) -> str:
    """Return the page of one folder, or of several, of which the later ones replace parts."""
    lines = read(*folders)
    return "\n".join([*_head(lines), *_tables(lines)]) + "\n"


def _head(lines: list[Line]) -> Iterator[str]:
    card = next((line.seen for line in reversed(lines) if line.part == CARD.name), "")
    counted = Counter(line.verdict.partition(":")[0] for line in lines if line.part != CARD.name)
    yield "# opbench on a GPU"
    yield ""
    yield "Written by `make gpu`.  A finding is confirmed where that was seen which was expected"
    yield "before any of it had run on a GPU, and refuted where something else was."
    yield ""
    yield f"- {card or 'unknown card'}"
    yield "- " + ", ".join(f"{number} {verdict}" for verdict, number in sorted(counted.items()))


def _tables(lines: list[Line]) -> Iterator[str]:
    for group in GROUPS:
        parts = [part.name for part in PARTS if part.group == group]
        rows = sorted(
            (line for line in lines if line.part in parts), key=lambda line: parts.index(line.part)
        )
        if rows:
            yield from ("", f"## {_TITLES[group]}", "")
            yield from table(rows)


def table(lines: Iterable[Line]) -> Iterator[str]:
    """Yield a Markdown table, a row per line."""
    yield "| finding | expected | seen | |"
    yield "| --- | --- | --- | --- |"
    for line in lines:
        cells = (line.what, line.expected, line.seen, line.verdict)
        yield f"| {' | '.join(markdown(each) for each in cells)} |"


def main(folders: list[Path]) -> int:
    """Write ``results/gpu.md``; what a dry run left is refused with exit code 2."""
    for folder in folders:
        if any("gpu" not in line.numbers for line in read(folder) if line.part == CARD.name):
            sys.stderr.write(f"error: {folder} was not made on a GPU: nothing is written\n")
            return 2
    target = Path("results") / "gpu.md"
    target.write_text(written(*folders), encoding="utf-8")
    sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main([Path(each) for each in sys.argv[1:]]))
