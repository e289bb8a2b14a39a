"""Basin hopping: a Metropolis chain over local minima."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._draws import uniform
from jaxmath.iterate import Solution, Status
from jaxmath.optimize._solver import as_point, choose, donatable, objective, solver
from jaxmath.optimize._swarm import evolve
from jaxmath.optimize.limited_memory import lbfgs
from jaxmath.optimize.quasi_newton import bfgs
from jaxmath.optimize.simulated_annealing import metropolis_accept
from jaxmath.typing import Array, PyTree, Scalar, as_key, check_number

__all__ = ["basin_hopping", "basin_hopping_init", "basin_hopping_step"]

_METHODS = {"l-bfgs": lbfgs, "bfgs": bfgs}


class LocalMinimum(NamedTuple):
    """Where a local minimizer ended, f there, its error, and how it ended."""

    x: Array
    value: Array
    error: Array
    status: Array


class BasinHoppingState(NamedTuple):
    """The chain's local minimum, the best, and the hops since the best was found."""

    current: LocalMinimum
    best: LocalMinimum
    num_idle: Array
    num_fun: Array
    num_grad: Array


def _descend(f: Callable, x: Array, method: str) -> tuple[LocalMinimum, Array, Array]:
    """The local minimum below x; its value costs one evaluation more."""
    found = _METHODS[method](f, x)
    point = LocalMinimum(found.value, f(found.value), found.error, found.status)
    return point, found.num_fun + 1, found.num_grad


def _begin(f: Callable, x: Array, method: str) -> BasinHoppingState:
    point, num_fun, num_grad = _descend(f, x, method)
    return BasinHoppingState(point, point, jnp.int32(0), num_fun, num_grad)


def _advance(
    key: Array,
    f: Callable,
    state: BasinHoppingState,
    temperature: Scalar,
    step_size: Scalar,
    method: str,
) -> BasinHoppingState:
    move, coin = jax.random.split(key)
    x, best = state.current.x, state.best
    scale = jnp.asarray(step_size).astype(x.dtype)
    shift = scale * uniform(move, x.shape, x.dtype, -1.0)
    trial, num_fun, num_grad = _descend(f, x + shift, method)
    heat = jnp.asarray(temperature).astype(trial.value.dtype)
    accepted = metropolis_accept(coin, trial.value - state.current.value, heat)
    # The same minimum found again differs by what the local tolerance leaves.
    noise = float(jnp.finfo(x.dtype).eps) ** (2 / 3) * jnp.maximum(jnp.abs(best.value), 1.0)
    new = trial.value < best.value - noise
    lower = (trial.value < best.value) | (trial.status == Status.UNBOUNDED)
    return BasinHoppingState(
        choose(accepted, trial, state.current),
        choose(lower, trial, best),
        jnp.where(new, 0, state.num_idle + 1),
        state.num_fun + num_fun,
        state.num_grad + num_grad,
    )


def _check_settings(temperature: Scalar, step_size: Scalar, method: str) -> None:
    check_number("temperature", temperature, low=0.0)
    check_number("step_size", step_size, low=0.0)
    if method not in _METHODS:
        raise ValueError(f"argument `method` must be one of {tuple(_METHODS)}, got {method!r}")


@donatable
@solver
def basin_hopping_init(
    fun: Callable, x0: Array, args: tuple = (), *, method: str = "l-bfgs"
) -> BasinHoppingState:
    """The start of basin hopping: the local minimum below x₀.

    ::

        x = x* = local(x₀)

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun``.
      method: the local minimizer, "l-bfgs" or "bfgs".

    Returns:
      A ``BasinHoppingState``.

    Numerics:
      Nothing is random yet. The local minimizer's status is that of the point.

    Example:
      >>> state = basin_hopping_init(lambda x: jnp.sum((x - 1.0) ** 2), jnp.array([3.0, 4.0]))
      >>> print([f"{x:.2f}" for x in state.best.x])
      ['1.00', '1.00']

    References:
      D. J. Wales, J. P. K. Doye, "Global optimization by basin-hopping and the lowest energy
      structures of Lennard-Jones clusters containing up to 110 atoms", 1997, section II.
    """
    _check_settings(0.0, 0.0, method)
    return _begin(objective(fun, args), as_point("x0", x0)[0], method)


