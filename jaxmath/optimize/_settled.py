"""A barrier that XLA's CPU backend keeps, batched or not."""

from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_batching import custom_vmap

from jaxmath.typing import Array

__all__: list[str] = []

T = TypeVar("T")


def _others(leaves: list[Array]) -> list[Array]:
    """Each one's next of the same type, which takes no code; one that is alone is changed."""
    types = [jax.typeof(leaf) for leaf in leaves]

    def other(i: int) -> Array:
        later = (*range(i + 1, len(types)), *range(i + 1))
        j = next(j for j in later if types[j] == types[i])
        return leaves[j] if j != i else ~leaves[i] if leaves[i].dtype == bool else leaves[i] + 1

    return list(map(other, range(len(types))))


@custom_vmap
def _settled(count: Array, leaves: list[Array]) -> list[Array]:
    return lax.cond(jnp.max(count) >= 0, lambda x: x, _others, leaves)


@_settled.def_vmap
def _settled_batch(
    axis_size: int, batched: list, count: Array, leaves: list[Array]
) -> tuple[list[Array], list[bool]]:
    del axis_size
    return _settled(count, leaves), batched[1]


def settled(count: Array, tree: T) -> T:
    """The arrays of the tree, computed once; ``count`` is an integer ≥ 0, as the compiler ignores.

    XLA on CPU drops ``lax.optimization_barrier`` and fuses the arithmetic behind a value into each
    of its consumers: the 200 operations of a line search, for each element of the next state. The
    operands of a conditional are always stored, and under vmap its condition stays a scalar here.
    """
    leaves, structure = jax.tree.flatten(tree)
    return jax.tree.unflatten(structure, _settled(count, leaves))
