"""Data on its way to the devices: checked, filled up, placed, shuffled, gathered in batches."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmath._draws import words
from jaxmath.datasets.dataset import Dataset
from jaxmath.nn._stored import stored
from jaxmath.train.step import Batch
from jaxmath.typing import Array, PyTree

__all__: list[str] = []


class Placed(NamedTuple):
    """Data on the devices; examples of weight 0 fill the arrays up to their capacity.

    Args:
      x: inputs, leaves of shape (capacity, …).
      y: targets, leaves of shape (capacity, …).
      weight: shape (capacity,).
      limit: at most so many batches of it are visited.
    """

    x: PyTree
    y: PyTree
    weight: Array
    limit: Array | np.int32


def as_pair(data: Any) -> Any:
    """(x, y) of a ``Dataset``; whatever else it is, unchanged."""
    return tuple(data) if isinstance(data, Dataset) else data


def _in_dtype(what: str, leaf: Any) -> np.ndarray:
    """The array as jax will hold it; where there are no 64 bits, 1e300 is ∞ and 2³² is refused."""
    array = np.asarray(leaf)
    if array.dtype.kind in "OSUMm":  # objects, text, dates
        raise TypeError(f"{what} must be an array of numbers, got dtype {array.dtype}")
    dtype = jax.dtypes.canonicalize_dtype(array.dtype)
    if array.dtype.kind in "iu" and dtype != array.dtype and array.size:
        limits, low, high = np.iinfo(dtype), int(array.min()), int(array.max())
        if low < limits.min or high > limits.max:
            raise ValueError(
                f"{what} has the integer {high if high > limits.max else low}, which {dtype} "
                "cannot hold: set jax_enable_x64 for 64 bits"
            )
    with np.errstate(over="ignore"):
        return array.astype(dtype, copy=False)


def held(caller: str, name: str, tree: PyTree) -> PyTree:
    """The tree with each leaf as jax will hold it, or one line about one that it would cut."""

    def one(path: Any, leaf: Any) -> Any:
        if isinstance(leaf, jax.Array):
            return leaf
        return _in_dtype(f"{caller}: {name}{jax.tree_util.keystr(path)}", leaf)

    return jax.tree_util.tree_map_with_path(one, tree)


def check_data(caller: str, name: str, data: Any, num_classes: int | None = None) -> int:
    """The number of examples, or one line about what is wrong with them."""
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(f"{caller}: argument `{name}` must be a pair (x, y)")
    parts = {f"{name}.{part}": rows for part, rows in zip("xy", data, strict=True)}
    return check_rows(caller, name, parts, num_classes)


def check_rows(
    caller: str, name: str, parts: dict[str, PyTree], num_classes: int | None = None
) -> int:
    """The same of what makes up an argument, by name; the classes are the last part."""
    leaves = jax.tree.leaves_with_path(parts)
    where = lambda path: f"{path[0].key}{jax.tree_util.keystr(path[1:])}"
    first = next(iter(parts))
    if not jax.tree.leaves(parts[first]):
        raise ValueError(f"{caller}: argument `{name}` has no array in {first}")
    sizes = {where(path): np.shape(leaf)[0] if np.ndim(leaf) else -1 for path, leaf in leaves}
    if -1 in sizes.values() or len(set(sizes.values())) > 1:
        lists = any(type(rows) in (list, tuple) for rows in parts.values())
        advice = "; lists and tuples are pytrees of arrays: np.asarray makes one array of them"
        raise ValueError(
            f"{caller}: argument `{name}` must have one row an example in each array, got "
            f"{_few(sizes)}{advice if lists else ''}"
        )
    n = int(next(iter(sizes.values())))
    if n == 0:
        raise ValueError(f"{caller}: argument `{name}` is empty")
    for path, leaf in leaves:
        array = _in_dtype(f"{caller}: {where(path)}", leaf)
        if jnp.issubdtype(array.dtype, jnp.inexact):
            bad = ~np.isfinite(array).reshape(n, -1).all(axis=1)
            what = "is not finite"
        elif num_classes is not None and path[0].key == [*parts][-1] and array.dtype.kind in "iu":
            bad = ((array < 0) | (array >= num_classes)).reshape(n, -1).any(axis=1)
            what = f"is outside 0 … {num_classes - 1}"
        else:
            continue
        if bad.any():
            raise ValueError(
                f"{caller}: {where(path)} {what} in {bad.sum()} of {n} examples, the first at "
                f"index {bad.argmax()}"
            )
    return n


def _few(sizes: dict[str, int]) -> str:
    """One array of each length, three at most: a list of numbers has as many as it has numbers."""
    first: dict[int, str] = {}
    for where, size in sizes.items():
        first.setdefault(size, where)
    few = {first[size]: "a number" if size < 0 else size for size in list(first)[:3]}
    return f"{few} and {len(sizes) - len(few)} more" if len(sizes) > len(few) else str(few)


def check_batch_size(caller: str, batch_size: int, n: int, mesh: Mesh | None) -> None:
    """One line about a batch size that the data or the devices do not allow."""
    if batch_size > n:
        raise ValueError(
            f"{caller}: argument `batch_size` is {batch_size}, larger than the {n} examples"
        )
    if mesh is not None and batch_size % mesh.size:
        raise ValueError(
            f"{caller}: argument `batch_size` must be a multiple of the mesh's {mesh.size} "
            f"devices, got {batch_size}"
        )


def _capacity(n: int, multiple: int) -> int:
    """n rounded up by an eighth at most, so that data sets of like length share a program."""
    grain = max(2 ** max(n.bit_length() - 4, 0), 1)
    grain = -(-grain // multiple) * multiple
    return -(-n // grain) * grain


def place(data: Any, mesh: Mesh | None) -> Placed:
    """The data on the default device, or its rows over the mesh; each process gives its own rows.

    What fills up is a copy of an example, so that it is as finite as they are.
    """
    x, y = data
    n = np.shape(jax.tree.leaves(x)[0])[0]
    local = 1 if mesh is None else mesh.local_mesh.size
    length = n
    if mesh is not None and jax.process_count() > 1:
        from jax.experimental import multihost_utils

        length = int(np.max(multihost_utils.process_allgather(np.int32(n))))
    index = np.minimum(np.arange(_capacity(length, local)), n - 1)
    x, y = jax.tree.map(lambda a: _in_dtype("place", a)[index], (x, y))
    weight = (np.arange(index.size) < n).astype(np.float32)
    full = Placed(x, y, weight, np.int32(np.iinfo(np.int32).max))
    if mesh is None:
        return jax.device_put(full)
    sharded = NamedSharding(mesh, PartitionSpec(mesh.axis_names[0]))
    rows = lambda a: jax.make_array_from_process_local_data(sharded, a)
    x, y, weight = jax.tree.map(rows, (x, y, weight))
    return Placed(x, y, weight, replicate(full.limit, mesh))


def replicate(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """The tree on every device of the mesh, those of other processes too."""
    if mesh is None:
        return tree
    everywhere = NamedSharding(mesh, PartitionSpec())

    def put(a: Any) -> Array:
        # Across processes device_put does not do, and a key goes as its data.
        if jnp.issubdtype(jnp.result_type(a), jax.dtypes.prng_key):
            return jax.random.wrap_key_data(
                put(jax.random.key_data(a)), impl=jax.random.key_impl(a)
            )
        return jax.make_array_from_process_local_data(everywhere, np.asarray(a))

    return jax.tree.map(put, tree)


def divide(tree: PyTree, mesh: Mesh) -> PyTree:
    """The lanes of a tree, its leading axis, over the devices of the mesh."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec(mesh.axis_names[0])))


