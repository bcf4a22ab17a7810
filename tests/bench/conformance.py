"""Who is exact where: the conformance cases through every counter that is installed."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import opbench
from opbench.counting import count
from opbench.counting.tracing.gradients import plain_kernels
from tests.bench.peers import PEERS, Answers, Peer, answers
from tests.conformance.cases import CASES, FAMILIES, Case
from tests.conformance.cases.training import TRAINING, Training

_HEAD = """# Conformance: who counts what

{cases} networks of one idea each, whose multiply-accumulates are known by arithmetic and confirmed
by loops that multiply one pair of numbers at a time (`tests/conformance`). Written by `make bench`.

The rule is that of opbench: elements of an operator's result times the length of the dot product
behind each; no cost for biases, activation functions, normalisation and pooling. **A tool that is
not exact here is not always wrong by its own rule**: thop, ptflops and torchinfo add biases, and
thop, ptflops and fvcore add estimates for elementwise operators. What no rule explains are zeros,
factors and failures: "within a quarter" counts the cases with multiply-accumulates that biases
and elementwise terms may explain. Tools that print two operations per multiply-accumulate are
halved; nothing else is changed. ptflops-hooks is given a batch as one image, since it divides by
the batch what its hooks count and not what its functions count; calflops refuses a network without
parameters.

"""
_TRAINING = """
## Training passes

Forward and backward pass of the sum of the outputs. Of the tools above, only torch's counter sees a
backward pass.

"""
_DETAILS = """
## Case by case

`=` is exact; `2.5x` is that many times the right number; `+12` is 12 where nothing is right;
`fails` raised.

"""


def report() -> str:
    """The page, as Markdown."""
    asked = {peer: answers(peer) for peer in PEERS if peer.name == "opbench" or peer.version()}
    found = {peer: said for peer, said in asked.items() if said is not None}
    missing = [peer.name for peer in PEERS if peer not in found]
    text = _HEAD.format(cases=len(CASES)) + _summary(found)
    if missing:
        text += f"\nNot installed, or not able to start here: {', '.join(missing)}.\n"
    return text + training() + _DETAILS + _details(found)


def training() -> str:
    """The part on training passes, which one peer counts; it is asked with plain kernels."""
    cells = [
        [
            case.idea,
            f"{case.macs:,}",
            *(_mark(_said(ask, case), case.macs) for ask in _TRAIN.values()),
        ]
        for case in TRAINING
    ]
    return _TRAINING + _table(["training pass", "MACs", *_TRAIN], cells)


def _said(ask: Callable[[nn.Module, Tensor], float], case: Training) -> float | None:
    try:
        return ask(case.network(), case.example())
    except Exception:  # noqa: BLE001  whatever a tool does wrong is its answer
        return None


def _by_opbench(network: nn.Module, x: Tensor) -> float:
    return count(network, (x,), training=True).macs


def _by_torch(network: nn.Module, x: Tensor) -> float:
    with plain_kernels(), FlopCounterMode(display=False) as counter:
        network.train()(x).sum().backward()
    return counter.get_total_flops() / 2


def _by_torch_on_meta(network: nn.Module, x: Tensor) -> float:
    return _by_torch(network.to("meta"), x.to("meta"))


_TRAIN = {"opbench": _by_opbench, "torch (meta)": _by_torch_on_meta, "torch (cpu)": _by_torch}


def _summary(found: dict[Peer, Answers]) -> str:
    head = ["tool", "version", "**exact**", "within a quarter", *FAMILIES]
    rows = [
        [
            peer.name,
            opbench.__version__ if peer.name == "opbench" else peer.version() or "",
            f"**{_exact(said, CASES)} of {len(CASES)}**",
            f"{_near(said)} of {sum(case.macs > 0 for case in CASES)}",
            *(f"{_exact(said, family)} of {len(family)}" for family in FAMILIES.values()),
        ]
        for peer, said in found.items()
    ]
    return _table(head, rows)


def _exact(said: Answers, cases: tuple[Case, ...]) -> int:
    return sum(said[case.idea] == case.macs for case in cases)


def _near(said: Answers) -> int:
    """Cases that have multiply-accumulates and are off by a bias at most."""
    found = ((said[case.idea], case.macs) for case in CASES if case.macs)
    return sum(each is not None and 0.8 <= each / macs <= 1.25 for each, macs in found)


def _details(found: dict[Peer, Answers]) -> str:
    head = ["case", "MACs", *(peer.name for peer in found)]
    rows = [
        [
            case.idea,
            f"{case.macs:,}",
            *(_mark(said[case.idea], case.macs) for said in found.values()),
        ]
        for case in CASES
    ]
    return _table(head, rows)


def _mark(said: float | None, macs: int) -> str:
    if said is None:
        return "fails"
    if said == macs:
        return "="
    return f"{said / macs:.3g}x" if macs else f"+{said:,.0f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
