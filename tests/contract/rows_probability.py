"""Rows of ``jaxmath.probability``."""

import jax.numpy as jnp
import numpy as np
from scipy import linalg

from tests.contract.row import Bad, Row, Singular


def two_gaussians(rng, dtype):
    """Means and covariances, well conditioned, of two distributions."""
    B, C = rng.normal(size=(2, 3, 3))
    args = rng.normal(size=3), B @ B.T + np.eye(3), rng.normal(size=3), C @ C.T + 2 * np.eye(3)
    return tuple(jnp.asarray(a, dtype) for a in args)


def frechet(m, P, n, Q):
    """The usual form of the squared distance."""
    return np.sqrt((m - n) @ (m - n) + np.trace(P + Q - 2 * linalg.sqrtm(P @ Q).real))


I2, O2, O1 = [[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]], [0.0, 0.0]
TENTH = [[0.1, 0.0], [0.0, 0.1]]
TWO = (
    Bad((np.ones(0), np.eye(0), np.ones(0), np.eye(0)), "`mean_p` must have at least 1"),
    Bad((np.ones((4, 2)), I2, O1, I2), "`mean_p` must have rank 1.*jax.vmap"),
    Bad((O1, np.eye(3), O1, I2), r"`cov_p` must have shape \(2, 2\), got \(3, 3\)"),
    Bad((O1, I2, np.ones(3), I2), r"`mean_q` must have shape \(2,\)"),
    Bad((O1, I2, O1, 1j * np.eye(2)), "`cov_q` must have a real", TypeError),
)

ROWS = [
    Row("probability.gaussian_wasserstein", two_gaussians, frechet, diff=(0, 1, 2, 3), bad=TWO,
        singular=(
            Singular((O1, I2, O1, I2), 0.0, (O1, O2, O1, O2)),
            Singular((O1, O2, [3.0, 4.0], O2), 5.0, ([-0.6, -0.8], TENTH, [0.6, 0.8], TENTH)),
        )),
]  # fmt: skip
