"""Simulated annealing: a Metropolis chain whose temperature falls."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath._draws import normal, widened
from jaxmath.iterate import Solution, Status
from jaxmath.optimize._solver import (
    as_data,
    as_numbers,
    as_point,
    check_callable,
    choose,
    donatable,
    objective,
    solver,
)
from jaxmath.optimize._swarm import evolve, point_status
from jaxmath.optimize.cooling import exponential_cooling
from jaxmath.typing import Array, ArrayLike, PyTree, Scalar, as_array, as_key, check_number

__all__ = [
    "metropolis_accept",
    "simulated_annealing",
    "simulated_annealing_init",
    "simulated_annealing_step",
]


class AnnealingState(NamedTuple):
    """The chain's point, the best that it saw, and the refusals since it last moved."""

    x: PyTree
    value: Array
    best: PyTree
    best_value: Array
    temperature: Array
    num_refused: Array
    num_steps: Array
    num_fun: Array
    status: Array


@compiled
def metropolis_accept(key: Array, delta: ArrayLike, temperature: ArrayLike) -> Array:
    """Whether a Metropolis chain accepts a move that changes the energy by Δ.

    ::

        P(accept) = min(1, exp(−Δ/T))

    Args:
      key: random key.
      delta: Δ, the energy of the new state less that of the old, a scalar.
      temperature: T ≥ 0, in the units of Δ, a scalar.

    Returns:
      A boolean scalar.

    Numerics:
      With symmetric proposals the chain is in detailed balance with exp(−E/T). T = 0 accepts
      Δ ≤ 0 alone, as T < 0 does; Δ = +∞ and NaN are refused, Δ = −∞ is accepted.

    Example:
      >>> print(metropolis_accept(jax.random.key(0), -1.0, 0.0))
      True

    References:
      N. Metropolis, A. Rosenbluth, M. Rosenbluth, A. Teller, E. Teller, "Equation of state
      calculations by fast computing machines", 1953, page 1088.
    """
    rise: Array = widened(as_array("delta", delta, ndim=0))
    t = as_array("temperature", temperature, ndim=0).astype(rise.dtype)
    warm = t > 0
    odds = jnp.exp(-jnp.maximum(rise, 0.0) / jnp.where(warm, t, 1.0))
    draw = jax.random.uniform(as_key("key", key), (), rise.dtype)
    # A draw is 0 more often than the least odds come true.
    return (rise <= 0) | (warm & (draw > 0) & (draw < odds))


def _proposal(neighbor: Callable | None, step_size: Scalar) -> Callable[[Array, PyTree], PyTree]:
    """The user's proposal, checked; or a Gaussian step in every coordinate."""
    if neighbor is not None:
        check_callable("neighbor", neighbor)
    kinds = lambda tree: jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)

    def _gaussian(key: Array, x: PyTree) -> PyTree:
        vector, back = as_point("x0", x)
        if kinds(back(vector)) != kinds(x):
            raise TypeError(
                f"argument `x0` must be of real numbers without a `neighbor`, got {kinds(x)}"
            )
        scale = jnp.asarray(step_size).astype(vector.dtype)
        return back(vector + scale * normal(key, vector.shape, vector.dtype))

    def _checked(key: Array, x: PyTree) -> PyTree:
        new = as_data(_gaussian(key, x) if neighbor is None else neighbor(key, x))
        if kinds(new) != kinds(x):
            raise ValueError(
                f"argument `neighbor` must return a point like x, {kinds(x)}, got {kinds(new)}"
            )
        return new

    return _checked


def _start(x0: PyTree) -> PyTree:
    """The start as arrays of any dtype: what a ``neighbor`` may take."""
    x = jax.tree.map(partial(as_numbers, "x0"), as_data(x0))
    if not any(leaf.size for leaf in jax.tree.leaves(x)):
        raise ValueError("argument `x0` must have at least 1 element, got none")
    return x


def _begin(f: Callable, x: PyTree, schedule: Callable) -> AnnealingState:
    value = f(x)
    temperature, zero = _temperature(schedule, jnp.int32(0), value), jnp.int32(0)
    return AnnealingState(
        x, value, x, value, temperature, zero, zero, jnp.int32(1), point_status(x, value)
    )


def _temperature(schedule: Callable, step: Array, value: Array) -> Array:
    check_callable("schedule", schedule)
    return as_array("schedule", schedule(step), ndim=0).astype(value.dtype)


def _advance(
    key: Array, f: Callable, state: AnnealingState, schedule: Callable, propose: Callable
) -> AnnealingState:
    move, coin = jax.random.split(key)
    x = propose(move, state.x)
    value = f(x)
    temperature = _temperature(schedule, state.num_steps, value)
    accepted = metropolis_accept(coin, value - state.value, temperature)
    best, best_value = choose(value < state.best_value, (x, value), (state.best, state.best_value))
    x, value = choose(accepted, (x, value), (state.x, state.value))
    refused = jnp.where(accepted, 0, state.num_refused + 1)
    return AnnealingState(
        x, value, best, best_value, temperature, refused,
        state.num_steps + 1, state.num_fun + 1, state.status,
    )  # fmt: skip


