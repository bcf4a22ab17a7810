"""The environment is read, flat and plain."""

from __future__ import annotations

import json
import os

from opbench.environment import system_facts
from opbench.timing.torch_facts import torch_facts


def test_facts_are_flat_and_fit_into_json() -> None:
    facts = system_facts() | torch_facts()
    assert json.loads(json.dumps(facts)) == facts
    assert not any(isinstance(value, dict) for value in facts.values())


def test_the_machine_and_the_software_are_named() -> None:
    facts = system_facts() | torch_facts()
    assert facts["logical_cores"] == os.cpu_count()
    assert facts["cpu"]
    assert {"os", "kernel", "python", "torch", "torch_threads", "memory_bytes"} <= facts.keys()
