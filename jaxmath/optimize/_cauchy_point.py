"""The generalized Cauchy point of a quadratic model on a box, and the subspace step from it.

The model is gᵀp + ½pᵀBp with B = θI + WᵀEW, E = diag(±1): limited memory, never formed.
"""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmath.numerics import dot, einsum, matmul
from jaxmath.optimize._box import Box, along, distance, strides
from jaxmath.optimize._solver import or_one
from jaxmath.typing import Array

__all__: list[str] = []


class Curvature(NamedTuple):
    """B = θI + WᵀEW: θ > 0, W of shape (r, n), and the diagonal of E, shape (r,)."""

    theta: Array
    W: Array
    E: Array

    def times(self, p: Array) -> Array:
        """B p."""
        return self.theta * p + matmul(self.E * matmul(self.W, p), self.W)


def _tail_sums(a: Array) -> Array:
    """Σ_{i ≥ k} aᵢ for k = 0 … n."""
    zero = jnp.zeros_like(a[:1])
    return jnp.concatenate([jnp.cumsum(a[::-1], axis=0)[::-1], zero])


def cauchy_point(x: Array, g: Array, curvature: Curvature, box: Box) -> tuple[Array, Array]:
    """The first minimizer of the model along P(x − t g), and which variables it leaves free.

    The path is straight between the sorted breakpoints T₁ ≤ … ≤ Tₙ at which a variable meets its
    bound. Past T_k, with d = −g of the variables that still move and z = P(x − T_k g) − x,
    ψ′ = gᵀd + dᵀBz and ψ″ = dᵀBd. Both are sums over the variables that still move, so that all
    intervals are had at once: O(n) sums of length r, in place of the paper's loop.
    """
    theta, W, E = curvature
    size = or_one(jnp.max(jnp.where(distance(x, g, box) > 0, jnp.abs(g), 0.0)))
    g = g / size  # its squares keep within the range; t is in units of 1/size
    ends = strides(x, -g, box)
    order = jnp.argsort(ends)
    T = ends[order]
    # Breakpoints at infinity are never passed: any number will do for the sums beyond.
    T = jnp.where(jnp.isinf(T), jnp.max(jnp.where(jnp.isinf(T), 0.0, T)), T)
    start = jnp.concatenate([jnp.zeros_like(T[:1]), T])
    width = jnp.concatenate([ends[order], jnp.full_like(T[:1], jnp.inf)]) - start
    moving = jnp.where(ends > 0, g, 0.0)[order]
    squares = _tail_sums(moving**2)
    p = _tail_sums(-moving[:, None] * W.T[order])
    steps = (start[1:] - start[:-1])[:, None] * p[:-1]
    c = jnp.concatenate([jnp.zeros_like(p[:1]), jnp.cumsum(steps, axis=0)])
    slope = squares * (theta * start - size) + einsum("kr,r,kr->k", p, E, c)
    bend = theta * squares + einsum("kr,r,kr->k", p, E, p)
    bend = jnp.maximum(bend, float(jnp.finfo(x.dtype).eps) * theta * squares)
    best = jnp.maximum(-slope / or_one(bend), 0.0)
    # Breakpoints that coincide are one: only the last of them begins an interval.
    k = jnp.argmax((width > 0) & (best < width) | (jnp.arange(width.size) == x.size))
    t = start[k] + best[k]
    bound = jnp.where(g > 0, box.lower, box.upper)
    point = jnp.where(ends <= t, bound, jnp.clip(x - t * g, box.lower, box.upper))
    return point, (box.lower < point) & (point < box.upper) & (ends > t)


def _free_newton(r: Array, free: Array, curvature: Curvature) -> Array:
    """−B_FF⁻¹ r on the free variables, by the Sherman–Morrison–Woodbury formula."""
    theta, W, E = curvature
    W = jnp.where(free[None, :], W, 0.0)
    K = theta * jnp.diag(E) + einsum("ij,kj->ik", W, W)

    def solved(r: Array) -> Array:
        return (r - matmul(jnp.linalg.solve(K, matmul(W, r)), W)) / theta

    d = solved(r)
    left = jnp.where(free, r - Curvature(theta, W, E).times(d), 0.0)
    return -(d + solved(left))


def subspace_step(x: Array, g: Array, curvature: Curvature, box: Box) -> Array:
    """From x to the model's minimizer over the Cauchy point's free variables, brought into the box.

    Projected, where that descends (Morales and Nocedal, 2011); else cut at the first bound.
    """
    point, free = cauchy_point(x, g, curvature, box)
    r = jnp.where(free, g + curvature.times(point - x), 0.0)
    d = _free_newton(r, free, curvature)
    projected = along(point, jnp.ones_like(r[0]), d, box)
    cut = along(point, jnp.minimum(jnp.min(strides(point, d, box)), 1.0), d, box)
    return jnp.where(dot(g, projected - x) < 0, projected, cut) - x
