"""Many minimizations at once, in which no lane waits for the slowest.

A pool of lanes works through a queue of starts: each lane makes one evaluation a trip of one flat
loop, and a lane that has ended makes room for the next start. All of it is one compiled program.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath._limits import as_limit
from jaxmath.iterate import Solution, Status
from jaxmath.optimize._descent import Method
from jaxmath.optimize._ends import default_tolerance
from jaxmath.optimize._pool import Packed, run_pool, unpacked
from jaxmath.optimize._side_by_side import cores, side_by_side
from jaxmath.optimize._solver import as_data, as_point, as_tuple, nan_last, objective, solver
from jaxmath.optimize._swarm import between, box_status, corners
from jaxmath.optimize.minimize import as_method
from jaxmath.typing import Array, PyTree, Scalar, as_key, check_number

__all__ = ["Multistart", "minimize_batch", "multistart"]


def _axes(args: tuple, axes: int | tuple | None) -> tuple:
    """One axis, 0 or None, for each of the further arguments."""
    axes = axes if isinstance(axes, tuple) else (axes,) * len(args)
    if len(axes) != len(args) or any(axis not in (0, None) or axis is False for axis in axes):
        raise ValueError(
            f"argument `args_axes` must be 0, None, or one of them for each of the {len(args)} "
            f"further arguments, got {axes!r}"
        )
    return axes


def _rows(name: str, tree: PyTree, n: int | None = None) -> int:
    """The length of the leading axis that all leaves share."""
    lengths = [jnp.shape(leaf)[:1] for leaf in jax.tree.leaves(tree)]
    n = lengths[0][0] if n is None and lengths and lengths[0] else n
    if not lengths or not n or any(length != (n,) for length in lengths):
        wanted = f"a leading axis of length {n}" if n else "a leading axis, one row a start"
        raise ValueError(f"argument `{name}` must have {wanted}, got lengths {lengths}")
    return n


@solver
def _in_a_pool(
    fun: Callable,
    x0: PyTree,
    args: tuple,
    *,
    method: str,
    axes: tuple,
    tol: Scalar | None,
    max_steps: Scalar | None,
    lanes: int,
) -> Packed:
    """``minimize_batch`` in one program."""
    made = as_method(method)
    x, back = as_point("x0", jax.tree.map(lambda leaf: leaf[0], x0))
    vectors = jax.vmap(lambda x: as_point("x0", x)[0])(x0)
    tol, limit = default_tolerance(tol, x.dtype), as_limit(max_steps, 200 * x.size)
    n = vectors.shape[0]
    size = min(lanes, n) if isinstance(n, int) else lanes

    def method_of(*args: Any) -> Method:
        method = made(fun, back, args, tol, limit)
        there = lambda solution: solution._replace(value=back(solution.value))
        return method._replace(finish=lambda *end: there(method.finish(*end)))

    return run_pool(method_of, vectors, args, axes, size)


def minimize_batch(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    method: str = "bfgs",
    *,
    args_axes: int | tuple | None = None,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    lanes: int | None = None,
) -> Solution:
    """Minimize a smooth function from many starts, or many functions of one family, at once.

    ::

        xᵢ* = argmin f(x, θᵢ) near x₀ᵢ,   i = 1 … N

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar, for one start.
      x0: the starts, a pytree of floating arrays of one dtype, each with a leading axis, N.
      args: further arguments of ``fun``, a tuple; traced.
      method: any method of ``minimize`` but "l-bfgs-b".
      args_axes: None where all starts share ``args``; 0 where each of them has a leading axis of
        length N; or a tuple with one of the two for each argument.
      tol: the tolerance of the method; None takes eps^(2/3).
      max_steps: the limit on the steps of a lane; None takes 200 n.
      lanes: the size of the pool; None takes 128 on a CPU and N elsewhere. It changes the time, not
        the mathematics.

    Returns:
      The ``Solution`` of the method with a leading axis of length N: each start has its own
      minimizer, ``Status``, error and exact counts.

    Numerics:
      Those of the method. A pool of lanes works in one flat loop, one evaluation a lane and trip.
      With an eighth of the lanes free, they take the next starts: a start that needs ten times the
      evaluations of the others costs its own lane, not everybody's (``jax.vmap`` of ``minimize``
      steps every lane until the last has ended). The memory is that of ``lanes`` states, not N.
      One program a function, shape and size, inside jit or out of it. Out of it, on a CPU, the
      starts are divided among the cores, a pool on each of those that it would fill.

    Example:
      >>> rosenbrock = lambda x, a: 100.0 * (x[1] - x[0] ** 2) ** 2 + (a - x[0]) ** 2
      >>> starts, a = jnp.array([[0.0, 2.0], [3.0, 1.0]]), jnp.array([1.0, 2.0])
      >>> s = minimize_batch(rosenbrock, starts, (a,), args_axes=0)
      >>> print([[f"{v:.2f}" for v in x] for x in s.value], bool(s.converged.all()))
      [['1.00', '1.00'], ['2.00', '4.00']] True

    References:
      G.-I. Yu et al., "Orca: a distributed serving system for Transformer-based generative models",
      2022, section 3.1 (scheduling by iterations, there of requests).
    """
    args, axes = as_tuple(as_data(args)), _axes(as_tuple(args), args_axes)
    if any(map(callable, jax.tree.leaves(args))):
        raise TypeError(
            "minimize_batch: argument `args` must hold arrays: a function belongs into `fun`"
        )
    as_method(method)
    x0 = as_data(x0)
    n = _rows("x0", x0)
    own = tuple(arg if axis == 0 else None for arg, axis in zip(args, axes, strict=True))
    for arg in own:
        if arg is not None:
            _rows("args", arg, n)
    known = isinstance(n, int)  # and no symbol of jax.export
    if lanes is None:
        lanes = n if known and jax.default_backend() != "cpu" else 128
    check_number("lanes", lanes, low=1, integer=True)
    parts = min(cores(), n // lanes) if known else 1

    def _program(rows: tuple) -> Packed:
        x0, own = rows
        given = tuple(a if axis is None else b for a, b, axis in zip(args, own, axes, strict=True))
        settings: dict = {"tol": tol, "max_steps": max_steps, "lanes": lanes}
        return _in_a_pool(fun, x0, given, method=method, axes=axes, **settings)

    return unpacked(side_by_side(_program, (x0, own), parts))


class Multistart(NamedTuple):
    """What ``multistart`` found: the best, and all of it.

    ::

        best = the solution of argminᵢ values[i]

    Args:
      best: the ``Solution`` with the least value.
      value: f there; NaN where no start led to a finite value.
      solutions: the ``Solution`` from each start, with a leading axis of length N.
      values: f at their minimizers, shape (N,).

    Returns:
      A NamedTuple, hence a pytree.

    Example:
      >>> print(Multistart._fields)
      ('best', 'value', 'solutions', 'values')
    """

    best: Solution
    value: Array
    solutions: Solution
    values: Array


@compiled
def _drawn(key: Array, lower: PyTree, upper: PyTree, num_starts: int) -> tuple[PyTree, Array]:
    """Starts in the box, NaN where it is none, and its status."""
    low, high, back = corners(lower, upper)
    starts = between(jax.random.uniform(key, (num_starts, low.size), low.dtype), low, high)
    status = box_status(low, high)
    return jax.vmap(back)(jnp.where(status == Status.RUNNING, starts, jnp.nan)), status


@solver
def _best_of(fun: Callable, solutions: Solution, box: Array, args: tuple) -> Multistart:
    status = jnp.where(box == Status.RUNNING, solutions.status, box)
    solutions = solutions._replace(status=status)
    values = jax.vmap(objective(fun, args))(solutions.value)
    i = jnp.argmin(nan_last(values))
    return Multistart(jax.tree.map(lambda a: a[i], solutions), values[i], solutions, values)


def multistart(
    key: Array,
    fun: Callable,
    lower: PyTree,
    upper: PyTree,
    args: tuple = (),
    method: str = "bfgs",
    *,
    num_starts: int = 100,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    lanes: int | None = None,
) -> Multistart:
    """Search for the global minimum: minimize from many random starts, and keep the best.

    ::

        x₀ᵢ ~ U(lower, upper),   xᵢ* = argmin f near x₀ᵢ,   x* = argminᵢ f(xᵢ*)

    Args:
      key: a random key.
      fun: the objective, ``fun(x, *args)``, a real scalar.
      lower: the lowest start, a pytree of finite floating arrays of one dtype.
      upper: the highest, alike. The box holds the starts; the minimizers may leave it.
      args: further arguments of ``fun``, a tuple; traced.
      method: as ``minimize_batch``.
      num_starts: N.
      tol: as ``minimize_batch``.
      max_steps: as ``minimize_batch``.
      lanes: as ``minimize_batch``.

    Returns:
      A ``Multistart``: the best solution, its value, and all solutions with theirs.

    Numerics:
      Those of ``minimize_batch``. Where N starts fall in the basin of the global minimum with
      probability p each, it is missed with probability (1 − p)^N. Equal values: the first counts;
      NaN counts as the highest. One evaluation more a start gives the values. INVALID_START for
      each start where a bound is not finite, INFEASIBLE where lower > upper.

    Example:
      >>> f = lambda x: jnp.sum(x**2 - jnp.cos(6.0 * x))  # many local minima
      >>> s = multistart(jax.random.key(0), f, [-5.0, -5.0], [5.0, 5.0])
      >>> f"{s.value:.4f}", s.values.shape
      ('-2.0000', (100,))

    References:
      A. H. G. Rinnooy Kan, G. T. Timmer, "Stochastic global optimization methods part I: clustering
      methods", 1987, section 2.
    """
    key = as_key("key", key)
    check_number("num_starts", num_starts, low=1, integer=True)
    starts, box = _drawn(key, as_data(lower), as_data(upper), num_starts)
    solutions = minimize_batch(fun, starts, args, method, tol=tol, max_steps=max_steps, lanes=lanes)
    return _best_of(fun, solutions, box, args)
