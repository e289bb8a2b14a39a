"""Recurrent networks: layers of a cell along a sequence, and a dense layer that reads them."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath import nn
from jaxmath._compiled import compiled
from jaxmath.models._config import check_choice, check_real, check_size, check_sizes
from jaxmath.nn.clockwork import check_periods
from jaxmath.nn.recurrence import as_length
from jaxmath.typing import Array, ArrayLike, PyTree, as_array, as_key

__all__ = ["Config", "RNNParams", "apply", "init", "run", "train"]


def _square_jordan_init(key: Array, in_size: int, hidden_size: int, **options: Any) -> nn.Jordan:
    return nn.jordan_init(key, in_size, hidden_size, hidden_size, **options)


_CELLS: dict[str, tuple[Callable, Callable]] = {
    "clockwork": (nn.clockwork_init, nn.clockwork_cell),
    "elman": (nn.elman_init, nn.elman_cell),
    "gru": (nn.gru_init, nn.gru_cell),
    "gru_reset_before": (nn.gru_init, partial(nn.gru_cell, reset_after=False)),
    "jordan": (_square_jordan_init, partial(nn.jordan_cell, output_activation=nn.tanh)),
    "lstm": (nn.lstm_init, nn.lstm_cell),
    "mgu": (nn.mgu_init, nn.mgu_cell),
    "peephole_lstm": (nn.peephole_lstm_init, nn.peephole_lstm_cell),
}
_TASKS = ("many_to_one", "many_to_many", "one_to_many")


class RNNParams(NamedTuple):
    """The layers' cells, pairs of them where both directions run, and the dense head."""

    layers: tuple
    head: nn.Dense


@dataclass(frozen=True)
class Config:
    """The shape of a recurrent network; hashable, hence a static argument of jit.

    ::

        sizes = (d, h₁, …, h_L, k)

    Args:
      sizes: sizes of the input, of each recurrent layer and of the output, at least three.
      cell: "elman", "jordan" (fed back through tanh, as many outputs as hidden units), "lstm",
        "peephole_lstm", "gru", "gru_reset_before", "mgu" or "clockwork".
      task: "many_to_one" reads the last state, "many_to_many" every one; "one_to_many" has one
        vector as its first input and zeros after it.
      bidirectional: each layer in both directions; it hands 2 h_l values on.
      dropout: the probability that an output of a layer is dropped in ``train``, in [0, 1).
      num_steps: the steps of "one_to_many"; the others take theirs from the sequence.
      periods: of the clockwork's modules.

    Returns:
      A frozen dataclass.

    Raises:
      TypeError: ``sizes`` or ``periods`` is no tuple of integers, ``dropout`` no number.
      ValueError: a size below 1, an unknown cell or task, or a number out of range.

    Numerics:
      Nothing is computed.

    Example:
      >>> Config((28, 128, 10), "lstm").task
      'many_to_one'
      >>> Config((28, 10))
      Traceback (most recent call last):
      ...
      ValueError: Config: argument `sizes` must hold at least 3 positive integers, got (28, 10)

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, sections 10.2 to 10.5.
    """

    sizes: tuple[int, ...]
    cell: str = "gru"
    task: str = "many_to_one"
    bidirectional: bool = False
    dropout: float = 0.0
    num_steps: int = 0
    periods: tuple[int, ...] = (1, 2, 4, 8)

    def __post_init__(self) -> None:
        check_sizes("sizes", self.sizes, 3)
        check_sizes("periods", self.periods)
        check_choice("bidirectional", self.bidirectional, (False, True))
        check_choice("cell", self.cell, _CELLS)
        check_choice("task", self.task, _TASKS)
        check_real("dropout", self.dropout, 0.0, 1.0)
        low = 1 if self.task == "one_to_many" else 0
        check_size("num_steps", self.num_steps, low)
        if self.cell == "clockwork":
            for size in self.sizes[1:-1]:
                check_periods(self.periods, size, "Config")


def _as_config(caller: str, config: Config) -> Config:
    if not isinstance(config, Config):
        raise TypeError(
            f"{caller}: argument `config` must be a Config, got {type(config).__name__}"
        )
    return config


