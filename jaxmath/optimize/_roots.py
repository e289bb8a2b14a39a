"""What the root finders share: the function closed over its data, tolerances, the derivative."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

from jaxmath._loops import like
from jaxmath.iterate import Solution, Status
from jaxmath.optimize._solver import as_tuple, check_callable, objective
from jaxmath.typing import Array, ArrayLike, PyTree, Scalar, as_array, check_number

__all__: list[str] = []


def _scalar_function(fun: Callable, args: Any, dtype: Any) -> Callable[[Array], Array]:
    """x ↦ fun(x, *args), one real number of the dtype of x."""
    check_callable("fun", fun)
    return lambda x: objective(fun, args)(x).astype(dtype)


def _vector_function(
    fun: Callable, args: Any, back: Callable[[Array], PyTree], x: Array
) -> Callable[[Array], Array]:
    """The vector x ↦ fun(the pytree of x, *args) as a vector of as many numbers."""
    check_callable("fun", fun)

    def residual(vector: Array) -> Array:
        value, _ = ravel_pytree(fun(back(vector), *as_tuple(args)))
        if value.size != x.size:
            raise ValueError(
                f"argument `fun` must return as many numbers as `x0` has, {x.size}, "
                f"got {value.size}"
            )
        if not jnp.issubdtype(value.dtype, jnp.floating):
            raise TypeError(f"argument `fun` must return real numbers, got dtype {value.dtype}")
        return value.astype(x.dtype)

    return residual


def _numbers(**points: ArrayLike) -> list[Array]:
    """Real numbers, each of shape (), in their common dtype."""
    arrays = [as_array(name, value, shape=()) for name, value in points.items()]
    dtype = jnp.result_type(*arrays)
    return [array.astype(dtype) for array in arrays]


def _tolerances(
    xtol: Scalar | None, rtol: Scalar | None, dtype: Any, factor: float = 4.0
) -> tuple[Array, Array]:
    """The absolute and the relative tolerance; None is factor·eps."""
    default = factor * float(jnp.finfo(dtype).eps)
    xtol, rtol = default if xtol is None else xtol, default if rtol is None else rtol
    check_number("xtol", xtol, low=0.0)
    check_number("rtol", rtol, low=0.0)
    return jnp.asarray(xtol, dtype), jnp.asarray(rtol, dtype)


def _first(*cases: tuple[Array, Any]) -> Array:
    """The status of the first condition that holds, RUNNING where none does."""
    conditions = [condition for condition, _ in cases]
    members = [jnp.asarray(member, jnp.int32) for _, member in cases]
    return jnp.select(conditions, members, jnp.int32(Status.RUNNING))


def _tangent_solve(linear: Callable[[Array], Array], right: Array) -> Array:
    """J⁻¹ right for the linear map v ↦ Jv."""
    if right.ndim == 0:
        return right / linear(like(jnp.ones_like(right), right))
    unit = like(jnp.eye(right.size, dtype=right.dtype), right)
    columns = jax.vmap(linear, out_axes=1)(unit)
    return jnp.linalg.solve(columns, right)


def _has_derivative(f: Callable[[Array], Array], x: Array) -> bool:
    """Whether jax can differentiate f forward: not a host callback, nor a bare custom_vjp."""
    try:
        jax.eval_shape(lambda x: jax.linearize(f, x)[1](x), x)
    except Exception:  # whatever a rule that is missing raises
        return False
    return True


def _implicit(f: Callable[[Array], Array], x0: Array, run: Callable[[], Solution]) -> Solution:
    """The solution that ``run`` finds, with dx = −(∂f/∂x)⁻¹ ∂f for what f closes over.

    Reverse mode needs this, as there is none through a loop; forward mode through a bracketing
    loop would give 0. Status, error and counts have no derivative. A function that jax cannot
    differentiate is solved without the rule.
    """
    if not _has_derivative(f, x0):
        return run()

    def solve(_: Callable, __: Array) -> tuple[Array, tuple[Array, list[Array]]]:
        value, status, error, *counts = run()
        # lax.custom_root gives integers a tangent of the wrong dtype; float32 is exact to 2²⁴.
        return value, (error, [jnp.asarray(n, jnp.float32) for n in (status, *counts)])

    value, (error, integers) = lax.custom_root(f, x0, solve, _tangent_solve, has_aux=True)
    status, *counts = (n.astype(jnp.int32) for n in integers)
    return Solution(value, status, error, *counts)
