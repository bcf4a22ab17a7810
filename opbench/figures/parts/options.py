"""Options of figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Names of options, as in the ``TAKES`` of figures: those of a figure of timings in all runtimes, of
# one in one of them, of one with logarithmic axes, and of one with axes that the reader chooses.
OF_RUNTIMES = frozenset(
    {"dataset", "family", "highlight", "label", "device", "dtype", "batch-size"}
)
OF_TIMINGS = OF_RUNTIMES | {"runtime"}
OF_LOG_TIMINGS = OF_TIMINGS | {"log"}
OF_SCATTERS = OF_LOG_TIMINGS | {"unit", "zoo", "x", "y"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Choices; what is left open is chosen by the figure.

    unit: whether a multiply-add counts 2 (``ops``) or 1 (``macs``) on an axis.
    x, y: keys of ``METRICS``.
    log: logarithmic axes or not.
    dataset: a key of ``spec.DATASETS`` or another data set; by default ``Table.dataset``.
    families, highlight, label: globs of families, of networks to bring forward, of networks to
        name; ``label`` also knows the word ``frontier``.
    device: "cpu", "cuda:0" or part of a machine's name.
    runtime: as in the column of the cells; by default eager, where it was timed.
    zoo: whether the networks of the libraries are drawn behind.
    notes: where the sentences under a figure go: into it, into a file beside it, or nowhere.
    """

    unit: Literal["ops", "macs"] = "ops"
    x: str = ""
    y: str = ""
    log: bool | None = None
    dataset: str = ""
    families: tuple[str, ...] = ()
    highlight: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    device: str = ""
    dtype: str = ""
    runtime: str = ""
    batch_sizes: tuple[int, ...] = ()
    chart2016: bool = False
    zoo: bool = False
    theme: Literal["light", "dark"] = "light"
    notes: Literal["figure", "file", "none"] = "figure"

    @property
    def cost(self) -> str:
        """The metric of the cost axis."""
        return "flops" if self.unit == "ops" else "macs"
