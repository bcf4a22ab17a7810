"""``opbench list --update``: count networks and write the files of facts anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opbench.cli.counted import result
from opbench.cli.progress import Progress
from opbench.cli.render import note, say
from opbench.errors import BadFileError, BadValueError, UnknownNameError, named
from opbench.metrics import CONVENTION_ID
from opbench.processes.calls import Calls, Failed, isolated
from opbench.zoo.libraries import require_library

if TYPE_CHECKING:
    from opbench.registry.counts_csv import NetworkRow
    from opbench.zoo.journal import Journal
    from opbench.zoo.results import Result
    from opbench.zoo.rows import ZooRow

_COUNTING = "opbench.zoo.counting"


Tables = tuple[Path | None, Path | None]
Facts = Mapping[str, Mapping[str, Any]]  # by name and size


def update(globs: Sequence[str], tables: Tables, jobs: int) -> bool:
    """Count the networks that ``globs`` match, the registry's without any.

    ``tables`` are timm's tables of accuracies and of MACs; those of the registry are the reader's
    own, which are not written.
    Returns false where some could not be counted; the others are on file all the same.
    """
    of_libraries = [glob for glob in globs if ":" in glob]
    others = [glob for glob in globs if ":" not in glob]
    patterns: dict[str, list[str]] = {}
    for glob in of_libraries:
        patterns.setdefault(require_library(glob).name, []).append(glob)
    if (tables[1] or (patterns and tables[0])) and "timm" not in patterns:
        raise BadValueError(
            "--update reads --accuracies and --benchmark of timm only, whose wheel holds neither: "
            "add 'timm:*', or remove them"
        )
    if tables[1] and not tables[0]:
        raise BadValueError("--benchmark needs the table of --accuracies beside it: add that")
    if others or not globs:
        _update_registry(others)
    complete = True
    if patterns:
        try:
            with isolated((_COUNTING, "opbench.registry.targets:warm_up"), jobs=jobs) as calls:
                for library, its in patterns.items():
                    every = f"{library}:*" in its
                    complete &= _Update(library, every).run(calls, its, tables)
        except KeyboardInterrupt:
            note("what was counted is kept: the same command goes on from there")
            raise
    return complete


def _update_registry(globs: Sequence[str]) -> None:
    from opbench.registry import counts_csv
    from opbench.registry.audit import network_rows

    # Who exports networks is in the tests; its count stays with a network that did not change.
    exported = {(row.name, row.macs): row.onnx_macs for row in _readable()}
    counted = [
        replace(row, onnx_macs=exported.get((row.name, row.macs))) for row in network_rows(*globs)
    ]
    names = {row.name for row in counted}
    others = [row for row in counts_csv.load() if row.name not in names] if globs else []
    counts_csv.save([*others, *counted], counts_csv.counts_file())
    counts_csv.load.cache_clear()


def _readable() -> Sequence[NetworkRow]:
    """Return the rows on file, none of a file that cannot be read and is written anew."""
    from opbench.registry import counts_csv

    try:
        return counts_csv.load()
    except BadFileError:
        return ()


def _release(package: str) -> str:
    """Return the name and release of a package, without the name of a build."""
    with suppress(PackageNotFoundError):
        return f"{package} {version(package).partition('+')[0]}"
    return package


def _where(fact: Mapping[str, Any]) -> str:
    """Return the name and size of a row, which together are one row's alone."""
    return f"{fact['name']} at {fact['input_size']}"


def _key(row: ZooRow) -> str:
    return _where(row.to_json())


def _note_unmatched(results: Sequence[Result], facts: Facts, table: Path) -> None:
    """Say how many rows of a table of all networks are of weights that the library lacks."""
    known = {fact["name"].partition(":")[2] for fact in facts.values()}
    if left := sum(each.weights not in known for each in results):
        note(f"{table}: {left} of {len(results)} rows match no weights of the library")


@dataclass(frozen=True, slots=True)
class _Update:
    """An update of the rows of one library: of ``every`` one, or of some."""

    library: str
    every: bool

    def run(self, calls: Calls, globs: Sequence[str], tables: Tables) -> bool:
        """Count what is not in the journal yet, and write the rows.

        Weights that the library no longer has leave the file; what cannot be counted stays.
        """
        from opbench.zoo import rows

        results = self._results(*tables)
        facts = self._facts(calls, globs, results)
        if self.every and tables[0]:
            _note_unmatched(results, facts, tables[0])
        journal = self._journal()
        failed = self._count(calls, facts, journal)
        made = [
            rows.ZooRow.from_json({**each, **journal.counted[key].to_json()})
            for key, each in facts.items()
            if key in journal.counted
        ]
        asked = self._named(globs) | {each["name"] for each in facts.values()}
        kept = [row for row in self._on_file() if row.name not in asked or _key(row) in failed]
        rows.save(self.library, [*kept, *made], benchmark=tables[1].name if tables[1] else "")
        journal.remove()
        for key, reason in failed.items():
            say(f"error: {named(_where(facts[key]), reason)}")
        return not failed

    def _named(self, globs: Sequence[str]) -> set[str]:
        """Return the names on file that ``globs`` match."""
        from opbench.zoo import rows

        found = set()
        for glob in globs:
            with suppress(BadFileError, UnknownNameError):
                found |= {row.name for row in rows.chosen([glob])}
        return found

    def _on_file(self) -> Sequence[ZooRow]:
        from opbench.zoo import rows

        try:
            return rows.load(self.library)
        except BadFileError:
            if self.every or not rows.csv_file(self.library).exists():
                return ()
            raise  # rows of other networks would be lost

    def _results(self, accuracies: Path | None, benchmark: Path | None) -> Sequence[Result]:
        from opbench.zoo import results

        if self.library == "timm" and accuracies:
            read = results.read_results(accuracies, benchmark)
            for sentence in read.notes:
                note(sentence)
            return read.rows
        return results.on_file(self._on_file())

    def _facts(self, calls: Calls, globs: Sequence[str], results: Sequence[Result]) -> Facts:
        head = {"results": [each.to_json() for each in results]}
        return {
            _where(each): each
            for glob in globs
            for each in result(calls.call(f"{_COUNTING}:facts", {"pattern": glob, **head}))
        }

    def _journal(self) -> Journal:
        from opbench.zoo import rows
        from opbench.zoo.journal import Journal

        by = f"{_release(self.library)}, {_release('torch')}, {CONVENTION_ID}"
        return Journal(rows.csv_file(self.library).with_suffix(".counting.jsonl"), by)

    def _count(self, calls: Calls, facts: Facts, journal: Journal) -> dict[str, str]:
        """Count what is not in ``journal``; return the reasons of failures by key."""
        left = {key: each for key, each in facts.items() if key not in journal.counted}
        if len(left) < len(facts):
            note(f"{len(facts) - len(left)} networks were counted before the update stopped")
        failed: dict[str, str] = {}
        with journal.appending() as file, Progress(len(left), "counted") as progress:
            counting = calls.outcomes(f"{_COUNTING}:counted", left, group=lambda _: self.library)
            for key, outcome in counting:
                progress.advance(left[key]["name"], failed=isinstance(outcome, Failed))
                if isinstance(outcome, Failed):
                    failed[key] = outcome.reason
                else:
                    journal.add(file, key, outcome.result)
        return failed
