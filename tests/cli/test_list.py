"""``opbench list``."""

from __future__ import annotations

import subprocess
import sys

from opbench import registry


def test_json_has_every_entry_once_with_its_facts(rows) -> None:
    listed = rows("list")
    assert [row["name"] for row in listed] == sorted(registry.names())
    keys = {"name", "family", "year", "input_size", "params", "macs", "top1", "top1_source"}
    assert all(keys <= set(row) for row in listed)
    vgg = next(row for row in listed if row["name"] == "vgg16")
    assert vgg["input_size"] == "3x224x224"
    assert (vgg["params"], vgg["macs"]) == (138_357_544, 15_470_264_320)


def test_globs_choose(rows) -> None:
    assert [row["name"] for row in rows("list", "vgg1?", "lenet5")] == [
        "lenet5",
        "vgg11",
        "vgg13",
        "vgg16",
        "vgg19",
    ]


def test_an_accuracy_never_stands_without_source_and_protocol(rows) -> None:
    for row in rows("list"):
        if row["top1"] is not None:
            assert row["top1_source"] and row["top1_protocol"] and row["top1_source_url"]


def test_markdown_and_csv_have_a_line_per_entry(opbench) -> None:
    for format, header in (("csv", 1), ("markdown", 2)):
        out = opbench("list", "resnet*", "--format", format).stdout
        assert len(out.splitlines()) == header + len(registry.match("resnet*"))


def test_unknown_names_offer_near_matches(opbench) -> None:
    result = opbench("list", "resnet5O")
    assert result.exit_code == 2
    assert "resnet50" in result.stderr
    assert not result.stdout


def test_neither_help_nor_list_imports_torch_or_matplotlib() -> None:
    code = (
        "import sys; from opbench.cli import app\n"
        "try: app({args!r})\n"
        "except SystemExit: pass\n"
        "print(sorted({{'torch', 'matplotlib', 'pandas'}} & set(sys.modules)), file=sys.stderr)"
    )
    for args in (["--help"], ["list"], ["list", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", code.format(args=args)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr.splitlines()[-1] == "[]", args
