"""Two small networks of today for images of 28 x 28 pixels, beside those of 1998 and 2010."""

from __future__ import annotations

from torch import Tensor, nn


def _convolution(fan_in: int, fan_out: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    size = 3 if groups > 1 or fan_in == 1 else 1
    return nn.Sequential(
        nn.Conv2d(fan_in, fan_out, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(fan_out),
        nn.ReLU(inplace=True),
    )


class Separable(nn.Module):
    """A separable convolution, depthwise 3 x 3 and pointwise, beside a shortcut where it fits."""

    def __init__(self, fan_in: int, fan_out: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = _convolution(fan_in, fan_in, stride, groups=fan_in)
        self.pointwise = _convolution(fan_in, fan_out)
        self.shortcut = fan_in == fan_out and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pointwise(self.depthwise(x))
        return x + y if self.shortcut else y


def separable() -> nn.Module:
    """Separable convolutions: few parameters, few operations."""
    return nn.Sequential(
        _convolution(1, 24),
        Separable(24, 48, stride=2),  # 14 x 14
        Separable(48, 48),
        Separable(48, 96, stride=2),  # 7 x 7
        Separable(96, 96),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(96, 10),
    )


def plain() -> nn.Module:
    """Full 3 x 3 convolutions with batch normalisation, as VGG has them."""

    def block(fan_in: int, fan_out: int) -> list[nn.Module]:
        return [
            nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(fan_out),
            nn.ReLU(inplace=True),
        ]

    return nn.Sequential(
        *block(1, 24),
        *block(24, 24),
        nn.MaxPool2d(2),  # 14 x 14
        *block(24, 48),
        *block(48, 48),
        nn.MaxPool2d(2),  # 7 x 7
        *block(48, 96),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(96, 10),
    )
