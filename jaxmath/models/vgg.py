"""VGG: stages of 3×3 convolutions, by default the sixteen layers of VGG-16."""

from dataclasses import dataclass
from typing import Any

from jaxmath import nn
from jaxmath.models._config import ImageConfig, check_real, check_sizes, scaled
from jaxmath.models._network import flatten
from jaxmath.models.image_networks import apply, init, summary, torch_names, train
from jaxmath.typing import Array

__all__ = ["Config", "apply", "init", "summary", "torch_names", "train"]

_WIDTHS = (64, 128, 256, 512, 512)


@dataclass(frozen=True)
class Config(ImageConfig):
    """VGG with so many convolutions in each stage.

    ::

        stage s:   relu(conv₃ₓ₃) so many times, 64, 128, 256, 512, 512 channels;  pool₂
        dense 4096, 4096, k;   relu after each but the last

    Args:
      blocks: convolutions in each stage, at most five stages: (2, 2, 3, 3, 3) for VGG-16,
        (2, 2, 4, 4, 4) for VGG-19, (1, 1, 2, 2, 2) for VGG-11.
      image_size: height and width of the images, at least 32 for five stages.
      channels: their channels.
      num_classes: the number k of classes.
      width: factor of all channels and hidden units.
      dropout: the probability that a unit of the two hidden dense layers is dropped in ``train``.

    Returns:
      A frozen, hashable dataclass.

    Raises:
      TypeError: a size is no integer, ``width`` or ``dropout`` no number.
      ValueError: one of them is out of range, or there are more than five stages.

    Numerics:
      Nothing is computed. Images of another size change the first dense layer (torchvision pools
      them to 7×7 instead). The start is He's, which needs no training of smaller networks first.

    Example:
      >>> sum(layer.parameters for layer in summary(Config()))
      138357544

    References:
      K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image
      recognition", 2015, table 1, columns A, D and E.
    """

    blocks: tuple[int, ...] = (2, 2, 3, 3, 3)
    image_size: int = 224
    channels: int = 3
    num_classes: int = 1000
    width: float = 1.0
    dropout: float = 0.5

    def __post_init__(self) -> None:
        check_sizes("blocks", self.blocks)
        if len(self.blocks) > len(_WIDTHS):
            raise ValueError(
                f"Config: argument `blocks` must have at most 5 stages, got {len(self.blocks)}"
            )
        self.check()
        check_real("width", self.width, 0.0, open_low=True)
        check_real("dropout", self.dropout, 0.0, 1.0)

    def torch_name(self, layer: str) -> str:
        """The module of torchvision's ``vgg16``: a rectifier and a pooling count as modules."""
        if layer.startswith("fc"):
            return f"classifier.{3 * (int(layer[2:]) - 6)}"
        stage, number = map(int, layer.removeprefix("conv").split("_"))
        before = sum(2 * count + 1 for count in self.blocks[: stage - 1])
        return f"features.{before + 2 * (number - 1)}"

    def forward(self, net: Any, x: Array) -> Array:
        """The network on a pass."""
        for s, (count, width) in enumerate(zip(self.blocks, _WIDTHS, strict=False), 1):
            for i in range(1, count + 1):
                channels = scaled(width, self.width)
                x = net.conv(f"conv{s}_{i}", x, channels, 3, activation=nn.relu)
            x = net.max_pool(f"pool{s}", x, 2, stride=2)
        x = flatten(x)
        for name in ("fc6", "fc7"):
            x = net.dense(name, x, scaled(4096, self.width), activation=nn.relu)
            x = net.dropout(name, x, self.dropout)
        return net.dense("fc8", x, self.num_classes)
