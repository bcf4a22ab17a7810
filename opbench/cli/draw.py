"""Draw figures to bytes, several at a time in processes of their own.

The same input gives the same bytes: no dates and no versions are written.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from multiprocessing import active_children, get_context
from typing import TYPE_CHECKING, Any

from opbench.errors import MissingDataError, OpbenchError
from opbench.processes.start import keep_out_current_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from opbench.figures import Options
    from opbench.table.frames import Table

# File formats, and what is written into each beside the title.
KINDS: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "opbench"},
    "png": {"Software": "opbench"},
    "pdf": {"CreationDate": None, "Creator": "opbench", "Producer": "opbench"},
}
# A file 2 % larger, in two thirds of the time.
_QUICK: dict[str, Any] = {"png": {"pil_kwargs": {"compress_level": 3}}}

# The bytes of a figure by kind of file.
Page = dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One figure on one background; ``machine`` where there is one for each."""

    name: str
    table: Table
    options: Options
    kinds: Sequence[str]
    machine: str = ""

    @property
    def stem(self) -> str:
        """The name of its files, without suffix."""
        where = "-".join(re.findall(r"[a-z0-9]+", self.machine.lower()))
        dark = "" if self.options.theme == "light" else "dark"
        return "-".join(filter(None, (self.name, where, dark)))


def draw_all(jobs: Sequence[Job]) -> list[Page | MissingDataError]:
    """Draw each figure, or tell what it lacks, in as many processes as there are cores."""
    workers = min(os.cpu_count() or 1, len(jobs))
    if workers < 2:
        return [_draw(job) for job in jobs]
    keep_out_current_folder()
    # Spawned, because a fork of a process with a library's threads may hang.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        try:
            with _interrupts_ignored():
                pages = pool.map(_draw, jobs)
            return list(pages)
        except KeyboardInterrupt:  # nobody waits for the figures that are being drawn
            for each in active_children():
                each.terminate()
            raise
        except BrokenProcessPool:
            raise OpbenchError(
                "a process that drew figures was killed, perhaps out of memory: name fewer figures"
            ) from None


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C, also in processes that are started here; this one may not leave them half
    started, and ends them itself."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _draw(job: Job) -> Page | MissingDataError:
    from opbench.table.folder import collecting_nothing

    with collecting_nothing():  # importing pandas and matplotlib makes no circles either
        try:
            return _page(job)
        except MissingDataError as error:
            return error


def _page(job: Job) -> Page:
    from opbench import figures

    draw = figures.find(job.name)  # first: it knows how to import matplotlib quickly

    from opbench.figures.parts.frame import caption
    from opbench.figures.parts.style import theme

    with theme(job.options.theme):
        figure = draw(job.table, job.options)
        title = figures.describe(job.name)
        page = {kind: _save(figure, kind, title) for kind in job.kinds}
        if job.options.notes == "file":
            page["txt"] = f"{caption(figure)}\n".encode()
        return page


def _save(figure: Figure, kind: str, title: str) -> bytes:
    buffer = BytesIO()
    metadata = {**KINDS[kind], "Title": title}
    with _no_layout_tables() if kind == "pdf" else nullcontext():
        figure.savefig(buffer, format=kind, metadata=metadata, **_QUICK.get(kind, {}))
    return buffer.getvalue()


@contextmanager
def _no_layout_tables() -> Iterator[None]:
    """Embed typefaces without their tables for layout, which takes half of the time otherwise.

    The text of a PDF has been laid out.  Matplotlib passes no options on to fontTools, so that
    only their defaults can be changed; without these the file is the same to its readers.
    """
    from fontTools.subset import Options

    usual = Options._drop_tables_default
    Options._drop_tables_default = [*usual, "GSUB", "GPOS", "GDEF"]
    try:
        yield
    finally:
        Options._drop_tables_default = usual
