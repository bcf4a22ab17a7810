"""Inside the process of a part: its findings are written as they are made."""

from __future__ import annotations

import os
import sys
import time
import traceback
from contextlib import nullcontext
from pathlib import Path

import torch

import opbench.runs.worker  # noqa: F401  what most parts use, imported once
from opbench.processes.attempt import find
from opbench.timing.tf32 import set_tf32
from tests.gpu.bed import Bed, playing_gpu
from tests.gpu.outcome import append, failed, line_of

LOG = "log.txt"


def run(name: str, call: str, folder: Path, seconds: float, dry: bool) -> None:
    """Carry out one part, and end the process."""
    with (folder / LOG).open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.stderr.write(f"--- {name}\n")
    findings(name, call, Bed(folder=folder, seconds=seconds, dry=dry))
    sys.stdout.flush()
    # Taking a CUDA context apart has been seen to hang, and everything is written.
    os._exit(0)


def findings(name: str, call: str, bed: Bed) -> None:
    """Write what the part finds; an error is a line as well."""
    began = time.monotonic()
    try:
        with playing_gpu() if bed.dry else nullcontext(), torch.inference_mode():
            set_tf32(False)
            for finding in find(call)(bed):
                now = time.monotonic()
                append(bed.folder, line_of(name, finding, now - began))
                began = now
    except Exception as error:  # noqa: BLE001  whatever a driver or a compiler raises
        traceback.print_exc()
        said = f"{type(error).__name__}: {error}".partition("\n")[0][:300]
        append(bed.folder, failed(name, said, time.monotonic() - began))
