"""``opbench evaluate``: top-1 and top-5 measured, every image exactly once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opbench.cli.evaluate_options import asked_before, parse_protocol
from opbench.cli.executor import Executor, ExecutorOption, ShardsOption, SlurmOption, distribution
from opbench.cli.options import OutputFormat, Results, results_folder, words
from opbench.cli.render import Format, say, write
from opbench.cli.shard import ShardOption, parse_shard
from opbench.errors import BadValueError, OpbenchError, describe
from opbench.record import USUAL
from opbench.runtimes import names as runtime_names
from opbench.timing.settings import DTYPES, known


def evaluate(
    context: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="torchvision:NAME.WEIGHTS and timm:NAME.WEIGHTS with their weights, where they "
            "are on disk; a built-in network with --weights; package.module:ATTR or "
            "path/file.py:ATTR as it is. With --resume and no --data: the evaluation to go on "
            "with, by default the newest that is not complete.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Images with labels: a folder with a sub-folder per class; a .csv with the "
            "columns path and label; IDX files as of MNIST, or their folder; Parquet files with "
            "the columns image and label, or their folder.",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Weights: .safetensors, or a state dict saved by torch (.pth)."
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Names of the classes, one a line, in the order of the network's outputs. By "
            "default folders in natural order, and ImageNet's synsets in theirs.",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Re-assessed labels instead of the data's own: a .csv with the columns path and "
            "label, of which an image may have several rows, all of them right.",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The data set that the images are of, such as imagenet or mnist, where they do "
            "not tell: published accuracies and charts are of one data set.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Answer N images, drawn at random with --seed."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of --limit.")] = 0,
    resize: Annotated[
        str | None,
        typer.Option(
            metavar="N|HxW",
            help="Resize the shorter side to N pixels, or an image to height x width; 'none' keeps "
            "its size.",
        ),
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(
            metavar="N|HxW", help="Cut out the centre, N x N or height x width; 'none' does not."
        ),
    ] = None,
    interpolation: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="nearest, box, bilinear, hamming, bicubic or lanczos."),
    ] = None,
    antialias: Annotated[
        bool | None,
        typer.Option(
            "--antialias/--no-antialias", help="Smooth an image before it is made smaller, or not."
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(metavar="R,G,B", help="Subtract from values of 0 to 1; 'none' does not."),
    ] = None,
    std: Annotated[
        str | None, typer.Option(metavar="R,G,B", help="Divide by, after that; 'none' does not.")
    ] = None,
    decoder: Annotated[
        str | None, typer.Option(metavar="NAME", help="pillow, pillow-draft or opencv.")
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="DEVICE", help="cpu, cuda or cuda:N (the GPU with that number).")
    ] = "cpu",
    dtype: Annotated[
        str,
        typer.Option(
            metavar="TYPE",
            help="Data type of weights and images: float32, bfloat16, float16, float64; int8 in "
            "the runtimes onnxruntime and openvino, calibrated on 64 images of --data.",
        ),
    ] = USUAL["dtype"],
    runtime: Annotated[
        str,
        typer.Option(metavar="NAME", help=f"Runtime: {', '.join(runtime_names())}, compile:MODE."),
    ] = USUAL["runtime"],
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=4096, help="PyTorch's threads on the CPU.")
    ] = None,
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size", "-b", metavar="N", min=1, max=65536, help="Images per forward pass."
        ),
    ] = 32,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=1024, help="Threads that decode; by default one per core."
        ),
    ] = None,
    shard: ShardOption = None,
    executor: ExecutorOption = Executor.local,
    slurm: SlurmOption = None,
    shards: ShardsOption = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Answer the images that the newest evaluation like this one, or the one named, "
            "has not.",
        ),
    ] = False,
    vary: Annotated[
        str | None,
        typer.Option(
            metavar="KEY[,KEY]...",
            help="Say how much each choice moves this network on these images: resize, crop, "
            "interpolation, antialias, decoder, dtype, batch-size, runtime.",
        ),
    ] = None,
    results: Results = None,
    format: OutputFormat = Format.table,
) -> None:
    """Measure top-1 and top-5: every image exactly once, by a protocol that is written down.

    Each image's answer is on disk as soon as its batch is done, in the folder evaluations of
    --results. Intervals are Wilson's, 95 %. Answers do not depend on the batch size, on shards or
    on threads: in float32 an image too close to call is asked again alone. The protocol is that of
    the library's weights, of the registry, or of options; images of a network of yours are taken as
    they are unless options say otherwise.

    Exit code 1: an image has no answer, or several, or is still missing; 2: nothing was evaluated.
    `opbench compare` compares two evaluations image by image.

    Examples:
        opbench evaluate torchvision:resnet50.IMAGENET1K_V2 --data imagenet/val
        opbench evaluate mymodels.py:net --data photos --resize 256 --crop 224
        opbench evaluate lenet5 --weights lenet5.pth --data t10k-images-idx3-ubyte
        opbench evaluate timm:convnext_tiny.fb_in1k --data val --shard 2/8
        opbench evaluate mymodels.py:net --data photos --executor slurm
        opbench evaluate mymodels.py:net --data photos --vary resize,antialias
        opbench evaluate mymodels.py:net --data photos --runtime openvino --dtype int8
        opbench evaluate --resume
    """
    from opbench.cli.evaluate_lab import vary_each
    from opbench.cli.evaluate_report import Findings
    from opbench.cli.evaluate_run import answered
    from opbench.cli.evaluate_slurm import evaluate_by_slurm
    from opbench.evaluation.settings import AskedEvaluation, EvaluationSettings
    from opbench.registry.targets import resolve
    from opbench.runs.plan import execution_of
    from opbench.runs.state import available_cores

    folder = results_folder(results)
    work = distribution(context, folder, ("--resume",))
    if resume and data is None:
        named: list[str | None] = [*dict.fromkeys(targets or ())]
        asked = [asked_before(context, folder, name) for name in named or [None]]
    else:
        if not targets:
            raise BadValueError("name a TARGET, such as torchvision:resnet50.IMAGENET1K_V2")
        if data is None:
            raise BadValueError("--data is missing: name the images, such as --data imagenet/val")
        name, mode = execution_of(runtime)
        settings = EvaluationSettings(
            device=device,
            dtype=known("dtype", [dtype], DTYPES)[0],
            runtime=name,
            compile=mode,
            threads=threads,
            batch_size=batch_size,
            workers=workers or available_cores(),
            limit=limit or 0,
            seed=seed,
            shard=parse_shard(shard),
        )
        options = parse_protocol(resize, crop, interpolation, antialias, mean, std, decoder)
        asked = [
            (
                AskedEvaluation(
                    target=target,
                    data=data,
                    classes=classes,
                    labels=labels,
                    dataset=dataset or "",
                    weights=weights,
                    options=options,
                    settings=settings,
                ),
                folder,
            )
            for target in resolve(targets)
        ]
    if vary:
        if shard:
            raise BadValueError("--vary compares answers to all images: remove --shard")
        table, fails = vary_each([each for each, _ in asked], words(vary), folder, format)
        write(table)
        if fails:
            raise typer.Exit(1)
        return
    if work:
        evaluate_by_slurm(work, [each for each, _ in asked], folder, format)
        return
    findings = Findings()
    for each, where in asked:
        try:
            findings.add(answered(each, where, resume=resume))
        except OpbenchError as error:
            if len(asked) == 1:
                raise
            say(f"{each.target.name}: {error}")
            findings.fail(each.target.name, describe(error))
    write(findings.render(format))
    findings.say()
    if findings.fails:
        raise typer.Exit(1)
