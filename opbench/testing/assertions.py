"""Assert counts of networks, and that one is not slower than another.

A network is a module, or a TARGET as on the command line, relative to the project's root.  A
failure says by how much, and where in the network the cost is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from torch import nn

from opbench.counting import count
from opbench.counting.meta.build import build_without_weights
from opbench.counting.tracing.torch_state import undisturbed
from opbench.errors import BadValueError, OpbenchError
from opbench.escapes import printable
from opbench.inputs import parse_inputs
from opbench.live.quick import compare_live
from opbench.live.start import MAX_SECONDS, Contender, LiveSettings
from opbench.lock import FROM_TARGET, Block, load
from opbench.lock.recount import block_of, find, recount
from opbench.lock.sizes import names_of
from opbench.lock.verdict import Problem, check_counts
from opbench.record import Count
from opbench.registry import rules
from opbench.registry.targets import Target, count_target, require_size_used, resolve
from opbench.runs.plan import Sweep
from opbench.runs.verdict import Verdict
from opbench.settings import Threshold, load_settings, parse_thresholds
from opbench.spec import Shape

Network = nn.Module | str
Inputs = Sequence[Any] | Mapping[str, Any]

_SHOWN = 5
P = ParamSpec("P")


def _in_one_sentence(assertion: Callable[P, None]) -> Callable[P, None]:
    """Let pytest show the sentence of an ``OpbenchError``, and not where it was raised."""

    @wraps(assertion)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        __tracebackhide__ = True
        try:
            assertion(*args, **kwargs)
        except OpbenchError as error:
            raise error.with_traceback(None) from None

    return told


class Assertions:
    """The value of the fixture ``opbench``; settings and file targets are those of ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @_in_one_sentence
    def assert_macs(
        self,
        network: Network,
        expected: int | None = None,
        *,
        at_most: int | None = None,
        inputs: Inputs | None = None,
    ) -> None:
        """Assert the MACs of one forward pass: ``expected``, or ``at_most`` so many.

        ``inputs`` is the size of one image, such as (3, 224, 224), the tuple of arguments of
        ``forward`` or a dict of them by name; a target that knows its own needs none.  An operator
        without a rule fails.
        """
        __tracebackhide__ = True
        counted = self._count(network, inputs)
        if counted.uncounted:
            raise AssertionError(
                f"{_name(network)}: no rule for {', '.join(counted.uncounted)}, so its MACs are "
                "not known"
            )
        _assert(network, "MACs", counted.macs, expected, at_most, _costliest(counted))

    @_in_one_sentence
    def assert_params(
        self, network: Network, expected: int | None = None, *, at_most: int | None = None
    ) -> None:
        """Assert the elements of all parameters, a shared one once."""
        __tracebackhide__ = True
        module = network if isinstance(network, nn.Module) else self._built(network)
        params = sum(each.numel() for each in module.parameters())
        _assert(network, "parameters", params, expected, at_most, _largest(module))

    @_in_one_sentence
    def assert_within_lock(
        self, network: Network, *, name: str = "", inputs: Inputs | None = None
    ) -> None:
        """Assert that ``opbench check`` passes, by the rules of ``[tool.opbench.check]``.

        ``name`` is the lock's target that a module stands for; without ``inputs`` it is counted
        at each size that was locked.
        """
        __tracebackhide__ = True
        settings = load_settings(self._folder)
        name = name or (network if isinstance(network, str) else "")
        if not name:
            raise BadValueError("assert_within_lock needs name=, its target in the lock")
        networks = load(settings.lock).networks
        locked = {each: networks[each] for each in names_of(name, networks)}
        if not locked:
            raise AssertionError(
                f"{name} is not in {settings.lock}: `opbench check --update {name}` adds it"
            )
        with chdir(settings.root):
            now = {each: self._block(network, locked[each], inputs) for each in locked}
        failures = [each for each in check_counts(locked, now, settings.check) if not each.ok]
        if failures:
            lines = [line for each in failures for line in (each.sentence, *each.why)]
            raise AssertionError("\n  ".join(map(printable, lines)))

    @_in_one_sentence
    def assert_not_slower(
        self,
        new: str,
        base: str,
        *,
        by: str = "5%",
        input_size: Sequence[int] = (),
        device: str = "cpu",
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        """Assert that the target ``new`` is not slower than ``base``, timed here and now in turns.

        ``by`` is the change that does not matter, such as "5%" or "50us".  It fails where the 95 %
        interval of the ratio lies above 1 and reaches beyond ``by``, and warns where it cannot
        tell.  Files are named relative to the project's root.
        """
        __tracebackhide__ = True
        settings = LiveSettings(max_seconds=max_seconds, thresholds=_threshold(by))
        sizes = [Shape(input_size)] if input_size else []
        sweep = Sweep(devices=(device,), input_sizes=sizes)
        with chdir(load_settings(self._folder).root):
            one, other = (Contender(target=each, sweep=sweep) for each in (base, new))
            found = compare_live(one, other, settings)
        if found.verdict in (Verdict.SLOWER, Verdict.FAILED):
            raise AssertionError(printable(found.sentence))
        if found.verdict is Verdict.AMBIGUOUS:
            # There the option is a keyword.
            note = found.note.replace("--max-seconds", "max_seconds=")
            warnings.warn(f"{found.sentence} {note}", stacklevel=3)

    def _count(self, network: Network, inputs: Inputs | None) -> Count:
        if isinstance(network, nn.Module):
            if inputs is None:
                raise BadValueError("a module needs inputs=, a size such as (3, 224, 224)")
            with rules.of_project(self._folder):
                return count(network, inputs)
        with chdir(load_settings(self._folder).root):
            given = _given(inputs)
            counted = count_target(_one(network), given)
            require_size_used(network, given, counted)
            return counted

    def _built(self, network: str) -> nn.Module:
        """Build the target, without weights if it can be; unlike a count this needs no input."""
        module: nn.Module
        with chdir(load_settings(self._folder).root), undisturbed():
            build = _one(network).build
            try:
                module, _ = build_without_weights(build)
            except Exception:  # noqa: BLE001  a constructor that looks at its weights
                module, _ = build()
        return module

    def _block(self, network: Network, locked: Block, inputs: Inputs | None) -> Block | Problem:
        if isinstance(network, nn.Module):
            if not (inputs or locked.inputs or locked.input_size):
                raise BadValueError("the lock holds no input size: give inputs=")
            given = inputs or parse_inputs(locked.inputs) or locked.input_size
            batch_size = 1 if locked.inputs else locked.batch_size
            with rules.of_project(self._folder):
                counted = count(network, given, batch_size=batch_size)
            return block_of(counted, FROM_TARGET)
        found = find([network], [network])[network]
        if isinstance(found, Problem):
            return found
        return recount(found, locked, _given(inputs))


def _threshold(by: str) -> Sequence[Threshold]:
    try:
        return parse_thresholds(by)
    except ValueError as error:
        raise BadValueError(f"by {error}, not {by!r}") from None


def _given(inputs: Inputs | None) -> Any:
    return inputs if inputs is None or isinstance(inputs, Mapping) else tuple(inputs)


def _one(name: str) -> Target:
    targets = resolve([name])
    if len(targets) > 1:
        raise BadValueError(f"{name!r} names {len(targets)} networks: name one")
    return targets[0]


def _assert(
    network: Network,
    what: str,
    counted: int,
    expected: int | None,
    at_most: int | None,
    where: list[tuple[str, int]],
) -> None:
    """Raise ``AssertionError`` with the difference and the parts that cost most."""
    __tracebackhide__ = True
    if (expected is None) == (at_most is None):
        raise BadValueError(f"give either the number of {what} or at_most=")
    limit = expected if expected is not None else at_most
    assert limit is not None
    if counted == limit or (at_most is not None and counted < limit):
        return
    share = f", {counted / limit - 1:+.2%}" if limit else ""
    than = "at most " if at_most is not None else ""
    lines = [
        f"{_name(network)} has {counted:,} {what}, not {than}{limit:,} "
        f"({counted - limit:+,}{share})"
    ]
    lines += [f"{part}: {cost:,} ({cost / counted:.1%})" for part, cost in where if cost]
    raise AssertionError("\n  ".join(map(printable, lines)))


def _name(network: Network) -> str:
    return network if isinstance(network, str) else type(network).__name__


def _costliest(counted: Count) -> list[tuple[str, int]]:
    """Return the modules without submodules that cost most."""
    parents = {each.name.rpartition(".")[0] for each in counted.modules if each.name}
    leaves = [
        (f"{each.name or '(network)'} ({each.kind})", each.macs)
        for each in counted.modules
        if each.name not in parents
    ]
    return _most(leaves)


def _largest(network: nn.Module) -> list[tuple[str, int]]:
    return _most([(name, each.numel()) for name, each in network.named_parameters()])


def _most(parts: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(parts, key=lambda part: -part[1])[:_SHOWN]
