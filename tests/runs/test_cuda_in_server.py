"""CUDA stays untouched in the process that forks workers: a fork cannot use it afterwards."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from opbench.processes import connection
from opbench.processes.start import python

_PRELOADED = (
    "opbench.runs.worker",
    "opbench.registry.targets:warm_up",
    "opbench.registry.entries:specs",
)

pytestmark = pytest.mark.slow  # a process that imports torch and counts

# A torch built for CUDA, on a machine with a GPU; ``asked`` are the calls that spoil forks.
_TRACED = """
import torch
asked = []
torch.cuda._is_compiled = lambda: True
torch.cuda._device_count_nvml = lambda: 1
torch._C._cuda_getDeviceCount = lambda: asked.append("device count") or 1
torch.cuda._lazy_init = lambda: asked.append("initialisation")
from opbench.processes.server import _preload
_preload(sys.argv[1:])
before = list(asked)
assert torch.cuda.is_available()
print(json.dumps([before, asked]))
"""


@pytest.mark.parametrize(("harmless", "spoilt"), [(True, []), (False, ["device count"])])
def test_neither_a_server_nor_a_package_that_asks_for_gpus_there_touches_cuda(
    harmless: bool, spoilt: list[str]
) -> None:
    ours = connection._HARMLESS
    rest = {key: value for key, value in os.environ.items() if key not in ours}
    ran = subprocess.run(
        python(_TRACED, *_PRELOADED),
        env=rest | (ours if harmless else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == [[], spoilt]
