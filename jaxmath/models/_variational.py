"""What a variational autoencoder is: its configuration, its records, and its two halves.

A half is convolutions, if any, and a dense part.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath import nn
from jaxmath.models import mlp
from jaxmath.models._config import check_choice, check_real, check_size, check_sizes
from jaxmath.typing import Array, ArrayLike, as_array

__all__: list[str] = []

WINDOW, STRIDE = (4, 4), 2  # the window a multiple of the stride: no checkerboard


class Half(NamedTuple):
    """The parameters of an encoder or a decoder."""

    convolutions: tuple[nn.Conv, ...]
    dense: tuple[nn.Dense, ...]


class VAEParams(NamedTuple):
    """Both halves, and the logarithmic variance that all values share, () where they do not."""

    encoder: Half
    decoder: Half
    log_variance: Array | tuple[()]


class Likelihood(NamedTuple):
    """p(x|z): logits or means, of the example's shape, and the logarithmic variances of means.

    The latter are of that shape or a scalar; () for logits.
    """

    location: Array
    log_variance: Array | tuple[()]


class Outputs(NamedTuple):
    """What training computes of one example: p(x|z) at a draw of z, and the encoder's Gaussian."""

    likelihood: Likelihood
    mean: Array
    log_variance: Array


@dataclass(frozen=True)
class Config:
    """The shape of a variational autoencoder; hashable, hence a static argument of jit.

    ::

        q(z|x) = N(μ(x), diag e^{s(x)}),   p(z) = N(0, I),   p(x|z) = Bernoulli or Gaussian

    Args:
      shape: that of one example, (d,) or (H, W, C).
      latent: the dimension of z.
      hidden: units of the encoder's dense hidden layers; the decoder has them in reverse.
      widths: channels of the encoder's convolutions, each of which halves the image; the decoder
        has their transposes. () for dense layers alone.
      num_classes: of a conditional autoencoder, whose halves both get the class; 0 for none.
      likelihood: "bernoulli", for values in [0, 1], or "gaussian".
      scale: the deviation of the Gaussian: a number, "shared" for one that is learned, or
        "predicted" for one of each value by the decoder.
      activation: name of the hidden layers' activation in ``jaxmath.nn``.
      beta: the weight of the divergence in ``loss``.

    Returns:
      A frozen dataclass.

    Raises:
      TypeError: a size is no integer, sizes are no tuple, a number is none.
      ValueError: one of them is out of range, a name unknown, or the image not to be halved so
        often.

    Numerics:
      Nothing is computed.

    Example:
      >>> Config((28, 28, 1), widths=(32, 64)).latent
      20
      >>> Config((28, 28, 1), widths=(32, 64, 128))
      Traceback (most recent call last):
      ...
      ValueError: Config: argument `shape` must have sides that 3 widths can halve, got (28, 28, 1)

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014; K. Sohn, H. Lee, X. Yan,
      "Learning structured output representation using deep conditional generative models", 2015;
      I. Higgins and others, "β-VAE", 2017.
    """

    shape: tuple[int, ...]
    latent: int = 20
    hidden: tuple[int, ...] = (256,)
    widths: tuple[int, ...] = ()
    num_classes: int = 0
    likelihood: str = "bernoulli"
    scale: float | str = "shared"
    activation: str = "relu"
    beta: float = 1.0

    def __post_init__(self) -> None:
        check_sizes("shape", self.shape)
        check_size("latent", self.latent)
        check_sizes("hidden", self.hidden)
        if self.widths != ():
            check_sizes("widths", self.widths)
        check_size("num_classes", self.num_classes, 0)
        check_choice("likelihood", self.likelihood, ("bernoulli", "gaussian"))
        if isinstance(self.scale, str):
            check_choice("scale", self.scale, ("shared", "predicted"))
        else:
            check_real("scale", self.scale, 0.0, open_low=True)
        check_real("beta", self.beta, 0.0)
        self._check_image()
        mlp.Config((1, 1), self.activation)  # which refuses an unknown one

    def _check_image(self) -> None:
        if len(self.shape) not in (1, 3) or (self.widths and len(self.shape) == 1):
            raise ValueError(
                f"Config: argument `shape` must be (d,), or (H, W, C) for convolutions, got "
                f"{self.shape}"
            )
        if self.widths and any(n % STRIDE ** len(self.widths) for n in self.shape[:2]):
            raise ValueError(
                f"Config: argument `shape` must have sides that {len(self.widths)} widths can "
                f"halve, got {self.shape}"
            )

    @property
    def predicts_variance(self) -> bool:
        """Whether the decoder puts out a variance for each value."""
        return self.likelihood == "gaussian" and self.scale == "predicted"


