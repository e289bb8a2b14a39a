"""Line searches in reverse communication: one evaluation of φ and φ′ a step.

A search holds the step length whose value it wants next; ``x_step`` takes φ and φ′ there. A solver
under vmap can so run its line search and its own steps in one flat loop, in which no lane waits for
another's search. φ(α) = f(x + αd).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.iterate import Solution, Status, iterate
from jaxmath.optimize._solver import as_point, check_scalar, solver
from jaxmath.typing import Array, PyTree, Scalar, as_array, check_number

__all__ = [
    "Search",
    "armijo_backtracking",
    "armijo_backtracking_init",
    "armijo_backtracking_step",
    "strong_wolfe",
    "strong_wolfe_init",
    "strong_wolfe_step",
]

MAX_TRIALS = 40
_NOISE = 8  # in units of eps·|φ(0)|: changes of φ that rounding alone may cause


class Search(NamedTuple):
    """A line search between two evaluations: the trial, the interval, and how it stands.

    ::

        φ(low) is the least value seen that decreases enough; a step that will do lies between
        low and high, or beyond low where high = ∞

    Args:
      step: α, where φ and φ′ are wanted next; the accepted step once ``status`` is CONVERGED.
      low: (α, φ, φ′) at the best end of the interval, shape (3,).
      high: (α, φ, φ′) at the other end, shape (3,).
      start: (φ(0), φ′(0)), shape (2,).
      width: the widths of the interval one and two steps ago, shape (2,).
      least: steps and intervals up to this length count as none.
      trials: int32, evaluations so far.
      status: int32, RUNNING, CONVERGED or LINE_SEARCH_FAILED.

    Returns:
      A NamedTuple, hence a pytree.

    Example:
      >>> print(strong_wolfe_init(1.0, 2.0, -1.0).step)
      1.0
    """

    step: Array
    low: Array
    high: Array
    start: Array
    width: Array
    least: Array
    trials: Array
    status: Array


def _begin(step: Scalar, phi: Scalar, slope: Scalar, least: Scalar) -> Search:
    phi = as_array("phi", phi)
    step, slope, least = (jnp.asarray(v, phi.dtype) for v in (step, slope, least))
    nothing = jnp.full_like(phi, jnp.inf)
    fine = jnp.isfinite(phi) & (slope < 0) & (step > 0) & jnp.isfinite(step)
    return Search(
        step=step,
        low=jnp.stack([jnp.zeros_like(phi), phi, slope]),
        high=jnp.stack([nothing, nothing, nothing]),
        start=jnp.stack([phi, slope]),
        width=jnp.stack([nothing, nothing]),
        least=least,
        trials=jnp.int32(0),
        status=jnp.where(fine, Status.RUNNING, Status.LINE_SEARCH_FAILED).astype(jnp.int32),
    )


def armijo_backtracking_init(
    step: Scalar, phi: Scalar, slope: Scalar, *, least: Scalar = 0.0
) -> Search:
    """The start of a backtracking search.

    ::

        α = step,   φ(0) = phi,   φ′(0) = slope < 0

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
      >>> print(armijo_backtracking_init(1.0, 2.0, -1.0).step)
      1.0

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 3.1.
    """
    return _begin(step, phi, slope, least)


def _noise(start: Array) -> Array:
    return _NOISE * jnp.finfo(start.dtype).eps * jnp.abs(start[0])


def armijo_backtracking_step(
    search: Search, phi: Array, slope: Array, *, c1: float = 1e-4
) -> Search:
    """One trial of a backtracking search.

    ::

        accept α where φ(α) ≤ φ(0) + c₁αφ′(0);
        else α ← the minimizer of the parabola through φ(0), φ′(0), φ(α), within [α/10, α/2]

    Args:
      search: the ``Search`` so far.
      phi: φ at its trial.
      slope: φ′ there, not used.
      c1: the share of the predicted decrease that is asked for, in (0, 1/2).

    Returns:
      The next ``Search``.

    Numerics:
      φ not finite counts as too high. Where φ(α) differs from φ(0) by no more than rounding (8 eps
      of |φ(0)|), the step is accepted: in float32 a decrease cannot be seen there.

    Example:
      >>> search = armijo_backtracking_step(armijo_backtracking_init(1.0, 1.0, -1.0), 3.0, 0.0)
      >>> f"{search.step:.4f} {Status(int(search.status)).name}"
      '0.1667 RUNNING'

    References:
      J. E. Dennis, R. B. Schnabel, "Numerical Methods for Unconstrained Optimization", 1983,
      section 6.3.2.
    """
    a, (phi0, slope0) = search.step, search.start
    bound = phi0 + c1 * a * slope0 + jnp.where(jnp.abs(phi - phi0) <= _noise(search.start),
                                               _noise(search.start), 0.0)  # fmt: skip
    enough = phi <= bound
    excess = jnp.where(jnp.isfinite(phi), phi - phi0 - a * slope0, jnp.inf)
    parabola = -slope0 * a / (2 * jnp.where(enough, 1.0, excess)) * a
    shorter = jnp.clip(parabola, 0.1 * a, 0.5 * a)
    return _judged(search._replace(step=jnp.where(enough, a, shorter)), enough)


def _judged(search: Search, accepted: Array) -> Search:
    """One more trial; the end where it is accepted, or where trials or digits have run out."""
    trials = search.trials + 1
    lost = (trials >= MAX_TRIALS) | ~(search.step > search.least) | ~jnp.isfinite(search.step)
    status = jnp.where(lost, Status.LINE_SEARCH_FAILED, Status.RUNNING)
    status = jnp.where(accepted, Status.CONVERGED, status)
    ended = search.status != Status.RUNNING
    status = jnp.where(ended, search.status, status).astype(jnp.int32)
    return search._replace(trials=trials, status=status)


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
    return _begin(step, phi, slope, least)


def _cubic(low: Array, high: Array) -> Array:
    """The minimizer of the cubic through both ends (Nocedal and Wright, equation 3.59), or NaN."""
    (a, fa, da), (b, fb, db) = low, high
    d1 = da + db - 3 * (fb - fa) / (b - a)
    size = jnp.maximum(jnp.maximum(jnp.abs(d1), jnp.abs(da)), jnp.abs(db))
    d1, da, db = d1 / size, da / size, db / size
    d2 = jnp.sign(b - a) * jnp.sqrt(d1 * d1 - da * db)
    return b - (b - a) * (db + d2 - d1) / (db - da + 2 * d2)


def _secant(low: Array, high: Array) -> Array:
    """Where φ′ is 0 by linear interpolation."""
    return low[0] - low[2] * (high[0] - low[0]) / (high[2] - low[2])


def _parabola(low: Array, high: Array) -> Array:
    """The minimizer of the parabola through φ, φ′ at low and φ at high."""
    w = high[0] - low[0]
    return low[0] - low[2] * w / (2 * ((high[1] - low[1]) / w - low[2])) * 1.0


def _inside(low: Array, high: Array, width: Array, noise: Array) -> Array:
    """The next trial between low and high: cubic beside parabola or secant, safeguarded."""
    w = high[0] - low[0]
    middle = low[0] + 0.5 * w
    higher = high[1] > low[1]
    flat = jnp.abs(high[1] - low[1]) <= noise
    cubic = _cubic(low, high)
    other = jnp.where(higher, _parabola(low, high), _secant(low, high))
    near = jnp.abs(cubic - low[0]) < jnp.abs(other - low[0])
    # As Moré and Thuente: cautious behind a higher value, bold behind a change of slope.
    cautious = jnp.where(near, cubic, 0.5 * (cubic + other))
    trial = jnp.where(higher, cautious, jnp.where(near, other, cubic))
    crossing = low[2] * high[2] < 0
    trial = jnp.where(flat, jnp.where(crossing, _secant(low, high), middle), trial)
    finite = jnp.isfinite(high[1]) & jnp.isfinite(high[2])
    trial = jnp.where(finite, trial, low[0] + 0.2 * w)
    margin = 0.02 * jnp.abs(w)
    least, most = jnp.minimum(low[0], high[0]) + margin, jnp.maximum(low[0], high[0]) - margin
    slow = jnp.abs(w) > 0.66 * width
    bisect = (slow & finite) | ~jnp.isfinite(trial)
    return jnp.where(bisect, middle, jnp.clip(trial, least, most))


def _beyond(previous: Array, low: Array) -> Array:
    """The next trial past low, as φ still falls: the cubic's minimizer, 2.1 to 5 steps on."""
    w = low[0] - previous[0]
    cubic = _cubic(previous, low)
    steepens = low[2] <= previous[2]
    far = jnp.where(jnp.isfinite(cubic) & (cubic > low[0]) & ~steepens, cubic, jnp.inf)
    return jnp.clip(far, low[0] + 1.1 * w, low[0] + 4.0 * w)


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
      >>> f"{search.step:.4f} {Status(int(search.status)).name}"
      '3.0000 CONVERGED'

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithms 3.5, 3.6.
      J. J. Moré, D. J. Thuente, "Line search algorithms with guaranteed sufficient decrease", 1994.
      W. W. Hager, H. Zhang, "A new conjugate gradient method with guaranteed descent", 2005, (4.1).
    """
    a, low, high, (phi0, slope0) = search.step, search.low, search.high, search.start
    noise = _noise(search.start)
    slack = jnp.where(jnp.abs(phi - phi0) <= noise, noise, 0.0)
    finite = jnp.isfinite(phi) & jnp.isfinite(slope)
    decrease = finite & (phi <= phi0 + c1 * a * slope0 + slack) & (phi <= low[1] + slack)
    accepted = decrease & (jnp.abs(slope) <= c2 * jnp.abs(slope0))
    trial = jnp.stack([a, phi, slope])
    turned = slope * jnp.sign(high[0] - low[0]) >= 0
    new_low = jnp.where(decrease, trial, low)
    new_high = jnp.where(decrease, jnp.where(turned, low, high), trial)
    open_end = jnp.isinf(new_high[0])
    inside = _inside(new_low, new_high, search.width[1], noise)
    step = jnp.where(open_end, _beyond(low, new_low), inside)
    width = jnp.stack([jnp.abs(new_high[0] - new_low[0]), search.width[0]])
    # Two neighbours have nothing between them.
    gone = ~open_end & ((step == new_low[0]) | (step == new_high[0]) | (width[0] <= search.least))
    step = jnp.where(accepted, a, jnp.where(gone, 0.0, step))
    return _judged(search._replace(step=step, low=new_low, high=new_high, width=width), accepted)


def _along(fun: Callable, x: PyTree, d: PyTree, args: tuple) -> tuple[Callable, Array, Array]:
    """φ and φ′ along d, and their values at 0."""
    point, back = as_point("x", x)
    direction, _ = as_point("d", d)
    if direction.shape != point.shape:
        raise ValueError(
            f"argument `d` must have the {point.size} elements of `x`, got {direction.size}"
        )

    def phi(a: Array) -> tuple[Array, Array]:
        value = lambda a: check_scalar("fun", fun(back(point + a * direction), *args))
        return jax.value_and_grad(value)(a)

    return phi, *phi(jnp.zeros((), point.dtype))


def _search(
    start: Callable,
    advance: Callable,
    fun: Callable,
    x: PyTree,
    d: PyTree,
    args: tuple,
    step: Scalar,
) -> Solution:
    phi, phi0, slope0 = _along(fun, x, d, args)
    search, _, _ = iterate(
        lambda s: advance(s, *phi(s.step)),
        start(jnp.asarray(step, phi0.dtype), phi0, slope0),
        lambda s: s.status,
        max_steps=MAX_TRIALS,
    )
    count = search.trials + 1
    status = jnp.where(jnp.isfinite(phi0) & jnp.isfinite(slope0), search.status, Status.NON_FINITE)
    value = jnp.where(status == Status.CONVERGED, search.step, jnp.nan)
    return Solution(
        value, status.astype(jnp.int32), jnp.zeros_like(phi0), search.trials, count, count
    )


@solver
def armijo_backtracking(
    fun: Callable, x: PyTree, d: PyTree, args: tuple = (), *, step: Scalar = 1.0, c1: float = 1e-4
) -> Solution:
    """A step length that decreases a function enough, by backtracking.

    ::

        f(x + αd) ≤ f(x) + c₁ α ∇f(x)ᵀd,   α = step, then shorter

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x: the point, a pytree.
      d: the direction, alike; ∇f(x)ᵀd < 0.
      args: further arguments of ``fun``.
      step: the first trial.
      c1: the share of the predicted decrease that is asked for, in (0, 1/2).

    Returns:
      A ``Solution`` with the step as value, NaN where there is none: LINE_SEARCH_FAILED (no descent
      direction, or 40 trials), NON_FINITE at ``x``.

    Numerics:
      As ``armijo_backtracking_step``. ``num_fun`` and ``num_grad`` count the point itself too.

    Example:
      >>> s = armijo_backtracking(lambda x: jnp.sum(x**2), jnp.ones(2), jnp.full(2, -4.0))
      >>> f"{s.value:.2f} {s.num_fun}"
      '0.25 3'

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 3.1.
    """
    check_number("c1", c1, low=0.0, high=0.5, open_low=True, open_high=True)
    advance = lambda s, phi, slope: armijo_backtracking_step(s, phi, slope, c1=c1)
    return _search(armijo_backtracking_init, advance, fun, x, d, args, step)


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
    return _search(strong_wolfe_init, advance, fun, x, d, args, step)
