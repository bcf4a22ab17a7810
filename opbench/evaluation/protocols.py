"""Find the protocol that a network is evaluated by.

    torchvision:NETWORK.WEIGHTS   the transforms of the weights
    timm:NETWORK.WEIGHTS          the data configuration of the weights
    NAME                          what is usual for the registry's data set
    any other                     images as they are: options say what else is done

Weights that are not named are those that the library chooses.

Options come on top, field by field.  A crop that is given moves the resizing with it wherever the
protocol is a rule, such as timm's, and not a number.

timm's ``resolve_data_config`` takes the size that a network was trained at, and so does this, as it
is the size that is counted; timm's own script for validation takes the size for tests where the
weights have one.  ``--crop`` of that size asks for it.
"""

from __future__ import annotations

import math
from typing import Any, Literal, cast, get_args

from opbench.accuracy import primaries
from opbench.accuracy.measured.preprocessing import FULL_IMAGE, Interpolation, Preprocessing
from opbench.errors import BadValueError
from opbench.evaluation.protocol_options import ProtocolOptions as ProtocolOptions
from opbench.evaluation.protocol_options import check, overridden
from opbench.images import CROP, MEAN, SHORT_SIDE, STD
from opbench.registry import entries, graphs, providers
from opbench.spec import DATASETS, Shape, dataset_label

# The height and width of a data set's images, where all have the same.
_OWN_SIZE = {"mnist": Shape((28, 28)), "cifar10": Shape((32, 32))}
# The shorter side that images are resized to, over the crop.
_IMAGENET = {"imagenet": SHORT_SIDE / CROP, "imagenet128": 144 / 128}
_NO_OPTIONS = ProtocolOptions()
_KINDS = {"quantization": "classification"}


def protocol_of(
    target_name: str,
    *,
    input_size: Shape | None,
    channels: int | None = None,
    options: ProtocolOptions = _NO_OPTIONS,
) -> Preprocessing:
    """Return the protocol for a target, whose name is that of ``registry.targets.Target``.

    ``input_size``: channels, height and width of one image, None where nothing is known;
    ``channels``: of the network's first convolution, where nothing else tells.
    Raises ``BadValueError`` for options that make no protocol and for a network that classifies no
    images; ``MissingExtraError``.
    """
    check(options)
    library, colon, name = target_name.rpartition(":")
    if library == "torchvision":
        base = _of_torchvision(name)
    elif library == "timm":
        base = _of_timm(name, input_size, options)
    elif colon or graphs.is_graph(target_name):
        base = _as_they_are(target_name, input_size, options.channels or channels)
    else:
        base = _of_entry(target_name, input_size, options)
    return overridden(base, options)


def _of_torchvision(name: str) -> Preprocessing:
    task = providers.task(name)
    if _KINDS.get(task, task) != "classification":
        raise BadValueError(
            f"torchvision:{name} is a network for {task.replace('_', ' ')}: only networks that "
            "classify images are evaluated"
        )
    named = providers.default_weights("torchvision", name)
    if not named:
        raise BadValueError(
            f"torchvision has no weights of {name}, whose protocol it would be: name a set of "
            "weights, as in torchvision:resnet50.IMAGENET1K_V2"
        )
    (weights,) = providers.torchvision_weights(named)
    preset = weights.transforms()
    return Preprocessing(
        resize=Shape(preset.resize_size),
        crop=Shape((preset.crop_size[0], preset.crop_size[-1])),
        interpolation=preset.interpolation.value,
        antialias=preset.antialias is not False,  # older releases say "warn" or None
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        source=f"torchvision's {weights}",
    )


def _of_timm(name: str, input_size: Shape | None, options: ProtocolOptions) -> Preprocessing:
    config = providers.timm_config(name)
    if config is None:
        return _as_they_are(f"timm:{name}", input_size, options.channels)
    size = _extents(options, input_size or Shape(config.input_size))
    resize, crop = _timm_sizes(name, config, size, options)
    interpolation = config.interpolation
    if interpolation not in get_args(Interpolation) and options.interpolation is not None:
        interpolation = options.interpolation
    if interpolation not in get_args(Interpolation):
        raise BadValueError(
            f"timm resizes the images of {name} by {interpolation!r} interpolation: choose one "
            "with --interpolation"
        )
    tag = f".{config.tag}" if config.tag and "." not in name else ""
    return Preprocessing(
        resize=resize,
        crop=crop,
        interpolation=cast(Interpolation, interpolation),
        channels=_channels(f"timm:{name}", config.input_size[0]),
        mean=tuple(config.mean),
        std=tuple(config.std),
        source=f"timm's {name}{tag}",
    )


