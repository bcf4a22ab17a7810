"""Changes of a network told by module: aligned by shape, grouped into blocks, with their cause."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from opbench.lock import Block, LockedModule, changes
from opbench.lock.alignment import align
from opbench.lock.changes import Changes
from tests import locked

Modules = dict[str, LockedModule]
SIDE = 8  # images are SIDE x SIDE, and no layer here changes that


class Unit(nn.Module):
    """Two convolutions, from ``before`` to ``after`` channels."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.act = nn.ReLU()
        self.two = nn.Conv2d(after, after, 3, padding=1, bias=False)

    def forward(self, x):  # type: ignore[no-untyped-def]
        return self.two(self.act(self.one(x)))


def unit_params(before: int, after: int) -> int:
    return 9 * after * (before + after)


def stack(*widths: int) -> Block:
    """A network called ``layers`` with a unit between neighbouring widths."""
    units = [Unit(*pair) for pair in pairwise(widths)]
    network = nn.Sequential()
    network.layers = nn.Sequential(*units)
    return locked.as_read(locked.fresh(lambda: network, (widths[0], SIDE, SIDE)))


def test_a_block_inserted_in_the_middle_is_one_new_block() -> None:
    params = unit_params(5, 5)
    told = changes(stack(3, 4, 5, 6), stack(3, 4, 5, 5, 6))
    macs, outputs = params * SIDE**2, 2 * 5 * SIDE**2
    assert told.modules == (
        f"block layers.2 is new (3 modules): +{params} params, +{macs:,} macs, "
        f"+{outputs} activations",
    )
    assert told.renames == ("layers.2 to layers.3",)
    assert told.cause == f"layers.2: +{macs / 1e3:.1f} of +{macs / 1e3:.1f} k MACs"
    assert told.where == "layers"


def test_a_block_taken_out_of_the_middle_is_one_block_gone() -> None:
    told = changes(stack(3, 4, 5, 5, 6), stack(3, 4, 5, 6))
    (gone,) = told.modules
    assert gone.startswith(f"block layers.2 is gone (3 modules): -{unit_params(5, 5)} params")
    assert told.renames == ("layers.3 to layers.2",)


def test_a_block_inserted_among_equal_ones_is_one_new_block() -> None:
    told = changes(stack(3, 4, 4, 4, 4), stack(3, 4, 4, 4, 4, 4))
    (new,) = told.modules
    assert new.startswith("block layers.4 is new (3 modules)") and not told.renames


