"""``opbench evaluate --vary``: how much each choice moves a network on these images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opbench.accuracy.measured.comparable import require_comparable
from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.paired import PairedComparison, compare_evaluations, flips
from opbench.cli.columns import Column, integer, scaled
from opbench.cli.evaluate_report import say_changed, say_failed
from opbench.cli.evaluate_run import answered
from opbench.cli.render import Format, note, render, say
from opbench.errors import OpbenchError, describe

if TYPE_CHECKING:
    from opbench.evaluation.lab import Variant
    from opbench.evaluation.settings import AskedEvaluation

_NAMED = 3
_NO_OTHER = (
    "there is no other choice: this protocol does not resize images, or not crop them; say how "
    "with --resize and --crop"
)
_CAPTION = (
    "Top-1 in points against the protocol of the first row, on the same images, with an interval "
    "that holds for all rows together with 95 %. Lost and gained: images that only one gets right."
)


def _number(ids: Any) -> str:
    return "" if ids is None else integer(len(ids))


def _difference(value: Any, low: Any, high: Any) -> str:
    return "" if value is None else f"{value:+.2f} ({low:+.2f} to {high:+.2f})"


_COLUMNS = (
    Column(key="name", title="name", keep=True),
    Column(key="key", title="varied", keep=True),
    Column(key="choice", title="choice", keep=True),
    Column(key="top1", title="top-1 %", show=scaled(1, 2), right=True),
    Column(
        key="difference",
        also=("low", "high"),
        title="difference",
        show=_difference,
        right=True,
        caption=_CAPTION,
    ),
    Column(key="verdict", title="verdict"),
    Column(key="lost", title="lost", show=_number, right=True),
    Column(key="gained", title="gained", show=_number, right=True),
    Column(key="reason", title="", note=True),
)


def vary_each(
    asked: Sequence[AskedEvaluation], keys: Sequence[str], results: Path, format: Format
) -> tuple[str, bool]:
    """Evaluate each network by its own protocol and by every other choice; render the table.

    What was evaluated before is not evaluated again.  Returns also whether a network could not be
    evaluated by its own protocol, or an image has no answer.  Raises ``OpbenchError`` where it is
    the only network, and for a key that cannot be varied.
    """
    from opbench.evaluation.lab import require_varied

    require_varied(keys)
    rows: list[dict[str, Any]] = []
    fails = False
    for each in asked:
        try:
            base = answered(each, results, resume=True, announced=False)
            rows += _rows(each, base, keys, results)
            say_failed(base)
            fails = fails or bool(base.failed)
        except OpbenchError as error:
            if len(asked) == 1:
                raise
            say(f"{each.target.name}: {error}")
            rows.append(_row(each.target.name, "", "", reason=describe(error)))
            fails = True
    return render(rows, format, _COLUMNS), fails


def _rows(
    asked: AskedEvaluation, base: Evaluation, keys: Sequence[str], results: Path
) -> Iterator[dict[str, Any]]:
    from opbench.evaluation.lab import variants

    protocol, top1 = base.header.preprocessing, base.top1
    yield _row(base.header.name, "", str(protocol), top1=top1 and top1.value)
    chosen = variants(asked, protocol, keys)
    tried = [(each, _tried(each, base, results)) for each in chosen]
    compared = _compared(base, [found for _, found in tried if isinstance(found, Evaluation)])
    for variant, found in tried:
        named = (base.header.name, variant.key, variant.choice)
        if isinstance(found, Evaluation):
            yield _moved(named, base, found, next(compared))
        else:
            yield _row(*named, reason=found)
    for key in dict.fromkeys(keys):
        if key not in {each.key for each in chosen}:
            yield _row(base.header.name, key, "", reason=_NO_OTHER)
    say_changed(base)


def _tried(variant: Variant, base: Evaluation, results: Path) -> Evaluation | str:
    """Return the evaluation, or why it cannot be compared: other choices go on."""
    try:
        # Answers in batches of another size would be taken for those of the base.
        resume = variant.key != "batch-size"
        found = answered(variant.asked, results, resume=resume, announced=False)
        require_comparable(base, found)
        if found.header.weights_sha256 != base.header.weights_sha256:
            return (
                "it was built with other weights than the first time, which would be taken for the "
                "effect of this choice: fix its seed, or save its weights and name them with "
                "--weights"
            )
        return found
    except OpbenchError as error:
        say(f"{variant.key} {variant.choice}: {error}")
        return describe(error)


def _compared(base: Evaluation, others: Sequence[Evaluation]) -> Iterator[PairedComparison]:
    return iter(compare_evaluations(base, others) if others else [])


def _moved(
    named: tuple[str, str, str], base: Evaluation, found: Evaluation, compared: PairedComparison
) -> dict[str, Any]:
    flipped = flips(base, found)
    if flipped.only_base:
        first = ", ".join(flipped.only_base[:_NAMED])
        note(f"{named[1]} {named[2]}: loses {len(flipped.only_base)} images, such as {first}")
    return _row(
        *named,
        top1=compared.new_top1,
        difference=compared.difference,
        low=compared.low,
        high=compared.high,
        p_value=compared.p_adjusted,
        verdict=compared.verdict,
        lost=[*flipped.only_base],
        gained=[*flipped.only_new],
    )


def _row(name: str, key: str, choice: str, **found: Any) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("top1", "difference", "low", "high", "p_value", "verdict", "lost", "gained", "reason")
    )
    return {"name": name, "key": key, "choice": choice, **empty, **found}
