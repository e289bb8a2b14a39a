"""The residual of a candidate in the Karush–Kuhn–Tucker conditions, and its multipliers."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._extrema import max_of
from jaxmath.linalg.least_squares import lstsq
from jaxmath.numerics import matmul
from jaxmath.optimize._box import as_box
from jaxmath.optimize._solver import as_point, constraint, gradient_of, solver
from jaxmath.typing import Array, PyTree, as_array, check_precision

__all__ = ["ConstrainedPoint", "KKTMultipliers", "KKTResidual", "kkt_residual"]


class KKTMultipliers(NamedTuple):
    """Lagrange multipliers by kind of constraint.

    ::

        L = f − λ_Eᵀh − λ_Iᵀc − λ_lᵀ(x − l) − λ_uᵀ(u − x),   λ_I, λ_l, λ_u ≥ 0

    Args:
      equality: λ_E, shape (m,); None for 0.
      inequality: λ_I, shape (p,); None for 0.
      lower: λ_l, shape (n,); None for 0.
      upper: λ_u, shape (n,); None for 0.

    Returns:
      A NamedTuple, hence a pytree.

    Example:
      >>> KKTMultipliers(equality=jnp.ones(1)).lower is None
      True
    """

    equality: Any = None
    inequality: Any = None
    lower: Any = None
    upper: Any = None


class ConstrainedPoint(NamedTuple):
    """A point and the multipliers of its constraints.

    ::

        ∇f(x) = J_hᵀλ_E + J_cᵀλ_I + λ_l − λ_u,   λ_I, λ_l, λ_u ≥ 0

    Args:
      x: the point.
      multipliers: its ``KKTMultipliers``.

    Returns:
      A NamedTuple, hence a pytree.

    Example:
      >>> ConstrainedPoint(jnp.ones(2), KKTMultipliers(jnp.zeros(1))).multipliers.equality.shape
      (1,)
    """

    x: PyTree
    multipliers: KKTMultipliers


class KKTResidual(NamedTuple):
    """How far a point is from satisfying the Karush–Kuhn–Tucker conditions.

    ::

        ∇L = 0,   h = 0 and c ≥ 0 and l ≤ x ≤ u,   λ ≥ 0,   λᵢcᵢ = 0

    Args:
      stationarity: ‖∇L‖_∞ over the largest of its terms.
      primal: the largest violation of a constraint, relative to max(1, ‖x‖)·max(1, ‖∇cᵢ‖).
      dual: the largest −λᵢ‖∇cᵢ‖ of an inequality or bound, over the terms of ∇L.
      complementarity: the largest |λᵢcᵢ|, over the terms of ∇L times max(1, ‖x‖).
      multipliers: the ``KKTMultipliers`` that were given, or found by least squares.

    Returns:
      A NamedTuple, hence a pytree; ``error`` is the largest of the four.

    Example:
      >>> f"{KKTResidual(0.0, 0.1, 0.0, 0.0, KKTMultipliers()).error:.1f}"
      '0.1'
    """

    stationarity: Any
    primal: Any
    dual: Any
    complementarity: Any
    multipliers: KKTMultipliers

    @property
    def error(self) -> Array:
        """The largest of the four residuals."""
        return max_of(jnp.stack([jnp.asarray(residual) for residual in self[:4]]))


def _least_squares(g: Array, rows: Array, slack: Array, length: Array) -> Array:
    """argmin ‖g − Bᵀλ‖² + Σ (λᵢsᵢ/length)², for the constraints' gradients as rows of B."""
    sizes = jnp.max(jnp.abs(rows), axis=1, initial=0.0)
    sizes = jnp.where(sizes == 0, 1.0, sizes)
    free = jnp.isinf(slack)
    columns = jnp.where(free[None, :], 0.0, (rows / sizes[:, None]).T)
    weights = jnp.where(free, 1.0, slack / (sizes * length))
    M = jnp.concatenate([columns, jnp.diag(weights)])
    found = lstsq(M, jnp.concatenate([g, jnp.zeros_like(slack)])).x / sizes
    # Exactly 0 on a bound that is not there: rounding times ∞ is no complementarity.
    return jnp.where(free, 0.0, found)


def _given(multipliers: Any, sizes: tuple[int, ...], dtype: Any) -> Array:
    names, parts = KKTMultipliers._fields, []
    for name, part, size in zip(names, KKTMultipliers(*multipliers), sizes, strict=True):
        given = jnp.zeros(size, dtype) if part is None else part
        parts.append(as_array(f"multipliers.{name}", given, shape=(size,)).astype(dtype))
    return jnp.concatenate(parts)


