"""Rows of ``jaxmath.models``, at a tiny configuration."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from jaxmath.models import mlp
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, key

MLP = mlp.Config((4, 5, 3), "tanh")


def make_mlp(rng: np.random.Generator, dtype: Any) -> tuple:
    def layer(d_in: int, d_out: int) -> nn.Dense:
        W, b = rng.standard_normal((d_in, d_out)), rng.standard_normal(d_out)
        return nn.Dense(jnp.asarray(W, dtype), jnp.asarray(b, dtype))

    return (layer(4, 5), layer(5, 3)), jnp.asarray(rng.standard_normal(4), dtype)


def mlp_oracle(params: Any, x: np.ndarray) -> np.ndarray:
    (W1, b1), (W2, b2) = params
    hidden = [np.tanh(b1[j] + sum(x[i] * W1[i, j] for i in range(4))) for j in range(5)]
    return np.array([b2[k] + sum(hidden[j] * W2[j, k] for j in range(5)) for k in range(3)])


def make_train(rng: np.random.Generator, dtype: Any) -> tuple:
    return key(rng), *make_mlp(rng, dtype)


ROWS = [
    HostRow(
        "models.mlp.Config",
        "a frozen dataclass of ints and a string, static in jit",
        ("tests/models/test_mlp.py::test_config_refuses",),
    ),
    Row(
        "models.mlp.init",
        lambda rng, dtype: (key(rng), jnp.zeros((), dtype)),
        diff=NotDifferentiable("a random draw: no argument is real"),
        bad=(
            Bad((0, MLP), "argument `key`", TypeError),
            Bad((jax.random.key(0), (4, 5, 3)), "argument `config`", TypeError),
        ),
        call=lambda key, like: mlp.init(key, MLP, dtype=like.dtype),
        evidence="tests/models/test_mlp.py::test_he_keeps_the_second_moment",
        note="the second argument carries the dtype",
    ),
    Row(
        "models.mlp.apply",
        make_mlp,
        mlp_oracle,
        diff=(0, 1),
        # A row passes no keywords; wrong shapes are refused in tests/models/test_mlp.py.
        bad=(Bad(((), np.zeros(4)), "config", TypeError),),
        call=lambda params, x: mlp.apply(params, x, config=MLP),
        dtypes=("float32", "bfloat16", "float64"),
    ),
    Row(
        "models.mlp.train",
        make_train,
        diff=(1, 2),
        bad=(
            Bad((0, (), np.zeros(4)), "config", TypeError),
            Bad((jax.random.key(0), (), np.zeros(4)), "config", TypeError),
        ),
        call=lambda key, params, x: mlp.train(
            key, params, x, config=mlp.Config(MLP.sizes, "tanh", dropout=0.3)
        ),
        dtypes=("float32", "bfloat16", "float64"),
        evidence="tests/models/test_mlp.py::test_dropout_masks_the_hidden_units",
    ),
]
