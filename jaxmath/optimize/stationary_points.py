"""Stationary points, ∇f(x) = 0: finding them by Newton's method, telling their kind."""

import enum
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._extrema import max_of
from jaxmath.iterate import Solution
from jaxmath.numerics import safe_norm
from jaxmath.optimize._solver import as_point, donatable, gradient_of, solver
from jaxmath.optimize._stationary_newton import (
    StationaryState,
    eigen,
    newton_step,
    pseudo_newton,
    run_newton,
    start_newton,
)
from jaxmath.typing import Array, ArrayLike, PyTree, Scalar, check_number, check_precision

__all__ = [
    "StationaryKind",
    "StationaryPoint",
    "classify_stationary_point",
    "find_stationary_point",
    "find_stationary_point_init",
    "find_stationary_point_step",
]


@donatable
@solver
def find_stationary_point_init(fun: Callable, x0: ArrayLike, args: tuple = ()) -> StationaryState:
    """The starting state of Newton's method on ∇f = 0.

    ::

        x = x₀,   g = ∇f(x₀)

    Args:
      fun: f(x, *args), from a vector to a real scalar, twice differentiable.
      x0: starting point, shape (n,).
      args: further arguments of ``fun``.

    Returns:
      A ``StationaryState (x, gradient, status, num_grad, num_hess)``.

    Numerics:
      One gradient. The status is INVALID_START or NON_FINITE where x₀ or g is not finite.

    Example:
      >>> print(find_stationary_point_init(lambda x: jnp.sum(x**2), jnp.ones(2)).gradient)
      [2. 2.]

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 11.1.
    """
    x, _ = as_point("x0", x0)
    check_precision("x0", x)
    return start_newton(x, gradient_of(fun, args)(x))


@solver
def find_stationary_point_step(
    fun: Callable, state: StationaryState, args: tuple = ()
) -> StationaryState:
    """One step of Newton's method on ∇f = 0, halved until ‖∇f‖ is smaller.

    ::

        p = −H⁺g,   x ← x + t p,   t = 1, ½, ¼, …
        until ‖∇f(x + t p)‖² ≤ ‖g‖² − 2c t ‖HH⁺g‖²,   c = 10⁻⁴

    Args:
      fun: f(x, *args), from a vector to a real scalar, twice differentiable.
      state: the ``StationaryState`` of the step before.
      args: further arguments of ``fun``.

    Returns:
      The next ``StationaryState``; where no t > eps will do, x stays and the status tells.

    Numerics:
      Eigenvalues of H below n·eps·‖H‖ count as 0. One Hessian, a gradient for each t.

    Example:
      >>> f = lambda x: jnp.sum(x**4)
      >>> state = find_stationary_point_step(f, find_stationary_point_init(f, jnp.ones(1)))
      >>> f"{state.x[0]:.4f}"
      '0.6667'

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 11.4.
    """
    return newton_step(gradient_of(fun, args), state)


@solver
def find_stationary_point(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    tol: float | None = None,
    max_steps: int = 100,
) -> Solution:
    """A point where the gradient is zero, be it minimum, maximum or saddle, by Newton's method.

    ::

        xₖ₊₁ = xₖ − tₖ H(xₖ)⁺ ∇f(xₖ),   ½‖∇f(xₖ₊₁)‖² < ½‖∇f(xₖ)‖²

    Args:
      fun: f(x, *args), from the point to a real scalar, twice differentiable.
      x0: starting point, a vector or any pytree of one real dtype.
      args: further arguments of ``fun``.
      tol: ‖∇f‖_∞ to reach, in the units of f; None takes √eps.
      max_steps: the limit on steps.

    Returns:
      A ``Solution`` with the last point and with error ‖∇f‖_∞ there. Its status is CONVERGED;
      STAGNATED, where ‖∇f‖ is at the rounding of H·x above ``tol``; SINGULAR, at a minimum of ‖∇f‖
      that is not 0 (∇f in the null space of H); LINE_SEARCH_FAILED, where no step of more than
      eps·p makes ‖∇f‖ smaller; MAX_STEPS; NON_FINITE; INVALID_START.

    Numerics:
      Quadratic where H is regular at the solution, linear where it is singular there. The kind of
      point is left to the start; ``classify_stationary_point`` tells it. f itself is not
      evaluated: ``num_grad`` counts gradients, ``num_hess`` Hessians. Cost: n gradients' worth
      and about 9n³ a step.

    Example:
      >>> saddle = find_stationary_point(lambda x: x[0] ** 2 - x[1] ** 2 + x[1], jnp.ones(2))
      >>> print([f"{v:.2f}" for v in saddle.value], bool(saddle.converged))
      ['0.00', '0.50'] True

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 11.2.
    """
    x, back = as_point("x0", x0)
    check_precision("x0", x)
    on_vectors = lambda x, *args: fun(back(x), *args)
    state = find_stationary_point_init(on_vectors, x, args)
    solution = run_newton(gradient_of(on_vectors, args), state, tol, max_steps)
    return solution._replace(value=back(solution.value))