def _cell(config: Config) -> Callable:
    cell = _CELLS[config.cell][1]
    return partial(cell, periods=config.periods) if config.cell == "clockwork" else cell


def init(key: Array, config: Config, *, dtype: jax.typing.DTypeLike = float) -> RNNParams:
    """Random parameters, each layer by its cell's own rule.

    ::

        W_x ~ N(0, 1/d_l),   W_h orthogonal (the clockwork's N(0, 1/h)),   head N(0, 1/h_L)

    Args:
      key: a random key, used once: layer l draws from ``fold_in(key, l)``, the head from the first
        index after theirs.
      config: the shape of the network.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``layers``, one entry for each, and ``head``.

    Numerics:
      That of ``nn.lstm_init`` (forget bias 1) and its siblings.

    Example:
      >>> params = init(jax.random.key(0), Config((3, 4, 2), "clockwork"))
      >>> params.layers[0].kernel.shape, params.head.kernel.shape
      ((7, 4), (4, 2))

    References:
      Those of the cells.
    """
    key, config = as_key("key", key), _as_config("init", config)
    start = partial(_CELLS[config.cell][0], dtype=dtype)
    directions = 2 if config.bidirectional else 1
    *sizes, k = config.sizes
    layers = []
    for i, (d, h) in enumerate(itertools.pairwise(sizes)):
        layer_key, d = jax.random.fold_in(key, i), d * (directions if i else 1)
        if config.bidirectional:
            pair = (start(k, d, h) for k in jax.random.split(layer_key))
            layers.append(nn.Bidirectional(*pair))
        else:
            layers.append(start(layer_key, d, h))
    head_key = jax.random.fold_in(key, len(layers))
    return RNNParams(tuple(layers), nn.dense_init(head_key, directions * sizes[-1], k, dtype=dtype))


def _state(carry: PyTree) -> Array:
    """hₙ of a layer, both directions' side by side."""
    if isinstance(carry, nn.Bidirectional):
        return jnp.concatenate([_state(carry.forward), _state(carry.backward)])
    return carry[-1] if isinstance(carry, tuple) else carry


def _check_layers(caller: str, params: RNNParams, config: Config) -> None:
    if len(params.layers) != len(config.sizes) - 2:
        raise ValueError(
            f"{caller}: argument `params` must have {len(config.sizes) - 2} layers for sizes "
            f"{config.sizes}, got {len(params.layers)}"
        )


def _sequence(x: ArrayLike, config: Config) -> Array:
    """The input as a sequence: the one vector of "one_to_many" is followed by zeros."""
    if config.task != "one_to_many":
        return as_array("x", x, shape=(None, config.sizes[0]))
    x = as_array("x", x, shape=config.sizes[:1])
    return jnp.zeros((config.num_steps, *x.shape), x.dtype).at[0].set(x)


@compiled
def _forward(
    key: Array | None, params: RNNParams, y: Array, length: Array | None, config: Config
) -> Array:
    def noise(layer: int, y: Array) -> Array:
        if key is None or not config.dropout:
            return y
        return nn.dropout(jax.random.fold_in(key, layer), y, config.dropout)

    along = nn.run_bidirectional if config.bidirectional else nn.run_cell
    cell, last = _cell(config), len(params.layers) - 1
    for i, layer in enumerate(params.layers):
        carry, y = along(cell, layer, nn.initial_carry(layer), y, length=length)
        y = y if i == last else noise(i, y)
    if config.task == "many_to_one":
        return nn.dense_apply(params.head, noise(last, _state(carry)))
    return jax.vmap(partial(nn.dense_apply, params.head))(noise(last, y))


def _output(
    caller: str,
    key: Array | None,
    params: RNNParams,
    x: ArrayLike,
    length: ArrayLike | None,
    config: Config,
) -> Array:
    config = _as_config(caller, config)
    _check_layers(caller, params, config)
    x = _sequence(x, config)
    return _forward(key, params, x, as_length(caller, length, x.shape[0]), config)


