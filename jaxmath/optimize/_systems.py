"""What the solvers of systems share: a Newton direction, backtracking on ½‖F‖², the status."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.scipy.linalg import lu_factor, lu_solve

from jaxmath._extrema import max_of, min_of
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.numerics import safe_norm
from jaxmath.optimize._roots import _first, _implicit, _tolerances, _vector_function
from jaxmath.optimize._solver import as_point, or_one
from jaxmath.typing import Array, PyTree, Scalar, check_precision

__all__: list[str] = []

ARMIJO = 1e-4
MAX_HALVINGS = 30
MAX_HALVINGS_STALE = 5


class SystemState(NamedTuple):
    """The point, F there as a vector, the direction −J⁻¹F, and J⁻¹ where it is carried along.

    ``regular``, ``finite`` and ``fresh``: of the (approximate) Jacobian, ``fresh`` that it is that
    of this point; ``outcome`` is how the last search ended, then the evaluations so far.
    """

    x: PyTree
    residual: Array
    direction: Array
    inverse: Array
    regular: Array
    finite: Array
    fresh: Array
    outcome: Array
    num_fun: Array
    num_jacobians: Array


class Trial(NamedTuple):
    """The step length, the point and F there."""

    length: Array
    x: Array
    residual: Array


def _default_factor(size: int) -> float:
    return 64.0 * size**0.5


def _vectorized(fun: Callable, x: PyTree, args: Any, name: str) -> tuple[Callable, Array, Callable]:
    """F of a vector, the vector of x, and the way back to its pytree."""
    vector, back = as_point(name, x)
    return _vector_function(fun, args, back, vector), vector, back


def _solve_regular(J: Array, B: Array) -> tuple[Array, Array]:
    """J⁻¹B, and whether J with rows and columns scaled to 1 is regular to n·eps."""
    rows = or_one(jnp.max(jnp.abs(J), axis=1))
    scaled = J / rows[:, None]
    columns = or_one(jnp.max(jnp.abs(scaled), axis=0))
    lu, pivots = lu_factor(scaled / columns[None, :])
    diagonal = jnp.abs(jnp.diagonal(lu))
    noise = len(J) * float(jnp.finfo(J.dtype).eps)
    regular = min_of(diagonal) > noise * max_of(diagonal)
    return lu_solve((lu, pivots), B / rows[:, None]) / columns[:, None], regular


def _backtrack(
    F: Callable, x: Array, direction: Array, residual: Array, max_halvings: Scalar = MAX_HALVINGS
) -> tuple[Trial, Array, Array]:
    """The first x + λd, λ = 1, ½, ¼…, with ‖F(x + λd)‖ ≤ (1 − 10⁻⁴λ)‖F(x)‖, and less; how that
    ended (RUNNING: found), and the number of evaluations."""
    norm = safe_norm(residual)

    def trial(length: Array) -> Trial:
        point = x + length * direction
        return Trial(length, point, F(point))

    def status_fn(now: Trial) -> Array:
        reached = safe_norm(now.residual)
        # Less than the norm as well: in float32 the factor rounds to 1 for a small λ.
        enough = (reached <= (1.0 - ARMIJO * now.length) * norm) & (reached < norm)
        return _first((enough, Status.CONVERGED))

    last, status, halvings = iterate(
        lambda now: trial(0.5 * now.length),
        trial(jnp.ones_like(norm)),
        status_fn,
        max_steps=max_halvings,
    )
    finite = jnp.all(jnp.isfinite(last.residual))
    outcome = _first(
        (status == Status.CONVERGED, Status.RUNNING),
        (finite, Status.LINE_SEARCH_FAILED),
        (~finite, Status.NON_FINITE),
    )
    return last, outcome, halvings + 1


def _status(state: SystemState, xtol: Array, rtol: Array) -> Array:
    vector, _ = as_point("x", state.x)
    size, move = safe_norm(vector), safe_norm(state.direction)
    norm = safe_norm(state.residual)
    noise = xtol + float(jnp.finfo(size.dtype).eps) ** 0.5 * size
    failed = state.outcome == Status.LINE_SEARCH_FAILED
    return _first(
        (~jnp.all(jnp.isfinite(vector)), Status.INVALID_START),
        (~jnp.isfinite(norm), Status.NON_FINITE),
        (norm == 0.0, Status.CONVERGED),
        (~state.finite, Status.NON_FINITE),
        (~(state.regular & jnp.isfinite(move)), Status.SINGULAR),
        (move <= xtol + rtol * size, Status.CONVERGED),
        (failed & (move <= noise), Status.STAGNATED),
        (state.outcome != Status.RUNNING, state.outcome),
    )


def _find(
    fun: Callable,
    x0: PyTree,
    args: Any,
    xtol: Scalar | None,
    rtol: Scalar | None,
    max_steps: Scalar,
    init: Callable[[], SystemState],
    step: Callable[[SystemState], SystemState],
) -> Solution:
    """The driver of Newton's and Broyden's method."""
    F, vector, back = _vectorized(fun, x0, args, "x0")
    check_precision("x0", vector)
    tolerances = _tolerances(xtol, rtol, vector.dtype, _default_factor(vector.size))

    def run() -> Solution:
        status_fn = lambda state: _status(state, *tolerances)
        state, status, num_steps = iterate(step, init(), status_fn, max_steps=max_steps)
        error = safe_norm(state.residual)
        x, _ = as_point("x", state.x)
        counts = {"num_fun": state.num_fun, "num_hess": state.num_jacobians}
        return Solution(x, status, error, num_steps, **counts)

    solution = _implicit(F, vector, run)
    return solution._replace(value=back(solution.value))
