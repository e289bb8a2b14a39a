"""Residuals of problems 1 to 19 of Moré, Garbow and Hillstrom, whose dimensions are fixed."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from jaxmath.numerics import safe_norm
from jaxmath.typing import Array

__all__: list[str] = []


def _like(values: np.ndarray | Sequence[float], x: Array) -> Array:
    """Constants in the dtype of x."""
    return jnp.asarray(np.asarray(values), x.dtype)


def _count(first: int, last: int) -> np.ndarray:
    return np.arange(first, last + 1, dtype=float)


def rosenbrock(x: Array) -> Array:
    """(1)  r = (10(x₂ − x₁²), 1 − x₁)."""
    return jnp.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


def freudenstein_roth(x: Array) -> Array:
    """(2)  r = (−13 + x₁ + ((5 − x₂)x₂ − 2)x₂, −29 + x₁ + ((x₂ + 1)x₂ − 14)x₂)."""
    a, b = x
    return jnp.stack([a - 13.0 + ((5.0 - b) * b - 2.0) * b, a - 29.0 + ((b + 1.0) * b - 14.0) * b])


def powell_badly_scaled(x: Array) -> Array:
    """(3)  r = (10⁴x₁x₂ − 1, e^−x₁ + e^−x₂ − 1.0001), where e^−x₁ − 1 is one function."""
    return jnp.stack([1e4 * x[0] * x[1] - 1.0, jnp.expm1(-x[0]) + jnp.exp(-x[1]) - 1e-4])


def brown_badly_scaled(x: Array) -> Array:
    """(4)  r = (x₁ − 10⁶, x₂ − 2·10⁻⁶, x₁x₂ − 2)."""
    return jnp.stack([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2.0])


def beale(x: Array) -> Array:
    """(5)  rᵢ = yᵢ − x₁(1 − x₂ⁱ), i ≤ 3."""
    a, b = x
    return _like([1.5, 2.25, 2.625], x) - a * (1.0 - jnp.stack([b, b**2, b**3]))


def jennrich_sampson(x: Array) -> Array:
    """(6)  rᵢ = 2 + 2i − (exp(ix₁) + exp(ix₂)), i ≤ 10."""
    i = _like(_count(1, 10), x)
    return 2.0 + 2.0 * i - (jnp.exp(i * x[0]) + jnp.exp(i * x[1]))


def helical_valley(x: Array) -> Array:
    """(7)  r = (10(x₃ − 10θ), 10(√(x₁² + x₂²) − 1), x₃), 2πθ the angle of (x₁, x₂).

    θ has its cut on the half-line x₁ = 0, x₂ < 0: −1/4 ≤ θ < 3/4.
    """
    angle = jnp.arctan2(x[1], x[0])
    theta = jnp.where(angle < -math.pi / 2, angle + 2.0 * math.pi, angle) / (2.0 * math.pi)
    radius = safe_norm(x[:2])
    return jnp.stack([10.0 * (x[2] - 10.0 * theta), 10.0 * (radius - 1.0), x[2]])


BARD = (0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39)


def bard(x: Array) -> Array:
    """(8)  rᵢ = yᵢ − (x₁ + uᵢ/(vᵢx₂ + wᵢx₃)), uᵢ = i, vᵢ = 16 − i, wᵢ = min(uᵢ, vᵢ), i ≤ 15."""
    u = _like(_count(1, 15), x)
    v = 16.0 - u
    return _like(BARD, x) - (x[0] + u / (v * x[1] + jnp.minimum(u, v) * x[2]))


_RISE = (0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521)
GAUSSIAN = (*_RISE, 0.3989, *_RISE[::-1])


def gaussian(x: Array) -> Array:
    """(9)  rᵢ = x₁ exp(−x₂(tᵢ − x₃)²/2) − yᵢ, tᵢ = (8 − i)/2, i ≤ 15."""
    t = _like((8.0 - _count(1, 15)) / 2.0, x)
    return x[0] * jnp.exp(-0.5 * x[1] * (t - x[2]) ** 2) - _like(GAUSSIAN, x)


MEYER = (
    34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0, 11540.0, 9744.0,
    8261.0, 7030.0, 6005.0, 5147.0, 4427.0, 3820.0, 3307.0, 2872.0,
)  # fmt: skip


def meyer(x: Array) -> Array:
    """(10)  rᵢ = x₁ exp(x₂/(tᵢ + x₃)) − yᵢ, tᵢ = 45 + 5i, i ≤ 16."""
    t = _like(45.0 + 5.0 * _count(1, 16), x)
    return x[0] * jnp.exp(x[1] / (t + x[2])) - _like(MEYER, x)


def gulf(x: Array) -> Array:
    """(11)  rᵢ = exp(−|yᵢ − x₂|^x₃ / x₁) − tᵢ, tᵢ = i/100, yᵢ = 25 + (−50 log tᵢ)^⅔, i ≤ 99.

    Where yᵢ = x₂ the power is 0, and so is its derivative. (The paper prints ``yᵢmi`` for yᵢ −.)
    """
    t = _count(1, 99) / 100.0
    distance = jnp.abs(_like(25.0 + (-50.0 * np.log(t)) ** (2.0 / 3.0), x) - x[1])
    at = distance == 0.0
    power = jnp.where(at, 0.0, jnp.exp(x[2] * jnp.log(jnp.where(at, 1.0, distance))))
    return jnp.exp(-power / x[0]) - _like(t, x)


def box_three_dimensional(x: Array) -> Array:
    """(12)  rᵢ = exp(−tᵢx₁) − exp(−tᵢx₂) − x₃(exp(−tᵢ) − exp(−10tᵢ)), tᵢ = i/10, i ≤ 10."""
    t = _like(_count(1, 10) / 10.0, x)
    fixed = jnp.exp(-t) - jnp.exp(-10.0 * t)
    return jnp.exp(-t * x[0]) - jnp.exp(-t * x[1]) - x[2] * fixed


def powell_singular(x: Array) -> Array:
    """(13)  r = (x₁ + 10x₂, √5(x₃ − x₄), (x₂ − 2x₃)², √10(x₁ − x₄)²)."""
    a, b, c, d = x
    return jnp.stack(
        [
            a + 10.0 * b,
            math.sqrt(5.0) * (c - d),
            (b - 2.0 * c) ** 2,
            math.sqrt(10.0) * (a - d) ** 2,
        ]
    )


def wood(x: Array) -> Array:
    """(14)  10(x₂ − x₁²), 1 − x₁, √90(x₄ − x₃²), 1 − x₃, √10(x₂ + x₄ − 2), (x₂ − x₄)/√10."""
    a, b, c, d = x
    return jnp.stack(
        [
            10.0 * (b - a**2),
            1.0 - a,
            math.sqrt(90.0) * (d - c**2),
            1.0 - c,
            math.sqrt(10.0) * (b + d - 2.0),
            (b - d) / math.sqrt(10.0),
        ]
    )


KOWALIK_OSBORNE_Y = (
    0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246,
)  # fmt: skip
KOWALIK_OSBORNE_U = (4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625)


def kowalik_osborne(x: Array) -> Array:
    """(15)  rᵢ = yᵢ − x₁(uᵢ² + uᵢx₂)/(uᵢ² + uᵢx₃ + x₄), i ≤ 11."""
    u = _like(KOWALIK_OSBORNE_U, x)
    fraction = u * (u + x[1]) / (u * (u + x[2]) + x[3])
    return _like(KOWALIK_OSBORNE_Y, x) - x[0] * fraction


def brown_dennis(x: Array) -> Array:
    """(16)  rᵢ = (x₁ + tᵢx₂ − exp tᵢ)² + (x₃ + x₄ sin tᵢ − cos tᵢ)², tᵢ = i/5, i ≤ 20."""
    t = _like(_count(1, 20) / 5.0, x)
    return (x[0] + t * x[1] - jnp.exp(t)) ** 2 + (x[2] + x[3] * jnp.sin(t) - jnp.cos(t)) ** 2


OSBORNE_1 = (
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751,
    0.718, 0.685, 0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490,
    0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406,
)  # fmt: skip


def osborne_1(x: Array) -> Array:
    """(17)  rᵢ = yᵢ − (x₁ + x₂ exp(−tᵢx₄) + x₃ exp(−tᵢx₅)), tᵢ = 10(i − 1), i ≤ 33."""
    t = _like(10.0 * _count(0, 32), x)
    return _like(OSBORNE_1, x) - (x[0] + x[1] * jnp.exp(-t * x[3]) + x[2] * jnp.exp(-t * x[4]))


def biggs_exp6(x: Array) -> Array:
    """(18)  rᵢ = x₃ exp(−tᵢx₁) − x₄ exp(−tᵢx₂) + x₆ exp(−tᵢx₅) − yᵢ, tᵢ = i/10, i ≤ 13.

    yᵢ = exp(−tᵢ) − 5 exp(−10tᵢ) + 3 exp(−4tᵢ)
    """
    t = _like(_count(1, 13) / 10.0, x)
    y = jnp.exp(-t) - 5.0 * jnp.exp(-10.0 * t) + 3.0 * jnp.exp(-4.0 * t)
    fit = x[2] * jnp.exp(-t * x[0]) - x[3] * jnp.exp(-t * x[1]) + x[5] * jnp.exp(-t * x[4])
    return fit - y


OSBORNE_2 = (
    1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608,
    0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661,
    0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428,
    0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559,
    0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054,
)  # fmt: skip


def osborne_2(x: Array) -> Array:
    """(19)  rᵢ = yᵢ − (x₁ exp(−tᵢx₅) + Σ_{k=2}^4 xₖ exp(−(tᵢ − x₇₊ₖ)² x₄₊ₖ)), tᵢ = (i − 1)/10.

    i ≤ 65
    """
    t = _like(_count(0, 64) / 10.0, x)
    peaks = [x[k] * jnp.exp(-((t - x[7 + k]) ** 2) * x[4 + k]) for k in (1, 2, 3)]
    return _like(OSBORNE_2, x) - (x[0] * jnp.exp(-t * x[4]) + sum(peaks))
