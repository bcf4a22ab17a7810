"""``opbench claims``: what the article and the paper say, tested on the results at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from opbench.cli.options import Accuracies, OutputFormat, Results, measured_folder
from opbench.cli.render import Column, Format, render, say, write
from opbench.metrics import PER_MAC

_COLUMNS = (
    Column(key="statement", title="statement"),
    Column(key="test", title="how it is tested"),
    Column(key="expected", title="said"),
    Column(key="found", title="found"),
    Column(key="verdict", title="verdict"),
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
        say(sentence)
    rows = [asdict(finding) for finding in evaluate(folder)]
    verdicts = Counter(row["verdict"] for row in rows)
    told = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common())
    if format in (Format.table, Format.markdown):
        rows = [_for_people(row, format) for row in rows]
    write(render(rows, format, _COLUMNS, caption=f"{PER_MAC}; {told}"))


def _for_people(row: Mapping[str, Any], format: Format) -> dict[str, Any]:
    """Put the source under the statement, the device under the verdict, a gap in place of a find.

    In a terminal an empty line separates the rows, which take several lines each.
    """
    doubt = f" ({row['missing']})" if row["found"] and row["missing"] else ""
    line, end, source = "\n", "\n", row["source"]
    if format is Format.markdown:
        line, end, source = "<br>", "", f"[{source}]({row['source_url']})"
    return {
        **row,
        "statement": f"{row['statement']}{line}{source}{end}",
        "found": row["found"] or f"missing: {row['missing']}",
        "verdict": f"{row['verdict']}{doubt}{line}{row['on']}",
    }
