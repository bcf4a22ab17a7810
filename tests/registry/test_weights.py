"""Weights: names matched exactly, files that are data, a hash of what was loaded."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from opbench.errors import BadFileError, BadValueError, MissingExtraError
from opbench.registry import pretrained, providers, torchvision_operators
from opbench.registry.weight_files import read_weights
from opbench.registry.weights import AS_BUILT, load, sha256_of, with_weights

OWN = "net.py:net"
DEPRECATED = pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")


def network(classes: int = 3) -> nn.Module:
    """A network with parameters, buffers of two types, and values that differ each time."""
    made = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, classes))
    for buffer in made.buffers():
        buffer += torch.rand(()).to(buffer.dtype)
    return made


def test_the_hash_is_of_names_types_shapes_and_bytes_in_order() -> None:
    module = nn.Linear(2, 1)
    digest = hashlib.sha256()
    for name, shape in (("bias", [1]), ("weight", [1, 2])):
        values: np.ndarray[Any, Any] = getattr(module, name).detach().numpy()
        digest.update(json.dumps([name, "torch.float32", shape]).encode() + b"\n")
        digest.update(values.tobytes())
    assert sha256_of(module) == digest.hexdigest()


def test_the_hash_is_the_same_from_either_kind_of_file(tmp_path: Path) -> None:
    module = network()
    torch.save(module.state_dict(), tmp_path / "a.pth")
    torch.save(module.state_dict(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    save_file(module.state_dict(), tmp_path / "b.safetensors")
    for file in tmp_path.iterdir():
        other = network()
        assert sha256_of(other) != sha256_of(module)
        loaded = load(other, OWN, file)
        assert loaded.sha256 == sha256_of(other) == sha256_of(module)
        assert loaded.weights == str(file)


def held(value: Any) -> nn.Module:
    module = nn.Module()
    module.register_buffer("value", value)
    return module


VALUES = torch.arange(6, dtype=torch.float32).reshape(2, 3)


def quantized(zero_point: int) -> torch.Tensor:
    return torch.quantize_per_tensor(VALUES, 0.5, zero_point, torch.qint8)


def quantized_by_row() -> torch.Tensor:
    scales, zero_points = torch.tensor([0.5, 0.25]), torch.tensor([0, 1])
    return torch.quantize_per_channel(VALUES, scales, zero_points, 0, torch.qint8)


@pytest.mark.parametrize(
    "value",
    [
        VALUES.to(torch.bfloat16),
        VALUES.to(torch.float16),
        VALUES.to(torch.complex64),
        VALUES > 2,
        VALUES.to(torch.float8_e4m3fn),
        VALUES.to_sparse(),
        torch.tensor(3),
        torch.zeros(0, 4),
    ],
    ids=lambda value: f"{value.dtype}-{value.layout}-{value.dim()}",
)
def test_every_type_of_value_has_a_hash_that_its_copy_shares(value: torch.Tensor) -> None:
    found = sha256_of(held(value))
    assert found == sha256_of(held(value.clone()))
    assert re.fullmatch("[0-9a-f]{64}", found)


@DEPRECATED
def test_quantised_values_have_a_hash_that_a_copy_shares() -> None:
    for make in (quantized_by_row, lambda: quantized(3)):
        assert sha256_of(held(make())) == sha256_of(held(make()))


@DEPRECATED
def test_the_hash_tells_values_types_shapes_names_and_scales_apart() -> None:
    renamed = nn.Module()
    renamed.register_buffer("other", VALUES)
    modules = [
        held(VALUES),
        held(VALUES + 1),
        held(VALUES.to(torch.float64)),
        held(VALUES.reshape(3, 2)),
        held(VALUES.conj_physical().neg()),
        renamed,
        held(quantized(3)),
        held(quantized(4)),
        held(quantized_by_row()),
    ]
    assert len({sha256_of(module) for module in modules}) == len(modules)


def test_the_hash_sees_values_and_not_how_they_lie_in_memory() -> None:
    strided = VALUES.t().contiguous().t()
    assert not strided.is_contiguous()
    lazy = torch.complex(VALUES, VALUES).conj()
    assert sha256_of(held(strided)) == sha256_of(held(VALUES))
    assert sha256_of(held(lazy)) == sha256_of(held(lazy.resolve_conj()))


def test_the_hash_leaves_out_buffers_that_are_not_saved() -> None:
    module = network()
    before = sha256_of(module)
    module.register_buffer("cache", torch.rand(3), persistent=False)
    assert sha256_of(module) == before


class Packed(nn.Module):
    """A module whose state holds more than tensors, as quantised layers have it."""

    def get_extra_state(self) -> Any:
        return (VALUES, torch.qint8, {"scale": 0.5, "other": object()}, None)

    def set_extra_state(self, state: Any) -> None:
        pass


def test_packed_values_have_a_hash_that_holds_no_address() -> None:
    assert sha256_of(Packed()) == sha256_of(Packed())


@pytest.mark.parametrize(
    "module", [nn.Linear(2, 2, device="meta"), nn.LazyLinear(2)], ids=["meta", "lazy"]
)
def test_weights_without_values_are_refused(module: nn.Module) -> None:
    with pytest.raises(BadValueError, match="has no values yet: build the network"):
        load(module, OWN, None)


def test_a_module_of_the_users_is_taken_as_built() -> None:
    module = network()
    assert load(module, OWN, None).weights == AS_BUILT
    assert load(module, "package.module:net", None).sha256 == sha256_of(module)


def test_a_network_of_the_registry_needs_a_file() -> None:
    with pytest.raises(BadValueError, match=r"lenet5 is built without weights: name a file with"):
        load(network(), "lenet5", None)


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_weights_beside_other_things_are_taken_out_and_said_so(tmp_path: Path, key: str) -> None:
    module, file = network(), tmp_path / "checkpoint.pth"
    saved = {"epoch": 3, "optimizer": {"state": {}}, key: module.state_dict()}
    torch.save(saved, file)
    other = network()
    assert load(other, OWN, file).weights == f"{file} (its {key})"
    assert sha256_of(other) == sha256_of(module)
    torch.save(saved | {"averaged": module.state_dict()}, file)
    assert load(other, OWN, file).weights == f"{file} (its {key}, not its averaged)"


def refused(file: Path, module: nn.Module | None = None) -> str:
    """The sentence by which a file of weights is refused."""
    with pytest.raises(BadFileError) as raised:
        load(module or network(), OWN, file)
    sentence = str(raised.value)
    assert sentence.startswith(str(file))
    assert "\n" not in sentence
    return sentence


def test_names_that_differ_are_counted_and_named(tmp_path: Path) -> None:
    state = network().state_dict()
    file = tmp_path / "w.pth"
    torch.save({name: state[name] for name in list(state)[3:]} | {"extra\x1b": VALUES}, file)
    assert refused(file) == (
        f"{file} does not fit {OWN}: missing: 3 (0.weight, 0.bias, 1.weight), unexpected: 1 "
        "(extra\\x1b); name the file of this network's weights"
    )


def test_shapes_and_types_that_differ_are_named(tmp_path: Path) -> None:
    state, file = network(7).state_dict(), tmp_path / "w.pth"
    torch.save(state | {"0.bias": torch.ones(2, dtype=torch.int8)}, file)
    assert (
        "of another shape or type: 3 (0.bias (int8 in the file, float32 in the network), "
        "3.weight (7x8 in the file, 3x8 in the network), 3.bias (7 in the file, 3 in the network))"
    ) in refused(file)
    module = network()
    before = sha256_of(module)
    refused(file, module)
    assert sha256_of(module) == before


def test_a_prefix_is_named_with_its_remedy_and_never_stripped(tmp_path: Path) -> None:
    file = tmp_path / "w.pth"
    state = network().state_dict()
    torch.save({f"module._orig_mod.{name}": value for name, value in state.items()}, file)
    assert (
        "every name in the file begins with 'module._orig_mod.': save it without, as in "
        "{name.removeprefix('module._orig_mod.'): value for name, value in weights.items()}"
    ) in refused(file)
    torch.save(state, file)
    wrapped = nn.ModuleDict({"net": network()})
    assert "every name of the network begins with 'net.'" in refused(file, wrapped)


def test_old_weights_without_counted_batches_are_taken_as_pytorch_takes_them(
    tmp_path: Path,
) -> None:
    state, file = network().state_dict(), tmp_path / "w.safetensors"
    save_file({name: value for name, value in state.items() if "batches" not in name}, file)
    assert load(network(), OWN, file).weights == str(file)


def test_halves_become_floats(tmp_path: Path) -> None:
    module, file = network(), tmp_path / "w.pth"
    torch.save(module.half().state_dict(), file)
    other = network()
    load(other, OWN, file)
    assert sha256_of(other) == sha256_of(module.float())


class Runs:
    """A pickle that would run code when it is read."""

    def __reduce__(self) -> Any:
        return eval, ("1 / 0",)


def test_a_pickle_that_needs_code_is_refused_and_not_run(tmp_path: Path) -> None:
    file = tmp_path / "w.pth"
    for saved in (Runs(), {"state_dict": {"0.weight": Runs()}}, network()):
        for new in (True, False):
            torch.save(saved, file, _use_new_zipfile_serialization=new)
            assert "holds more than weights, and reading it would run code: save" in refused(file)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_program_of_torchscript_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    torch.jit.script(nn.Linear(1, 1)).save(str(file))
    assert "holds more than weights" in refused(file)


@pytest.mark.parametrize("saved", [[1, 2], VALUES, {"a": 1}, {}, {"state_dict": 3}, {1: VALUES}])
def test_a_file_without_weights_by_name_is_refused(tmp_path: Path, saved: Any) -> None:
    file = tmp_path / "w.pth"
    torch.save(saved, file)
    assert "save `module.state_dict()`" in refused(file)


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors", "w.bin"])
@pytest.mark.parametrize(
    "content", [b"", b"<html>Not Found</html>", b"\x80\x02]q\x00.", b"PK\x03\x04"]
)
def test_damaged_files_are_a_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert refused(file)


def test_files_that_are_none_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder.pth").mkdir()
    assert "does not exist, or is not a file" in refused(tmp_path / "folder.pth")
    assert "does not exist, or is not a file" in refused(tmp_path / "none.pth")
    assert "is no file of weights: name one that ends in .safetensors" in refused(
        tmp_path / "w.npz"
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same weights in each kind of file, and one more file to damage."""
    folder = tmp_path_factory.mktemp("weights")
    state = nn.Linear(2, 2).state_dict()
    torch.save(state, folder / "a.pth")
    torch.save(state, folder / "b.pth", _use_new_zipfile_serialization=False)
    save_file(state, folder / "c.safetensors")
    return sorted(folder.iterdir())


