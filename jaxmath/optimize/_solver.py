"""What every solver of a callable shares: its program, its starting point, its tolerance."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxmath._compiled import compiled
from jaxmath.typing import Array, PyTree, as_array

__all__: list[str] = []

P = ParamSpec("P")
R = TypeVar("R")


def solver(fn: Callable[P, R]) -> Callable[P, R]:
    """A function whose first argument is a callable, as one compiled program per function object.

    ::

        fn(fun, *data, args=(), **settings)

    The other positional arguments and ``args`` are data: their numbers become arrays and are
    traced, so that a new value is no new program. Keyword-only arguments are settings: an array is
    traced, all else is static. A list of numbers is a vector; every other pytree stays one.
    """
    program = compiled(fn)
    signature = inspect.signature(fn)
    settings = {p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}

    @functools.wraps(fn)
    def call(fun: Callable, *data: Any, **named: Any) -> R:
        bound: dict[str, Any] = signature.bind(fun, *data, **named).arguments
        for name, value in bound.items():
            if name not in settings and value is not fun:
                bound[name] = as_data(value)
        return cast(Callable[..., R], program)(**bound)

    return cast(Callable[P, R], call)


def _is_vector(node: Any) -> bool:
    return isinstance(node, list) and all(
        isinstance(leaf, (int, float, list)) and (not isinstance(leaf, list) or _is_vector(leaf))
        for leaf in node
    )


def as_data(tree: PyTree) -> PyTree:
    """The tree with its numbers, and its lists of numbers, as arrays; None and strings stay."""

    def convert(node: Any) -> Any:
        kept = node is None or isinstance(node, str) or callable(node)
        return node if kept else jnp.asarray(node)

    return jax.tree.map(convert, tree, is_leaf=_is_vector)


def as_point(name: str, x: PyTree) -> tuple[Array, Callable[[Array], PyTree]]:
    """The point as one real vector, and the way back to its pytree; or an error naming it."""
    leaves, tree = jax.tree.flatten(as_data(x))
    if not leaves:
        raise ValueError(f"argument `{name}` must have at least 1 elements, got {x!r}")
    leaves = [as_array(name, leaf) for leaf in leaves]
    if len({leaf.dtype for leaf in leaves}) > 1:
        dtypes = sorted({str(leaf.dtype) for leaf in leaves})
        raise TypeError(f"argument `{name}` must have one dtype, got {' and '.join(dtypes)}")
    vector, back = ravel_pytree(jax.tree.unflatten(tree, leaves))
    return as_array(name, vector, min_size=1), back


def check_scalar(name: str, value: Any) -> Array:
    """The value of an objective: one real number, or an error that says what came instead."""
    array = jnp.asarray(value)
    if array.shape != ():
        raise ValueError(f"argument `{name}` must return a scalar, got shape {array.shape}")
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"argument `{name}` must return a real number, got dtype {array.dtype}")
    return array