@partial(solver, data=("lower", "upper"))
def kkt_residual(
    fun: Callable,
    x: PyTree,
    args: tuple = (),
    multipliers: KKTMultipliers | None = None,
    *,
    equality: Callable | None = None,
    inequality: Callable | None = None,
    lower: PyTree | None = None,
    upper: PyTree | None = None,
) -> KKTResidual:
    """How far a candidate is from the Karush–Kuhn–Tucker conditions of a constrained problem.

    ::

        minimize f(x) subject to h(x) = 0, c(x) ≥ 0, l ≤ x ≤ u
        ∇f = J_hᵀλ_E + J_cᵀλ_I + λ_l − λ_u,   λ_I, λ_l, λ_u ≥ 0,   λᵢcᵢ(x) = 0

    Args:
      fun: f(x, *args), from the point to a real scalar.
      x: the candidate, a vector or any pytree of one real dtype.
      args: further arguments of ``fun`` and the constraints.
      multipliers: ``KKTMultipliers``; None finds them by least squares.
      equality: h(x, *args), None for no such constraint.
      inequality: c(x, *args) with c ≥ 0 as in SciPy, None for no such constraint.
      lower: l, a scalar or of the structure of ``x``; None for −∞.
      upper: u, a scalar or of the structure of ``x``; None for ∞.

    Returns:
      A ``KKTResidual (stationarity, primal, dual, complementarity, multipliers)``, scaled so that
      each is about eps at an exact point and does not depend on the units of a constraint whose
      gradient is at least 1 (one below counts as 1 in ``primal``).

    Numerics:
      The least-squares multipliers minimize ‖∇L‖² + Σ (λᵢcᵢ/max(1, ‖x‖))², which needs no guess of
      the active set and is exact at a KKT point. Signs are not imposed, so that a wrong sign shows
      in ``dual``; where multipliers are not unique (dependent gradients) those of least norm are
      taken, though others may have the right signs. A coordinate with l = u takes its multiplier
      in the bound where it is positive. A multiplier that is given, and not 0, for a bound that is
      absent or infinite makes ``complementarity`` infinite. NaN in gives NaN. Cost: O((n + k)k²),
      k constraints and 2n bounds.

    Example:
      >>> f, c = lambda x: jnp.sum((x - 2.0) ** 2), lambda x: 2.0 - x[0] - x[1]
      >>> residual = kkt_residual(f, jnp.ones(2), inequality=c)
      >>> f"{residual.multipliers.inequality[0]:.2f} {float(residual.error) < 1e-5}"
      '2.00 True'

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, theorem 12.1.
      G. Di Pillo, L. Grippo, "A new class of augmented Lagrangians in nonlinear programming", 1979.
    """
    point, (x, back) = x, as_point("x", x)
    n = x.shape[0]
    g = gradient_of(lambda x, *args: fun(back(x), *args), args)(x)
    kinds = [
        constraint(name, fn, args, back)
        for name, fn in (("equality", equality), ("inequality", inequality))
    ]
    low, up = as_box(lower, upper, x, ("x", point))
    identity = jnp.eye(n, dtype=x.dtype)
    h, c = (fn(x) for fn in kinds)
    slack = jnp.concatenate([h, c, x - low, up - x])
    rows = jnp.concatenate([*(jax.jacrev(fn)(x) for fn in kinds), identity, -identity])
    m, length = h.shape[0], jnp.maximum(1.0, max_of(jnp.abs(x)))
    sizes = (m, c.shape[0], n, n)
    if multipliers is None:
        check_precision("x", x)
        found = _least_squares(g, rows, slack, length)
        net = found[-2 * n : -n] - found[-n:]
        paired = jnp.concatenate([jnp.maximum(net, 0.0), jnp.maximum(-net, 0.0)])
        fixed = jnp.concatenate([low == up, low == up])
        found = jnp.concatenate([found[: -2 * n], jnp.where(fixed, paired, found[-2 * n :])])
    else:
        found = _given(multipliers, sizes, x.dtype)
    steepness = max_of(jnp.abs(rows), axis=1)
    terms = max_of(jnp.concatenate([jnp.ones(1, x.dtype), jnp.abs(g), jnp.abs(found) * steepness]))
    violation = jnp.concatenate([jnp.abs(h), jnp.maximum(-slack[m:], 0.0)])
    product = jnp.where(found == 0, 0.0, found * jnp.where(found == 0, 0.0, slack))
    worst = lambda v: max_of(v, initial=0.0)
    parts = jnp.split(found, [m, m + sizes[1], m + sizes[1] + n])
    return KKTResidual(
        worst(jnp.abs(g - matmul(rows.T, found))) / terms,
        worst(violation / jnp.maximum(1.0, steepness)) / length,
        worst(jnp.maximum(-found[m:] * steepness[m:], 0.0)) / terms,
        worst(jnp.abs(product)[m:]) / (terms * length),
        KKTMultipliers(*parts),
    )
