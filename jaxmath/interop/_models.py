"""The functions of a model for a whole batch, in one form."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.typing import Array, PyTree

__all__: list[str] = []


class BatchedModel(NamedTuple):
    """``init(key) -> (params, state)``, ``apply(params, state, X)``, and what learns of the batch.

    ``train(key, params, state, X) -> (Y, state)`` is None where the model has no such function;
    ``like`` is the result of ``init`` in the abstract.
    """

    init: Callable
    apply: Callable
    train: Callable | None
    like: tuple[PyTree, PyTree]


def typed_key(key: Array) -> Array:
    """The key in the new style; Flax hands out whichever it was given."""
    new = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return key if new else jax.random.wrap_key_data(key)


def check_model(caller: str, model: Any, config: Any) -> None:
    """Refuse what has not the functions of a model, or cannot be a static argument."""
    for name in ("init", "apply"):
        if not callable(getattr(model, name, None)):
            raise TypeError(
                f"{caller}: argument `model` must have functions `init` and `apply`, as "
                f"`jaxmath.models.mlp` has; got {getattr(model, '__name__', type(model).__name__)} "
                f"without `{name}`"
            )
    for name, value in (("model", model), ("config", config)):
        try:
            hash(value)
        except TypeError:
            raise TypeError(
                f"{caller}: argument `{name}` must be hashable, got {type(value).__name__}"
            ) from None


def _batch_size(X: PyTree) -> int:
    leaves = jax.tree.leaves(X)
    if not leaves or any(jnp.ndim(leaf) == 0 for leaf in leaves):
        raise ValueError("argument `x` must be a batch, with an axis of examples first")
    return jnp.shape(leaves[0])[0]


@functools.lru_cache(maxsize=64)
def batched(model: Any, config: Any) -> BatchedModel:
    """A model, with or without a model state in its signatures, as functions of a batch."""
    stateful = "model_state" in inspect.signature(model.apply).parameters

    @jax.jit
    def init(key: Array) -> tuple[PyTree, PyTree]:
        made = model.init(typed_key(key), config)
        return made if stateful else (made, ())

    def apply(params: PyTree, state: PyTree, X: PyTree) -> PyTree:
        _batch_size(X)
        args = (params, state) if stateful else (params,)
        return jax.vmap(lambda x: model.apply(*args, x, config=config))(X)

    def train(key: Array, params: PyTree, state: PyTree, X: PyTree) -> tuple[PyTree, PyTree]:
        def one(key: Array, x: PyTree) -> tuple[PyTree, PyTree]:
            if stateful:
                return model.train(key, params, state, x, config=config, axis_name="batch")
            return model.train(key, params, x, config=config), state

        keys = jax.random.split(typed_key(key), _batch_size(X))
        return jax.vmap(one, out_axes=(0, None), axis_name="batch")(keys, X)

    like = jax.eval_shape(init, jax.random.key(0))
    return BatchedModel(init, apply, train if hasattr(model, "train") else None, like)
