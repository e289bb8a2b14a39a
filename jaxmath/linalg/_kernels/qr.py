"""QR of a batch of small real matrices: Householder reflections, the batch on the last axis."""

from functools import reduce

import jax
import jax.numpy as jnp

from jaxmath.linalg._kernels.batched import scale_lanes, settle, unknown_true
from jaxmath.linalg._scaling import _power, exponent, scale
from jaxmath.typing import Array

__all__: list[str] = []


def column_sum(*terms: Array) -> Array:
    """x[0]·y[0]·… + x[1]·y[1]·… + …, written out: a fused reduction is not vectorized on CPU."""
    products = [reduce(jnp.multiply, row) for row in zip(*terms, strict=True)]
    return sum(products) if products else jnp.zeros_like(terms[-1], shape=terms[-1].shape[1:])


def _reflection(x: Array) -> Array:
    """v₁, β, s, r, 2^k as one array: s (I − βvvᵀ) x = r e₁, s = ±1, r = ‖x‖. x: (m, 1, batch).

    v = 2^k x + sign(x₁)‖2^k x‖e₁ with max |2^k x| in [½, 1), and β = 2/vᵀv = 1/(‖x‖(‖x‖ + |x₁|))
    for the scaled x; x = 0 has β = 0 and s = 1.
    """
    k = exponent(reduce(jnp.maximum, jnp.abs(x)))
    power = _power(-k, x.dtype)
    x = x * power[None]
    length = jnp.sqrt(column_sum(x, x))
    zero, negative = length == 0, x[0] < 0
    size = length + jnp.abs(x[0])
    beta = jnp.where(zero, 0.0, 1 / jnp.where(zero, 1.0, length * size))
    s = jnp.where(negative | zero, 1.0, -1.0).astype(x.dtype)
    first = jnp.where(negative, -size, size)
    return jnp.stack([first, beta, s, length * _power(k, x.dtype), power])


@jax.jit
def qr_last(A: Array) -> tuple[Array, Array]:
    """A = QR with QᵀQ = I and Rᵢᵢ ≥ 0: Q of shape (m, k, batch), R of (k, n, batch), k = min(m, n).

    ::

        A ← sₖ (I − βvvᵀ) A for each column, down to R;   Q = P₁ ⋯ Pₖ [I; 0], from the last one up
    """
    m, n, width = A.shape
    flag = unknown_true(A[0, 0])
    rest, shift, finite = scale_lanes(flag, A)
    rest = settle(flag, rest)
    steps, rows = [], []
    for k in range(min(m, n)):
        first, beta, s, r, power = settle(flag, _reflection(rest[:, :1]))
        v = jnp.concatenate([first[None], rest[1:, :1] * power[None]])
        w = settle(flag, beta * column_sum(v, rest[:, 1:]))
        zeros = jnp.broadcast_to(jnp.zeros_like(beta), (k, width))
        rows.append(jnp.concatenate([zeros, r, s * (rest[0, 1:] - first * w)]))
        rest = settle(flag, rest[1:, 1:] - v[1:] * w[None])
        steps.append((v, beta, s))
    Q = jnp.zeros_like(A)[len(steps) :, :0]
    for v, beta, s in reversed(steps):
        w = jnp.concatenate([beta * s * v[0], beta * column_sum(v[1:], Q)])
        w = settle(flag, w)
        inner = jnp.concatenate([-(v[0] * w[1:])[None], Q - v[1:] * w[None, 1:]])
        column = jnp.zeros_like(v).at[0].set(s) - v * w[None, :1]
        Q = settle(flag, jnp.concatenate([column, inner], axis=1))
    R = scale(jnp.stack(rows), shift)
    return jnp.where(finite, Q, jnp.nan), jnp.where(finite, R, jnp.nan)
