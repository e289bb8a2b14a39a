"""Parts of a data set for training, validation and test, with the classes' shares kept."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.datasets.dataset import Dataset, check_dataset
from jaxmath.typing import Array, as_key, check_number

__all__ = ["split"]


def _part_sizes(fractions: Sequence[float], n: int) -> list[int]:
    if not isinstance(fractions, (tuple, list)) or not fractions:
        raise TypeError(
            f"split: argument `fractions` must be a tuple of numbers, got {fractions!r}"
        )
    for i, fraction in enumerate(fractions):
        check_number(f"fractions[{i}]", fraction, low=0.0, high=1.0, open_low=True)
    if abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(
            f"split: argument `fractions` must sum to 1, got {tuple(fractions)} with the sum "
            f"{sum(fractions):.6g}"
        )
    bounds = np.round(np.cumsum((0.0, *fractions)) * n).astype(int)
    sizes = np.diff(bounds).tolist()
    if 0 in sizes:
        i = sizes.index(0)
        raise ValueError(
            f"split: argument `fractions` leaves part {i} empty: a fraction of {fractions[i]:g} of "
            f"{n} examples"
        )
    return sizes


def _check_classes(dataset: Dataset, y: np.ndarray, num_parts: int) -> None:
    labels, counts = np.unique(y, return_counts=True)
    i = int(np.argmin(counts))
    if counts[i] < num_parts:
        names = dataset.class_names
        name = f" ({names[labels[i]]})" if names else ""
        raise ValueError(
            f"split: argument `dataset` has {counts[i]} of class {labels[i]}{name}, too few to "
            f"stratify over {num_parts} parts; stratify=False splits regardless of the classes"
        )


def _parts(sizes: Sequence[int]) -> np.ndarray:
    """The part of each place, such that every interval of places has its share of each part."""
    parts, free = np.zeros(sum(sizes), int), np.arange(sum(sizes))
    for part in range(len(sizes) - 1, 0, -1):
        # ⌊(i + 1) m/n⌋ − ⌊i m/n⌋ is 1 for m of n places, ⌊qm/n⌋ or ⌈qm/n⌉ of any q in a row.
        steps = np.arange(len(free) + 1) * sizes[part] // len(free)
        chosen = np.diff(steps) == 1
        parts[free[chosen]] = part
        free = free[~chosen]
    return parts


def split(
    key: Array, dataset: Dataset, fractions: Sequence[float] = (0.8, 0.2), *, stratify: bool = True
) -> tuple[Dataset, ...]:
    """Shuffle a data set and cut it into disjoint parts that keep the classes' shares.

    ::

        n_p = round(n (f₁ + … + f_p)) − round(n (f₁ + … + f_{p−1}))
        | n_{p,c} − n_p n_c / n | < 1 for two parts

    Args:
      key: a random key, used once: the same key gives the same parts.
      dataset: n examples.
      fractions: share f_p of each part, positive, summing to 1; as many as there are parts, in the
        order of (train, validation, test), say.
      stratify: True keeps the share of each class where the targets are integers, one an example.
        False, or a target that is no class, splits at random.

    Returns:
      One Dataset a part, in NumPy, in random order, with the names of the whole.

    Raises:
      TypeError: no key, no Dataset, or fractions that are no sequence.
      ValueError: fractions outside (0, 1] or of another sum, a part that would be empty, a class
        with fewer members than there are parts, or what ``check_dataset`` refuses.

    Numerics:
      Exact. Examples of a class stand together in random order, and a part takes every (1/f)-th
      place of the row (its count by integer arithmetic), the last part first and the others from
      what is left: of m examples in a row it has ⌊m n_p/n⌋ or ⌈m n_p/n⌉. With more parts each
      further one adds an error below 1. Sizes do not depend on the key. Cost: a sort, on the host.

    Example:
      >>> from jaxmath import datasets
      >>> train, test = split(jax.random.key(0), datasets.iris(), (0.8, 0.2))
      >>> print(train.x.shape, np.bincount(test.y))
      (120, 4) [10 10 10]

    References:
      R. Kohavi, "A study of cross-validation and bootstrap for accuracy estimation and model
      selection", 1995, section 2.2 (stratification).
      W. G. Cochran, "Sampling Techniques", 3rd edition, 1977, section 8.1 (systematic samples).
    """
    key = as_key("key", key)
    check_dataset(dataset)
    x, y = np.asarray(dataset.x), np.asarray(dataset.y)
    sizes = _part_sizes(fractions, len(x))
    # Philox on the host: a draw of n numbers in jax would compile for every n. Its raw stream is
    # one that NumPy promises to keep.
    seed = np.asarray(jax.random.bits(key, (4,), jnp.uint32)).view(np.uint64)
    order = np.argsort(np.random.Philox(key=seed).random_raw(len(x)), kind="stable")
    places = np.arange(len(x))
    if stratify and y.ndim == 1 and np.issubdtype(y.dtype, np.integer):
        _check_classes(dataset, y, len(sizes))
        places = np.argsort(y[order], kind="stable")
    parts = np.empty(len(x), int)
    parts[places] = _parts(sizes)
    chosen = [order[parts == part] for part in range(len(sizes))]
    return tuple(dataclasses.replace(dataset, x=x[rows], y=y[rows]) for rows in chosen)
