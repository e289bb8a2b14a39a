"""Symmetric and Hermitian matrices: eigenvalues, the generalized problem, definiteness."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxmath import numerics
from jaxmath._compiled import compiled
from jaxmath._loops import fori_loop
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.linalg._common import _precise_square, adjoint, promoted
from jaxmath.linalg._eigen import (
    fix_gauge,
    frobenius,
    gauge_tangent,
    hermitian_part,
    largest,
    over_gaps,
    power_of_two,
)
from jaxmath.linalg._kernels.batched import batched
from jaxmath.linalg._kernels.eigh import LARGEST, eigh_last
from jaxmath.linalg._kernels.product import matmul
from jaxmath.typing import Array, ArrayLike, as_array, check_number

__all__ = [
    "Eigh",
    "GeneralizedEigh",
    "eigh",
    "eigvalsh",
    "generalized_eigh",
    "is_positive_definite",
    "jacobi_eigh",
    "quadratic_form",
]


class Eigh(NamedTuple):
    """What eigh returns: ascending eigenvalues, shape (n,), and eigenvectors as columns, (n, n)."""

    eigenvalues: Array
    eigenvectors: Array


class GeneralizedEigh(NamedTuple):
    """What generalized_eigh returns: ascending eigenvalues, B-orthonormal columns, a Status."""

    eigenvalues: Array
    eigenvectors: Array
    status: Array


def _eigh_tangent(w: Array, V: Array, dH: Array) -> tuple[Array, Array]:
    """dw = diag(Vᴴ dH V) and dV = V (Vᴴ dH V ∘ F) in the gauge, with Fᵢⱼ = 1/(wⱼ − wᵢ)."""
    C = matmul(adjoint(V), matmul(dH, V))
    return jnp.diagonal(C).real, gauge_tangent(V, matmul(V, over_gaps(C, w)))


def _eigh_one(A: Array) -> tuple[Array, Array]:
    scale, unscale = power_of_two(A)
    finite = jnp.isfinite(largest(A))
    # Not by half the scale, which may be no normal number.
    H = jnp.where(finite, 0.5 * (scale * A + scale * adjoint(A)), 0.0)
    w, V = jnp.linalg.eigh(H, symmetrize_input=False)
    return jnp.where(finite, w * unscale, jnp.nan), jnp.where(finite, fix_gauge(V), jnp.nan)


_eigh_batched = batched(_eigh_one, lambda A: eigh_last(0.5 * A + 0.5 * jnp.swapaxes(A, 0, 1)))


@jax.custom_jvp
def _eigh(A: Array) -> tuple[Array, Array]:
    """The decomposition of (A + Aᴴ)/2."""
    small = 2 <= len(A) <= LARGEST and not jnp.iscomplexobj(A)
    return _eigh_batched(A) if small else _eigh_one(A)


@_eigh.defjvp
def _eigh_jvp(
    primals: tuple[Array], tangents: tuple[Array]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    w, V = _eigh(*primals)
    return (w, V), _eigh_tangent(w, V, hermitian_part(*tangents))


@compiled
def eigh(A: ArrayLike) -> Eigh:
    """Eigenvalues and orthonormal eigenvectors of a symmetric or Hermitian matrix.

    ::

        A = V diag(w) Vᴴ,   w₁ ≤ … ≤ wₙ,   VᴴV = I
        dwᵢ = vᵢᴴ dA vᵢ,   dvⱼ = Σᵢ vᵢ (vᵢᴴ dA vⱼ) / (wⱼ − wᵢ) over wᵢ ≠ wⱼ

    Args:
        A: symmetric or Hermitian matrix, shape (n, n); both triangles are read and
            (A + Aᴴ)/2 is what is decomposed.

    Returns:
        A NamedTuple ``(eigenvalues, eigenvectors)``: real ascending values of shape (n,), and
        vectors as columns, shape (n, n). Gauge: in each column the first entry whose modulus is
        within 10% of the column's largest is real and positive.

    Numerics:
        Eigenvalues, residual and orthogonality within 20·n·eps (times ‖A‖); scaled by a power of
        two, so any finite A works. NaN or ∞ in A gives NaN throughout. Values closer than
        4·√n·eps·‖A‖ count as repeated: the derivative of a vector then keeps only the terms
        between different values, which are finite and what a projector onto the whole eigenspace
        needs; it is not the derivative of V f(w) Vᴴ there (at 2I that part of it is lost), and
        dwᵢ is right for sums over the repeated value only. For functions of a matrix use the
        spectral entry points, ``spectral_fn`` and ``spectral_sum``, exact at repeated values too.
        Cost: about 9n³. Under ``vmap`` real matrices of size 2 to 4 are decomposed together by
        Jacobi rotations: the same bounds and gauge, another basis where values are repeated.

    Example:
        >>> w, V = eigh(jnp.array([[2.0, 1.0], [1.0, 2.0]]))
        >>> print([f"{x:.1f}" for x in w], [f"{x:.4f}" for x in V[:, 0]])
        ['1.0', '3.0'] ['0.7071', '-0.7071']

    References:
        J. R. Magnus, "On differentiating eigenvalues and eigenvectors", 1985, theorem 1.
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 8.3.
    """
    return Eigh(*_eigh(_precise_square("A", A)))


@compiled
def eigvalsh(A: ArrayLike) -> Array:
    """Eigenvalues of a symmetric or Hermitian matrix, ascending.

    ::

        det(A − wᵢ I) = 0,   w₁ ≤ … ≤ wₙ,   dwᵢ = vᵢᴴ dA vᵢ

    Args:
        A: symmetric or Hermitian matrix, shape (n, n); (A + Aᴴ)/2 is what is read.

    Returns:
        The real eigenvalues, shape (n,).

    Numerics:
        |error| ≤ 20·n·eps·‖A‖; NaN or ∞ in A gives NaN. At a repeated value wᵢ alone has no
        derivative: the rule gives that of one orthonormal basis of the eigenspace, a subgradient
        for the largest value, and right for every function that treats equal values alike. Second
        derivatives there need ``spectral_sum``. Cost: that of ``eigh``.

    Example:
        >>> print([f"{x:.1f}" for x in eigvalsh(jnp.array([[2.0, 1.0], [1.0, 2.0]]))])
        ['1.0', '3.0']

    References:
        J. R. Magnus, "On differentiating eigenvalues and eigenvectors", 1985, theorem 1.
    """
    return _eigh(_precise_square("A", A))[0]


def _off(H: Array) -> Array:
    """The Frobenius norm of what is off the diagonal."""
    return frobenius(jnp.where(jnp.eye(len(H), dtype=bool), 0.0, H))


def _rotate(p: Array, q: Array, H: Array, V: Array) -> tuple[Array, Array]:
    """One Jacobi rotation: H ← JᴴHJ with hₚq = 0, V ← VJ (Golub and Van Loan, section 8.5.2).

    It leaves hₚₚ ≥ hqq, by an exchange of the two if need be: at repeated values convergence is
    quadratic only where equal ones stand side by side (van Kempen).
    """
    app, aqq, apq = H[p, p].real, H[q, q].real, H[p, q]
    size = jnp.abs(apq)
    live = size > 0
    theta = (aqq - app) / (2 * jnp.where(live, size, 1.0))
    t = jnp.where(theta >= 0, 1.0, -1.0) / (jnp.abs(theta) + jnp.hypot(theta, 1.0))
    t = jnp.where(live, t, 0.0)
    c = lax.rsqrt(1 + t * t)
    unit = jnp.where(live, apq, 1.0) / jnp.where(live, size, 1.0).astype(H.dtype)
    s, c = (t * c).astype(H.dtype) * unit, c.astype(H.dtype)
    hpp, hqq = app - t * size, aqq + t * size
    i, j = jnp.where(hpp >= hqq, p, q), jnp.where(hpp >= hqq, q, p)  # where the two go

    def columns(M: Array) -> Array:
        x, y = M[:, p], M[:, q]
        return M.at[:, i].set(c * x - jnp.conj(s) * y).at[:, j].set(s * x + c * y)

    H = adjoint(columns(adjoint(columns(H))))
    # What is known exactly is written exactly: the updated diagonal, and the zeros.
    H = H.at[p, q].set(0.0).at[q, p].set(0.0)
    H = H.at[i, i].set(hpp.astype(H.dtype))
    return H.at[j, j].set(hqq.astype(H.dtype)), columns(V)


def _jacobi_sweep(state: tuple[Array, Array]) -> tuple[Array, Array]:
    """Every pair p < q once, row by row."""
    if len(state[0]) == 1:
        return state
    rows, cols = (jnp.asarray(i, jnp.int32) for i in np.triu_indices(len(state[0]), 1))
    return fori_loop(
        np.int32(0), np.int32(len(rows)), lambda i, s: _rotate(rows[i], cols[i], *s), state
    )


@jax.custom_jvp
def _jacobi(H: Array, max_sweeps: Array) -> tuple[tuple[Array, Array], Array, Array, Array]:
    scale, unscale = power_of_two(H)
    finite = jnp.all(jnp.isfinite(H))
    H = jnp.where(finite, H * scale, 0.0)
    norm = frobenius(H)
    # The rounding of a sweep leaves about √n·eps·‖H‖: asking for less may never end.
    noise = len(H) ** 0.5 * float(jnp.finfo(H.dtype).eps)

    def status_fn(state: tuple[Array, Array]) -> Array:
        return jnp.where(_off(state[0]) <= noise * norm, Status.CONVERGED, Status.RUNNING)

    start = (H, jnp.eye(len(H), dtype=H.dtype))
    (D, V), status, steps = iterate(_jacobi_sweep, start, status_fn, max_steps=max_sweeps)
    w = jnp.diagonal(D).real
    order = jnp.argsort(w)
    w, V = w[order] * unscale, fix_gauge(V[:, order])
    status = jnp.where(finite, status, Status.NON_FINITE)
    error = _off(D) / jnp.where(norm > 0, norm, 1.0)
    w, V, error = (jnp.where(finite, x, jnp.nan) for x in (w, V, error))
    return (w, V), status, error, steps


@_jacobi.defjvp
def _jacobi_jvp(primals: tuple, tangents: tuple) -> tuple:
    (w, V), status, error, steps = _jacobi(*primals)
    zero = np.zeros((), jax.dtypes.float0)
    pair = _eigh_tangent(w, V, tangents[0])
    return ((w, V), status, error, steps), (pair, zero, jnp.zeros_like(error), zero)


@compiled
def jacobi_eigh(A: ArrayLike, *, max_sweeps: int = 30) -> Solution:
    """Eigenvalues and eigenvectors of a symmetric or Hermitian matrix by cyclic Jacobi rotations.

    ::

        H ← JᴴHJ with J a rotation in the plane (p, q) that makes hₚq = 0 and hₚₚ ≥ hqq,   V ← VJ
        τ = (hqq − hₚₚ) / 2|hₚq|,   t = sign(τ) / (|τ| + √(1 + τ²)) = tan of the angle

    Args:
        A: symmetric or Hermitian matrix, shape (n, n); (A + Aᴴ)/2 is what is read.
        max_sweeps: the limit on sweeps; a sweep rotates every pair p < q once.

    Returns:
        A ``Solution`` whose value is ``(eigenvalues, eigenvectors)`` in the order and the gauge
        of ``eigh``, whose error is off(H)/‖A‖_F and whose steps are sweeps.

    Numerics:
        The readable reference of ``eigh``, correct on every backend. Ends when the entries off
        the diagonal have norm ≤ √n·eps·‖A‖_F, quadratically, at repeated values too, as the
        diagonal is put in order on the way: about log₂ n + 4 sweeps. Eigenvalues,
        residual and orthogonality within 10·n·eps (times ‖A‖_F). NaN or ∞ in A: NaN and status
        NON_FINITE. Derivatives are those of ``eigh``. Cost: 6n³ a sweep, one pair after the other.

    Example:
        >>> solution = jacobi_eigh(jnp.array([[2.0, 1.0], [1.0, 2.0]]))
        >>> print([f"{x:.1f}" for x in solution.value.eigenvalues], solution.num_steps)
        ['1.0', '3.0'] 1

    References:
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 8.5.
        H. P. M. van Kempen, "On the quadratic convergence of the special cyclic Jacobi method",
        1966.
    """
    H = hermitian_part(_precise_square("A", A))
    check_number("max_sweeps", max_sweeps, low=0, integer=True)
    pair, status, error, steps = _jacobi(H, jnp.asarray(max_sweeps, jnp.int32))
    return Solution(value=Eigh(*pair), status=status, error=error, num_steps=steps)


def _cholesky(H: Array) -> Array:
    """The lower factor, NaN where H is not numerically definite or not finite."""
    return lax.linalg.cholesky(H, symmetrize_input=False)


@compiled
def generalized_eigh(A: ArrayLike, B: ArrayLike) -> GeneralizedEigh:
    """Eigenvalues and eigenvectors of A x = λ B x for Hermitian A and positive definite B.

    ::

        B = LLᴴ,   L⁻¹AL⁻ᴴ = Y diag(λ) Yᴴ,   X = L⁻ᴴY:   AX = BX diag(λ),   XᴴBX = I
        dλᵢ = xᵢᴴ (dA − λᵢ dB) xᵢ

    Args:
        A: symmetric or Hermitian matrix, shape (n, n); (A + Aᴴ)/2 is what is read.
        B: positive definite matrix, shape (n, n); (B + Bᴴ)/2 is what is read.

    Returns:
        A NamedTuple ``(eigenvalues, eigenvectors, status)``: ascending values of shape (n,),
        B-orthonormal vectors as columns in the gauge of ``eigh``, and the int32 ``Status``
        CONVERGED, SINGULAR where B is not numerically definite, or NON_FINITE.

    Numerics:
        |error of λ| ≤ 20·n·eps·κ(B)·‖A‖/‖B‖: an ill-conditioned B spoils the small eigenvalues.
        Where the status is not CONVERGED, values and vectors are NaN. At repeated eigenvalues the
        derivatives have the limits of ``eigh``. Cost: about 14n³.

    Example:
        >>> A, B = jnp.array([[2.0, 0.0], [0.0, 3.0]]), jnp.array([[2.0, 0.0], [0.0, 1.0]])
        >>> print([f"{x:.1f}" for x in generalized_eigh(A, B).eigenvalues])
        ['1.0', '3.0']

    References:
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, algorithm 8.7.1.
    """
    A = _precise_square("A", A)
    B = as_array("B", _precise_square("B", B), shape=A.shape, kind="inexact")
    H, G = map(hermitian_part, promoted(A, B))
    (scale, unscale), (scale_b, _) = power_of_two(H), power_of_two(G, even=True)
    finite = jnp.all(jnp.isfinite(H)) & jnp.all(jnp.isfinite(G))
    L = _cholesky(G * scale_b)
    definite = jnp.all(jnp.isfinite(L))
    L = jnp.where(definite, L, jnp.eye(len(L), dtype=L.dtype))
    half = lax.linalg.triangular_solve(L, H * scale, left_side=True, lower=True)
    C = lax.linalg.triangular_solve(L, adjoint(half), left_side=True, lower=True)
    w, Y = _eigh(C)
    X = lax.linalg.triangular_solve(
        L, Y, left_side=True, lower=True, transpose_a=True, conjugate_a=True
    )
    X = fix_gauge(X) * jnp.sqrt(scale_b.real).astype(X.dtype)
    good = finite & definite
    status = jnp.where(good, Status.CONVERGED, Status.SINGULAR)
    return GeneralizedEigh(
        jnp.where(good, w * scale_b.real * unscale, jnp.nan),
        jnp.where(good, X, jnp.nan),
        jnp.where(finite, status, Status.NON_FINITE).astype(jnp.int32),
    )


@compiled
def is_positive_definite(A: ArrayLike) -> Array:
    """Whether a symmetric or Hermitian matrix is numerically positive definite.

    ::

        xᴴAx > 0 for all x ≠ 0   ⟺   A = LLᴴ with lᵢᵢ > 0

    Args:
        A: symmetric or Hermitian matrix, shape (n, n); (A + Aᴴ)/2 is what is read.

    Returns:
        A boolean scalar.

    Numerics:
        Cholesky decides: False for every A whose smallest eigenvalue is below −n²·eps·‖A‖, True
        for every one above n²·eps·‖A‖; in between rounding decides. NaN or ∞ in A gives False.
        Nothing to differentiate. Cost: n³/3.

    Example:
        >>> print(is_positive_definite(jnp.array([[2.0, 1.0], [1.0, 2.0]])))
        True

    References:
        N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
        theorem 10.7.
    """
    H = hermitian_part(_precise_square("A", A))
    scale, _ = power_of_two(H)
    return jnp.all(jnp.isfinite(_cholesky(lax.stop_gradient(H * scale))))


@compiled
def quadratic_form(A: ArrayLike, x: ArrayLike) -> Array:
    """The quadratic form of a matrix at a vector.

    ::

        q(x) = xᴴ A x,   ∇q = (A + Aᵀ) x and ∂q/∂A = x xᵀ for real input

    Args:
        A: matrix, shape (n, n), real or complex; it need not be symmetric.
        x: vector, shape (n,).

    Returns:
        A scalar of the common dtype; for Hermitian A its imaginary part is rounding alone.

    Numerics:
        |error| ≤ 2·n·eps·|x|ᴴ|A||x|, at full precision. Cost: n² multiply-adds.

    Example:
        >>> f"{quadratic_form([[2.0, 1.0], [1.0, 2.0]], [1.0, -1.0]):.1f}"
        '2.0'

    References:
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 4.2.
    """
    A = _precise_square("A", A)
    A, x = promoted(A, as_array("x", x, shape=(len(A),), kind="inexact"))
    return numerics.dot(jnp.conj(x), matmul(A, x))
