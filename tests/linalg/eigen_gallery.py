"""The matrices of the accuracy list, as float64 arrays of one size, for the eigenvalue tests."""

import numpy as np
from scipy import linalg

N = 8


def orthogonal(seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(N, N)))[0]


def general() -> dict[str, np.ndarray]:
    """Square matrices without symmetry; the name says what is hard about each."""
    rng = np.random.default_rng(7)
    R, i = rng.normal(size=(N, N)), np.arange(N)
    kahan = np.diag(0.6**i) @ (np.eye(N) - 0.8 * np.triu(np.ones((N, N)), 1))
    frank = np.where(i[:, None] <= i, N - i[None, :], 0) + np.diag(N - 1 - i[:-1], -1)
    grcar = sum(np.diag(np.ones(N - k), k) for k in range(4)) - np.diag(np.ones(N - 1), -1)
    jordan = 2 * np.eye(N) + np.diag(np.ones(N - 1), 1)
    blocks = linalg.block_diag(jordan[:2, :2], jordan[:2, :2] + np.eye(2), np.diag([-1, 0, 5, 6.0]))
    S = np.eye(N) + 0.2 * R
    return {
        "random": R,
        "graded": np.geomspace(1, 1e-12, N)[:, None] * R,
        "nearly singular": R @ np.diag([*np.ones(N - 1), 1e-15]) @ orthogonal(1),
        "hilbert": linalg.hilbert(N),
        "vandermonde": np.vander(np.linspace(0.1, 1, N)),
        "kahan": kahan,
        "frank": frank.astype(float),
        "wilkinson": np.diag(np.abs(i - 3.5)) + np.diag(np.ones(N - 1), 1),
        "grcar": grcar,
        "companion": linalg.companion(np.poly(np.arange(1, N + 1) / 4)),
        "repeated": S @ np.diag([1, 1, 1, 2, 2, 3, 3, 3.0]) @ np.linalg.inv(S),
        "jordan": jordan,
        "defective": S @ blocks @ np.linalg.inv(S),
        "cyclic": np.roll(np.eye(N), 1, axis=0),
        "orthogonal": orthogonal(2),
        "skew": R - R.T,
        "identity": np.eye(N),
        "zero": np.zeros((N, N)),
        "one entry": np.diag(np.eye(1, N - 1)[0], 1),
        "small": 1e-30 * R,
        "large": 1e30 * R,
    }


def symmetric() -> dict[str, np.ndarray]:
    """Symmetric matrices."""
    base = {name: (A + A.T) / 2 for name, A in general().items()}
    Q, i = orthogonal(3), np.arange(N)
    return base | {
        "wilkinson": np.diag(np.abs(i - 3.5)) + np.diag(np.ones(N - 1), 1) + np.diag(
            np.ones(N - 1), -1),
        "repeated": (Q * [1, 1, 1, 2, 2, 3, 3, 3]) @ Q.T,
        "graded": (Q * np.geomspace(1, 1e-12, N)) @ Q.T,
        "diagonal graded": np.diag(np.geomspace(1e-12, 1, N)),
        "clustered": (Q * (1 + 1e-14 * i)) @ Q.T,
        "ones": np.ones((N, N)),
    }  # fmt: skip


def stack(matrices: dict[str, np.ndarray], dtype: np.dtype) -> np.ndarray:
    """All of them as one batch in the dtype, whose rounded entries are what is decomposed."""
    return np.stack(list(matrices.values())).astype(dtype)


def norms(batch: np.ndarray) -> np.ndarray:
    """‖A‖₂ of each matrix in the batch."""
    return np.linalg.norm(batch.astype(np.result_type(batch, np.float64)), ord=2, axis=(-2, -1))
