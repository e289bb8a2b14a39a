"""The history of a method, on request."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath._loops import scan
from jaxmath.iterate import Status
from jaxmath.optimize._ends import Quiet, default_tolerance
from jaxmath.optimize._solver import as_data, choose, solver
from jaxmath.typing import Array, PyTree, Scalar, check_number

__all__ = ["trajectory"]


def _status(state: Any, tol: Scalar | None) -> Array:
    """The state's own word; STAGNATED by quiet steps, CONVERGED by its error, if it has them."""
    status = jnp.asarray(getattr(state, "status", Status.RUNNING), jnp.int32)
    quiet = getattr(state, "quiet", None)
    if isinstance(quiet, Quiet):
        ended = (status == Status.RUNNING) & (quiet.steps >= state.patience)
        status = jnp.where(ended, Status.STAGNATED, status)
    error = getattr(state, "error", None)
    if error is None:
        if tol is not None:
            raise ValueError(
                f"argument `tol` must be None: the {type(state).__name__} of this method has no "
                f"`error`, got {tol}"
            )
        return status
    open_end = (status == Status.RUNNING) | (status == Status.STAGNATED)
    small = open_end & (error <= default_tolerance(tol, error.dtype))
    return jnp.where(small, Status.CONVERGED, status).astype(jnp.int32)


@solver
def trajectory(
    init: Callable,
    step: Callable,
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    num_steps: int,
    tol: Scalar | None = None,
) -> tuple[PyTree, Array]:
    """Every state of a method, from its start on.

    ::

        s₀ = init(f, x₀, args),   sₖ₊₁ = step(f, sₖ, args) while status(sₖ) = RUNNING, else sₖ

    Args:
      init: the start of the method, such as ``bfgs_init``.
      step: its step, such as ``bfgs_step``.
      fun: what both take first.
      x0: the start, as ``init`` takes it.
      args: further arguments of ``fun``.
      num_steps: how many steps, static; for a method with a line search, evaluations.
      tol: the tolerance on the state's ``error``; None takes eps^(2/3), and is all that a state
        without one allows.

    Returns:
      ``(states, status)``: the states with a leading axis of ``num_steps + 1``, ``states.x`` the
      points, and a ``Status`` for each. After the end both repeat.

    Raises:
      TypeError: ``num_steps`` is no integer.
      ValueError: ``num_steps`` is negative, or ``tol`` is given where the state has no ``error``.

    Numerics:
      A ``lax.scan``, one program for the same functions and shapes. CONVERGED by the error alone: a
      solver may ask for more. A state without one (``newton_system``, ``fixed_point``…) ends by its
      own ``status`` if it has one, else it goes on to the last step.
      Memory: ``num_steps`` states, matrices and pairs included.

    Example:
      >>> from jaxmath.optimize import bfgs_init, bfgs_step
      >>> f = lambda x: jnp.sum((x - 1.0) ** 2)
      >>> states, status = trajectory(bfgs_init, bfgs_step, f, jnp.zeros(2), num_steps=3)
      >>> print([f"{v:.3f}" for v in states.value])
      ['2.000', '0.172', '0.000', '0.000']

    References:
      JAX, ``jax.lax.scan``.
    """
    check_number("num_steps", num_steps, low=0, integer=True)
    first = jax.tree.map(jnp.asarray, init(fun, as_data(x0), args))

    def advance(state: PyTree, _: None) -> tuple[PyTree, tuple[PyTree, Array]]:
        status = _status(state, tol)
        after = choose(status == Status.RUNNING, step(fun, state, args), state)
        return after, (state, status)

    last, (states, status) = scan(advance, first, None, length=num_steps)
    join = lambda rows, row: jnp.concatenate([rows, row[None]])
    return jax.tree.map(join, states, last), join(status, _status(last, tol))
