"""Interpolated n-grams: what a character is, judged by the few before it, all orders together.

The first symbol of a sequence is its boundary: it is not predicted, and it stands for what lies
before it too. Tables grow with kᴺ: N = 3 and characters, not words.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath._compiled import compiled
from jaxmath._extrema import max_of
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.models._ngram import (
    NGramParams,
    at,
    check_known,
    checked,
    frequencies_of,
    gains_of,
    inside,
    mixture,
    windows_of,
    with_counts,
)
from jaxmath.numerics import xlogy
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = [
    "NGramParams",
    "bits_per_character",
    "count",
    "em_step",
    "fit",
    "log_likelihood",
    "predict_proba",
]


@compiled
def _count(ids: Array, lengths: Array, k: int, order: int) -> Array:
    windows = inside(windows_of(ids, order), k)
    lengths = lengths.astype(jnp.result_type(int))
    valid = (jnp.arange(1, ids.shape[1])[None] < lengths[:, None]).astype(jnp.int32)
    zeros = jnp.zeros((k,) * order, jnp.int32)
    return zeros.at[tuple(jnp.moveaxis(windows, -1, 0))].add(valid, mode="drop")


def count(ids: ArrayLike, lengths: ArrayLike, num_symbols: int, *, order: int = 3) -> Array:
    """How often each window of N symbols occurs in a set of sequences.

    ::

        C[a, …, v, w] = #{(i, t): 1 ≤ t < lengths_i,  (x_{i,t−N+1}, …, x_{i,t}) = (a, …, v, w)}

    Args:
      ids: n sequences of integers in {0, …, k − 1}, shape (n, T), T ≥ 1; padded at their ends.
      lengths: how many symbols of each count, from 0 to T, shape (n,).
      num_symbols: k ≥ 1.
      order: N ≥ 1, 3 for trigrams.

    Returns:
      C of shape (k,)*N, int32. Before a sequence stands its first symbol, as often as is needed.

    Raises:
      TypeError: ids or lengths are no integers.
      ValueError: wrong shapes; known ids or lengths out of range (traced ones are passed over).

    Numerics:
      Exact up to 2³¹ windows: one scatter-add. The sum over the first axis counts the windows of
      N − 1 symbols.

    Example:
      >>> print(count(jnp.array([[0, 1, 1, 0]]), jnp.array([3]), 2, order=2))
      [[0 1]
       [0 1]]

    References:
      D. Jurafsky, J. H. Martin, "Speech and Language Processing", 3rd edition draft, equation
      (3.11).
    """
    check_number("num_symbols", num_symbols, low=1, integer=True)
    check_number("order", order, low=1, integer=True)
    ids = as_array("ids", ids, ndim=2, kind="integer")
    lengths = as_array("lengths", lengths, shape=ids.shape[:1], kind="integer")
    if ids.shape[1] < 1:
        raise ValueError(f"count: argument `ids` must have at least 1 step, got shape {ids.shape}")
    check_known("ids", ids, 0, num_symbols - 1)
    check_known("lengths", lengths, 0, ids.shape[1])
    return _count(ids, lengths, num_symbols, order)


@compiled
def em_step(params: NGramParams, counts: ArrayLike) -> NGramParams:
    """One step of expectation–maximization for the weights of the orders.

    ::

        λ_m ← λ_m g_m,   g_m = (1/n) Σ_w C[c, w] f_m(w | c) / p(w | c),   n = Σ C

    Args:
      params: the parameters so far.
      counts: C of held-out sequences, as ``count`` gives it, shape (k,)*N.

    Returns:
      Parameters with the next weights; the frequencies stay.

    Numerics:
      The weights' sum stays 1, the likelihood does not fall. No window at all gives NaN. Cost:
      (N + 1) kᴺ operations.

    Example:
      >>> params = NGramParams((jnp.array([1.0, 0.0]),), jnp.array([0.5, 0.5]))
      >>> print(em_step(params, jnp.array([4, 0])).weights.round(4))
      [0.3333 0.6667]

    References:
      F. Jelinek, R. L. Mercer, "Interpolated estimation of Markov source parameters from sparse
      data", 1980.
    """
    params, counts = with_counts(params, counts)
    return params._replace(weights=params.weights * gains_of(params, counts))


@compiled
def _solve(
    counts: Array, held: Array, dtype: str, tol: Scalar | None, max_steps: Scalar
) -> Solution:
    parts = counts.ndim + 1
    params = NGramParams(frequencies_of(counts, dtype), jnp.full(parts, 1 / parts, dtype))
    held = held.astype(dtype)
    limit = float(jnp.finfo(params.weights.dtype).eps) ** (2 / 3) if tol is None else tol

    def gap(weights: Array) -> tuple[Array, Array]:
        gains = gains_of(params._replace(weights=weights), held)
        return weights * gains, max_of(gains) - 1

    def status_fn(state: tuple[Array, Array, Array]) -> Array:
        status = jnp.where(state[2] <= limit, Status.CONVERGED, Status.RUNNING)
        return jnp.where(jnp.isfinite(state[2]), status, Status.NON_FINITE)

    # The state: λ, the next λ, and the gap at λ.
    step = lambda state: (state[1], *gap(state[1]))
    start = (params.weights, *gap(params.weights))
    (weights, _, error), status, num_steps = iterate(step, start, status_fn, max_steps=max_steps)
    solution = Solution(params._replace(weights=weights), status, error, num_steps)
    return solution._replace(num_grad=num_steps + 1)


def fit(
    counts: ArrayLike,
    validation: ArrayLike,
    *,
    dtype: jax.typing.DTypeLike = float,
    tol: Scalar | None = None,
    max_steps: Scalar = 1000,
) -> Solution:
    """An interpolated n-gram model: frequencies of one part of the data, weights of another.

    ::

        f_m(w | c) = C_m[c, w] / Σ_v C_m[c, v];   f_{m−1}(w | c without its first) for a c unseen
        λ = argmax Σ C'[c, w] log Σ_m λ_m f_m(w | c),   λ ≥ 0,   Σ λ_m = 1

    Args:
      counts: C of the training part, as ``count`` gives it, shape (k,)*N.
      validation: C' of held-out sequences, of the same shape. On the training part itself the
        weights would all go to the highest order.
      dtype: a real floating dtype; ``float`` means jax's default one.
      tol: the error to reach; None takes eps^(2/3).
      max_steps: the limit on steps of expectation–maximization, from equal weights.

    Returns:
      A ``Solution`` with ``NGramParams``. The error is a proven bound of what better weights could
      gain, in nats a symbol: max_m g_m − 1. Its status is CONVERGED, MAX_STEPS, or NON_FINITE where
      no window was held out.

    Raises:
      TypeError: counts that are no integers.
      ValueError: other shapes than (k,)*N.

    Numerics:
      Concave: the maximum is the only one, and the same for each call. Each f_m sums to 1, and so
      does p. While λ₀ > 0 nothing has the probability 0. Reverse mode is refused. Cost: (N + 1) kᴺ
      operations a step, whatever the data's size.

    Example:
      >>> text = jnp.array([[0, 1, 0, 1, 0, 1, 1, 0, 1]])
      >>> counts = count(text, jnp.array([9]), 2, order=2)
      >>> solution = fit(counts, counts, max_steps=200)
      >>> f"{bits_per_character(solution.value, counts):.2f}"
      '0.41'

    References:
      F. Jelinek, R. L. Mercer, "Interpolated estimation of Markov source parameters from sparse
      data", 1980.
      S. F. Chen, J. Goodman, "An empirical study of smoothing techniques for language modeling",
      1999, section 2.3.
    """
    counts = as_array("counts", counts, kind="integer", min_size=1)
    if counts.ndim < 1 or len(set(counts.shape)) > 1:
        raise ValueError(
            f"fit: argument `counts` must have a shape of the form (k, …, k), got {counts.shape}"
        )
    validation = as_array("validation", validation, shape=counts.shape, kind="integer")
    check_number("tol", 0.0 if tol is None else tol, low=0.0)
    dtype = jnp.dtype(jnp.result_type(dtype))
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"fit: argument `dtype` must be a real floating dtype, got {dtype}")
    return _solve(counts, validation, dtype.name, tol, max_steps)


def predict_proba(params: NGramParams, context: ArrayLike) -> Array:
    """The probabilities of the next symbol after N − 1 given ones.

    ::

        p(w | c) = λ₀/k + Σ_m λ_m f_m(w | the last m − 1 of c)

    Args:
      params: the parameters.
      context: c, integers in {0, …, k − 1}, shape (N − 1,), the latest last.

    Returns:
      The k probabilities.

    Numerics:
      They sum to 1 as the weights do, up to rounding. A symbol out of range gives NaN. Cost: N k
      operations.

    Example:
      >>> bigram = jnp.array([[0.0, 1.0], [0.5, 0.5]])
      >>> params = NGramParams((jnp.array([0.25, 0.75]), bigram), jnp.array([0.0, 0.5, 0.5]))
      >>> print(predict_proba(params, jnp.array([0])))
      [0.125 0.875]

    References:
      S. F. Chen, J. Goodman, "An empirical study of smoothing techniques for language modeling",
      1999, equation (4).
    """
    params = checked(params)
    frequencies, weights = params
    order, k = len(frequencies), frequencies[0].shape[0]
    context = as_array("context", context, shape=(order - 1,), kind="integer")
    p = jnp.broadcast_to(weights[0] / k, (k,))
    for m, table in enumerate(frequencies, 1):
        p = p + weights[m] * at(table, context[order - m :])
    return p


def log_likelihood(params: NGramParams, ids: ArrayLike, length: ArrayLike) -> Array:
    """The logarithm of the probability of one sequence after its first symbol.

    ::

        log p(x₁, …, x_{n−1} | x₀) = Σ_{t=1}^{n−1} log p(x_t | x_{t−N+1}, …, x_{t−1})

    Args:
      params: the parameters.
      ids: the sequence, integers in {0, …, k − 1}, shape (T,), T ≥ 1.
      length: n, from 0 to T; what lies beyond it counts for nothing.

    Returns:
      The log-likelihood in nats, of n − 1 symbols. Before x₀ stands x₀.

    Raises:
      TypeError: ids or a length that are no integers.
      ValueError: wrong shapes, or a known length beyond the sequence.

    Numerics:
      A symbol of probability 0 gives −∞, one out of range within the length NaN. Cost: N T gathers.

    Example:
      >>> params = NGramParams((jnp.array([0.25, 0.75]),), jnp.array([0.0, 1.0]))
      >>> f"{log_likelihood(params, jnp.array([0, 1, 1, 0]), 3):.4f}"
      '-0.5754'

    References:
      D. Jurafsky, J. H. Martin, "Speech and Language Processing", 3rd edition draft, section 3.3.
    """
    params = checked(params)
    frequencies, weights = params
    order, k = len(frequencies), frequencies[0].shape[0]
    ids = as_array("ids", ids, ndim=1, kind="integer", min_size=1)
    length = as_array("length", length, ndim=0, kind="integer")
    check_known("length", length, 0, ids.shape[0])
    windows = windows_of(ids, order)
    valid = jnp.arange(1, ids.shape[0]) < length.astype(jnp.result_type(int))
    windows = jnp.where(valid[:, None], windows, jnp.zeros_like(windows))
    p = jnp.broadcast_to(weights[0] / k, valid.shape)
    for m, table in enumerate(frequencies, 1):
        p = p + weights[m] * at(table, windows[:, order - m :])
    return jnp.sum(jnp.log(jnp.where(valid, p, jnp.ones_like(p))))


@compiled
def bits_per_character(params: NGramParams, counts: ArrayLike) -> Array:
    """The cross-entropy of a set of sequences in bits a symbol, from how often each window occurs.

    ::

        H = −(1/n) Σ C[c, w] log₂ p(w | c),   n = Σ C

    Args:
      params: the parameters.
      counts: C of the sequences, as ``count`` gives it, shape (k,)*N.

    Returns:
      H, a scalar; 2ᴴ is the perplexity a symbol.

    Numerics:
      −log₂ of the likelihood over the number of symbols predicted. ∞ where a window that occurs has
      the probability 0, NaN where none occurs. Cost: (N + 1) kᴺ operations, whatever the data's
      size.

    Example:
      >>> params = NGramParams((jnp.array([0.25, 0.75]),), jnp.array([0.0, 1.0]))
      >>> f"{bits_per_character(params, jnp.array([1, 3])):.4f}"
      '0.8113'

    References:
      C. E. Shannon, "Prediction and entropy of printed English", 1951, equation (1).
    """
    params, counts = with_counts(params, counts)
    return -jnp.sum(xlogy(counts, mixture(params))) / (jnp.sum(counts) * float(np.log(2.0)))