def _as_config(caller: str, config: Config) -> Config:
    if not isinstance(config, Config):
        raise TypeError(
            f"{caller}: argument `config` must be a Config, got {type(config).__name__}"
        )
    return config


def class_code(caller: str, label: ArrayLike | None, config: Config) -> Array:
    """The class as a vector of 0 and 1, empty without classes; NaN for a label out of range."""
    if (label is None) != (config.num_classes == 0):
        wanted = "a class" if label is None else "None for a config without classes"
        raise ValueError(f"{caller}: argument `label` must be {wanted}, got {label}")
    if label is None:
        return jnp.zeros(0)
    label = as_array("label", label, ndim=0, kind="integer").astype(jnp.result_type(int))
    inside = (label >= 0) & (label < config.num_classes)
    code = jnp.arange(config.num_classes) == label
    return jnp.where(inside, code.astype(jnp.float32), jnp.nan)


def feature_shape(config: Config) -> tuple[int, ...]:
    """What lies between the convolutions and the dense part; the example itself without any."""
    if not config.widths:
        return tuple(config.shape)
    factor = STRIDE ** len(config.widths)
    return config.shape[0] // factor, config.shape[1] // factor, config.widths[-1]


def output_shape(config: Config) -> tuple[int, ...]:
    """What the decoder puts out: two numbers a value where it predicts the variance too."""
    *space, last = config.shape
    return (*space, 2 * last if config.predicts_variance else last)


def dense_configs(config: Config) -> tuple[mlp.Config, mlp.Config]:
    """The dense parts of the encoder and the decoder, each with the class beside its input."""
    features = feature_shape(config)
    out = features if config.widths else output_shape(config)
    into = (math.prod(features) + config.num_classes, *config.hidden, 2 * config.latent)
    back = (config.latent + config.num_classes, *config.hidden[::-1], math.prod(out))
    return mlp.Config(into, config.activation), mlp.Config(back, config.activation)


def init_half(
    key: Array, sizes: tuple[int, ...], dense: mlp.Config, make: Callable, dtype: Any
) -> Half:
    """Random parameters: convolutions with these channels, made by ``make``, and a dense part."""
    pairs = enumerate(itertools.pairwise(sizes), 1)
    convolutions = tuple(
        make(jax.random.fold_in(key, i), a, b, WINDOW, dtype=dtype, kernel_init=nn.he_normal)
        for i, (a, b) in pairs
    )
    return Half(convolutions, mlp.init(jax.random.fold_in(key, 0), dense, dtype=dtype))


def run_encoder(caller: str, half: Half, x: Array, code: Array, config: Config) -> Array:
    """The mean and the logarithmic variance of z, side by side."""
    activation = mlp._ACTIVATIONS[config.activation]
    for conv in half.convolutions:
        x = activation(nn.conv_apply(conv, x, stride=STRIDE))
    flat = jnp.concatenate([x.reshape(-1), code.astype(x.dtype)])
    return mlp._forward(caller, half.dense, flat, dense_configs(config)[0], lambda i, a: a)


def run_decoder(caller: str, half: Half, z: Array, code: Array, config: Config) -> Array:
    """What the decoder puts out, of ``output_shape``."""
    activation = mlp._ACTIVATIONS[config.activation]
    flat = jnp.concatenate([z, code.astype(z.dtype)])
    y = mlp._forward(caller, half.dense, flat, dense_configs(config)[1], lambda i, a: a)
    if not half.convolutions:
        return y.reshape(output_shape(config))
    y = y.reshape(feature_shape(config))
    for conv in half.convolutions:
        y = nn.transposed_conv_apply(conv, activation(y), stride=STRIDE)
    return y
