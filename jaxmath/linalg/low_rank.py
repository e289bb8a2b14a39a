"""The best matrix of low rank, by the whole decomposition and by random sampling."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._limits import _check_count
from jaxmath.linalg._common import _precise_matrix
from jaxmath.linalg._eigen import phases
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg._kernels.svd import LEAD
from jaxmath.linalg.spectral import spectral_fn
from jaxmath.linalg.svd import svd, svdvals
from jaxmath.typing import Array, ArrayLike, as_key

__all__ = ["low_rank_approximation", "randomized_svd"]


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _truncated(A: Array, rank: int) -> Array:
    U, s, Vh = svd(A)
    return matmul(U[:, :rank] * s[None, :rank].astype(A.dtype), Vh[:rank])


@_truncated.defjvp
def _truncated_jvp(rank: int, primals: tuple[Array], tangents: tuple[Array]) -> tuple:
    """The derivative of U h(s) Vᵀ, where h keeps what is above the middle of the gap."""
    (A,) = primals
    s = svdvals(lax.stop_gradient(A))
    middle = (s[rank - 1] + s[rank]) / 2
    keep = lambda x: jnp.where(x > middle, x, jnp.zeros_like(x))
    smooth = lambda A: spectral_fn(keep, A, of="singular_values")
    return _truncated(A, rank), jax.jvp(smooth, primals, tangents)[1]


@compiled
def low_rank_approximation(A: ArrayLike, rank: int) -> Array:
    """The matrix of the given rank that is nearest to A.

    ::

        A_r = Σ_{i ≤ r} sᵢ uᵢ vᵢᵀ,   ‖A − A_r‖₂ = s_{r+1},   ‖A − A_r‖_F = √(Σ_{i > r} sᵢ²)

    Args:
      A: matrix, shape (m, n), real.
      rank: the rank r, a Python integer from 1 to min(m, n).

    Returns:
      Matrix of shape (m, n).

    Raises:
      TypeError: ``A`` is complex, or ``rank`` is no Python integer.
      ValueError: ``A`` is no matrix or is empty, or ``rank`` is out of range.

    Numerics:
      Error a small multiple of n·eps·‖A‖. Derivatives of every order are exact wherever
      s_r > s_{r+1}, repeated values on either side of the gap included. Singular set
      {s_r = s_{r+1}}: the matrix is not unique; one of the nearest is returned, and its
      derivative is that of a matrix without the r-th value. NaN in A gives NaN. Cost O(mnk).

    Example:
      >>> print([f"{v:.1f}" for v in low_rank_approximation(jnp.diag(jnp.array([3.0, 1.0])), 1)[0]])
      ['3.0', '0.0']

    References:
      C. Eckart and G. Young, "The approximation of one matrix by another of lower rank", 1936.
    """
    A = _precise_matrix("A", A, kind="floating")
    _check_count("rank", rank, low=1, high=min(A.shape))
    return A if rank == min(A.shape) else _truncated(A, rank)


@jax.custom_jvp
def _refuse(A: Array) -> Array:
    return A


@_refuse.defjvp
def _refuse_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple:
    raise TypeError(
        "randomized_svd has no derivative: the sample makes it a function of more than A; "
        "differentiate svd, spectral_fn or low_rank_approximation"
    )


@compiled
def randomized_svd(
    key: Array,
    A: ArrayLike,
    rank: int,
    *,
    oversampling: int = 10,
    num_iterations: int = 2,
) -> tuple[Array, Array, Array]:
    """The leading singular triples, from the range of A times a random matrix.

    ::

        Y = (A Aᴴ)^q A Ω,   Q = orth(Y),   QᴴA = Ũ S Vᴴ,   U = Q Ũ

    Args:
      key: a random key.
      A: matrix, shape (m, n), real or complex.
      rank: the number r of triples, a Python integer from 1 to min(m, n).
      oversampling: columns of Ω beyond r, a Python integer.
      num_iterations: the exponent q, a Python integer; each step multiplies by Aᴴ and A and
        orthonormalizes.

    Returns:
      ``(U, s, Vh)`` of shapes (m, r), (r,), (r, n), in the gauge of ``svd``.

    Raises:
      TypeError: ``key`` is no key, or a number is no Python integer.
      ValueError: ``A`` is no matrix or is empty, or a number is out of range.

    Numerics:
      U and V are orthonormal to a small multiple of n·eps. With l = r + oversampling columns the
      expected spectral error is at most s_{r+1} times
      (1 + √(r/(l − r − 1)) + e√l/(l − r)·√(min(m, n) − r))^(1/(2q+1)); exact to rounding for
      rank A ≤ r. No derivative: the attempt raises TypeError. NaN in A gives NaN. Cost O(mnl) a
      product.

    Example:
      >>> A = jnp.outer(jnp.array([3.0, 4.0]), jnp.array([1.0, 0.0, 0.0]))
      >>> U, s, Vh = randomized_svd(jax.random.key(0), A, 1)
      >>> f"{s[0]:.4f} {U[1, 0]:.4f}"
      '5.0000 0.8000'

    References:
      N. Halko, P.-G. Martinsson and J. A. Tropp, "Finding structure with randomness", 2011,
      algorithms 4.4 and 5.1, corollary 10.10.
    """
    key = as_key("key", key)
    A = _precise_matrix("A", A)
    _check_count("rank", rank, low=1, high=min(A.shape))
    _check_count("oversampling", oversampling, low=0)
    _check_count("num_iterations", num_iterations, low=0)
    A = _refuse(A)
    num = min(rank + oversampling, *A.shape)
    Q, _ = jnp.linalg.qr(matmul(A, jax.random.normal(key, (A.shape[1], num), A.dtype)))
    for _ in range(num_iterations):
        W, _ = jnp.linalg.qr(matmul(jnp.conj(A).T, Q))
        Q, _ = jnp.linalg.qr(matmul(A, W))
    small, s, Vh = svd(matmul(jnp.conj(Q).T, A))
    U = matmul(Q, small[:, :rank])
    phase = jnp.conj(phases(U, LEAD))  # the gauge of svd, which Q Ũ does not inherit from Ũ
    return U * phase[None, :], s[:rank], Vh[:rank] * jnp.conj(phase)[:, None]