def test_a_block_inserted_before_others_that_change_too_is_new_and_they_are_aligned() -> None:
    """A stride changes the shapes of all that follows, but not their weights."""
    before = stack(3, 4, 5, 6)
    after = stack(3, 4, 4, 5, 6)
    shorter = {
        name: replace(module, macs=module.macs // 4, operators={"conv2d smaller": 1})
        if name.startswith(("layers.2", "layers.3")) and module.counts
        else module
        for name, module in after.modules.items()
    }
    told = changes(before, replace(after, modules=shorter, macs=after.macs - 1))
    (new,) = (each for each in told.modules if "is new" in each)
    assert new.startswith("block layers.1 is new (3 modules)")
    changed = [each.partition(":")[0] for each in told.modules if "was" in each]
    assert sorted(changed) == [
        f"module layers.{now}.{conv} (Conv2d, was layers.{was}.{conv})"
        for was, now in ((1, 2), (2, 3))
        for conv in ("one", "two")
    ]


def test_a_wider_block_names_the_modules_inside_and_is_the_cause() -> None:
    told = changes(stack(3, 4, 5, 4), stack(3, 4, 7, 4))
    assert {each.partition(" (")[0] for each in told.modules} == {
        "module layers.1.one",
        "module layers.1.two",
        "module layers.2.one",
    }
    inside = unit_params(4, 7) - unit_params(4, 5)
    whole = inside + 9 * 4 * (7 - 5)
    assert inside / whole < 0.9  # so that no single block is the cause
    assert told.cause.startswith(f"layers: +{whole * SIDE**2 / 1e3:.1f} of")


def test_modules_that_moved_into_another_container_are_renamed() -> None:
    before = locked.block(4)
    inside = {f"body.{name}": module for name, module in before.modules.items()}
    told = changes(before, replace(before, modules={**inside}))
    assert told.renames == (
        "stem to body.stem",
        "norm to body.norm",
        "relu to body.relu",
        "and 2 more",
    )
    assert not told.modules


def test_part_of_a_network_that_moved_is_renamed_beside_what_is_new() -> None:
    before = locked.block(4)
    first = {"a.conv": before.modules["stem"], "a.norm": before.modules["norm"]}
    rest = {name: before.modules[name] for name in ("relu", "flat", "head")}
    extra = {"extra": LockedModule(kind="Linear", params=6)}
    told = changes(
        before, replace(before, modules={**first, **rest, **extra}, params=before.params + 6)
    )
    assert told.renames == ("stem to a.conv", "norm to a.norm")
    assert told.modules == ("module extra (Linear) is new: +6 params",)
    assert told.cause == "extra: +6 of +6 params"


def test_bytes_are_scaled_and_their_difference_is_exact() -> None:
    before = locked.block(4)
    many = replace(before, weight_bytes=3 * 2**20)
    assert "weight_bytes: 3.00 MiB became 3.00 MiB (+1 bytes, +0.00%)" in (
        changes(many, replace(many, weight_bytes=3 * 2**20 + 1)).facts
    )
    few = replace(before, weight_bytes=1000)
    assert "weight_bytes: 1,000 bytes became 1.95 KiB (+1,000 bytes, +100.00%)" in (
        changes(few, replace(few, weight_bytes=2000)).facts
    )


def test_a_cause_is_only_named_where_the_parts_add_up() -> None:
    before = locked.block(4)
    shared = {**before.modules, "copy": replace(before.modules["head"])}
    told = changes(before, replace(before, modules=shared, params=before.params + 1))
    assert not told.cause and told.modules


def test_the_same_change_in_two_networks_has_the_same_keys() -> None:
    def inside(name: str, block: Block) -> Block:
        return replace(block, modules={f"{name}{k}": each for k, each in block.modules.items()})

    small, large = locked.block(4), locked.block(5)
    one = changes(inside("", small), inside("", large))
    other = changes(inside("body.", small), inside("body.", large))
    assert one.alike == other.alike and one.modules != other.modules
    assert len(one.alike) == len(one.causes)


NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join)
ROWS = st.builds(
    LockedModule,
    kind=st.sampled_from(["Conv2d", "ReLU"]),
    params=st.integers(0, 3),
    macs=st.integers(0, 3),
    operators=st.dictionaries(st.sampled_from(["conv2d a", "mm b"]), st.integers(1, 2)),
)
MODULES = st.dictionaries(NAMES | st.just(""), ROWS, max_size=12)


@settings(max_examples=30)
@given(before=MODULES, after=MODULES)
def test_every_module_of_both_is_in_exactly_one_pair(before: Modules, after: Modules) -> None:
    pairs = align(before, after)
    assert sorted(old for old, _ in pairs if old is not None) == sorted(before)
    assert sorted(new for _, new in pairs if new is not None) == sorted(after)


@settings(max_examples=25)
@given(modules=MODULES)
def test_what_is_equal_corresponds_to_itself(modules: Modules) -> None:
    assert align(modules, modules) == tuple((name, name) for name in modules)


@settings(max_examples=25)
@given(before=MODULES, after=MODULES)
def test_any_two_blocks_have_sentences_and_none_where_they_are_equal(
    before: Modules, after: Modules
) -> None:
    block = locked.block(4)
    one, other = replace(block, modules=before), replace(block, modules=after, params=1)
    told = changes(one, other)
    assert told.facts and all(told.causes)
    assert changes(one, replace(one)) == Changes()


def test_a_name_with_thousands_of_dots_is_a_name() -> None:
    block = locked.block(4)
    deep = {".".join("a" * 2000): block.modules["stem"]}
    told = changes(replace(block, modules={}), replace(block, modules=deep))
    assert len(told.modules) == 1


def test_hundreds_of_blocks_that_all_changed_are_aligned_by_name() -> None:
    layers = (("conv", "Conv2d", 9), ("norm", "BatchNorm2d", 2), ("act", "ReLU", 0))

    def many(width: int) -> Modules:
        return {
            f"stage.{block}.{name}": LockedModule(kind=kind, params=width * factor)
            for block in range(300)
            for name, kind, factor in layers
        }

    assert all(old == new for old, new in align(many(4), many(5)))
