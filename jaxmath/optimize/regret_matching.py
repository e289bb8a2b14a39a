"""Regret matching: play each strategy in proportion to the regret of not having played it.

A is what the row player receives and the column player pays. The averages of the strategies
converge to an equilibrium at the rate T^(−1/2) without a parameter to choose.
"""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath.iterate import Solution
from jaxmath.linalg._kernels.product import matmul
from jaxmath.optimize._play import _learn
from jaxmath.optimize._solver import donatable
from jaxmath.optimize.matrix_games import _game, normalized
from jaxmath.typing import Array, ArrayLike, Scalar

__all__ = [
    "regret_matching",
    "regret_matching_init",
    "regret_matching_plus",
    "regret_matching_plus_init",
    "regret_matching_plus_step",
    "regret_matching_step",
]


class RegretState(NamedTuple):
    """The regrets of all rows and columns, the weighted sums of strategies, the rounds played."""

    row_regrets: Array
    column_regrets: Array
    row_sum: Array
    column_sum: Array
    rounds: Array


def _matched(regrets: Array) -> Array:
    return normalized(jnp.maximum(regrets, 0.0))


@donatable
@compiled
def regret_matching_init(A: ArrayLike) -> RegretState:
    """The starting state of regret matching: nothing is regretted.

    ::

        R₀ = 0,   C₀ = 0,   X₀ = 0,   Y₀ = 0

    Args:
      A: the payoffs to the row player, shape (m, n).

    Returns:
      A ``RegretState (row_regrets, column_regrets, row_sum, column_sum, rounds)`` of zeros.

    Numerics:
      Exact.

    Example:
      >>> print(regret_matching_init(jnp.eye(2)).row_regrets)
      [0. 0.]

    References:
      S. Hart, A. Mas-Colell, "A simple adaptive procedure leading to correlated equilibrium", 2000.
    """
    A = _game(A)
    row, column = jnp.zeros_like(A[:, 0]), jnp.zeros_like(A[0])
    return RegretState(row, column, row, column, jnp.int32(0))


@compiled
def regret_matching_step(A: ArrayLike, state: RegretState) -> RegretState:
    """One round of regret matching, both players at once.

    ::

        x ∝ [R]₊,   y ∝ [C]₊,   R ← R + Ay − xᵀAy,   C ← C + xᵀAy − Aᵀx

    Args:
      A: the payoffs to the row player, shape (m, n).
      state: the ``RegretState`` of the round before.

    Returns:
      The next ``RegretState``; ``row_sum`` and ``column_sum`` have grown by x and y.

    Numerics:
      Without a positive regret the strategy is uniform. Cost: 4mn operations.

    Example:
      >>> A = jnp.array([[0.0, 0.0], [1.0, 1.0]])
      >>> state = regret_matching_step(A, regret_matching_init(A))
      >>> print(state.row_regrets, state.row_sum)
      [-0.5  0.5] [0.5 0.5]

    References:
      S. Hart, A. Mas-Colell, "A simple adaptive procedure leading to correlated equilibrium", 2000
      (with unconditional regrets).
    """
    A = _game(A)
    x, y = _matched(state.row_regrets), _matched(state.column_regrets)
    to_row, to_column = matmul(A, y), matmul(A.T, x)
    value = jnp.sum(x * to_row)
    return RegretState(
        state.row_regrets + (to_row - value),
        state.column_regrets + (value - to_column),
        state.row_sum + x,
        state.column_sum + y,
        state.rounds + 1,
    )


@compiled
def regret_matching(A: ArrayLike, *, tol: Scalar = 0.01, max_steps: int = 10_000) -> Solution:
    """Both strategies of a zero-sum game by regret matching.

    ::

        xₜ ∝ [Rₜ]₊,   Rₜ = Σₛ (A yₛ − xₛᵀAyₛ);   maxᵢ Rᵢ ≤ √(mT),   so for A in [0, 1]
        maxᵢ (Aȳ)ᵢ − minⱼ (Aᵀx̄)ⱼ ≤ (√m + √n)/√T

    Args:
      A: the payoffs to the row player, who maximizes; any finite matrix, shape (m, n).
      tol: the exploitability of the averages to reach, over max A − min A.
      max_steps: the limit on rounds, T.

    Returns:
      A ``Solution`` with value ``(row, column)``, the average strategies (uniform before the
      first round), and with their exploitability over max A − min A as error. Its status is
      CONVERGED, MAX_STEPS, or NON_FINITE where A is not finite, with NaN values.

    Numerics:
      A is scaled to [0, 1], where the bound holds; a positive factor or a constant added to A
      changes nothing but rounding. Not differentiable. Cost: 8mn operations a round.

    Example:
      >>> solution = regret_matching(jnp.array([[2.0, -1.0], [-1.0, 1.0]]))
      >>> [f"{p:.1f}" for p in solution.value.row], bool(solution.error <= 0.01)
      (['0.4', '0.6'], True)

    References:
      S. Hart, A. Mas-Colell, "A simple adaptive procedure leading to correlated equilibrium", 2000.
      N. Cesa-Bianchi, G. Lugosi, "Prediction, Learning, and Games", 2006, corollary 2.1 with p = 2
      (the bound).
    """
    return _learn(A, tol, max_steps, regret_matching_init, regret_matching_step)


