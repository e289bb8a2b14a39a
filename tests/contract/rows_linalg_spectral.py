"""Rows of ``jaxmath.linalg.spectral``."""

import jax.numpy as jnp
import mpmath
import numpy as np

from jaxmath.linalg.spectral import spectral_fn, spectral_sum
from tests.contract.row import Bad, Row, Singular


def symmetric(rng, dtype):
    A = rng.normal(size=(3, 3))
    return (jnp.asarray((A + A.T) / 2, dtype),)


def exponential(A):
    """By the Taylor series in forty digits."""
    with mpmath.workdps(40):
        series = mpmath.expm(mpmath.matrix(A.tolist()), method="taylor")
        return np.array(series.tolist(), float)


BAD = (
    Bad((jnp.exp, np.ones(3)), "`A` must have rank 2"),
    Bad((jnp.exp, np.ones((2, 3))), "`A` must be square"),
    Bad((jnp.exp, np.ones((2, 3, 3))), "for a batch, use jax.vmap"),
    Bad((2.0, np.ones((3, 3))), "`f` must be callable", TypeError),
)
E2 = float(np.exp(2.0))
TWICE, ONES = [[2.0, 0.0], [0.0, 2.0]], [[E2, E2], [E2, E2]]

ROWS = [
    Row("linalg.spectral_fn", symmetric, exponential, bad=BAD, order=2,
        call=lambda A: spectral_fn(jnp.exp, A),
        singular=(Singular((TWICE,), [[E2, 0.0], [0.0, E2]], (ONES,)),)),
    Row("linalg.spectral_sum", symmetric, lambda A: np.trace(exponential(A)), bad=BAD, order=2,
        call=lambda A: spectral_sum(jnp.exp, A),
        singular=(Singular((TWICE,), 2 * E2, ([[E2, 0.0], [0.0, E2]],)),)),
]  # fmt: skip
