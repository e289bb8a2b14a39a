"""The product of batches of small matrices, the batch as last axis."""

from jaxmath.typing import Array

__all__: list[str] = []


def matmul_last(A: Array, B: Array) -> Array:
    """Σₖ Aᵢₖ Bₖⱼ for batches of shape (m, d, batch) and (d, n, batch)."""
    product = A[:, 0, None] * B[None, 0]
    for k in range(1, A.shape[1]):
        product = product + A[:, k, None] * B[None, k]
    return product
