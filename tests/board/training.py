"""Train a network on Fashion-MNIST for a few minutes on a processor."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DATA = Path("/usr/share/datasets/fashion-mnist")
BATCH = 128


def read_train(data: Path) -> tuple[Tensor, Tensor]:
    """The training images, N x 1 x 28 x 28 from 0 to 1, and their classes."""
    pixels = gzip.decompress((data / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    classes = gzip.decompress((data / "train-labels-idx1-ubyte.gz").read_bytes())[8:]
    images = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(-1, 1, 28, 28)
    return images / 255, torch.frombuffer(bytearray(classes), dtype=torch.uint8).long()


def padded(images: Tensor, side: int) -> Tensor:
    """Images in the middle of a black square, as a crop larger than an image makes them."""
    before = (side - images.shape[-1]) // 2
    after = side - images.shape[-1] - before
    return F.pad(images, (before, after, before, after))


def train(
    build: Callable[[], nn.Module],
    images: Tensor,
    classes: Tensor,
    *,
    epochs: int,
    rate: float,
    seed: int = 0,
) -> nn.Module:
    """A network trained by Adam, with a rate that rises and falls once, and images shifted and
    mirrored at random."""
    torch.manual_seed(seed)
    network = build().train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-2)
    steps = epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for epoch in range(epochs):
        sys.stderr.write(f"epoch {epoch + 1} of {epochs}\n")
        for batch, wanted in _batches(images, classes):
            optimiser.zero_grad(set_to_none=True)
            F.cross_entropy(network(batch), wanted).backward()
            optimiser.step()
            schedule.step()
    return network.eval()


def _batches(images: Tensor, classes: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    for chosen in torch.randperm(len(images)).split(BATCH):
        batch = images[chosen]
        if torch.rand(()) < 0.5:
            batch = batch.flip(3)
        shift = torch.randint(-1, 2, (2,)).tolist()
        yield torch.roll(batch, shift, (2, 3)), classes[chosen]
