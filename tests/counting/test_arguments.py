"""Arguments by position and by name, with tensors anywhere inside them."""

from __future__ import annotations

import threading
from collections import UserDict
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from opbench.counting import build_and_count, count, witness
from opbench.errors import BadValueError, CountError
from opbench.inputs import parse_inputs

ROWS, WIDTH, OUT = 3, 4, 5
MACS = ROWS * WIDTH * OUT


class Holder(nn.Module):
    """Takes a tensor out of whatever it is given."""

    def __init__(self, find: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.fc = nn.Linear(WIDTH, OUT)
        self.find = find

    def forward(self, given: Any, *, scale: float = 1.0) -> Tensor:
        out: Tensor = self.fc(self.find(given)) * scale
        return out


@dataclass(frozen=True, slots=True)
class Batch:
    rows: Tensor
    names: list[str] = field(default_factory=list)


class Pair(NamedTuple):
    rows: Tensor
    name: str


class Encoding(UserDict[str, Tensor]):
    """A mapping that is no dict, as tokenizers return."""


class Locked:
    """Cannot be copied as a whole."""

    def __init__(self, rows: Tensor) -> None:
        self.rows, self.lock = rows, threading.Lock()


X = torch.zeros(ROWS, WIDTH)
HOLDERS: dict[str, tuple[Any, Callable[[Any], Tensor]]] = {
    "dict": ({"rows": X, "name": "a"}, lambda given: given["rows"]),
    "nested": ([{"rows": (X, "a")}], lambda given: given[0]["rows"][0]),
    "dataclass": (Batch(X, ["a"]), lambda given: given.rows),
    "named tuple": (Pair(X, "a"), lambda given: given.rows),
    "mapping": (Encoding(rows=X), lambda given: given["rows"]),
    "object": (SimpleNamespace(rows=X, names=["a"]), lambda given: given.rows),
    "object in object": (SimpleNamespace(inner=Batch(X)), lambda given: given.inner.rows),
    "locked": ({"held": Locked(X)}, lambda given: given["held"].rows),
}


@pytest.mark.parametrize("kind", HOLDERS)
def test_a_tensor_is_found_wherever_it_is(kind: str) -> None:
    given, find = HOLDERS[kind]
    counted = count(Holder(find), (given,))
    assert (counted.macs, counted.device) == (MACS, "meta")
    assert (counted.batch_size, counted.input_size) == (ROWS, (WIDTH,))
    assert count(Holder(find), {"given": given, "scale": 2.0}).macs == MACS
    assert count(Holder(find), (given,), kwargs={"scale": 2.0}, device="cpu").macs == MACS
    assert not find(given).is_meta


@pytest.mark.parametrize(
    ("given", "size"),
    [("abc", 3), (["ab", "c"], 2), (SimpleNamespace(words=7), None), (None, None)],
)
def test_arguments_without_a_tensor_pass_as_they_are(given: Any, size: int | None) -> None:
    def find(value: Any) -> Tensor:
        assert vars(value) == vars(given) if hasattr(given, "__dict__") else value == given
        return torch.zeros(len(value) if size else 1, WIDTH)

    assert build_and_count(lambda: (Holder(find), (given,))).macs == (size or 1) * WIDTH * OUT


class Fills(nn.Module):
    """Changes what it is given."""

    def forward(self, cache: dict[str, Any], rows: Tensor) -> Any:
        cache["rows"].append(rows)
        return cache.pop("first", rows) @ rows.T


def test_what_a_network_does_to_its_arguments_stays_in_the_copy() -> None:
    cache: dict[str, Any] = {"rows": [], "first": X}
    twice = [count(Fills(), (cache, X)).macs for _ in range(2)]
    assert twice == [ROWS * WIDTH * ROWS] * 2
    assert cache == {"rows": [], "first": X}


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(WIDTH, OUT)
        self.table = nn.Embedding(7, WIDTH)

    def forward(self, pixel_values: Tensor | None = None, *, input_ids: Tensor) -> Tensor:
        rows = self.table(input_ids)
        out: Tensor = self.fc(rows if pixel_values is None else rows + pixel_values)
        return out


IDS = torch.zeros(ROWS, dtype=torch.int64)


@pytest.mark.parametrize(
    "built",
    [
        (Named(), {"input_ids": IDS}),
        (Named(), (X,), {"input_ids": IDS}),
        (Named(), X, {"input_ids": IDS}),
        (Named(), (), {"input_ids": IDS}),
        (Named(), None, {"input_ids": IDS, "pixel_values": None}),
    ],
)
def test_pairs_and_triples(built: tuple[Any, ...]) -> None:
    assert build_and_count(lambda: built).macs == MACS
    own = build_and_count(lambda: built, (3, 9, 9))
    assert own.own_inputs and own.macs == MACS


def test_the_witness_takes_keyword_arguments_too() -> None:
    named = {"input_ids": IDS, "pixel_values": X}
    assert witness(Named(), named).macs == count(Named(), named).macs == MACS


def test_a_size_replaces_one_image_under_its_name() -> None:
    class Image(nn.Module):
        def forward(self, *, image: Tensor) -> Tensor:
            return image @ torch.zeros(image.shape[-1], 6)

    counted = build_and_count(lambda: (Image(), {"image": torch.zeros(1, 2, 4, 4)}), (2, 8, 5))
    assert (counted.macs, counted.own_inputs) == (2 * 8 * 5 * 6, False)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"pixel_value": X, "input_ids": IDS}, "takes no argument 'pixel_value'; did you mean pix"),
        ({"zzz": X, "input_ids": IDS}, "takes no argument 'zzz'; it takes pixel_values, input_ids"),
        ((X,), "also needs input_ids"),
        ((X, IDS), "takes pixel_values by position, not 2 arguments"),
        ((X, 3, 4), "takes pixel_values by position, not 3 arguments"),
    ],
)
def test_what_does_not_fit_forward_is_named(inputs: Any, said: str) -> None:
    with pytest.raises(CountError, match=f"^Named.forward {said}"):
        count(Named(), inputs)


