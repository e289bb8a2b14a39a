"""Optimizers' last links that keep the parameters in a set, by projection."""

from collections.abc import Callable

import jax
import optax

from jaxmath.typing import Array, PyTree

__all__: list[str] = []


def keep(caller: str, project: Callable[[Array], Array], min_ndim: int) -> Callable:
    """The update of a transformation, u' = P(θ + u) − θ on leaves of at least that rank."""

    def change(update: Array | None, param: Array) -> Array | None:
        if update is None or param.ndim < min_ndim:
            return update
        moved = project(param + update.astype(param.dtype))
        return (moved - param).astype(update.dtype)

    def update(
        updates: PyTree, state: optax.EmptyState, params: PyTree = None
    ) -> tuple[PyTree, optax.EmptyState]:
        if params is None:
            raise ValueError(f"{caller}: argument `params` of `update` is needed, got None")
        return jax.tree.map(change, updates, params, is_leaf=lambda u: u is None), state

    return update
