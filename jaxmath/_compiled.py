"""One compiled program a shape for a call outside jit, as jax.numpy has it."""

import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import jax
import numpy as np

from jaxmath._integers import wraps

__all__: list[str] = []

P = ParamSpec("P")
R = TypeVar("R")

# Functions as static arguments of jit would be kept by the thousand, with all they close over.
_NUM_FUNCTIONS = 64


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) or (isinstance(leaf, np.ndarray) and leaf.dtype != object)


def _kind(leaf: Any) -> tuple[Any, Any]:
    """What is static of an argument, its type too: 1 == 1.0 == True."""
    for kind in (_is_array, callable):
        if kind(leaf):
            return kind, None
    return type(leaf), leaf


def compiled(fn: Callable[P, R]) -> Callable[P, R]:
    """``fn``, run as one program instead of operation by operation; for functions of arrays.

    Arrays are traced. All else in the arguments (numbers, strings, None) is static, so that checks
    of its value happen at every call and a new value is a new program; what cannot be hashed runs
    operation by operation, and so do NumPy's integers beyond jax's range, which a program would
    take for others before a check sees them. A callable is known by identity while it is among the
    last used: a fresh lambda is a new program, and what it closes over is read once.
    """

    lock = threading.Lock()  # or two threads that ask at once would compile one each

    @functools.lru_cache(_NUM_FUNCTIONS)
    def jitted(functions: tuple) -> Callable[[tuple, list[Any]], R]:
        def program(static: tuple, arrays: list[Any]) -> R:
            tree, leaves = static
            rest: dict[Any, Iterator] = {_is_array: iter(arrays), callable: iter(functions)}
            args, kwargs = jax.tree.unflatten(
                tree, [next(rest[kind]) if kind in rest else leaf for kind, leaf in leaves]
            )
            return fn(*args, **kwargs)

        program.__name__ = program.__qualname__ = fn.__name__
        return jax.jit(program, static_argnums=0)

    @functools.wraps(fn)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        leaves, tree = jax.tree.flatten((args, kwargs))
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
