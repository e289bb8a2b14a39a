"""Rows of ``jaxmath.optimize.projections``: oracles are bisection, NumPy and the textbook."""

import jax.numpy as jnp
import numpy as np

from tests.contract.row import Bad, Row, Singular

INF = float("inf")


def drawn(*shapes):
    return lambda rng, dtype: tuple(jnp.asarray(rng.normal(size=s), dtype) for s in shapes)


def box(rng, dtype):
    x, low = rng.normal(size=(2, 5))
    up = low + 0.8
    return tuple(jnp.asarray(v, dtype) for v in (x, low, up))


def ball(rng, dtype):
    x, center = rng.normal(size=(2, 4))
    return tuple(jnp.asarray(v, dtype) for v in (center + 3 * x, center, 0.7))


def ball_oracle(x, c, r):
    d = np.linalg.norm(x - c)
    return x if d <= r else c + r / d * (x - c)


def half_space(rng, dtype):
    x, a = rng.normal(size=(2, 4))
    return tuple(jnp.asarray(v, dtype) for v in (x, a, a @ x - 0.5))


def affine(rng, dtype):
    x, A, b = rng.normal(size=5), rng.normal(size=(2, 5)), rng.normal(size=2)
    return tuple(jnp.asarray(v, dtype) for v in (x, A, b))


def affine_oracle(x, A, b):
    """The conditions of Lagrange: z − x = Aᵀλ, Az = b."""
    m, n = A.shape
    K = np.block([[np.eye(n), -A.T], [A, np.zeros((m, m))]])
    return np.linalg.solve(K, np.concatenate([x, b]))[:n]


def simplex_oracle(x, total):
    low, high = x.min() - total - 1, x.max()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(x - middle, 0).sum() > total else (low, middle)
    return np.maximum(x - (low + high) / 2, 0)


def simplex(rng, dtype):
    return jnp.asarray(rng.normal(size=7), dtype), jnp.asarray(1.5, dtype)


def psd_oracle(A):
    """(S + (S²)^½)/2, from singular values instead of eigenvalues."""
    S = (A + A.T) / 2
    _, s, Vt = np.linalg.svd(S)
    return (S + (Vt.T * s) @ Vt) / 2


ONES, EYE = np.ones(3), [[1.0, 0.0], [0.0, 1.0]]
RANK = Bad((np.ones((2, 3)), 0.0, 1.0), r"`x` must have rank 1, got shape \(2, 3\); for a batch")

ROWS = [
    Row("optimize.project_box", box, np.clip, diff=(0, 1, 2),
        bad=(RANK, Bad((ONES, np.ones(2), 1.0), r"`lower` must have shape \(3,\), got \(2,\)"),
             Bad((ONES, 0.0, np.ones((3, 1))), r"`upper` must have shape \(3,\)")),
        singular=(Singular(([0.0, 1.0, 2.0, 3.0, 3.0], [0.0, 0.0, 2.0, -INF, -INF],
                            [1.0, 1.0, 2.0, INF, INF]), [0.0, 1.0, 2.0, 3.0, 3.0],
                           ([0.0, 0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0, 0.0],
                            [0.0, 1.0, 0.0, 0.0, 0.0])),)),
    Row("optimize.project_ball", ball, ball_oracle, diff=(0, 1, 2),
        bad=(RANK, Bad((ONES, np.ones(2), 1.0), r"`center` must have shape \(3,\)"),
             Bad((ONES, 0.0, ONES), r"`radius` must have shape \(\)")),
        singular=(Singular(([0.0, 2.0, 0.0, 0.0], [0.0] * 4, 2.0), [0.0, 2.0, 0.0, 0.0],
                           ([1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0], 1.0)),
                  Singular(([1.0] * 4, [1.0] * 4, 0.0), [1.0] * 4, ([0.0] * 4, [1.0] * 4, 0.0)),
                  Singular(([1.0] * 4, [1.0] * 4, INF), [1.0] * 4,
                           ([1.0] * 4, [0.0] * 4, 0.0)))),
    Row("optimize.project_half_space", half_space, lambda x, a, b: x - 0.5 * a / (a @ a),
        diff=(0, 1, 2), tol=64.0,
        bad=(RANK, Bad((ONES, np.ones(2), 1.0), r"`a` must have shape \(3,\)"),
             Bad((ONES, ONES, ONES), r"`b` must have shape \(\)")),
        singular=(Singular(([1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, 0.0], 2.0),
                           [1.0, 2.0, 3.0, 4.0],
                           ([1.0, 0.0, 1.0, 1.0], [-1.0, -2.0, -3.0, -4.0], 1.0)),
                  Singular(([1.0] * 4, [0.0] * 4, 1.0), [1.0] * 4, ([1.0] * 4, [0.0] * 4, 0.0)),
                  Singular(([1.0] * 4, [1.0] * 4, INF), [1.0] * 4,
                           ([1.0] * 4, [0.0] * 4, 0.0)))),
    Row("optimize.project_affine", affine, affine_oracle, diff=(0, 1, 2), tol=256.0,
        bad=(Bad((np.ones((2, 3)), np.eye(3), ONES), "`x` must have rank 1"),
             Bad((ONES, np.ones((2, 4)), np.ones(2)), r"`A` must have shape \(any, 3\)"),
             Bad((ONES, np.ones((2, 3)), ONES), r"`b` must have shape \(2,\)"),
             Bad((ONES, np.ones((2, 3), np.float32), np.ones(2)), "`A` must have the dtype",
                 TypeError))),
    Row("optimize.project_simplex", simplex, simplex_oracle, diff=(0, 1),
        bad=(Bad((np.ones((2, 3)),), "`x` must have rank 1"),
             Bad((ONES, ONES), r"`total` must have shape \(\)")),
        singular=(Singular(([1.0, 0.0, 0.0, -INF, -5.0, -5.0, -5.0], 1.0),
                           [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], ([0.0] * 7, 1.0)),
                  Singular(([1.0] * 7, 0.0), [0.0] * 7, ([0.0] * 7, 0.0)))),
    Row("optimize.project_psd", drawn((4, 4)), psd_oracle, tol=128.0,
        bad=(Bad((np.ones((2, 3)),), r"`A` must have shape \(2, 2\), got \(2, 3\)"),
             Bad((np.ones((2, 3, 3)),), "`A` must have rank 2")),
        singular=(Singular(([[0.0] * 4] * 4,), [[0.0] * 4] * 4, ([[0.0] * 4] * 4,)),)),
]  # fmt: skip
