"""Learning a zero-sum game by playing it: fictitious play and multiplicative weights.

A is what the row player receives and the column player pays. Both players learn at once, against
what the other has done; what converges to an equilibrium is the average of their strategies.
``regret_matching.py`` has the methods of Hart and Mas-Colell.
"""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmath import numerics
from jaxmath._compiled import compiled
from jaxmath.iterate import Solution
from jaxmath.linalg._kernels.product import matmul
from jaxmath.optimize._play import _learn
from jaxmath.optimize._solver import donatable
from jaxmath.optimize.matrix_games import _game
from jaxmath.typing import Array, ArrayLike, Scalar, check_number

__all__ = [
    "fictitious_play",
    "fictitious_play_init",
    "fictitious_play_step",
    "multiplicative_weights",
    "multiplicative_weights_init",
    "multiplicative_weights_step",
]


class FictitiousState(NamedTuple):
    """How often each row, shape (m,), and each column, shape (n,), has been played."""

    row_sum: Array
    column_sum: Array


class WeightsState(NamedTuple):
    """The payoffs Σₛ Ayₛ and Σₛ Aᵀxₛ of the pure strategies; the sums Σₛ xₛ and Σₛ yₛ."""

    row_scores: Array
    column_scores: Array
    row_sum: Array
    column_sum: Array


@donatable
@compiled
def fictitious_play_init(A: ArrayLike) -> FictitiousState:
    """The starting state of fictitious play: nothing has been played.

    ::

        X₀ = 0,   Y₀ = 0

    Args:
      A: the payoffs to the row player, shape (m, n).

    Returns:
      A ``FictitiousState (row_sum, column_sum)`` of zeros.

    Numerics:
      Exact.

    Example:
      >>> print(fictitious_play_init(jnp.eye(2)).row_sum)
      [0. 0.]

    References:
      G. W. Brown, "Iterative solution of games by fictitious play", 1951.
    """
    A = _game(A)
    return FictitiousState(jnp.zeros_like(A[:, 0]), jnp.zeros_like(A[0]))


@compiled
def fictitious_play_step(A: ArrayLike, state: FictitiousState) -> FictitiousState:
    """One round of fictitious play: each plays a best reply to the other's past.

    ::

        i = argmaxᵢ (A Yₜ)ᵢ,   j = argminⱼ (AᵀXₜ)ⱼ,   Xₜ₊₁ = Xₜ + eᵢ,   Yₜ₊₁ = Yₜ + eⱼ

    Args:
      A: the payoffs to the row player, shape (m, n).
      state: the ``FictitiousState`` of the round before.

    Returns:
      The next ``FictitiousState``.

    Numerics:
      Of best replies that tie the first is played. Counts are exact up to 1/eps rounds. Cost: 4mn
      operations.

    Example:
      >>> A = jnp.array([[0.0, 1.0], [1.0, 0.0]])
      >>> state = fictitious_play_step(A, fictitious_play_init(A))
      >>> print(fictitious_play_step(A, state).row_sum)
      [1. 1.]

    References:
      G. W. Brown, "Iterative solution of games by fictitious play", 1951.
    """
    A = _game(A)
    i, j = jnp.argmax(matmul(A, state.column_sum)), jnp.argmin(matmul(A.T, state.row_sum))
    row = state.row_sum + (jnp.arange(len(state.row_sum)) == i).astype(A.dtype)
    column = state.column_sum + (jnp.arange(len(state.column_sum)) == j).astype(A.dtype)
    return FictitiousState(row, column)


@compiled
def fictitious_play(A: ArrayLike, *, tol: Scalar = 0.01, max_steps: int = 10_000) -> Solution:
    """Both strategies of a zero-sum game by fictitious play, best replies to the past.

    ::

        xₜ = Xₜ/t,   yₜ = Yₜ/t;   maxᵢ (A yₜ)ᵢ − minⱼ (Aᵀxₜ)ⱼ → 0

    Args:
      A: the payoffs to the row player, who maximizes; any finite matrix, shape (m, n).
      tol: the exploitability of the averages to reach, over max A − min A.
      max_steps: the limit on rounds.

    Returns:
      A ``Solution`` with value ``(row, column)``, the average strategies (uniform before the
      first round), and with their exploitability over max A − min A as error. Its status is
      CONVERGED, MAX_STEPS, or NON_FINITE where A is not finite, with NaN values.

    Numerics:
      Robinson's theorem has no rate; what is seen is about t^(−1/2), and t^(−1/(m+n−2)) is all
      that is proved, so that a ``tol`` of rounding size is out of reach (``solve_game`` has it).
      Both start with their first strategies, and of best replies that tie the first is played.
      Scaling A, or adding a constant, changes nothing but rounding. Not differentiable. Cost: 8mn
      operations a round.

    Example:
      >>> solution = fictitious_play(jnp.array([[2.0, -1.0], [-1.0, 1.0]]))
      >>> [f"{p:.1f}" for p in solution.value.row], bool(solution.error <= 0.01)
      (['0.4', '0.6'], True)

    References:
      G. W. Brown, "Iterative solution of games by fictitious play", 1951. J. Robinson, "An
      iterative method of solving a game", 1951. H. N. Shapiro, "Note on a computation method in
      the theory of games", 1958 (the rate).
    """
    return _learn(A, tol, max_steps, fictitious_play_init, fictitious_play_step)


