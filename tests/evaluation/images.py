"""Images that say what a network should answer, in every layout, and networks that read them."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

SIDE = 4
CLASSES = 8
STEP = 30  # between the grey values of two answers

# A network whose answer is the first pixel's grey value; the next best classes are its neighbours.
READER = f"""
import torch
from torch import nn

class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("values", torch.arange({CLASSES}) * {STEP} / 255)

    def forward(self, images):
        return -(images[:, 0, 0, 0, None] - self.values).abs()
"""

Labelled = Sequence[tuple[int, int]]  # of each image its class, and the answer that it asks for


def pixel(answer: int) -> Image.Image:
    """An image that asks for ``answer``."""
    return Image.new("L", (SIDE, SIDE), answer * STEP)


def folder(root: Path, images: Labelled) -> Path:
    """A sub-folder per class."""
    for label in range(CLASSES):
        (root / f"class{label}").mkdir(parents=True)
    for number, (label, answer) in enumerate(images):
        pixel(answer).save(root / f"class{label}" / f"{number:04}.png")
    return root


def listing(root: Path, images: Labelled) -> Path:
    """A list of paths and labels."""
    root.mkdir()
    rows = ["path,label"]
    for number, (label, answer) in enumerate(images):
        pixel(answer).save(root / f"{number:04}.png")
        rows.append(f"{number:04}.png,{label}")
    path = root / "images.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def idx(root: Path, images: Labelled) -> Path:
    """Two IDX files."""
    root.mkdir()
    pixels = b"".join(pixel(answer).tobytes() for _, answer in images)
    header = struct.pack(">IIII", 0x803, len(images), SIDE, SIDE)
    labels = struct.pack(">II", 0x801, len(images)) + bytes(label for label, _ in images)
    (root / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + pixels))
    (root / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    return root


def parquet(root: Path, images: Labelled) -> Path:
    """A Parquet file in row groups, as the hub has data sets."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    root.mkdir()
    encoded = []
    for _, answer in images:
        file = io.BytesIO()
        pixel(answer).save(file, "PNG")
        encoded.append({"bytes": file.getvalue(), "path": None})
    names = [f"class{number}" for number in range(CLASSES)]
    features = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
    table = pa.table({"image": encoded, "label": [label for label, _ in images]})
    path = root / "test-00000-of-00001.parquet"
    pq.write_table(
        table.replace_schema_metadata({"huggingface": json.dumps(features)}), path, row_group_size=7
    )
    return path


LAYOUTS = {"folder": folder, "list": listing, "idx": idx, "parquet": parquet}


def target(root: Path, text: str = READER, name: str = "Reader") -> str:
    """A target in a file of its own."""
    path = root / "net.py"
    path.write_text(text)
    return f"{path}:{name}"
