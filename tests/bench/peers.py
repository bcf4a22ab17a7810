"""Other counters, each asked for the multiply-accumulates of one forward pass.

``python -m tests.bench.peers NAME`` prints what one of them says of every conformance case, as
JSON.  Each tool is imported in a process of its own, and asked about each case in a copy of that
process, because some leave hooks and patches behind that spoil whatever is asked next.  A tool that
reports two operations per multiply-accumulate is halved, and nothing else is done to its number.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from opbench.conventions import PEERS as TOOLS
from opbench.counting import count
from opbench.counting.arguments import Arguments
from tests.conformance.cases import CASES, Case
from tests.providers import torchvision_operators  # noqa: F401  some peers import torchvision

Inputs = tuple[Any, ...]


def opbench(network: nn.Module, inputs: Inputs) -> float:
    """This project."""
    return count(network, inputs).macs


def torch_cpu(network: nn.Module, inputs: Inputs) -> float:
    """torch.utils.flop_counter on real tensors."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network(*inputs)
    return counter.get_total_flops() / 2


def torch_meta(network: nn.Module, inputs: Inputs) -> float:
    """torch.utils.flop_counter on the meta device."""
    moved = Arguments(inputs).converted(lambda tensor: tensor.to("meta"))
    return torch_cpu(network.to("meta"), moved.args)


def tool(name: str, network: nn.Module, inputs: Inputs) -> float:
    """A tool that opbench asks for its users."""
    return TOOLS[name].ask(network, inputs).total


def calflops(network: nn.Module, inputs: Inputs) -> float:
    """calflops.calculate_flops."""
    from calflops import calculate_flops

    found = calculate_flops(network, args=list(inputs), print_results=False, output_as_string=False)
    return float(found[1])


def deepspeed(network: nn.Module, inputs: Inputs) -> float:
    """get_model_profile of DeepSpeed's FLOPs profiler."""
    from deepspeed.profiling.flops_profiler import get_model_profile

    _, macs, _ = get_model_profile(network, args=list(inputs), print_profile=False, as_string=False)
    return float(macs)


def torchprofile(network: nn.Module, inputs: Inputs) -> float:
    """torchprofile.profile_macs."""
    from torchprofile import profile_macs

    return float(profile_macs(network, inputs))


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A tool, how to ask it, the package it comes in and what it is imported as."""

    name: str
    ask: Callable[[nn.Module, Inputs], float]
    package: str
    module: str

    def version(self) -> str | None:
        """None where it is not installed."""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None


PEERS = (
    Peer(name="opbench", ask=opbench, package="opbench", module="opbench.counting"),
    Peer(name="torch (meta)", ask=torch_meta, package="torch", module="torch.utils.flop_counter"),
    Peer(name="torch (cpu)", ask=torch_cpu, package="torch", module="torch.utils.flop_counter"),
    *(
        Peer(name=name, ask=partial(tool, name), package=each.package, module=each.package)
        for name, each in TOOLS.items()
    ),
    *(
        Peer(name=ask.__name__, ask=ask, package=ask.__name__, module=ask.__name__)
        for ask in (calflops, deepspeed, torchprofile)
    ),
)

# None: the tool failed.
Answers = dict[str, float | None]


def answers(peer: Peer) -> Answers | None:
    """What a tool says of every case, from a process of its own; None where it cannot start."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.bench.peers", peer.name],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=900,
        check=False,
    )
    return json.loads(done.stdout) if done.returncode == 0 else None


def ask_all(peer: Peer) -> Answers:
    """Ask one tool about every case, as if each were the first."""
    with contextlib.redirect_stdout(sys.stderr):  # some say what they found
        importlib.import_module(peer.module)  # if it cannot be imported it has no say
    return {case.idea: _ask_apart(peer, case) for case in CASES}


def _ask_apart(peer: Peer, case: Case) -> float | None:
    """The answer of a copy of this process, which takes with it what the tool leaves behind."""
    reading, writing = os.pipe()
    copy = os.fork()
    if copy == 0:
        try:
            os.write(writing, json.dumps(_ask(peer, case)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(copy, 0)
    return json.loads(answer) if answer else None  # nothing: it did not survive the question


def _ask(peer: Peer, case: Case) -> float | None:
    torch.set_num_threads(1)  # threads do not survive the copying
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return float(peer.ask(case.network(), case.example()))
    except Exception:  # noqa: BLE001  whatever a tool does wrong is its answer
        return None


if __name__ == "__main__":
    (asked,) = (peer for peer in PEERS if peer.name == sys.argv[1])
    json.dump(ask_all(asked), sys.stdout)
