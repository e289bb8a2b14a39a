"""Minimization over a convex set by linear subproblems: the Frank–Wolfe method."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxmath._loops import while_loop
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.numerics import dot, safe_divide
from jaxmath.optimize._solver import (
    as_point,
    donatable,
    gradient_of,
    solver,
    vector_map,
)
from jaxmath.typing import Array, ArrayLike, PyTree, check_number

__all__ = ["frank_wolfe", "frank_wolfe_init", "frank_wolfe_step"]

StepRule = Literal["backtracking", "open_loop"]


class FrankWolfeState(NamedTuple):
    """Where the method stands.

    ::

        gap = ∇f(x)ᵀ(x − s),   s = argmin {∇f(x)ᵀz : z ∈ C}

    ``curvature`` is the estimate L, ``noise`` the rounding of the gap, and ``status`` is RUNNING,
    or how the method ended other than by converging.
    """

    x: Array
    vertex: Array
    gap: Array
    noise: Array
    curvature: Array
    status: Array
    num_steps: Array
    num_grad: Array


def _linearize(oracle: Callable, x: Array, gradient: Array) -> tuple[Array, Array, Array]:
    """s, the gap and its rounding."""
    vertex = oracle(gradient)
    noise = jnp.sum(jnp.abs(gradient) * (jnp.abs(x) + jnp.abs(vertex)))
    return vertex, dot(gradient, x - vertex), 4.0 * float(jnp.finfo(x.dtype).eps) * noise


@donatable
@solver
def frank_wolfe_init(
    fun: Callable, x0: ArrayLike, linear_oracle: Callable, args: tuple = ()
) -> FrankWolfeState:
    """The starting state of the Frank–Wolfe method.

    ::

        x = x₀ ∈ C,   s = argmin {∇f(x)ᵀz : z ∈ C},   L = ∇f(x)ᵀ(x − s)/‖x − s‖²

    Args:
      fun: f(x, *args), from a vector to a real scalar, differentiable.
      x0: starting point in the set, shape (n,).
      linear_oracle: from g to a minimizer of gᵀz over the set.
      args: further arguments of ``fun``.

    Returns:
      A ``FrankWolfeState``; its L makes the whole step the first that is tried.

    Numerics:
      One gradient, one call of the oracle. The status is INVALID_START where x₀ is not finite, or
      not in the set as a negative gap proves; NON_FINITE where the gradient or s is not finite.

    Example:
      >>> f, corner = lambda x: jnp.sum(x**2), lambda g: jnp.where(g > 0, 1.0, 2.0)
      >>> f"{frank_wolfe_init(f, jnp.array([2.0, 2.0]), corner).gap:.1f}"
      '8.0'

    References:
      M. Jaggi, "Revisiting Frank–Wolfe: projection-free sparse convex optimization", 2013,
      algorithm 1.
    """
    x, _ = as_point("x0", x0)
    vertex, gap, noise = _linearize(
        vector_map("linear_oracle", linear_oracle), x, gradient_of(fun, args)(x)
    )
    status = jnp.where(jnp.isfinite(gap), Status.RUNNING, Status.NON_FINITE)
    outside = ~jnp.all(jnp.isfinite(x)) | (gap < -noise)
    status = jnp.where(outside, Status.INVALID_START, status).astype(jnp.int32)
    curvature = safe_divide(gap, dot(x - vertex, x - vertex))
    return FrankWolfeState(x, vertex, gap, noise, curvature, status, jnp.int32(0), jnp.int32(1))


def _backtrack(gradient_fn: Callable, point: Callable, state: FrankWolfeState) -> tuple:
    """t = min(gap/(L‖d‖²), 1) for the first L that bounds the curvature along d = s − x."""
    d = state.vertex - state.x
    square, eps = dot(d, d), float(jnp.finfo(d.dtype).eps)

    def length(L: Array) -> Array:
        bound = L * square
        return jnp.where(bound > 0, jnp.minimum(safe_divide(state.gap, bound), 1.0), 1.0)

    def enough(L: Array, gradient: Array) -> Array:
        return dot(gradient, d) + state.gap <= L * length(L) * square + state.noise

    def double(trial: tuple) -> tuple:
        L, _, count = trial
        return 2.0 * L, gradient_fn(point(length(2.0 * L))), count + 1

    # A lane that has ended is stepped too: L must be able to grow, and the search to end.
    largest = float(jnp.finfo(d.dtype).max)
    L = jnp.maximum(0.9 * state.curvature, float(jnp.finfo(d.dtype).tiny))
    L, gradient, count = while_loop(
        lambda trial: ~enough(*trial[:2]) & (length(trial[0]) > eps**2) & (trial[0] < largest),
        double,
        (L, gradient_fn(point(length(L))), jnp.int32(1)),
    )
    return length(L), gradient, L, count, enough(L, gradient)


@solver
def frank_wolfe_step(
    fun: Callable,
    state: FrankWolfeState,
    linear_oracle: Callable,
    args: tuple = (),
    *,
    step_rule: StepRule = "backtracking",
) -> FrankWolfeState:
    """One step of the Frank–Wolfe method.

    ::

        x ← x + t (s − x),   s = argmin {∇f(x)ᵀz : z ∈ C}
        open_loop: t = 2/(k + 2);   backtracking: t = min(gap/(L‖d‖²), 1), L doubled until
        (∇f(x + t d) − ∇f(x))ᵀd ≤ t L ‖d‖²,   d = s − x

    Args:
      fun: f(x, *args), from a vector to a real scalar, differentiable.
      state: the ``FrankWolfeState`` of the step before.
      linear_oracle: from g to a minimizer of gᵀz over the set.
      args: further arguments of ``fun``.
      step_rule: "backtracking" or "open_loop".

    Returns:
      The next ``FrankWolfeState``; where no t > eps² will do, x stays and the status tells.

    Numerics:
      One call of the oracle and a gradient for each L; the next step begins at 0.9 L. The paper
      bounds the curvature by values of f, whose differences are of size gap² and lost in rounding
      long before the gap is; for convex f the condition on gradients makes f decrease too.

    Example:
      >>> f, corner = lambda x: jnp.sum(x**2), lambda g: jnp.where(g > 0, 1.0, 2.0)
      >>> state = frank_wolfe_init(f, jnp.array([2.0, 2.0]), corner)
      >>> print(frank_wolfe_step(f, state, corner).x)
      [1. 1.]

    References:
      M. Jaggi, "Revisiting Frank–Wolfe: projection-free sparse convex optimization", 2013,
      algorithm 1.
      F. Pedregosa, G. Negiar, A. Askari, M. Jaggi, "Linearly convergent Frank–Wolfe with
      backtracking line-search", 2020, algorithm 2.
    """
    gradient_fn, oracle = gradient_of(fun, args), vector_map("linear_oracle", linear_oracle)
    point = lambda t: jnp.where(t == 1, state.vertex, state.x + t * (state.vertex - state.x))
    if step_rule == "open_loop":
        t = jnp.asarray(2.0, state.x.dtype) / (state.num_steps + 2).astype(state.x.dtype)
        gradient, L, count = gradient_fn(point(t)), state.curvature, 1
        found = jnp.asarray(True)
    else:
        t, gradient, L, count, found = _backtrack(gradient_fn, point, state)
    x = jnp.where(found, point(t), state.x)
    vertex, gap, noise = (
        jnp.where(found, new, old)
        for new, old in zip(_linearize(oracle, x, gradient), state[1:4], strict=True)
    )
    reason = jnp.where(gap <= 4.0 * noise, Status.STAGNATED, Status.LINE_SEARCH_FAILED)
    reason = jnp.where(found, Status.RUNNING, reason)
    status = jnp.where(jnp.isfinite(gap), reason, Status.NON_FINITE).astype(jnp.int32)
    return FrankWolfeState(
        x, vertex, gap, noise, L, status, state.num_steps + 1, state.num_grad + count
    )


@solver
def frank_wolfe(
    fun: Callable,
    x0: PyTree,
    linear_oracle: Callable,
    args: tuple = (),
    *,
    tol: float | None = None,
    max_steps: int = 10000,
    step_rule: StepRule = "backtracking",
) -> Solution:
    """Minimum over a convex set by linear subproblems, with a bound on how far f is from it.

    ::

        xₖ₊₁ = xₖ + tₖ (sₖ − xₖ),   sₖ = argmin {∇f(xₖ)ᵀz : z ∈ C}
        f(x) − f* ≤ gap(x) = ∇f(x)ᵀ(x − s) for convex f,   min gap(xₖ) = O(1/k)

    Args:
      fun: f(x, *args), from the point to a real scalar, differentiable.
      x0: starting point in the set, a vector or any pytree of one real dtype.
      linear_oracle: from g, of the structure of ``x0``, to a minimizer of ⟨g, z⟩ over the bounded
        convex set C, such as ``linear_oracle_simplex``; data in it may be bound by
        ``jax.tree_util.Partial``, which keeps one program for all of its values.
      args: further arguments of ``fun``.
      tol: the gap to reach; None takes eps^⅓, as the rate is 1/k.
      max_steps: the limit on steps.
      step_rule: "backtracking", which estimates the curvature and makes f decrease, or "open_loop",
        tₖ = 2/(k + 2).

    Returns:
      A ``Solution`` with the last point, a convex combination of x₀ and k vertices, and with its
      gap as error: for convex f a certificate of f(x) − f*. Its status is CONVERGED; STAGNATED,
      where the gap is at its own rounding; LINE_SEARCH_FAILED; MAX_STEPS; NON_FINITE, also where
      the set is not bounded; INVALID_START, also where the gap is negative: x₀ is not in C.
      Only that shows a start outside C: from another the end may be CONVERGED and outside C too,
      with a gap that certifies nothing.

    Numerics:
      The gap is linear in ∇f: its rounding is a few eps·Σ|∂ᵢf|(|xᵢ| + |sᵢ|). Convergence is linear
      where the minimum lies inside C, 1/k where it lies on a face of a polytope. f itself is not
      evaluated: ``num_grad`` counts gradients. A call of the oracle goes with each step.

    Example:
      >>> f = lambda x: jnp.sum((x - jnp.array([0.2, 0.3, 0.5])) ** 2)
      >>> oracle = lambda g: jnp.where(jnp.arange(3) == jnp.argmin(g), 1.0, 0.0)
      >>> solution = frank_wolfe(f, jnp.array([1.0, 0.0, 0.0]), oracle)
      >>> print(bool(solution.converged), bool(f(solution.value) <= solution.error))
      True True

    References:
      M. Frank, P. Wolfe, "An algorithm for quadratic programming", 1956, section 6.
      M. Jaggi, "Revisiting Frank–Wolfe: projection-free sparse convex optimization", 2013,
      theorem 1 and equation (5).
    """
    check_number("tol", 0.0 if tol is None else tol, low=0.0)
    if step_rule not in ("backtracking", "open_loop"):
        raise ValueError(
            f"argument `step_rule` must be 'backtracking' or 'open_loop', got {step_rule!r}"
        )
    x, back = as_point("x0", x0)
    vector_map("linear_oracle", linear_oracle)
    f = lambda x, *args: fun(back(x), *args)
    oracle = lambda g: ravel_pytree(linear_oracle(back(g)))[0]
    limit = jnp.asarray(float(jnp.finfo(x.dtype).eps) ** (1 / 3) if tol is None else tol)
    limit = limit.astype(x.dtype)
    state, status, num_steps = iterate(
        lambda state: frank_wolfe_step(f, state, oracle, args, step_rule=step_rule),
        frank_wolfe_init(f, x, oracle, args),
        lambda state: jnp.where(
            (state.gap <= limit) & jnp.isfinite(state.gap) & (state.status != Status.INVALID_START),
            Status.CONVERGED,
            state.status,
        ),
        max_steps=max_steps,
    )
    return Solution(back(state.x), status, state.gap, num_steps, num_grad=state.num_grad)
