"""Residuals of problems 20 to 35 of Moré, Garbow and Hillstrom, for every dimension n.

The dimension is the length of x, t_j = j/(n + 1) where a mesh is meant, and xⱼ = 0 outside 1..n.
"""

import math

import jax.numpy as jnp
import numpy as np

from jaxmath.numerics import matmul
from jaxmath.optimize._mgh_fixed import _count, _like, powell_singular, rosenbrock
from jaxmath.typing import Array

__all__: list[str] = []


def _neighbours(x: Array) -> tuple[Array, Array]:
    padded = jnp.pad(x, 1)
    return padded[:-2], padded[2:]


def watson(x: Array) -> Array:
    """(20)  rᵢ = Σ (j−1)xⱼtᵢ^(j−2) − (Σ xⱼtᵢ^(j−1))² − 1, tᵢ = i/29, i ≤ 29; x₁; x₂ − x₁² − 1."""
    t, j = _count(1, 29)[:, None] / 29.0, _count(0, x.shape[0] - 1)
    powers = t**j
    value, slope = matmul(_like(powers, x), x), matmul(_like(j * powers / t, x), x)
    last = jnp.stack([x[0], x[1] - x[0] ** 2 - 1.0])
    return jnp.concatenate([slope - value**2 - 1.0, last])


def extended_rosenbrock(x: Array) -> Array:
    """(21)  Rosenbrock's residuals for each pair (x₂ᵢ₋₁, x₂ᵢ)."""
    return rosenbrock(x.reshape(-1, 2).T).T.ravel()


def extended_powell_singular(x: Array) -> Array:
    """(22)  Powell's singular residuals for each four (x₄ᵢ₋₃, …, x₄ᵢ)."""
    return powell_singular(x.reshape(-1, 4).T).T.ravel()


def penalty_1(x: Array) -> Array:
    """(23)  rᵢ = √10⁻⁵(xᵢ − 1), i ≤ n; rₙ₊₁ = Σ xⱼ² − 1/4."""
    return jnp.append(math.sqrt(1e-5) * (x - 1.0), jnp.sum(x**2) - 0.25)


def penalty_2(x: Array) -> Array:
    """(24)  x₁ − 1/5; √10⁻⁵(e^(xᵢ/10) + e^(xᵢ₋₁/10) − yᵢ); √10⁻⁵(e^(xᵢ/10) − e^(−1/10)); last.

    yᵢ = e^(i/10) + e^((i−1)/10), both middle rows for 2 ≤ i ≤ n; the last is Σ (n−j+1)xⱼ² − 1.
    """
    n = x.shape[0]
    grown, e = jnp.exp(0.1 * x), np.exp(_count(1, n) / 10.0)
    pairs = grown[1:] + grown[:-1] - _like(e[1:] + e[:-1], x)
    singles = grown[1:] - math.exp(-0.1)
    weighted = jnp.sum(_like(_count(1, n)[::-1], x) * x**2) - 1.0
    middle = math.sqrt(1e-5) * jnp.concatenate([pairs, singles])
    return jnp.concatenate([x[:1] - 0.2, middle, weighted[None]])


def variably_dimensioned(x: Array) -> Array:
    """(25)  rᵢ = xᵢ − 1, i ≤ n; rₙ₊₁ = Σ j(xⱼ − 1); rₙ₊₂ = rₙ₊₁²."""
    s = jnp.sum(_like(_count(1, x.shape[0]), x) * (x - 1.0))
    return jnp.concatenate([x - 1.0, jnp.stack([s, s**2])])


def trigonometric(x: Array) -> Array:
    """(26)  rᵢ = n − Σ cos xⱼ + i(1 − cos xᵢ) − sin xᵢ, where 1 − cos x = 2 sin²(x/2)."""
    versine = 2.0 * jnp.sin(0.5 * x) ** 2
    return jnp.sum(versine) + _like(_count(1, x.shape[0]), x) * versine - jnp.sin(x)


