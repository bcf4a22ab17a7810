"""``opbench compare`` of targets: the words of the command line, progress, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from keyword import iskeyword
from pathlib import Path
from tempfile import TemporaryDirectory

from opbench.cli.live_progress import LiveProgress
from opbench.cli.options import (
    parse_asked,
    parse_input_size,
    parse_integers,
    refuse_batch_size,
    refuse_compile,
    words,
)
from opbench.cli.render import note
from opbench.errors import BadValueError
from opbench.inputs import described
from opbench.live.comparison import LiveComparison, told
from opbench.live.lines import COMPARISON
from opbench.live.player import ForkPlayer, require_forks
from opbench.live.start import VARIED, Contender, Fixture, Fixtures, LiveSettings, Tournament
from opbench.live.worktree import WorkTree, checked_out
from opbench.names import find
from opbench.record import USUAL
from opbench.runs.plan import Sweep
from opbench.runs.pool import ForkServer


@dataclass(frozen=True, slots=True, kw_only=True)
class CellWords:
    """The settings of a side as words of the command line."""

    device: str = "cpu"
    batch_size: str = "1"
    input_size: str | None = None
    inputs: Sequence[str] = ()
    dtype: str = USUAL["dtype"]
    memory_format: str = USUAL["memory_format"]
    runtime: str = USUAL["runtime"]
    threads: str | None = None
    pass_: str = USUAL["pass"]

    def sweep(self) -> Sweep:
        """Return the one setting.  Raises ``BadValueError`` for a list."""
        for key in VARIED:
            if "," in (getattr(self, _field(key)) or ""):
                raise BadValueError(
                    f"--{key} takes one value here; `--vary {key}=A,B` compares two"
                )
        asked = parse_asked(self.input_size, self.inputs)
        images = parse_integers("--batch-size", self.batch_size)
        refuse_batch_size(asked, images)
        size = parse_input_size(self.input_size)
        return Sweep(
            devices=words(self.device),
            batch_sizes=images,
            input_sizes=[size] if size else [],
            inputs=described(asked),
            dtypes=words(self.dtype),
            memory_formats=words(self.memory_format),
            threads=parse_integers("--threads", self.threads) if self.threads else (None,),
            passes=words(self.pass_),
            runtimes=words(self.runtime),
        )

    def varied(self, text: str) -> tuple[CellWords, CellWords]:
        """Return the two settings of --vary KEY=A,B.  Raises ``BadValueError``."""
        key, equals, values = text.partition("=")
        both = words(values)
        if not equals or len(both) != 2 or not all(both):
            raise BadValueError(f"--vary must look like dtype=float32,bfloat16, not {text!r}")
        if key.strip().lstrip("-") == "compile":
            refuse_compile(values)
        field = _field(find("setting", key.strip().lstrip("-"), VARIED))
        one, other = (replace(self, **{field: value}) for value in both)
        return one, other


def _field(key: str) -> str:
    """Return the name of the field of a setting."""
    name = key.replace("-", "_")
    return f"{name}_" if iskeyword(name) else name


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRequest:
    """A comparison of targets that was asked for."""

    targets: Sequence[str]
    words: CellWords
    settings: LiveSettings
    vary: str | None = None
    against: str | None = None
    timeout: float | None = None
    data: Path | None = None

    def tree(self) -> AbstractContextManager[WorkTree | None]:
        """Return the files of the commit, None where none was asked for."""
        if self.against is None:
            return nullcontext()
        return checked_out(self.against, Path.cwd())

    def calibrated(self, fixtures: Sequence[Fixture], folder: Path) -> LiveSettings:
        """Return the settings, with images in ``folder`` where a side is of int8."""
        cells = [side.cell for each in fixtures for side in (each.base, each.new)]
        if self.data is None and all(cell.dtype != "int8" for cell in cells):
            return self.settings
        # PyTorch is loaded for it.
        from opbench.evaluation.calibration import calibrations, require_data

        int8 = [cell.runtime for cell in cells if cell.dtype == "int8"]
        data = require_data(int8, self.data)
        found = calibrations(cells, data, folder)
        return replace(self.settings, data=str(data), calibrations=found)

    def fixtures(self, finder: Fixtures, tree: WorkTree | None) -> list[Fixture]:
        """Find what is to be compared."""
        if tree and self.against:
            contenders = [Contender(target=each, sweep=self.words.sweep()) for each in self.targets]
            return [each for new in contenders for each in finder.against(new, tree, self.against)]
        if self.vary is not None:
            base, new = (each.sweep() for each in self.words.varied(self.vary))
            return [
                finder.of(Contender(target=each, sweep=base), Contender(target=each, sweep=new))
                for each in self.targets
            ]
        sweep = self.words.sweep()
        first, second = (Contender(target=each, sweep=sweep) for each in self.targets)
        return [finder.of(first, second)]


def compare_targets(request: LiveRequest, results: Path) -> list[LiveComparison]:
    """Time the targets in turns, show the progress, and return the findings.

    What was measured is kept in a file below ``results``, also when it is interrupted.
    """
    require_forks()
    settings, timeout = request.settings, request.timeout
    # They load torch while the targets are looked up.
    with (
        ForkPlayer(timeout) as one,
        ForkPlayer(timeout) as other,
        request.tree() as tree,
        TemporaryDirectory(prefix="opbench-") as folder,
    ):
        with ForkServer(timeout, worker="opbench.live.lookup") as workers:
            finder = Fixtures(workers, settings)
            fixtures = request.fixtures(finder, tree)
        settings = request.calibrated(fixtures, Path(folder))
        writer = COMPARISON.new(results)
        with writer, LiveProgress() as progress:
            compared = Tournament(
                fixtures=fixtures,
                settings=settings,
                players=(one, other),
                writer=writer,
                environment=finder.environment,
                watch=progress.watch,
            ).play()
    note(f"recorded in {writer.path}")
    return [told(each, settings.metric) for each in compared]
