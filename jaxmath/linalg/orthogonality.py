"""QR: an orthonormal basis of the columns by reflections and by rotations, and the entry point.

These and the two of ``gram_schmidt`` return the same factors up to rounding, because the gauge is
fixed: the diagonal of R is real and ≥ 0, which makes Q₁ and R unique where A has full column
rank. They share one derivative rule as well, that of ``_tangents``.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._loops import scan
from jaxmath.linalg._common import adjoint
from jaxmath.linalg._kernels.batched import LARGEST, batched
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg._kernels.qr import qr_last
from jaxmath.linalg._triangular import lower_solver
from jaxmath.numerics import safe_norm
from jaxmath.typing import Array, ArrayLike, as_array, check_precision

__all__ = ["givens_qr", "householder_qr", "qr"]

Factorize = Callable[[Array], tuple[Array, Array]]


def _length(x: Array) -> Array:
    """‖x‖ in the dtype of x, complex x included."""
    parts = jnp.stack([x.real, x.imag]) if jnp.iscomplexobj(x) else x
    return safe_norm(parts).astype(x.dtype)


def _phase(z: Array) -> Array:
    """z / |z|, and 1 at z = 0: the sign of a real z."""
    # The sign bit, since a comparison with 0 flushes a subnormal number to 0.
    sign = jnp.where(jnp.signbit(z.real), -1.0, 1.0).astype(z.dtype)
    if not jnp.iscomplexobj(z):
        return sign
    size = jnp.abs(z).astype(z.dtype)
    return jnp.where(size == 0, sign, z / jnp.where(size == 0, 1.0, size))


def _unit(v: Array) -> Array:
    """v / ‖v‖, and 0 at v = 0."""
    norm = _length(v)
    return jnp.where(norm == 0, 0.0, v / jnp.where(norm == 0, 1.0, norm))


def _reflection(x: Array, k: Array) -> tuple[Array, Array]:
    """u and s for which P = D (I − 2uuᴴ), D = diag(1, …, s at k, …, 1), leaves the entries of x
    before k alone and turns the rest into ‖x[k:]‖ eₖ."""
    rows = jnp.arange(x.shape[0])
    tail = jnp.where(rows >= k, x, 0.0)
    phase, length = _phase(x[k]), _length(tail)
    # The sign of the pivot: |vₖ| = |xₖ| + ‖x[k:]‖ has no cancellation.
    u = _unit(tail + jnp.where(rows == k, phase * length, 0.0))
    return u, jnp.where(length == 0, 1.0, -jnp.conj(phase))


def _reflect_rows(M: Array, u: Array, s: Array, k: Array) -> Array:
    """P M."""
    return (M - 2.0 * u[:, None] * matmul(jnp.conj(u), M)[None, :]).at[k].multiply(s)


def _reflect_columns(M: Array, u: Array, s: Array, k: Array) -> Array:
    """M Pᴴ."""
    M = M - 2.0 * matmul(M, u)[:, None] * jnp.conj(u)[None, :]
    return M.at[:, k].multiply(jnp.conj(s))


def _upper(R: Array) -> Array:
    """R with exact zeros below the diagonal and an exactly real diagonal."""
    R = jnp.triu(R)
    if not jnp.iscomplexobj(R):
        return R
    return jnp.where(jnp.eye(R.shape[0], R.shape[1], dtype=bool), R.real.astype(R.dtype), R)


def _poison(A: Array, *factors: Array) -> tuple[Array, ...]:
    """The factors, all NaN where an entry of A is not finite."""
    finite = jnp.isfinite(A).all()
    return tuple(jnp.where(finite, factor, jnp.nan) for factor in factors)


def _tangents(Q: Array, R: Array, dA: Array) -> tuple[Array, Array]:
    """(dQ, dR) for A = Q R with a real diagonal of R; R₁ is the leading square block of R.

    QᴴdQ = Ω is skew-Hermitian, and dR = QᴴdA − ΩR is upper triangular with a real diagonal: so
    Ω's strictly lower part is that of C = QᴴdA₁R₁⁻¹, and its diagonal is i Im diag C. What Ω
    does within Q₂ is free, and is set to 0. Where Q is not square, its columns also leave their
    span: dQ₁ = QΩ + (I − QQᴴ) dA R⁻¹.
    """
    m, n = dA.shape
    k, p = min(m, n), Q.shape[1]
    R1 = R[:k, :k]
    if m <= n:
        # The last pivot enters only the last column of C, of which nothing is used when Q has no
        # column left to rotate into: a matrix of rank m − 1 has its derivative too.
        last = jnp.arange(k) == k - 1
        empty = last[:, None] & last[None, :] & (R1 == 0)
        R1 = jnp.where(empty, 1.0, R1)
    W = lower_solver(R1.T)(dA[:, :k].T).T
    C = matmul(adjoint(Q), W)
    low = jnp.pad(jnp.tril(C, -1), ((0, 0), (0, p - k)))
    omega = low - adjoint(low)
    if jnp.iscomplexobj(C):
        turn = jnp.where(jnp.eye(p, k, dtype=bool), lax.complex(jnp.zeros_like(C.imag), C.imag), 0)
        omega = omega + jnp.pad(turn, ((0, 0), (0, p - k)))
    dR = _upper(matmul(adjoint(Q), dA) - matmul(omega, R))
    dQ = matmul(Q, omega)
    return (dQ if p == m else dQ + (W - matmul(Q, C))), dR


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _qr(factorize: Factorize, A: Array) -> tuple[Array, Array]:
    """The factors, with the derivative that every method shares."""
    Q, R = factorize(A)
    Q, R = _poison(A, Q, _upper(R))
    return Q, R


@_qr.defjvp
def _qr_jvp(factorize: Factorize, primals: tuple, tangents: tuple) -> tuple[tuple, tuple]:
    (A,), (dA,) = primals, tangents
    Q, R = _qr(factorize, A)
    return (Q, R), _tangents(Q, R, dA)


def _matrix(name: str, A: ArrayLike, mode: str) -> Array:
    A = as_array("A", A, ndim=2, kind="inexact", min_size=1)
    if mode not in ("reduced", "complete"):
        raise ValueError(f"{name}: argument `mode` must be 'reduced' or 'complete', got {mode!r}")
    return A


def _columns_kept(A: Array, mode: str) -> int:
    return A.shape[0] if mode == "complete" else min(A.shape)


def _accumulate(rows: int, columns: int, u: Array, s: Array) -> Array:
    """The first columns of P₀ᴴ P₁ᴴ ⋯, from the last reflection to the first.

    No step is larger than the columns that are wanted.
    """

    def step(Q: Array, reflection: tuple[Array, Array, Array]) -> tuple[Array, None]:
        k, u, s = reflection
        Q = Q.at[k].multiply(jnp.conj(s))
        return Q - 2.0 * u[:, None] * matmul(jnp.conj(u), Q)[None, :], None

    start = jnp.eye(rows, columns, dtype=u.dtype)
    return scan(step, start, (jnp.arange(u.shape[0]), u, s), reverse=True)[0]


def _householder(columns: int, A: Array) -> tuple[Array, Array]:
    def eliminate(R: Array, k: Array) -> tuple[Array, tuple[Array, Array]]:
        u, s = _reflection(R[:, k], k)
        return _reflect_rows(R, u, s, k), (u, s)

    R, reflections = scan(eliminate, A, jnp.arange(min(A.shape)))
    return _accumulate(A.shape[0], columns, *reflections), R[:columns]


@compiled
def householder_qr(A: ArrayLike, mode: str = "reduced") -> tuple[Array, Array]:
    """QR by Householder reflections: each one turns a column into a multiple of a unit vector.

    ::

        v = x + sign(x₁)‖x‖e₁,   P = I − 2vvᴴ/‖v‖²,   Px = −sign(x₁)‖x‖e₁;   Pₖ ⋯ P₁ A = R

    Args:
      A: matrix, shape (m, n), real or complex.
      mode: "reduced" for k = min(m, n) columns of Q, "complete" for m.

    Returns:
      Q of shape (m, k) or (m, m), and R of shape (k, n) or (m, n) with diagonal ≥ 0: after each
      reflection a sign (a phase) is moved from the row of R to the column of Q.

    Raises:
      ValueError: A is empty or no matrix, or another mode.

    Numerics:
      ‖A − QR‖ ≤ c·m·n·eps·‖A‖ and ‖QᴴQ − I‖ ≤ c·m·n·eps for every A, dependent columns included
      (measured: below 20·max(m, n)·eps). NaN or ∞ gives NaN. Gradient: as ``qr``. Cost: k steps
      of 4m(p + n) operations for the p columns of Q, formed from the last reflection to the first.

    Example:
      >>> Q, R = householder_qr(jnp.array([[3.0, 1.0], [4.0, 2.0]]))
      >>> print([f"{r:.2f}" for r in R.ravel()])
      ['5.00', '2.20', '0.00', '0.40']

    References:
      L. N. Trefethen, D. Bau, "Numerical Linear Algebra", 1997, algorithm 10.1.
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      theorem 19.4.
    """
    A = _matrix("householder_qr", A, mode)
    return _qr(partial(_householder, _columns_kept(A, mode)), A)


def _rotation(a: Array, b: Array) -> Array:
    """The unitary G with G (a, b) = (√(|a|² + |b|²), 0)."""
    r = _length(jnp.stack([a, b]))
    safe = jnp.where(r == 0, 1.0, r)
    c, s = jnp.where(r == 0, 1.0, a / safe), b / safe
    return jnp.stack([jnp.stack([jnp.conj(c), jnp.conj(s)]), jnp.stack([-s, c])])


def _givens(columns: int, A: Array) -> tuple[Array, Array]:
    m, n = A.shape
    pairs = [(i, j) for j in range(min(m, n)) for i in range(m - 1, j, -1)]

    def rotate(carry: tuple[Array, Array], pair: Array) -> tuple[tuple[Array, Array], None]:
        Qh, R = carry
        i, j = pair[0], pair[1]
        rows = jnp.stack([i - 1, i])
        G = _rotation(R[i - 1, j], R[i, j])
        return (Qh.at[rows].set(matmul(G, Qh[rows])), R.at[rows].set(matmul(G, R[rows]))), None

    start = (jnp.eye(m, dtype=A.dtype), A)
    (Qh, R), _ = scan(rotate, start, jnp.array(pairs, jnp.int32).reshape(-1, 2))
    return _with_gauge(adjoint(Qh)[:, :columns], R[:columns])


@compiled
def givens_qr(A: ArrayLike, mode: str = "reduced") -> tuple[Array, Array]:
    """QR by Givens rotations: each one makes a single entry zero, from the bottom up.

    ::

        c = a / r,   s = b / r,   r = √(|a|² + |b|²):   [c̄ s̄; −s c] (a, b)ᵀ = (r, 0)ᵀ

    Args:
      A: matrix, shape (m, n), real or complex.
      mode: "reduced" for k = min(m, n) columns of Q, "complete" for m.

    Returns:
      Q of shape (m, k) or (m, m), and R of shape (k, n) or (m, n) with diagonal ≥ 0.

    Raises:
      ValueError: A is empty or no matrix, or another mode.

    Numerics:
      ‖A − QR‖ ≤ c·(m + n)·eps·‖A‖ and ‖QᴴQ − I‖ ≤ c·(m + n)·eps for every A (measured: below
      20·max(m, n)·eps). NaN or ∞ gives NaN. Gradient: as ``qr``. Cost: mk − k(k+1)/2 rotations one
      after another, each of 6(m + n) operations.

    Example:
      >>> Q, R = givens_qr(jnp.array([[3.0, 1.0], [4.0, 2.0]]))
      >>> print([f"{q:.2f}" for q in Q.ravel()])
      ['0.60', '-0.80', '0.80', '0.60']

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      theorem 19.10.
    """
    A = _matrix("givens_qr", A, mode)
    return _qr(partial(_givens, _columns_kept(A, mode)), A)


def _with_gauge(Q: Array, R: Array) -> tuple[Array, Array]:
    """The same product with a real diagonal of R that is ≥ 0."""
    k = min(R.shape)
    s = _phase(jnp.diagonal(R))
    return Q.at[:, :k].multiply(s[None, :]), R.at[:k].multiply(jnp.conj(s)[:, None])


def _lapack(mode: str, A: Array) -> tuple[Array, Array]:
    small = max(A.shape) <= LARGEST and A.dtype in (jnp.float32, jnp.float64)
    if small and _columns_kept(A, mode) == min(A.shape):
        return _small(A)
    return _with_gauge(*jnp.linalg.qr(A, mode=mode))


_small = batched(lambda A: _with_gauge(*jnp.linalg.qr(A)), qr_last)


@compiled
def qr(A: ArrayLike, mode: str = "reduced") -> tuple[Array, Array]:
    """The QR decomposition: orthonormal columns times an upper triangle.

    ::

        A = QR,   QᴴQ = I,   Rᵢⱼ = 0 for i > j,   Rᵢᵢ ≥ 0

    Args:
      A: matrix, shape (m, n), real or complex.
      mode: "reduced" for k = min(m, n) columns of Q, "complete" for all m: then the columns from
        the k-th on, Q₂, span the orthogonal complement of the first k.

    Returns:
      Q of shape (m, k) or (m, m), and R of shape (k, n) or (m, n).

    Raises:
      ValueError: A is empty or no matrix, or another mode.

    Numerics:
      Gauge: the diagonal of R is real and ≥ 0, so Q₁ and R are unique where the first k columns
      of A are independent; Q₂ is unique up to a rotation among its columns. ‖A − QR‖ ≤
      20·max(m, n)·eps·‖A‖ and ‖QᴴQ − I‖ ≤ 20·max(m, n)·eps, for every A. NaN or ∞ gives NaN.
      Gradient: exact to every order for all that does not depend on the gauge: Q₁, R, QR and, of
      Q₂, the projector Q₂Q₂ᴴ (the derivative of bare Q₂ moves it out of its span only, without
      turning it within). Singular set: the first k columns dependent, for m ≤ n the first m − 1;
      there the derivative of Q does not exist and comes out infinite or NaN. Cost: as
      ``jnp.linalg.qr``; under ``vmap``, real matrices up to 8×8 with k columns of Q are reflected
      all at once, with the batch along the vector lanes.

    Example:
      >>> Q, R = qr(jnp.array([[3.0, 1.0], [4.0, 2.0]]))
      >>> print([f"{r:.2f}" for r in R.ravel()])
      ['5.00', '2.20', '0.00', '0.40']

    References:
      G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 5.2.
      S. F. Walter, L. Lehmann, R. Lamour, "On evaluating higher-order derivatives of the QR
      decomposition of tall matrices with full column rank", 2012.
    """
    A = _matrix("qr", A, mode)
    check_precision("A", A)
    return _qr(partial(_lapack, mode), A)
