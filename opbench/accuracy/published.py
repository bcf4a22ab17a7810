"""Published accuracies: one row per architecture and source.

A row is about exactly the network of the registry; figures of other networks that go by the same
name (a GoogLeNet with batch normalisation, BN-Inception with other widths) are not in the file.

Which row is ``primary``, the one that charts use, by these rules in order:

    1. Only what was confirmed (``read``, or ``read-secondary`` with the place in ``note``), and
       only a training recipe of the network's own period, never a later retraining.
    2. A single crop of the image before averages over several views; a network of which nothing
       but another protocol was published keeps that protocol, and is drawn differently.
    3. Images of the size that the entry is counted at: charts pair the accuracy with the operations
       at that size.
    4. What the authors state of their own release; else their weights as others measured them;
       else the earliest public training of exactly that network.
    5. Where several measured the same weights, the source that states its protocol.

Percentages are of the whole validation or test set unless ``note`` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from opbench.errors import UnknownNameError
from opbench.files import RowError, bad_line, choice, percent, read_rows
from opbench.spec import DATASETS, Shape

PUBLISHED = Path(__file__).with_name("published.csv")

# "single crop" is where a source does not say which; "full image" is for small images that are
# classified whole and for segmentation: one view, which charts draw as a single central crop.
PROTOCOLS = (
    "single central crop",
    "single crop",
    "10-crop",
    "multi-view",
    "dense",
    "full image",
)
EVIDENCE = ("read", "read-secondary", "recalled")
RECIPES = ("period", "modern")

# Drawn, but in no registry: the definition was never published.
PUBLISHED_ONLY = frozenset({"enet_chart2016"})

COLUMNS = (
    "architecture",
    "dataset",
    "top1",
    "top5",
    "protocol",
    "input_size",
    "source",
    "source_url",
    "evidence",
    "recipe",
    "primary",
    "note",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """One published figure.

    ``top1`` and ``top5`` are percentages, None where the source does not print one.  ``evidence``
    says how the figure is known: seen in the source, seen where others reprint it (``note`` says
    where), or from memory, unconfirmed.  ``recipe`` is "modern" for a training recipe that came
    years after the network.  ``images`` is the number of test images where it is not the data set's
    own (a reader's file may say so).
    """

    architecture: str
    dataset: str
    top1: float | None
    top5: float | None
    protocol: str
    input_size: Shape
    source: str
    source_url: str
    evidence: str
    recipe: str
    primary: bool
    note: str
    images: int | None = None

    @property
    def confirmed(self) -> bool:
        """True when the figure was seen in a source, not recalled."""
        return self.evidence != "recalled"


@cache
def load_published(path: Path | None = None) -> tuple[Accuracy, ...]:
    """Read every row, in the file's order.

    Raises ``BadFileError`` naming file, line and what to write instead.
    """
    path = path or PUBLISHED
    rows: list[Accuracy] = []
    primary_line: dict[str, int] = {}
    source_line: dict[tuple[str, ...], int] = {}
    for line, row in read_rows(path, COLUMNS, _accuracy):
        key = (row.architecture, row.dataset, row.source, row.protocol)
        if key in source_line:
            raise bad_line(
                path,
                line,
                f"{row.architecture} from {row.source!r} is already on line {source_line[key]}: "
                "remove one",
            )
        source_line[key] = line
        if row.primary:
            if row.architecture in primary_line:
                raise bad_line(
                    path,
                    line,
                    f"{row.architecture} already has a primary accuracy on line "
                    f"{primary_line[row.architecture]}: set primary to no on one of the two lines",
                )
            primary_line[row.architecture] = line
        rows.append(row)
    return tuple(rows)


@cache
def primaries() -> dict[str, Accuracy]:
    """Return the primary accuracy of each architecture that has one, by name."""
    return {row.architecture: row for row in load_published() if row.primary}


def primary(name: str) -> Accuracy | None:
    """Return the primary accuracy of ``name``, None where only others are known.

    Raises ``UnknownNameError`` for a name of which nothing was published.
    """
    known = {row.architecture for row in load_published()}
    if name not in known:
        raise UnknownNameError(
            "architecture with a published accuracy", name, known, see="see published.csv"
        )
    return primaries().get(name)


def _accuracy(row: dict[str, str]) -> Accuracy:
    accuracy = Accuracy(
        architecture=_text(row, "architecture"),
        dataset=choice(row, "dataset", [key for key in DATASETS if key != "none"]),
        top1=percent(row, "top1"),
        top5=percent(row, "top5"),
        protocol=choice(row, "protocol", PROTOCOLS),
        input_size=_size(row),
        source=_text(row, "source"),
        source_url=_url(row),
        evidence=choice(row, "evidence", EVIDENCE),
        recipe=choice(row, "recipe", RECIPES),
        primary=choice(row, "primary", ("yes", "no")) == "yes",
        note=row["note"],
    )
    _check(accuracy)
    return accuracy


def _check(row: Accuracy) -> None:
    if row.top1 is not None and row.top5 is not None and row.top1 > row.top5:
        raise RowError(f"top1 {row.top1:g} is above top5 {row.top5:g}: swap or correct them")
    if row.top1 is None and row.top5 is None and not row.note:
        raise RowError("top1 and top5 are empty: write one, or write in note what was measured")
    if row.evidence == "read-secondary" and not row.note:
        raise RowError("evidence is read-secondary: write in note where the figure was read")
    if not row.primary:
        return
    if row.top1 is None:
        raise RowError("a primary row needs a top1: write it, or set primary to no")
    if not row.confirmed:
        raise RowError("a recalled figure cannot be primary: confirm it, or set primary to no")
    if row.recipe == "modern":
        raise RowError("a modern training recipe cannot be primary: set primary to no")


def _text(row: dict[str, str], column: str) -> str:
    if not row[column]:
        raise RowError(f"{column} is empty: fill it in")
    return row[column]


def _size(row: dict[str, str]) -> Shape:
    text = row["input_size"]
    try:
        size = Shape.parse(text)
    except ValueError:
        size = Shape()
    if len(size) != 3 or str(size) != text:
        raise RowError(
            f"input_size is {text!r}: write channels x height x width, such as 3x224x224"
        )
    return size


def _url(row: dict[str, str]) -> str:
    text = row["source_url"]
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or "." not in parts.netloc or " " in text:
        raise RowError(f"source_url is {text!r}: write a public address, http:// or https://")
    return text
