"""Particle swarm: points with velocities, drawn to the best that they and their neighbours saw."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._draws import uniform
from jaxmath.iterate import Solution, Status
from jaxmath.optimize._solver import donatable, solver
from jaxmath.optimize._swarm import (
    between,
    box_status,
    collapsed,
    corners,
    evaluator,
    evolve,
    latin_hypercube,
    spread,
    spread_status,
    tolerances,
)
from jaxmath.typing import Array, PyTree, Scalar, as_key, check_number

__all__ = ["particle_swarm", "particle_swarm_init", "particle_swarm_step"]

_PHI = 4.1
_CHI = 2.0 / abs(2.0 - _PHI - math.sqrt(_PHI * _PHI - 4.0 * _PHI))
_TOPOLOGIES = ("ring", "global")


class ParticleSwarmState(NamedTuple):
    """Positions and velocities (p, n), the best that each particle saw, and the box."""

    positions: Array
    velocities: Array
    best_positions: Array
    best_values: Array
    lower: Array
    upper: Array
    num_fun: Array
    status: Array


def _leaders(values: Array, topology: str) -> Array:
    """The index of the best of a particle's neighbourhood: it and the two beside it, or all."""
    index = jnp.arange(values.size, dtype=jnp.int32)
    if topology == "global":
        return jnp.full_like(index, jnp.argmin(values))
    near = jnp.stack([index, jnp.roll(index, 1), jnp.roll(index, -1)])
    return jnp.take_along_axis(near, jnp.argmin(values[near], axis=0)[None, :], axis=0)[0]


def _advance(
    key: Array, evaluate: Callable, state: ParticleSwarmState, topology: str
) -> ParticleSwarmState:
    x, p, lower, upper = state.positions, state.best_positions, state.lower, state.upper
    g = p[_leaders(state.best_values, topology)]
    own, social = 0.5 * _PHI * uniform(key, (2, *x.shape), x.dtype)
    v = _CHI * (state.velocities + own * (p - x) + social * (g - x))
    target = x + v
    inside = (target >= lower[None, :]) & (target <= upper[None, :])
    moved, v = jnp.clip(target, lower[None, :], upper[None, :]), jnp.where(inside, v, 0.0)
    values = evaluate(moved)
    better = values < state.best_values
    return state._replace(
        positions=moved,
        velocities=v,
        best_positions=jnp.where(better[:, None], moved, p),
        best_values=jnp.where(better, values, state.best_values),
        num_fun=state.num_fun + x.shape[0],
    )


def _begin(
    key: Array, evaluate: Callable, lower: Array, upper: Array, size: int
) -> ParticleSwarmState:
    place, speed = jax.random.split(key)
    x = latin_hypercube(place, size, lower, upper)
    t = uniform(speed, x.shape, x.dtype)
    target = between(t, lower, upper)
    return ParticleSwarmState(
        x, 0.5 * target - 0.5 * x, x, evaluate(x), lower, upper,
        jnp.int32(size), box_status(lower, upper),
    )  # fmt: skip


def _check_settings(topology: str, num_particles: int) -> None:
    if topology not in _TOPOLOGIES:
        raise ValueError(f"argument `topology` must be one of {_TOPOLOGIES}, got {topology!r}")
    check_number("num_particles", num_particles, low=2, integer=True)


@donatable
def particle_swarm_init(
    key: Array,
    fun: Callable,
    lower: Array,
    upper: Array,
    args: tuple = (),
    *,
    num_particles: int = 50,
) -> ParticleSwarmState:
    """The first swarm: positions from a Latin hypercube in the box, and velocities.

    ::

        vᵢ = (zᵢ − xᵢ)/2,   zᵢ uniform in the box

    Args:
      key: random key.
      fun: the objective, ``fun(x, *args)``, a real scalar.
      lower: l, the lower bounds, shape (n,).
      upper: u, the upper bounds, shape (n,).
      args: further arguments of ``fun``.
      num_particles: p ≥ 2.

    Returns:
      A ``ParticleSwarmState``.

    Numerics:
      Its status is INFEASIBLE where some lⱼ > uⱼ, INVALID_START where a bound is not finite. NaN
      values are held as +∞. Cost: p values.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> box = jnp.array([-1.0, -2.0]), jnp.array([1.0, 2.0])
      >>> state = particle_swarm_init(jax.random.key(0), f, *box)
      >>> print(state.positions.shape, state.num_fun)
      (50, 2) 50

    References:
      M. Clerc, "Standard particle swarm optimisation", 2012, section 3.2.
    """
    low, high, back = corners(lower, upper)
    _check_settings("ring", num_particles)
    return _begin(as_key("key", key), evaluator(fun, back, args), low, high, num_particles)