@donatable
def simulated_annealing_init(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    schedule: Callable = exponential_cooling,
) -> AnnealingState:
    """The start of simulated annealing: f at x₀.

    ::

        x = x* = x₀,   T = T₀

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, any pytree of arrays.
      args: further arguments of ``fun``.
      schedule: from the number of steps taken to the temperature.

    Returns:
      An ``AnnealingState``.

    Numerics:
      Nothing is random yet. Its status is INVALID_START where ``x0`` is not finite, NON_FINITE
      where f there is not.

    Example:
      >>> print(simulated_annealing_init(lambda x: jnp.sum(x**2), jnp.array([3.0, 4.0])).value)
      25.0

    References:
      S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, "Optimization by simulated annealing", 1983.
    """
    return _begin(objective(fun, args), _start(x0), schedule)


def simulated_annealing_step(
    key: Array,
    fun: Callable,
    state: AnnealingState,
    args: tuple = (),
    *,
    schedule: Callable = exponential_cooling,
    neighbor: Callable | None = None,
    step_size: Scalar = 1.0,
) -> AnnealingState:
    """One proposal of simulated annealing, accepted or not.

    ::

        y = x + s·ξ,   ξ ~ N(0, I);   x ← y with probability min(1, exp(−(f(y) − f(x))/Tₖ))

    Args:
      key: random key.
      fun: the objective, ``fun(x, *args)``, a real scalar.
      state: the ``AnnealingState`` so far.
      args: further arguments of ``fun``.
      schedule: from the number of steps taken, k, to the temperature Tₖ.
      neighbor: the proposal y = neighbor(key, x); None takes the Gaussian.
      step_size: s, the standard deviation of the Gaussian proposal.

    Returns:
      The next ``AnnealingState``.

    Numerics:
      As ``simulated_annealing``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> state = simulated_annealing_init(f, jnp.array([3.0, 4.0]))
      >>> state = simulated_annealing_step(jax.random.key(0), f, state)
      >>> print(state.num_fun, bool(state.best_value <= 25.0))
      2 True

    References:
      S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, "Optimization by simulated annealing", 1983,
      page 672.
    """
    check_number("step_size", step_size, low=0.0)
    f, propose = objective(fun, args), _proposal(neighbor, step_size)
    return _advance(as_key("key", key), f, state, schedule, propose)


@solver
def simulated_annealing(
    key: Array,
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    schedule: Callable = exponential_cooling,
    neighbor: Callable | None = None,
    step_size: Scalar = 1.0,
    patience: Scalar = 1000,
    max_steps: Scalar = 10_000,
) -> Solution:
    """Minimize by simulated annealing, over vectors or anything with a notion of neighbour.

    ::

        y = neighbor(xₖ),   xₖ₊₁ = y with probability min(1, exp(−(f(y) − f(xₖ))/Tₖ)), else xₖ
        x* = the best of all y

    Args:
      key: random key.
      fun: the objective, ``fun(x, *args)``, a real scalar; no derivative is taken.
      x0: the start, any pytree of arrays; integers (a permutation) where ``neighbor`` is given.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      schedule: from the number of steps taken, k, to the temperature Tₖ, such as
        ``exponential_cooling``; ``jax.tree_util.Partial`` binds its data.
      neighbor: the proposal y = neighbor(key, x), symmetric; None takes x + s·ξ, ξ ~ N(0, I).
      step_size: s, the standard deviation of the Gaussian proposal.
      patience: how many refusals in a row count as frozen.
      max_steps: the limit on proposals.

    Returns:
      A ``Solution`` with the best point seen, and with the last temperature as its error.

    Numerics:
      CONVERGED where the chain is frozen, ``patience`` refusals in a row: Kirkpatrick's end, no
      proof of a global minimum. MAX_STEPS before that, as where f is constant and every move is
      accepted. NON_FINITE where f(x₀) is not finite; INVALID_START where x₀ is not; UNBOUNDED where
      f is −∞. NaN and +∞ are refused. With a fixed s the best point is about s·√T near: polish
      with ``bfgs``, or hop (``basin_hopping``). Cost: one value a step.

    Example:
      >>> f = lambda x: (x**2 - 1.0) ** 2 + 0.3 * x
      >>> s = simulated_annealing(jax.random.key(0), f, 1.0)
      >>> print(f"{s.value:.1f}", int(s.num_fun))
      -1.0 10001

    References:
      S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, "Optimization by simulated annealing", 1983.
    """
    check_number("step_size", step_size, low=0.0)
    check_number("patience", patience, low=1, integer=True)
    f, propose, x = objective(fun, args), _proposal(neighbor, step_size), _start(x0)
    if neighbor is None:  # a Gaussian step from integers leads to real numbers
        vector, back = as_point("x0", x)
        x = back(vector)
    key = as_key("key", key)

    def status_fn(state: AnnealingState) -> Array:
        frozen = state.num_refused >= patience
        status = jnp.where(frozen, Status.CONVERGED, Status.RUNNING)
        status = jnp.where(state.best_value == -jnp.inf, Status.UNBOUNDED, status)
        return jnp.where(state.status == Status.RUNNING, status, state.status)

    state, status, num_steps = evolve(
        key,
        lambda key, s: _advance(key, f, s, schedule, propose),
        _begin(f, x, schedule),
        status_fn,
        max_steps,
    )
    return Solution(state.best, status, state.temperature, num_steps, state.num_fun)
