"""A line search for the strong Wolfe conditions, in reverse communication (``line_search``)."""

from collections.abc import Callable

import jax.numpy as jnp

from jaxmath.iterate import Solution
from jaxmath.optimize._solver import donatable, solver
from jaxmath.optimize.line_search import (
    NOISE,
    Search,
    begin,
    judged,
    noise,
    search_along,
    slack,
)
from jaxmath.typing import Array, PyTree, Scalar, check_number

__all__ = ["strong_wolfe", "strong_wolfe_init", "strong_wolfe_step"]


@donatable
def strong_wolfe_init(step: Scalar, phi: Scalar, slope: Scalar, *, least: Scalar = 0.0) -> Search:
    """The start of a search for the strong Wolfe conditions.

    ::

        α = step,   low = (0, φ(0), φ′(0)),   high = ∞

    Args:
      step: the first trial, > 0.
      phi: φ(0).
      slope: φ′(0).
      least: the step below which x + αd is x to rounding; the search fails there.

    Returns:
      A ``Search``; its status is LINE_SEARCH_FAILED where the slope is no descent.

    Numerics:
      Nothing is computed.

    Example:
      >>> print(strong_wolfe_init(0.5, 2.0, -1.0).step)
      0.5

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 3.5.
    """
    return begin(step, phi, slope, least)


def _minimizers(a: Array, b: Array, higher: Array) -> tuple[Array, Array]:
    """Of the cubic through φ, φ′ at both ends (Nocedal and Wright, equation 3.59); of a parabola.

    The latter goes through φ, φ′ at a and φ at b where that is ``higher``, else φ′ at both. NaN
    or ∞ where there is none.
    """
    (x, fx, dx), (y, fy, dy) = a, b
    w = y - x
    chord = (fy - fx) / w
    d1 = dx + dy - 3 * chord
    unit = 1 / jnp.maximum(jnp.maximum(jnp.abs(d1), jnp.abs(dx)), jnp.abs(dy))
    root = jnp.sqrt((unit * d1) * (unit * d1) - (unit * dx) * (unit * dy))
    d2 = jnp.sign(w) * root / unit
    cubic = y - w * (dy + d2 - d1) / (dy - dx + 2 * d2)
    return cubic, x - w * dx / jnp.where(higher, 2 * (chord - dx), dy - dx)


def _inside(low: Array, high: Array, cubic: Array, other: Array, flat: Array) -> Array:
    """The next trial between low and high, as Moré and Thuente: cautious behind a higher value,
    bold behind a change of slope."""
    near = jnp.abs(cubic - low[0]) < jnp.abs(other - low[0])
    cautious = jnp.where(near, cubic, 0.5 * (cubic + other))
    trial = jnp.where((high[1] > low[1]) & ~flat, cautious, jnp.where(near, other, cubic))
    middle = 0.5 * (low[0] + high[0])
    trial = jnp.where(flat, jnp.where(low[2] * high[2] < 0, other, middle), trial)
    finite = jnp.isfinite(high[1]) & jnp.isfinite(high[2])
    return jnp.where(finite, trial, low[0] + 0.2 * (high[0] - low[0]))


def _next_trial(previous: Array, low: Array, high: Array, width: Array, level: Array) -> Array:
    """Between low and high, safeguarded; past low where high is ∞, 2.1 to 5 times as far."""
    beyond = jnp.isinf(high[0])
    flat = ~beyond & (jnp.abs(high[1] - low[1]) <= level)
    a, b = jnp.where(beyond, previous, low), jnp.where(beyond, low, high)
    cubic, other = _minimizers(a, b, (b[1] > a[1]) & ~flat)
    w = b[0] - a[0]
    trial = _inside(low, high, cubic, other, flat)
    margin = 0.02 * jnp.abs(w)
    least, most = jnp.minimum(a[0], b[0]) + margin, jnp.maximum(a[0], b[0]) - margin
    bisect = (jnp.abs(w) > 0.66 * width) & jnp.isfinite(high[1]) & jnp.isfinite(high[2])
    trial = jnp.where(bisect | ~jnp.isfinite(trial), 0.5 * (a[0] + b[0]), trial)
    # φ still falls: on to the cubic's minimizer, or as far as allowed where φ falls ever steeper.
    bends = jnp.isfinite(cubic) & (cubic > low[0]) & (low[2] > previous[2])
    far = jnp.where(bends, cubic, jnp.inf)
    least, most = (jnp.where(beyond, low[0] + k * w, e) for k, e in ((1.1, least), (4.0, most)))
    return jnp.clip(jnp.where(beyond, far, trial), least, most)


