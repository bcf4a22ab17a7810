"""``opbench claims``: what the article and the paper say, tried on the results at hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from opbench.cli.output import Column, Format, emit

_COLUMNS = (
    Column(key="statement", title="statement"),
    Column(key="source", title="source"),
    Column(key="expected", title="said"),
    Column(key="found", title="found"),
    Column(key="verdict", title="verdict"),
    Column(key="missing", title="missing"),
    Column(key="on", title="on"),
)


def claims(
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Where counts.csv and runs/ lie.")
    ] = Path("results"),
    format: Annotated[Format, typer.Option(help="How to print.")] = Format.table,
) -> None:
    """Each finding of the article and the paper: holds, does not hold, or cannot tell.

    Timed findings are tried on every device that was measured.  JSON and CSV say how each is
    tested.  The exit code is 0 whatever the verdicts.
    """
    from dataclasses import asdict

    from opbench.claims import evaluate, load_evidence
    from opbench.errors import BadFileError

    if not results.is_dir():
        raise BadFileError(f"{results} is no folder: `opbench run --results {results}` makes it")
    rows = [asdict(finding) for finding in evaluate(load_evidence(results))]
    verdicts = Counter(row["verdict"] for row in rows)
    emit(
        rows,
        format,
        _COLUMNS,
        caption="One MAC is one multiply-add; "
        + ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common()),
    )
