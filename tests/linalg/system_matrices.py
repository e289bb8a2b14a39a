"""The matrices that elimination is judged on, 8 × 8, and what is exactly known about them."""

import mpmath
import numpy as np
import scipy.linalg

N = 8


def gallery(dtype) -> dict[str, np.ndarray]:
    """Named matrices of a dtype."""
    rng = np.random.default_rng(0)
    i, j = np.indices((N, N))
    eps = float(np.finfo(dtype).eps)
    orthogonal = np.linalg.qr(rng.normal(size=(N, N)))[0]
    random = rng.normal(size=(N, N))
    nearly = orthogonal @ np.diag(np.r_[np.ones(N - 1), 10 * eps]) @ orthogonal.T
    c, s = np.cos(1.2), np.sin(1.2)
    found = {
        "random": random,
        "graded": random * np.geomspace(1, 1e-12, N)[:, None],
        "nearly singular": nearly,
        "rank n-1": rng.normal(size=(N, N - 1)) @ rng.normal(size=(N - 1, N)),
        "rank n-2": rng.normal(size=(N, N - 2)) @ rng.normal(size=(N - 2, N)),
        "hilbert": 1.0 / (i + j + 1),
        "vandermonde": np.vander(np.linspace(-1, 1, N)),
        "kahan": np.diag(s ** np.arange(N)) @ (np.eye(N) - c * np.triu(np.ones((N, N)), 1)),
        "frank": np.where(j >= i - 1, N - np.maximum(i, j), 0.0),
        "wilkinson": np.diag(np.abs(np.arange(N) - (N - 1) / 2)) + np.eye(N, k=1) + np.eye(N, k=-1),
        "growth": np.where(j == N - 1, 1.0, np.eye(N) - np.tril(np.ones((N, N)), -1)),
        "grcar": sum(np.eye(N, k=k) for k in range(4)) - np.eye(N, k=-1),
        "companion": scipy.linalg.companion(np.poly(np.arange(1, N + 1))),
        "repeated": orthogonal @ np.diag([2.0] * 5 + [3.0] * 3) @ orthogonal.T,
        "defective": 2 * np.eye(N) + np.eye(N, k=1),
        "nilpotent": np.eye(N, k=1),
        "zero": np.zeros((N, N)),
        "tiny": 1e-30 * random,
        "huge": 1e30 * random,
        "diagonal": np.diag([1e30, 1e-30] * (N // 2)),
    }  # fmt: skip
    return {name: A.astype(dtype) for name, A in found.items()}


def growth(A: np.ndarray) -> float:
    """ρ: how much elimination with partial pivoting enlarges the elements."""
    if not np.any(A):
        return 1.0
    A = A.astype(np.result_type(A.dtype, np.float64))
    return max(1.0, np.max(np.abs(scipy.linalg.lu(A)[2])) / np.max(np.abs(A)))


def norm(A: np.ndarray) -> float:
    """The spectral norm in double precision."""
    return float(np.linalg.norm(A.astype(np.result_type(A.dtype, np.float64)), 2))


def determinants_nearby(A: np.ndarray, distance: float) -> tuple:
    """All determinants of matrices within a distance of A, as an interval; from 60 digits.

    The extremes move all singular values out, or all in; past 0 the sign changes.
    """
    with mpmath.workdps(60):
        exact = mpmath.matrix(A.tolist())
        det = mpmath.det(exact)
        s = sorted(mpmath.svd_r(exact, compute_uv=False))
        distance = mpmath.mpf(distance)
        most = mpmath.fprod(v + distance for v in s)
        least = mpmath.fprod(v - distance for v in s) if s[0] > distance else None
        if least is None:
            least = (s[0] - distance) * mpmath.fprod(v + distance for v in s[1:])
        return (least, most) if det >= 0 else (-most, -least)