def _timm_sizes(
    name: str, config: Any, size: Shape, options: ProtocolOptions
) -> tuple[Shape, Shape]:
    """Return resize and crop by timm's rules: the size over the share that the crop is."""
    scaled = Shape(math.floor(extent / _timm_share(config, size)) for extent in size)
    if config.crop_mode == "squash":
        return scaled, Shape() if scaled == size else size
    if options.resize is not None and options.crop is not None:
        return options.resize, options.crop_size
    if config.crop_mode == "border" or len(set(size)) > 1:
        does = (
            "fills up the borders of" if config.crop_mode == "border" else "crops no square out of"
        )
        raise BadValueError(
            f"timm {does} images of {name}, which no protocol here does: give --resize and --crop"
        )
    return Shape(scaled[:1]), size


def _timm_share(config: Any, size: Shape) -> float:
    """Return the share of an image that the crop is; that for tests at the size for tests."""
    at_test = config.test_input_size and Shape(config.test_input_size[-2:]) == size
    if at_test and Shape(config.input_size[-2:]) != size and config.test_crop_pct:
        return float(config.test_crop_pct)
    return float(config.crop_pct)


def _of_entry(name: str, input_size: Shape | None, options: ProtocolOptions) -> Preprocessing:
    spec = entries.get(name)
    dataset = DATASETS.get(spec.dataset)
    if dataset is not None and dataset.test_images is None:
        raise BadValueError(
            f"{name} does not classify images ({dataset.label}): only networks that do are "
            "evaluated"
        )
    whole = input_size or Shape(spec.input_size)
    source = f"the registry's {spec.name}: what is usual for {dataset_label(spec.dataset)}"
    size = _extents(options, whole)
    if own := _OWN_SIZE.get(spec.dataset):
        return Preprocessing(
            resize=own,
            crop=size if size != own else Shape(),
            channels=_channels(name, whole[0]),
            source=source,
        )
    published = primaries().get(spec.name)
    if spec.dataset in _IMAGENET and not (published and published.protocol == FULL_IMAGE):
        return _central_crop(size, _IMAGENET[spec.dataset], source)
    return _whole_image(_channels(name, whole[0]), size, options, source)


def _as_they_are(name: str, input_size: Shape | None, channels: int | None) -> Preprocessing:
    """Return the protocol that does nothing to images but decode them, and scale values."""
    if input_size is not None and len(input_size) != 3:
        raise BadValueError(
            f"{name} takes inputs of size {input_size}, and images have channels, height and "
            "width: name a network that classifies images"
        )
    known = channels or (input_size[0] if input_size else 3)
    return Preprocessing(channels=_channels(name, known), source="images as they are")


def _central_crop(size: Shape, scale: float, source: str) -> Preprocessing:
    return Preprocessing(
        resize=Shape((round(max(size) * scale),)), crop=size, mean=MEAN, std=STD, source=source
    )


def _whole_image(
    channels: Literal[1, 3], size: Shape, options: ProtocolOptions, source: str
) -> Preprocessing:
    """Return the protocol that makes images fit; a crop that is asked for does so alone."""
    resize = Shape() if options.crop_size else size
    return Preprocessing(resize=resize, channels=channels, source=source)


def _extents(options: ProtocolOptions, input_size: Shape | None) -> Shape:
    """Return the height and width of an input: of the crop, of the network, of the resizing."""
    return options.crop_size or Shape((input_size or ())[-2:]) or options.size


def _channels(name: str, channels: int) -> Literal[1, 3]:
    if channels not in (1, 3):
        raise BadValueError(
            f"{name} takes images of {channels} channels, and images are decoded into 1 (grey) or "
            "3 (RGB)"
        )
    return cast(Literal[1, 3], channels)
