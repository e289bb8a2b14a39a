"""The tables of an interpolated n-gram model, and what is read from them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath._draws import wide_dtype
from jaxmath.typing import Array, ArrayLike, _caller, as_array

__all__: list[str] = []


class NGramParams(NamedTuple):
    """The parameters of an interpolated n-gram model of order N over k symbols.

    ::

        p(w | c) = λ₀/k + Σ_m λ_m f_m(w | the last m − 1 of c),   m = 1, …, N

    ``frequencies`` are f₁, …, f_N of shapes (k,), (k, k), …, the last axis w; ``weights`` are λ,
    shape (N + 1,).
    """

    frequencies: tuple[Array, ...]
    weights: Array


def windows_of(ids: Array, order: int) -> Array:
    """The targets from the second symbol on, each after its order − 1 predecessors."""
    steps = np.arange(1, ids.shape[-1])[:, None] + np.arange(1 - order, 1)
    return ids[..., steps.clip(min=0)]


def check_known(name: str, values: Any, least: int, most: int) -> None:
    """Known integers must be in range; traced ones cannot be seen."""
    if isinstance(values, jax.core.Tracer) or values.size == 0:
        return
    seen = np.asarray(values)  # a minimum of a JAX array would be a program to compile
    for value in (int(seen.min()), int(seen.max())):
        if not least <= value <= most:
            raise ValueError(
                f"{_caller()}: argument `{name}` must lie in {least} … {most}, got {value}"
            )


def inside(index: Array, k: int) -> Array:
    """Indices with those out of range at k, where a gather fills and a scatter drops."""
    index = index.astype(jnp.result_type(int))
    return jnp.where((index >= 0) & (index < k), index, k)


def frequencies_of(counts: Array, dtype: Any) -> tuple[Array, ...]:
    """f₁, …, f_N; after a context never seen, those of the next lower order."""
    k, tables = counts.shape[0], []
    lower = jnp.full(k, 1 / k, dtype)
    for m in range(1, counts.ndim + 1):
        table = jnp.sum(counts, axis=tuple(range(counts.ndim - m))).astype(wide_dtype(dtype))
        total = jnp.sum(table, axis=-1, keepdims=True)
        seen = (table / jnp.where(total > 0, total, jnp.ones_like(total))).astype(dtype)
        lower = jnp.where(total > 0, seen, jnp.broadcast_to(lower, table.shape))
        tables.append(lower)
        lower = lower[None]
    return tuple(tables)


def terms_of(params: NGramParams) -> list[Array]:
    """1/k, f₁, …, f_N, each with the axes of the last."""
    frequencies, weights = params
    last = frequencies[-1]
    uniform = jnp.full((1,) * last.ndim, 1 / last.shape[-1], weights.dtype)
    return [uniform, *(f.reshape((1,) * (last.ndim - f.ndim) + f.shape) for f in frequencies)]


def mixture(params: NGramParams) -> Array:
    """p(w | c) as a table of the shape of f_N."""
    terms = terms_of(params)
    shape = params.frequencies[-1].shape
    parts = [
        w * jnp.broadcast_to(term, shape) for w, term in zip(params.weights, terms, strict=True)
    ]
    return sum(parts[1:], parts[0])


def checked(params: NGramParams) -> NGramParams:
    """Parameters of consistent shapes."""
    frequencies, weights = params
    if not isinstance(frequencies, tuple) or not frequencies:
        raise TypeError(
            f"{_caller()}: argument `params.frequencies` must be a tuple of arrays, got "
            f"{type(frequencies).__name__}"
        )
    first = as_array("params.frequencies[0]", frequencies[0], ndim=1, min_size=1)
    tables = tuple(
        as_array(f"params.frequencies[{i}]", f, shape=first.shape * (i + 1))
        for i, f in enumerate(frequencies)
    )
    return NGramParams(tables, as_array("params.weights", weights, shape=(len(tables) + 1,)))


def with_counts(params: NGramParams, counts: ArrayLike) -> tuple[NGramParams, Array]:
    params = checked(params)
    last = params.frequencies[-1]
    counts = as_array("counts", counts, shape=last.shape, kind="integer")
    return params, counts.astype(params.weights.dtype)


def gains_of(params: NGramParams, counts: Array) -> Array:
    """∂/∂λ_m of the mean log-likelihood: 1 for all that are in use, at most 1, at the maximum."""
    p = mixture(params)
    present = counts > 0
    ratio = jnp.where(present, counts, 0.0) / jnp.where(present, p, jnp.ones_like(p))
    total = jnp.sum(counts)
    sums = [jnp.sum(ratio * jnp.broadcast_to(f, ratio.shape)) for f in terms_of(params)]
    return jnp.stack(sums) / total


def at(table: Array, index: Array) -> Array:
    """The entries (or rows) at indices along the last axis; NaN where one is out of range."""
    index = inside(index, table.shape[0])
    places = tuple(index[..., i] for i in range(index.shape[-1]))
    return table.at[places].get(mode="fill", fill_value=jnp.nan) if places else table
