"""ResNet: what a block computes is added to what came in."""

from dataclasses import dataclass
from typing import Any

from jaxmath import nn
from jaxmath.models._config import ImageConfig, check_choice, check_real, check_sizes, scaled
from jaxmath.models.image_networks import apply, init, summary, torch_names, train
from jaxmath.typing import Array

__all__ = ["Config", "apply", "init", "summary", "torch_names", "train"]


@dataclass(frozen=True)
class Config(ImageConfig):
    """A residual network of basic blocks or of bottlenecks, by default ResNet-18.

    ::

        block:        y = relu(x' + g(x)),   x' = x, or norm(conv₁ₓ₁(x)) where the shape changes
        basic:        g = norm(conv₃ₓ₃(relu(norm(conv₃ₓ₃(x)))))
        bottleneck:   g = norm(conv₁ₓ₁(relu(norm(conv₃ₓ₃(relu(norm(conv₁ₓ₁(x))))))), 4 times as wide
        stem 7×7/2, pool 3/2;   four stages of C, 2C, 4C, 8C channels;   mean over places;   dense k

    Args:
      block: "basic" or "bottleneck".
      blocks: blocks in each stage: (2, 2, 2, 2) for ResNet-18 and (3, 4, 6, 3) for ResNet-34, both
        basic; (3, 4, 6, 3) bottlenecks for ResNet-50, (3, 4, 23, 3) for ResNet-101.
      image_size: height and width of the images.
      channels: their channels.
      num_classes: the number k of classes.
      width: factor of all channels, C = 64·width.
      stem: "imagenet", a convolution of 7×7 with stride 2 and a pooling; or "small", one of 3×3
        with stride 1 alone, for images of 28×28 or 32×32.

    Returns:
      A frozen, hashable dataclass.

    Raises:
      TypeError: a size is no integer, or ``width`` no number.
      ValueError: an unknown block or stem, or a number out of range.

    Numerics:
      Nothing is computed. A bottleneck has its stride at the 3×3 convolution ("v1.5", as in
      torchvision), in the paper at the first 1×1. The start is He's by fan-in.

    Example:
      >>> networks = (Config(), Config("bottleneck", (3, 4, 6, 3)))
      >>> [sum(layer.parameters for layer in summary(config)) for config in networks]
      [11689512, 25557032]

    References:
      K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2016, table 1
      and section 3.3.
    """

    block: str = "basic"
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    image_size: int = 224
    channels: int = 3
    num_classes: int = 1000
    width: float = 1.0
    stem: str = "imagenet"

    def __post_init__(self) -> None:
        check_choice("block", self.block, ("basic", "bottleneck"))
        check_choice("stem", self.stem, ("imagenet", "small"))
        check_sizes("blocks", self.blocks)
        self.check()
        check_real("width", self.width, 0.0, open_low=True)

    def forward(self, net: Any, x: Array) -> Array:
        """The network on a pass."""
        c = scaled(64, self.width)
        if self.stem == "imagenet":
            x = net.conv_norm("conv1", "bn1", x, c, 7, stride=2, padding=3)
            x = net.max_pool("maxpool", x, 3, stride=2, padding=1)
        else:
            x = net.conv_norm("conv1", "bn1", x, c, 3, padding=1)
        block = _basic if self.block == "basic" else _bottleneck
        for s, count in enumerate(self.blocks):
            for i in range(count):
                stride = 2 if s > 0 and i == 0 else 1
                x = block(net, f"layer{s + 1}.{i}", x, c * 2**s, stride)
        return net.dense("fc", nn.global_average_pool(x), self.num_classes)


def _basic(net: Any, name: str, x: Array, c: int, stride: int) -> Array:
    y = net.conv_norm(f"{name}.conv1", f"{name}.bn1", x, c, 3, stride=stride, padding=1)
    y = net.conv_norm(f"{name}.conv2", f"{name}.bn2", y, c, 3, padding=1, activation=nn.identity)
    return net.stage(name, nn.relu(y + _shortcut(net, name, x, c, stride)))


def _bottleneck(net: Any, name: str, x: Array, c: int, stride: int) -> Array:
    y = net.conv_norm(f"{name}.conv1", f"{name}.bn1", x, c, 1)
    y = net.conv_norm(f"{name}.conv2", f"{name}.bn2", y, c, 3, stride=stride, padding=1)
    y = net.conv_norm(f"{name}.conv3", f"{name}.bn3", y, 4 * c, 1, activation=nn.identity)
    return net.stage(name, nn.relu(y + _shortcut(net, name, x, 4 * c, stride)))


def _shortcut(net: Any, name: str, x: Array, c: int, stride: int) -> Array:
    """The input itself, or projected where the shape changes."""
    if stride == 1 and x.shape[-1] == c:
        return x
    return net.conv_norm(
        f"{name}.downsample.0", f"{name}.downsample.1", x, c, 1, stride=stride, padding="VALID",
        activation=nn.identity,
    )  # fmt: skip
