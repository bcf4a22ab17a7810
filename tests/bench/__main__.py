"""``python -m tests.bench [conformance] [memory] [speed] [scale] [census] [timing] [comparison]
[runtimes]`` writes ``results/conformance.md``, ``memory.md``, ``speed.md``, ``scale.md``,
``census.md``, ``timing.md``, ``comparison.md`` and ``runtimes.md``; the exit code is 1 where a
claim does not hold."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench import census, comparison, conformance, memory, runtimes, scale, speed, timing

_PARTS = {
    "conformance": conformance.report,
    "memory": memory.report,
    "speed": speed.report,
    "scale": scale.report,
    "census": census.report,
    "timing": timing.report,
    "comparison": comparison.report,
    "runtimes": runtimes.report,
}


def main() -> bool:
    """Run the parts that are named, or all of them; whether nothing fails to hold."""
    holds = True
    for name in sys.argv[1:] or _PARTS:
        path, text = Path("results") / f"{name}.md", _PARTS[name]()
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
        holds = holds and timing.FAILS not in text
    return holds


if __name__ == "__main__":
    sys.exit(not main())
