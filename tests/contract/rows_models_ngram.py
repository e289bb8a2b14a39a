"""Rows of ``jaxmath.models.ngram``: three symbols, bigrams or trigrams."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmath.models import ngram
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row

K = 3
NGRAM = "tests/models/test_ngram.py"


def draw_params(rng: np.random.Generator, dtype: Any) -> ngram.NGramParams:
    draw = lambda *shape: jnp.asarray(rng.dirichlet(np.ones(shape[-1]), shape[:-1]), dtype)
    return ngram.NGramParams((draw(K), draw(K, K)), draw(3))


def draw_counts(rng: np.random.Generator, *shape: int) -> jnp.ndarray:
    return jnp.asarray(rng.integers(0, 5, shape), jnp.int32)


def make_sequences(rng: np.random.Generator, dtype: Any) -> tuple:
    ids = jnp.asarray(rng.integers(0, K, (4, 5)), jnp.int32)
    return ids, jnp.asarray(rng.integers(0, 6, 4), jnp.int32), jnp.zeros((), dtype)


def by_windows(ids: np.ndarray, lengths: np.ndarray, like: Any = None) -> np.ndarray:
    counts = np.zeros((K, K, K), int)
    for row, length in zip(ids, lengths, strict=True):
        for t in range(1, length):
            counts[row[max(t - 2, 0)], row[t - 1], row[t]] += 1
    return counts


def proba(params: Any, context: np.ndarray) -> np.ndarray:
    (unigram, bigram), weights = params
    (v,) = context
    return np.array([weights[0] / K + weights[1] * unigram[w] + weights[2] * bigram[v][w]
                     for w in range(K)])  # fmt: skip


def likelihood(params: Any, ids: np.ndarray, length: int) -> float:
    return sum(np.log(proba(params, ids[t - 1 : t])[ids[t]]) for t in range(1, length))


def bits(params: Any, counts: np.ndarray) -> float:
    logs = sum(counts[v, w] * np.log2(proba(params, np.array([v]))[w])
               for v in range(K) for w in range(K))  # fmt: skip
    return -logs / counts.sum()


def em(params: Any, counts: np.ndarray) -> Any:
    """The share of each window that each order answers for, one window at a time."""
    (unigram, bigram), weights = params
    shares = np.zeros(3)
    for v in range(K):
        for w in range(K):
            parts = weights * [1 / K, unigram[w], bigram[v, w]]
            shares += counts[v, w] * parts / parts.sum()
    return params[0], shares / counts.sum()


def best(counts: np.ndarray, validation: np.ndarray, like: Any) -> Any:
    """The frequencies by division, and where a thousand steps lead in float64."""
    unigram = counts.sum(0) / counts.sum()
    bigram = np.stack([row / row.sum() if row.sum() else unigram for row in counts])
    params = (unigram, bigram), np.ones(3) / 3
    for _ in range(3):
        params = em(params, validation)
    return params


P = ngram.NGramParams((np.ones(K) / K, np.ones((K, K)) / K), np.ones(3) / 3)
COUNTS = (
    Bad((P, np.ones((K, 2), int)), r"argument `counts` must have shape \(3, 3\)"),
    Bad((P, np.ones((K, K))), "argument `counts` must have an integer dtype", TypeError),
    Bad((P._replace(weights=np.ones(2)), np.ones((K, K), int)), r"`params.weights` .* \(3,\)"),
    Bad((P._replace(frequencies=np.ones(3)), np.ones((K, K), int)), "a tuple of", TypeError),
)

ROWS: list[Any] = [
    HostRow("models.ngram.NGramParams", "a record: arrays with names",
            (f"{NGRAM}::test_sums_to_one",)),
    Row("models.ngram.count", make_sequences, by_windows,
        diff=NotDifferentiable("integers"),
        call=lambda ids, lengths, like: ngram.count(ids, lengths, K),
        bad=(Bad((np.zeros(5, int), 5, K), "argument `ids` must have rank 2"),
             Bad((np.zeros((2, 5)), np.zeros(2, int), K), "`ids` must have an integer", TypeError)),
        note="the last argument carries the dtype"),
    Row("models.ngram.fit",
        lambda rng, dtype: (draw_counts(rng, K, K), draw_counts(rng, K, K), jnp.zeros((), dtype)),
        best, diff=NotDifferentiable("expectation–maximization is a while_loop"),
        call=lambda counts, held, like: ngram.fit(
            counts, held, dtype=like.dtype, tol=0.0, max_steps=3).value,
        bad=(Bad((np.ones((3, 2), int), np.ones((3, 2), int)), r"the form \(k, …, k\)"),
             Bad((np.ones((3, 3), int), np.ones((2, 2), int)), "argument `validation`"),
             Bad((np.ones((3, 3)), np.ones((3, 3), int)), "argument `counts`", TypeError)),
        note="the last argument carries the dtype"),
    Row("models.ngram.em_step",
        lambda rng, dtype: (draw_params(rng, dtype), draw_counts(rng, K, K)), em, bad=COUNTS),
    Row("models.ngram.bits_per_character",
        lambda rng, dtype: (draw_params(rng, dtype), draw_counts(rng, K, K)), bits, bad=COUNTS),
    Row("models.ngram.predict_proba",
        lambda rng, dtype: (draw_params(rng, dtype), jnp.asarray(rng.integers(0, K, 1), jnp.int32)),
        proba,
        bad=(Bad((P, np.zeros(2, int)), r"`context` must have shape \(1,\)"),
             Bad((P, np.zeros(1)), "`context` must have an integer", TypeError))),
    Row("models.ngram.log_likelihood",
        lambda rng, dtype: (draw_params(rng, dtype),
                            jnp.asarray(rng.integers(0, K, 6), jnp.int32), jnp.int32(4)),
        likelihood,
        bad=(Bad((P, np.zeros((2, 6), int), 4), "`ids` .*jax.vmap"),
             Bad((P, np.zeros(6, int), 7), "argument `length` must lie in 0 … 6, got 7"),
             Bad((P, np.zeros(0, int), 0), "`ids` must have at least 1 elements"),
             Bad((P, np.zeros(6), 4), "`ids` must have an integer", TypeError))),
]  # fmt: skip