@given(
    which=st.integers(0, 2),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=4),
    end=st.integers(0, 5000),
)
def test_a_damaged_file_is_read_or_a_sentence(
    whole: list[Path], which: int, changes: list[tuple[int, int]], end: int
) -> None:
    content = bytearray(whole[which].read_bytes())
    for at, value in changes:
        content[at % len(content)] = value
    damaged = whole[which].with_name(f"damaged{whole[which].suffix}")
    damaged.write_bytes(content[:end])
    try:
        found = read_weights(damaged)
    except BadFileError as error:
        assert "\n" not in str(error)
    else:
        assert all(isinstance(name, str) for name in found.values)


def test_without_safetensors_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file({"a": VALUES}, tmp_path / "w.safetensors")
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'opbench\[weights\]'"):
        load(network(), OWN, tmp_path / "w.safetensors")


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which torch.hub keeps weights, empty; and no downloads."""
    torchvision_operators.load(lambda: pytest.importorskip("torchvision"))
    torchvision_operators.load(lambda: pytest.importorskip("timm"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(
        torch.hub, "download_url_to_file", lambda *_, **__: pytest.fail("a download")
    )
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def any_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files whose names state the hash of weights that are not here."""
    monkeypatch.setattr(pretrained, "_HASH", re.compile("(?!)"))


