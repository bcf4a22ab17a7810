"""AlexNet: the grouped network that won ILSVRC-2012.

Reference:
    A. Krizhevsky, I. Sutskever, G. Hinton.  "ImageNet Classification with Deep Convolutional
    Neural Networks."  NIPS 2012, Section 3 and Figure 2.

One image, shapes after each row; ReLU after every layer but the last:

    input                                  3 x 227 x 227
    conv1   11x11 / 4                     96 x  55 x  55
    norm1   across 5 channels
    pool1    3x3  / 2                     96 x  27 x  27
    conv2    5x5, padding 2, 2 groups    256 x  27 x  27
    norm2   across 5 channels
    pool2    3x3  / 2                    256 x  13 x  13
    conv3    3x3, padding 1              384 x  13 x  13
    conv4    3x3, padding 1, 2 groups    384 x  13 x  13
    conv5    3x3, padding 1, 2 groups    256 x  13 x  13
    pool5    3x3  / 2                    256 x   6 x   6
    fc6     dropout                     4096
    fc7     dropout                     4096
    fc8                                 1000

Departures:
    * Input is 227 x 227: the printed 224 x 224 does not give a 55 x 55 map without padding.
    * The two GPU towers are one module, with ``groups=2`` where they do not talk.
    * Dropout rescales in training, where the paper halves the outputs in evaluation.
"""

from __future__ import annotations

from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper, StatedValue


class AlexNet(nn.Module):
    """Five convolutions, three of them in two groups, and three fully connected layers."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 11, stride=4),
            nn.ReLU(inplace=True),
            _response_norm(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(96, 256, 5, padding=2, groups=2),
            nn.ReLU(inplace=True),
            _response_norm(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 384, 3, padding=1, groups=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1, groups=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images)  # N x 256 x 6 x 6
        logits: Tensor = self.classifier(x.flatten(1))  # N x classes
        return logits


def _response_norm() -> nn.Module:
    """Section 3.3 with k = 2, n = 5, alpha = 1e-4, beta = 0.75.

    PyTorch divides alpha by n, so 5e-4 here is the paper's 1e-4.
    """
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)


ARCHITECTURES = (
    ArchitectureSpec(
        name="alexnet",
        label="AlexNet",
        family="alexnet",
        year=2012,
        paper=Paper(
            authors="A. Krizhevsky, I. Sutskever, G. Hinton",
            title="ImageNet Classification with Deep Convolutional Neural Networks",
            venue="NIPS 2012",
            year=2012,
            url="https://papers.nips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html",
        ),
        build=AlexNet,
        input_size=(3, 227, 227),
        dataset="imagenet",
        stated=(
            StatedValue(
                quantity="params",
                value=60e6,
                tolerance=0.5 / 60,
                place="abstract",
                disagreement=(
                    "the layers of Section 3.5 hold 60,965,224 weights and biases, nearer to 61 "
                    "million: the abstract states a round number"
                ),
            ),
        ),
    ),
)
