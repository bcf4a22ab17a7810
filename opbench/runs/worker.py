"""Carry out a worker's requests: one function for each kind.

A request and its reply are JSON objects, so that the two ends need share nothing but words.

    targets   patterns -> the targets they name, and what the machine and PyTorch say of themselves
    weights   the names of targets, with weights that are to be had
    inputs    the batch size and size of the inputs that a target brings
    ceilings  the matrix rate, bandwidth and launch time of a device
    rehearse  what every cell of a device costs beside its own calls, for an estimate
    counts    the multiply-accumulates of targets, for an estimate
    time      one cell, one round
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from opbench.counting.inputs import sizeless
from opbench.errors import (
    BadValueError,
    CountError,
    GoneTargetError,
    OpbenchError,
    TargetError,
    describe,
    either,
)
from opbench.inputs import asked_from_json
from opbench.processes import asked
from opbench.processes.memory import is_out_of_memory
from opbench.record import Artefact, Cell, Load, Round
from opbench.registry.targets import Target, count_target, resolve
from opbench.registry.weights import require_weights
from opbench.runs.artefact import Inspection
from opbench.runs.network import PlacedNetwork, build, own_inputs
from opbench.runtimes import find
from opbench.runtimes.parts.calibrated_on import calibration_in
from opbench.runtimes.parts.onnx_file import not_run
from opbench.spec import Shape
from opbench.timing.between import clear
from opbench.timing.bystanders import watch_bystanders
from opbench.timing.ceilings import measure_ceilings
from opbench.timing.device import Device, open_device
from opbench.timing.energy import EnergyMeter, cpu_meter, gpu_meter
from opbench.timing.gpu import Gpu, open_gpu
from opbench.timing.idle import IdlePower
from opbench.timing.libraries import load_libraries
from opbench.timing.measurement import Instruments, time_round
from opbench.timing.protocol import QUEUE_AGAIN_S, QUEUE_S, Protocol
from opbench.timing.reference import fixed_work
from opbench.timing.settings import CudaOptions, held_in
from opbench.timing.stages import time_stages
from opbench.timing.tf32 import set_tf32
from opbench.timing.threads import threads_set
from opbench.timing.torch_facts import gpu_facts, gpu_uuid, torch_facts
from opbench.timing.traffic import traffic_of
from opbench.timing.training import load_training
from opbench.timing.yardstick import yardstick

Json = dict[str, Any]


def handle(request: Mapping[str, Any]) -> Json:
    """Return the reply to ``request``: {"done": ...} or {"failed": why, ...}, as in ``Reply``."""
    try:
        return {"done": _JOBS[request["job"]](request)}
    except Exception as error:  # noqa: BLE001  a network is foreign code and may raise anything
        spent = any(map(is_out_of_memory, (error, error.__cause__)))
        said = f"out of memory: {describe(error)}" if spent else describe(error)
        return {"failed": said, "out_of_memory": spent, "named_wrongly": _names_wrongly(error)}


def _names_wrongly(error: BaseException) -> bool:
    """Return whether the command is at fault, and not what a network's own code raised."""
    if isinstance(error, TargetError):
        return error.__cause__ is None or isinstance(error, GoneTargetError)
    return isinstance(error, OpbenchError) and not isinstance(error, CountError)


def _targets(request: Mapping[str, Any]) -> Json:
    devices = [open_device(name) for name in request["devices"]]
    _one_gpu([device.name for device in devices if device.asynchronous])
    for runtime in request.get("runtimes", ()):
        find(runtime).require()
    patterns = request["patterns"]
    targets = [] if patterns is None else [_planned(each, request) for each in resolve(patterns)]
    # As in a round: a file that a target comes from may have set it otherwise.
    set_tf32(request["cuda"]["tf32"])
    facts, gpus = torch_facts(), {}
    for device in devices:
        if device.asynchronous:
            gpus[device.name] = gpu_uuid(device.name)
            facts = gpu_facts(device.name) | request["cuda"] | facts
    return {"targets": targets, "facts": facts, "gpus": gpus}


