"""Find a library's weights where it would put them, without downloading anything."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch

from opbench.errors import BadFileError, BadValueError
from opbench.registry import providers

# Of the file's SHA-256, at the end of its name: torch.hub's rule, for no fewer than 8 digits.
_HASH = re.compile(r"-([0-9a-f]{8,})\.")
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")


def find_weights(library: str, name: str) -> Path:
    """Return the file of a set of weights, NETWORK.WEIGHTS.

    Raises ``BadFileError`` where it is not on disk, saying where it would be, or damaged, and
    ``BadValueError`` where the library has none.
    """
    places = _Places(library, name)
    for path in places.files:
        if path.is_file():
            _check_hash(path)
            return path
    raise BadFileError(
        f"the weights of {library}:{name} are not on this disk ({'; '.join(places.looked)}), and "
        f"nothing is downloaded here: get them from {places.address}, or name a file with "
        "--weights FILE"
    )


class _Places:
    """The files that may hold a set of weights, and where they can be had."""

    def __init__(self, library: str, name: str) -> None:
        self.files: list[Path] = []
        self.looked: list[str] = []
        self.address = ""
        if library == "torchvision":
            for weights in providers.torchvision_weights(name):
                self._add_url(weights.url)
        else:
            self._add_timm(providers.timm_config(name))
        if not self.looked:
            raise BadValueError(
                f"{library} has no weights of {name}: name another network, or a file with "
                "--weights FILE"
            )

    def _add_timm(self, config: Any) -> None:
        if config is None:
            return
        if config.file:
            self._add(Path(config.file))
        if config.hf_hub_id:
            self._add_hub(*_parted(config.hf_hub_id), config.hf_hub_filename)
        if config.url:
            self._add_url(config.url)

    def _add(self, path: Path) -> None:
        self.files.append(path)
        self.looked.append(f"no {path}")

    def _add_url(self, url: str | tuple[str, str]) -> None:
        address, name = (url, Path(urlsplit(url).path).name) if isinstance(url, str) else url
        self._add(Path(torch.hub.get_dir()) / "checkpoints" / name)
        self.address = self.address or address

    def _add_hub(self, repository: str, revision: str | None, file: str | None) -> None:
        self.address = f"https://huggingface.co/{repository}"
        try:
            hub = import_module("huggingface_hub")
        except ImportError:
            self.looked.append("huggingface_hub, whose cache may have them, is not installed")
            return
        self.files += _in_hub(hub, repository, revision, (file,) if file else _HUB_FILES)
        cache = getattr(hub.constants, "HF_HUB_CACHE", "the cache of huggingface_hub")
        self.looked.append(f"no {repository} in {cache}")


def _in_hub(
    hub: Any, repository: str, revision: str | None, files: tuple[str, ...]
) -> Iterator[Path]:
    for file in files:
        found = hub.try_to_load_from_cache(repository, file, revision=revision)
        if isinstance(found, str):  # another object stands for "known not to exist"
            yield Path(found)


def _parted(hub_id: str) -> tuple[str, str | None]:
    repository, _, revision = hub_id.partition("@")
    return repository, revision or None


def _check_hash(path: Path) -> None:
    """Raise ``BadFileError`` where the name states another hash than that of the content."""
    stated = _HASH.search(path.name)
    if stated is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(stated[1]):
        raise BadFileError(
            f"{path} is damaged: its SHA-256 begins with {found[: len(stated[1])]} and not with "
            f"{stated[1]}; delete it and download it anew"
        )
