"""Embeddings: a table with one learned vector for each symbol of a vocabulary."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.nn.initializers import normal_init
from jaxmath.typing import Array, ArrayLike, as_array, as_key, check_number

__all__ = ["Embedding", "embedding_apply", "embedding_attend", "embedding_init"]

Initializer = Callable[..., Array]


class Embedding(NamedTuple):
    """The parameters of an embedding: the table E, shape (k, d), one row for each symbol."""

    embedding: Array


def embedding_init(
    key: Array,
    num_embeddings: int,
    size: int,
    *,
    dtype: jax.typing.DTypeLike = float,
    initializer: Initializer | None = None,
) -> Embedding:
    """A random table of embeddings.

    ::

        Eᵢⱼ ~ N(0, 1/d), so that E‖eᵢ‖² = 1

    Args:
      key: a random key, used once.
      num_embeddings: number of symbols k, at least 1.
      size: length d of each vector, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.
      initializer: ``f(key, shape, dtype)``; None is the Gaussian above.

    Returns:
      Parameters with ``embedding`` of shape (k, d).

    Numerics:
      That of the initializer. The default is Flax's.

    Example:
      >>> params = embedding_init(jax.random.key(0), 100, 64)
      >>> f"{params.embedding.std():.3f}"
      '0.125'

    References:
      Flax, ``flax.linen.Embed``: names and default.
    """
    key = as_key("key", key)
    check_number("num_embeddings", num_embeddings, low=1, integer=True)
    check_number("size", size, low=1, integer=True)
    shape = (num_embeddings, size)
    if initializer is None:
        return Embedding(normal_init(key, shape, dtype, stddev=1 / math.sqrt(size)))
    return Embedding(initializer(key, shape, dtype))


def embedding_apply(params: Embedding, index: ArrayLike) -> Array:
    """The vectors of one symbol or of an array of symbols.

    ::

        y = e_i, row i of E;   ∂L/∂E adds ∂L/∂y to row i

    Args:
      params: the table E, shape (k, d).
      index: integer i in [0, k), or an array of them (a sequence of symbols, shape (t,)).

    Returns:
      The vectors: the shape of ``index`` followed by (d,), in the dtype of ``params``.

    Numerics:
      Exact. An index outside [0, k), a negative one too, gives a vector of NaN and adds nothing to
      the derivative (Flax gives NaN too, but counts −1 from the end). Cost: a gather.

    Example:
      >>> params = Embedding(jnp.array([[1.0, 2.0], [3.0, 4.0]]))
      >>> print(embedding_apply(params, 1), embedding_apply(params, 2))
      [3. 4.] [nan nan]

    References:
      Y. Bengio, R. Ducharme, P. Vincent, C. Jauvin, "A neural probabilistic language model", 2003,
      section 2.
    """
    table = as_array("params.embedding", params.embedding, ndim=2, min_size=1)
    # Not mode="fill" of the index itself, which jax narrows first: 2³² would be row 0.
    index = as_array("index", index, kind="integer").astype(jnp.result_type(int))
    index = jnp.where((index >= 0) & (index < table.shape[0]), index, table.shape[0])
    return table.at[index].get(mode="fill", fill_value=jnp.nan)


def embedding_attend(params: Embedding, x: ArrayLike) -> Array:
    """The inner product of a vector with each embedding: an output layer that shares its weights.

    ::

        z = E x,   zᵢ = ⟨eᵢ, x⟩

    Args:
      params: the table E, shape (k, d).
      x: query, shape (d,).

    Returns:
      The logits, shape (k,), of the common dtype of ``params`` and ``x``.

    Numerics:
      The product has the backend's default precision, as in ``dense_apply``. Cost: k·d
      multiply-adds.

    Example:
      >>> print(embedding_attend(Embedding(jnp.array([[1.0, 2.0], [3.0, 4.0]])), jnp.ones(2)))
      [3. 7.]

    References:
      O. Press, L. Wolf, "Using the output embedding to improve language models", 2017, section 3.
    """
    table = as_array("params.embedding", params.embedding, ndim=2, min_size=1)
    x = as_array("x", x, shape=table.shape[1:])
    return jnp.dot(table, x)