def _weights(request: Mapping[str, Any]) -> Json:
    targets = resolve(request["patterns"])
    return {"names": [require_weights(each, request["weights"]).name for each in targets]}


def _one_gpu(names: list[str]) -> None:
    # The facts in a run's header are those of one.
    if len(names) > 1:
        raise BadValueError(
            f"one run times one GPU, not {' and '.join(names)}: start a run for each"
        )


def _planned(target: Target, request: Mapping[str, Any]) -> Json:
    runtimes = request.get("runtimes", ("eager",))
    if target.graph and not any(find(each).takes_files for each in runtimes):
        raise TargetError(not_run(target.name, either(runtimes)))
    if target.input_size is None:
        return {"name": target.name}
    size = str(Shape(target.input_size))
    return {"name": target.name, "input_size": size, "images": target.images}


def _inputs(request: Mapping[str, Any]) -> Json:
    (target,) = resolve([request["name"]])
    own = own_inputs(target, sized=request["sized"], images=request.get("stages", False))
    if own is None and not request["sized"]:
        raise TargetError(sizeless(target.name))
    return {"name": target.name, **(own or {})}


def _ceilings(request: Mapping[str, Any]) -> Json:
    set_tf32(request["cuda"]["tf32"])
    asked_s = asked.seconds_ago()
    wanted = request.get("with_idle_power")
    meter = _meter(request["device"], _gpu(request)) if wanted else None
    idle = IdlePower(request["device"], meter)
    start = time.perf_counter()
    device = _ready(request["device"])
    start_up_s = asked_s + time.perf_counter() - start
    powers = idle.of_ready_device()
    with threads_set(request["threads"]):
        ceilings = measure_ceilings(device, getattr(torch, held_in(request["dtype"])))
    device.release()
    return {**ceilings.to_json(), **powers, "start_up_s": start_up_s}


def _rehearse(request: Mapping[str, Any]) -> Json:
    yardstick(_ready(request["device"]))
    return {}


def _ready(name: str) -> Device:
    """Open a device and load the libraries that networks need."""
    device = open_device(name)
    load_libraries(device)
    return device


def _counts(request: Mapping[str, Any]) -> Json:
    macs: Json = {}
    for name, inputs in request["targets"]:
        (target,) = resolve([name])
        text = inputs if isinstance(inputs, str) else ", ".join(inputs or ())
        try:
            macs[f"{name} {text}"] = count_target(target, asked_from_json(inputs)).macs
        except (OpbenchError, ValueError):
            # Its own row will say so; an estimate does without it.
            continue
    return macs


def _trace(request: Mapping[str, Any]) -> Json:
    (target,) = resolve([request["name"]])
    try:
        count_target(target, asked_from_json(request["asked"]))
    except OpbenchError as error:
        return {"refusal": describe(error)}
    return {"refusal": ""}


def _time(request: Mapping[str, Any]) -> Json:
    gpu = _gpu(request)
    before = gpu.state() if gpu else {}
    cell = Cell.from_json(request["cell"])
    device = open_device(cell.device, CudaOptions.from_json(request["cuda"]))
    clear(device)
    with threads_set(cell.threads):
        try:
            with torch.inference_mode(not cell.training):
                taken, load, artefact = _round(device, cell, request, gpu)
        finally:
            device.release()
    taken = replace(
        taken,
        number=request["number"],
        idle_power_w=request["idle_power_w"],
        device_before=before,
    )
    return {
        "round": taken.to_json(),
        "load": load.to_json() if load else None,
        "artefact": artefact.to_json() if artefact else None,
    }


