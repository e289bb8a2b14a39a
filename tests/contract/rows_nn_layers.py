"""Rows of dropout and of the embedding, bfloat16 among the dtypes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, key

DTYPES = ("float32", "bfloat16", "float64")
KEY = jax.random.key(0)
TABLE = nn.Embedding(np.ones((3, 2)))
EMBEDDING = "tests/nn/test_embedding.py"


def make_dropout(rng: np.random.Generator, dtype: Any) -> tuple:
    return key(rng), jnp.asarray(rng.standard_normal((3, 4)), dtype), jnp.asarray(0.25, dtype)


def dropout_oracle(key: Any, x: np.ndarray, rate: Any) -> np.ndarray:
    # The draw is jax's; what is made of it is written from the equation.
    kept = np.asarray(jax.random.bernoulli(key, jnp.float32(0.75), (3, 4)))
    return np.where(kept, x / (1 - float(rate)), 0.0)


def make_table(rng: np.random.Generator, dtype: Any) -> nn.Embedding:
    return nn.Embedding(jnp.asarray(rng.standard_normal((5, 3)), dtype))


def make_lookup(rng: np.random.Generator, dtype: Any) -> tuple:
    return make_table(rng, dtype), jnp.asarray(rng.integers(5, size=4), jnp.int32)


def make_query(rng: np.random.Generator, dtype: Any) -> tuple:
    return make_table(rng, dtype), jnp.asarray(rng.standard_normal(3), dtype)


ROWS = [
    Row("nn.dropout", make_dropout, dropout_oracle, diff=(1,), dtypes=DTYPES, bad=(
        Bad((0, np.ones(3), 0.5), "argument `key`", TypeError),
        Bad((KEY, 1j, 0.5), "argument `x`", TypeError),
        Bad((KEY, np.ones(3), 1.5), "argument `rate` must be at least 0.0 and at most 1.0"),
        Bad((KEY, np.ones(3), np.ones(3)), "argument `rate` must have rank 0"),
    )),
    Row("nn.embedding_init", lambda rng, dtype: (key(rng), jnp.zeros((), dtype)),
        diff=NotDifferentiable("a random draw: no argument is real"),
        call=lambda key, like: nn.embedding_init(key, 4, 3, dtype=like.dtype),
        evidence=f"{EMBEDDING}::test_the_start_has_unit_vectors_on_average",
        note="the second argument carries the dtype",
        bad=(
            Bad((0, 2, 3), "argument `key`", TypeError),
            Bad((KEY, 0, 3), "argument `num_embeddings` must be at least 1"),
            Bad((KEY, 2, 3.0), "argument `size` must be an integer", TypeError),
        )),
    Row("nn.embedding_apply", make_lookup,
        lambda params, index: np.array([params.embedding[i] for i in index]),
        dtypes=DTYPES, bad=(
            Bad((TABLE, 1.0), "argument `index` must have an integer dtype", TypeError),
            Bad((nn.Embedding(np.ones(3)), 1), "argument `params.embedding` must have rank 2"),
        )),
    Row("nn.embedding_attend", make_query,
        lambda params, x: np.array([sum(e * x) for e in params.embedding]),
        diff=(0, 1), dtypes=DTYPES, bad=(
            Bad((TABLE, np.ones((4, 2))), r"argument `x` must have shape \(2,\).*jax.vmap"),
        )),
    HostRow("nn.Embedding", "a record: one array with a name",
            (f"{EMBEDDING}::test_values_and_gradients_agree_with_flax",)),
]  # fmt: skip
