"""Rows of ``jaxmath.probability``."""

import jax.numpy as jnp
import numpy as np
from scipy import linalg, optimize, stats

from jaxmath.probability import gaussian_kl, optimal_transport, wasserstein_distance
from tests.contract.row import Bad, HostRow, Row, Singular


def two_gaussians(rng, dtype):
    """Means and covariances, well conditioned, of two distributions."""
    B, C = rng.normal(size=(2, 3, 3))
    args = rng.normal(size=3), B @ B.T + np.eye(3), rng.normal(size=3), C @ C.T + 2 * np.eye(3)
    return tuple(jnp.asarray(a, dtype) for a in args)


def frechet(m, P, n, Q):
    """The usual form of the squared distance."""
    return np.sqrt((m - n) @ (m - n) + np.trace(P + Q - 2 * linalg.sqrtm(P @ Q).real))


def diagonal(rng, dtype):
    """Two means and two log-variances."""
    return tuple(jnp.asarray(v, dtype) for v in rng.normal(size=(4, 3)))


def diagonal_kl(m, a, n, b):
    return ((m - n) ** 2 / np.exp(b) + np.exp(a - b) - 1 - (a - b)).sum() / 2


def full_kl(m, P, n, Q):
    P, Q = (np.tril(C) + np.tril(C, -1).T for C in (P, Q))
    ratio = np.linalg.solve(Q, P)
    shift = (m - n) @ np.linalg.solve(Q, m - n)
    return (shift + np.trace(ratio) - len(m) - np.linalg.slogdet(ratio)[1]) / 2


def symmetric_kl(m, P, n, Q):
    """As finite differences need it, which move entries above the diagonal by themselves."""
    return gaussian_kl(m, (P + P.T) / 2, n, (Q + Q.T) / 2)


def two_samples(rng, dtype):
    """Values and weights of two samples."""
    parts = rng.normal(size=4), rng.normal(size=3), rng.uniform(1, 2, 4), rng.uniform(1, 2, 3)
    return tuple(jnp.asarray(x, dtype) for x in parts)


def histograms(rng, dtype):
    """Masses of two histograms with exact sums, and costs."""
    a, b = rng.permutation([1.0, 2.0, 5.0]) / 8, rng.permutation([3.0, 4.0, 2.0, 7.0]) / 16
    return jnp.asarray(a, dtype), jnp.asarray(b, dtype), jnp.asarray(rng.random((3, 4)), dtype)


def transport_cost(a, b, cost):
    rows, columns = np.kron(np.eye(3), np.ones(4)), np.kron(np.ones(3), np.eye(4))
    constraints, masses = np.concatenate([rows, columns]), np.concatenate([a, b])
    return optimize.linprog(cost.ravel(), A_eq=constraints, b_eq=masses).fun


TRANSPORT = "tests/probability/test_optimal_transport.py"
I2, O2, O1 = [[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]], [0.0, 0.0]
TENTH = [[0.1, 0.0], [0.0, 0.1]]
TWO = (
    Bad((np.ones(0), np.eye(0), np.ones(0), np.eye(0)), "`mean_p` must have at least 1"),
    Bad((np.ones((4, 2)), I2, O1, I2), "`mean_p` must have rank 1.*jax.vmap"),
    Bad((O1, np.eye(3), O1, I2), r"`cov_p` must have shape \(2, 2\), got \(3, 3\)"),
    Bad((O1, I2, np.ones(3), I2), r"`mean_q` must have shape \(2,\)"),
    Bad((O1, I2, O1, 1j * np.eye(2)), "`cov_q` must have a real", TypeError),
)

DIAGONAL = (
    Bad((np.ones((2, 2)), O1, O1, O1), "`mean_p` must have rank 0 or 1.*jax.vmap"),
    Bad((O1, np.ones(3), O1, O1), r"`log_var_p` must have shape \(2,\)"),
    Bad((O1, O1, 0.0, O1), r"`mean_q` must have shape \(2,\)"),
    Bad((O1, O1, O1, 1j), "`log_var_q` must have a real", TypeError),
)

ROWS = [
    Row("probability.optimal_transport", histograms, transport_cost, diff=(2,),
        call=lambda a, b, cost: optimal_transport(a, b, cost).cost,
        bad=(
            Bad((I2, O1, I2), "`a` must have rank 1.*jax.vmap"),
            Bad((O1, O1, np.ones((2, 3))), r"`cost` must have shape \(2, 2\), got \(2, 3\)"),
        ), note="masses cannot be moved one by one: their sums must stay equal"),
    HostRow("probability.OptimalTransport", "a record of the plan and its certificate",
            (f"{TRANSPORT}::test_against_linear_programming",)),
    Row("probability.wasserstein_distance", two_samples, stats.wasserstein_distance,
        diff=(0, 1, 2, 3),
        call=lambda u, v, a, b: wasserstein_distance(u, v, u_weights=a, v_weights=b),
        bad=(
            Bad((np.ones((2, 2)), O1), "`u` must have rank 1.*jax.vmap"),
            Bad((O1, np.ones(0)), "`v` must have at least 1"),
        ),
        singular=(Singular(([1.0, 2.0, 3.0, 3.0], [1.0, 2.0, 3.0], [1.0, 1.0, 0.5, 0.5], [1.0] * 3),
                           0.0),)),
    Row("probability.diagonal_gaussian_kl", diagonal, diagonal_kl, diff=(0, 1, 2, 3), bad=DIAGONAL,
        singular=(Singular((O1, O1, O1, O1), 0.0, (O1, O1, O1, O1)),)),
    Row("probability.diagonal_gaussian_log_density", lambda rng, dtype: diagonal(rng, dtype)[:3],
        lambda x, m, a: stats.norm.logpdf(x, m, np.exp(a / 2)).sum(), diff=(0, 1, 2), bad=(
            Bad((np.ones((2, 2)), O1, O1), "`x` must have rank 0 or 1.*jax.vmap"),
            Bad((O1, O1, 0.0), r"`log_var` must have shape \(2,\)"))),
    Row("probability.gaussian_kl", two_gaussians, full_kl, diff=(0, 1, 2, 3), bad=TWO,
        call=symmetric_kl, singular=(Singular((O1, I2, O1, I2), 0.0, (O1, O2, O1, O2)),)),
    Row("probability.gaussian_wasserstein", two_gaussians, frechet, diff=(0, 1, 2, 3), bad=TWO,
        singular=(
            Singular((O1, I2, O1, I2), 0.0, (O1, O2, O1, O2)),
            Singular((O1, O2, [3.0, 4.0], O2), 5.0, ([-0.6, -0.8], TENTH, [0.6, 0.8], TENTH)),
        )),
]  # fmt: skip