def tried(search: Search, phi: Array, slope: Array, c1: float, c2: float, level: float) -> Search:
    """``strong_wolfe_step`` where rounding may change φ by level·eps of it."""
    a, low, high, (phi0, slope0) = search.step, search.low, search.high, search.start
    room = slack(search, phi, level)
    finite = jnp.isfinite(phi) & jnp.isfinite(slope)
    decrease = finite & (phi <= phi0 + c1 * a * slope0 + room) & (phi <= low[1] + room)
    accepted = decrease & (jnp.abs(slope) <= c2 * jnp.abs(slope0))
    trial = jnp.stack([a, phi, slope])
    turned = slope * jnp.sign(high[0] - low[0]) >= 0
    new_low = jnp.where(decrease, trial, low)
    new_high = jnp.where(decrease, jnp.where(turned, low, high), trial)
    open_end = jnp.isinf(new_high[0])
    step = _next_trial(low, new_low, new_high, search.width[1], noise(search, level))
    width = jnp.stack([jnp.abs(new_high[0] - new_low[0]), search.width[0]])
    # Two neighbours have nothing between them.
    gone = ~open_end & ((step == new_low[0]) | (step == new_high[0]) | (width[0] <= search.least))
    step = jnp.where(accepted, a, jnp.where(gone, 0.0, step))
    return judged(search._replace(step=step, low=new_low, high=new_high, width=width), accepted)


def strong_wolfe_step(
    search: Search, phi: Array, slope: Array, *, c1: float = 1e-4, c2: float = 0.9
) -> Search:
    """One trial of a search for the strong Wolfe conditions.

    ::

        φ(α) ≤ φ(0) + c₁αφ′(0)   and   |φ′(α)| ≤ c₂|φ′(0)|

        no decrease:            high ← α
        else, φ′ points away:   high ← low, low ← α
        else:                   low ← α

    Args:
      search: the ``Search`` so far.
      phi: φ at its trial.
      slope: φ′ there.
      c1: the share of the predicted decrease that is asked for.
      c2: the share of the slope that may be left, c₁ < c₂ < 1.

    Returns:
      The next ``Search``.

    Numerics:
      Trials by cubic, quadratic or secant interpolation, at least bisected in two steps. φ or φ′
      not finite counts as too high. Where φ(α) and φ(0) differ by no more than rounding (8 eps of
      |φ(0)|) the decrease is judged by the slope alone (the approximate Wolfe conditions), so that
      a search ends in float32 too. Fails after 40 trials, or where the interval has no number left.

    Example:
      >>> phi = lambda a: ((a - 3.0) ** 2, 2.0 * (a - 3.0))
      >>> search = strong_wolfe_init(1.0, *phi(0.0))
      >>> for _ in range(2): search = strong_wolfe_step(search, *phi(search.step), c2=0.1)
      >>> f"{search.step:.4f}", int(search.status)
      ('3.0000', 0)

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithms 3.5, 3.6.
      J. J. Moré, D. J. Thuente, "Line search algorithms with guaranteed sufficient decrease", 1994.
      W. W. Hager, H. Zhang, "A new conjugate gradient method with guaranteed descent", 2005, (4.1).
    """
    return tried(search, phi, slope, c1, c2, NOISE)


@solver
def strong_wolfe(
    fun: Callable,
    x: PyTree,
    d: PyTree,
    args: tuple = (),
    *,
    step: Scalar = 1.0,
    c1: float = 1e-4,
    c2: float = 0.9,
) -> Solution:
    """A step length that meets the strong Wolfe conditions.

    ::

        f(x + αd) ≤ f(x) + c₁ α ∇f(x)ᵀd,   |∇f(x + αd)ᵀd| ≤ c₂ |∇f(x)ᵀd|

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x: the point, a pytree.
      d: the direction, alike; ∇f(x)ᵀd < 0.
      args: further arguments of ``fun``.
      step: the first trial.
      c1: the share of the predicted decrease that is asked for.
      c2: the share of the slope that may be left, c₁ < c₂ < 1.

    Returns:
      A ``Solution`` with the step as value, NaN where there is none: LINE_SEARCH_FAILED (no descent
      direction, a function without a lower bound, or 40 trials), NON_FINITE at ``x``.

    Numerics:
      As ``strong_wolfe_step``. ``num_fun`` and ``num_grad`` count the point itself too.

    Example:
      >>> s = strong_wolfe(lambda x: jnp.sum((x - 3.0) ** 2), jnp.zeros(2), jnp.ones(2), c2=0.1)
      >>> f"{s.value:.4f} {s.num_fun}"
      '3.0000 3'

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithms 3.5, 3.6.
    """
    check_number("c1", c1, low=0.0, high=0.5, open_low=True, open_high=True)
    check_number("c2", c2, low=c1, high=1.0, open_low=True, open_high=True)
    advance = lambda s, phi, slope: strong_wolfe_step(s, phi, slope, c1=c1, c2=c2)
    return search_along(strong_wolfe_init, advance, fun, x, d, args, step)