def particle_swarm_step(
    key: Array,
    fun: Callable,
    state: ParticleSwarmState,
    args: tuple = (),
    *,
    topology: str = "ring",
) -> ParticleSwarmState:
    """One move of every particle.

    ::

        vᵢ ← χ (vᵢ + φ/2·r ⊙ (pᵢ − xᵢ) + φ/2·r′ ⊙ (gᵢ − xᵢ)),   xᵢ ← xᵢ + vᵢ
        χ = 2/|2 − φ − √(φ² − 4φ)| = 0.7298,   φ = 4.1,   r, r′ uniform in [0, 1)ⁿ

    with pᵢ the best place that i has seen, and gᵢ the best that one of its neighbourhood has.

    Args:
      key: random key.
      fun: the objective, ``fun(x, *args)`` of a vector x, a real scalar.
      state: the ``ParticleSwarmState`` so far.
      args: further arguments of ``fun``.
      topology: "ring", a neighbourhood is a particle and the two beside it; "global", it is all.

    Returns:
      The next ``ParticleSwarmState``.

    Numerics:
      As ``particle_swarm``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> first, second = jax.random.split(jax.random.key(0))
      >>> state = particle_swarm_init(first, f, jnp.array([-1.0]), jnp.array([1.0]))
      >>> after = particle_swarm_step(second, f, state)
      >>> print(bool((after.best_values <= state.best_values).all()), after.num_fun)
      True 100

    References:
      M. Clerc, J. Kennedy, "The particle swarm – explosion, stability, and convergence in a
      multidimensional complex space", 2002, section III.
    """
    _check_settings(topology, state.positions.shape[0])
    return _advance(as_key("key", key), evaluator(fun, lambda x: x, args), state, topology)


@solver
def particle_swarm(
    key: Array,
    fun: Callable,
    lower: PyTree,
    upper: PyTree,
    args: tuple = (),
    *,
    num_particles: int = 50,
    topology: str = "ring",
    tol: Scalar | None = None,
    atol: Scalar = 0.0,
    max_steps: Scalar = 2000,
) -> Solution:
    """Minimize over a box by a particle swarm with constriction, without derivatives.

    ::

        vᵢ ← χ (vᵢ + φ/2·r ⊙ (pᵢ − xᵢ) + φ/2·r′ ⊙ (gᵢ − xᵢ)),   xᵢ ← xᵢ + vᵢ
        until std(f(p₁) … f(p_p)) ≤ atol + tol·|mean|

    Args:
      key: random key.
      fun: the objective, ``fun(x, *args)``, a real scalar; no derivative is taken.
      lower: l, the lower bounds, a pytree of floating arrays of one dtype.
      upper: u, the upper bounds, as ``lower``.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      num_particles: p ≥ 2.
      topology: "ring", slower and surer; or "global", whose swarm follows one leader.
      tol: the relative spread of the particles' best values to reach; None takes eps^(2/3).
      atol: the absolute spread to reach.
      max_steps: the limit on moves of the swarm.

    Returns:
      A ``Solution`` with the best point, in the box, and with error std(f) over the particles'
      best places.

    Numerics:
      Statuses as in ``differential_evolution``, of the particles' best places pᵢ: CONVERGED says
      that the swarm has agreed, no proof of a global minimum. A particle that would leave the box
      stops at the wall, and its velocity there is 0. Reverse mode is refused by jax.
      Cost: p values a move.

    Example:
      >>> f = lambda x: (x["a"] - 1.0) ** 2 + 5.0 * (1.0 - jnp.cos(4.0 * (x["a"] - 1.0))) + 2.0
      >>> s = particle_swarm(jax.random.key(0), f, {"a": -9.0}, {"a": 9.0})
      >>> print(f"{s.value['a']:.3f}", bool(s.converged))
      1.000 True

    References:
      J. Kennedy, R. Eberhart, "Particle swarm optimization", 1995.
      M. Clerc, J. Kennedy, "The particle swarm – explosion, stability, and convergence in a
      multidimensional complex space", 2002, section III.
      D. Bratton, J. Kennedy, "Defining a standard for particle swarm optimization", 2007.
    """
    _check_settings(topology, num_particles)
    low, high, back = corners(lower, upper)
    scale = jnp.maximum(jnp.abs(low), jnp.abs(high))
    evaluate = evaluator(fun, back, args)
    first, rest = jax.random.split(as_key("key", key))
    start = _begin(first, evaluate, low, high, num_particles)
    tol, atol = tolerances(tol, atol, start.best_values.dtype)

    def status_fn(state: ParticleSwarmState) -> Array:
        narrow = collapsed(state.best_positions, scale)
        status = spread_status(state.best_values, narrow, tol, atol)
        return jnp.where(state.status == Status.RUNNING, status, state.status)

    state, status, num_steps = evolve(
        rest,
        lambda key, s: _advance(key, evaluate, s, topology),
        start,
        status_fn,
        max_steps,
    )
    best = back(state.best_positions[jnp.argmin(state.best_values)])
    return Solution(best, status, spread(state.best_values)[0], num_steps, state.num_fun)
