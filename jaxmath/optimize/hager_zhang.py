"""The line search of Hager and Zhang, in reverse communication (``line_search``)."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxmath.iterate import Solution
from jaxmath.optimize import line_search
from jaxmath.optimize._solver import donatable, solver
from jaxmath.optimize.line_search import search_along
from jaxmath.typing import Array, PyTree, Scalar, check_number

__all__ = ["hager_zhang", "hager_zhang_init", "hager_zhang_step"]

# What the trial is for: to bracket a minimum; to halve an interval whose far end is too high; the
# first and the second secant step of a round, or its bisection.
_BRACKET, _HALVE, _SECANT, _SECOND, _MIDDLE = range(5)
_EXPAND = 5.0  # ρ
_SHRINK = 0.66  # γ


class HagerZhangState(NamedTuple):
    """Between two evaluations: the trial, and [a, b] as (α, φ, φ′) at either end.

    φ(a) ≤ φ(0) + ε and φ′(a) < 0; once bracketed, φ′(b) ≥ 0, or φ(b) too high while halving.
    ``width`` is that of the interval when its round began.
    """

    step: Array
    low: Array
    high: Array
    start: Array
    width: Array
    phase: Array
    least: Array
    trials: Array
    status: Array


@donatable
def hager_zhang_init(
    step: Scalar, phi: Scalar, slope: Scalar, *, least: Scalar = 0.0
) -> HagerZhangState:
    """The start of a search by Hager and Zhang.

    ::

        α = step,   a = (0, φ(0), φ′(0)),   b = ∞

    Args:
      step: the first trial, > 0.
      phi: φ(0).
      slope: φ′(0).
      least: the step below which x + αd is x to rounding; the search fails there.

    Returns:
      A ``HagerZhangState``; its status is LINE_SEARCH_FAILED where the slope is no descent.

    Numerics:
      Nothing is computed.

    Example:
      >>> print(hager_zhang_init(0.5, 2.0, -1.0).step)
      0.5

    References:
      W. W. Hager, H. Zhang, "A new conjugate gradient method with guaranteed descent and an
      efficient line search", 2005, section 4.
    """
    s = line_search.begin(step, phi, slope, least)
    return HagerZhangState(
        s.step, s.low, s.high, s.start, s.width[0], jnp.int32(_BRACKET), s.least, s.trials, s.status
    )


def tolerance(start: Array) -> Array:
    """ε = max(1e-6, 8 eps)·|φ(0)|, what φ may rise by (ε_k of the paper, with its rounding)."""
    return max(1e-6, 8 * float(jnp.finfo(start.dtype).eps)) * jnp.abs(start[0])


def _secant(a: Array, b: Array) -> Array:
    """Where φ′ is 0 by linear interpolation; NaN for two equal slopes."""
    change = b[2] - a[2]
    step = (a[0] * b[2] - b[0] * a[2]) / jnp.where(change == 0, 1.0, change)
    return jnp.where(change == 0, jnp.nan, step)


def _updated(s: HagerZhangState, trial: Array) -> tuple[Array, Array, Array, Array, Array]:
    """[a, b] after the trial, by ``update``'s cases U1, U2 and U3; and which case it was.

    While bracketing, U2 moves a and leaves b at ∞ (step B3; U3 there is step B2, from the last a
    and not from 0).
    """
    high_enough = jnp.isfinite(trial).all() & (trial[1] <= s.start[0] + tolerance(s.start))
    rises = jnp.isfinite(trial).all() & (trial[2] >= 0)
    falls = ~rises & high_enough
    low = jnp.where(falls, trial, s.low)
    high = jnp.where(falls, s.high, trial)
    return low, high, rises, falls, ~rises & ~falls


def _next(s: HagerZhangState, low: Array, high: Array, cases: tuple) -> tuple[Array, Array, Array]:
    """The next trial, what it is for, and the width when its round began."""
    rises, falls, above = cases
    width = high[0] - low[0]
    middle = low[0] + 0.5 * width
    # Still no far end; or one that is only too high, to be halved towards a.
    expanding = (s.phase == _BRACKET) & falls
    halving = above | ((s.phase == _HALVE) & falls)
    # S2, S3: the end that the first secant step replaced, with the one it replaced it by.
    second = jnp.where(rises, _secant(s.high, high), _secant(s.low, low))
    inside = (s.phase == _SECANT) & (second > low[0]) & (second < high[0])
    slow = width > _SHRINK * s.width
    first = _secant(low, high)
    first = jnp.where((first > low[0]) & (first < high[0]), first, middle)
    pick = lambda e, h, two, m, one: jnp.where(
        expanding, e, jnp.where(halving, h, jnp.where(inside, two, jnp.where(slow, m, one)))
    )
    step = pick(_EXPAND * s.step, middle, second, middle, first)
    phase = pick(_BRACKET, _HALVE, _SECOND, _MIDDLE, _SECANT)
    return step, phase.astype(jnp.int32), pick(s.width, s.width, s.width, s.width, width)


def hager_zhang_step(
    state: HagerZhangState, phi: Array, slope: Array, *, c1: float = 0.1, c2: float = 0.9
) -> HagerZhangState:
    """One trial of a search by Hager and Zhang.

    ::

        accept α where φ(α) ≤ φ(0) + c₁αφ′(0) and φ′(α) ≥ c₂φ′(0)                       (T1)
              or where φ(α) ≤ φ(0) + ε and (2c₁ − 1)φ′(0) ≥ φ′(α) ≥ c₂φ′(0)             (T2)
        else  φ′(α) ≥ 0: b ← α;   φ(α) ≤ φ(0) + ε: a ← α;   else halve [a, α] until one of both
        c = secant(a, b);   then secant of c and the end it replaced;   then (a + b)/2 where slow

    Args:
      state: the ``HagerZhangState`` so far.
      phi: φ at its trial.
      slope: φ′ there.
      c1: δ, the share of the predicted decrease that is asked for, in (0, 1/2).
      c2: σ, the share of the slope that may be left, c₁ ≤ c₂ < 1.

    Returns:
      The next ``HagerZhangState``.

    Numerics:
      ε = max(1e-6, 8 eps)·|φ(0)|: near a minimum φ is flat to rounding, and T2 judges by the slope,
      so that a search ends in float32 too. φ or φ′ not finite counts as too high. The steps of the
      paper with ρ = 5, θ = ½, γ = 0.66. Fails after 40 trials, or where the interval has no number
      left.

    Example:
      >>> phi = lambda a: ((a - 3.0) ** 2, 2.0 * (a - 3.0))
      >>> state = hager_zhang_init(0.01, *phi(0.0))
      >>> for _ in range(5): state = hager_zhang_step(state, *phi(state.step), c1=0.1, c2=0.5)
      >>> f"{state.step:.2f}"
      '3.00'

    References:
      W. W. Hager, H. Zhang, "A new conjugate gradient method with guaranteed descent and an
      efficient line search", 2005, section 4: T1, T2, B0–B3, U0–U3, S1–S4, L0–L3.
    """
    phi0, slope0 = state.start
    steep = slope >= c2 * slope0
    # The difference of the values, as φ(0) + c₁αφ′(0) may be φ(0) to rounding.
    wolfe = (phi - phi0 <= c1 * state.step * slope0) & steep
    flat = (phi <= phi0 + tolerance(state.start)) & steep & (slope <= (2 * c1 - 1) * slope0)
    accepted = (wolfe | flat) & jnp.isfinite(phi) & jnp.isfinite(slope)
    low, high, *cases = _updated(state, jnp.stack([state.step, phi, slope]))
    step, phase, width = _next(state, low, high, tuple(cases))
    # Two neighbours have nothing between them.
    gone = (step == low[0]) | (step == high[0]) | (high[0] - low[0] <= state.least)
    step = jnp.where(accepted, state.step, jnp.where(gone, 0.0, step))
    return line_search.judged(
        state._replace(step=step, low=low, high=high, width=width, phase=phase), accepted
    )


@solver
def hager_zhang(
    fun: Callable,
    x: PyTree,
    d: PyTree,
    args: tuple = (),
    *,
    step: Scalar = 1.0,
    c1: float = 0.1,
    c2: float = 0.9,
) -> Solution:
    """A step length that meets the Wolfe or the approximate Wolfe conditions.

    ::

        φ(α) ≤ φ(0) + c₁αφ′(0)  or  φ′(α) ≤ (2c₁ − 1)φ′(0) and φ(α) ≤ φ(0) + ε;   φ′(α) ≥ c₂φ′(0)
        φ(α) = f(x + αd)

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x: the point, a pytree.
      d: the direction, alike; ∇f(x)ᵀd < 0.
      args: further arguments of ``fun``.
      step: the first trial.
      c1: δ, the share of the predicted decrease that is asked for, in (0, 1/2).
      c2: σ, the share of the slope that may be left, c₁ < c₂ < 1.

    Returns:
      A ``Solution`` with the step as value, NaN where there is none: LINE_SEARCH_FAILED (no descent
      direction, a function without a lower bound, or 40 trials), NON_FINITE at ``x``.

    Numerics:
      As ``hager_zhang_step``. ``num_fun`` and ``num_grad`` count the point itself too.

    Example:
      >>> f = lambda x: jnp.sum((x - 3.0) ** 2)
      >>> s = hager_zhang(f, jnp.zeros(2), jnp.ones(2), c1=0.45, c2=0.5)
      >>> f"{s.value:.4f} {s.num_fun}"
      '3.0000 4'

    References:
      W. W. Hager, H. Zhang, "A new conjugate gradient method with guaranteed descent and an
      efficient line search", 2005, section 4.
    """
    check_number("c1", c1, low=0.0, high=0.5, open_low=True, open_high=True)
    check_number("c2", c2, low=c1, high=1.0, open_low=True, open_high=True)
    advance = lambda s, phi, slope: hager_zhang_step(s, phi, slope, c1=c1, c2=c2)
    return search_along(hager_zhang_init, advance, fun, x, d, args, step)
