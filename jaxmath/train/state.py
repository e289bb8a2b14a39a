"""The state of a training run, and its conversion to and from Flax's."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from jaxmath.train._checks import check_optimizer
from jaxmath.typing import Array, PyTree, as_key

__all__ = ["TrainState", "from_flax", "init_state", "to_flax"]


class TrainState(NamedTuple):
    """All that a step reads and writes; a pytree, hence vmapped, saved and donated as one.

    Args:
      params: the model's parameters, any pytree.
      model_state: what the model carries beside them (running statistics); ``()`` for none.
      opt_state: the optimizer's state.
      step: updates made so far, int32.
      key: the run's random key; it stays as it is, epoch e draws from ``fold_in(key, e)``.

    Example:
      >>> state = init_state(jax.random.key(0), {"w": jnp.zeros(2)}, optimizer=optax.sgd(0.1))
      >>> int(state.step), state.model_state
      (0, ())
    """

    params: PyTree
    model_state: PyTree
    opt_state: PyTree
    step: Array
    key: Array


def init_state(
    key: Array,
    params: PyTree,
    model_state: PyTree = (),
    *,
    optimizer: optax.GradientTransformation,
) -> TrainState:
    """The state before the first step. Under ``jax.vmap`` it makes an ensemble.

    Args:
      key: the run's random key; give another one than the parameters were drawn from.
      params: the model's parameters.
      model_state: the model's state, ``()`` for none.
      optimizer: any optax transformation. Of an ensemble's learning rates each lane gets its own
        by ``optax.inject_hyperparams``, since they are then arrays in the optimizer's state.

    Returns:
      A TrainState with step 0.

    Example:
      >>> make = optax.inject_hyperparams(optax.sgd)
      >>> start = lambda key, rate: init_state(key, jnp.zeros(3), optimizer=make(rate))
      >>> states = jax.vmap(start)(jax.random.split(jax.random.key(0), 2), jnp.array([0.1, 0.2]))
      >>> states.params.shape, states.opt_state.hyperparams["learning_rate"].shape
      ((2, 3), (2,))
    """
    key = as_key("key", key)
    check_optimizer("init_state", optimizer)
    return TrainState(params, model_state, optimizer.init(params), jnp.zeros((), jnp.int32), key)


@functools.cache
def _flax_class() -> type:
    from flax.training import train_state

    class FlaxTrainState(train_state.TrainState):
        """Flax's state with two fields more, as its guide adds them for batch norm and dropout."""

        model_state: Any = ()
        key: Any = None

    return FlaxTrainState


def to_flax(
    state: TrainState,
    *,
    apply_fn: Callable[..., Any],
    optimizer: optax.GradientTransformation,
) -> Any:
    """The same state as a ``flax.training.train_state.TrainState``; nothing is copied.

    Args:
      state: ours.
      apply_fn: what Flax's state carries as ``apply_fn``.
      optimizer: the transformation that made ``state.opt_state``; Flax calls it ``tx``.

    Returns:
      A subclass of Flax's TrainState that also holds ``model_state`` and ``key``.

    Example:
      >>> optimizer = optax.sgd(0.1)
      >>> state = init_state(jax.random.key(0), {"w": jnp.ones(2)}, optimizer=optimizer)
      >>> flax_state = to_flax(state, apply_fn=jnp.dot, optimizer=optimizer)
      >>> print(flax_state.apply_gradients(grads={"w": jnp.ones(2)}).params["w"])
      [0.9 0.9]
    """
    if not isinstance(state, TrainState):
        raise TypeError(
            f"to_flax: argument `state` must be a TrainState, got {type(state).__name__}"
        )
    return _flax_class()(apply_fn=apply_fn, tx=optimizer, **state._asdict())


def from_flax(state: Any, *, key: Array | None = None, model_state: PyTree = None) -> TrainState:
    """Our state from Flax's; nothing is copied.

    Args:
      state: a ``flax.training.train_state.TrainState``, or a subclass of it.
      key: the run's random key; None takes ``state.key``, which Flax's own class lacks.
      model_state: the model's state; None takes ``state.model_state``, else
        ``state.batch_stats``, else ``()``.

    Returns:
      A TrainState.

    Example:
      >>> optimizer = optax.sgd(0.1)
      >>> state = init_state(jax.random.key(0), {"w": jnp.ones(2)}, optimizer=optimizer)
      >>> back = from_flax(to_flax(state, apply_fn=jnp.dot, optimizer=optimizer))
      >>> print(back.params["w"], int(back.step))
      [1. 1.] 0
    """
    missing = [name for name in ("params", "opt_state", "step") if not hasattr(state, name)]
    if missing:
        raise TypeError(
            "from_flax: argument `state` must be a Flax TrainState, got "
            f"{type(state).__name__} without {', '.join(missing)}"
        )
    if key is None:
        key = getattr(state, "key", None)
        if key is None:
            raise ValueError("from_flax: argument `key` is needed: this Flax state carries none")
    if model_state is None:
        model_state = getattr(state, "model_state", getattr(state, "batch_stats", ()))
    step = jnp.asarray(state.step, jnp.int32)
    return TrainState(state.params, model_state, state.opt_state, step, as_key("key", key))