def shuffled(key: Array, real: Array) -> Array:
    """The indices of the real examples in a random order, and behind them the others.

    Each round sorts by random bits above and the place below in one word, since XLA sorts single
    words ten times faster than pairs on a CPU; where bits tie, the order of the round before stays.
    Of two that tie in all rounds a coin tells which is first: that more tie is one order in 3,000,
    with (3 log₂ n + 9)/2 bits for each. Sorts take the time: a draw serves as many rounds as it has
    bits for, but one for the coin.
    """
    n = real.shape[0]
    place_bits = max((n - 1).bit_length(), 1)
    wanted = -(-(3 * place_bits + 9) // 2)
    num_rounds = -(-wanted // (32 - place_bits))
    bits = -(-wanted // num_rounds)
    rounds_a_draw = 31 // bits
    draws = words(key, (-(-num_rounds // rounds_a_draw), n))
    draws = stored(draws, jax.random.key_data(key).astype(jnp.float32))  # not one for each use
    most = 2**bits - 1
    place, rows = jnp.arange(n, dtype=jnp.uint32), jnp.arange(n, dtype=jnp.int32)
    same = jnp.array(True)
    keys = []
    for i in range(num_rounds):
        j, k = divmod(i, rounds_a_draw)
        of_real = jnp.minimum((draws[j] >> (k * bits)) & most, most - 1)
        keys.append(jnp.where(real, of_real, jnp.uint32(most)))
        rows = rows[lax.sort((keys[-1][rows] << place_bits) | place) & (2**place_bits - 1)]
    for values in keys:
        same &= values[rows[1:]] == values[rows[:-1]]
    # The first of two that change places; of three in a row the first two.
    heads = same & (draws[-1, 1:] >> 31 == 1)
    heads &= ~jnp.pad(heads, (1, 0))[:-1]
    rest = jnp.where(jnp.pad(heads, (1, 0)), jnp.roll(rows, 1), rows)
    return jnp.where(jnp.pad(heads, (0, 1)), jnp.roll(rows, -1), rest)


def take(data: Placed, index: Array, weight: Array, mesh: Mesh | None) -> Batch:
    """The examples of these indices (inside the arrays) as a batch, its rows over the mesh."""
    rows = lambda a: a.at[index].get(mode="promise_in_bounds")
    x, y = jax.tree.map(rows, (data.x, data.y))
    batch = Batch(x, y, weight)
    if mesh is None:
        return batch
    sharded = NamedSharding(mesh, PartitionSpec(mesh.axis_names[0]))
    return lax.with_sharding_constraint(batch, sharded)
