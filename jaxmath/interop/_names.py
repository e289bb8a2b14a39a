"""Names of the leaves of a tree: those of a Flax module that is built of the same layers.

A record that is an element of a tuple or list is called by its Flax class and the count of its
likes before it (``Dense_0``, ``LayerNorm_0``, ``Dense_1``), as Flax names the layers of a compact
module; any other element by its index; fields and dictionary entries by their own names.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath.typing import PyTree

__all__: list[str] = []

# Where Flax's class has another name than our record.
_FLAX_CLASS = {"BatchNormState": "BatchNorm", "Embedding": "Embed"}


def is_record(node: Any) -> bool:
    """Is it a NamedTuple?"""
    return isinstance(node, tuple) and hasattr(node, "_fields")


def children(node: Any) -> dict[str, Any] | None:
    """The node's children by name, in jax's order; None for a leaf."""
    if is_record(node):
        return node._asdict()
    if isinstance(node, Mapping):
        ordered = node if isinstance(node, OrderedDict) else sorted(node)
        return {str(name): node[name] for name in ordered}
    if isinstance(node, (tuple, list)):
        counts: Counter[str] = Counter()
        named = {}
        for i, item in enumerate(node):
            name = str(i)
            if is_record(item):
                kind = _FLAX_CLASS.get(type(item).__name__, type(item).__name__)
                name = f"{kind}_{counts[kind]}"
                counts[kind] += 1
            named[name] = item
        return named
    return None


def nested(node: Any) -> Any:
    """The tree as nested dictionaries, with the leaves as they are."""
    named = children(node)
    return node if named is None else {name: nested(item) for name, item in named.items()}


def flat(tree: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of nested mappings by path, the names joined by dots."""
    leaves: dict[str, Any] = {}
    for name, item in tree.items():
        path = f"{prefix}{name}"
        found = flat(item, f"{path}.") if isinstance(item, Mapping) else {path: item}
        if twice := leaves.keys() & found.keys():
            raise ValueError(f"two leaves of the tree have the name {min(twice)!r}")
        leaves |= found
    return leaves


def as_nested(caller: str, name: str, tree: PyTree) -> dict[str, Any]:
    """``nested`` of a tree that has names at all, and in which jax sees the same leaves."""
    if children(tree) is None:
        raise TypeError(
            f"{caller}: argument `{name}` must be a record, tuple or dictionary of arrays, got "
            f"{type(tree).__name__}"
        )
    names = nested(tree)
    if len(flat(names)) != len(jax.tree.leaves(tree)):
        raise TypeError(
            f"{caller}: argument `{name}` must hold nothing but arrays in records, tuples and "
            "dictionaries"
        )
    return names


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def check_same(caller: str, got: Mapping[str, Any], want: Mapping[str, Any]) -> None:
    """Refuse leaves whose names or descriptions (shape, dtype) differ, in one line."""
    faults = []
    if missing := [name for name in want if name not in got]:
        faults.append(f"missing {_few(missing)}")
    if unknown := [name for name in got if name not in want]:
        faults.append(f"unexpected {_few(unknown)}")
    other = [f"{n} is {got[n]}, not {want[n]}" for n in want if n in got and got[n] != want[n]]
    if other:
        faults.append(_few(other))
    if faults:
        raise ValueError(f"{caller}: the weights do not fit argument `like`: {'; '.join(faults)}")


def shapes(leaves: Mapping[str, Any]) -> dict[str, str]:
    """What ``check_same`` compares where the dtype is free."""
    return {name: f"of shape {tuple(jnp.shape(leaf))}" for name, leaf in leaves.items()}


def rebuild(like: PyTree, leaves: Mapping[str, Any]) -> PyTree:
    """The tree of the form of ``like`` whose leaves have these names."""
    likes, structure = jax.tree.flatten(like)
    places = flat(nested(jax.tree.unflatten(structure, range(len(likes)))))
    ordered = sorted(places, key=lambda name: places[name])
    return jax.tree.unflatten(structure, [leaves[name] for name in ordered])