def apply(
    params: RNNParams, x: ArrayLike, *, config: Config, length: ArrayLike | None = None
) -> Array:
    """The network's output for one sequence; the output layer is linear.

    ::

        yˡₜ = cell_l(yˡ⁻¹ₜ),   y⁰ = x;   z = hᴸₙ V + c (many to one)   or   zₜ = yᴸₜ V + c

    Args:
      params: as ``init`` makes them.
      x: the sequence, shape (T, d); for "one_to_many" a vector, shape (d,). Symbols go in as
        ``jax.nn.one_hot(ids, d)``.
      config: the shape of the network.
      length: n, where the sequence is shorter than its array (an integer from 0 to T).

    Returns:
      Logits (or predictions): shape (k,) for "many_to_one", of one output (1,); (T, k) for the
      others. Beyond the length those are c: leave them out of the loss.

    Numerics:
      As ``nn.run_cell``: the padding's content counts for nothing. "many_to_one" reads the state
      after step n, in both directions of a bidirectional network the last one computed.

    Example:
      >>> config = Config((3, 4, 2), "clockwork", "many_to_many")
      >>> apply(init(jax.random.key(0), config), jnp.ones((5, 3)), config=config).shape
      (5, 2)

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, equations (10.8) to (10.10).
    """
    return _output("apply", None, params, x, length, config)


def train(
    key: Array,
    params: RNNParams,
    x: ArrayLike,
    *,
    config: Config,
    length: ArrayLike | None = None,
) -> Array:
    """The network's output for one sequence in training: outputs of layers are dropped at random.

    ::

        yˡₜ = mₜ ⊙ cell_l(yˡ⁻¹ₜ)/(1 − p),   mₜ ~ Bernoulli(1 − p) for each unit and step

    Args:
      key: a random key for this sequence, used once: layer l draws from ``fold_in(key, l)``.
      params: as ``init`` makes them.
      x: the sequence, shape (T, d); for "one_to_many" a vector, shape (d,).
      config: the shape of the network, p = ``config.dropout`` in it.
      length: n, as in ``apply``.

    Returns:
      As ``apply``.

    Numerics:
      Only what goes up to the next layer or to the head is dropped, never what goes on in time.
      PyTorch leaves the last layer's outputs whole. As ``apply`` at p = 0, where nothing is drawn.

    Example:
      >>> config = Config((3, 4, 2), "clockwork", dropout=0.5)
      >>> params = init(jax.random.key(0), config)
      >>> train(jax.random.key(1), params, jnp.ones((5, 3)), config=config).shape
      (2,)

    References:
      W. Zaremba, I. Sutskever, O. Vinyals, "Recurrent neural network regularization", 2014,
      section 3.2.
    """
    return _output("train", as_key("key", key), params, x, length, config)


@compiled
def run(params: RNNParams, carry: tuple, x: ArrayLike, *, config: Config) -> tuple[tuple, Array]:
    """The network along a piece of a sequence, from a carry to a carry.

    ::

        (sₜ, zₜ) = step(sₜ₋₁, xₜ);   run(x₁…x_T) = run(x_{n+1}…x_T) after run(x₁…xₙ)

    Args:
      params: as ``init`` makes them, in one direction.
      carry: a tuple with the carry of each layer; ``nn.initial_carry(params.layers)`` for zeros.
      x: the piece, shape (T, d).
      config: the shape of the network; its task is not looked at.

    Returns:
      (the carries after the last step, logits of each step, shape (T, k)).

    Raises:
      ValueError: the network is bidirectional: its backward half begins at the end.

    Numerics:
      As ``apply`` of "many_to_many".

    Example:
      >>> config = Config((3, 4, 2), "clockwork")
      >>> params = init(jax.random.key(0), config)
      >>> carry, z = run(params, nn.initial_carry(params.layers), jnp.ones((5, 3)), config=config)
      >>> z.shape
      (5, 2)

    References:
      R. J. Williams, J. Peng, "An efficient gradient-based algorithm for on-line training of
      recurrent network trajectories", 1990, section 3 (why pieces).
    """
    config = _as_config("run", config)
    _check_layers("run", params, config)
    if config.bidirectional:
        raise ValueError("run: argument `config` must not be bidirectional")
    x = as_array("x", x, shape=(None, config.sizes[0]))
    cell = nn.stacked_cell(_cell(config))
    carry, y = nn.run_cell(cell, params.layers, carry, x)
    return carry, jax.vmap(partial(nn.dense_apply, params.head))(y)
