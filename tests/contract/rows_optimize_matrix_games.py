"""Rows of ``jaxmath.optimize.matrix_games``."""

import jax.numpy as jnp
import numpy as np
from scipy.optimize import linprog

from jaxmath import optimize
from tests.contract.row import Bad, HostRow, Row


def supported(rng, dtype):
    """A game whose only equilibrium mixes all rows and columns."""
    return (jnp.asarray(np.diag([1.0, 2.0, 3.0]) + 0.2 * rng.uniform(size=(3, 3)), dtype),)


def equalized(A):
    """All replies are best replies: A y = v, Aᵀx = v."""
    u, w = np.linalg.solve(A.T, np.ones(3)), np.linalg.solve(A, np.ones(3))
    assert min(u.min(), w.min()) > 0
    game = linprog(-np.ones(3), A_ub=A, b_ub=np.ones(3))
    np.testing.assert_allclose(-1 / game.fun, 1 / w.sum(), rtol=1e-7)
    return 1 / w.sum(), u / u.sum(), w / w.sum()


def profile(rng, dtype, count=1):
    strategies = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(4))
    arrays = (*rng.normal(size=(count, 3, 4)), *strategies)
    return tuple(jnp.asarray(v, dtype) for v in arrays)


def gap(A, x, y):
    replies = [row @ y for row in A], [x @ column for column in A.T]
    return max(replies[0]) - min(replies[1])


def gain(A, B, x, y):
    return max(max(A @ y) - x @ A @ y, max(x @ B) - x @ B @ y)


RANK = Bad((np.ones((2, 3, 4)),), "`A` must have rank 2, got shape")
STRATEGY = Bad((np.eye(2), np.ones(3), np.ones(2)), r"`x` must have shape \(2,\), got \(3,\)")

ROWS = [
    HostRow("optimize.GameSolution", "the record that solve_game returns",
            ("tests/optimize/test_matrix_games.py::test_lanes_that_are_not_finite_or_stopped",)),
    Row("optimize.exploitability", profile, gap, diff=(0, 1, 2), bad=(
        Bad((np.ones(3), np.ones(3), np.ones(3)), "`A` must have rank 2"), STRATEGY)),
    Row("optimize.nash_gap", lambda rng, dtype: profile(rng, dtype, 2), gain, diff=(0, 1, 2, 3),
        bad=(Bad((np.eye(2), np.eye(3), np.ones(2), np.ones(2)), r"`B` must have shape \(2, 2\)"),
             Bad((np.eye(2), np.eye(2), np.ones(2), np.ones(3)), r"`y` must have shape \(2,\)"))),
    Row("optimize.solve_game", supported, equalized, bad=(
            RANK, Bad((np.ones((0, 2)),), "`A` must have at least 1 elements")),
        call=lambda A: optimize.solve_game(A)[:3]),
]  # fmt: skip
