"""Trees of links: the walk ends, and has each file of the tree once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbench.evaluation.data.tree import as_utf8, walk

_FOLDERS = ("", "a", "b", "a/c", "a/c/d")
_TARGETS = (*_FOLDERS, "a/1", "a/c/2", "nowhere", "b/x", "a/y")
_LINKS = st.dictionaries(
    st.tuples(st.sampled_from(_FOLDERS), st.sampled_from("xyz")), st.sampled_from(_TARGETS)
)


def _make(root: Path, links: dict[tuple[str, str], str]) -> set[str]:
    for folder in _FOLDERS:
        (root / folder).mkdir(exist_ok=True)
    files = {"a/1", "a/c/2", "b/3"}
    for name in files:
        (root / name).touch()
    for (folder, name), target in links.items():
        (root / folder / name).symlink_to(root / target)
    return files


@pytest.mark.skipif(os.name == "nt", reason="needs links")
@given(_LINKS)
def test_the_files_of_a_tree_of_links_are_there_once_and_its_links_are_problems(
    tmp_path_factory: pytest.TempPathFactory, links: dict[tuple[str, str], str]
) -> None:
    """Every link of these leads into the tree, or nowhere."""
    root = tmp_path_factory.mktemp("x")
    files = _make(root, links)
    found = walk(root)
    assert {*found.files} == files
    assert {problem.id for problem in found.problems} == {
        f"{folder}/{name}".lstrip("/") for folder, name in links
    }
    assert all(problem.reason for problem in found.problems)


def test_a_name_not_in_utf8_is_written_as_escapes() -> None:
    assert as_utf8(os.fsdecode(b"a\xff\xc3\xa9")) == "a\\udcffé"
    assert as_utf8("é\u202e::") == "é\u202e::"
