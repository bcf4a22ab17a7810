"""``opbench run --resume``: the run to continue, and what is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from opbench.cli.render import plural, say
from opbench.errors import BadValueError
from opbench.record import Failure

if TYPE_CHECKING:
    from opbench.runs.pool import Workers
    from opbench.runs.start import Prepared
    from opbench.runs.store import RunFile

# What may stand beside --resume; the rest is as it was.
_OF_RESUMING = {
    "targets",
    "resume",
    "in_process",
    "dry_run",
    "json",
    "results",
    "format",
    "timeout",
    "wait",
}


def find_resumed(context: typer.Context, names: Sequence[str], results: Path) -> RunFile:
    """Return the run to continue.  Raises ``BadValueError`` for options that it has already."""
    from opbench.runs.start import run_to_resume

    if ignored := _settings_given(context):
        raise BadValueError(f"--resume keeps the run's settings: remove {', '.join(ignored)}")
    if len(names) > 1:
        raise BadValueError("--resume continues one run: name one run, or none for the newest")
    run, skipped = run_to_resume(results, next(iter(names), None))
    for damage in skipped:
        say(f"warning: {damage}")
    return run


def _settings_given(context: typer.Context) -> list[str]:
    """Return the options on the command line that a resumed run has already."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    # By name: typer does not export the sources.
    given = {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}
    options = context.command.params
    return [each.opts[0] for each in options if each.name in given - _OF_RESUMING]


def prepare_rest(run: RunFile, workers: Workers) -> Prepared:
    """Prepare what is left of a run, and say how much that is."""
    from opbench.runs.environment import unequal_facts
    from opbench.runs.lines import Header
    from opbench.runs.start import resume

    for damage in run.damages:
        say(f"warning: skipped a damaged line: {damage}")
    prepared = resume(run, workers, elsewhere=True)
    if isinstance(prepared.header, Header):
        differing = unequal_facts(run.header.environment, prepared.header.environment)
        say(
            f"{run.path.stem} was made in another environment ({', '.join(differing)} differ): "
            "what is missing goes into a file of its own"
        )
    failed = {each.cell for each in run.of(Failure)} & set(prepared.state.missing)
    left = len(prepared.state.missing) - len(failed)
    told = [
        f"{plural(number, 'cell')} {state}"
        for number, state in ((len(failed), "failed"), (left, "not measured yet"))
        if number
    ]
    say(f"resuming {run.path.stem}: {', '.join(told)}")
    return prepared
