"""From a sequence to a sequence: an encoder whose last state starts a decoder."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath import nn
from jaxmath._compiled import compiled
from jaxmath._loops import scan
from jaxmath.models import rnn
from jaxmath.nn.recurrence import as_length
from jaxmath.typing import Array, ArrayLike, as_array, as_key, check_number

__all__ = ["Seq2SeqParams", "apply", "greedy", "init"]


class Seq2SeqParams(NamedTuple):
    """The encoder's layers, and the decoder's: a recurrent network over symbols."""

    encoder: tuple
    decoder: rnn.RNNParams


def _as_config(caller: str, config: rnn.Config) -> rnn.Config:
    config = rnn._as_config(caller, config)
    if config.bidirectional:
        raise ValueError(f"{caller}: argument `config` must not be bidirectional")
    return config


def _decoder(config: rnn.Config) -> rnn.Config:
    """The same hidden layers, with the target's symbols as inputs."""
    k = config.sizes[-1]
    return rnn.Config((k, *config.sizes[1:]), config.cell, periods=config.periods)


def init(key: Array, config: rnn.Config, *, dtype: jax.typing.DTypeLike = float) -> Seq2SeqParams:
    """Random parameters of an encoder and a decoder.

    ::

        encoder: (d, h₁, …, h_L),   decoder: (k, h₁, …, h_L, k)

    Args:
      key: a random key, used once.
      config: sizes (d, h₁, …, h_L, k) and the cell; d features of a source step, k target symbols.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``encoder`` and ``decoder``, drawn apart.

    Numerics:
      As ``rnn.init``.

    Example:
      >>> params = init(jax.random.key(0), rnn.Config((3, 4, 5), "clockwork"))
      >>> params.decoder.layers[0].kernel.shape
      (9, 4)

    References:
      I. Sutskever, O. Vinyals, Q. V. Le, "Sequence to sequence learning with neural networks",
      2014, section 2.
    """
    key, config = as_key("key", key), _as_config("init", config)
    encoder_key, decoder_key = jax.random.split(key)
    encoder = rnn.init(encoder_key, config, dtype=dtype).layers
    return Seq2SeqParams(encoder, rnn.init(decoder_key, _decoder(config), dtype=dtype))


def _source(
    caller: str, x: ArrayLike, length: ArrayLike | None, config: rnn.Config
) -> tuple[Array, Array | None]:
    """The source and its length, checked."""
    x = as_array("x", x, shape=(None, config.sizes[0]))
    return x, as_length(caller, length, x.shape[0])


def _encode(params: Seq2SeqParams, x: Array, length: Array | None, config: rnn.Config) -> tuple:
    """The carries after the source."""
    cell = nn.stacked_cell(rnn._cell(config))
    first = nn.initial_carry(params.encoder)
    return nn.run_cell(cell, params.encoder, first, x, length=length)[0]


def apply(
    params: Seq2SeqParams,
    x: ArrayLike,
    target: ArrayLike,
    *,
    config: rnn.Config,
    length: ArrayLike | None = None,
) -> Array:
    """Logits of each target symbol with those before it given: teacher forcing.

    ::

        s₀ = encoder(x₁, …, xₙ),   (sₜ, zₜ) = decoder(sₜ₋₁, e_{iₜ₋₁}),   e_{i₀} := 0
        log P(i₁, …, i_S | x) = Σₜ log softmax(zₜ)[iₜ]

    Args:
      params: as ``init`` makes them.
      x: the source, shape (T, d).
      target: symbols i₁, …, i_S in {0, …, k − 1}, shape (S,). An end symbol is one of the k.
      config: the shape of the network.
      length: n, where the source is shorter than its array.

    Returns:
      Logits z₁, …, z_S, shape (S, k): zₜ has seen the symbols before iₜ, not iₜ itself.

    Numerics:
      A zero vector starts the decoder, which needs no start symbol; a symbol outside the alphabet
      counts as a zero vector too.

    Example:
      >>> config = rnn.Config((3, 4, 5), "clockwork")
      >>> params = init(jax.random.key(0), config)
      >>> apply(params, jnp.ones((6, 3)), jnp.array([4, 0]), config=config).shape
      (2, 5)

    References:
      I. Sutskever, O. Vinyals, Q. V. Le, "Sequence to sequence learning with neural networks",
      2014, equation (1).
      R. J. Williams, D. Zipser, "A learning algorithm for continually running fully recurrent
      neural networks", 1989, section 3.3 (teacher forcing).
    """
    config = _as_config("apply", config)
    target = as_array("target", target, ndim=1, kind="integer").astype(jnp.result_type(int))
    return _forced(params, *_source("apply", x, length, config), target, config)


@compiled
def _forced(
    params: Seq2SeqParams, x: Array, length: Array | None, target: Array, config: rnn.Config
) -> Array:
    """``apply``, its arguments checked."""
    k, dtype = config.sizes[-1], params.decoder.head.kernel.dtype
    start = jnp.zeros((1, k), dtype)
    inputs = jnp.concatenate([start, jax.nn.one_hot(target, k, dtype=dtype)])[:-1]
    inputs = inputs[: target.shape[0]]
    carry = _encode(params, x, length, config)
    return rnn.run(params.decoder, carry, inputs, config=_decoder(config))[1]


def greedy(
    params: Seq2SeqParams,
    x: ArrayLike,
    num_steps: int,
    *,
    config: rnn.Config,
    length: ArrayLike | None = None,
) -> Array:
    """Symbols that the decoder finds likeliest, one after another, each fed back.

    ::

        iₜ = argmax zₜ,   (sₜ, zₜ) = decoder(sₜ₋₁, e_{iₜ₋₁}),   e_{i₀} := 0

    Args:
      params: as ``init`` makes them.
      x: the source, shape (T, d).
      num_steps: how many symbols, at least 0; what follows an end symbol is the caller's to drop.
      config: the shape of the network.
      length: n, where the source is shorter than its array.

    Returns:
      The symbols, int32, shape (num_steps,).

    Numerics:
      The first of equal logits. Greedy: not the likeliest sequence.

    Example:
      >>> config = rnn.Config((3, 4, 5), "clockwork")
      >>> params = init(jax.random.key(0), config)
      >>> greedy(params, jnp.ones((6, 3)), 4, config=config).shape
      (4,)

    References:
      I. Sutskever, O. Vinyals, Q. V. Le, "Sequence to sequence learning with neural networks",
      2014, section 3.2 (a beam of 1).
    """
    config = _as_config("greedy", config)
    check_number("num_steps", num_steps, low=0, integer=True)
    return _likeliest(params, *_source("greedy", x, length, config), num_steps, config)


@compiled
def _likeliest(
    params: Seq2SeqParams, x: Array, length: Array | None, num_steps: int, config: rnn.Config
) -> Array:
    """``greedy``, its arguments checked."""
    k, dtype = config.sizes[-1], params.decoder.head.kernel.dtype
    run = partial(rnn.run, params.decoder, config=_decoder(config))

    def step(state: tuple, _: None) -> tuple[tuple, Array]:
        carry, symbol = state
        carry, logits = run(carry, symbol[None])
        token = jnp.argmax(logits[0]).astype(jnp.int32)
        return (carry, jax.nn.one_hot(token, k, dtype=dtype)), token

    first = (_encode(params, x, length, config), jnp.zeros(k, dtype))
    return scan(step, first, None, length=num_steps)[1]
