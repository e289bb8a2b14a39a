"""Inception-v1, GoogLeNet: as published, and with batch norms as in torchvision."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from jaxmath.models._config import ImageConfig, check_choice, check_real, scaled
from jaxmath.models._network import flatten
from jaxmath.models.image_networks import apply, init, summary, torch_names, train
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = [
    "Config", "Outputs", "apply", "init", "logits", "loss", "summary", "torch_names", "train",
]  # fmt: skip

# Channels of the branches: 1×1; 1×1 and 3×3; 1×1 and 5×5; 1×1 after pooling. Table 1.
_MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class Outputs(NamedTuple):
    """The outputs in training, where there are heads: logits (k,), auxiliary (heads, k)."""

    logits: Array
    auxiliary: Array


@dataclass(frozen=True)
class Config(ImageConfig):
    """Inception-v1: nine modules of four branches, whose outputs are put side by side.

    ::

        module:   [conv₁ₓ₁,  conv₃ₓ₃(conv₁ₓ₁),  conv₅ₓ₅(conv₁ₓ₁),  conv₁ₓ₁(pool₃ₓ₃)](x)
        stem:     conv 7×7/2, pool 3/2, conv 1×1, conv 3×3, pool 3/2;   pools after 3b and 4e
        head:     mean over places, dropout, dense k
        auxiliary head, in ``train`` alone:   mean pool to 4×4, conv 1×1, dense 1024, dense k

    Args:
      variant: "published", with biases and two local response norms; or "batch_norm", as in
        torchvision, with a batch norm (ε = 1e-3) after each convolution, and 3×3 in the place of
        the 5×5.
      image_size: height and width of the images.
      channels: their channels.
      num_classes: the number k of classes.
      width: factor of all channels.
      modules: the modules of the network in the paper's order; a pooling where 3 goes over to 4 and
        4 to 5.
      auxiliary: the modules whose output an auxiliary head sees; () for no head.
      dropout: the probability that a feature is dropped before the last layer in ``train``.

    Returns:
      A frozen, hashable dataclass.

    Raises:
      TypeError: a size is no integer, ``width`` or ``dropout`` no number, ``auxiliary`` no tuple.
      ValueError: an unknown variant or module, or a number out of range.

    Numerics:
      Nothing is computed. Pools count a window that begins within the image (PyTorch's
      ``ceil_mode``). As published an auxiliary head takes means of 5×5 with stride 3, in
      torchvision of 4×4 parts that overlap where 4 does not divide. 0.7 of its hidden units are
      dropped. torchvision's dropout at the end is 0.2, the paper's 0.4.

    Example:
      >>> for variant in ("published", "batch_norm"):
      ...     heads = [Config(variant, auxiliary=a) for a in ((), ("4a", "4d"))]
      ...     print([sum(layer.parameters for layer in summary(config)) for config in heads])
      [6998552, 13378280]
      [6624904, 13004888]

    References:
      C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke,
      A. Rabinovich, "Going deeper with convolutions", 2015, table 1 and section 5.
    """

    variant: str = "published"
    image_size: int = 224
    channels: int = 3
    num_classes: int = 1000
    width: float = 1.0
    modules: tuple[str, ...] = tuple(_MODULES)
    auxiliary: tuple[str, ...] = ("4a", "4d")
    dropout: float = 0.4

    def __post_init__(self) -> None:
        check_choice("variant", self.variant, ("published", "batch_norm"))
        self.check()
        check_real("width", self.width, 0.0, open_low=True)
        check_real("dropout", self.dropout, 0.0, 1.0)
        for field, known in (("modules", tuple(_MODULES)), ("auxiliary", self.modules)):
            chosen = getattr(self, field)
            if not isinstance(chosen, tuple):
                raise TypeError(
                    f"Config: argument `{field}` must be a tuple of modules, got {chosen!r}"
                )
            for name in chosen:
                check_choice(field, name, known)
            if sorted(set(chosen)) != list(chosen):
                raise ValueError(
                    f"Config: argument `{field}` must name modules once and in order, got {chosen}"
                )

    def forward(self, net: Any, x: Array) -> Any:
        """The network on a pass: logits, in training with those of the auxiliary heads."""
        norm = nn.identity
        if self.variant == "published":
            norm = lambda x: nn.local_response_norm(x, alpha=1e-4 / 5, k=1.0)
        x = self._conv(net, "conv1", x, 64, 7, stride=2)
        x = norm(_pool(net, "maxpool1", x, 3))
        x = self._conv(net, "conv2", x, 64, 1)
        x = norm(self._conv(net, "conv3", x, 192, 3))
        x = _pool(net, "maxpool2", x, 3)
        heads: list[Array] = []
        last = 3 if self.variant == "published" else 2
        for before, module in zip(("3", *self.modules), self.modules, strict=False):
            if before[0] < module[0]:
                name, window = ("maxpool3", 3) if module[0] == "4" else ("maxpool4", last)
                x = _pool(net, name, x, window)
            x = self._module(net, f"inception{module}", x, *_MODULES[module])
            if net.training and module in self.auxiliary:
                heads.append(self._head(net, f"aux{len(heads) + 1}", x))
        x = net.dropout("dropout", nn.global_average_pool(x), self.dropout)
        z = net.dense("fc", x, self.num_classes)
        return Outputs(z, jnp.stack(heads)) if heads else z

    def _conv(
        self, net: Any, name: str, x: Array, features: int, window: int, stride: int = 1
    ) -> Array:
        features = scaled(features, self.width)
        sizes = {"stride": stride, "padding": window // 2}
        if self.variant == "published":
            return net.conv(name, x, features, window, activation=nn.relu, **sizes)
        return net.conv_norm(f"{name}.conv", f"{name}.bn", x, features, window, eps=1e-3, **sizes)

    def _module(
        self, net: Any, name: str, x: Array, c1: int, r3: int, c3: int, r5: int, c5: int, p: int
    ) -> Array:
        five = 5 if self.variant == "published" else 3
        y1 = self._conv(net, f"{name}.branch1", x, c1, 1)
        y3 = self._conv(net, f"{name}.branch2.0", x, r3, 1)
        y3 = self._conv(net, f"{name}.branch2.1", y3, c3, 3)
        y5 = self._conv(net, f"{name}.branch3.0", x, r5, 1)
        y5 = self._conv(net, f"{name}.branch3.1", y5, c5, five)
        pooled = nn.max_pool(x, 3, stride=1, padding=1)
        y = self._conv(net, f"{name}.branch4.1", pooled, p, 1)
        return net.stage(name, jnp.concatenate([y1, y3, y5, y], axis=-1))

    def _head(self, net: Any, name: str, x: Array) -> Array:
        if self.variant == "published":
            net.fits(name, x, 5)
            x = nn.average_pool(x, 5, stride=3)
        else:
            x = _mean_parts(x, 4)
        x = flatten(self._conv(net, f"{name}.conv", x, 128, 1))
        x = net.dense(f"{name}.fc1", x, scaled(1024, self.width), activation=nn.relu)
        return net.dense(f"{name}.fc2", net.dropout(name, x, 0.7), self.num_classes)


def _pool(net: Any, name: str, x: Array, window: int) -> Array:
    """Max pooling by 2 of all windows that begin within the image."""
    pads = tuple((0, max(-(n - window) % 2, window - n)) for n in x.shape[:-1])
    return net.max_pool(name, x, window, stride=2, padding=pads)


def _mean_parts(x: Array, parts: int) -> Array:
    """The means of ``parts``² pieces, which overlap where their number does not divide."""
    for axis in (0, 1):
        n = x.shape[axis]
        low = np.arange(parts) * n // parts
        high = -(-(np.arange(parts) + 1) * n // parts)
        places = np.arange(n)[None, :]
        there = (places >= low[:, None]) & (places < high[:, None])
        mean = jnp.asarray(there / there.sum(axis=1, keepdims=True), x.dtype)
        x = jnp.moveaxis(jnp.tensordot(mean, x, (1, axis)), 0, axis)
    return x


def logits(outputs: Any) -> Array:
    """The logits of the network among its outputs, in training and in evaluation.

    ::

        z

    Args:
      outputs: what ``train`` or ``apply`` returned: logits, shape (k,), or ``Outputs``.

    Returns:
      The logits of the last layer, shape (k,).

    Numerics:
      Nothing is computed.

    Example:
      >>> print(logits(Outputs(jnp.ones(2), jnp.zeros((2, 2)))))
      [1. 1.]

    References:
      C. Szegedy and others, "Going deeper with convolutions", 2015, section 5.
    """
    return outputs.logits if isinstance(outputs, Outputs) else outputs


def loss(outputs: Any, label: ArrayLike) -> Array:
    """The cross-entropy, in training with that of the auxiliary heads, which counts 0.3 times.

    ::

        ℓ = H(z, y) + 0.3 Σ_a H(z_a, y),   H the softmax cross-entropy, a over the auxiliary heads

    Args:
      outputs: what ``train`` or ``apply`` returned: logits, shape (k,), or ``Outputs``.
      label: the class y, an integer.

    Returns:
      ℓ, a scalar; without heads, as in evaluation, H(z, y).

    Numerics:
      As ``nn.softmax_cross_entropy``.

    Example:
      >>> outputs = Outputs(jnp.zeros(2), jnp.zeros((2, 2)))
      >>> f"{loss(outputs, 0) / loss(outputs.logits, 0):.2f}"
      '1.60'

    References:
      C. Szegedy and others, "Going deeper with convolutions", 2015, section 5.
    """
    main = nn.softmax_cross_entropy(as_array("outputs", logits(outputs), ndim=1), label)
    if not isinstance(outputs, Outputs):
        return main
    heads = [nn.softmax_cross_entropy(z, label) for z in outputs.auxiliary]
    return main + 0.3 * jnp.sum(jnp.stack(heads))