@donatable
@compiled
def multiplicative_weights_init(A: ArrayLike) -> WeightsState:
    """The starting state of multiplicative weights: all weights are equal.

    ::

        U₀ = 0,   V₀ = 0,   X₀ = 0,   Y₀ = 0

    Args:
      A: the payoffs to the row player, shape (m, n).

    Returns:
      A ``WeightsState (row_scores, column_scores, row_sum, column_sum)`` of zeros.

    Numerics:
      Exact.

    Example:
      >>> print(multiplicative_weights_init(jnp.eye(2)).row_scores)
      [0. 0.]

    References:
      Y. Freund, R. E. Schapire, "Adaptive game playing using multiplicative weights", 1999.
    """
    A = _game(A)
    row, column = jnp.zeros_like(A[:, 0]), jnp.zeros_like(A[0])
    return WeightsState(row, column, row, column)


@compiled
def multiplicative_weights_step(
    A: ArrayLike, state: WeightsState, *, learning_rate: Scalar = 0.1
) -> WeightsState:
    """One round of multiplicative weights for both players.

    ::

        xₜ ∝ exp(η Uₜ),   yₜ ∝ exp(−η Vₜ),   Uₜ₊₁ = Uₜ + A yₜ,   Vₜ₊₁ = Vₜ + Aᵀxₜ

    Args:
      A: the payoffs to the row player, shape (m, n); the theory wants them in [0, 1].
      state: the ``WeightsState`` of the round before.
      learning_rate: η ≥ 0.

    Returns:
      The next ``WeightsState``.

    Numerics:
      The weights are held as the sums U and V of payoffs, so that they cannot overflow; t rounds
      leave t·eps in them. Cost: 4mn operations and m + n exponentials.

    Example:
      >>> A = jnp.array([[0.0, 0.0], [1.0, 1.0]])
      >>> state = multiplicative_weights_step(A, multiplicative_weights_init(A))
      >>> state = multiplicative_weights_step(A, state, learning_rate=1.0)
      >>> print([f"{p:.3f}" for p in state.row_sum])
      ['0.769', '1.231']

    References:
      Y. Freund, R. E. Schapire, "Adaptive game playing using multiplicative weights", 1999,
      figure 1.
    """
    A = _game(A)
    check_number("learning_rate", learning_rate, low=0.0, high=float("inf"), open_high=True)
    eta = jnp.asarray(learning_rate, A.dtype)
    x = numerics.softmax(eta * state.row_scores)
    y = numerics.softmax(-eta * state.column_scores)
    return WeightsState(
        state.row_scores + matmul(A, y),
        state.column_scores + matmul(A.T, x),
        state.row_sum + x,
        state.column_sum + y,
    )


@compiled
def multiplicative_weights(
    A: ArrayLike,
    *,
    learning_rate: Scalar | None = None,
    tol: Scalar = 0.01,
    max_steps: int = 10_000,
) -> Solution:
    """Both strategies of a zero-sum game by multiplicative weights (Hedge), with a regret bound.

    ::

        xₜ ∝ exp(η Σₛ A yₛ),   yₜ ∝ exp(−η Σₛ Aᵀxₛ),   x̄ = (1/T) Σₜ xₜ,   ȳ = (1/T) Σₜ yₜ
        row's regret   maxᵢ Σₜ (Ayₜ)ᵢ − Σₜ xₜᵀAyₜ ≤ (ln m)/η + ηT/8
        maxᵢ (Aȳ)ᵢ − minⱼ (Aᵀx̄)ⱼ ≤ ln(mn)/(ηT) + η/4 = √(ln(mn)/T)   for η = 2√(ln(mn)/T)

    Args:
      A: the payoffs to the row player, who maximizes; any finite matrix, shape (m, n).
      learning_rate: η ≥ 0, for payoffs scaled to [0, 1]; None takes that of the last line, with T
        the limit on rounds.
      tol: the exploitability of the averages to reach, over max A − min A.
      max_steps: the limit on rounds, T.

    Returns:
      A ``Solution`` with value ``(row, column)``, the average strategies (uniform before the
      first round), and with their exploitability over max A − min A as error. Its status is
      CONVERGED, MAX_STEPS, or NON_FINITE where A is not finite, with NaN values.

    Numerics:
      A is scaled to (A − min A)/(max A − min A), for which the bounds hold. The averages converge;
      the strategies themselves spiral outwards. Not differentiable. Cost: 8mn operations and
      m + n exponentials a round.

    Example:
      >>> solution = multiplicative_weights(jnp.array([[2.0, -1.0], [-1.0, 1.0]]))
      >>> [f"{p:.1f}" for p in solution.value.row], bool(solution.error <= 0.01)
      (['0.4', '0.6'], True)

    References:
      Y. Freund, R. E. Schapire, "Adaptive game playing using multiplicative weights", 1999.
      N. Cesa-Bianchi, G. Lugosi, "Prediction, Learning, and Games", 2006, theorem 2.2 (the bound
      with 1/8).
    """
    A = _game(A)
    rounds = jnp.maximum(jnp.asarray(max_steps, A.dtype), 1.0)
    best = 2.0 * jnp.sqrt(jnp.log(jnp.asarray(A.size, A.dtype)) / rounds)
    eta = best if learning_rate is None else learning_rate

    def step(A: Array, state: WeightsState) -> WeightsState:
        return multiplicative_weights_step(A, state, learning_rate=eta)

    return _learn(A, tol, max_steps, multiplicative_weights_init, step)
