"""One compiled program a shape for a call outside jit, as jax.numpy has it."""

import functools
import inspect
import itertools
import numbers
import threading
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxmath._integers import wraps

__all__: list[str] = []

P = ParamSpec("P")
R = TypeVar("R")

# Functions as static arguments of jit would be kept by the thousand, with all they close over.
_NUM_FUNCTIONS = 64


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) or (isinstance(leaf, np.ndarray) and leaf.dtype != object)


def _kind(leaf: Any) -> tuple[Any, Any, Any]:
    """What is static of an argument, its type and sign too: 1 == 1.0 == True, and 0.0 == -0.0."""
    for kind in (_is_array, callable):
        if kind(leaf):
            return kind, None, None
    signed = isinstance(leaf, (float, complex, np.inexact))
    return type(leaf), leaf, str(leaf) if signed else None


def _is_listing(leaf: Any) -> bool:
    """A list or tuple of numbers, or of such: what as_array takes for an array."""
    return isinstance(leaf, (list, tuple)) and all(
        isinstance(x, (numbers.Number, np.generic)) or _is_listing(x) for x in leaf
    )


def _as_array(value: Any) -> Any:
    """A listing as the array that it stands for; what is none stays, for a check to refuse."""
    try:
        return jnp.asarray(value) if _is_listing(value) else value
    except (OverflowError, TypeError, ValueError):
        return value


def compiled(fn: Callable[P, R]) -> Callable[P, R]:
    """``fn``, run as one program instead of operation by operation; for functions of arrays.

    Arrays are traced, and so are lists and tuples of numbers where the signature has an array. All
    else in the arguments (numbers, strings, None) is static, so that checks of its value happen at
    every call and a new value is a new program; what cannot be hashed runs operation by operation,
    and so do NumPy's integers beyond jax's range, which a program would take for others before a
    check sees them. A callable is known by identity while it is among the last used: a fresh lambda
    is a new program, and what it closes over is read once.
    """

    parameters = inspect.signature(fn).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    positions = [p.name for p in parameters if p.kind in positional]
    of_arrays = {p.name for p in parameters if p.annotation in (ArrayLike, ArrayLike | None)}
    lock = threading.Lock()  # or two threads that ask at once would compile one each

    @functools.lru_cache(_NUM_FUNCTIONS)
    def jitted(functions: tuple) -> Callable[[tuple, list[Any]], R]:
        def program(static: tuple, arrays: list[Any]) -> R:
            tree, leaves = static
            rest: dict[Any, Iterator] = {_is_array: iter(arrays), callable: iter(functions)}
            args, kwargs = jax.tree.unflatten(
                tree, [next(rest[kind]) if kind in rest else leaf for kind, leaf, _ in leaves]
            )
            return fn(*args, **kwargs)

        program.__name__ = program.__qualname__ = fn.__name__
        return jax.jit(program, static_argnums=0)

    @functools.wraps(fn)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        named = itertools.chain(positions, itertools.repeat(""))
        given = (
            tuple(_as_array(v) if n in of_arrays else v for n, v in zip(named, args, strict=False)),
            {n: _as_array(v) if n in of_arrays else v for n, v in kwargs.items()},
        )
        leaves, tree = jax.tree.flatten(given)
        static, functions = (tree, tuple(map(_kind, leaves))), tuple(filter(callable, leaves))
        try:
            hash((static, functions))
        except TypeError:
            return fn(*args, **kwargs)
        if any(map(wraps, leaves)):
            return fn(*args, **kwargs)
        with lock:
            run = jitted(functions)
        return run(static, list(filter(_is_array, leaves)))

    return call
