"""Find the globs of the settings that match nothing: rules that silently do not hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase

from opbench.settings import CheckSettings


def unmatched(
    rules: CheckSettings, targets: Collection[str], operators: Collection[str]
) -> Iterator[str]:
    """Yield a sentence on each glob; ``operators`` are those that no rule counts."""
    sections = {
        "max_increase": ([each.glob for each in rules.max_increase], targets, "network"),
        "input_sizes": ([each.glob for each in rules.input_sizes], targets, "network"),
        "allow_uncounted": (rules.allow_uncounted, operators, "uncounted operator"),
    }
    for key, (globs, names, noun) in sections.items():
        for glob in dict.fromkeys(globs):
            if not any(fnmatchcase(name, glob) for name in names):
                yield f"{key} {glob!r} matches no {noun} of the lock"