def test_a_size_in_the_place_of_arguments_is_recognised() -> None:
    with pytest.raises(CountError, match=r"\(3, 9, 9\) is the size of an image, .* --input-size"):
        build_and_count(lambda: (Named(), (3, 9, 9)))


def test_one_argument_is_not_given_twice() -> None:
    with pytest.raises(CountError, match="gets two values for 'pixel_values'"):
        count(Named(), (X,), kwargs={"pixel_values": X, "input_ids": IDS})
    with pytest.raises(BadValueError, match="beside a tuple of arguments, not beside another dict"):
        count(Named(), {"pixel_values": X}, kwargs={"input_ids": IDS})
    with pytest.raises(BadValueError, match="not beside the size of an image"):
        count(Named(), (3, 9, 9), kwargs={"input_ids": IDS})


class Kept(Named):
    """Keeps inputs of its own, as Lightning's modules do."""

    example_input_array: Any = None


@pytest.mark.parametrize("kept", [(X, IDS), [X, IDS], {"pixel_values": X, "input_ids": IDS}])
def test_inputs_that_a_module_keeps_are_used_where_nothing_else_is_given(kept: Any) -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.named, self.example_input_array = Named(), kept

        def forward(self, pixel_values: Tensor, input_ids: Tensor) -> Tensor:
            out: Tensor = self.named(pixel_values, input_ids=input_ids)
            return out

    for counted in (count(Both()), build_and_count(Both)):
        assert counted.macs == MACS
        assert counted.own_inputs
    other = {"pixel_values": X[:1], "input_ids": IDS[:1]}
    assert count(Both(), other).macs == WIDTH * OUT


def test_words_kept_by_a_network_that_takes_images_are_not_its_inputs() -> None:
    class Vision(nn.Module):
        @property
        def dummy_inputs(self) -> dict[str, Tensor]:
            return {"input_ids": IDS}

        def forward(self, pixel_values: Tensor | None = None, **options: Any) -> Any:
            return pixel_values @ torch.zeros(WIDTH, OUT)  # type: ignore[operator]

    with pytest.raises(BadValueError, match="not None"):
        count(Vision())
    assert count(Vision(), (ROWS, WIDTH)).macs == MACS
    with pytest.raises(CountError, match="forward has no 'pixel_value'; did you mean pixel_values"):
        count(Vision(), {"pixel_value": X})


def test_sizes_are_those_of_the_inputs_before_the_pass() -> None:
    counted = count(Fills(), ({"rows": []}, X))
    assert counted.input_sizes == ((WIDTH,),)


def test_dummy_inputs_are_a_property_that_may_fail() -> None:
    class Dummy(Named):
        @property
        def dummy_inputs(self) -> dict[str, Tensor]:
            return {"input_ids": IDS.reshape(1, ROWS)}

    class Broken(Named):
        @property
        def dummy_inputs(self) -> dict[str, Tensor]:
            raise RuntimeError("no tokenizer")

    assert count(Dummy()).macs == MACS
    with pytest.raises(BadValueError, match="not None"):
        count(Broken())


class Looks(nn.Module):
    """Needs the values of its integers and of its mask."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(3, WIDTH)

    def forward(self, ids: Tensor, mask: Tensor, image: Tensor) -> Tensor:
        kept = self.table(ids)[:, : int(mask.sum())]
        return kept @ image


def test_inputs_are_made_from_words() -> None:
    specs = parse_inputs(["1x4x2", "mask=1x6:int64", "ids=1x9:int64"])
    with pytest.raises(BadValueError, match="two values for 'ids'"):
        count(Looks(), specs)
    counted = count(Looks(), parse_inputs(["1x9:int64", "mask=6:bool", f"image=1x{WIDTH}x2"]))
    # Six of nine indices are kept: a mask is all ones, and zero is in every table.
    assert (counted.macs, counted.device) == (6 * WIDTH * 2, "meta")
    assert counted.input_sizes == ((9,), (), (WIDTH, 2))
    assert not counted.own_inputs


def test_the_type_that_is_not_given_is_that_of_the_weights() -> None:
    network = nn.Linear(WIDTH, OUT, dtype=torch.bfloat16)
    assert count(network, parse_inputs(["3x4"]), device="cpu").macs == MACS
    assert count(network, parse_inputs(["3x4"]), dtype=torch.float64, device="cpu").macs == MACS
    with pytest.raises(CountError, match="same dtype"):
        count(network, parse_inputs(["3x4:float32"]), device="cpu")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["x=1x0"], "'x=1x0': the shape '1x0' must be positive integers joined by x, the batch"),
        (["x="], "the shape '' must be positive"),
        (["1x128:int"], "no data type is called 'int'; did you mean .*int8"),
        (["1x128:"], "no data type is called ''; known: float32"),
        (["a b=1x2"], "'a b' cannot be the name of an argument"),
        (["x=1x2", "x=1x3"], "the input x is given 2 times"),
    ],
)
def test_words_that_describe_no_input(texts: list[str], said: str) -> None:
    with pytest.raises(Exception, match=said):
        parse_inputs(texts)


def test_words_are_written_as_they_are_read() -> None:
    texts = ["1x3x8x8", "x=1x128:int64", "mask=2x1:bool"]
    assert [*map(str, parse_inputs(texts))] == texts
