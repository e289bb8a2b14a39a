"""AlexNet: with two groups as in 2012, and with one as in 2014 and in torchvision."""

from dataclasses import dataclass
from typing import Any

from jaxmath import nn
from jaxmath.models._config import ImageConfig, check_choice, check_real, scaled
from jaxmath.models._network import flatten
from jaxmath.models.image_networks import apply, init, summary, torch_names, train
from jaxmath.typing import Array

__all__ = ["Config", "apply", "init", "summary", "torch_names", "train"]

_WIDTHS = {2: (96, 256, 384, 384, 256), 1: (64, 192, 384, 256, 256)}
_TORCH = {
    "conv1": "features.0", "conv2": "features.3", "conv3": "features.6", "conv4": "features.8",
    "conv5": "features.10", "fc6": "classifier.1", "fc7": "classifier.4", "fc8": "classifier.6",
}  # fmt: skip


@dataclass(frozen=True)
class Config(ImageConfig):
    """AlexNet, whose convolutions 2, 4 and 5 see one of two groups of channels, or all.

    ::

        conv 11×11/4,  pool 3/2,  conv 5×5,  pool 3/2,  conv 3×3 three times,  pool 3/2,
        dense 4096, 4096, k;   relu after each but the last,
        with two groups a local response norm after the first and the second convolution

    Args:
      groups: 2 as in the paper of 2012 (channels 96, 256, 384, 384, 256), or 1 as in that of 2014
        (64, 192, 384, 256, 256).
      image_size: height and width of the images, at least 63.
      channels: their channels.
      num_classes: the number k of classes.
      width: factor of all channels and hidden units.
      dropout: the probability that a unit of the two hidden dense layers is dropped in ``train``.

    Returns:
      A frozen, hashable dataclass.

    Raises:
      TypeError: a size is no integer, ``width`` or ``dropout`` no number.
      ValueError: one of them is out of range.

    Numerics:
      Nothing is computed. The paper's 224×224 do not divide; the first convolution is padded by 2
      here, as in torchvision, for its 55×55. Images of another size change the first dense layer
      (torchvision pools them to 6×6 instead). The start is He's, not the paper's N(0, 0.01²).

    Example:
      >>> [sum(layer.parameters for layer in summary(Config(groups))) for groups in (2, 1)]
      [60965224, 61100840]

    References:
      A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet classification with deep convolutional
      neural networks", 2012, section 3.
      A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.
    """

    groups: int = 2
    image_size: int = 224
    channels: int = 3
    num_classes: int = 1000
    width: float = 1.0
    dropout: float = 0.5

    def __post_init__(self) -> None:
        check_choice("groups", self.groups, (1, 2))
        self.check()
        check_real("width", self.width, 0.0, open_low=True)
        check_real("dropout", self.dropout, 0.0, 1.0)

    def torch_name(self, layer: str) -> str:
        """The module of torchvision's ``alexnet``."""
        return _TORCH[layer]

    def forward(self, net: Any, x: Array) -> Array:
        """The network on a pass."""
        g = self.groups
        c1, c2, c3, c4, c5 = (scaled(c, self.width, g) for c in _WIDTHS[g])
        norm = nn.local_response_norm if g == 2 else nn.identity
        x = norm(net.conv("conv1", x, c1, 11, stride=4, padding=2, activation=nn.relu))
        x = net.max_pool("pool1", x, 3, stride=2)
        x = norm(net.conv("conv2", x, c2, 5, groups=g, activation=nn.relu))
        x = net.max_pool("pool2", x, 3, stride=2)
        x = net.conv("conv3", x, c3, 3, activation=nn.relu)
        x = net.conv("conv4", x, c4, 3, groups=g, activation=nn.relu)
        x = net.conv("conv5", x, c5, 3, groups=g, activation=nn.relu)
        x = flatten(net.max_pool("pool5", x, 3, stride=2))
        for name in ("fc6", "fc7"):
            x = net.dense(name, x, scaled(4096, self.width), activation=nn.relu)
            x = net.dropout(name, x, self.dropout)
        return net.dense("fc8", x, self.num_classes)
