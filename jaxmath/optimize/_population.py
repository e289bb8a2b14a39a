"""What the evolution strategies share: ranks, weights, the record of a search, how it ends.

A strategy draws ``population_size`` points from its distribution a step, ranks their values and
moves the distribution. Only the ranks enter: an increasing function of f changes no point.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxmath.iterate import Status
from jaxmath.optimize._ends import lowest
from jaxmath.optimize._solver import nan_last
from jaxmath.typing import Array, check_number

__all__: list[str] = []

Evaluate = Callable[[Array], Array]


class Progress(NamedTuple):
    """What a search has seen: its best point, the best values of late, the counts."""

    x: Array
    value: Array
    history: Array
    error: Array
    spread: Array
    quiet: Array
    floor: Array
    num_steps: Array
    num_fun: Array
    status: Array


def default_size(n: int, population_size: int | None, low: int = 2) -> int:
    """λ, or 4 + ⌊3 ln n⌋ (Hansen 2016, equation 48)."""
    if population_size is None:
        return 4 + int(3 * math.log(n))
    check_number("population_size", population_size, low=low, integer=True)
    return int(population_size)


def log_ranks(size: int, shift: float) -> np.ndarray:
    """ln((λ + shift)/2) − ln i for i = 1, …, λ."""
    return math.log((size + shift) / 2) - np.log(np.arange(1, size + 1))


def utilities(size: int) -> np.ndarray:
    """max(0, ln(λ/2 + 1) − ln i) over their sum, − 1/λ (Wierstra and others 2014, section 3.1)."""
    raw = np.maximum(0.0, log_ranks(size, 2.0))
    return raw / raw.sum() - 1 / size


def ranked(values: Array) -> Array:
    """The order of the values, best first; NaN is last, ties in the order drawn."""
    return jnp.argsort(nan_last(values))


def recent(n: int, size: int) -> int:
    """10 + ⌈30n/λ⌉, the generations whose best values are compared (Hansen 2016, appendix B.3)."""
    return 10 + math.ceil(30 * n / size)


def widest(dtype: Any) -> float:
    """The largest spread whose square is a number of the dtype."""
    return math.sqrt(float(jnp.finfo(dtype).max))


def first(evaluate: Evaluate, x: Array, sigma: Array, size: int) -> Progress:
    """The record at the start; f(x₀) may be NaN or infinite, and is then worse than any value."""
    value = evaluate(x[None])[0]
    infinite = jnp.full_like(value, jnp.inf)
    known = jnp.isfinite(value)
    good = jnp.all(jnp.isfinite(x)) & (sigma > 0) & (sigma < widest(x.dtype))
    status = jnp.where(good, Status.RUNNING, Status.INVALID_START)
    return Progress(
        x, jnp.where(known, value, infinite), jnp.broadcast_to(infinite, recent(x.size, size)),
        infinite, sigma, jnp.int32(0), lowest(jnp.where(known, value, 0.0)),
        jnp.int32(0), jnp.int32(1), status.astype(jnp.int32),
    )  # fmt: skip


def record(p: Progress, X: Array, values: Array, mean: Array, deviations: Array) -> Progress:
    """The record after a generation X; ``deviations`` are those of each coordinate, from now on.

    error = (max − min of the generation's values and of the best of late) / max(|best|, 1)
    """
    n, eps = mean.size, float(jnp.finfo(values.dtype).eps)
    usable = nan_last(values)
    best = jnp.argmin(usable)
    low, better = usable[best], usable[best] < p.value
    value = jnp.where(better, low, p.value)
    history = jnp.roll(p.history, 1).at[0].set(low)
    finite = jnp.isfinite(usable)
    high = jnp.maximum(jnp.max(history), jnp.max(usable, where=finite, initial=-jnp.inf))
    span = high - jnp.minimum(jnp.min(history), low)
    quiet = jnp.where(better, 0, p.quiet + 1)
    spread = jnp.max(deviations)
    patience = 120 + math.ceil(30 * n / len(values)) + p.num_steps // 5
    still = jnp.all(mean + 0.2 * deviations == mean)
    noise = span <= 2 * eps * jnp.abs(value)
    status = jnp.where(still | noise | (quiet >= patience), Status.STAGNATED, p.status)
    status = jnp.where((low < p.floor) | (spread > widest(mean.dtype)), Status.UNBOUNDED, status)
    lost = ~jnp.any(finite) & ~jnp.any(jnp.isneginf(values))
    status = jnp.where(lost, Status.NON_FINITE, status)
    return Progress(
        jnp.where(better, X[best], p.x), value, history, span / jnp.maximum(jnp.abs(value), 1.0),
        spread, quiet, p.floor, p.num_steps + 1, p.num_fun + len(values),
        status.astype(jnp.int32),
    )  # fmt: skip