class StationaryKind(enum.IntEnum):
    """What the second-order test says of a point.

    ::

        0 ≤ kind ≤ 5,   MINIMUM = 0

    Args:
      value: the number of the member, as a kind array holds it.

    Returns:
      The member. DEGENERATE is undecided: an eigenvalue is not to be told from 0, and no two have
      opposite signs. UNKNOWN: a derivative is not finite.

    Numerics:
      Stored as int32, so that lanes under vmap may differ.

    Example:
      >>> StationaryKind(2).name
      'SADDLE'

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, theorem 2.4.
    """

    MINIMUM = 0
    MAXIMUM = 1
    SADDLE = 2
    DEGENERATE = 3
    NOT_STATIONARY = 4
    UNKNOWN = 5


class StationaryPoint(NamedTuple):
    """The kind of a point, and the eigenvalues that decide it.

    ::

        kind from the signs of λ₁ ≤ … ≤ λₙ, the eigenvalues of H(x), |λ| ≤ δ counting as 0

    Args:
      kind: int32, a ``StationaryKind``.
      eigenvalues: λ of the Hessian, ascending, shape (n,).
      gradient_norm: ‖∇f(x)‖_∞.
      tolerance: δ.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Example:
      >>> StationaryPoint(0, jnp.ones(2), 0.0, 0.0).kind == StationaryKind.MINIMUM
      True
    """

    kind: Any
    eigenvalues: Array
    gradient_norm: Array
    tolerance: Array


@solver
def classify_stationary_point(
    fun: Callable,
    x: PyTree,
    args: tuple = (),
    *,
    tol: Scalar | None = None,
    rtol: Scalar | None = None,
) -> StationaryPoint:
    """Minimum, maximum, saddle or undecided: the second-order test at a point.

    ::

        MINIMUM: all λ > δ;   MAXIMUM: all λ < −δ;   SADDLE: some λ > δ and some λ < −δ
        δ = rtol·max|λ| + 3‖H(x + p) − H(x)‖,   p = −H⁺∇f(x)

    Args:
      fun: f(x, *args), from the point to a real scalar, twice differentiable.
      x: the point, a vector or any pytree of one real dtype.
      args: further arguments of ``fun``.
      tol: ‖∇f‖_∞ up to which x is stationary; None takes √eps·max(1, max|λ|·‖x‖_∞), the gradient
        that an error of √eps in x makes.
      rtol: the relative rounding of H; None takes eps^⅔.

    Returns:
      A ``StationaryPoint (kind, eigenvalues, gradient_norm, tolerance)``.

    Numerics:
      x is known only up to the Newton step p to the exact stationary point, and H along it moves
      by ‖H(x + p) − H(x)‖: what δ adds for it tells x⁴ near 0, where f″ > 0 all around, from a
      minimum with f″ > 0. One gradient, two Hessians; about 9n³.

    Example:
      >>> point = classify_stationary_point(lambda x: x[0] ** 2 - x[1] ** 2, jnp.zeros(2))
      >>> StationaryKind(int(point.kind)).name, [f"{v:.1f}" for v in point.eigenvalues]
      ('SADDLE', ['-2.0', '2.0'])

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, theorems 2.3 and 2.4.
    """
    for name, value in (("tol", tol), ("rtol", rtol)):
        check_number(name, 0.0 if value is None else value, low=0.0)
    x, back = as_point("x", x)
    check_precision("x", x)
    eps = float(jnp.finfo(x.dtype).eps)
    gradient_fn = gradient_of(lambda x, *args: fun(back(x), *args), args)
    g, H = gradient_fn(x), jax.jacfwd(gradient_fn)(x)
    w, V, kept = eigen(H)
    largest, size = max_of(jnp.abs(w)), max_of(jnp.abs(g))
    p, _ = pseudo_newton(w, V, kept, g)
    moved = safe_norm(jax.jacfwd(gradient_fn)(x + p) - H)
    relative = jnp.asarray(eps ** (2 / 3) if rtol is None else rtol).astype(x.dtype)
    delta = relative * largest + 3.0 * jnp.where(jnp.isnan(moved), jnp.inf, moved)
    enough = eps**0.5 * jnp.maximum(1.0, largest * max_of(jnp.abs(x)))
    stationary = size <= (enough if tol is None else jnp.asarray(tol).astype(x.dtype))
    up, down = w > delta, w < -delta
    kind = jnp.where(jnp.any(up) & jnp.any(down), StationaryKind.SADDLE, StationaryKind.DEGENERATE)
    kind = jnp.where(jnp.all(up), StationaryKind.MINIMUM, kind)
    kind = jnp.where(jnp.all(down), StationaryKind.MAXIMUM, kind)
    kind = jnp.where(stationary, kind, StationaryKind.NOT_STATIONARY)
    known = jnp.all(jnp.isfinite(g)) & jnp.all(jnp.isfinite(H))
    kind = jnp.where(known, kind, StationaryKind.UNKNOWN).astype(jnp.int32)
    return StationaryPoint(kind, w, size, delta)
