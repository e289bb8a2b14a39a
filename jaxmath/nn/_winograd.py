"""Convolution of 3×3 windows with stride 1 by Winograd's minimal filtering.

Two outputs of a filter of three take four products in the place of six,

    y = Aᵀ[(G g) ⊙ (Bᵀ d)],   d the four inputs that the two outputs see,

and nested in two dimensions 2×2 outputs take 16 in the place of 36. Over the channels each of the
16 is a product of matrices. An output sees no more than its own window: y₀ is made of the first
three products, which hold d₀, d₁ and d₂ alone, and y₁ of the last three. Its rounding is that of
the window's largest input times Σ|g|.

References:
  S. Winograd, "Arithmetic complexity of computations", 1980. A. Lavin, S. Gray, "Fast algorithms
  for convolutional neural networks", 2016, section 4.1.
"""

from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxmath.nn._geometry import Geometry, met, pad
from jaxmath.nn._product import product
from jaxmath.typing import Array

__all__: list[str] = []

_INPUT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
_KERNEL = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_OUTPUT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])

Table = list[list[Array]]


def _sum(row: np.ndarray, arrays: list[Array]) -> Array:
    """Σ cᵢ aᵢ: the terms with c > 0 added up, and the others taken off."""
    sized = [a if abs(c) == 1 else float(abs(c)) * a for c, a in zip(row, arrays, strict=True)]
    plus = [a for c, a in zip(row, sized, strict=True) if c > 0]
    minus = [a for c, a in zip(row, sized, strict=True) if c < 0]
    return reduce(jnp.subtract, minus, reduce(jnp.add, plus))


def _combined(matrix: np.ndarray, arrays: list[Array]) -> list[Array]:
    """matrix @ arrays."""
    return [_sum(row, arrays) for row in matrix]


def _both_ways(matrix: np.ndarray, table: Table) -> Table:
    """matrix @ table @ matrixᵀ."""
    columns = [_combined(matrix, list(column)) for column in zip(*table, strict=True)]
    return [_combined(matrix, list(row)) for row in zip(*columns, strict=True)]


def _interleaved(arrays: list[Array], axis: int) -> Array:
    """One element of each in turn along the axis."""
    y = jnp.stack(arrays, axis=axis + 1)
    return lax.collapse(y, axis, axis + 2)


# A program of its own, which layers of one shape share while they are traced.
@partial(jax.jit, static_argnames="geometry")
def by_winograd(x: Array, kernel: Array, *, geometry: Geometry) -> Array:
    """The convolution, for a window (3, 3), stride and dilation 1 and one group."""
    tiles = tuple(-(-n // 2) for n in geometry.out)
    padded = pad(x, geometry)
    ends = [(0, 2 * n + 2 - size, 0) for n, size in zip(tiles, padded.shape[:2], strict=True)]
    padded = lax.pad(padded, jnp.zeros((), x.dtype), [*ends, (0, 0, 0)])
    seen = met(padded, geometry._replace(window=(4, 4), stride=(2, 2), out=tiles))
    inputs = _both_ways(_INPUT, [seen[i : i + 4] for i in range(0, 16, 4)])
    weights = _both_ways(_KERNEL, [[kernel[i, j] for j in range(3)] for i in range(3)])
    products = [list(map(product, *rows)) for rows in zip(inputs, weights, strict=True)]
    outputs = _both_ways(_OUTPUT, products)
    y = _interleaved([_interleaved(row, 1) for row in outputs], 0)
    return y[: geometry.out[0], : geometry.out[1]]
