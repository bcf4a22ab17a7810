"""``opbench claims``: what the article and the paper say, tested on the results at hand."""

from __future__ import annotations

from collections import Counter

from opbench.cli.columns import Column
from opbench.cli.options import Accuracies, OutputFormat, Results, measured_folder
from opbench.cli.render import Format, render, say, write
from opbench.metrics import PER_MAC


def _verdict(verdict: str, on: str, found: str, missing: str) -> str:
    doubt = f" ({missing})" if found and missing else ""
    return f"{verdict}{doubt}\n{on}"


def _with_finding(statement: str, found: str, missing: str) -> str:
    return f"{statement}\n{found or f'missing: {missing}'}"


_COLUMNS = (
    Column(
        key="verdict",
        also=("on", "found", "missing"),
        title="verdict, and on what",
        show=_verdict,
        keep=True,
        prose=True,
    ),
    Column(
        key="statement",
        also=("found", "missing"),
        title="statement, and what was found",
        show=_with_finding,
        keep=True,
        prose=True,
    ),
    Column(key="expected", title="said", prose=True),
    Column(key="test", title="how it is tested", prose=True),
    Column(key="source", title="source", prose=True, link="source_url"),
)


def claims(
    results: Results = None,
    accuracies: Accuracies = None,
    format: OutputFormat = Format.table,
) -> None:
    """Test each finding of the article and the paper: holds, does not hold, or cannot tell.

    Findings about time are tested on every device that was measured. The exit code is 0 whatever
    the verdicts.

    Examples:
        opbench claims
        opbench claims --results results/mine --format markdown
    """
    from dataclasses import asdict

    from opbench.claims import evaluate
    from opbench.table import read_folder

    folder = read_folder(measured_folder(results), accuracies)
    for sentence in folder.notes:
        say(f"warning: {sentence}")
    rows = [asdict(finding) for finding in evaluate(folder)]
    verdicts = Counter(row["verdict"] for row in rows)
    told = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common())
    write(render(rows, format, _COLUMNS, caption=f"{PER_MAC}; {told}"))
