"""One builder for the first-order optimizers: a rule on one leaf becomes an optax optimizer.

A rule is the textbook's lines on one array::

    rule(t, g, theta, slots, hyper) -> (update, new slots)

with ``t`` the 1-based step as a real scalar (None where nothing counts), ``g`` the gradient,
``theta`` the parameter (None where weight decay is off), and tuples of the accumulators and of the
hyper-parameters, these as scalars of the arithmetic dtype. The builder does everything that is not
mathematics: the tree, the counter, the schedules and the dtypes.

The arithmetic dtype is the gradient's or the state's, whichever is wider, and float32 at least.
Every hyper-parameter is rounded to it first, so a float64 learning rate does not widen a float32
tree, and 1 − b2 and 1 − b2ᵗ come from the same rounded b2.

Complex leaves follow optax: second moments are of |g|² and real; what descends is the conjugate
of ``jax.grad``, and conjugating is the caller's part.
"""

from collections.abc import Callable
from contextlib import nullcontext
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import DTypeLike

from jaxmath.typing import Array, PyTree, Scalar

__all__ = [
    "Arrays",
    "ElementwiseState",
    "Mask",
    "Slot",
    "Step",
    "abs_squared",
    "decayed",
    "elementwise",
]

Mask = PyTree | Callable[[PyTree], PyTree]
Arrays = tuple[Array, ...]
Step = tuple[Array, Arrays]
Rule = Callable[..., Step]


class Slot(NamedTuple):
    """One accumulator per leaf: its start, and how it is stored."""

    init: Scalar = 0.0
    real: bool = False
    scalar: bool = False
    dtype: DTypeLike | None = None


class ElementwiseState(NamedTuple):
    """The accumulators by name, and the number of updates made (int32, saturating).

    The count is None where neither the rule nor a schedule reads it: one scalar more to pass makes
    the compiled update of a small tree measurably slower than optax's.
    """

    count: Array | None  # type: ignore[assignment]
    slots: dict[str, PyTree]


def abs_squared(x: Array) -> Array:
    """|x|², real for complex x."""
    return x * x if jnp.isrealobj(x) else (x * jnp.conj(x)).real


def decayed(direction: Array, theta: Array | None, weight_decay: Array) -> Array:
    """direction + λθ, and the direction alone where θ is not to decay."""
    return direction if theta is None else direction + weight_decay * theta


def _arithmetic(*dtypes: np.dtype) -> np.dtype:
    wide = [np.dtype(d) if jnp.finfo(d).bits >= 32 else np.dtype(np.float32) for d in dtypes]
    return reduce(np.promote_types, wide)


def _check_floating(name: str, leaf: Array) -> None:
    if not jnp.issubdtype(leaf.dtype, jnp.inexact):
        raise TypeError(f"every leaf of `{name}` must be floating, got dtype {leaf.dtype}")


def _new_slot(slot: Slot, leaf: Array) -> Array:
    leaf = jnp.asarray(leaf)
    _check_floating("params", leaf)
    dtype = _arithmetic(leaf.dtype)
    if slot.real:
        dtype = jnp.finfo(dtype).dtype
    elif slot.dtype is not None and jnp.isrealobj(leaf):
        dtype = jax.dtypes.canonicalize_dtype(slot.dtype)
    shape = () if slot.scalar else leaf.shape
    return jnp.full_like(leaf, slot.init, dtype=dtype, shape=shape)


def _flatten(gradients: PyTree) -> tuple[list, Any]:
    """The leaves, None among them, and the structure (of a class that jax does not type)."""
    return jax.tree.flatten(gradients, is_leaf=lambda leaf: leaf is None)


def _evaluate(name: str, value: optax.ScalarOrSchedule, count: Array | None) -> Array:
    if callable(value):
        # optax's schedules do not trace under strict promotion.
        with jax.numpy_dtype_promotion("standard"):
            value = value(count)
    value = jnp.asarray(value)
    if value.ndim:
        raise ValueError(
            f"argument `{name}` must be a scalar, got shape {value.shape}; for a sweep, use "
            "jax.vmap over a function that builds the optimizer"
        )
    return value


