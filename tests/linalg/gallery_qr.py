"""Hard matrices of one size, stacked, so that one compiled call under vmap meets them all."""

import numpy as np
import scipy.linalg

SIZE = 8


def gallery() -> dict[str, np.ndarray]:
    """Named square matrices of size 8 in float64, with entries of size about 1."""
    n, rng = SIZE, np.random.default_rng(8)
    i = np.arange(n)
    random = rng.normal(size=(n, n))
    U, s, Vh = np.linalg.svd(random)
    sine, cosine = np.sin(1.2), np.cos(1.2)
    kahan = np.diag(sine**i) @ (np.eye(n) - cosine * np.triu(np.ones((n, n)), 1))
    frank = np.where(i[:, None] <= i + 1, n - np.maximum(i[:, None], i), 0) / n
    wilkinson = np.diag(np.abs(i - (n - 1) / 2)) + np.eye(n, k=1) + np.eye(n, k=-1)
    grcar = np.triu(np.tril(np.ones((n, n)), 3)) - np.eye(n, k=-1)
    return {
        "random": random,
        "graded": random * np.geomspace(1, 1e-12, n)[:, None],
        "graded columns": random * np.geomspace(1, 1e-12, n),
        "nearly singular": (U * np.append(s[:-1], 1e-10)) @ Vh,
        "Hilbert": scipy.linalg.hilbert(n),
        "Vandermonde": np.vander(np.linspace(0.1, 1, n)),
        "Kahan": kahan,
        "Frank": frank,
        "Wilkinson": wilkinson,
        "Grcar": grcar,
        "companion": scipy.linalg.companion(np.poly(np.linspace(-1, 1, n))),
        "repeated": (U * np.repeat([3.0, 1.0], n // 2)) @ U.T,
        "defective": np.diag(np.full(n, 2.0)) + np.eye(n, k=1),
        "rank one": np.outer(random[0], random[1]),
        "identity": np.eye(n),
        "zero": np.zeros((n, n)),
    }


def scaled_stack(dtype: type, scales: tuple[float, ...] = (1.0, 1e-30, 1e30)) -> np.ndarray:
    """The whole gallery at each scale, shape (count, 8, 8)."""
    stack = np.stack(list(gallery().values()))
    return np.concatenate([stack * scale for scale in scales]).astype(dtype)


def spectral_norms(stack: np.ndarray) -> np.ndarray:
    """‖A‖ of each in float64 (complex128)."""
    wide = np.complex128 if np.iscomplexobj(stack) else np.float64
    return np.linalg.norm(stack.astype(wide), 2, axis=(1, 2))
