"""The line of a class in a file, found without importing it."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from opbench.architectures import resnet, squeezenet
from opbench.lock.sources import line_of_definition

SOURCE = """
import sys
class Net:
    class Inner:
        pass
    def forward(self): pass

@staticmethod
def build():
    class Local: pass
    return Local()

net = build()
class Net: pass
sys.exit("never imported")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(SOURCE)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Net", "class Net: pass"),
        ("build", "def build():"),
        ("build.<locals>.Local", "    class Local: pass"),
        ("net", "net = build()"),
    ],
)
def test_a_name_is_found_at_its_line(file: Path, name: str, text: str) -> None:
    assert line_of_definition(file, name) == SOURCE.splitlines().index(text) + 1


@pytest.mark.parametrize("name", ["", "Nte", "Net.Outer", "build.Local.x"])
def test_a_name_that_is_not_there_has_no_line(file: Path, name: str) -> None:
    assert line_of_definition(file, name) is None


def test_a_file_that_cannot_be_parsed_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("class Net(:")
    (tmp_path / "nul.py").write_bytes(b"class Net: pass\0")
    for name in ("broken.py", "nul.py", "missing.py", "."):
        assert line_of_definition(tmp_path / name, "Net") is None


@pytest.mark.parametrize("module", [resnet, squeezenet])
def test_classes_are_found_where_inspect_finds_them(module: object) -> None:
    own = [each for each in vars(module).values() if inspect.isclass(each)]
    own = [each for each in own if each.__module__ == getattr(module, "__name__", "")]
    assert own
    for each in own:
        _, line = inspect.getsourcelines(each)
        file = Path(inspect.getsourcefile(each) or "")
        assert line_of_definition(file, each.__qualname__) == line
