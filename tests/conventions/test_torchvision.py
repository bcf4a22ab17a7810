"""The GFLOPS that torchvision prints beside its weights.

Reference:
    torchvision 0.28, ``Weights.meta["_ops"]`` of torchvision/models/*.py.
"""

from __future__ import annotations

from functools import partial

import pytest

from opbench.conventions import COMPUTED, tally, trace
from opbench.registry import entries

TORCHVISION = COMPUTED["torchvision"]

# torchvision's network of the same definition, and what is printed for it.
PRINTED = {
    "alexnet_owt": 0.714,
    "inception_v3": 5.713,
    "resnet18": 1.814,
    "resnet34": 3.664,
    "resnet50_v1_5": 4.089,
    "resnet101_v1_5": 7.801,
    "resnet152_v1_5": 11.514,
    "squeezenet1_0": 0.819,
    "squeezenet1_1": 0.349,
    "vgg11": 7.609,
    "vgg11_bn": 7.609,
    "vgg13": 11.308,
    "vgg13_bn": 11.308,
    "vgg16": 15.47,
    "vgg16_bn": 15.47,
    "vgg19": 19.632,
    "vgg19_bn": 19.632,
}


@pytest.mark.parametrize("name", PRINTED)
def test_a_registered_network_is_printed_as_torchvision_prints_it(name: str) -> None:
    spec = entries.get(name)
    counted = tally(TORCHVISION, trace(spec.build, spec.input_size))
    assert TORCHVISION.written(counted.total) == f"{PRINTED[name]} GFLOPS"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_classifier_of_torchvision_is_printed_as_torchvision_prints_it() -> None:
    import tests.providers.torchvision_operators  # noqa: F401

    models = pytest.importorskip("torchvision.models")
    for name in models.list_models(module=models):
        weights = next(iter(models.get_model_weights(name)))
        side = weights.transforms().crop_size[0]
        size = {"image_size": side} if name.startswith("vit") else {}
        recorded = trace(partial(models.get_model_builder(name), **size), (3, side, side))
        printed = f"{weights.meta['_ops']} GFLOPS"
        assert TORCHVISION.written(tally(TORCHVISION, recorded).total) == printed, name
