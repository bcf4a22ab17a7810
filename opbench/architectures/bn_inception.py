"""BN-Inception: Inception v2, GoogLeNet with batch normalisation.

Reference:
    S. Ioffe, C. Szegedy.  "Batch Normalization: Accelerating Deep Network Training by Reducing
    Internal Covariate Shift."  ICML 2015.  arXiv:1502.03167, Figure 5.

One image, shapes after each row; every convolution is followed by batch normalisation and ReLU:

    conv1    7x7 / 2           64 x 112^2
    pool1    3x3 / 2           64 x  56^2
    conv2    1x1, 3x3         192 x  56^2
    pool2    3x3 / 2          192 x  28^2
                   1x1   3x3 after 1x1   two 3x3 after 1x1   pool, 1x1
    3a              64     64   64         64   96           average  32     256 x 28^2
    3b              64     64   96         64   96           average  64     320 x 28^2
    3c  / 2          -    128  160         64   96           max       -     576 x 14^2
    4a             224     64   96         96  128           average 128     576 x 14^2
    4b             192     96  128         96  128           average 128     576 x 14^2
    4c             160    128  160        128  160           average  96     576 x 14^2
    4d              96    128  192        160  192           average  96     576 x 14^2
    4e  / 2          -    128  192        192  256           max       -    1024 x  7^2
    5a             352    192  320        160  224           average 128    1024 x  7^2
    5b             352    192  320        192  224           max     128    1024 x  7^2
    average  7x7             1024, fc 1000

Departures:
    * conv1 is a plain convolution, as in the ports to Caffe and Torch.  The paper says that its
      own was separable, with 8 channels for each of the 3 inputs.
    * Figure 5 contradicts itself in 4c and 4d: it prints projections of 128 and outputs of 576
      channels, which need 96.  Here the outputs are right, as in the authors' later code; the
      Caffe port that is often quoted (11,295,240 parameters) took the projections, and has
      biases under the normalisation besides.
    * No dropout: the paper removes it from its accelerated networks, BN-x5 and BN-x30.  No
      auxiliary classifiers: Figure 5 has none.
    * The paper does not say how sizes are rounded (up, in the poolings of the stem), whether an
      average counts the padding (it does not) and what the normalisation's epsilon is (0.001).
      The last two are those of the authors' later code.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from opbench.architectures._blocks import Concat, conv_bn_relu
from opbench.spec import ArchitectureSpec, Paper, StatedValue

# Figure 5: 1x1, 3x3 reduction, 3x3, double 3x3 reduction, double 3x3, projection.
_WIDTHS = {
    "3a": (64, 64, 64, 64, 96, 32),
    "3b": (64, 64, 96, 64, 96, 64),
    "4a": (224, 64, 96, 96, 128, 128),
    "4b": (192, 96, 128, 96, 128, 128),
    "4c": (160, 128, 160, 128, 160, 96),
    "4d": (96, 128, 192, 160, 192, 96),
    "5a": (352, 192, 320, 160, 224, 128),
    "5b": (352, 192, 320, 192, 224, 128),
}


class BNInception(nn.Module):
    """A stem, ten Inception modules of which two halve the map, and one linear layer."""

    def __init__(self, *, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict(
                conv1=conv_bn_relu(3, 64, 7, stride=2),  # 64 x 112^2
                pool1=nn.MaxPool2d(3, stride=2, ceil_mode=True),  # 64 x 56^2
                conv2_reduce=conv_bn_relu(64, 64, 1),
                conv2=conv_bn_relu(64, 192, 3),  # 192 x 56^2
                pool2=nn.MaxPool2d(3, stride=2, ceil_mode=True),  # 192 x 28^2
            )
        )
        self.inception_3a = _inception(192, "3a")  # 256 x 28^2
        self.inception_3b = _inception(256, "3b")  # 320 x 28^2
        self.inception_3c = _reduction(320, (128, 160, 64, 96))  # 576 x 14^2
        self.inception_4a = _inception(576, "4a")
        self.inception_4b = _inception(576, "4b")
        self.inception_4c = _inception(576, "4c")
        self.inception_4d = _inception(576, "4d")
        self.inception_4e = _reduction(576, (128, 192, 192, 256))  # 1024 x 7^2
        self.inception_5a = _inception(1024, "5a")
        self.inception_5b = _inception(1024, "5b", pool=nn.MaxPool2d(3, stride=1, padding=1))
        self.average = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(1024, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)  # N x 192 x 28 x 28
        x = self.inception_3c(self.inception_3b(self.inception_3a(x)))  # N x 576 x 14 x 14
        x = self.inception_4b(self.inception_4a(x))
        x = self.inception_4d(self.inception_4c(x))
        x = self.inception_4e(x)  # N x 1024 x 7 x 7
        x = self.inception_5b(self.inception_5a(x))
        logits: Tensor = self.fc(self.average(x).flatten(1))  # N x classes
        return logits


def _inception(in_channels: int, name: str, *, pool: nn.Module | None = None) -> Concat:
    one, reduce3, three, reduce33, double, project = _WIDTHS[name]
    pool = pool or nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return Concat(
        branch_1x1=conv_bn_relu(in_channels, one, 1),
        branch_3x3=nn.Sequential(
            conv_bn_relu(in_channels, reduce3, 1),
            conv_bn_relu(reduce3, three, 3),
        ),
        branch_double_3x3=nn.Sequential(
            conv_bn_relu(in_channels, reduce33, 1),
            conv_bn_relu(reduce33, double, 3),
            conv_bn_relu(double, double, 3),
        ),
        branch_pool=nn.Sequential(pool, conv_bn_relu(in_channels, project, 1)),
    )


def _reduction(in_channels: int, widths: tuple[int, int, int, int]) -> Concat:
    """The map is halved by the last layer of each branch; the input passes through pooled."""
    reduce3, three, reduce33, double = widths
    return Concat(
        branch_3x3=nn.Sequential(
            conv_bn_relu(in_channels, reduce3, 1),
            conv_bn_relu(reduce3, three, 3, stride=2),
        ),
        branch_double_3x3=nn.Sequential(
            conv_bn_relu(in_channels, reduce33, 1),
            conv_bn_relu(reduce33, double, 3),
            conv_bn_relu(double, double, 3, stride=2),
        ),
        branch_pool=nn.MaxPool2d(3, stride=2, padding=1),
    )


_PAPER = Paper(
    authors="S. Ioffe, C. Szegedy",
    title="Batch Normalization: Accelerating Deep Network Training by Reducing Internal "
    "Covariate Shift",
    venue="ICML 2015",
    year=2015,
    url="https://arxiv.org/abs/1502.03167",
)

ARCHITECTURES = (
    ArchitectureSpec(
        name="bn_inception",
        label="BN-Inception",
        family="inception",
        year=2015,
        paper=_PAPER,
        build=BNInception,
        input_size=(3, 224, 224),
        dataset="imagenet",
        stated=(
            StatedValue(
                quantity="macs",
                value=2.0e9,
                printed=False,
                tolerance=0.05 / 2.0,
                place="Table 3 of the Inception-v3 paper (arXiv:1512.00567), column cost",
            ),
            StatedValue(
                quantity="params",
                value=13.6e6,
                tolerance=0.05 / 13.6,
                place="Section 4.2",
                disagreement="Not explained. The widths of Figure 5 make 11.2 million (11.3 with "
                "its printed projections), and the paper says that nothing but the last layer is "
                "fully connected.",
            ),
        ),
    ),
)
