"""One compiled program a shape for a call outside jit, as jax.numpy has it."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax
import numpy as np

__all__: list[str] = []

P = ParamSpec("P")
R = TypeVar("R")


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) or (isinstance(leaf, np.ndarray) and leaf.dtype != object)


def compiled(fn: Callable[P, R]) -> Callable[P, R]:
    """``fn``, run as one program instead of operation by operation; for functions of arrays.

    Arrays are traced. All else in the arguments (numbers, strings, None) is static, so that checks
    of its value happen at every call and a new value is a new program; what cannot be hashed runs
    operation by operation. Not for functions of callables: a fresh lambda would be a new program.
    """

    def program(static: tuple, arrays: list[Any]) -> R:
        tree, leaves = static
        rest = iter(arrays)
        args, kwargs = jax.tree.unflatten(
            tree, [next(rest) if kind is None else leaf for kind, leaf in leaves]
        )
        return fn(*args, **kwargs)

    program.__name__ = program.__qualname__ = fn.__name__
    run = jax.jit(program, static_argnums=0)

    @functools.wraps(fn)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        leaves, tree = jax.tree.flatten((args, kwargs))
        arrays = [leaf for leaf in leaves if _is_array(leaf)]
        # The type too: 1 == 1.0 == True.
        kinds = [(None, None) if _is_array(leaf) else (type(leaf), leaf) for leaf in leaves]
        static = (tree, tuple(kinds))
        try:
            hash(static)
        except TypeError:
            return fn(*args, **kwargs)
        return run(static, arrays)

    return call
