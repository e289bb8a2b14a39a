"""Loops and branches of ``jax.lax`` that trace inside ``jax.shard_map`` too.

There an array's type says over which axes of the mesh it varies, and jax asks a loop's carry for
the same type going in and coming out, and two branches for one. A carry that starts from a constant
(an identity, a count of 0) becomes of the data in the body. So what goes in is made to vary over
what comes out does; outside of a ``shard_map`` the calls are those of ``jax.lax``.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath.typing import Array, PyTree

__all__: list[str] = []

Carry = TypeVar("Carry")


def _in_shard_map() -> bool:
    return bool(jax.sharding.get_abstract_mesh().manual_axes)


def _axes(x: Any) -> frozenset:
    return jax.typeof(x).manual_axis_type.varying


def _cast(tree: Carry, axes: list[frozenset]) -> Carry:
    """The tree with each leaf varying over these axes, and its own."""

    def cast(x: Any, axes: frozenset) -> Array:
        more = tuple(sorted(axes - _axes(x)))
        return lax.pcast(x, more, to="varying") if more else x

    leaves, structure = jax.tree.flatten(tree)
    return jax.tree.unflatten(structure, [cast(x, a) for x, a in zip(leaves, axes, strict=True)])


def _axes_out(fn: Callable, *args: PyTree) -> list[frozenset]:
    """The axes over which the leaves of ``fn(*args)`` vary."""
    return [aval.manual_axis_type.varying for aval in jax.make_jaxpr(fn)(*args).out_avals]


def _varied(body: Callable, init: Carry, *args: PyTree) -> tuple[Carry, list[frozenset]]:
    """The start of a loop, varying over all that a carry comes to vary over, and these axes."""
    while True:
        axes = [_axes(x) for x in jax.tree.leaves(init)]
        union = [a | b for a, b in zip(axes, _axes_out(body, init, *args), strict=True)]
        if union == axes:
            return init, axes
        init = _cast(init, union)


def while_loop(cond: Callable[[Carry], Any], body: Callable[[Carry], Carry], init: Carry) -> Carry:
    """``lax.while_loop``."""
    if not _in_shard_map():
        return lax.while_loop(cond, body, init)
    init, axes = _varied(body, init)
    return lax.while_loop(cond, lambda carry: _cast(body(carry), axes), init)


def fori_loop(
    lower: Any, upper: Any, body: Callable[[Array, Carry], Carry], init: Carry, **options: Any
) -> Carry:
    """``lax.fori_loop``, whose index is an array under ``jax.disable_jit`` too."""
    indexed = lambda i, carry: body(jnp.asarray(i), carry)
    if not _in_shard_map():
        return lax.fori_loop(lower, upper, indexed, init, **options)
    first = lower if isinstance(lower, jax.Array) else 0
    init, axes = _varied(lambda carry, i: indexed(i, carry), init, first)
    cast = lambda i, carry: _cast(indexed(i, carry), axes)
    return lax.fori_loop(lower, upper, cast, init, **options)


def scan(
    body: Callable[[Carry, Any], tuple[Carry, Any]], init: Carry, xs: PyTree = None, **options: Any
) -> tuple[Carry, Any]:
    """``lax.scan``."""
    if not _in_shard_map():
        return lax.scan(body, init, xs, **options)
    first = jax.tree.map(lambda a: a[0], xs)
    init, axes = _varied(lambda carry, x: body(carry, x)[0], init, first)

    def cast(carry: Carry, x: PyTree) -> tuple[Carry, Any]:
        carry, y = body(carry, x)
        return _cast(carry, axes), y

    return lax.scan(cast, init, xs, **options)


def _alike(branches: list[Callable], *args: PyTree) -> list[Callable]:
    """Branches whose results vary over the same axes."""
    if not _in_shard_map():
        return branches
    each = zip(*(_axes_out(branch, *args) for branch in branches), strict=True)
    union = [frozenset.union(*axes) for axes in each]
    return [lambda *a, branch=branch: _cast(branch(*a), union) for branch in branches]


def cond(pred: Any, true_fn: Callable, false_fn: Callable, *args: PyTree) -> PyTree:
    """``lax.cond``; by a predicate that varies over a mesh both branches, and a choice.

    vmap makes a choice of it anyway, in which jax trips over what a branch closes over and all
    devices share. As there, the branch that is not taken gets operands without a derivative.
    """
    if not (_in_shard_map() and _axes(pred)):
        return lax.cond(pred, *_alike([true_fn, false_fn], *args), *args)
    held = lambda flag: jax.tree.map(lambda x: jnp.where(flag, x, lax.stop_gradient(x)), args)
    choose = lambda yes, no: jnp.where(pred, yes, no)
    return jax.tree.map(choose, true_fn(*held(pred)), false_fn(*held(jnp.logical_not(pred))))


def platform_dependent(*args: PyTree, default: Callable, **forms: Callable) -> PyTree:
    """``lax.platform_dependent``."""
    default, *rest = _alike([default, *forms.values()], *args)
    return lax.platform_dependent(*args, default=default, **dict(zip(forms, rest, strict=True)))


def like(tree: PyTree, x: Array) -> PyTree:
    """The tree, varying over what x varies over: its tangents, say."""
    if not _in_shard_map():
        return tree
    return _cast(tree, [_axes(leaf) | _axes(x) for leaf in jax.tree.leaves(tree)])
