"""What opbench promises of its timings, tried here and now, as ratios in one run.

    truth     networks whose time is known
    peers     other tools on the same cells
    registry  the whole registry twice: repeatability and thrift
    start     what the command line costs before it does anything

``python -m tests.bench.timing.estimators`` tries estimators of a latency on the same samples.

``python -m tests.bench.timing [PART...]`` prints the claims and has exit code 1 when one does not
hold; ``python -m tests.bench timing`` writes ``results/timing.md``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence

from opbench.timing.disturbances import watch
from tests.bench.timing import estimators, peers, registry, start, truth
from tests.bench.timing.claims import Claim

PARTS: dict[str, Callable[[], Iterator[Claim]]] = {
    "truth": truth.claims,
    "peers": peers.claims,
    "registry": registry.claims,
    "start": start.claims,
}
FAILS = "**does not hold**"
_WORDS = {True: "holds", False: FAILS, None: "cannot tell here"}


def tried(names: Sequence[str] = ()) -> list[Claim]:
    """The claims of the parts named, or of all, each told as it is tried."""
    claims = []
    for name in names or PARTS:
        for claim in PARTS[name]():
            sys.stderr.write(f"{_WORDS[claim.holds]}: {claim.what}: {claim.seen}\n")
            claims.append(claim)
    return claims


def table(claims: Sequence[Claim]) -> str:
    """A row per claim, in Markdown."""
    rows = [
        f"| {each.what} | {each.wanted} | {each.seen} | {_WORDS[each.holds]} |" for each in claims
    ]
    return "\n".join(["| claim | wanted | seen | |", "| --- | --- | --- | --- |", *rows]) + "\n"


def report() -> str:
    """``results/timing.md``."""
    found = watch(cores=os.cpu_count() or 1)
    disturbing = "; ".join(each.seen for each in found) or "nothing that shows"
    return (
        "# What opbench promises of its timings\n\n"
        "Written by `make bench`: each part tried in one run on one machine.  What disturbed it "
        f"at the start: {disturbing}.\n\n{table(tried())}\n{estimators.report()}"
    )
