"""Square matrices without symmetry: Schur form, eigenvalues, diagonalization."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath import numerics
from jaxmath._compiled import compiled
from jaxmath._limits import _check_count
from jaxmath._loops import platform_dependent, scan
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.linalg import _complex_schur as cs
from jaxmath.linalg._common import _precise_square, adjoint
from jaxmath.linalg._eigen import (
    column_norms,
    fix_gauge,
    frobenius,
    gauge_tangent,
    over_gaps,
    power_of_two,
)
from jaxmath.linalg._kernels.product import matmul
from jaxmath.typing import Array, ArrayLike

__all__ = [
    "Diagonalization",
    "Eig",
    "Schur",
    "diagonalize",
    "eig",
    "eigvals",
    "qr_algorithm",
    "schur",
]


class Schur(NamedTuple):
    """What schur returns: the upper triangular factor and the unitary one, each (n, n)."""

    T: Array
    Z: Array


class Eig(NamedTuple):
    """What eig returns: complex eigenvalues, shape (n,), and unit eigenvectors as columns."""

    eigenvalues: Array
    eigenvectors: Array


class Diagonalization(NamedTuple):
    """What diagonalize returns: P, D, κ₂(P), and a Status, SINGULAR where A is defective."""

    P: Array
    D: Array
    condition: Array
    status: Array


class QRIterates(NamedTuple):
    """T and Z, and the moduli under the diagonal after each step, shape (max_steps + 1, n − 1)."""

    T: Array
    Z: Array
    subdiagonals: Array


def _complex(A: Array) -> Array:
    return A.astype(jnp.complex128 if jnp.finfo(A.dtype).bits == 64 else jnp.complex64)


def _plain_schur(A: Array) -> tuple[Array, Array]:
    """The Schur form on any backend; NaN where the QR algorithm did not end."""
    state, status, _ = iterate(cs.qr_step, cs.qr_init(A), cs.qr_status, max_steps=30 * len(A))
    good = status == Status.CONVERGED
    return jnp.where(good, state.H, jnp.nan), jnp.where(good, state.Z, jnp.nan)


def _plain_eig(A: Array) -> tuple[Array, Array]:
    """Eigenvalues and unit eigenvectors on any backend, from the Schur form."""
    T, Z = _plain_schur(_complex(A))
    V = matmul(Z, cs.triangular_eigenvectors(T))
    return jnp.diagonal(T), V


def _lapack_schur(A: Array) -> tuple[Array, Array]:
    T, Z = lax.linalg.schur(A)
    return T, Z


def _lapack_eig(A: Array) -> tuple[Array, Array]:
    w, V = jnp.linalg.eig(A)
    return w, V


@jax.custom_jvp
def _schur(A: Array) -> tuple[Array, Array]:
    scale, unscale = power_of_two(A)
    finite = jnp.all(jnp.isfinite(A))
    B = jnp.where(finite, A * scale, 0.0)
    T, Z = platform_dependent(B, cpu=_lapack_schur, default=_plain_schur)
    T, Z = cs.sort_schur(jnp.triu(T), Z)
    return jnp.where(finite, T * unscale.astype(T.dtype), jnp.nan), jnp.where(finite, Z, jnp.nan)


@_schur.defjvp
def _schur_jvp(
    primals: tuple[Array], tangents: tuple[Array]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Column by column: the part of M + TX − XT under the diagonal is 0, with X = ZᴴdZ skew."""
    T, Z = _schur(*primals)
    n, index, w = len(T), jnp.arange(len(T), dtype=jnp.int32), jnp.diagonal(T)
    noise = 4 * n**0.5 * float(jnp.finfo(T.dtype).eps) * jnp.max(jnp.abs(w))
    M = matmul(adjoint(Z), matmul(tangents[0], Z))

    def column(X: Array, j: Array) -> tuple[Array, None]:
        """(T − tⱼⱼ I) xⱼ = Σ_{k<j} xₖ tₖⱼ − mⱼ in the rows i > j; equal values have no term."""
        right = matmul(X, jnp.where(index < j, T[:, j], 0.0)) - M[:, j]
        gap = w - w[j]
        live = (index > j) & (jnp.abs(gap) > noise)
        upper = jnp.where(live[:, None] & live[None, :], jnp.triu(T, 1), 0.0)
        upper = upper + jnp.diag(jnp.where(live, gap, 1.0))
        right = jnp.where(live, right, 0.0)[:, None]
        x = lax.linalg.triangular_solve(upper, right, left_side=True, lower=False)[:, 0]
        return X.at[:, j].set(x), None

    L, _ = scan(column, jnp.zeros_like(T), index)
    dZ = gauge_tangent(Z, matmul(Z, L - adjoint(L)))
    X = matmul(adjoint(Z), dZ)
    return (T, Z), (jnp.triu(M + matmul(T, X) - matmul(X, T)), dZ)