def varied(module: nn.Module) -> nn.Module:
    """Give every parameter and buffer a value of its own, small enough for deep networks."""
    torch.manual_seed(0)
    for value in [*module.parameters(), *module.buffers()]:
        value.data += (0.01 * torch.rand(())).to(value.dtype)
    return module


SQUEEZENET = "squeezenet1_1-b8a52dc0.pth"
SMALL = "mobilenetv3_small_050.lamb_in1k"


def test_the_weights_of_torchvision_are_found_where_torch_keeps_them(
    checkpoints: Path, any_hash: None
) -> None:
    trained = varied(providers.build("torchvision", "squeezenet1_1"))
    torch.save(trained.state_dict(), checkpoints / SQUEEZENET)
    for name in ("squeezenet1_1", "squeezenet1_1.IMAGENET1K_V1"):
        module = providers.build("torchvision", name)
        loaded = load(module, f"torchvision:{name}", None)
        assert loaded.weights == f"torchvision:squeezenet1_1.IMAGENET1K_V1 ({SQUEEZENET})"
        assert loaded.sha256 == sha256_of(trained)


def test_names_that_torchvision_itself_converts_are_converted(
    checkpoints: Path, any_hash: None
) -> None:
    trained = varied(providers.build("torchvision", "densenet121"))
    # As the file on its server has them: layers of a block are called norm.1, not norm1.
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): value
        for name, value in trained.state_dict().items()
        if "batches" not in name
    }
    (weights,) = providers.torchvision_weights("densenet121")
    torch.save(old, checkpoints / Path(weights.url).name)
    module = providers.build("torchvision", "densenet121")
    assert load(module, "torchvision:densenet121", None).sha256 == sha256_of(trained)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_weights_that_undo_the_normalisation_are_built_to_do_so() -> None:
    torchvision_operators.load(lambda: pytest.importorskip("torchvision"))
    for name in ("googlenet", "inception_v3", "quantized_googlenet"):
        named = providers.default_weights("torchvision", name)
        assert providers.build("torchvision", named).transform_input


