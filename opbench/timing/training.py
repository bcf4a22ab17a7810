"""Make a training step that can be timed: forward pass, backward pass, and a step of plain SGD.

It is the pass that ``opbench.count(..., training=True)`` counts: every submodule in training mode
(dropout draws, batch normalisation takes the statistics of the batch), and the gradients of the sum
of the outputs.  Then SGD updates every parameter that requires a gradient, without momentum, and
the gradients are set to None.  The learning rate is 0, which takes the same arithmetic as any other
and leaves the weights as they are, so that every step does the same work.
"""

from __future__ import annotations

import torch
from torch import nn

from opbench.counting.tracing.training import run_backward, untrainable
from opbench.timing.device import Call, Device, own_work


def training_step(network: nn.Module, forward: Call) -> Call:
    """Return a call of one step; ``forward`` returns the outputs of ``network`` in training mode.

    Raises ``NothingToTrainError`` where no parameter requires a gradient; the call raises it where
    no output does.
    """
    trained = [each for each in network.parameters() if each.requires_grad]
    if not trained:
        raise untrainable(network)
    optimiser = torch.optim.SGD(trained, lr=0.0)

    def step() -> None:
        run_backward(network, forward())
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


def load_training(device: Device) -> None:
    """Load the libraries of gradients, and what an optimiser imports, before memory is watched."""
    layers = (nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(288, 8))
    network = nn.Sequential(*layers).to(device.name)
    images = torch.zeros(1, 8, 8, 8, device=device.name)
    own_work(device, training_step(network, lambda: network(images)))
