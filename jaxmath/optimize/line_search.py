"""Line searches in reverse communication: one evaluation of φ and φ′ a step.

A search holds the step length whose value it wants next; ``x_step`` takes φ and φ′ there. A solver
under vmap can so run its line search and its own steps in one flat loop, in which no lane waits for
another's search. φ(α) = f(x + αd).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.iterate import Solution, Status, iterate
from jaxmath.optimize._solver import as_point, donatable, objective, solver
from jaxmath.typing import Array, PyTree, Scalar, as_array, check_number

__all__ = [
    "Search",
    "armijo_backtracking",
    "armijo_backtracking_init",
    "armijo_backtracking_step",
]

MAX_TRIALS = 40
NOISE = 8  # in units of eps·|φ(0)|: changes of φ that rounding alone may cause
LEVEL = 256  # the same where φ is a sum of many terms; at most √eps·|φ(0)|


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
      >>> print(armijo_backtracking_init(1.0, 2.0, -1.0).step)
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


def begin(step: Scalar, phi: Scalar, slope: Scalar, least: Scalar) -> Search:
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


@donatable
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
    return begin(step, phi, slope, least)


def noise(search: Search, level: float = NOISE) -> Array:
    """The changes of φ that rounding alone may cause: level·eps|φ(0)|, at most √eps|φ(0)|."""
    eps = float(jnp.finfo(search.start.dtype).eps)
    return min(level * eps, eps**0.5) * jnp.abs(search.start[0])


def slack(search: Search, phi: Array, level: float = NOISE) -> Array:
    """What φ may exceed a bound by: the noise where φ(0) and φ differ by no more, else nothing."""
    most = noise(search, level)
    return jnp.where(jnp.abs(phi - search.start[0]) <= most, most, 0.0)


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
    enough = jnp.isfinite(phi) & (phi <= phi0 + c1 * a * slope0 + slack(search, phi))
    excess = jnp.where(jnp.isfinite(phi), phi - phi0 - a * slope0, jnp.inf)
    parabola = -slope0 * a / (2 * jnp.where(enough, 1.0, excess)) * a
    shorter = jnp.clip(parabola, 0.1 * a, 0.5 * a)
    return judged(search._replace(step=jnp.where(enough, a, shorter)), enough)


def judged(search: Any, accepted: Array) -> Any:
    """After one more trial: the end where it is accepted, or trials or digits have run out."""
    trials = search.trials + 1
    lost = (trials >= MAX_TRIALS) | ~(search.step > search.least) | ~jnp.isfinite(search.step)
    status = jnp.where(lost, Status.LINE_SEARCH_FAILED, Status.RUNNING)
    status = jnp.where(accepted, Status.CONVERGED, status)
    ended = search.status != Status.RUNNING
    status = jnp.where(ended, search.status, status).astype(jnp.int32)
    return search._replace(trials=trials, status=status)


def _along(fun: Callable, x: PyTree, d: PyTree, args: tuple) -> tuple[Callable, Array, Array]:
    """φ and φ′ along d, and their values at 0."""
    point, back = as_point("x", x)
    direction, _ = as_point("d", d)
    if direction.shape != point.shape:
        raise ValueError(
            f"argument `d` must have the {point.size} elements of `x`, got {direction.size}"
        )

    def phi(a: Array) -> tuple[Array, Array]:
        value = lambda a: objective(fun, args)(back(point + a * direction))
        return jax.value_and_grad(value)(a)

    return phi, *phi(jnp.zeros((), point.dtype))


def search_along(
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
    return search_along(armijo_backtracking_init, advance, fun, x, d, args, step)
