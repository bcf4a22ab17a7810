"""``opbench claims``: what the article and the paper say, tested on the results at hand."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

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
    globs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="GLOB",
            help="Claims to test, by key ('study-*'), network (vgg16) or source (Canziani, "
            "1605.07678); all by default. The keys are in json and csv.",
        ),
    ] = None,
    results: Results = None,
    accuracies: Accuracies = None,
    format: OutputFormat = Format.table,
) -> None:
    """Test each finding of the article and the paper: holds, does not hold, or cannot tell.

    Findings about time are tested on every device that was measured. The exit code is 0 whatever
    the verdicts.

    Examples:
        opbench claims
        opbench claims 'study-*' squeezenet
        opbench claims 1605.07678
        opbench claims --results results/mine --format markdown
    """
    from dataclasses import asdict

    from opbench.claims import chosen, evaluate
    from opbench.table import read_folder

    statements = chosen(globs or ["*"])
    folder = read_folder(measured_folder(results), accuracies)
    for sentence in folder.notes:
        say(f"warning: {sentence}")
    rows = [asdict(finding) for finding in evaluate(folder, statements)]
    verdicts = Counter(row["verdict"] for row in rows)
    told = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common())
    write(render(rows, format, _COLUMNS, caption=f"{PER_MAC}; {told}"))
