"""A positive definite matrix in the place of a Hessian that need not be one."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.numerics import matmul
from jaxmath.optimize._solver import or_one
from jaxmath.typing import Array

__all__: list[str] = []


class Curvature(NamedTuple):
    """H = S⁻¹ V Λ Vᵀ S⁻¹, and M = S⁻¹ V |Λ| Vᵀ S⁻¹ > 0 beside it.

    S = diag(scale) with scaleᵢ = |hᵢᵢ|^(−1/2), so that M changes with the units of x as H does;
    ``size`` is |Λ|, at least its rounding.
    """

    H: Array
    scale: Array
    V: Array
    size: Array


def curvature_of(H: Array) -> Curvature:
    """The eigenvalue modification of Nocedal and Wright, section 3.4, after scaling by S.

    H not finite counts as I.
    """
    H = jnp.where(jnp.all(jnp.isfinite(H)), 0.5 * (H + H.T), jnp.eye(len(H), dtype=H.dtype))
    scale = 1 / jnp.sqrt(or_one(jnp.abs(jnp.diag(H))))
    w, V = jnp.linalg.eigh(scale[:, None] * H * scale[None, :], symmetrize_input=False)
    least = len(H) * float(jnp.finfo(H.dtype).eps) * jnp.max(jnp.abs(w))
    # No curvature at all: a Newton step without end, but for the radius or the line search.
    least = jnp.maximum(least, float(jnp.finfo(H.dtype).tiny) ** 0.5)
    return Curvature(H, scale, V, jnp.maximum(jnp.abs(w), least))


def identity(x: Array) -> Curvature:
    eye, one = jnp.eye(x.size, dtype=x.dtype), jnp.ones_like(x)
    return Curvature(eye, one, eye, one)


def hessian_curvature(gradient: Callable[[Array], Array], x: Array) -> Curvature:
    """That of ∇²f(x), columns by forward mode over the gradient."""
    return curvature_of(jax.jacfwd(gradient)(x))


def times(c: Curvature, v: Array) -> Array:
    """M v."""
    return matmul(c.V, c.size * matmul(c.V.T, v / c.scale)) / c.scale


def times_inverse(c: Curvature, v: Array) -> Array:
    """M⁻¹ v."""
    return c.scale * matmul(c.V, matmul(c.V.T, c.scale * v) / c.size)
