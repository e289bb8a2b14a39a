"""The multilayer perceptron: dense layers with an activation between them."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import jax

from jaxmath import nn
from jaxmath.models._config import check_choice, check_real, check_sizes
from jaxmath.typing import Array, ArrayLike, as_array, as_key

__all__ = ["Config", "apply", "init", "train"]

_ACTIVATIONS = {
    "elu": nn.elu,
    "gelu": nn.gelu,
    "identity": nn.identity,
    "leaky_relu": nn.leaky_relu,
    "relu": nn.relu,
    "selu": nn.selu,
    "sigmoid": nn.sigmoid,
    "silu": nn.silu,
    "softplus": nn.softplus,
    "tanh": nn.tanh,
}
_RECTIFIERS = ("elu", "gelu", "leaky_relu", "relu", "silu", "softplus")
_INITIALIZERS = {**dict.fromkeys(_RECTIFIERS, nn.he_normal), "selu": nn.lecun_normal}


@dataclass(frozen=True)
class Config:
    """The shape of a multilayer perceptron; hashable, hence a static argument of jit.

    ::

        sizes = (d, h₁, …, h_{L−1}, k),   h_l units in hidden layer l

    Args:
      sizes: sizes of all layers, the input and the output among them, at least two.
      activation: name of the hidden layers' activation in ``jaxmath.nn``.
      dropout: the probability that a hidden unit is dropped in ``train``, in [0, 1).

    Returns:
      A frozen dataclass.

    Raises:
      TypeError: ``sizes`` is no tuple of integers, or ``dropout`` no number.
      ValueError: too few sizes, one below 1, an unknown activation, or ``dropout`` out of range.

    Numerics:
      Nothing is computed.

    Example:
      >>> Config((64, 32, 10)).activation
      'relu'
      >>> Config((64,))
      Traceback (most recent call last):
      ...
      ValueError: Config: argument `sizes` must hold at least 2 positive integers, got (64,)

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 5.1.
    """

    sizes: tuple[int, ...]
    activation: str = "relu"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_sizes("sizes", self.sizes, 2)
        check_choice("activation", self.activation, _ACTIVATIONS)
        check_real("dropout", self.dropout, 0.0, 1.0)


def _as_config(caller: str, config: Config) -> Config:
    if not isinstance(config, Config):
        raise TypeError(
            f"{caller}: argument `config` must be a Config, got {type(config).__name__}"
        )
    return config


def _check_layers(caller: str, params: tuple[nn.Dense, ...], config: Config) -> None:
    if len(params) != len(config.sizes) - 1:
        raise ValueError(
            f"{caller}: argument `params` must have {len(config.sizes) - 1} layers for sizes "
            f"{config.sizes}, got {len(params)}"
        )


def init(
    key: Array, config: Config, *, dtype: jax.typing.DTypeLike = float
) -> tuple[nn.Dense, ...]:
    """Random parameters, in the variance that suits the activation.

    ::

        W_l ~ N(0, 2 / fan_in)                                 for a rectifier
        W_l ~ N(0, 1 / fan_in)                                 for selu
        W_l ~ U(−a, a),   a = √(6 / (fan_in + fan_out))        otherwise;   b_l = 0

    Args:
      key: a random key, used once: layer l draws from ``fold_in(key, l)``, so that one more layer
        leaves the others as they were.
      config: the shape of the network.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      One ``Dense`` for each layer, first to last.

    Numerics:
      ``he_normal`` for relu, leaky_relu, elu, gelu, silu and softplus, ``lecun_normal`` for selu,
      ``glorot_uniform`` for identity, sigmoid and tanh; the output layer as the hidden ones.

    Example:
      >>> [layer.kernel.shape for layer in init(jax.random.key(0), Config((4, 8, 3)))]
      [(4, 8), (8, 3)]

    References:
      K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
      performance on ImageNet classification", 2015, equation (10).
      X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
      networks", 2010, equation (16).
      G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks",
      2017, section 2 (selu).
    """
    key, config = as_key("key", key), _as_config("init", config)
    kernel_init = _INITIALIZERS.get(config.activation, nn.glorot_uniform)
    return tuple(
        nn.dense_init(jax.random.fold_in(key, i), d_in, d_out, dtype=dtype, kernel_init=kernel_init)
        for i, (d_in, d_out) in enumerate(itertools.pairwise(config.sizes))
    )


def _forward(
    caller: str,
    params: tuple[nn.Dense, ...],
    x: ArrayLike,
    config: Config,
    noise: Callable[[int, Array], Array],
) -> Array:
    config = _as_config(caller, config)
    x = as_array("x", x, shape=config.sizes[:1])
    _check_layers(caller, params, config)
    activation = _ACTIVATIONS[config.activation]
    for i, layer in enumerate(params[:-1]):
        x = noise(i, activation(nn.dense_apply(layer, x)))
    return nn.dense_apply(params[-1], x)


def apply(params: tuple[nn.Dense, ...], x: ArrayLike, *, config: Config) -> Array:
    """The network's output for one example; the output layer is linear.

    ::

        a₀ = x,   a_l = f(a_{l−1} W_l + b_l) for l < L,   z = a_{L−1} W_L + b_L

    Args:
      params: one ``Dense`` for each layer, as ``init`` makes them.
      x: input, shape (d,).
      config: the shape of the network.

    Returns:
      The logits z (or the prediction of a regression), shape (k,).

    Numerics:
      Products in the backend's default precision, as in ``nn.dense_apply``; derivatives at kinks
      as in ``jaxmath.nn``. Cost: as many multiply-adds as there are weights.

    Example:
      >>> config = Config((2, 3, 1))
      >>> f"{apply(init(jax.random.key(0), config), jnp.zeros(2), config=config)[0]:.1f}"
      '0.0'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equation (5.9).
    """
    return _forward("apply", params, x, config, lambda layer, a: a)


def train(key: Array, params: tuple[nn.Dense, ...], x: ArrayLike, *, config: Config) -> Array:
    """The network's output for one example in training: hidden units are dropped at random.

    ::

        a_l = m_l ⊙ f(a_{l−1} W_l + b_l) / (1 − p),   m_l ~ Bernoulli(1 − p) for each hidden unit

    Args:
      key: a random key for this example, used once: layer l draws from ``fold_in(key, l)``, so that
        one more layer leaves the others' masks as they were.
      params: one ``Dense`` for each layer, as ``init`` makes them.
      x: input, shape (d,).
      config: the shape of the network, p = ``config.dropout`` in it.

    Returns:
      The logits, shape (k,).

    Numerics:
      As ``apply``, which it equals at p = 0, where nothing is drawn. With one hidden layer the mean
      over the masks is ``apply``; with more it is not, for f is not linear. Inputs are not dropped.

    Example:
      >>> config = Config((2, 4, 1), "identity", dropout=0.5)
      >>> sizes = ((2, 4), (4, 1))
      >>> params = tuple(nn.Dense(jnp.ones(size), jnp.zeros(size[1])) for size in sizes)
      >>> y = train(jax.random.key(0), params, jnp.ones(2), config=config)
      >>> bool(y[0] in (0.0, 4.0, 8.0, 12.0, 16.0))
      True

    References:
      N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a simple
      way to prevent neural networks from overfitting", 2014, section 4.
    """
    key, config = as_key("key", key), _as_config("train", config)

    def drop(layer: int, a: Array) -> Array:
        return nn.dropout(jax.random.fold_in(key, layer), a, config.dropout)

    return _forward("train", params, x, config, drop if config.dropout else lambda layer, a: a)
