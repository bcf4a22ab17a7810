"""The loop of a run: round after round over all cells that still need one.

Rounds are interleaved, every cell once before any cell again, so that a machine that warms up or
gets busy does the same to all of them.  Each line is on disk before the next cell starts; a cell
that fails is a line with its reason, and the run goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import psutil

from opbench.files import Appender
from opbench.record import Artefact, Ceilings, Cell, Failure, Load, Round
from opbench.runs.lines import RUN, CeilingsLine, End, RoundLine, Setting, Warned
from opbench.runs.pool import Reply, Workers
from opbench.runs.shelf import Shelf
from opbench.runs.state import RunState
from opbench.runs.watchdog import limit_of_ceilings, limit_of_round
from opbench.runtimes.parts.calibrated_on import Calibration, calibration_key
from opbench.timing.settings import CudaOptions
from opbench.value import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Progress callbacks: ``round(number, cells)``, ``cell(cell, number)``, ``line(line)``."""

    round: Callable[[int, int], None] = lambda number, cells: None
    cell: Callable[[Cell, int], None] = lambda cell, number: None
    line: Callable[[Value], None] = lambda line: None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """Settings that all cells of a run share.

    ``own_inputs``: targets may bring their own.  ``stages``: those of their images are timed.
    ``weights``: a file, "pretrained", or "" for those that targets are built with.
    ``gpus``: the UUID of each CUDA device.  ``calibrations``: images for int8, by
    ``calibration_key``.
    """

    cuda: CudaOptions = field(default_factory=CudaOptions)
    own_inputs: bool = True
    stages: bool = False
    weights: str = ""
    gpus: Mapping[str, str] = field(default_factory=dict)
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)


def calibration_of(known: Mapping[str, Calibration], cell: Cell) -> Calibration | None:
    """Return the images that a cell is calibrated on, None for any other type than int8."""
    return known.get(calibration_key(cell.name, cell.input_size)) if cell.dtype == "int8" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run in progress; ``shelf`` keeps what was made of its networks."""

    state: RunState
    settings: RunSettings
    writer: Appender
    workers: Workers
    watcher: Watcher = field(default_factory=Watcher)
    shelf: Shelf | None = None

    def go(self) -> None:
        """Measure until every cell is settled.

        The file ends with a line that says how the run ended, unless the process was killed or
        the disk is full.
        """
        start = time.monotonic()
        reason = "stopped by an error"
        try:
            self._all_rounds()
            reason = "finished"
        except KeyboardInterrupt:
            reason = "interrupted"
            raise
        finally:
            self._put(self._end(reason, time.monotonic() - start))

    def _all_rounds(self) -> None:
        for cell in self.state.missing:
            self._settle(cell)
        renewed = True
        for number in count(1):
            if not self.state.missing:
                return
            if pending := self.state.pending(number):
                if not renewed:
                    self.workers.renew()
                self._round(number, pending)
                renewed = False

    def _round(self, number: int, pending: Sequence[Cell]) -> None:
        self.watcher.round(number, len(pending))
        # Cells of a GPU share a process, which those of the CPU in between would end.
        for device in dict.fromkeys(cell.device for cell in pending):
            cells = [cell for cell in pending if cell.device == device]
            idle_power_w: float | None = None
            for setting in dict.fromkeys(map(Setting.of, cells)):
                # It is the device's, whatever the settings.
                known = self._ceilings(setting, number, with_idle_power=idle_power_w is None)
                idle_power_w = idle_power_w or known
            for cell in cells:
                if not self.state.settled(cell):
                    self.watcher.cell(cell, number)
                    self._time(cell, number, idle_power_w)
                    self._settle(cell)

    def _ceilings(self, setting: Setting, number: int, *, with_idle_power: bool) -> float | None:
        """Measure and record the device's ceilings; return its idle power, if known."""
        asked = {
            **setting.to_json(),
            "limit_s": limit_of_ceilings(setting.device),
            # A GPU's takes seconds, and energy is measured in the first round.
            "with_idle_power": with_idle_power and (number == 1 or setting.device == "cpu"),
        }
        reply = self.workers.ask(self._request("ceilings", setting.device, asked))
        if reply.done is None:
            self._put(Warned(number=number, setting=setting, reason=reply.failed))
            return None
        line = CeilingsLine(
            number=number,
            setting=setting,
            ceilings=Ceilings.from_json(reply.done),
            idle_power_w=reply.done["idle_power_w"],
            idle_power_no_context_w=reply.done.get("idle_power_no_context_w"),
            start_up_s=reply.done.get("start_up_s"),
        )
        self._put(line)
        return line.idle_power_w

    def _time(self, cell: Cell, number: int, idle_power_w: float | None) -> None:
        start = time.monotonic()
        protocol, rounds = self.state.protocol, self.state.rounds[cell]
        calibration = calibration_of(self.settings.calibrations, cell)
        asked = {
            "cell": cell.to_json(),
            "number": number,
            "protocol": protocol.to_json(),
            "own_inputs": self.settings.own_inputs,
            "stages": self.settings.stages,
            "weights": self.settings.weights,
            "with_load": cell not in self.state.loads,
            "idle_power_w": idle_power_w,
            "limit_s": limit_of_round(cell, protocol, rounds),
            "folder": self._folder(cell),
            "calibration": calibration.to_json() if calibration else None,
        }
        reply = self.workers.ask(self._request("time", cell.device, asked))
        if reply.done is None:
            self._fail(cell, reply)
            return
        taken = Round.from_json(reply.done["round"])
        taken = replace(taken, process_s=time.monotonic() - start)
        load = reply.done["load"]
        known = Load.from_json(load) if load else self.state.loads[cell]
        artefact = reply.done.get("artefact")
        line = RoundLine(
            cell=cell,
            load=known,
            round=taken,
            artefact=Artefact.from_json(artefact) if artefact else None,
        )
        self._put(line)

    def _folder(self, cell: Cell) -> str | None:
        place = self.shelf.place(cell) if self.shelf else None
        return str(place) if place else None

    def _fail(self, cell: Cell, reply: Reply) -> None:
        spent = reply.out_of_memory
        self._put(Failure(cell=cell, reason=reply.failed, out_of_memory=spent))
        for larger in self.state.larger(cell) if spent else ():
            reason = f"not tried: a batch of {cell.batch_size} ran out of memory"
            self._put(Failure(cell=larger, reason=reason, out_of_memory=True))

    def _settle(self, cell: Cell) -> None:
        """Write the record of a cell that needs no further round."""
        if not self.state.settled(cell) and not self.state.wanting(cell):
            self._put(self.state.record(cell))

    def _request(self, job: str, device: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "job": job,
            "cuda": self.settings.cuda.to_json(),
            "gpu_uuid": self.settings.gpus.get(device),
            **asked,
        }

    def _put(self, line: Value) -> None:
        self.writer.append(RUN.encode(line))
        self.state.add(line)
        self.watcher.line(line)

    def _end(self, reason: str, wall_s: float) -> End:
        rounds = [each for cell in self.state.plan for each in self.state.rounds[cell]]
        return End(
            reason=reason,
            planned=len(self.state.plan),
            records=len(self.state.records),
            failures=len(self.state.failures),
            wall_s=wall_s,
            forward_s=sum(each.forward_s for each in rounds),
            load_after=psutil.getloadavg()[0],
        )
