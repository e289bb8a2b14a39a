"""Rows of the variational bounds and their likelihoods."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import special, stats

from jaxmath import nn
from tests.contract.row import Bad, HostRow, Row, Singular, key
from tests.contract.rows_nn import DTYPES, KEY

TESTS = "tests/nn/test_variational.py"
INF = float("inf")
POSTERIOR = (
    Bad((KEY, np.ones((2, 3)), np.ones((2, 3))), "`mean` must have rank 1.*jax.vmap"),
    Bad((KEY, np.ones(3), np.ones(2)), r"`log_variance` must have shape \(3,\)"),
    Bad((0, np.ones(3), np.ones(3)), "argument `key`", TypeError),
)


def behind(fn: Any) -> tuple[Bad, ...]:
    """The same calls, with a function after the key."""
    return tuple(Bad((b.args[0], fn, *b.args[1:]), b.match, b.error) for b in POSTERIOR)


def make(*shapes: tuple, binary: bool = False, keyed: bool = False) -> Any:
    def draw(rng: np.random.Generator, dtype: Any) -> tuple:
        arrays = [jnp.asarray(rng.standard_normal(shape), dtype) for shape in shapes]
        if binary:
            arrays[-1] = jnp.asarray(rng.uniform(0.1, 0.9, shapes[-1]), dtype)
        return (key(rng), *arrays) if keyed else tuple(arrays)

    return draw


def log_likelihood(z: Any) -> Any:
    return -jnp.sum((z - 1.0) ** 2)


def kl_oracle(mean: np.ndarray, s: np.ndarray) -> float:
    return 0.5 * sum(m * m + np.exp(v) - 1 - v for m, v in zip(mean, s, strict=True))


def terms(key: Any, mean: Any, log_variance: Any) -> Any:
    return nn.elbo_terms(key, log_likelihood, mean, log_variance)


def weights(key: Any, mean: Any, log_variance: Any) -> Any:
    return nn.importance_log_weights(key, log_likelihood, mean, log_variance, 3)


ROWS = [
    HostRow("nn.ELBOTerms", "a record: two scalars", (f"{TESTS}::test_bounds_in_order",)),
    Row("nn.bernoulli_log_likelihood", make((2, 3), (2, 3), binary=True),
        lambda z, x: np.sum(x * special.log_expit(z) + (1 - x) * special.log_expit(-z)),
        diff=(0, 1), dtypes=DTYPES,
        singular=(Singular(([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]], [[1, 0, 0.5], [0, 1, 0.5]]),
                           -2 * np.log(2.0)),),
        bad=(Bad((np.ones(3), np.ones(2)), r"`x` must have shape \(3,\)"),
             Bad((1j, 1.0), "`logits`", TypeError))),
    Row("nn.elbo", make((), ()), lambda a, b: a - 4 * b, diff=(0, 1), dtypes=DTYPES,
        call=lambda a, b: nn.elbo(nn.ELBOTerms(a, b), beta=4.0),
        bad=(Bad((nn.ELBOTerms(np.ones(3), 1.0),), "log_likelihood` must have rank 0.*jax.vmap"),
             Bad((nn.ELBOTerms(1.0, np.ones(3)),), "kl` must have rank 0.*jax.vmap"))),
    Row("nn.elbo_terms", make((3,), (3,), keyed=True), call=terms, diff=(1, 2), dtypes=DTYPES,
        evidence=f"{TESTS}::test_bounds_in_order", bad=behind(log_likelihood)),
    Row("nn.gaussian_log_likelihood", make((2, 3), (2, 3), (2, 3)),
        lambda mean, s, x: np.sum(stats.norm.logpdf(x, mean, np.exp(s / 2))),
        diff=(0, 1, 2), dtypes=DTYPES,
        bad=(Bad((np.ones(3), 0.0, np.ones(2)), r"`x` must have shape \(3,\)"),
             Bad((np.ones(3), np.ones(2), np.ones(3)), r"`log_variance` must have shape \(3,\)"),
             Bad((np.ones((3, 2)), np.ones(2), np.ones((3, 2))),
                 "`log_variance` must have rank 0 or 2"))),
    Row("nn.importance_log_weights", make((3,), (3,), keyed=True), call=weights, diff=(1, 2),
        dtypes=DTYPES, tol=64, evidence=f"{TESTS}::test_exact_posterior_has_equal_weights",
        bad=(*(Bad((*b.args, 3), b.match, b.error) for b in behind(log_likelihood)),
             Bad((KEY, log_likelihood, np.ones(3), np.ones(3), 0), "`num_samples`"))),
    Row("nn.iwae_bound", make((5,)), lambda w: special.logsumexp(w) - np.log(5), dtypes=DTYPES,
        singular=(Singular(([0.0, -INF, 0.0, 0.0, 0.0],), np.log(0.8),
                           ([0.25, 0, 0.25, 0.25, 0.25],)),
                  Singular(([-INF] * 5,), -INF, ([0.0] * 5,))),
        bad=(Bad((np.ones(0),), "`log_weights` must have at least 1"),
             Bad((np.ones((2, 3)),), "`log_weights` must have rank 1.*jax.vmap"))),
    Row("nn.reparameterize", make((3,), (3,), keyed=True), diff=(1, 2), dtypes=DTYPES,
        evidence=f"{TESTS}::test_draws_and_divergence_by_monte_carlo", bad=POSTERIOR),
    Row("nn.standard_gaussian_kl", make((4,), (4,)), kl_oracle, diff=(0, 1), dtypes=DTYPES,
        singular=(Singular(([0.0] * 4, [0.0] * 4), 0.0, ([0.0] * 4, [0.0] * 4)),
                  Singular(([0.0] * 4, [-INF, 0, 0, 0]), INF)),
        bad=tuple(Bad(b.args[1:], b.match, b.error) for b in POSTERIOR[:2])),
]  # fmt: skip
