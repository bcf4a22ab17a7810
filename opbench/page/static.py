"""The chart, networks and claims as plain HTML: what a reader without JavaScript gets.

The rule it embodies: every text is escaped, every address that is no address of the web is left
out.  The rest of the page is made by its program.  One chart takes 70 kB unpacked; all figures
would make the page half as large again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import pandas as pd

from opbench.escapes import visible
from opbench.metrics import CONVENTION, METRICS
from opbench.page.gallery import Picture
from opbench.spec import dataset_label, ordered_datasets
from opbench.table.frames import Table

_CHART = "accuracy-vs-ops"
_NONE = "\N{EN DASH}"
_NUMBERS = ("top1", "macs", "params")
_HEADS = ("Network", "Top-1 [%]", "MACs [G]", "Parameters [M]", "Year", "Protocol", "Who says so")


def static(table: Table, findings: Sequence[Any], drawn: Sequence[Picture] = ()) -> str:
    """Return the chart if it was drawn, the networks of each data set in a table, and claims."""
    networks = table.published
    ranked = ordered_datasets(networks["dataset"])
    tables = "".join(_networks(networks[networks["dataset"] == each], each) for each in ranked)
    claims = "".join(_claim(finding) for finding in findings)
    return (
        '<section class="panel"><p>Without JavaScript this page has the chart, a list of the '
        "networks and one of what was claimed of them. With it there are also budgets, timings and "
        "all figures, which <code>opbench plot</code> draws too; it loads nothing from the "
        "network.</p>"
        f"<p class=note>{escape(CONVENTION)}</p></section>{''.join(map(_chart, drawn))}"
        f'<section class="panel"><h2>Networks</h2>{tables}</section>'
        f'<section class="panel"><h2>Do the old findings hold?</h2>{claims}</section>'
    )


def _chart(picture: Picture) -> str:
    if picture.name != _CHART or not picture.svg:
        return ""
    image = picture.svg.replace("<svg", f'<svg role="img" aria-label="{_CHART}"', 1)
    title = f"<h2>{escape(picture.description)}</h2>"
    return f'<section class="panel">{title}<div class="drawn scroll">{image}</div></section>'


def _networks(rows: pd.DataFrame, dataset: str) -> str:
    ordered = rows.sort_values(["top1", "macs"], ascending=[False, True], na_position="last")
    body = "".join(_row(row) for row in ordered.to_dict("records"))
    head = "".join(f"<th scope=col>{escape(title)}</th>" for title in _HEADS)
    title = escape(dataset_label(dataset))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<h3>{title}</h3><div class="scroll">{table}</div>'


def _row(row: dict[Any, Any]) -> str:
    numbers = "".join(f"<td class=number>{_number(row, key)}</td>" for key in _NUMBERS)
    year = "" if pd.isna(row["year"]) else f"{row['year']:.0f}"
    source = _link(row["source"], row["source_url"])
    cells = f"<td>{year}</td><td>{_text(row['protocol'])}</td><td>{source}</td>"
    return f"<tr><th scope=row>{_text(row['label'])}</th>{numbers}{cells}</tr>"


def _number(row: dict[Any, Any], key: str) -> str:
    value = row[key]
    digits = ".1f" if METRICS[key].unit == "%" else "#.3g"
    return _NONE if pd.isna(value) else format(value * METRICS[key].scale, digits).rstrip(".")


def _claim(finding: Any) -> str:
    words = ("Said: ", "Found: ", "Missing: ")
    told = zip(words, (finding.expected, finding.found, finding.missing), strict=True)
    rows = (
        f"<p>{_text(finding.statement)}</p>",
        f"<p class=small>{_sentences(told)}</p>",
        f"<p class=small>{_link(finding.source, finding.source_url)}</p>",
    )
    verdict = f"<b>{_text(finding.verdict)}</b>"
    return f"<article class=claim>{verdict}<div>{''.join(rows)}</div></article>"


def _sentences(parts: Iterable[tuple[str, str]]) -> str:
    return " · ".join(f"{word}{_text(text)}" for word, text in parts if text)


def _text(value: Any) -> str:
    return escape(visible(value)) if isinstance(value, str) else _NONE


def _link(words: Any, address: Any) -> str:
    if not isinstance(address, str) or not address.lower().startswith(("https://", "http://")):
        return _text(words)
    return f'<a href="{escape(address)}" rel="noopener noreferrer">{_text(words)}</a>'