@donatable
@compiled
def regret_matching_plus_init(A: ArrayLike) -> RegretState:
    """The starting state of regret matching⁺: nothing is regretted.

    ::

        R₀ = 0,   C₀ = 0,   X₀ = 0,   Y₀ = 0

    Args:
      A: the payoffs to the row player, shape (m, n).

    Returns:
      A ``RegretState (row_regrets, column_regrets, row_sum, column_sum, rounds)`` of zeros.

    Numerics:
      Exact.

    Example:
      >>> print(regret_matching_plus_init(jnp.eye(2)).row_regrets)
      [0. 0.]

    References:
      O. Tammelin, "Solving large imperfect information games using CFR⁺", 2014.
    """
    return regret_matching_init(A)


@compiled
def regret_matching_plus_step(A: ArrayLike, state: RegretState) -> RegretState:
    """One round of regret matching⁺: regrets stay nonnegative, and the players take turns.

    ::

        R ← [R + Ay − xᵀAy]₊,   x ∝ R,   C ← [C + xᵀAy − Aᵀx]₊,   X ← X + t x,   Y ← Y + t y

    Args:
      A: the payoffs to the row player, shape (m, n).
      state: the ``RegretState`` of the round before.

    Returns:
      The next ``RegretState``; y is the strategy that both regrets were measured against.

    Numerics:
      Without a positive regret the strategy is uniform. Cost: 4mn operations.

    Example:
      >>> A = jnp.array([[0.0, 0.0], [1.0, 1.0]])
      >>> state = regret_matching_plus_step(A, regret_matching_plus_init(A))
      >>> print(state.row_regrets, state.row_sum)
      [0.  0.5] [0. 1.]

    References:
      O. Tammelin, "Solving large imperfect information games using CFR⁺", 2014.
    """
    A = _game(A)
    x, y = _matched(state.row_regrets), _matched(state.column_regrets)
    to_row = matmul(A, y)
    row_regrets = jnp.maximum(state.row_regrets + (to_row - jnp.sum(x * to_row)), 0.0)
    x = _matched(row_regrets)
    column_regrets = state.column_regrets + (jnp.sum(x * to_row) - matmul(A.T, x))
    weight = (state.rounds + 1).astype(A.dtype)
    return RegretState(
        row_regrets,
        jnp.maximum(column_regrets, 0.0),
        state.row_sum + weight * x,
        state.column_sum + weight * y,
        state.rounds + 1,
    )


@compiled
def regret_matching_plus(A: ArrayLike, *, tol: Scalar = 0.01, max_steps: int = 10_000) -> Solution:
    """Both strategies of a zero-sum game by regret matching⁺, as in CFR⁺: faster in practice.

    ::

        Rₜ₊₁ = [Rₜ + A yₜ − xₜᵀAyₜ]₊,   xₜ₊₁ ∝ Rₜ₊₁,   x̄ ∝ Σₜ t xₜ₊₁,   ȳ ∝ Σₜ t yₜ
        maxᵢ (Aȳ)ᵢ − minⱼ (Aᵀx̄)ⱼ ≤ 2(√m + √n)/√T   for A in [0, 1]

    Args:
      A: the payoffs to the row player, who maximizes; any finite matrix, shape (m, n).
      tol: the exploitability of the averages to reach, over max A − min A.
      max_steps: the limit on rounds, T.

    Returns:
      A ``Solution`` with value ``(row, column)``, the averages weighted by t (uniform before the
      first round), and with their exploitability over max A − min A as error. Its status is
      CONVERGED, MAX_STEPS, or NON_FINITE where A is not finite, with NaN values.

    Numerics:
      The proved rate is that of ``regret_matching``; what is seen is nearer to 1/T. A is scaled to
      [0, 1]; a positive factor or a constant added to A changes nothing but rounding. Not
      differentiable. Cost: 8mn operations a round.

    Example:
      >>> solution = regret_matching_plus(jnp.array([[2.0, -1.0], [-1.0, 1.0]]), tol=1e-3)
      >>> [f"{p:.2f}" for p in solution.value.row], bool(solution.error <= 1e-3)
      (['0.40', '0.60'], True)

    References:
      O. Tammelin, "Solving large imperfect information games using CFR⁺", 2014. O. Tammelin,
      N. Burch, M. Johanson, M. Bowling, "Solving heads-up limit Texas hold'em", 2015, theorem 3.
      N. Burch, M. Moravčík, M. Schmid, "Revisiting CFR⁺ and alternating updates", 2019.
    """
    return _learn(A, tol, max_steps, regret_matching_plus_init, regret_matching_plus_step)