def test_a_network_with_torchvisions_weights_answers_as_torchvisions_own(
    checkpoints: Path, any_hash: None
) -> None:
    """GoogLeNet's weights come with auxiliary classifiers, and undo the usual normalisation."""
    (weights,) = providers.torchvision_weights("googlenet")
    models = import_module("torchvision.models")
    trained = models.googlenet(aux_logits=True, init_weights=False)
    torch.save(varied(trained).state_dict(), checkpoints / Path(weights.url).name)
    name = f"googlenet.{weights.name}"
    module, images = providers.build("torchvision", name).eval(), torch.rand(2, 3, 224, 224)
    load(module, f"torchvision:{name}", None)
    with torch.inference_mode():
        assert torch.equal(module(images), models.googlenet(weights=weights).eval()(images))


def test_the_weights_of_timm_are_found_where_torch_keeps_them(
    checkpoints: Path, any_hash: None
) -> None:
    trained = varied(providers.build("timm", SMALL))
    file = checkpoints / Path(providers.timm_config(SMALL).url).name
    torch.save(trained.state_dict(), file)
    loaded = load(providers.build("timm", SMALL), f"timm:{SMALL}", None)
    assert loaded.weights == f"timm:{SMALL} ({file.name})"
    assert loaded.sha256 == sha256_of(trained)