def _round(
    device: Device, cell: Cell, request: Mapping[str, Any], gpu: Gpu | None
) -> tuple[Round, Load | None, Artefact | None]:
    protocol = Protocol.from_json(request["protocol"])
    # The samples of a round are over too soon for the kernel's counters to say much.
    bystanders = watch_bystanders()
    load_libraries(device)
    if cell.training:
        load_training(device)
    reference = fixed_work(device)
    instruments = Instruments(
        reference=reference,
        memory=_no_meter if _compiles_here(device, cell) else device.watch_memory(),
        # A GPU's sensor is slow: one long look at it is enough.
        meter=_meter(cell.device, gpu)
        if not device.asynchronous or request["number"] == 1
        else None,
        state=gpu.state if gpu else None,
        queue_s=QUEUE_S if request["number"] == 1 else QUEUE_AGAIN_S,
    )
    weights = request.get("weights", "")
    network = build(cell, own_inputs=request["own_inputs"], seed=protocol.seed, weights=weights)
    # Only now: a file that a network comes from may set it otherwise.
    set_tf32(request["cuda"]["tf32"])
    tf32, runtime = request["cuda"]["tf32"], find(cell.runtime)
    folder = request.get("folder")
    calibration = calibration_in(request)
    executable = network.executable(
        cell, tf32=tf32, folder=Path(folder) if folder else None, calibration=calibration
    )
    call = network.passes(executable.call)
    start_up_s = asked.seconds_ago()
    taken = time_round(call, device, protocol.limits, instruments)
    yardstick_s = yardstick(open_device(cell.device))
    others, stolen = bystanders()
    stages_s = {}
    if request.get("stages"):
        steps = network.steps(cell, executable.call)
        stages_s = time_stages(steps, network.images, device, protocol.limits.seconds)
    # A compiler at work is no pass.
    compiling_s = taken.first_call_s if runtime.compiles else 0.0
    seconds, load, artefact = 0.0, None, None
    if request["with_load"]:
        # Afterwards: neither these passes nor counting may warm or fill what the samples see.
        seconds, load = _loaded(network, cell, device)
        artefact = Inspection(
            cell=cell,
            network=network,
            executable=executable,
            own_inputs=request["own_inputs"],
            seed=protocol.seed,
            weights=weights,
            tf32=tf32,
            calibration=calibration,
        ).artefact(compiling_s)
    taken = replace(
        taken,
        forward_s=taken.forward_s + seconds - compiling_s,
        start_up_s=start_up_s,
        yardstick_s=yardstick_s,
        stages_s=stages_s,
        others_cores=others,
        stolen_cores=stolen,
    )
    return taken, load, artefact


def _loaded(network: PlacedNetwork, cell: Cell, device: Device) -> tuple[float, Load]:
    """Return the seconds of an eager pass, and what one asks of the machine."""
    if network.is_file:
        return 0.0, network.load_of_file(cell)
    see = partial(traffic_of, network.call("eager"), training=cell.training)
    seconds, traffic = _seen(see, device)
    return seconds, network.load(*traffic)


def _seen(see: Callable[[], tuple[int, int]], device: Device) -> tuple[float, tuple[int, int]]:
    """Return the seconds of a pass, and its kernels and bytes."""
    seen: list[tuple[int, int]] = []
    seconds = device.run(lambda: seen.append(see()), 1)
    return seconds, seen[0]


def _compiles_here(device: Device, cell: Cell) -> bool:
    """Return whether the compiler's own memory would be taken for the network's."""
    runtime = find(cell.runtime)
    return (runtime.compiles or runtime.converts) and not device.asynchronous


def _no_meter() -> None:
    return None


def _gpu(request: Mapping[str, Any]) -> Gpu | None:
    return open_gpu(request["gpu_uuid"]) if request["gpu_uuid"] else None


def _meter(device: str, gpu: Gpu | None) -> EnergyMeter | None:
    """Return the meter of the device; a GPU that cannot be asked has none: not the processor's."""
    return cpu_meter() if device == "cpu" else gpu_meter(gpu)


_JOBS: dict[str, Callable[[Mapping[str, Any]], Json]] = {
    "targets": _targets,
    "weights": _weights,
    "inputs": _inputs,
    "ceilings": _ceilings,
    "rehearse": _rehearse,
    "counts": _counts,
    "trace": _trace,
    "time": _time,
}
