"""The loop of every evolution strategy: draws, a generation, and how it ends."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath import _draws
from jaxmath._limits import as_limit
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.optimize._ends import default_tolerance
from jaxmath.optimize._population import Evaluate, default_size
from jaxmath.optimize._solver import as_point, objective
from jaxmath.typing import Array, PyTree, Scalar, as_array, as_key, check_number

__all__: list[str] = []

State = Any  # a NamedTuple with a ``progress``


def normal(key: Array, size: int, x: Array) -> Array:
    """Standard normal numbers, shape (λ, n)."""
    return _draws.normal(key, (size, x.size), x.dtype)


class Method(NamedTuple):
    """What makes an evolution strategy.

    Args:
      begin: from (evaluate, x₀, σ, λ) to the state.
      advance: from (evaluate, state, draws) to the state.
      draw: from (key, λ, x) to the draws of a generation.
    """

    begin: Callable[[Evaluate, Array, Array, int], State]
    advance: Callable[[Evaluate, State, Any], State]
    draw: Callable[[Array, int, Array], Any] = normal


def evaluator(fun: Callable, back: Callable, args: tuple) -> Evaluate:
    """f of each row."""
    f = objective(fun, args)
    return jax.vmap(lambda x: f(back(x)))


def _begin(method: Method, evaluate: Evaluate, x: Array, sigma: Scalar, size: int) -> State:
    check_number("sigma", sigma, low=0.0, open_low=True)
    sigma = as_array("sigma", sigma, shape=()).astype(x.dtype)
    return method.begin(evaluate, x, sigma, size)


def first_state(
    method: Method, fun: Callable, x0: Array, sigma: Scalar, args: tuple, size: int | None
) -> State:
    """``x_init`` of a strategy: on vectors."""
    x = as_array("x0", x0, ndim=1, min_size=1)
    evaluate = evaluator(fun, lambda x: x, args)
    return _begin(method, evaluate, x, sigma, default_size(x.size, size))


def next_state(
    method: Method, key: Array, fun: Callable, state: State, args: tuple, size: int | None
) -> State:
    """``x_step`` of a strategy: on vectors."""
    x = state.progress.x
    draws = method.draw(as_key("key", key), default_size(x.size, size), x)
    return method.advance(evaluator(fun, lambda x: x, args), state, draws)


def evolve(
    method: Method,
    key: Array,
    fun: Callable,
    x0: PyTree,
    sigma: Scalar,
    args: tuple,
    population_size: int | None,
    tol: Scalar | None,
    tol_x: Scalar | None,
    max_steps: Scalar | None,
) -> Solution:
    """The solver: from a start to a ``Solution`` whose error is that of ``record``."""
    key, (x, back) = as_key("key", key), as_point("x0", x0)
    size = default_size(x.size, population_size)
    check_number("tol_x", 0.0 if tol_x is None else tol_x, low=0.0)
    limit = as_limit(max_steps, 100 + int(150 * (x.size + 3) ** 2 / math.sqrt(size)))
    evaluate = evaluator(fun, back, args)
    start = _begin(method, evaluate, x, sigma, size)
    level = default_tolerance(tol, start.progress.value.dtype)
    narrow = jnp.asarray(1e-12 if tol_x is None else tol_x, x.dtype) * start.progress.spread

    def status_fn(state: State) -> Array:
        p = state.progress
        # Values that are all equal say nothing of a minimum: error = 0 is no convergence.
        met = ((p.error <= level) & (p.error > 0)) | (p.spread < narrow)
        ended = (p.status == Status.RUNNING) | (p.status == Status.STAGNATED)
        return jnp.where(met & ended, Status.CONVERGED, p.status)

    def step(state: State) -> State:
        draws = method.draw(jax.random.fold_in(key, state.progress.num_steps), size, x)
        return method.advance(evaluate, state, draws)

    state, status, _ = iterate(step, start, status_fn, max_steps=limit)
    p = state.progress
    return Solution(back(p.x), status, p.error, p.num_steps, p.num_fun)