def test_the_weights_of_timm_are_found_in_the_hubs_cache(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = varied(providers.build("timm", SMALL))
    save_file(trained.state_dict(), tmp_path / "model.safetensors")

    def cached(repository: str, file: str, revision: str | None) -> str | None:
        assert (repository, revision) == (f"timm/{SMALL}", None)
        return str(tmp_path / file) if (tmp_path / file).exists() else None

    hub = SimpleNamespace(
        try_to_load_from_cache=cached, constants=SimpleNamespace(HF_HUB_CACHE=str(tmp_path))
    )
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    loaded = load(providers.build("timm", SMALL), f"timm:{SMALL}", None)
    assert loaded.sha256 == sha256_of(trained)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(BadFileError, match=rf"no timm/{SMALL} in {tmp_path}"):
        load(providers.build("timm", SMALL), f"timm:{SMALL}", None)


@pytest.mark.filterwarnings("ignore")  # PyTorch moves quantisation to a package of its own
def test_integers_that_stand_for_weights_come_back_from_a_file(tmp_path: Path) -> None:
    torchvision_operators.load(lambda: pytest.importorskip("torchvision"))
    name = "quantized_shufflenet_v2_x0_5.IMAGENET1K_FBGEMM_V1"
    module, file = providers.build("torchvision", name), tmp_path / "w.pth"
    torch.save(module.state_dict(), file)
    other = providers.build("torchvision", name)
    assert sha256_of(other) != sha256_of(module)
    assert load(other, f"torchvision:{name}", file).sha256 == sha256_of(module)


@pytest.mark.parametrize("name", ["torchvision:squeezenet1_1", f"timm:{SMALL}"])
def test_weights_that_are_not_on_disk_are_asked_for_and_not_downloaded(
    name: str, checkpoints: Path
) -> None:
    with pytest.raises(BadFileError) as raised:
        load(network(), name, None)
    sentence = str(raised.value)
    assert f"no {checkpoints}/" in sentence
    assert "nothing is downloaded here: get them from https://" in sentence
    assert sentence.endswith("--weights FILE")


def test_a_file_whose_hash_is_not_that_in_its_name_is_damaged(checkpoints: Path) -> None:
    (checkpoints / SQUEEZENET).write_bytes(b"half a download")
    found = hashlib.sha256(b"half a download").hexdigest()[:8]
    with pytest.raises(
        BadFileError, match=f"its SHA-256 begins with {found} and not with b8a52dc0"
    ):
        load(network(), "torchvision:squeezenet1_1", None)


def test_a_library_files_code_is_not_run(checkpoints: Path, any_hash: None) -> None:
    torch.save({"features.0.weight": Runs()}, checkpoints / SQUEEZENET)
    with pytest.raises(BadFileError, match="torchvision cannot load"):
        load(network(), "torchvision:squeezenet1_1", None)


def test_a_network_of_which_the_library_has_no_weights_is_refused(checkpoints: Path) -> None:
    name = "efficientnet_lite4.untrained"
    with pytest.raises(BadValueError, match="timm has no weights of efficientnet_lite4"):
        load(network(), f"timm:{name}", None)


def test_the_set_of_weights_that_a_library_chooses_is_named() -> None:
    torchvision_operators.load(lambda: pytest.importorskip("torchvision"))
    torchvision_operators.load(lambda: pytest.importorskip("timm"))
    assert with_weights("torchvision:resnet50") == "torchvision:resnet50.IMAGENET1K_V2"
    assert with_weights("torchvision:resnet50.IMAGENET1K_V1").endswith("_V1")
    assert with_weights("timm:mobilenetv3_small_050") == f"timm:{SMALL}"
    for name in ("resnet50", OWN, "package.module:net", "model.onnx", f"timm:{SMALL}"):
        assert with_weights(name) == name
