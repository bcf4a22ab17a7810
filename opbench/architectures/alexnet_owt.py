"""AlexNet of 2014: the one-tower network of the "weird trick" paper.

Reference:
    A. Krizhevsky.  "One weird trick for parallelizing convolutional neural networks."  2014.
    arXiv:1404.5997, which takes a variant of the network of 2012.  Its widths stand in the
    author's cuda-convnet2 and, after it, in Torch's imagenet-multiGPU examples.

One image, shapes after each row; ReLU after every layer but the last:

    input                         3 x 224 x 224
    conv1   11x11 / 4, padding 2    64 x  55 x  55
    pool1    3x3  / 2               64 x  27 x  27
    conv2    5x5, padding 2        192 x  27 x  27
    pool2    3x3  / 2              192 x  13 x  13
    conv3    3x3, padding 1        384 x  13 x  13
    conv4    3x3, padding 1        256 x  13 x  13
    conv5    3x3, padding 1        256 x  13 x  13
    pool5    3x3  / 2              256 x   6 x   6
    fc6     dropout before         4096
    fc7     dropout before         4096
    fc8                            1000

Departures:
    * Followed is the definition of Torch and torchvision: no response normalisation, and dropout
      before fc6 and fc7, where the 2012 paper has it after them.
"""

from __future__ import annotations

from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper


class AlexNetOWT(nn.Module):
    """Five ungrouped convolutions and three fully connected layers."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images)  # N x 256 x 6 x 6
        logits: Tensor = self.classifier(x.flatten(1))  # N x classes
        return logits


ARCHITECTURES = (
    ArchitectureSpec(
        name="alexnet_owt",
        label="AlexNet (one tower)",
        family="alexnet",
        year=2014,
        paper=Paper(
            authors="A. Krizhevsky",
            title="One weird trick for parallelizing convolutional neural networks",
            venue="arXiv:1404.5997",
            year=2014,
            url="https://arxiv.org/abs/1404.5997",
        ),
        build=AlexNetOWT,
        input_size=(3, 224, 224),
        dataset="imagenet",
        note="The paper gives shares, no totals: convolutions do 90 to 95 % of the work with about "
        "5 % of the parameters.",
    ),
)
