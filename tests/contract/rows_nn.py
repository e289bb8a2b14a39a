"""Rows of ``jaxmath.nn``, with bfloat16 beside the two dtypes of every row.

The initializers' bfloat16 is in ``tests/nn/test_initializers.py``: a draw is slow to compile.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from jaxmath import nn
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, Singular, key

# The first dtype is the one of jit and vmap, the last the one of the gradients.
DTYPES = ("float32", "bfloat16", "float64")
DRAW = NotDifferentiable("a random draw: no argument is real")
KEY = jax.random.key(0)
KERNEL = (2, 2, 2, 2)  # jax compiles draws of at most 16 numbers four times faster


def off_zero(rng: np.random.Generator, dtype: Any) -> tuple:
    """Points of both signs, at least 0.1 away from the kink at 0."""
    size = 0.1 + rng.exponential(size=(3, 4))
    return (jnp.asarray(size * rng.choice([-1.0, 1.0], (3, 4)), dtype),)


def activation(name: str, oracle: Any, singular: tuple[Singular, ...] = (), tol: float = 8) -> Row:
    bad = (Bad(("a",), "argument `x`", TypeError), Bad((1j,), "argument `x`", TypeError))
    return Row(
        f"nn.{name}",
        off_zero,
        oracle,
        bad=bad,
        singular=singular,
        dtypes=DTYPES,
        tol=tol,
    )


def at_zero(derivative: float) -> tuple[Singular, ...]:
    return (Singular((0.0,), 0.0, (derivative,)),)


def initializer(name: str, evidence: str, oracle: Any = None, fans: bool = True) -> Row:
    bad = [
        Bad((0, (2, 3)), "argument `key`", TypeError),
        Bad((KEY, 3), "argument `shape`", TypeError),
        Bad((KEY, (2, 0)), r"argument `shape\[1\]`"),
        Bad((KEY, (2, 3), int), "argument `dtype`", TypeError),
    ]
    if fans:
        bad.append(Bad((KEY, (3,)), "argument `shape` must have at least 2 axes"))
    fn = getattr(nn, name)
    return Row(
        f"nn.{name}",
        lambda rng, dtype: (key(rng), jnp.zeros((), dtype)),
        oracle,
        diff=DRAW,
        bad=tuple(bad),
        call=lambda key, like: fn(key, KERNEL, like.dtype),
        evidence=evidence,
        note="the second argument carries the dtype",
    )


def make_logits(rng: np.random.Generator, dtype: Any) -> tuple:
    return jnp.asarray(3 * rng.standard_normal(6), dtype), jnp.int32(rng.integers(6))


def make_binary(rng: np.random.Generator, dtype: Any) -> tuple:
    return jnp.asarray(3 * rng.standard_normal(), dtype), jnp.asarray(rng.uniform(0.1, 0.9), dtype)


def make_pair(rng: np.random.Generator, dtype: Any) -> tuple:
    return tuple(jnp.asarray(v, dtype) for v in rng.standard_normal((2, 5)))


def make_dense(rng: np.random.Generator, dtype: Any) -> tuple:
    W, b, x = rng.standard_normal((4, 3)), rng.standard_normal(3), rng.standard_normal(4)
    return nn.Dense(jnp.asarray(W, dtype), jnp.asarray(b, dtype)), jnp.asarray(x, dtype)


def dense_oracle(params: nn.Dense, x: np.ndarray) -> np.ndarray:
    W, b = params
    columns = range(len(b))
    return np.array([sum(x[i] * W[i, j] for i in range(len(x))) + b[j] for j in columns])


VARIANCE = "tests/nn/test_initializers.py::test_mean_and_variance"
LAYERS = "tests/nn/test_layers.py"

ROWS = [
    activation("elu", lambda x: np.where(x > 0, x, special.expm1(np.minimum(x, 0))), at_zero(1.0)),
    activation("gelu", lambda x: x * special.expit(np.sqrt(8 / np.pi) * (x + 0.044715 * x**3))),
    activation("identity", lambda x: x),
    activation("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x), at_zero(0.01)),
    activation("relu", lambda x: np.maximum(x, 0), at_zero(0.0)),
    activation("sigmoid", special.expit),
    activation("silu", lambda x: x * special.expit(x)),
    activation("softplus", lambda x: np.logaddexp(0, x)),
    activation("tanh", np.tanh),
    initializer("glorot_normal", VARIANCE),
    initializer("glorot_uniform", VARIANCE),
    initializer("he_normal", VARIANCE),
    initializer("he_uniform", VARIANCE),
    initializer("lecun_normal", VARIANCE),
    initializer("lecun_uniform", VARIANCE),
    initializer("normal_init", VARIANCE, fans=False),
    initializer("zeros_init", "", oracle=lambda *_: np.zeros(KERNEL), fans=False),
    Row(
        "nn.softmax_cross_entropy",
        make_logits,
        lambda z, y: special.logsumexp(z) - z[int(y)],
        bad=(
            Bad((np.zeros((2, 3)), 0), "argument `logits` must have rank 1.*jax.vmap"),
            Bad((np.zeros(0), 0), "argument `logits` must have at least 1"),
            Bad((np.zeros(3), 1.0), "argument `label` must have an integer dtype", TypeError),
            Bad((np.zeros(3), np.array([0, 1])), "argument `label` must have rank 0"),
        ),
        # −∞ at the label itself is in tests/nn/test_cross_entropy.py.
        singular=(Singular(([-np.inf, 0.0, 0.0], 1), np.log(2), (np.array([0.0, -0.5, 0.5]),)),),
        dtypes=DTYPES,
    ),
    Row(
        "nn.sigmoid_binary_cross_entropy",
        make_binary,
        lambda z, y: -y * special.log_expit(z) - (1 - y) * special.log_expit(-z),
        diff=(0, 1),
        bad=(
            Bad((np.zeros(2), 1.0), "argument `logit` must have rank 0.*jax.vmap"),
            Bad((0.0, np.zeros(2)), "argument `label` must have rank 0"),
        ),
        dtypes=DTYPES,
    ),
    Row(
        "nn.squared_error",
        make_pair,
        lambda y_hat, y: sum((y_hat[i] - y[i]) ** 2 for i in range(5)) / 2,
        diff=(0, 1),
        bad=(
            Bad((np.zeros((2, 3)), np.zeros((2, 3))), "argument `prediction` .*jax.vmap"),
            Bad((np.zeros(3), np.zeros(2)), r"argument `target` must have shape \(3,\)"),
        ),
        dtypes=DTYPES,
    ),
    Row(
        "nn.dense_init",
        lambda rng, dtype: (key(rng), jnp.zeros((), dtype)),
        diff=DRAW,
        bad=(
            Bad((0, 2, 3), "argument `key`", TypeError),
            Bad((KEY, 0, 3), "argument `in_size` must be at least 1"),
            Bad((KEY, 2, 3.0), "argument `out_size` must be an integer", TypeError),
        ),
        call=lambda key, like: nn.dense_init(key, 4, 3, dtype=like.dtype),
        evidence=f"{LAYERS}::test_dense_init_draws_kernel_and_bias_apart",
        note="the second argument carries the dtype",
    ),
    Row(
        "nn.dense_apply",
        make_dense,
        dense_oracle,
        diff=(0, 1),
        bad=(
            Bad((nn.Dense(np.eye(3), np.zeros(3)), np.zeros((2, 3))), "argument `x` .*jax.vmap"),
            Bad((nn.Dense(np.eye(3), np.zeros(2)), np.zeros(3)), r"argument `params.bias`"),
            Bad((nn.Dense(np.zeros(3), np.zeros(3)), np.zeros(3)), r"argument `params.kernel`"),
        ),
        dtypes=DTYPES,
    ),
    HostRow(
        "nn.Dense",
        "a record: two arrays with names",
        (f"{LAYERS}::test_dense_agrees_with_flax",),
    ),
]
