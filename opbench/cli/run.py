"""``opbench run``: count and time networks on this machine."""

from __future__ import annotations

from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from opbench.cli.executor import Executor, ExecutorOption, ShardsOption, SlurmOption, distribution
from opbench.cli.list_filters import (
    Best,
    Frontier,
    MaxMacs,
    MaxMemory,
    MaxParams,
    Near,
    TrainedOn,
)
from opbench.cli.options import (
    KEPT_INPUTS,
    TARGETS_HELP,
    CalibrationData,
    Input,
    OldCompile,
    OutputFormat,
    Results,
    choose_workers,
    parse_asked,
    parse_fraction,
    parse_input_size,
    parse_integers,
    refuse_batch_size,
    refuse_compile,
    results_folder,
    words,
)
from opbench.cli.render import Format, plural, say, write
from opbench.cli.shard import ShardOption, parse_shard
from opbench.errors import BadValueError
from opbench.inputs import TensorSpec, described
from opbench.record import USUAL
from opbench.runtimes import names as runtime_names
from opbench.shards import Shard

if TYPE_CHECKING:
    from opbench.runs.plan import Sweep
    from opbench.spec import Shape
    from opbench.timing.settings import CudaOptions

# Words of one option, separated by commas.
Words = str


def run(
    context: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help=f"{TARGETS_HELP} With --near, --best, --frontier and limits: names and globs on "
            "file to choose from. With --resume: the run to continue.",
        ),
    ] = None,
    max_macs: MaxMacs = None,
    max_params: MaxParams = None,
    max_memory: MaxMemory = None,
    trained_on: TrainedOn = None,
    frontier: Frontier = False,
    best: Best = None,
    near: Near = None,
    device: Annotated[
        Words,
        typer.Option(
            metavar="DEVICE[,DEVICE]...",
            help="Devices: cpu, cuda or cuda:N (the GPU with that number).",
        ),
    ] = "cpu",
    batch_size: Annotated[
        Words,
        typer.Option(
            "--batch-size", "-b", metavar="N[,N]...", help="Images per forward pass, such as 1,16."
        ),
    ] = "1",
    input_size: Annotated[
        Words | None,
        typer.Option(
            metavar="CxHxW[,CxHxW]...",
            help=f"Sizes of one image: channels x height x width, such as 3x224x224. {KEPT_INPUTS}",
        ),
    ] = None,
    input: Input = None,
    dtype: Annotated[
        Words,
        typer.Option(
            metavar="TYPE[,TYPE]...",
            help="Data types: float32, bfloat16, float16, float64; int8 in the runtimes "
            "onnxruntime and openvino, with --data.",
        ),
    ] = USUAL["dtype"],
    data: CalibrationData = None,
    memory_format: Annotated[
        Words,
        typer.Option(
            metavar="FORMAT[,FORMAT]...", help="Memory formats: contiguous, channels_last."
        ),
    ] = USUAL["memory_format"],
    runtime: Annotated[
        Words,
        typer.Option(
            metavar="NAME[,NAME]...",
            help=f"Runtimes: {', '.join(runtime_names())}. compile:MODE is torch.compile in a mode "
            "of its own: default, reduce-overhead, max-autotune or max-autotune-no-cudagraphs; "
            "onnxruntime:tensorrt is its TensorRT, on a GPU.",
        ),
    ] = USUAL["runtime"],
    compile: OldCompile = None,
    threads: Annotated[
        Words | None,
        typer.Option(
            metavar="N[,N]...",
            help="PyTorch's threads on the CPU; by default PyTorch chooses, usually one per core.",
        ),
    ] = None,
    passes: Annotated[
        Words,
        typer.Option(
            "--pass",
            metavar="PASS[,PASS]...",
            help="Passes: forward, training. training times the forward pass in training mode, the "
            "backward pass of the sum of all outputs (as `opbench count --pass training` counts "
            "them) and a step of SGD.",
        ),
    ] = USUAL["pass"],
    stages: Annotated[
        bool,
        typer.Option(
            "--stages",
            help="Time from encoded images to the five best classes, stage by stage: decode, "
            "resize and normalise, copy to the device, forward pass, postprocess. TARGET returns "
            "(module, [image, ...]), an image being a path, encoded bytes or a PIL image, and may "
            "add {'preprocess': image -> tensor, 'postprocess': outputs -> anything}; by default "
            "the short side becomes 256, and the centre of 224 is normalised as ImageNet.",
        ),
    ] = False,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|pretrained",
            help="Weights: .safetensors, or a state dict saved by torch (.pth); pretrained: those "
            "of torchvision and timm, where they are on disk. By default they are random, on which "
            "time does not depend; with those that `opbench evaluate` was given time and accuracy "
            "are of one artefact.",
        ),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            metavar="PERCENT",
            help="Stop timing a cell early, once its latency is known to within plus or minus this "
            "(with 95 % confidence).",
        ),
    ] = "1%",
    max_seconds: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="Time a cell for at most this long, all its rounds together."
        ),
    ] = 1.6,
    rounds: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Time each cell in at least this many fresh processes (3 or more), which cells of "
            "a GPU share; up to three more where they disagree.",
        ),
    ] = 8,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Seed of the random weights and images.")
    ] = 0,
    cuda_graph: Annotated[bool, typer.Option(help="Record a CUDA graph and replay it.")] = False,
    l2: Annotated[
        str, typer.Option(metavar="warm|cold", help="State of the GPU's L2 cache before a pass.")
    ] = "warm",
    tf32: Annotated[bool, typer.Option(help="Let CUDA compute float32 with TF32.")] = False,
    shard: ShardOption = None,
    executor: ExecutorOption = Executor.local,
    slurm: SlurmOption = None,
    shards: ShardsOption = None,
    in_process: Annotated[
        bool,
        typer.Option(help="Time in this process instead of fresh ones: quicker, less reliable."),
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.001,
            help="End a cell that takes longer than this in one round. By default the first may "
            "take any time on a CPU, ten minutes on a GPU and half an hour where it compiles "
            "there; the next 20 times as long as the one before, and at least two minutes.",
        ),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait",
            help="Wait for another run on one of the devices to end; by default this is an error.",
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue the run named as TARGET, or the newest in which a cell failed or is not "
            "measured yet; with --shard, measure what no file in --results has of that shard.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be timed, and how long it takes.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print each record at once, as one line of JSON.")
    ] = False,
    results: Results = None,
    format: OutputFormat = Format.table,
) -> None:
    """Count and time networks; every result is on disk as soon as it is measured.

    Exit code 0: all were measured; 1: some failed, and their rows say why; 2: a target that does
    not exist or whose input size nothing tells, and then nothing is measured. --resume keeps the
    run's settings and tries again what failed, unless it ran out of memory. A cell is one network
    at one input size, batch size and data type in one runtime on one device; where its outputs are
    not those of eager float32, its quality is "differs" and its time does not count. --near,
    --best, --frontier and limits choose networks on file as `opbench list` does: built-in,
    torchvision's and timm's, with random weights, on which time does not depend.

    Examples:
        opbench run resnet50 'vgg*'
        opbench run resnet50 --device cuda --batch-size 1,16 --dtype float32,bfloat16
        opbench run --near torchvision:resnet50 --best 10
        opbench run 'timm:*' 'torchvision:*' --frontier --max-macs 20G
        opbench run mymodels.py:net --input-size 3x224x224
        opbench run mymodels.py:bert --input input_ids=1x128:int64
        opbench run resnet50 --runtime eager,compile,aot,onnxruntime,openvino
        opbench run lenet5 --weights lenet5.safetensors --runtime eager,openvino
        opbench run model.onnx --runtime onnxruntime,openvino
        opbench run resnet50 --runtime openvino --dtype int8 --data imagenet/val
        opbench run resnet50 --pass forward,training --batch-size 16
        opbench run mymodels.py:net_and_images --stages
        opbench run 'torchvision:*' --shard 2/8
        opbench run 'vgg*' --device cuda --executor slurm --slurm gres=gpu:1
        opbench run --dry-run
        opbench run --resume
    """
    from opbench.cli.run_choice import choose
    from opbench.cli.run_data import calibrated_on, check_data
    from opbench.cli.run_progress import take
    from opbench.cli.run_report import (
        render_plan,
        render_rows,
        render_stages,
        say_estimate,
        say_outcome,
    )
    from opbench.cli.run_resume import find_resumed, prepare_rest
    from opbench.cli.run_shards import continued, run_by_slurm
    from opbench.files import Appender
    from opbench.runs.devices import hold_devices
    from opbench.runs.lines import RUN
    from opbench.runs.plan import Sweep
    from opbench.runs.start import prepare
    from opbench.runs.store import read_run
    from opbench.timing.protocol import Protocol
    from opbench.timing.settings import CudaOptions

    refuse_compile(compile)
    images, inputs = parse_integers("--batch-size", batch_size), _inputs(input_size, input)
    refuse_batch_size(inputs, images)
    folder, part = results_folder(results), parse_shard(shard)
    work = distribution(context, folder, ("--resume", "--wait"), exclusive="cpu" in words(device))
    old = find_resumed(context, targets or (), folder) if resume and not part else None
    chosen = choose(context.params) if old is None else {}
    sweep = Sweep(
        devices=words(device),
        batch_sizes=images,
        input_sizes=[] if inputs else _sizes(input_size),
        sizes_of=chosen,
        inputs=inputs,
        dtypes=words(dtype),
        memory_formats=words(memory_format),
        runtimes=words(runtime),
        threads=parse_integers("--threads", threads) if threads else (None,),
        passes=words(passes),
        stages=stages,
        shard=Shard(1, 1) if work else part,
        data=str(data or ""),
        weights=weights or "",
    )
    check_data(sweep)
    protocol = Protocol(
        precision=parse_fraction("--precision", precision),
        max_seconds=max_seconds,
        rounds=rounds,
        seed=seed,
    )
    cuda = CudaOptions(graph=cuda_graph, l2=l2, tf32=tf32)  # type: ignore[arg-type]
    if json and format is not Format.table:
        raise BadValueError("--json prints each record as it is measured: remove --format")
    start = partial(prepare, [*chosen] or targets or (), sweep, protocol, cuda)
    if work and not dry_run:
        with choose_workers(in_process=in_process) as workers:
            prepared = start(workers, here=False)
        run_by_slurm(work, prepared, folder, format)
        return
    interrupted = False
    with (
        choose_workers(in_process=in_process, timeout=timeout) as workers,
        TemporaryDirectory(prefix="opbench-") as images_in,
    ):
        prepared = prepare_rest(old, workers) if old else start(workers, here=not work)
        if sweep.shard and not prepared.state.plan:
            say(f"shard {sweep.shard} has no cell of this plan")
        _warn(sweep, cuda)
        if dry_run:
            write(render_plan(prepared, format))
            say_estimate(prepared, workers)
            return
        whole = prepared
        if resume and part:
            old, prepared = continued(whole, folder, workers)
        elif not (targets or resume or chosen):
            say_estimate(prepared, workers)
            say("less: name some, as in `opbench run resnet50 'vgg*'`; --dry-run lists them all")
        gpus = prepared.settings.gpus
        with hold_devices(prepared.devices, gpus, folder, wait=wait, tell=say) as waited:
            if waited and resume and part:
                old, prepared = continued(whole, folder, workers)
            elif waited and old:
                old = read_run(old.path)
                prepared = prepare_rest(old, workers)
            prepared = calibrated_on(prepared, old.header.data if old else sweep.data, images_in)
            goes_on = old if prepared.continues else None
            writer = Appender(goes_on.path, size=goes_on.size) if goes_on else RUN.new(folder)
            try:
                take(prepared, writer, workers, stream=json)
            except KeyboardInterrupt:
                interrupted = True
    if not json:
        render = render_stages if prepared.settings.stages else render_rows
        write(render(prepared.state, format))
    say_outcome(prepared.state, writer.path)
    if interrupted:
        say(f"continue with `opbench run --resume {writer.path}`")
        raise KeyboardInterrupt
    if prepared.state.failures:
        raise typer.Exit(1)


def _warn(sweep: Sweep, cuda: CudaOptions) -> None:
    """Say which options do nothing here, or more than they should."""
    from opbench.runs.state import available_cores

    if not any(device.startswith("cuda") for device in sweep.devices):
        given = {"--cuda-graph": cuda.graph, "--l2 cold": cuda.l2 == "cold", "--tf32": cuda.tf32}
        for option in (option for option, given in given.items() if given):
            say(f"warning: {option} does nothing without --device cuda")
    cores = available_cores()
    for threads in filter(None, sweep.threads):
        if threads > cores:
            say(
                f"warning: {threads} threads on {plural(cores, 'core')} take turns, which slows "
                f"them down: --threads {cores} is the most that run at once"
            )


def _inputs(input_size: str | None, inputs: list[str] | None) -> tuple[TensorSpec, ...]:
    return described(parse_asked(input_size, inputs)) if inputs else ()


def _sizes(text: str | None) -> list[Shape]:
    sizes = map(parse_input_size, words(text) if text else [])
    return [size for size in sizes if size]
