"""Rows of convolution and pooling, with bfloat16; oracles are loops over the equation."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, key

DTYPES = ("float32", "bfloat16", "float64")
KEY = jax.random.key(0)
X, W = np.ones((5, 4, 2)), np.ones((3, 2, 2, 4))
CONVOLUTION, POOLING = "tests/nn/test_convolution.py", "tests/nn/test_pooling.py"
# The rows' own setting: every option away from its default.
SETTING = {"stride": (2, 1), "padding": ((1, 2), (0, 1)), "dilation": (1, 2), "groups": 2}


def draw(rng: np.random.Generator, dtype: Any, *shape: int) -> jax.Array:
    return jnp.asarray(rng.standard_normal(shape), dtype)


def convolve_oracle(
    x: np.ndarray, kernel: np.ndarray, stride: Any, padding: Any, dilation: Any, groups: int
) -> np.ndarray:
    """Each output by its own sum, zeros outside."""
    *window, c, o = kernel.shape
    padded = np.pad(x, (*padding, (0, 0)))
    sizes = zip(padded.shape, window, stride, dilation, strict=False)
    out = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in sizes]
    y = np.zeros((*out, o))
    for p in itertools.product(*map(range, out)):
        for a in itertools.product(*map(range, window)):
            place = tuple(s * i + d * j for s, i, d, j in zip(stride, p, dilation, a, strict=True))
            for j in range(o):
                first = j // (o // groups) * c
                y[p][j] += padded[place][first : first + c] @ kernel[a][:, j]
    return y


def make_convolve(rng: np.random.Generator, dtype: Any) -> tuple:
    return draw(rng, dtype, 5, 4, 4), draw(rng, dtype, 3, 2, 2, 4)


def make_conv(rng: np.random.Generator, dtype: Any) -> tuple:
    return nn.Conv(draw(rng, dtype, 3, 2, 3), draw(rng, dtype, 3)), draw(rng, dtype, 6, 2)


def make_pool(rng: np.random.Generator, dtype: Any) -> tuple:
    # Integers a unit apart: exact in bfloat16, and far from ties for finite differences.
    return (jnp.asarray(rng.permutation(40).reshape(5, 4, 2), dtype),)


def pool_oracle(x: np.ndarray, f: Any) -> np.ndarray:
    """Windows (3, 2) with stride 2, one row of padding above, left out."""
    rows = [slice(0, 2), slice(1, 4)]
    columns = [slice(0, 2), slice(2, 4)]
    return np.array([[f(x[r, c], axis=(0, 1)) for c in columns] for r in rows])


POOL = {"window": (3, 2), "stride": 2, "padding": ((1, 0), (0, 0))}
BAD_POOL = (
    Bad((np.ones(3), 2), r"argument `x` must have rank 2 or 3 or 4"),
    Bad((X, 6), r"argument `window` must be no larger than the padded input"),
    Bad((X, (2, 2, 2)), r"argument `window` must have one integer for each of the 2 axes"),
    Bad((X, 2.0), "argument `window` must be an integer or", TypeError),
)
BAD_GLOBAL = (
    Bad((np.ones(3),), "argument `x` must have rank 2 or 3 or 4"),
    Bad((np.ones((0, 3)),), "argument `x` must have at least 1"),
)

ROWS = [
    Row("nn.convolve", make_convolve, lambda x, w: convolve_oracle(x, w, **SETTING), diff=(0, 1),
        call=lambda x, w: nn.convolve(x, w, **SETTING), dtypes=DTYPES, bad=(
            Bad((X[None], W), "argument `x` must have rank 3.*jax.vmap"),
            Bad((X, W[0, 0]), "argument `kernel` must have rank 3 or 4 or 5"),
            Bad((X[..., :1], W), "argument `x` must have 2 channels for a kernel of shape"),
        )),
    Row("nn.conv_apply", make_conv,
        lambda p, x: convolve_oracle(x, p.kernel, (1,), ((1, 1),), (1,), 1) + p.bias,
        diff=(0, 1), dtypes=DTYPES, bad=(
            Bad((nn.Conv(W, np.ones(3)), X), r"argument `params.bias` must have shape \(4,\)"),
            Bad((nn.Conv(W[..., 0], np.ones(3)), X), "argument `x` must have rank 2"),
        )),
    Row("nn.conv_init", lambda rng, dtype: (key(rng), jnp.zeros((), dtype)),
        diff=NotDifferentiable("a random draw: no argument is real"),
        call=lambda key, like: nn.conv_init(key, 2, 2, (2, 2), dtype=like.dtype),
        evidence=f"{CONVOLUTION}::test_the_start_has_the_variance_of_its_fan_in",
        note="the second argument carries the dtype",
        bad=(
            Bad((0, 2, 3, (3, 3)), "argument `key`", TypeError),
            Bad((KEY, 0, 3, (3, 3)), "argument `in_size` must be at least 1"),
            Bad((KEY, 2, 3, 3), "argument `window` must be a tuple of 1 to 3 integers"),
            Bad((KEY, 2, 3, (3, 0)), "argument `window` must be at least 1"),
        )),
    Row("nn.max_pool", make_pool, lambda x: pool_oracle(x, np.max),
        call=lambda x: nn.max_pool(x, **POOL), dtypes=DTYPES, bad=BAD_POOL),
    Row("nn.average_pool", make_pool, lambda x: pool_oracle(x, np.mean),
        call=lambda x: nn.average_pool(x, **POOL, count_include_pad=False), dtypes=DTYPES,
        bad=BAD_POOL),
    Row("nn.global_max_pool", make_pool, lambda x: np.max(x, axis=(0, 1)), dtypes=DTYPES,
        bad=BAD_GLOBAL),
    Row("nn.global_average_pool", make_pool, lambda x: np.mean(x, axis=(0, 1)), dtypes=DTYPES,
        bad=BAD_GLOBAL),
    HostRow("nn.Conv", "a record: two arrays with names",
            (f"{CONVOLUTION}::test_layers_agree_with_flax",)),
]  # fmt: skip
