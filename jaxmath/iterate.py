"""The one bounded loop that every iterative method uses, and what such a method returns.

A method is three functions: ``x_init`` makes a state, ``x_step`` is one line of the textbook,
and ``x`` hands both to ``iterate``. Nothing raises inside a compiled program: the ``Status`` of
each lane says how it ended.
"""

import enum
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax.numpy as jnp

from jaxmath._limits import as_limit
from jaxmath._loops import while_loop
from jaxmath.typing import Array, PyTree, Scalar

__all__ = ["Solution", "Status", "iterate"]

State = TypeVar("State")


class Status(enum.IntEnum):
    """How an iterative method ended; each member has its ``sentence``.

    ::

        RUNNING < 0 ≤ every way to end,   CONVERGED = 0

    Args:
      value: the number of the member, as a status array holds it.

    Returns:
      The member; ``Status(int(solution.status)).sentence`` reads it to a person.

    Numerics:
      Stored as int32, so that lanes under vmap may end in different ways.

    Example:
      >>> Status(0).name, Status.MAX_STEPS.sentence
      ('CONVERGED', 'The limit on steps was reached before the tolerance.')

    References:
      The members follow SciPy's ``OptimizeResult.status`` in purpose, not in numbering.
    """

    RUNNING = -1
    CONVERGED = 0
    STAGNATED = 1
    MAX_STEPS = 2
    LINE_SEARCH_FAILED = 3
    NON_FINITE = 4
    UNBOUNDED = 5
    INFEASIBLE = 6
    NO_BRACKET = 7
    SINGULAR = 8
    INVALID_START = 9

    @property
    def sentence(self) -> str:
        """The status in words."""
        return _SENTENCES[self]


_SENTENCES = {
    Status.RUNNING: "The method has not ended yet.",
    Status.CONVERGED: "The tolerance was met.",
    Status.STAGNATED: "Progress fell below the rounding noise of the dtype before the tolerance.",
    Status.MAX_STEPS: "The limit on steps was reached before the tolerance.",
    Status.LINE_SEARCH_FAILED: "No step along the search direction met the line-search conditions.",
    Status.NON_FINITE: "A value or a derivative became infinite or NaN.",
    Status.UNBOUNDED: "The objective decreases without bound.",
    Status.INFEASIBLE: "No point satisfies the constraints.",
    Status.NO_BRACKET: "The interval does not bracket a change of sign.",
    Status.SINGULAR: "A linear system on the way was singular.",
    Status.INVALID_START: "The starting point is not finite or violates the bounds.",
}


class Solution(NamedTuple):
    """What a solver returns: the value, how it ended, and what it cost.

    ::

        value ≈ the solution,   error = the measure that the solver compared with its tolerance

    Args:
      value: the solution, a pytree.
      status: int32, a ``Status`` member for each lane.
      error: the error measure at ``value``; the solver's docstring says which.
      num_steps: int32, steps taken.
      num_fun: int32, evaluations of the function's value.
      num_grad: int32, evaluations of its gradient.
      num_hess: int32, evaluations of its Hessian or Jacobian.
      num_hvp: int32, Hessian-vector or Jacobian-vector products.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Numerics:
      The counts are exact for each lane, line searches included.

    Example:
      >>> s = Solution(value=2.0, status=jnp.int32(0), error=0.0, num_steps=jnp.int32(3))
      >>> bool(s.converged), s.num_fun
      (True, 0)

    References:
      SciPy, ``scipy.optimize.OptimizeResult``.
    """

    value: PyTree
    status: Any
    error: Any
    num_steps: Any
    num_fun: Any = 0
    num_grad: Any = 0
    num_hess: Any = 0
    num_hvp: Any = 0

    @property
    def converged(self) -> Array:
        """True for each lane that met its tolerance."""
        return jnp.asarray(self.status) == Status.CONVERGED


def iterate(
    step_fn: Callable[[State], State],
    state: State,
    status_fn: Callable[[State], Array],
    *,
    max_steps: Scalar,
) -> tuple[State, Array, Array]:
    """Apply a step until its status says that it has ended, at most ``max_steps`` times.

    ::

        s₀ = state;   sₖ₊₁ = step(sₖ) while status(sₖ) = RUNNING and k < max_steps

    Args:
      step_fn: the method's step, from a state to a state of the same structure.
      state: the starting state, a pytree of arrays.
      status_fn: from a state to an int32 ``Status``; ``Status.RUNNING`` continues.
      max_steps: the limit on steps, an integer ≥ 0; it may be traced. More than 2³¹ − 1 is that.

    Returns:
      The last state, its status (``MAX_STEPS`` where it was still running), and the number of
      steps, both int32.

    Raises:
      TypeError: ``max_steps`` is no integer.
      ValueError: ``max_steps`` is negative.

    Numerics:
      A ``lax.while_loop``: forward mode is free, reverse mode is refused by jax. Under vmap the
      loop runs until the slowest lane ends; ended lanes keep their state bit for bit. The functions
      may close over traced values, so none of it is kept from call to call: outside jit every call
      compiles the loop anew. Where it is called often, call it inside a function under jit.

    Example:
      >>> newton = lambda x: 0.5 * (x + 2.0 / x)
      >>> done = lambda x: jnp.where(jnp.abs(x * x - 2.0) < 1e-6, Status.CONVERGED, Status.RUNNING)
      >>> root, status, num_steps = iterate(newton, jnp.asarray(1.0), done, max_steps=20)
      >>> f"{root:.5f} {Status(int(status)).name} {num_steps}"
      '1.41421 CONVERGED 4'

    References:
      JAX, ``jax.lax.while_loop``.
    """
    limit = as_limit(max_steps)

    def running(carry: tuple[State, Array, Array]) -> Array:
        _, status, num_steps = carry
        return (status == Status.RUNNING) & (num_steps < limit)

    def advance(carry: tuple[State, Array, Array]) -> tuple[State, Array, Array]:
        current, _, num_steps = carry
        current = step_fn(current)
        return current, jnp.asarray(status_fn(current), jnp.int32), num_steps + 1

    start = (state, jnp.asarray(status_fn(state), jnp.int32), jnp.int32(0))
    state, status, num_steps = while_loop(running, advance, start)
    return state, jnp.where(status == Status.RUNNING, Status.MAX_STEPS, status), num_steps
