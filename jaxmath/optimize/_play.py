"""What the methods that learn a zero-sum game by playing it share: averages, measure, driver."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxmath._extrema import max_of, min_of
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.linalg._kernels.product import matmul
from jaxmath.optimize.matrix_games import _precise_game, normalized, unit_game
from jaxmath.typing import Array, ArrayLike, Scalar, check_number

__all__: list[str] = []


class Profile(NamedTuple):
    """The mixed strategies of both players, shapes (m,) and (n,)."""

    row: Array
    column: Array


def _payoffs(A: Array) -> Array:
    """(A − min A)/(max A − min A), and 0 for a constant A: the same game, played in [0, 1]."""
    D = unit_game(A).D
    high = jnp.max(D)
    return D / jnp.where(high > 0, high, 1.0)


def _learn(
    A: ArrayLike,
    tol: Scalar,
    max_steps: Scalar,
    init: Callable[[Array], Any],
    step: Callable[[Array, Any], Any],
) -> Solution:
    """Play until the average strategies ``row_sum`` and ``column_sum`` of the state are good."""
    A = _precise_game(A)
    check_number("tol", tol, low=0.0)
    tol = jnp.asarray(tol, A.dtype)
    finite = jnp.all(jnp.isfinite(A))
    payoffs = _payoffs(jnp.where(finite, A, 0.0))

    def average(state: Any) -> Profile:
        return Profile(normalized(state.row_sum), normalized(state.column_sum))

    def error(state: Any) -> Array:
        x, y = average(state)
        return max_of(matmul(payoffs, y)) - min_of(matmul(payoffs.T, x))

    def status_fn(state: Any) -> Array:
        status = jnp.where(error(state) <= tol, Status.CONVERGED, Status.RUNNING)
        return jnp.where(finite, status, Status.NON_FINITE)

    state, status, num_steps = iterate(
        lambda state: step(payoffs, state), init(payoffs), status_fn, max_steps=max_steps
    )
    x, y, gap = (jnp.where(finite, v, jnp.nan) for v in (*average(state), error(state)))
    return Solution(Profile(x, y), status, gap, num_steps)