def brown_almost_linear(x: Array) -> Array:
    """(27)  rᵢ = xᵢ + Σ xⱼ − (n + 1), i < n; rₙ = Π xⱼ − 1."""
    n = x.shape[0]
    return jnp.append(x[:-1] + (jnp.sum(x) - (n + 1.0)), jnp.prod(x) - 1.0)


def discrete_boundary_value(x: Array) -> Array:
    """(28)  rᵢ = 2xᵢ − xᵢ₋₁ − xᵢ₊₁ + h²(xᵢ + tᵢ + 1)³/2, h = 1/(n + 1)."""
    n = x.shape[0]
    before, after = _neighbours(x)
    force = (x + _like(_count(1, n) / (n + 1.0) + 1.0, x)) ** 3
    return 2.0 * x - before - after + 0.5 / (n + 1.0) ** 2 * force


def discrete_integral_equation(x: Array) -> Array:
    """(29)  rᵢ = xᵢ + h/2 Σ min(tᵢ, tⱼ)(1 − max(tᵢ, tⱼ)) (xⱼ + tⱼ + 1)³, h = 1/(n + 1)."""
    n = x.shape[0]
    t = _count(1, n) / (n + 1.0)
    green = np.minimum.outer(t, t) * (1.0 - np.maximum.outer(t, t))
    return x + matmul(_like(0.5 / (n + 1.0) * green, x), (x + _like(t + 1.0, x)) ** 3)


def broyden_tridiagonal(x: Array) -> Array:
    """(30)  rᵢ = (3 − 2xᵢ)xᵢ − xᵢ₋₁ − 2xᵢ₊₁ + 1."""
    before, after = _neighbours(x)
    return (3.0 - 2.0 * x) * x - before - 2.0 * after + 1.0


def broyden_banded(x: Array) -> Array:
    """(31)  rᵢ = xᵢ(2 + 5xᵢ²) + 1 − Σⱼ xⱼ(1 + xⱼ), j ≠ i from i − 5 to i + 1."""
    i = _count(1, x.shape[0])
    offset = i - i[:, None]
    band = (offset >= -5) & (offset <= 1) & (offset != 0)
    return x * (2.0 + 5.0 * x**2) + 1.0 - matmul(_like(band, x), x * (1.0 + x))


def linear_full_rank(x: Array) -> Array:
    """(32)  rᵢ = xᵢ − (2/m) Σ xⱼ − 1, i ≤ n; rᵢ = −(2/m) Σ xⱼ − 1, n < i ≤ m = 2n."""
    n = x.shape[0]
    return jnp.pad(x, (0, n)) - (jnp.sum(x) / n + 1.0)


def linear_rank_1(x: Array) -> Array:
    """(33)  rᵢ = i Σ jxⱼ − 1, i ≤ m = 2n."""
    n = x.shape[0]
    return _like(_count(1, 2 * n), x) * jnp.sum(_like(_count(1, n), x) * x) - 1.0


def linear_rank_1_zero_columns_and_rows(x: Array) -> Array:
    """(34)  rᵢ = (i − 1) Σ_{j=2}^{n−1} jxⱼ − 1, 1 ≤ i < m = 2n; rₘ = −1."""
    n = x.shape[0]
    rows = np.append(_count(0, 2 * n - 2), 0.0)
    return _like(rows, x) * jnp.sum(_like(_count(2, n - 1), x) * x[1:-1]) - 1.0


def chebyquad(x: Array) -> Array:
    """(35)  rᵢ = (1/n) Σ Tᵢ(xⱼ) − ∫₀¹ Tᵢ, i ≤ m = n, Tᵢ Chebyshev's polynomial moved to [0, 1].

    The integral is 0 for odd i and −1/(i² − 1) for even i.
    """
    n = x.shape[0]
    s = 2.0 * x - 1.0
    polynomials = [jnp.ones_like(x), s]
    for _ in range(n - 1):
        polynomials.append(2.0 * s * polynomials[-1] - polynomials[-2])
    integrals = [0.0 if i % 2 else -1.0 / (i * i - 1.0) for i in range(1, n + 1)]
    return jnp.mean(jnp.stack(polynomials[1:]), axis=1) - _like(integrals, x)
