"""The nine classical networks that come with onnx, stripped of their weights.

Four are networks of the registry, one of torchvision; AlexNet and ZFNet are added up layer by
layer here.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from opbench.counting.graph import GraphRequest, count_file
from opbench.record import Count
from opbench.registry.targets import count_target, resolve

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def light(name: str) -> Count:
    return count_file(LIGHT / f"light_{name}.onnx", GraphRequest(name=name))


@pytest.mark.parametrize(
    ("name", "entry", "keys"),
    [
        ("resnet50", "resnet50_v1_5", ("macs", "activations", "params")),
        ("inception_v2", "bn_inception", ("macs", "activations")),  # beside it, Caffe's scales
        ("squeezenet", "squeezenet1_1", ("macs", "activations", "params")),
        ("vgg19", "vgg19", ("macs", "activations", "params")),
        ("densenet121", "torchvision:densenet121", ("macs", "activations")),
    ],
)
def test_a_network_that_torch_defines_too_is_counted_alike(
    name: str, entry: str, keys: tuple[str, ...]
) -> None:
    graph, module = light(name), count_target(resolve([entry])[0])
    assert [getattr(graph, key) for key in keys] == [getattr(module, key) for key in keys]
    assert graph.input_size == module.input_size


# Caffe's: groups in the second, fourth and fifth convolution; 224 pixels without padding.
ALEXNET = (
    96 * 54 * 54 * 3 * 121,
    256 * 26 * 26 * 48 * 25,
    384 * 12 * 12 * 256 * 9,
    384 * 12 * 12 * 192 * 9,
    256 * 12 * 12 * 192 * 9,
    *(9216 * 4096, 4096 * 4096, 4096 * 1000),
)
ZFNET = (
    96 * 109 * 109 * 3 * 49,
    256 * 25 * 25 * 96 * 25,
    512 * 12 * 12 * 256 * 9,
    *(512 * 12 * 12 * 512 * 9, 512 * 12 * 12 * 512 * 9),
    *(18432 * 4096, 4096 * 1024, 1024 * 1000),
)


@pytest.mark.parametrize(("name", "layers"), [("bvlc_alexnet", ALEXNET), ("zfnet512", ZFNET)])
def test_a_network_is_the_sum_of_its_layers(name: str, layers: tuple[int, ...]) -> None:
    assert light(name).macs == sum(layers)


@pytest.mark.parametrize("name", ["inception_v1", "shufflenet"])
def test_the_others_are_counted_whole(name: str) -> None:
    count = light(name)
    assert (count.uncounted, count.device, count.input_size) == ((), "graph", (3, 224, 224))
