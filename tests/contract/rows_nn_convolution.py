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
CONVOLUTION = "tests/nn/test_convolution.py"
ARITHMETIC = "tests/nn/test_convolution_arithmetic.py"
# The rows' own setting: every option away from its default.
SETTING = {"stride": (2, 1), "padding": ((1, 2), (0, 1)), "dilation": (1, 2), "groups": 2}


# What the rows' pooling sees.
ROWS_OF, COLUMNS_OF = (slice(0, 2), slice(1, 4)), (slice(0, 2), slice(2, 4))


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
    return np.array([[f(x[r, c], axis=(0, 1)) for c in COLUMNS_OF] for r in ROWS_OF])


def adjoint(y: np.ndarray, kernel: np.ndarray, sizes: tuple, *setting: Any) -> np.ndarray:
    """Kᵀ y from the loop, one unit vector after the other."""
    channels = kernel.shape[-2] * setting[-1]
    units = np.eye(int(np.prod(sizes)) * channels).reshape(-1, *sizes, channels)
    found = [np.sum(convolve_oracle(e, kernel, *setting) * y) for e in units]
    return np.reshape(found, (*sizes, channels))


def make_transposed(rng: np.random.Generator, dtype: Any) -> tuple:
    return draw(rng, dtype, 3, 3, 4), draw(rng, dtype, 3, 2, 2, 4)