def _decay_leaves(mask: Mask | None, params: PyTree, treedef: Any) -> list:
    """The parameters leaf by leaf, with None where the mask turns decay off."""
    if mask is not None:
        if callable(mask) and jax.tree_util.all_leaves([mask]):
            mask = mask(params)
        params = jax.tree.map(
            lambda keep, subtree: subtree if keep else jax.tree.map(lambda _: None, subtree),
            mask,
            params,
        )
    return treedef.flatten_up_to(params)


def _check_gradient(g: Array, old: list[Array], slots: dict[str, Slot]) -> None:
    _check_floating("updates", g)
    for slot, leaf in zip(slots.values(), old, strict=True):
        if not slot.scalar and leaf.shape != g.shape:
            raise ValueError(f"a gradient has shape {g.shape}, its parameter had {leaf.shape}")
        if not slot.real and jnp.iscomplexobj(leaf) != jnp.iscomplexobj(g):
            raise TypeError(f"a gradient has dtype {g.dtype}, its accumulator {leaf.dtype}")


def _update_leaf(
    rule: Rule,
    t: Array | None,
    g: Array,
    theta: Array | None,
    old: list[Array],
    hyper: list[Array],
) -> tuple[Array, list[Array]]:
    dtype = _arithmetic(g.dtype, *(slot.dtype for slot in old))
    real = jnp.finfo(dtype).dtype
    scalars = tuple(value.astype(real) for value in hyper)
    slots = tuple(slot.astype(dtype if jnp.iscomplexobj(slot) else real) for slot in old)
    t = None if t is None else t.astype(real)
    theta = None if theta is None else jnp.asarray(theta).astype(dtype)
    # A complex leaf times a real hyper-parameter is no promotion that could hide a mistake.
    loose = jnp.issubdtype(dtype, jnp.complexfloating)
    with jax.numpy_dtype_promotion("standard") if loose else nullcontext():
        update, new = rule(t, g.astype(dtype), theta, slots, scalars)
    return update.astype(g.dtype), [n.astype(o.dtype) for n, o in zip(new, old, strict=True)]


def elementwise(
    rule: Rule,
    hyper: dict[str, optax.ScalarOrSchedule],
    slots: dict[str, Slot],
    *,
    uses_step: bool = False,
    uses_params: bool = False,
    mask: Mask | None = None,
) -> optax.GradientTransformation:
    """The optimizer whose update applies ``rule`` to every leaf.

    Args:
      rule: the mathematics on one leaf, see the module's docstring.
      hyper: what the rule takes, in its order: numbers, traced scalars, or schedules of the
        0-based count.
      slots: the accumulators, in the order in which the rule takes and returns them.
      uses_step: the rule reads ``t``.
      uses_params: the rule reads ``theta``, so ``update`` refuses ``params=None``.
      mask: booleans, a prefix of the parameters' tree or a function of them; ``theta`` is None
        where False.

    Returns:
      The transformation. A leaf None or ``optax.MaskedNode`` passes through, its slots unchanged;
      every update has its gradient's dtype.
    """

    counts = uses_step or any(callable(value) for value in hyper.values())

    def init(params: PyTree) -> ElementwiseState:
        trees = {
            name: jax.tree.map(lambda leaf, slot=slot: _new_slot(slot, leaf), params)
            for name, slot in slots.items()
        }
        return ElementwiseState(jnp.zeros((), jnp.int32) if counts else None, trees)

    def update(
        updates: PyTree, state: ElementwiseState, params: PyTree | None = None
    ) -> tuple[PyTree, ElementwiseState]:
        if uses_params and params is None:
            raise ValueError("weight decay needs `params`: call update(updates, state, params)")
        count = optax.safe_increment(state.count) if counts else None
        values = [_evaluate(name, value, state.count) for name, value in hyper.items()]
        gradients, treedef = _flatten(updates)
        old = [treedef.flatten_up_to(state.slots[name]) for name in slots]
        thetas = [None] * len(gradients)
        if uses_params:
            thetas = _decay_leaves(mask, params, treedef)
        steps, new = [], []
        for i, g in enumerate(gradients):
            mine = [leaves[i] for leaves in old]
            if g is not None:
                g = jnp.asarray(g)
                _check_gradient(g, mine, slots)
                g, mine = _update_leaf(rule, count, g, thetas[i], mine, values)
            steps.append(g)
            new.append(mine)
        trees = {name: treedef.unflatten([n[k] for n in new]) for k, name in enumerate(slots)}
        return treedef.unflatten(steps), ElementwiseState(count, trees)

    return optax.GradientTransformation(init, update)
