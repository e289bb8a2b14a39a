"""LeNet-5: as published in 1998, and as it is taught today.

As published: the maps of the second convolution see three, four or six of the first one's (table I
of the paper), pooling is the sum of four neighbours times a trainable coefficient plus a trainable
bias, units are squashed by A tanh(S a) with A = 1.7159 and S = 2/3, and a class is the distance of
the 84 last units from its code of ±1.

The paper draws the codes as bitmaps of characters, and says that random ones or those of an
error-correcting code serve as well. Here they are rows of Sylvester's Hadamard matrix.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from jaxmath.models._config import ImageConfig, check_choice, check_size
from jaxmath.models._network import flatten
from jaxmath.models.image_networks import apply, init, summary, train
from jaxmath.typing import Array

__all__ = ["Config", "apply", "init", "summary", "train"]

# The maps of S2 that each map of C3 sees: table I of the paper.
TABLE = (
    *(sorted((i + j) % 6 for j in (0, 1, 2)) for i in range(6)),
    *(sorted((i + j) % 6 for j in (0, 1, 2, 3)) for i in range(6)),
    *(sorted((i + j) % 6 for j in (0, 1, 3, 4)) for i in range(3)),
    list(range(6)),
)
_CODE = 84


class Subsampling(NamedTuple):
    """The parameters of a subsampling layer: scale and bias, both of shape (C,)."""

    scale: Array
    bias: Array


@dataclass(frozen=True)
class Config(ImageConfig):
    """LeNet-5, of which there are two variants.

    ::

        published: C1 5×5 → 6,  S2,  C3 5×5 → 16 (table I),  S4,  C5 → 120,  F6 → 84,  all squashed
                   by 1.7159 tanh(2a/3);   zᵢ = −‖x − wᵢ‖²,   wᵢ ∈ {−1, 1}⁸⁴ the code of class i
        modern:    conv 5×5 → 6,  pool,  conv 5×5 → 16,  pool,  dense 120, 84, k;   relu, max

    Args:
      variant: "published" or "modern".
      image_size: height and width of the images.
      channels: their channels.
      num_classes: the number k of classes; at most 127 as published.
      padding: zeros around the image; 2 makes the paper's 32×32 of MNIST's 28×28.

    Returns:
      A frozen, hashable dataclass.

    Raises:
      TypeError: a size is no integer.
      ValueError: an unknown variant, a size below 1, or more classes than codes.

    Numerics:
      Nothing is computed. As published there are 60,000 parameters for 10 classes, in the modern
      variant 61,706. The cross-entropy of the logits z is the paper's equation (9) without the
      rubbish class (j → ∞). As published weights start at U(−2.4/F, 2.4/F), F the inputs of a unit.

    Example:
      >>> [sum(layer.parameters for layer in summary(Config(v))) for v in ("published", "modern")]
      [60000, 61706]

    References:
      Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
      recognition", 1998, section II.B, table I, equation (9) and appendix A (squashing, start).
    """

    variant: str = "modern"
    image_size: int = 28
    channels: int = 1
    num_classes: int = 10
    padding: int = 2

    def __post_init__(self) -> None:
        check_choice("variant", self.variant, ("published", "modern"))
        self.check()
        check_size("padding", self.padding, 0)
        if self.variant == "published" and self.num_classes > 127:
            raise ValueError(
                "Config: argument `num_classes` must be at most 127, the number of codes, got "
                f"{self.num_classes}"
            )

    def forward(self, net: Any, x: Array) -> Array:
        """The network on a pass."""
        return (_published if self.variant == "published" else _modern)(self, net, x)


def _modern(config: Config, net: Any, x: Array) -> Array:
    x = net.conv("conv1", x, 6, 5, padding=config.padding, activation=nn.relu)
    x = net.max_pool("pool1", x, 2, stride=2)
    x = net.conv("conv2", x, 16, 5, padding="VALID", activation=nn.relu)
    x = net.max_pool("pool2", x, 2, stride=2)
    x = net.dense("fc3", flatten(x), 120, activation=nn.relu)
    x = net.dense("fc4", x, 84, activation=nn.relu)
    return net.dense("fc5", x, config.num_classes)


def _published(config: Config, net: Any, x: Array) -> Array:
    x = net.conv("c1", x, 6, 5, padding=config.padding, activation=_squash, kernel_init=_small)
    x = _subsample(net, "s2", x)
    x = _partial(net, "c3", x)
    x = _subsample(net, "s4", x)
    x = net.dense("c5", flatten(x), 120, activation=_squash, kernel_init=_small)
    x = net.dense("f6", x, _CODE, activation=_squash, kernel_init=_small)
    net.read(x)
    codes = jnp.asarray(_codes(config.num_classes), x.dtype)
    return -jnp.sum((x[None, :] - codes) ** 2, axis=1)


def _squash(a: Array) -> Array:
    return 1.7159 * jnp.tanh(2 / 3 * a)


def _small(key: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    """U(−2.4/F, 2.4/F), F the inputs of a unit."""
    return nn.uniform_init(key, shape, dtype, limit=2.4 / math.prod(shape[:-1]))


def _subsample(net: Any, name: str, x: Array) -> Array:
    """squash(scale · the sum of four neighbours + bias)."""
    net.fits(name, x, 2)
    params = net.layer(name, functools.partial(_make_subsampling, size=x.shape[-1]))
    y = 4 * nn.average_pool(x, 2) * params.scale[None, None, :] + params.bias[None, None, :]
    net.note(name, y)
    return net.stage(name, _squash(y))


def _make_subsampling(key: Array, dtype: Any, size: int) -> tuple[Subsampling, None]:
    return Subsampling(
        nn.uniform_init(key, (size,), dtype, limit=0.6), jnp.zeros(size, dtype)
    ), None


def _connections() -> tuple[np.ndarray, np.ndarray]:
    """The maps at both ends of each of the 60 connections."""
    pairs = [(i, o) for o, seen in enumerate(TABLE) for i in seen]
    return tuple(np.array(pairs).T)


def _partial(net: Any, name: str, x: Array) -> Array:
    """The convolution of table I: a kernel of 5×5 for each connection."""
    net.fits(name, x, 5)
    inputs, outputs = _connections()
    params = net.layer(name, _make_partial)
    whole = jnp.zeros((5, 5, 6, len(TABLE)), params.kernel.dtype)
    whole = whole.at[:, :, inputs, outputs].set(params.kernel)
    y = nn.conv_apply(nn.Conv(whole, params.bias), x, padding="VALID")
    net.note(name, y)
    return net.stage(name, _squash(y))


def _make_partial(key: Array, dtype: Any) -> tuple[nn.Conv, None]:
    _, outputs = _connections()
    fan_in = jnp.asarray([25 * len(TABLE[o]) for o in outputs], dtype)
    kernel = nn.uniform_init(key, (5, 5, len(outputs)), dtype, limit=2.4)
    return nn.Conv(kernel / fan_in[None, None, :], jnp.zeros(len(TABLE), dtype)), None


def _codes(num_classes: int) -> np.ndarray:
    """wᵢⱼ = (−1)^(the common ones of i + 1 and j in binary), shape (k, 84)."""
    common = np.arange(1, num_classes + 1)[:, None] & np.arange(_CODE)[None, :]
    return 1 - 2 * (np.bitwise_count(common).astype(np.int64) % 2)
