"""The row of local response normalization."""

import jax.numpy as jnp
import numpy as np

from tests.contract.row import Bad, Row


def oracle(x: np.ndarray) -> np.ndarray:
    y = np.zeros_like(x)
    for p in np.ndindex(x.shape):
        seen = x[p[:-1]][max(p[-1] - 2, 0) : p[-1] + 3]
        y[p] = x[p] / (2 + 1e-4 * sum(seen**2)) ** 0.75
    return y


ROWS = [
    Row(
        "nn.local_response_norm",
        lambda rng, dtype: (jnp.asarray(30 * rng.standard_normal((2, 3, 7)), dtype),),
        oracle,
        bad=(
            Bad((np.zeros((1, 2, 3, 4)),), "`x`"),
            Bad((np.zeros(3, complex),), "`x`", TypeError),
        ),
        dtypes=("float32", "bfloat16", "float64"),
    ),
]
