"""Count a target by other conventions: rules from one trace, tools by asking them.

Tools run in a fresh process that forks once for each, with the target on real tensors of the CPU:
what one leaves behind in torch, prints or breaks is gone before the next is asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from opbench.conventions import PEERS, Peer, Rule, Tally, Trace, prepare, tally, trace
from opbench.counting.inputs import Request
from opbench.errors import CountError, OpbenchError, describe
from opbench.processes.memory import available_memory
from opbench.record import Count
from opbench.registry.targets import Target, resolve

Size = tuple[int, ...]
Answers = dict[str, Tally | OpbenchError]

# The process must find what this one finds, and nothing that happens to be in its folder.
_START = (
    "import json, sys; sys.path[:], question = json.loads(sys.argv.pop()); "
    "from opbench.registry.by_convention import answer; answer(**question)"
)


def tallies(
    conventions: Iterable[Rule | Peer],
    target: Target,
    counted: Count,
    input_size: Size | None = None,
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
        "input_size": input_size,
        "batch_size": batch_size,
        "weights": counted.device != "meta",
    }
    found = _ask(peers, question, counted)
    if rules:
        inputs, images = target.inputs(input_size, batch_size)
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
    able = [name for name in errors if name not in refused]
    replies = _replies(able, question) if able else []
    return refused | {
        name: _read(f"{name} cannot count {question['target']}", reply)
        for name, reply in zip(able, replies, strict=True)
    }


def _read(subject: str, reply: dict[str, Any]) -> Tally | OpbenchError:
    if "failed" in reply:
        return CountError(f"{subject}: {reply['failed']}")
    return Tally.from_json(reply)


def _replies(peers: Sequence[str], question: dict[str, Any]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", _START, json.dumps([sys.path, question | {"peers": peers}])],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the other tools could not be started: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def answer(*, peers: Sequence[str], **question: Any) -> None:
    """Print a line of JSON for each tool: its tally, or why there is none."""
    channel = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for name in peers:
        if os.fork() == 0:
            _reply(channel, _answer(name, **question))
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.wait()[1])
        if status:
            _reply(channel, {"failed": f"its process ended with exit code {status}"})


def _reply(channel: int, reply: dict[str, Any]) -> None:
    with os.fdopen(channel, "w", closefd=False) as stream:
        stream.write(json.dumps(reply) + "\n")


def _answer(
    name: str, *, target: str, input_size: Sequence[int] | None, batch_size: int, weights: bool
) -> dict[str, Any]:
    try:
        (found,) = resolve([target])
        inputs, images = found.inputs(tuple(input_size) if input_size else None, batch_size)
        request = Request(inputs, images, None)
        network, arguments = prepare(found.build, request, "cpu", weights=weights)
        return PEERS[name].ask(network, arguments).to_json()
    except (Exception, SystemExit) as error:  # noqa: BLE001  tools and networks may raise anything
        return {"failed": describe(error)}
