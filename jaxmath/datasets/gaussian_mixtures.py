"""Mixtures of many narrow Gaussians in the plane: targets on which a generator's collapse shows.

The modes take turns, yᵢ = i mod k, so that every prefix is balanced; εᵢ is standard normal. An
example lies within 3σ of its center with probability 1 − e^(−9/2) = 98.9 %.
"""

import math

import jax.numpy as jnp

from jaxmath.datasets._draws import DType, mixture, real_dtype
from jaxmath.datasets.dataset import Dataset
from jaxmath.typing import Array, Scalar, check_number

__all__ = ["gaussian_grid", "gaussian_ring", "grid_centers", "ring_centers"]


def ring_centers(num_modes: int = 8, *, radius: Scalar = 2.0, dtype: DType = float) -> Array:
    """Points evenly spaced on a circle: the centers of the ring of Gaussians.

    ::

        c_j = radius·(cos 2πj/k, sin 2πj/k),   j = 0, …, k − 1

    Args:
      num_modes: number k of points, at least 1.
      radius: radius of the circle.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      The points, shape (k, 2); row j is that of the label j.

    Numerics:
      A few eps of the radius. Neighbours are 2·radius·sin(π/k) apart. Differentiable in
      ``radius``.

    Example:
      >>> print(ring_centers(1), ring_centers(4).shape)
      [[2. 0.]] (4, 2)

    References:
      L. Metz, B. Poole, D. Pfau, J. Sohl-Dickstein, "Unrolled generative adversarial networks",
      2017, section 3.1 and appendix A.
    """
    check_number("num_modes", num_modes, low=1, integer=True)
    check_number("radius", radius)
    dtype = real_dtype("ring_centers", dtype)
    angle = (2 * math.pi / num_modes) * jnp.arange(num_modes, dtype=dtype)
    return jnp.asarray(radius, dtype) * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)


def grid_centers(side: int = 5, *, spacing: Scalar = 2.0, dtype: DType = float) -> Array:
    """Points of a square grid around the origin: the centers of the grid of Gaussians.

    ::

        c_j = spacing·(⌊j/side⌋ − (side − 1)/2, j mod side − (side − 1)/2)

    Args:
      side: points along an edge, at least 1: k = side² in all.
      spacing: distance of neighbours.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      The points, shape (k, 2); row j is that of the label j.

    Numerics:
      Exact where the spacing is a small integer. Differentiable in ``spacing``.

    Example:
      >>> print(grid_centers(2).tolist())
      [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]

    References:
      A. Srivastava, L. Valkov, C. Russell, M. U. Gutmann, C. Sutton, "VEEGAN: reducing mode
      collapse in GANs using implicit variational learning", 2017, section 4.1.
    """
    check_number("side", side, low=1, integer=True)
    check_number("spacing", spacing)
    dtype = real_dtype("grid_centers", dtype)
    line = jnp.arange(side, dtype=dtype) - (side - 1) / 2
    grid = jnp.stack(jnp.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    return jnp.asarray(spacing, dtype) * grid


def gaussian_ring(
    key: Array,
    n: int,
    *,
    num_modes: int = 8,
    radius: Scalar = 2.0,
    noise: Scalar = 0.1,
    dtype: DType = float,
) -> Dataset:
    """A mixture of Gaussians whose centers lie evenly on a circle.

    ::

        xᵢ = c_{yᵢ} + noise·εᵢ,   c_j = radius·(cos 2πj/k, sin 2πj/k),   yᵢ = i mod k

    Args:
      key: a random key, used once.
      n: number of examples.
      num_modes: number k of Gaussians, at least 1.
      radius: radius of the circle.
      noise: standard deviation σ of each coordinate, at least 0.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``x`` of shape (n, 2), and the mode as ``y`` of shape (n,), int32.

    Numerics:
      ``blobs`` with the centers ``ring_centers``. Differentiable in ``radius`` and ``noise``.

    Example:
      >>> import jax
      >>> data = gaussian_ring(jax.random.key(0), 4, num_modes=3, noise=0.0)
      >>> print(data.y, jnp.hypot(data.x[:, 0], data.x[:, 1]))
      [0 1 2 0] [2. 2. 2. 2.]

    References:
      L. Metz, B. Poole, D. Pfau, J. Sohl-Dickstein, "Unrolled generative adversarial networks",
      2017, section 3.1 and appendix A.
    """
    centers = ring_centers(num_modes, radius=radius, dtype=dtype)
    return mixture("gaussian_ring", key, n, centers, noise, dtype)


def gaussian_grid(
    key: Array,
    n: int,
    *,
    side: int = 5,
    spacing: Scalar = 2.0,
    noise: Scalar = 0.1,
    dtype: DType = float,
) -> Dataset:
    """A mixture of Gaussians whose centers form a square grid around the origin.

    ::

        xᵢ = c_{yᵢ} + noise·εᵢ,   yᵢ = i mod side²
        c_j = spacing·(⌊j/side⌋ − (side − 1)/2, j mod side − (side − 1)/2)

    Args:
      key: a random key, used once.
      n: number of examples.
      side: Gaussians along an edge, at least 1: k = side² in all.
      spacing: distance of neighbours.
      noise: standard deviation σ of each coordinate, at least 0.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``x`` of shape (n, 2), and the mode as ``y`` of shape (n,), int32.

    Numerics:
      ``blobs`` with the centers ``grid_centers``. Differentiable in ``spacing`` and ``noise``.

    Example:
      >>> import jax
      >>> data = gaussian_grid(jax.random.key(0), 3, side=2, noise=0.0)
      >>> print(data.y, data.x.tolist())
      [0 1 2] [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0]]

    References:
      A. Srivastava, L. Valkov, C. Russell, M. U. Gutmann, C. Sutton, "VEEGAN: reducing mode
      collapse in GANs using implicit variational learning", 2017, section 4.1.
    """
    centers = grid_centers(side, spacing=spacing, dtype=dtype)
    return mixture("gaussian_grid", key, n, centers, noise, dtype)
