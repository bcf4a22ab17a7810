"""``python -m tests.bench [conformance] [memory] [speed] [timing]`` writes
``results/conformance.md``, ``memory.md``, ``speed.md`` and ``timing.md``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench import conformance, memory, speed, timing

_PARTS = {
    "conformance": conformance.report,
    "memory": memory.report,
    "speed": speed.report,
    "timing": timing.report,
}


def main() -> None:
    """Run the parts that are named, or all of them."""
    for name in sys.argv[1:] or _PARTS:
        path = Path("results") / f"{name}.md"
        path.write_text(_PARTS[name](), encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