@compiled
def schur(A: ArrayLike) -> Schur:
    """The complex Schur form of a square matrix, its eigenvalues in order on the diagonal.

    ::

        A = Z T Zᴴ,   ZᴴZ = I,   T upper triangular;   AZₖ = ZₖTₖₖ for the first k columns
        dZ = ZX,   Xᴴ = −X,   ZᴴdAZ + TX − XT = dT upper triangular

    Args:
        A: matrix, shape (n, n), real or complex.

    Returns:
        A NamedTuple ``(T, Z)`` of complex arrays of shape (n, n). The diagonal of T ascends in the
        order of ``eigvals``: by real part, so that leading columns of Z span the invariant
        subspace of the eigenvalues furthest to the left. Gauge: in each column of Z the first
        entry whose modulus is within 10% of the largest is real and positive.

    Numerics:
        Residual and orthogonality within 20·n·eps (times ‖A‖). NaN or ∞ in A gives NaN, as does
        an iteration that does not end in 30·n steps. The derivative is that of T and Z in this
        gauge while eigenvalues differ and keep their order; those closer than 4·√n·eps·max|t|
        have no term with each other, so that the projector onto the invariant subspace of a whole
        group stays right, and nothing finer does. LAPACK on the CPU, elsewhere ``qr_algorithm``
        in lax operations. Cost: about 25n³, and 12n for each exchange into order.

    Example:
        >>> T, Z = schur(jnp.array([[1.0, 2.0], [0.0, -3.0]]))
        >>> print([f"{t.real:.1f}" for t in jnp.diagonal(T)])
        ['-3.0', '1.0']

    References:
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, theorem 7.1.3 and
        section 7.6.2.
    """
    return Schur(*_schur(_complex(_precise_square("A", A))))


@jax.custom_jvp
def _eig(A: Array) -> tuple[Array, Array]:
    scale, unscale = power_of_two(A)
    finite = jnp.all(jnp.isfinite(A))
    B = jnp.where(finite, A * scale, 0.0)
    w, V = platform_dependent(B, cpu=_lapack_eig, default=_plain_eig)
    order = cs.order(w)
    w, V = w[order] * unscale.astype(w.dtype), _unit_gauge(V[:, order])
    return jnp.where(finite, w, jnp.nan), jnp.where(finite, V, jnp.nan)


def _unit_gauge(V: Array) -> Array:
    """The columns with norm 1 and their leading entries real and positive."""
    return fix_gauge(V / column_norms(V)[None, :].astype(V.dtype))


