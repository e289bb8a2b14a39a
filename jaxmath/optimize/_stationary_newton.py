"""Newton's method on g(x) = 0 for the gradient g of a function, safeguarded on ½‖g‖²."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._extrema import max_of
from jaxmath._loops import while_loop
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.numerics import matmul, safe_divide, safe_norm
from jaxmath.typing import Array, check_number

__all__: list[str] = []

_ARMIJO = 1e-4


class StationaryState(NamedTuple):
    """Where Newton's method on ∇f = 0 stands.

    ::

        g = ∇f(x)

    ``status`` is RUNNING, or how the method ended other than by converging.
    """

    x: Array
    gradient: Array
    status: Array
    num_grad: Array
    num_hess: Array


def start_newton(x: Array, gradient: Array) -> StationaryState:
    """The state before the first step."""
    status = jnp.where(jnp.all(jnp.isfinite(gradient)), Status.RUNNING, Status.NON_FINITE)
    status = jnp.where(jnp.all(jnp.isfinite(x)), status, Status.INVALID_START)
    return StationaryState(x, gradient, status.astype(jnp.int32), jnp.int32(1), jnp.int32(0))


def eigen(H: Array) -> tuple[Array, Array, Array]:
    """Eigenvalues and vectors of the symmetric part, and which values are above rounding."""
    w, V = jnp.linalg.eigh((H + H.T) / 2.0, symmetrize_input=False)
    floor = H.shape[0] * float(jnp.finfo(H.dtype).eps)
    return w, V, jnp.abs(w) > floor * jnp.max(jnp.abs(w))


def pseudo_newton(w: Array, V: Array, kept: Array, g: Array) -> tuple[Array, Array]:
    """−H⁺g, and the part of g in the range of H, in the eigenvectors' coordinates."""
    inside = jnp.where(kept, matmul(V.T, g), 0.0)
    return -matmul(V, inside / jnp.where(kept, w, 1.0)), inside


def newton_step(gradient_fn: Callable[[Array], Array], state: StationaryState) -> StationaryState:
    """One safeguarded step on g(x) = 0 for the gradient g of any function."""
    x, g, eps = state.x, state.gradient, float(jnp.finfo(state.x.dtype).eps)
    H = jax.jacfwd(gradient_fn)(x)
    w, V, kept = eigen(H)
    p, inside = pseudo_newton(w, V, kept, g)
    size = safe_norm(g)
    share = safe_divide(safe_norm(inside), size) ** 2

    def decreases(t: Array, gradient: Array) -> Array:
        norm = safe_norm(gradient)
        return (norm <= size * jnp.sqrt(1.0 - 2.0 * _ARMIJO * t * share)) & (norm < size)

    def halve(trial: tuple) -> tuple:
        t, _, count = trial
        return t / 2.0, gradient_fn(x + (t / 2.0) * p), count + 1

    first = (jnp.ones((), x.dtype), gradient_fn(x + p), state.num_grad + 1)
    t, gradient, num_grad = while_loop(
        lambda trial: ~decreases(*trial[:2]) & (trial[0] > eps) & (share > eps), halve, first
    )
    noise = 4.0 * x.shape[0] * eps * jnp.max(jnp.abs(w)) * safe_norm(x)
    # The gradient of ½‖g‖² is Hg: next to 0, x is at a minimum of ‖g‖ or close to one.
    steepness = safe_norm(matmul(H, safe_divide(g, size))) * jnp.maximum(1.0, safe_norm(x))
    flat = (share <= eps) | (steepness <= eps ** (1 / 3) * size)
    reason = jnp.where(flat, Status.SINGULAR, Status.LINE_SEARCH_FAILED)
    reason = jnp.where(size <= noise, Status.STAGNATED, reason)
    reason = jnp.where(jnp.all(jnp.isfinite(H)), reason, Status.NON_FINITE)
    moves = decreases(t, gradient) & (share > eps)
    return StationaryState(
        jnp.where(moves, x + t * p, x),
        jnp.where(moves, gradient, g),
        jnp.where(moves, Status.RUNNING, reason).astype(jnp.int32),
        num_grad,
        state.num_hess + 1,
    )


def run_newton(
    gradient_fn: Callable[[Array], Array],
    state: StationaryState,
    tol: float | None,
    max_steps: int,
) -> Solution:
    """Newton's steps until ‖g‖∞ ≤ tol, None for √eps."""
    check_number("tol", 0.0 if tol is None else tol, low=0.0)
    dtype = state.x.dtype
    limit = jnp.asarray(float(jnp.finfo(dtype).eps) ** 0.5 if tol is None else tol).astype(dtype)
    error = lambda state: max_of(jnp.abs(state.gradient))
    state, status, num_steps = iterate(
        lambda state: newton_step(gradient_fn, state),
        state,
        lambda state: jnp.where(
            (error(state) <= limit) & (state.status != Status.INVALID_START),
            Status.CONVERGED,
            state.status,
        ),
        max_steps=max_steps,
    )
    counts = {"num_grad": state.num_grad, "num_hess": state.num_hess}
    return Solution(state.x, status, error(state), num_steps, **counts)
