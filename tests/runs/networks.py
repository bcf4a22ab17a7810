"""Networks that do what networks of users do: work, fail, crash, want too much."""

from __future__ import annotations

import os
import signal
import sys
import time

import torch
from torch import Tensor, nn


class Doing(nn.Module):
    """Returns its images after ``act``; counting, on the meta device, acts on nothing."""

    def forward(self, images: Tensor) -> Tensor:
        if images.device.type != "meta":
            self.act(images)
        return images

    def act(self, images: Tensor) -> None:
        pass


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


def with_inputs() -> tuple[nn.Module, tuple[Tensor, ...]]:
    return nn.Conv2d(3, 4, 3), (torch.ones(5, 3, 8, 8),)


def unbuildable() -> nn.Module:
    raise RuntimeError("no weights here")
