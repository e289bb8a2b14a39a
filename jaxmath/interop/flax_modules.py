"""Any model of ours as a Flax module, for a training loop in Flax's style."""

import functools
from typing import Any

from jaxmath.interop._models import batched, check_model
from jaxmath.interop.flax_params import from_flax_params, to_flax_params
from jaxmath.typing import PyTree

__all__ = ["to_linen", "to_nnx"]


@functools.cache
def _linen_class() -> type:
    import flax.linen

    class LinenModel(flax.linen.Module):
        """A model of jaxmath; ``train`` turns on dropout and the batch's own statistics."""

        model: Any
        config: Any

        @flax.linen.compact
        def __call__(self, x: PyTree, *, train: bool = False) -> PyTree:
            ours = batched(self.model, self.config)
            if self.is_initializing() and not self.variables.get("params"):
                params, state = ours.init(self.make_rng("params"))
                self._put("params", params)
                self._put("batch_stats", state)
            params, state = (
                from_flax_params(self.variables.get(collection, {}), like=like)
                for collection, like in zip(("params", "batch_stats"), ours.like, strict=True)
            )
            if not train or ours.train is None:
                return ours.apply(params, state, x)
            y, state = ours.train(self.make_rng("dropout"), params, state, x)
            if not self.is_initializing():
                self._put("batch_stats", state)
            return y

        def _put(self, collection: str, tree: PyTree) -> None:
            for name, entry in to_flax_params(tree).items():
                self.put_variable(collection, name, entry)

    return LinenModel


def to_linen(model: Any, config: Any) -> Any:
    """A model of ours as a ``flax.linen.Module``.

    Its variables are those of ``to_flax_params``: the collection ``params``, and ``batch_stats``
    where the model has a state, so that weights of ours go in and its own come out by
    ``from_flax_params``.

    Args:
      model: a module with ``init``, ``apply`` and perhaps ``train``, such as ``models.mlp``; with
        or without ``model_state`` among their arguments.
      config: its configuration, hashable.

    Returns:
      A Flax module that is called with a batch: ``module.apply(variables, x)`` evaluates, and
      ``module.apply(variables, x, train=True, rngs={"dropout": key}, mutable=["batch_stats"])``
      trains. A model that has ``train`` needs the key; ``mutable`` only one that has a state.

    Example:
      >>> from jaxmath.models import mlp
      >>> module = to_linen(mlp, mlp.Config((4, 8, 3)))
      >>> variables = jax.jit(module.init)(jax.random.key(0), jnp.ones((5, 4)))
      >>> sorted(variables["params"]), jax.jit(module.apply)(variables, jnp.ones((5, 4))).shape
      (['Dense_0', 'Dense_1'], (5, 3))
    """
    check_model("to_linen", model, config)
    return _linen_class()(model=model, config=config)


@functools.cache
def _nnx_class() -> type:
    from flax import nnx

    def variables(kind: type, tree: Any) -> Any:
        if not isinstance(tree, dict):
            return kind(tree)
        return nnx.Dict({name: variables(kind, entry) for name, entry in tree.items()})

    class NNXModel(nnx.Module):
        """A model of jaxmath; ``train()`` turns on dropout and the batch's own statistics."""

        def __init__(self, model: Any, config: Any, rngs: nnx.Rngs) -> None:
            self.model, self.config = model, config
            params, state = batched(model, config).init(rngs.params())
            self.params = variables(nnx.Param, to_flax_params(params))
            self.model_state = variables(nnx.BatchStat, to_flax_params(state))
            self.deterministic = False
            self.rngs = rngs.dropout.fork()

        def __call__(self, x: PyTree) -> PyTree:
            ours = batched(self.model, self.config)
            params, state = (
                from_flax_params(nnx.to_pure_dict(nnx.state(tree)), like=like)
                for tree, like in zip((self.params, self.model_state), ours.like, strict=True)
            )
            if self.deterministic or ours.train is None:
                return ours.apply(params, state, x)
            y, state = ours.train(self.rngs(), params, state, x)
            nnx.update(self.model_state, to_flax_params(state))
            return y

    return NNXModel


def to_nnx(model: Any, config: Any, *, rngs: Any) -> Any:
    """A model of ours as a ``flax.nnx.Module``.

    Args:
      model: as in ``to_linen``.
      config: its configuration, hashable.
      rngs: a ``flax.nnx.Rngs``: its stream ``params`` makes the parameters, and ``dropout`` is
        forked for the calls in training.

    Returns:
      A Flax module that is called with a batch. As with Flax's own layers it begins in training;
      ``module.eval()`` and ``module.train()`` switch. ``module.params`` holds ``nnx.Param`` by the
      names of ``to_flax_params``, ``module.model_state`` so ``nnx.BatchStat``; weights go in by
      ``nnx.update(module.params, to_flax_params(params))`` and come out by
      ``from_flax_params(nnx.to_pure_dict(nnx.state(module.params)), like=params)``.

    Example:
      >>> from flax import nnx
      >>> from jaxmath.models import mlp
      >>> module = to_nnx(mlp, mlp.Config((4, 8, 3)), rngs=nnx.Rngs(0))
      >>> module(jnp.ones((5, 4))).shape, module.params["Dense_0"]["kernel"].shape
      ((5, 3), (4, 8))
    """
    check_model("to_nnx", model, config)
    from flax import nnx

    if not isinstance(rngs, nnx.Rngs):
        raise TypeError(
            f"to_nnx: argument `rngs` must be a flax.nnx.Rngs, got {type(rngs).__name__}"
        )
    return _nnx_class()(model, config, rngs)
