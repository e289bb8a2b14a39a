"""Correct functions on which `jaxmath.verify` must stay silent, and rules with seeded mistakes.

A `Case` makes its arguments from a generator and a dtype. Linear algebra has no bfloat16 kernels:
those functions widen inside and narrow at the end, as users write them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

ALL = ("bfloat16", "float32", "float64")
WIDE = ("float32", "float64")

Make = Callable[[np.random.Generator, Any], tuple]


@dataclass(frozen=True)
class Case:
    """A correct function and how to make its arguments."""

    name: str
    f: Callable
    make: Make
    dtypes: tuple[str, ...] = ALL
    modes: tuple[str, ...] = ("fwd", "rev")
    argnums: tuple[int, ...] | None = None


def normal(*shapes: tuple[int, ...]) -> Make:
    return lambda rng, dtype: tuple(jnp.asarray(rng.normal(size=s), dtype) for s in shapes)


def uniform(low: float, high: float, *shapes: tuple[int, ...]) -> Make:
    return lambda rng, dtype: tuple(jnp.asarray(rng.uniform(low, high, s), dtype) for s in shapes)


def given(*values: Any) -> Make:
    return lambda rng, dtype: tuple(jnp.asarray(v, dtype) for v in values)


def spd(n: int) -> Make:
    def make(rng: np.random.Generator, dtype: Any) -> tuple:
        a = rng.normal(size=(n, n))
        return jnp.asarray(a @ a.T + n * np.eye(n), dtype), jnp.asarray(rng.normal(size=n), dtype)

    return make


def widened(f: Callable) -> Callable:
    """f computed in at least float32, returned in the dtype of its first argument."""

    def wide(x: jax.Array, *rest: jax.Array) -> Any:
        dtype = jnp.promote_types(x.dtype, jnp.float32)
        y = f(*(a.astype(dtype) for a in (x, *rest)))
        return jax.tree.map(lambda z: z.astype(x.dtype), y)

    return wide


def complex_of(*shapes: tuple[int, ...]) -> Make:
    def make(rng: np.random.Generator, dtype: Any) -> tuple:
        kind = jnp.complex64 if dtype == jnp.float32 else jnp.complex128
        return tuple(
            jnp.asarray(rng.normal(size=s) + 1j * rng.normal(size=s), kind) for s in shapes
        )

    return make


# --- functions -----------------------------------------------------------------------------------


def layer_norm(x, scale, shift):
    centered = x - jnp.mean(x)
    return centered * lax.rsqrt(jnp.mean(centered**2) + 1e-5) * scale + shift


def rms_norm(x, scale):
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return (wide * lax.rsqrt(jnp.mean(wide**2) + 1e-6)).astype(x.dtype) * scale


def cross_entropy(logits, label):
    return -jax.nn.log_softmax(logits)[label]


def attention(q, k, v):
    return jax.nn.softmax(q @ k.T / q.shape[-1] ** 0.5) @ v


def masked_attention(q, k, v):
    scores = jnp.where(np.tril(np.ones((4, 4), bool)), q @ k.T, -jnp.inf)
    return jax.nn.softmax(scores) @ v


def rnn(w, u, xs):
    def cell(h, x):
        h = jnp.tanh(w @ h + u @ x)
        return h, h

    return lax.scan(cell, jnp.zeros(w.shape[0], xs.dtype), xs)


def newton_root(a):
    return lax.fori_loop(0, 8, lambda _, x: (x + a / x) / 2, jnp.ones_like(a))


def conv(x, w):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x[None], w, (1, 1), "SAME", dimension_numbers=numbers)[0]


def max_pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (2, 2), "VALID")


def mlp(params, x):
    for layer in params[:-1]:
        x = jnp.tanh(layer["w"] @ x + layer["b"])
    return {"out": params[-1]["w"] @ x + params[-1]["b"], "hidden": x}


def make_mlp(rng, dtype):
    def layer(m, n):
        return {
            "w": jnp.asarray(rng.normal(size=(m, n)), dtype),
            "b": jnp.asarray(rng.normal(size=m), dtype),
        }

    return [layer(4, 3), layer(2, 4)], jnp.asarray(rng.normal(size=3), dtype)


def dropout(key, x):
    keep = jax.random.bernoulli(key, 0.7, x.shape)
    return jnp.where(keep, x / 0.7, 0)


def sample(key, mean, log_std):
    return mean + jnp.exp(log_std) * jax.random.normal(key, mean.shape, mean.dtype)


def with_key(*shapes):
    return lambda rng, dtype: (
        jax.random.key(int(rng.integers(1000))),
        *normal(*shapes)(rng, dtype),
    )


def embed(table, indices):
    return table[indices]


def scatter(x, values, indices):
    return x.at[indices].add(values)


@jax.custom_jvp
def safe_norm(x):
    return jnp.sqrt(jnp.sum(x * x))


@safe_norm.defjvp
def _safe_norm_jvp(primals, tangents):
    (x,), (v,) = primals, tangents
    y = safe_norm(x)
    return y, jnp.sum(x * v) / y


@jax.custom_vjp
def log1pexp(x):
    return jnp.logaddexp(x, 0)


log1pexp.defvjp(lambda x: (log1pexp(x), x), lambda x, u: (u * jax.nn.sigmoid(x),))


def implicit_root(a):
    return lax.custom_root(
        lambda x: x**3 + x - a,
        a,
        lambda f, x0: lax.fori_loop(0, 30, lambda _, x: x - f(x) / (3 * x**2 + 1), x0),
        lambda g, y: y / g(jnp.ones_like(y)),
    )


def mixed(x, w):
    return (x.astype(jnp.float32) @ w.astype(jnp.float32)).astype(x.dtype)


def switch(i, x):
    return lax.switch(i, [jnp.sin, jnp.exp, lambda v: v**2], x)


def eigh_values(a):
    return jnp.linalg.eigvalsh(a + a.T)


def abs_diag_r(a):
    return jnp.abs(jnp.diagonal(jnp.linalg.qr(a)[1]))


S = (5,)
CASES = (
    # element-wise
    Case("sin", jnp.sin, normal(S)),
    Case("exp", jnp.exp, normal(S)),
    Case("expm1", jnp.expm1, uniform(-0.1, 0.1, S)),
    Case("log", jnp.log, uniform(0.1, 3, S)),
    Case("tanh", jnp.tanh, normal(S)),
    Case("sigmoid", jax.nn.sigmoid, normal(S)),
    Case("erf", jax.scipy.special.erf, normal(S)),
    Case("erf_inv", jax.scipy.special.erfinv, uniform(-0.9, 0.9, S)),
    Case("lgamma", jax.scipy.special.gammaln, uniform(0.3, 6, S)),
    Case("bessel_i0e", jax.scipy.special.i0e, uniform(0.5, 6, S)),
    Case(
        "betainc",
        jax.scipy.special.betainc,
        lambda rng, dtype: (2.0, 3.0, jnp.asarray(rng.uniform(0.1, 0.9, 5), dtype)),
        ("float64",),
        argnums=(2,),
    ),
    Case("sqrt", jnp.sqrt, uniform(0.1, 3, S)),
    Case("reciprocal", lambda x: 1 / x, normal(S)),
    Case("power", jnp.power, uniform(0.2, 3, S, S)),
    Case("sinc", jnp.sinc, normal(S)),
    Case("arctan2", jnp.arctan2, normal(S, S)),
    Case("gelu", jax.nn.gelu, normal(S)),
    Case("relu_off_kink", jax.nn.relu, normal(S)),
    Case("floor", lambda x: jnp.floor(2 * x) * x, normal(S)),
    Case("where", lambda x: jnp.where(x > 0, x**2, jnp.sin(x)), normal(S)),
    Case("product", lambda x, y: x * y, normal(S, S)),
    Case(
        "quotient",
        lambda x, y: x / y,
        lambda rng, dtype: (*normal(S)(rng, dtype), *uniform(0.5, 2, S)(rng, dtype)),
    ),
    Case("logaddexp", jnp.logaddexp, normal(S, S)),
    Case("python_float", lambda x: x**2, lambda rng, dtype: (1.3,), ("float32",)),
    # reductions
    Case("mean", jnp.mean, normal((20,))),
    Case("var", jnp.var, normal((20,))),
    Case("norm", jnp.linalg.norm, normal((20,))),
    Case("prod", jnp.prod, normal((6,))),
    Case("cumsum", jnp.cumsum, normal((12,))),
    Case("logsumexp", jax.nn.logsumexp, normal((12,))),
    Case("softmax", jax.nn.softmax, normal((12,))),
    Case("sum_of_softmax", lambda x: jnp.sum(jax.nn.softmax(x)), normal((6,))),
    Case("max_off_tie", jnp.max, normal((12,))),
    Case("sort", jnp.sort, normal((12,))),
    Case("top_k", lambda x: lax.top_k(x, 3), normal((12,))),
    # contractions
    Case("matvec", lambda a, x: a @ x, normal((6, 4), (4,))),
    Case("matmul", lambda a, b: a @ b, normal((6, 4), (4, 3))),
    Case("mixed_precision", mixed, normal((3, 4), (4,))),
    Case("conv", conv, normal((6, 6, 2), (3, 3, 2, 3))),
    Case("max_pool", max_pool, normal((4, 4))),
    # linear algebra
    Case("solve", widened(jnp.linalg.solve), spd(4)),
    Case("cholesky", widened(lambda a, x: jnp.linalg.cholesky(a) @ x), spd(4)),
    Case("det", widened(jnp.linalg.det), normal((3, 3))),
    Case("eigvalsh", widened(eigh_values), normal((4, 4))),
    Case("svdvals", widened(jnp.linalg.svdvals), normal((4, 3))),
    Case("expm", widened(jax.scipy.linalg.expm), normal((3, 3)), ("float32",)),
    Case("qr", widened(abs_diag_r), normal((4, 3))),
    Case(
        "triangular_solve",
        widened(lambda a, b: jax.scipy.linalg.solve_triangular(a, b, lower=True)),
        spd(4),
    ),
    # networks
    Case("layer_norm", layer_norm, normal((16,), (16,), (16,))),
    Case("rms_norm", rms_norm, normal((16,), (16,))),
    Case(
        "cross_entropy",
        cross_entropy,
        lambda rng, dtype: (*normal((10,))(rng, dtype), int(rng.integers(10))),
    ),
    Case("attention", attention, normal((4, 3), (4, 3), (4, 3))),
    Case("masked_attention", masked_attention, normal((4, 3), (4, 3), (4, 3))),
    Case("masked_logits", lambda x: jnp.where(np.arange(5) < 3, x, -jnp.inf), normal(S)),
    Case("mlp", mlp, make_mlp),
    Case("rnn", rnn, normal((3, 3), (3, 2), (6, 2))),
    Case("jitted", jax.jit(lambda x: jnp.tanh(x) ** 2), normal(S)),
    Case("unrolled_newton", newton_root, uniform(0.5, 3, S)),
    Case("associative_scan", lambda x: lax.associative_scan(jnp.multiply, x), normal((6,))),
    # rules
    Case("custom_jvp", safe_norm, normal((12,))),
    Case("custom_vjp", log1pexp, normal(S), modes=("rev",)),
    Case("custom_root", implicit_root, normal(S)),
    Case("straight_through_identity", lambda x: x + lax.stop_gradient(0 * x), normal(S)),
    # indices, keys, structure
    Case(
        "gather",
        embed,
        lambda rng, dtype: (*normal((5, 3))(rng, dtype), jnp.asarray(rng.integers(0, 5, 4))),
    ),
    Case(
        "scatter",
        scatter,
        lambda rng, dtype: (*normal((5,), (3,))(rng, dtype), jnp.asarray(rng.integers(0, 5, 3))),
    ),
    Case("dropout", dropout, with_key((16,))),
    Case("sample", sample, with_key(S, S)),
    Case("switch", switch, lambda rng, dtype: (int(rng.integers(3)), *normal(S)(rng, dtype))),
    Case(
        "boolean",
        lambda m, x: jnp.where(m, x**2, 0),
        lambda rng, dtype: (jnp.asarray(rng.integers(0, 2, 5), bool), *normal(S)(rng, dtype)),
    ),
    Case("integer_output", lambda x: (jnp.argmax(x), x**2), normal(S)),
    Case(
        "tree",
        lambda t: {"a": t["x"] * t["y"][0], "b": (t["y"][1],)},
        lambda rng, dtype: ({"x": normal(S)(rng, dtype)[0], "y": normal(S, ())(rng, dtype)},),
    ),
    Case("unused_leaf", lambda x, y: 2 * x, normal(S, S)),
    Case("constant", lambda x: jnp.ones_like(x), normal(S)),
    Case("empty_leaf", lambda x, y: jnp.sum(x) * y, normal((0,), S)),
    # Fourier and complex
    Case("fft", jnp.fft.fft, complex_of((8,)), WIDE),
    Case("rfft", jnp.fft.rfft, normal((8,)), WIDE),
    Case("complex_exp", jnp.exp, complex_of(S), WIDE),
    Case("complex_abs", jnp.abs, complex_of(S), WIDE),
    Case("conjugate", lambda z: z * jnp.conj(z) + 1j * z, complex_of(S), WIDE),
    Case("real_to_complex", lambda x, y: jnp.exp(lax.complex(x, y)), normal(S, S), WIDE),
    # hard points
    Case("scales", lambda x: jnp.log(x), given([1e-8, 1e-4, 1.0, 1e4, 1e8])),
    Case("scales_inverse", lambda x: 1 / x, given([1e-8, 1e-4, 1.0, 1e4, 1e8])),
    Case("scales_sum", lambda x: jnp.sum(jnp.sqrt(x)), given([1e-8, 1e-4, 1.0, 1e4, 1e8])),
    Case(
        "many_scales",
        lambda x: jnp.log(x) + x**2,
        lambda rng, dtype: (jnp.asarray(10.0 ** rng.uniform(-8, 8, 30), dtype),),
    ),
    Case("cancellation", lambda x: (x + 1e3) - 1e3, normal(S)),
    Case("square_after_cancellation", lambda x: ((x + 1e3) - 1e3) * 3, normal(S)),
    Case("large_sin", jnp.sin, given([1e2, 1e3, 1e4])),
    Case("very_large_sin", jnp.sin, given([1e5, 1e6]), WIDE),
    Case("steep", lambda x: jnp.tanh(200 * x), given([1e-3, 0.01, 0.4])),
    Case("zero_square", lambda x: jnp.sum(x**2), given([0.0, 0.0, 0.0])),
    Case("near_kink", jax.nn.relu, given([1e-3, -1e-4, 1.0, -2.0])),
    Case("smooth_kink", lambda x: jnp.sqrt(x**2 + 1e-4), given([0.0, 1e-3, 1.0])),
    Case(
        "ill_conditioned_solve",
        lambda x: jnp.linalg.solve(jnp.vander(x), jnp.cos(x)),
        given([0.5, 1.0, 1.5, 2.5]),
        WIDE,
    ),
    Case(  # the interpolant of a constant: three outputs and all derivatives are rounding
        "constant_solve",
        lambda x: jnp.linalg.solve(jnp.vander(x), jnp.ones_like(x)),
        given([0.5, 1.0, 1.5, 2.5]),
        WIDE,
    ),
)
