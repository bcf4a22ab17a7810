"""Networks that do what networks of users do: work, fail, crash, want too much."""

from __future__ import annotations

import os
import signal
import sys
import time
from io import BytesIO
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from opbench.counting.meta.disguise import on_meta
from opbench.timing.tf32 import precisions


class Doing(nn.Module):
    """Returns its images after ``act``; counting, on the meta device, acts on nothing."""

    def forward(self, images: Tensor) -> Tensor:
        if not on_meta(images):
            self.act(images)
        return images

    def act(self, images: Tensor) -> None:
        pass


class Named(nn.Module):
    """Takes words and a mask: 4 x 5 for each word that is not masked."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.fc = nn.Embedding(9, 4), nn.Linear(4, 5)

    def forward(self, ids: Tensor, *, mask: Tensor, image: Tensor | None = None) -> Tensor:
        rows = self.table(ids)[mask]
        out: Tensor = self.fc(rows if image is None else rows * image)
        return out


def named() -> tuple[nn.Module, tuple[Tensor, ...], dict[str, Tensor]]:
    """Return a triple with 2 x 3 words."""
    ids = torch.zeros(2, 3, dtype=torch.int64)
    return Named(), (ids,), {"mask": torch.ones(2, 3, dtype=torch.bool)}


class Kept(Doing):
    """Keeps an input of its own, as Lightning's modules do."""

    example_input_array = torch.zeros(2, 4)

    def forward(self, images: Tensor) -> Tensor:
        return images @ torch.zeros(4, 5)


class Precise(Doing):
    """Refuses to run where a GPU would compute float32 with TF32."""

    def act(self, images: Tensor) -> None:
        seen = precisions()
        assert seen == {"float32_matmul_precision": "highest", "cudnn_tf32": False}, seen


def precise() -> tuple[nn.Module, Tensor]:
    """Ask for TF32 as PyTorch recommends since 2.9, before the network is built."""
    torch.backends.fp32_precision = "tf32"  # type: ignore[attr-defined]
    return Precise(), torch.zeros(2, 3, 8, 8)


class Broken(Doing):
    def act(self, images: Tensor) -> None:
        raise ValueError("no such layer\nand a long story")


class Crashing(Doing):
    def act(self, images: Tensor) -> None:
        sys.stderr.write("about to crash\n")
        os.kill(os.getpid(), signal.SIGSEGV)


class Leaving(Doing):
    def act(self, images: Tensor) -> None:
        os._exit(3)


class Talking(Doing):
    def act(self, images: Tensor) -> None:
        sys.stdout.write('{"done": "not a reply"}\n')
        sys.stdout.flush()


class Greedy(Doing):
    """Needs a gibibyte per image; four of them are too much."""

    def act(self, images: Tensor) -> None:
        if len(images) >= 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 4 GiB.")


class Endless(Doing):
    """Asks for more memory than there is."""

    def act(self, images: Tensor) -> None:
        torch.ones(1 << 50)


class Sleeping(Doing):
    def act(self, images: Tensor) -> None:
        time.sleep(0.02)


class Hanging(Doing):
    def act(self, images: Tensor) -> None:
        time.sleep(600)


def conv() -> nn.Module:
    return nn.Conv2d(3, 4, 3)


def normalised() -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3))


def frozen() -> nn.Module:
    return conv().requires_grad_(False)


def pictured() -> tuple[nn.Module, list[bytes], dict[str, Any]]:
    """Bring two pictures of 5 x 7, which are not resized."""
    encoded = BytesIO()
    Image.new("RGB", (7, 5), (10, 20, 30)).save(encoded, "PNG")
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 3 * 5, 9))
    return net, [encoded.getvalue()] * 2, {"preprocess": _pixels}


def _pixels(image: Image.Image) -> Tensor:
    values = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return values.view(image.height, image.width, 3).permute(2, 0, 1) / 255


def with_inputs() -> tuple[nn.Module, tuple[Tensor, ...]]:
    return nn.Conv2d(3, 4, 3), (torch.ones(5, 3, 8, 8),)


def unbuildable() -> nn.Module:
    raise RuntimeError("no weights here")


def empty() -> tuple[nn.Module, tuple[Tensor]]:
    """Bring a batch of no images."""
    return nn.Linear(4, 4), (torch.zeros(0, 4),)
