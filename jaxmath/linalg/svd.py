"""The singular value decomposition: entry points, the one-sided Jacobi reference, condition.

The derivative of the bare factors U and V depends on their gauge and does not exist where singular
values coincide; what is a function of the matrix alone (Σ f(s), U f(s) Vᵀ, the polar factor, the
pseudo-inverse) has an entry point of its own whose derivatives are right there too:
``spectral_sum``, ``spectral_fn``, ``polar``, ``pinv``, ``lstsq``, ``low_rank_approximation``.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._extrema import max_of
from jaxmath._loops import fori_loop
from jaxmath.iterate import Status, iterate
from jaxmath.linalg._common import _check_flag, _precise_matrix, adjoint
from jaxmath.linalg._eigen import leading, phases
from jaxmath.linalg._kernels.batched import LARGEST, batched
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg._kernels.svd import LEAD, svd_last
from jaxmath.linalg._pinv import default_cutoff, pseudo_inverse
from jaxmath.numerics import safe_norm
from jaxmath.typing import Array, ArrayLike, check_number

__all__ = ["condition_number", "jacobi_svd", "svd", "svdvals"]


def _lapack(A: Array, full_matrices: bool) -> tuple[Array, Array, Array]:
    U, s, Vh = jnp.linalg.svd(A, full_matrices=full_matrices)
    k = s.shape[0]
    phase = phases(U, LEAD)
    # Rows of Vᴴ past min(m, n) have no partner in U: they follow the rule by themselves.
    rest = jnp.conj(phases(Vh[k:].T, LEAD)) if Vh.shape[0] > k else jnp.zeros((0,), A.dtype)
    Vh = Vh * jnp.concatenate([phase[:k], rest])[:, None]
    return (U.T * jnp.conj(phase)[:, None]).T, s, Vh


_small = batched(lambda A: _lapack(A, False), svd_last)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _svd(A: Array, full_matrices: bool) -> tuple[Array, Array, Array]:
    small = max(A.shape) <= LARGEST and A.dtype in (jnp.float32, jnp.float64)
    if small and (not full_matrices or A.shape[0] == A.shape[1]):
        return _small(A)
    return _lapack(A, full_matrices)


def _reciprocal(x: Array, keep: Array) -> Array:
    return jnp.where(keep, 1 / jnp.where(keep, x, jnp.ones_like(x)), jnp.zeros_like(x))


@_svd.defjvp
def _svd_jvp(full_matrices: bool, primals: tuple[Array], tangents: tuple[Array]) -> tuple:
    """dU = U Ω + U⊥ U⊥ᴴ dA V S⁻¹ with Ωᵢⱼ = Yᵢⱼ/(sⱼ − sᵢ) + Xᵢⱼ/(sⱼ + sᵢ); V alike with −X.

    Y and X are the Hermitian and the skew part of Uᴴ dA V. A coefficient without a finite value
    (the gap at repeated values, the sum at 0) is left out.
    """
    (A,), (dA,) = primals, tangents
    U, s, Vh = _svd(A, full_matrices)
    k = s.shape[0]
    U1, V1 = U[:, :k], adjoint(Vh[:k])
    dP = matmul(adjoint(U1), matmul(dA, V1))
    dPh = adjoint(dP)
    tol = lax.stop_gradient(max(A.shape) * jnp.finfo(s.dtype).eps * s[0])
    gap, total = s[None, :] - s[:, None], s[None, :] + s[:, None]
    Y = (dP + dPh) / 2 * _reciprocal(gap, jnp.abs(gap) > tol).astype(A.dtype)
    X = (dP - dPh) / 2 * _reciprocal(total, total > 0).astype(A.dtype)
    inverse = _reciprocal(s, s > 0).astype(A.dtype)[None, :]
    # The parts that leave the space of U, of V (0 where that space is everything).
    out_U = matmul(dA, V1)
    out_U = (out_U - matmul(U1, matmul(adjoint(U1), out_U))) * inverse
    out_V = matmul(adjoint(dA), U1)
    out_V = (out_V - matmul(V1, matmul(adjoint(V1), out_V))) * inverse
    dU, dV = matmul(U1, Y + X) + out_U, matmul(V1, Y - X) + out_V
    if jnp.iscomplexobj(A):  # a common phase keeps the leading entry of each uᵢ real
        where = leading(U1, LEAD)[None, :]
        lead = jnp.take_along_axis(U1, where, axis=0).real
        turn = jnp.take_along_axis(dU, where, axis=0).imag / jnp.where(lead == 0, 1, lead)
        turn = lax.complex(jnp.zeros_like(turn), turn)
        dU, dV = dU - turn * U1, dV - turn * V1
    if full_matrices:  # the least motion that stays orthogonal: U₂ᴴ dU₂ = 0
        P, U2, V2 = pseudo_inverse(A, default_cutoff(A)), U[:, k:], adjoint(Vh[k:])
        dU = jnp.concatenate([dU, -matmul(adjoint(P), matmul(adjoint(dA), U2))], axis=1)
        dV = jnp.concatenate([dV, -matmul(P, matmul(dA, V2))], axis=1)
    ds = jnp.diagonal(dP).real
    return (U, s, Vh), (dU, ds, adjoint(dV))


@compiled
def svd(A: ArrayLike, full_matrices: bool = False) -> tuple[Array, Array, Array]:
    """The singular value decomposition A = U S Vᴴ, with deterministic signs.

    ::

        A = U diag(s) Vᴴ,   UᴴU = I,   VᴴV = I,   s₁ ≥ s₂ ≥ … ≥ 0

    Args:
      A: matrix, shape (m, n), real or complex.
      full_matrices: True for square U and V, False for k = min(m, n) columns of each.

    Returns:
      ``(U, s, Vh)`` of shapes (m, k), (k,), (k, n), or (m, m), (k,), (n, n) where
      ``full_matrices``. Gauge: the leading entry of each column of U, which is the first within
      0.1 % of the column's largest modulus, is real and positive; so it is for the columns of V
      that have no partner in U.

    Raises:
      TypeError: ``full_matrices`` is no bool.
      ValueError: ``A`` is no matrix or is empty.

    Numerics:
      ‖A − U S Vᴴ‖ and the loss of orthogonality are a small multiple of n·eps (LAPACK's divide
      and conquer on CPU; under ``vmap``, real matrices up to 8×8 with thin or square factors are
      rotated by Jacobi's method all at once, with the batch along the vector lanes). NaN or ∞ in A
      gives NaN. Derivatives are those of the gauge above.
      Singular set {sᵢ = sⱼ, or sᵢ = 0}: of the derivative of U and V only the terms with a finite
      coefficient are propagated, 1/(sᵢ + sⱼ) but not 1/(sᵢ − sⱼ); values closer than
      max(m, n)·eps·s₁ count as equal. There the bare factors are not differentiable, and what is
      composed of them has the right derivative only where the missing terms cancel (U Vᴴ, but not
      U f(s) Vᴴ): use ``spectral_fn``, ``spectral_sum``, ``polar``, ``pinv`` instead. The columns
      added by ``full_matrices`` are fixed only as a subspace: differentiate U₂ U₂ᴴ. Cost O(mnk).

    Example:
      >>> U, s, Vh = svd(jnp.array([[0.0, 2.0], [-3.0, 0.0]]))
      >>> print([f"{v:.1f}" for v in s], f"{U[1, 0]:.1f} {Vh[0, 0]:.1f}")
      ['3.0', '2.0'] 1.0 -1.0

    References:
      G. H. Golub and C. F. Van Loan, "Matrix Computations", 4th edition, 2013, theorem 2.4.1.
      J. Townsend, "Differentiating the singular value decomposition", 2016.
    """
    A = _precise_matrix("A", A)
    _check_flag("full_matrices", full_matrices)
    return _svd(A, full_matrices)


@jax.custom_jvp
def _svdvals(A: Array) -> Array:
    return jnp.linalg.svd(A, compute_uv=False, full_matrices=False)


@_svdvals.defjvp
def _svdvals_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (A,), (dA,) = primals, tangents
    U, s, Vh = _svd(A, False)
    return s, jnp.sum((jnp.conj(U) * matmul(dA, adjoint(Vh))).real, axis=0)


@compiled
def svdvals(A: ArrayLike) -> Array:
    """The singular values of A, largest first.

    ::

        sᵢ = √λᵢ(AᴴA),   dsᵢ = Re(uᵢᴴ dA vᵢ)

    Args:
      A: matrix, shape (m, n), real or complex.

    Returns:
      Vector of shape (min(m, n),), real, non-increasing.

    Raises:
      ValueError: ``A`` is no matrix or is empty.

    Numerics:
      |error| ≤ a small multiple of n·eps·s₁. NaN or ∞ in A gives NaN. The first derivative of a
      simple, positive value is exact. Singular set {sᵢ = sⱼ, or sᵢ = 0}: one member of the
      generalized gradient; sums that do not depend on the order have the right gradient, but no
      right second derivative: use ``spectral_sum(f, A, of="singular_values")``. Cost O(mnk).

    Example:
      >>> print([f"{s:.4f}" for s in svdvals(jnp.array([[3.0, 0.0], [4.0, 5.0]]))])
      ['6.7082', '2.2361']

    References:
      G. H. Golub and C. F. Van Loan, "Matrix Computations", 4th edition, 2013, theorem 2.4.1.
    """
    return _svdvals(_precise_matrix("A", A))


@compiled
def condition_number(A: ArrayLike) -> Array:
    """The condition number of A in the spectral norm.

    ::

        κ(A) = s₁ / sₖ,   k = min(m, n);   κ = ∞ for sₖ = 0

    Args:
      A: matrix, shape (m, n), real or complex.

    Returns:
      A real scalar ≥ 1, ∞ for a matrix whose least singular value is exactly 0.

    Raises:
      ValueError: ``A`` is no matrix or is empty.

    Numerics:
      Relative error about n·eps·κ: beyond 1/eps only the magnitude means something. Singular set
      {s₁ or sₖ repeated, sₖ = 0}: at a repeated extreme one member of the generalized gradient,
      at sₖ = 0 value ∞ and gradient 0. NaN in A gives NaN. Cost of ``svdvals``.

    Example:
      >>> f"{condition_number(jnp.array([[2.0, 0.0], [0.0, 0.5]])):.1f}"
      '4.0'

    References:
      G. H. Golub and C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 2.6.2.
    """
    s = svdvals(_precise_matrix("A", A))
    least = jnp.where(s[-1] == 0, jnp.ones_like(s[-1]), s[-1])
    return jnp.where(s[-1] == 0, jnp.inf, s[0] / least)


def _rotate_pair(p: Array, q: Array, W: Array, V: Array) -> tuple[Array, Array, Array]:
    """One Jacobi rotation that makes columns p and q of W orthogonal; |cos| of their angle before.

    The longer one becomes column p: side by side, columns of one length converge quadratically.
    Norms and the cosine, not the Gram matrix: squares of graded columns would underflow.
    """
    x, y = W[:, p], W[:, q]
    a, b = safe_norm(x), safe_norm(y)
    pair = jnp.stack([p, q])
    places = jnp.where(a >= b, pair, pair[::-1])
    live = (a > 0) & (b > 0)
    a, b = jnp.where(live, a, jnp.ones_like(a)), jnp.where(live, b, jnp.ones_like(b))
    unit_x, unit_y = (v / jnp.full_like(v, n) for v, n in ((x, a), (y, b)))
    cosine = jnp.where(live, jnp.sum(unit_x * unit_y), jnp.zeros_like(a))
    turn = jnp.abs(cosine) > jnp.finfo(W.dtype).eps
    # cot 2θ = (‖y‖² − ‖x‖²) / 2xᵀy, and t = tan θ the smaller root of t² + 2t cot 2θ = 1.
    cot = (b / a - a / b) / (2 * jnp.where(turn, cosine, jnp.ones_like(cosine)))
    root = jnp.abs(cot) + safe_norm(jnp.stack([jnp.ones_like(cot), cot]))
    t = jnp.where(turn, jnp.where(cot < 0, -1.0, 1.0) / root, jnp.zeros_like(cot))
    c = 1 / jnp.sqrt(1 + t * t)
    R = jnp.stack([jnp.stack([c, c * t]), jnp.stack([-c * t, c])])
    return (
        W.at[:, places].set(matmul(W[:, pair], R)),
        V.at[:, places].set(matmul(V[:, pair], R)),
        (jnp.abs(cosine)),
    )


@compiled
def jacobi_svd(A: ArrayLike, *, max_sweeps: int = 30) -> tuple[Array, Array, Array]:
    """The singular value decomposition by one-sided Jacobi rotations: the reference.

    ::

        repeat for all p < q:   (a_p, a_q) ← (a_p, a_q) [c s; −s c]   with a_pᵀ a_q = 0 after,
        and ‖a_p‖ ≥ ‖a_q‖, by an exchange of the two if need be;
        sᵢ = ‖aᵢ‖,   uᵢ = aᵢ / sᵢ,   V = the product of the rotations

    Args:
      A: matrix, shape (m, n), real.
      max_sweeps: the limit on sweeps over all pairs of columns.

    Returns:
      ``(U, s, Vh)`` with k = min(m, n), in the gauge of ``svd``; NaN throughout where the limit
      on sweeps was reached or A is not finite.

    Raises:
      TypeError: ``A`` is complex.
      ValueError: ``A`` is no matrix or is empty, or ``max_sweeps`` is less than 1.

    Numerics:
      Columns are orthogonal to n·eps relative to their norms, so that ‖A − U S Vᵀ‖ ≤ 20·n·eps·‖A‖
      and, for A = BD with a diagonal D, each singular value is right to a small multiple of
      n·eps·κ(B) relative to itself, however graded D is. Forward mode only (a while loop). Cost
      O(mn²) a sweep, about log₂ n + 4 sweeps.

    Example:
      >>> U, s, Vh = jacobi_svd(jnp.array([[3.0, 0.0], [4.0, 5.0]]))
      >>> print([f"{v:.4f}" for v in s])
      ['6.7082', '2.2361']

    References:
      J. Demmel and K. Veselić, "Jacobi's method is more accurate than QR", 1992, algorithm 4.1.
      P. P. M. de Rijk, "A one-sided Jacobi algorithm for computing the singular value decomposition
      on a vector computer", 1989 (the order).
    """
    A = _precise_matrix("A", A, kind="floating")
    check_number("max_sweeps", max_sweeps, low=1, integer=True)
    if A.shape[0] < A.shape[1]:
        U, s, Vh = jacobi_svd(A.T, max_sweeps=max_sweeps)
        phase = phases(Vh.T, LEAD)
        return Vh.T * phase[None, :], s, U.T * phase[:, None]
    n, eps = A.shape[1], jnp.finfo(A.dtype).eps
    pairs = jnp.stack(jnp.triu_indices(n, 1), axis=1)

    def sweep(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        def rotate(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            W, V, worst = carry
            W, V, cosine = _rotate_pair(pairs[i, 0], pairs[i, 1], W, V)
            return W, V, jnp.maximum(worst, cosine)

        start = (*state[:2], jnp.zeros_like(state[2]))
        if n == 1:
            return start
        return fori_loop(0, pairs.shape[0], rotate, start)

    def status(state: tuple[Array, Array, Array]) -> Array:
        done = jnp.where(state[2] <= n * eps, Status.CONVERGED, Status.RUNNING)
        return jnp.where(jnp.isnan(state[2]), Status.NON_FINITE, done)

    size = max_of(jnp.abs(A))
    start_worst = jnp.where(jnp.isfinite(size), 1.0, jnp.nan).astype(A.dtype)
    (W, V, _), ended, _ = iterate(
        sweep, (A, jnp.eye(n, dtype=A.dtype), start_worst), status, max_steps=max_sweeps
    )
    s = jax.vmap(safe_norm, in_axes=1)(W)
    order = jnp.argsort(-s)
    s, W, V = s[order], W[:, order], V[:, order]
    zero = s[None, :] == 0
    unit = jnp.where(zero, 0.0, W / jnp.where(zero, 1.0, s[None, :]))
    # Householder QR keeps orthonormal columns up to sign and completes those that are 0.
    Q, _ = jnp.linalg.qr(unit)
    U = jnp.where(zero, Q, unit)
    phase = phases(U, LEAD)
    bad = jnp.where(ended == Status.CONVERGED, 1.0, jnp.nan).astype(A.dtype)
    return U * phase[None, :] * bad, s * bad, (V * phase[None, :]).T * bad
