"""Generation of symbols one after another, by sampling from logits."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxmath import nn
from jaxmath._compiled import compiled
from jaxmath._draws import wide_dtype
from jaxmath._loops import scan
from jaxmath.models import rnn
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, as_key, check_number

__all__ = ["generate", "sample_token"]


def sample_token(
    key: Array, logits: ArrayLike, *, temperature: Scalar = 1.0, top_k: int | None = None
) -> Array:
    """One symbol from logits, at a temperature and from the k likeliest only.

    ::

        P(i) ∝ exp(zᵢ/τ) for i among the k largest z, 0 elsewhere;   τ = 0: argmax z

    Args:
      key: a random key, used once.
      logits: z, shape (n,).
      temperature: τ, at least 0: below 1 likely symbols become likelier, ∞ makes all alike.
      top_k: k, from 1 to n; None for all.

    Returns:
      The symbol, an int32 scalar.

    Numerics:
      Of equal logits at the edge of the k largest, those of the smaller index stay. A logit of −∞
      is never drawn. A traced temperature below 0 counts as 0.

    Example:
      >>> int(sample_token(jax.random.key(0), jnp.array([0.0, 9.0, 1.0]), top_k=1))
      1

    References:
      A. Fan, M. Lewis, Y. Dauphin, "Hierarchical neural story generation", 2018, section 5.1.
    """
    key = as_key("key", key)
    logits = as_array("logits", logits, ndim=1, min_size=1)
    check_number("temperature", temperature, low=0.0)
    n = logits.shape[0]
    if top_k is not None:
        check_number("top_k", top_k, low=1, high=n, integer=True)
    values, index = lax.top_k(logits, n if top_k is None else top_k)
    values = values.astype(wide_dtype(values.dtype))  # half of a precision's draws are ties
    tau = jnp.asarray(temperature, values.dtype)
    cold = tau <= 0
    scaled = values / jnp.where(cold, jnp.ones_like(tau), tau)
    drawn = jax.random.categorical(key, jnp.where(values == -jnp.inf, values, scaled))
    return jnp.where(cold, index[0], index[drawn])


def generate(
    key: Array,
    params: rnn.RNNParams,
    prompt: ArrayLike,
    num_steps: int,
    *,
    config: rnn.Config,
    temperature: Scalar = 1.0,
    top_k: int | None = None,
) -> Array:
    """Symbols that a network goes on with after a prompt, each fed back as the next input.

    ::

        iₜ ~ softmax(zₜ/τ),   (sₜ₊₁, zₜ₊₁) = step(sₜ, e_{iₜ});   s, z at first after the prompt

    Args:
      key: a random key, used once.
      params: a network of one-hot inputs and as many outputs, in one direction.
      prompt: symbols in {0, …, k − 1}, shape (n,), at least one.
      num_steps: how many symbols, at least 0.
      config: the shape of the network.
      temperature: τ, as in ``sample_token``.
      top_k: as in ``sample_token``.

    Returns:
      The symbols, int32, shape (num_steps,).

    Raises:
      ValueError: a known symbol of the prompt is outside the alphabet, or inputs are not outputs.

    Numerics:
      At temperature 0 the likeliest symbol each time, whatever the key.

    Example:
      >>> config = rnn.Config((3, 4, 3), "clockwork")
      >>> params = rnn.init(jax.random.key(0), config)
      >>> generate(jax.random.key(1), params, jnp.array([0, 2]), 5, config=config).shape
      (5,)

    References:
      A. Graves, "Generating sequences with recurrent neural networks", 2013, section 2.
    """
    key = as_key("key", key)
    config = rnn._as_config("generate", config)
    k = config.sizes[-1]
    if config.sizes[0] != k:
        raise ValueError(
            "generate: argument `config` must have as many inputs as outputs, got sizes "
            f"{config.sizes}"
        )
    prompt = as_array("prompt", prompt, ndim=1, kind="integer", min_size=1)
    prompt = prompt.astype(jnp.result_type(int))  # one_hot counts in its dtype
    if not isinstance(prompt, jax.core.Tracer) and not np.all((prompt >= 0) & (prompt < k)):
        raise ValueError(
            f"generate: argument `prompt` must hold symbols from 0 to {k - 1}, got {prompt}"
        )
    check_number("num_steps", num_steps, low=0, integer=True)
    check_number("temperature", temperature, low=0.0)
    tau = jnp.asarray(temperature)  # so that a new one is no new program
    return _continued(key, params, prompt, num_steps, config, tau, top_k)


@compiled
def _continued(
    key: Array,
    params: rnn.RNNParams,
    prompt: Array,
    num_steps: int,
    config: rnn.Config,
    temperature: Array,
    top_k: int | None,
) -> Array:
    """``generate``, its arguments checked."""
    run = partial(rnn.run, params, config=config)
    dtype = params.head.kernel.dtype
    one_hot = partial(jax.nn.one_hot, num_classes=config.sizes[-1], dtype=dtype)
    carry, logits = run(nn.initial_carry(params.layers), one_hot(prompt))

    def step(state: tuple, key: Array) -> tuple[tuple, Array]:
        carry, logits = state
        token = sample_token(key, logits, temperature=temperature, top_k=top_k)
        carry, logits = run(carry, one_hot(token)[None])
        return (carry, logits[0]), token

    return scan(step, (carry, logits[-1]), jax.random.split(key, num_steps))[1]