def transposed_oracle(y: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    # 2·2 + 3 − 3 + 1 rows, 2 + 3 − 1 columns.
    return adjoint(y, kernel, (5, 4), *SETTING.values())


def make_transposed_conv(rng: np.random.Generator, dtype: Any) -> tuple:
    return nn.Conv(draw(rng, dtype, 3, 2, 3), draw(rng, dtype, 2)), draw(rng, dtype, 6, 3)


def make_depthwise(rng: np.random.Generator, dtype: Any) -> tuple:
    return draw(rng, dtype, 6, 2), draw(rng, dtype, 3, 1, 4), draw(rng, dtype, 4, 3)


def depthwise_oracle(x: np.ndarray, D: np.ndarray, P: np.ndarray) -> np.ndarray:
    W = np.stack([D[:, 0, 2 * c : 2 * c + 2] @ P[2 * c : 2 * c + 2] for c in range(2)], axis=1)
    return convolve_oracle(x, W, (1,), ((1, 1),), (1,), 1)


def make_factors(rng: np.random.Generator, dtype: Any) -> tuple:
    return draw(rng, dtype, 5, 4, 2), (draw(rng, dtype, 3), draw(rng, dtype, 2))


def spatial_oracle(x: np.ndarray, factors: tuple) -> np.ndarray:
    W = np.broadcast_to(np.outer(*factors)[..., None, None], (3, 2, 1, 2))
    return convolve_oracle(x, W, (1, 1), ((1, 1), (0, 1)), (1, 1), 2)


def matrix_oracle(kernel: np.ndarray) -> np.ndarray:
    units = np.eye(5 * 4 * 4).reshape(-1, 5, 4, 4)
    return np.stack([convolve_oracle(e, kernel, **SETTING).ravel() for e in units], axis=1)


def make_backward(rng: np.random.Generator, dtype: Any) -> tuple:
    return draw(rng, dtype, 3, 3, 2), draw(rng, dtype, 2, 2, 1, 2), draw(rng, dtype, 3, 2, 2)


def backward_oracle(x: np.ndarray, kernel: np.ndarray, g: np.ndarray) -> tuple:
    x_bar = adjoint(g, kernel, (3, 3), *SETTING.values())
    units = np.eye(kernel.size).reshape(-1, *kernel.shape)
    found = [np.sum(convolve_oracle(x, e, **SETTING) * g) for e in units]
    return x_bar, np.reshape(found, kernel.shape)


def make_pool_backward(rng: np.random.Generator, dtype: Any) -> tuple:
    return *make_pool(rng, dtype), draw(rng, dtype, 2, 2, 2)


def max_backward_oracle(x: np.ndarray, g: np.ndarray) -> np.ndarray:
    x_bar = np.zeros_like(x)
    for i, j, c in np.ndindex(g.shape):
        seen = x[ROWS_OF[i], COLUMNS_OF[j], c]
        x_bar[ROWS_OF[i], COLUMNS_OF[j], c] += np.where(seen == seen.max(), g[i, j, c], 0)
    return x_bar


def average_backward_oracle(x: np.ndarray, g: np.ndarray) -> np.ndarray:
    x_bar = np.zeros_like(x)
    for i, j, c in np.ndindex(g.shape):
        seen = x_bar[ROWS_OF[i], COLUMNS_OF[j], c]
        seen += g[i, j, c] / seen.size
    return x_bar


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
    Row("nn.transposed_convolve", make_transposed, transposed_oracle, diff=(0, 1),
        call=lambda y, w: nn.transposed_convolve(y, w, **SETTING, output_padding=(1, 0)),
        dtypes=DTYPES, bad=(
            Bad((X[None], W), "argument `y` must have shape.*jax.vmap"),
            Bad((X, W), r"argument `y` must have shape \(any, any, 4\)"),
            Bad((np.ones((5, 4, 4)), W[0, 0]), "argument `kernel` must have rank 3 or 4 or 5"),
        )),
    Row("nn.transposed_conv_apply", make_transposed_conv,
        lambda p, y: adjoint(y, p.kernel, (12,), (2,), ((0, 1),), (1,), 1) + p.bias,
        diff=(0, 1), call=lambda p, y: nn.transposed_conv_apply(p, y, stride=2),
        dtypes=DTYPES, bad=(
            Bad((nn.Conv(W, np.ones(4)), np.ones((5, 4, 4))),
                r"argument `params.bias` must have shape \(2,\)"),
            Bad((nn.Conv(W, np.ones(2)), X), "argument `y` must have shape"),
        )),
    Row("nn.transposed_conv_init", lambda rng, dtype: (key(rng), jnp.zeros((), dtype)),
        diff=NotDifferentiable("a random draw: no argument is real"),
        call=lambda key, like: nn.transposed_conv_init(key, 2, 2, (2, 2), dtype=like.dtype),
        evidence="tests/nn/test_transposed_convolution.py::test_the_start_of_groups",
        note="the second argument carries the dtype",
        bad=(
            Bad((0, 2, 3, (3, 3)), "argument `key`", TypeError),
            Bad((KEY, 2, 0, (3, 3)), "argument `out_size` must be at least 1"),
        )),
    Row("nn.depthwise_separable_convolve", make_depthwise, depthwise_oracle, diff=(0, 1, 2),
        dtypes=DTYPES, bad=(
            Bad((X, W, np.eye(4)), r"argument `depthwise` must have shape \(3, 2, 1, 4\)"),
            Bad((X, W[:, :, :1], np.eye(2)), r"argument `pointwise` must have shape \(4, any\)"),
        )),
    Row("nn.spatially_separable_convolve", make_factors, spatial_oracle, diff=(0, 1),
        dtypes=DTYPES, tol=64, bad=(
            Bad((X, (np.ones(2),)), "argument `factors` must have one vector for each of the 2"),
            Bad((X, (np.ones(2), np.eye(2))), r"argument `factors\[1\]` must have rank 1"),
        )),
    Row("nn.convolution_matrix", lambda rng, dtype: (draw(rng, dtype, 3, 2, 2, 4),),
        matrix_oracle, call=lambda w: nn.convolution_matrix(w, (5, 4), **SETTING),
        dtypes=DTYPES, bad=(
            Bad((W, (5,)), "argument `sizes` must have one integer for each of the 2 axes"),
            Bad((W[0, 0], (5,)), "argument `kernel` must have rank 3 or 4 or 5"),
        )),
    Row("nn.convolution_backward", make_backward, backward_oracle, diff=(0, 1, 2),
        call=lambda x, w, g: nn.convolution_backward(x, w, g, **SETTING), dtypes=DTYPES,
        bad=(Bad((X, W, np.ones((5, 4, 3))), r"argument `g` must have shape \(5, 4, 4\)"),)),
    Row("nn.max_pool_backward", make_pool_backward, max_backward_oracle, diff=(1,),
        call=lambda x, g: nn.max_pool_backward(x, g=g, **POOL), dtypes=DTYPES,
        bad=(Bad((X, 2, X), r"argument `g` must have shape \(2, 2, 2\)"),)),
    Row("nn.average_pool_backward", make_pool_backward, average_backward_oracle, diff=(1,),
        call=lambda x, g: nn.average_pool_backward(x, g=g, **POOL, count_include_pad=False),
        dtypes=DTYPES, bad=(Bad((X, 2, X), r"argument `g` must have shape \(2, 2, 2\)"),)),
    HostRow("nn.output_size", "integers in, integers out",
            (f"{ARITHMETIC}::test_output_size_is_that_of_the_output",)),
    HostRow("nn.receptive_field", "integers in, integers out",
            (f"{ARITHMETIC}::test_receptive_field_is_where_the_gradient_is",)),
    HostRow("nn.ReceptiveField", "a record of three integers",
            (f"{ARITHMETIC}::test_receptive_field_is_where_the_gradient_is",)),
    HostRow("nn.Conv", "a record: two arrays with names",
            (f"{CONVOLUTION}::test_layers_agree_with_flax",)),
]  # fmt: skip