@_eig.defjvp
def _eig_jvp(
    primals: tuple[Array], tangents: tuple[Array]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    w, V = _eig(*primals)
    C = jnp.linalg.solve(V, matmul(tangents[0].astype(V.dtype), V))
    dV = matmul(V, over_gaps(C, w))
    return (w, V), (jnp.diagonal(C), jax.jvp(_unit_gauge, (V,), (dV,))[1])


@compiled
def eig(A: ArrayLike) -> Eig:
    """Eigenvalues and right eigenvectors of a square matrix.

    ::

        A V = V diag(w),   ‖vⱼ‖ = 1,   C = V⁻¹ dA V
        dwⱼ = cⱼⱼ,   dvⱼ = Σᵢ vᵢ cᵢⱼ / (wⱼ − wᵢ) over wᵢ ≠ wⱼ, then kept in the gauge

    Args:
        A: matrix, shape (n, n), real or complex.

    Returns:
        A NamedTuple ``(eigenvalues, eigenvectors)``: complex values of shape (n,) in the order of
        ``eigvals``, and unit vectors as columns, shape (n, n), the first entry of a column whose
        modulus is within 10% of the largest real and positive.

    Numerics:
        ‖Av − λv‖ ≤ 20·n·eps·‖A‖; error of λ within κ(V) times that (Bauer–Fike), of a defective
        one with a Jordan block of size k of the order eps^(1/k)·‖A‖. NaN or ∞ in A gives NaN. At
        a defective matrix V is singular and derivatives are infinite or NaN, as they are; at
        repeated values vectors keep only the finite terms between different ones. LAPACK on the
        CPU, elsewhere the QR algorithm in lax operations. Cost: about 25n³.

    Example:
        >>> w, V = eig(jnp.array([[0.0, -1.0], [1.0, 0.0]]))
        >>> print([f"{x.imag:.1f}" for x in w])
        ['-1.0', '1.0']

    References:
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, theorem 7.2.2
        (Bauer–Fike) and section 7.6.
    """
    return Eig(*_eig(_precise_square("A", A)))


@compiled
def eigvals(A: ArrayLike) -> Array:
    """Eigenvalues of a square matrix, by real part, then by imaginary part.

    ::

        det(A − wⱼI) = 0,   dwⱼ = (V⁻¹ dA V)ⱼⱼ

    Args:
        A: matrix, shape (n, n), real or complex.

    Returns:
        Complex eigenvalues of shape (n,), ascending in real part; real parts that agree to
        √eps·max|w| count as equal and are ordered by imaginary part, so that λ̄ stands before λ.

    Numerics:
        Error within 20·n·eps·‖A‖ for a normal matrix, times κ(V) for another, eps^(1/k)·‖A‖ at a
        Jordan block of size k; there the derivative does not exist, and comes out huge or NaN.
        At a repeated eigenvalue with full eigenspace it is right for sums over that value. NaN or
        ∞ in A gives NaN. Cost: that of ``eig``.

    Example:
        >>> print([f"{x:.1f}" for x in eigvals(jnp.array([[3.0, 1.0], [0.0, 2.0]]))])
        ['2.0+0.0j', '3.0+0.0j']

    References:
        J. R. Magnus, "On differentiating eigenvalues and eigenvectors", 1985, theorem 2.
    """
    return _eig(_precise_square("A", A))[0]


@compiled
def diagonalize(A: ArrayLike) -> Diagonalization:
    """Eigenvectors and eigenvalues as matrices, with a verdict whether A can be diagonalized.

    ::

        A = P D P⁻¹,   D = diag(w);   possible ⟺ κ₂(P) < ∞

    Args:
        A: matrix, shape (n, n), real or complex.

    Returns:
        A NamedTuple ``(P, D, condition, status)``: unit eigenvectors as columns and the diagonal
        matrix, complex, both (n, n) and ordered as ``eig``; κ₂(P); and the int32 ``Status``
        CONVERGED, SINGULAR (defective as far as this precision can tell: κ₂(P) > 0.1/√eps), or
        NON_FINITE.

    Numerics:
        ‖AP − PD‖ ≤ 20·n·eps·‖A‖ always; PDP⁻¹ = A to κ₂(P) times that. Rounding splits a
        defective eigenvalue by √eps·‖A‖ or more, which makes κ₂(P) of the order 1/√eps at least;
        hence the threshold. Derivatives as in ``eig``. Cost: about 35n³.

    Example:
        >>> d = diagonalize(jnp.array([[2.0, 1.0], [0.0, 2.0]]))
        >>> print(Status(int(d.status)).name)
        SINGULAR

    References:
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, sections 7.1.4
        and 7.2.3.
    """
    w, P = _eig(_precise_square("A", A))
    s = jnp.linalg.svd(P, compute_uv=False, full_matrices=False)
    smallest = jnp.where(s[-1] > 0, s[-1], 1.0)
    condition = jnp.where(s[-1] > 0, s[0] / smallest, jnp.where(s[-1] == 0, jnp.inf, jnp.nan))
    defective = condition > 0.1 / float(jnp.finfo(P.dtype).eps) ** 0.5
    status = jnp.where(defective, Status.SINGULAR, Status.CONVERGED)
    status = jnp.where(jnp.all(jnp.isfinite(w)), status, Status.NON_FINITE).astype(jnp.int32)
    return Diagonalization(P, jnp.diag(w), condition, status)


@jax.custom_jvp
def _without_derivative(A: Array) -> Array:
    return A


@_without_derivative.defjvp
def _refuse(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    raise TypeError("qr_algorithm has no derivative (its history has none): use schur or eigvals")


@compiled
def qr_algorithm(A: ArrayLike, *, max_steps: int | None = None) -> Solution:
    """The QR algorithm with Wilkinson's shift and deflation, with its history.

    ::

        A = Z₀H₀Z₀ᴴ Hessenberg;   Hₖ − μₖI = QR,   Hₖ₊₁ = RQ + μₖI = QᴴHₖQ,   Zₖ₊₁ = ZₖQ

    Args:
        A: matrix, shape (n, n), real or complex.
        max_steps: the limit on steps, a Python integer; None takes 30·n.

    Returns:
        A ``Solution`` whose value is ``(T, Z, subdiagonals)``: the complex Schur form with the
        diagonal as the steps left it (``schur`` sorts it), and in row k the moduli under the
        diagonal of Hₖ, over all max_steps + 1 rows (the last repeated after the end). Its error
        is the norm of what is left under the diagonal over ‖A‖_F. CONVERGED, MAX_STEPS, or
        NON_FINITE with NaN values.

    Numerics:
        The readable reference of ``schur``, on every backend. A subdiagonal entry below eps times
        its two diagonal neighbours is set to 0. Residual and orthogonality within 20·n·eps (times
        ‖A‖_F): backward stable. About 2 to 3 steps an eigenvalue, quadratic at the end. No
        derivative: TypeError. Cost: a step 12n², n rotations one after the other.

    Example:
        >>> solution = qr_algorithm(jnp.array([[2.0, 1.0], [1.0, 2.0]]))
        >>> print(sorted(f"{t.real:.1f}" for t in jnp.diagonal(solution.value.T)))
        ['1.0', '3.0']

    References:
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, sections 7.4
        and 7.5.
        J. H. Wilkinson, "The Algebraic Eigenvalue Problem", 1965, chapter 8.
    """
    A = _precise_square("A", A)
    limit = 30 * len(A) if max_steps is None else max_steps
    _check_count("max_steps", limit, low=0)
    A = _complex(_without_derivative(A))
    scale, unscale = power_of_two(A)
    finite = jnp.all(jnp.isfinite(A))
    start = cs.qr_init(jnp.where(finite, A * scale, 0.0))
    first = cs.subdiagonal(start.H)
    history = jnp.tile(first[None, :], (limit + 1, 1))

    def step(carry: tuple[cs.QRState, Array, Array]) -> tuple[cs.QRState, Array, Array]:
        state, history, k = carry
        state = cs.qr_step(state)
        later = jnp.arange(limit + 1, dtype=jnp.int32)[:, None] > k
        return state, jnp.where(later, cs.subdiagonal(state.H)[None, :], history), k + 1

    (state, history, _), status, num_steps = iterate(
        step, (start, history, jnp.int32(0)), lambda c: cs.qr_status(c[0]), max_steps=limit
    )
    norm = frobenius(state.H)
    error = numerics.safe_norm(cs.subdiagonal(state.H)) / jnp.where(norm > 0, norm, 1.0)
    T = state.H * unscale.astype(state.H.dtype)
    value = QRIterates(T, state.Z, history * unscale)
    value, error = jax.tree.map(lambda x: jnp.where(finite, x, jnp.nan), (value, error))
    status = jnp.where(finite, status, Status.NON_FINITE)
    return Solution(value=value, status=status, error=error, num_steps=num_steps)