@solver
def basin_hopping_step(
    key: Array,
    fun: Callable,
    state: BasinHoppingState,
    args: tuple = (),
    *,
    temperature: Scalar = 1.0,
    step_size: Scalar = 0.5,
    method: str = "l-bfgs",
) -> BasinHoppingState:
    """One hop: a random shift, the local minimum below it, and the choice between both minima.

    ::

        y = local(x + s·u),   u uniform in [−1, 1]ⁿ
        x ← y with probability min(1, exp(−(f(y) − f(x))/T))

    Args:
      key: random key.
      fun: the objective, ``fun(x, *args)`` of a vector x, a real scalar.
      state: the ``BasinHoppingState`` so far.
      args: further arguments of ``fun``.
      temperature: T ≥ 0, in the units of f.
      step_size: s, in the units of x.
      method: the local minimizer, "l-bfgs" or "bfgs".

    Returns:
      The next ``BasinHoppingState``.

    Numerics:
      As ``basin_hopping``.

    Example:
      >>> f = lambda x: jnp.sum((x**2 - 1.0) ** 2 + 0.3 * x)
      >>> state = basin_hopping_init(f, jnp.array([1.0]))
      >>> state = basin_hopping_step(jax.random.key(0), f, state, step_size=3.0)
      >>> print(bool(state.best.value <= f(jnp.array([1.0]))))
      True

    References:
      D. J. Wales, J. P. K. Doye, "Global optimization by basin-hopping and the lowest energy
      structures of Lennard-Jones clusters containing up to 110 atoms", 1997, section II.
    """
    _check_settings(temperature, step_size, method)
    f = objective(fun, args)
    return _advance(as_key("key", key), f, state, temperature, step_size, method)


@solver
def basin_hopping(
    key: Array,
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    temperature: Scalar = 1.0,
    step_size: Scalar = 0.5,
    method: str = "l-bfgs",
    patience: Scalar = 50,
    max_steps: Scalar = 100,
) -> Solution:
    """Minimize a smooth function of many local minima, by hopping between them.

    ::

        y = local(xₖ + s·u),   u uniform in [−1, 1]ⁿ
        xₖ₊₁ = y with probability min(1, exp(−(f(y) − f(xₖ))/T)), else xₖ

    Args:
      key: random key.
      fun: the objective, ``fun(x, *args)``, a real scalar, differentiable.
      x0: the start, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      temperature: T ≥ 0, about the difference in f between neighbouring minima.
      step_size: s, about the distance between neighbouring minima; one for all coordinates.
      method: the local minimizer, "l-bfgs" or "bfgs", at its own tolerance.
      patience: how many hops in a row may bring nothing better.
      max_steps: the limit on hops.

    Returns:
      A ``Solution`` with the best local minimum, its error there as ``bfgs`` measures it, and the
      counts of hops and of all evaluations.

    Numerics:
      After ``patience`` hops that lower the best by no more than eps^(2/3)·max(|f|, 1) the status
      is that of the local minimizer at the best: CONVERGED, or STAGNATED, MAX_STEPS,
      LINE_SEARCH_FAILED; no proof of a global minimum. MAX_STEPS before that. INVALID_START,
      NON_FINITE and UNBOUNDED end it at once. SciPy's names and defaults, but for: s stays as it
      is, and ``patience`` is 50 (its niter_success is off). Under vmap each hop waits for the
      longest local descent. Cost: a local descent and one value a hop.

    Example:
      >>> f = lambda x: jnp.cos(14.5 * x - 0.3) + (x + 0.2) * x
      >>> s = basin_hopping(jax.random.key(0), f, 1.0)
      >>> print(f"{s.value:.4f}", bool(s.converged))
      -0.1951 True

    References:
      D. J. Wales, J. P. K. Doye, "Global optimization by basin-hopping and the lowest energy
      structures of Lennard-Jones clusters containing up to 110 atoms", 1997, section II.
    """
    _check_settings(temperature, step_size, method)
    check_number("patience", patience, low=1, integer=True)
    x, back = as_point("x0", x0)
    f = lambda x: objective(fun, args)(back(x))
    key = as_key("key", key)

    def status_fn(state: BasinHoppingState) -> Array:
        status = state.best.status
        fatal = (Status.INVALID_START, Status.NON_FINITE, Status.UNBOUNDED)
        lost = jnp.any(jnp.stack([status == s for s in fatal]))
        return jnp.where(lost | (state.num_idle >= patience), status, Status.RUNNING)

    state, status, num_steps = evolve(
        key,
        lambda key, s: _advance(key, f, s, temperature, step_size, method),
        _begin(f, x, method),
        status_fn,
        max_steps,
    )
    best = state.best
    return Solution(back(best.x), status, best.error, num_steps, state.num_fun, state.num_grad)
