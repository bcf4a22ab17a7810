"""Count a target by other conventions: rules from one trace, tools by asking them.

Each tool runs in a process of its own, with the target on real tensors of the CPU: what one leaves
behind in torch, prints or breaks is gone before the next is asked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from opbench.conventions import PEERS, Peer, Rule, Tally, Trace, prepare, tally, trace
from opbench.counting.arguments import by_position
from opbench.counting.inputs import Request
from opbench.errors import CountError, OpbenchError
from opbench.inputs import AskedInputs, asked_from_json, asked_to_json
from opbench.processes.calls import CallLimits, Failed, Outcome, Servers
from opbench.processes.memory import available_memory
from opbench.record import Count
from opbench.registry import rules as project_rules
from opbench.registry.targets import Target, resolve

Answers = dict[str, Tally | OpbenchError]


def tallies(
    conventions: Iterable[Rule | Peer],
    target: Target,
    counted: Count,
    asked: AskedInputs = None,
    *,
    batch_size: int = 1,
) -> Answers:
    """Count ``target`` by each of ``conventions``; an error stands where one has no answer.

    ``counted`` tells where the target can run and how much memory it needs.  Raises ``CountError``
    where a rule is asked for and the forward pass cannot be recorded.
    """
    named = {each.name: each for each in conventions}
    rules = [each for each in named.values() if isinstance(each, Rule)]
    peers = [each for each in named.values() if isinstance(each, Peer)]
    question = {
        "target": target.name,
        "asked": asked_to_json(asked),
        "batch_size": batch_size,
        "weights": counted.device != "meta",
    }
    found = _ask(peers, question, counted)
    if rules:
        inputs, images = target.inputs(asked, batch_size)
        with project_rules.of_project(Path.cwd()):
            recorded = trace(target.build, inputs, batch_size=images, device=counted.device)
        found |= {rule.name: _tally(rule, recorded) for rule in rules}
    return {name: found[name] for name in named}


def lacks_memory(counted: Count) -> CountError | None:
    """Return the error to raise where the tensors of a counted network do not fit into memory."""
    needed, free = counted.weight_bytes + counted.peak_activation_bytes, available_memory()
    if needed <= free:
        return None
    return CountError(f"its tensors need {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free")


def _tally(rule: Rule, recorded: Trace) -> Tally | OpbenchError:
    try:
        return tally(rule, recorded)
    except CountError as error:
        return error


def _ask(peers: Sequence[Peer], question: dict[str, Any], counted: Count) -> Answers:
    errors = {peer.name: peer.missing() or lacks_memory(counted) for peer in peers}
    refused: Answers = {name: error for name, error in errors.items() if error}
    able = {name: question | {"peer": name} for name in errors if name not in refused}
    if not able:
        return refused
    # Tools print tables and warnings; only their numbers are asked for.
    with Path(os.devnull).open("w+b") as nowhere, Servers([__name__], errors=nowhere) as servers:
        replies = servers.outcomes(f"{__name__}:answer", able, CallLimits(memory=False))
        return refused | {
            name: _read(f"{name} cannot count {question['target']}", reply)
            for name, reply in replies
        }


def _read(subject: str, reply: Outcome) -> Tally | OpbenchError:
    if isinstance(reply, Failed):
        return CountError(f"{subject}: {reply.reason}")
    return Tally.from_json(reply.result)


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """Ask one tool, in a process of its own, for its tally of a target."""
    (found,) = resolve([question["target"]])
    inputs, images = found.inputs(asked_from_json(question["asked"]), question["batch_size"])
    request = Request(inputs, images, None)
    network, arguments = prepare(found.build, request, "cpu", weights=question["weights"])
    return PEERS[question["peer"]].ask(network, by_position(network, arguments)).to_json()
