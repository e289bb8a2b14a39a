"""A small modern convolutional network, by default for images of 28×28."""

from dataclasses import dataclass
from typing import Any

from jaxmath import nn
from jaxmath.models._config import ImageConfig, check_real, check_sizes
from jaxmath.models._network import flatten
from jaxmath.models.image_networks import apply, init, summary, train
from jaxmath.typing import Array

__all__ = ["Config", "apply", "init", "summary", "train"]


@dataclass(frozen=True)
class Config(ImageConfig):
    """Blocks of convolution, batch norm, rectifier and pooling, and two dense layers.

    ::

        block l:   pool₂(relu(norm(conv₃ₓ₃(x)))),   C_l channels, half the size
        z = W₂ drop(relu(W₁ vec(x) + b₁)) + b₂

    Args:
      image_size: height and width of the images.
      channels: their channels.
      num_classes: the number k of classes.
      widths: the channels C_l of the blocks.
      depth: convolutions (each with its batch norm and rectifier) in a block.
      hidden: units of the hidden dense layer.
      dropout: the probability that a hidden unit is dropped in ``train``, in [0, 1).

    Returns:
      A frozen, hashable dataclass.

    Raises:
      TypeError: a size is no integer, or ``dropout`` no number.
      ValueError: one of them is out of range.

    Numerics:
      Nothing is computed.

    Example:
      >>> sum(layer.parameters for layer in summary(Config()))
      241770

    References:
      K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image
      recognition", 2015 (blocks of 3×3); S. Ioffe, C. Szegedy, "Batch normalization", 2015.
    """

    image_size: int = 28
    channels: int = 1
    num_classes: int = 10
    widths: tuple[int, ...] = (32, 64, 128)
    depth: int = 1
    hidden: int = 128
    dropout: float = 0.3

    def __post_init__(self) -> None:
        self.check("depth", "hidden")
        check_sizes("widths", self.widths)
        check_real("dropout", self.dropout, 0.0, 1.0)

    def forward(self, net: Any, x: Array) -> Array:
        """The network on a pass."""
        for i, width in enumerate(self.widths, 1):
            for j in range(1, self.depth + 1):
                name = f"{i}" if self.depth == 1 else f"{i}_{j}"
                x = net.conv_norm(f"conv{name}", f"norm{name}", x, width, 3)
            x = net.max_pool(f"pool{i}", x, 2, stride=2)
        x = net.dense("hidden", flatten(x), self.hidden, activation=nn.relu)
        return net.dense("output", net.dropout("hidden", x, self.dropout), self.num_classes)
