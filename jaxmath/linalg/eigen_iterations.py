"""One eigenpair by repeated multiplication or solution: power, inverse, Rayleigh quotient."""

import jax.numpy as jnp
from jax import lax
from jax.scipy.linalg import lu_solve

from jaxmath._compiled import compiled
from jaxmath.iterate import Solution
from jaxmath.linalg._common import _precise_square
from jaxmath.linalg._eigenpair import (
    InverseState,
    PowerState,
    _solve,
    _start,
    factor,
    measure,
    unit,
)
from jaxmath.typing import ArrayLike, Scalar, as_array, check_number

__all__ = [
    "inverse_iteration",
    "inverse_iteration_init",
    "inverse_iteration_step",
    "power_iteration",
    "power_iteration_init",
    "power_iteration_step",
    "rayleigh_quotient_iteration",
    "rayleigh_quotient_iteration_init",
    "rayleigh_quotient_iteration_step",
]


@compiled
def power_iteration_init(A: ArrayLike, x0: ArrayLike) -> PowerState:
    """The starting state of power iteration.

    ::

        x = x₀/‖x₀‖,   λ = xᵀAx,   r = ‖Ax − λx‖

    Args:
        A: real matrix, shape (n, n).
        x0: starting vector, shape (n,), not zero.

    Returns:
        A ``PowerState (x, image, eigenvalue, residual, previous)``.

    Numerics:
        A zero ``x0`` gives x = 0, which ``power_iteration`` reports as INVALID_START.

    Example:
        >>> print(power_iteration_init(jnp.eye(2), jnp.array([3.0, 0.0])).x)
        [1. 0.]

    References:
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 7.3.1.
    """
    return _start(A, x0)[1]


@compiled
def power_iteration_step(A: ArrayLike, state: PowerState) -> PowerState:
    """One step of power iteration.

    ::

        x ← Ax/‖Ax‖,   λ = xᵀAx,   r = ‖Ax − λx‖

    Args:
        A: real matrix, shape (n, n).
        state: the ``PowerState`` of the step before.

    Returns:
        The next ``PowerState``; where Ax = 0 (x is an eigenvector of 0) x stays.

    Numerics:
        One product with A: 2n² operations.

    Example:
        >>> A = jnp.diag(jnp.array([2.0, 1.0]))
        >>> state = power_iteration_step(A, power_iteration_init(A, jnp.array([1.0, 1.0])))
        >>> print([f"{x:.4f}" for x in state.x])
        ['0.8944', '0.4472']

    References:
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 7.3.1.
    """
    A = _precise_square("A", A, kind="floating")
    return measure(A, unit(state.image, state.x), state.residual)


@compiled
def power_iteration(
    A: ArrayLike, x0: ArrayLike, *, tol: float | None = None, max_steps: int = 1000
) -> Solution:
    """The eigenvalue of largest modulus and its eigenvector, by power iteration.

    ::

        xₖ₊₁ = Axₖ/‖Axₖ‖,   λₖ = xₖᵀAxₖ,   angle(xₖ, v₁) ~ |λ₂/λ₁|ᵏ

    Args:
        A: real matrix, shape (n, n), with one real eigenvalue of largest modulus.
        x0: starting vector, shape (n,), with a part along that eigenvector.
        tol: the residual ‖Ax − λx‖/‖A‖_F to reach; None takes n·eps.
        max_steps: the limit on steps.

    Returns:
        A ``Solution`` with value ``(eigenvalue, eigenvector)``, ‖x‖ = 1 and the first entry of x
        within 10% of the largest modulus positive, and with error ‖Ax − λx‖/‖A‖_F. Its status is
        CONVERGED; STAGNATED at n·eps, above ``tol``; MAX_STEPS (a complex pair or ±λ is largest,
        or the ratio is near 1); INVALID_START, ``x0`` zero or not finite, and NON_FINITE, A not
        finite, both with NaN values.

    Numerics:
        (λ, x) is an exact pair of A + E with ‖E‖/‖A‖_F = error: a small error does not prove that
        λ is the largest. The derivative is that of the pair by the implicit function theorem,
        forward and reverse, for a simple eigenvalue (infinite or NaN at a repeated one), and
        none in ``x0``. ``num_hvp`` counts the products with A. Cost: 2n² a step.

    Example:
        >>> solution = power_iteration(jnp.array([[2.0, 1.0], [1.0, 2.0]]), jnp.array([1.0, 0.0]))
        >>> f"{solution.value.eigenvalue:.4f} {bool(solution.converged)}"
        '3.0000 True'

    References:
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 7.3.1.
    """
    init = lambda A, x0, scale: power_iteration_init(A, x0)
    return _solve(A, x0, tol, max_steps, init, power_iteration_step)


@compiled
def inverse_iteration_init(A: ArrayLike, x0: ArrayLike, shift: Scalar = 0.0) -> InverseState:
    """The starting state of inverse iteration, with the factors of A − σI.

    ::

        x = x₀/‖x₀‖,   P(A − σI) = LU

    Args:
        A: real matrix, shape (n, n).
        x0: starting vector, shape (n,), not zero.
        shift: σ, a number near the eigenvalue that is wanted.

    Returns:
        An ``InverseState (pair, lu, pivots)``.

    Numerics:
        A zero pivot (σ is an eigenvalue) is replaced by eps·‖A‖_F. Cost: 2n³/3.

    Example:
        >>> A = jnp.diag(jnp.array([2.0, 1.0]))
        >>> print(jnp.diagonal(inverse_iteration_init(A, jnp.ones(2), 1.5).lu))
        [ 0.5 -0.5]

    References:
        I. C. F. Ipsen, "Computing an eigenvector with inverse iteration", 1997, section 2.
    """
    A, pair = _start(A, x0)
    check_number("shift", shift)
    lu, pivots = factor(A, as_array("shift", shift, ndim=0).astype(A.dtype))
    return InverseState(pair, lu, pivots)


@compiled
def inverse_iteration_step(A: ArrayLike, state: InverseState) -> InverseState:
    """One step of inverse iteration.

    ::

        (A − σI) y = x,   x ← y/‖y‖,   λ = xᵀAx,   r = ‖Ax − λx‖

    Args:
        A: real matrix, shape (n, n).
        state: the ``InverseState`` of the step before; it holds the factors of A − σI.

    Returns:
        The next ``InverseState``.

    Numerics:
        A nearly singular A − σI does no harm: the error of y lies along the eigenvector. Cost:
        4n².

    Example:
        >>> A = jnp.diag(jnp.array([2.0, 1.0]))
        >>> state = inverse_iteration_step(A, inverse_iteration_init(A, jnp.ones(2)))
        >>> print([f"{x:.4f}" for x in state.pair.x])
        ['0.4472', '0.8944']

    References:
        I. C. F. Ipsen, "Computing an eigenvector with inverse iteration", 1997, section 2.
    """
    A = _precise_square("A", A, kind="floating")
    y = lu_solve((state.lu, state.pivots), state.pair.x)
    pair = measure(A, unit(y, state.pair.x), state.pair.residual)
    return InverseState(pair, state.lu, state.pivots)


@compiled
def inverse_iteration(
    A: ArrayLike,
    x0: ArrayLike,
    shift: Scalar = 0.0,
    *,
    tol: float | None = None,
    max_steps: int = 1000,
) -> Solution:
    """The eigenvalue nearest a shift and its eigenvector, by inverse iteration.

    ::

        (A − σI) yₖ = xₖ,   xₖ₊₁ = yₖ/‖yₖ‖,   angle(xₖ, v₁) ~ |(λ₁ − σ)/(λ₂ − σ)|ᵏ

    Args:
        A: real matrix, shape (n, n).
        x0: starting vector, shape (n,), with a part along the eigenvector that is wanted.
        shift: σ, a number nearer to the eigenvalue that is wanted than to any other.
        tol: the residual ‖Ax − λx‖/‖A‖_F to reach; None takes n·eps.
        max_steps: the limit on steps.

    Returns:
        A ``Solution`` as ``power_iteration`` has it; NON_FINITE for a shift that is not finite too.

    Numerics:
        A − σI is factored once; where it is singular, a zero pivot counts as eps·‖A‖_F. The
        derivative is that of the eigenpair, forward and reverse, and none in ``x0`` and
        ``shift``. Cost: 2n³/3, then 4n² a step.

    Example:
        >>> A = jnp.array([[2.0, 1.0], [1.0, 2.0]])
        >>> f"{inverse_iteration(A, jnp.array([1.0, 0.0]), 0.9).value.eigenvalue:.4f}"
        '1.0000'

    References:
        I. C. F. Ipsen, "Computing an eigenvector with inverse iteration", 1997, section 2.
    """
    A = _precise_square("A", A, kind="floating")
    check_number("shift", shift)
    sigma = lax.stop_gradient(as_array("shift", shift, ndim=0)).astype(A.dtype)
    A = jnp.where(jnp.isfinite(sigma), A, jnp.nan)  # A − σI is no more finite than with such an A
    init = lambda A, x0, scale: inverse_iteration_init(A, x0, sigma * scale)
    return _solve(A, x0, tol, max_steps, init, inverse_iteration_step)


@compiled
def rayleigh_quotient_iteration_init(A: ArrayLike, x0: ArrayLike) -> PowerState:
    """The starting state of Rayleigh-quotient iteration.

    ::

        x = x₀/‖x₀‖,   λ = xᵀAx,   r = ‖Ax − λx‖

    Args:
        A: real symmetric matrix, shape (n, n).
        x0: starting vector, shape (n,), not zero.

    Returns:
        A ``PowerState (x, image, eigenvalue, residual, previous)``.

    Numerics:
        That of ``power_iteration_init``.

    Example:
        >>> A = jnp.diag(jnp.array([2.0, 1.0]))
        >>> f"{rayleigh_quotient_iteration_init(A, jnp.ones(2)).eigenvalue:.2f}"
        '1.50'

    References:
        B. N. Parlett, "The Symmetric Eigenvalue Problem", 1980, section 4.6.
    """
    return _start(A, x0)[1]


@compiled
def rayleigh_quotient_iteration_step(A: ArrayLike, state: PowerState) -> PowerState:
    """One step of Rayleigh-quotient iteration.

    ::

        (A − λI) y = x,   x ← y/‖y‖,   λ = xᵀAx,   r = ‖Ax − λx‖

    Args:
        A: real symmetric matrix, shape (n, n).
        state: the ``PowerState`` of the step before.

    Returns:
        The next ``PowerState``.

    Numerics:
        A zero pivot counts as eps·‖A‖_F. Cost: 2n³/3.

    Example:
        >>> A = jnp.diag(jnp.array([2.0, 1.0]))
        >>> start = rayleigh_quotient_iteration_init(A, jnp.array([2.0, 1.0]))
        >>> print([f"{x:.4f}" for x in rayleigh_quotient_iteration_step(A, start).x])
        ['0.9923', '-0.1240']

    References:
        B. N. Parlett, "The Symmetric Eigenvalue Problem", 1980, section 4.6.
    """
    A = _precise_square("A", A, kind="floating")
    y = lu_solve(factor(A, state.eigenvalue), state.x)
    return measure(A, unit(y, state.x), state.residual)


@compiled
def rayleigh_quotient_iteration(
    A: ArrayLike, x0: ArrayLike, *, tol: float | None = None, max_steps: int = 100
) -> Solution:
    """An eigenpair near a vector, by Rayleigh-quotient iteration: cubic for symmetric A.

    ::

        (A − λₖI) yₖ = xₖ,   xₖ₊₁ = yₖ/‖yₖ‖,   λₖ₊₁ = xₖ₊₁ᵀAxₖ₊₁

    Args:
        A: real symmetric matrix, shape (n, n); used as it is, where convergence of one that is
            not symmetric is quadratic at best.
        x0: starting vector, shape (n,); it decides which pair is found, not always the nearest.
        tol: the residual ‖Ax − λx‖/‖A‖_F to reach; None takes n·eps.
        max_steps: the limit on steps.

    Returns:
        A ``Solution`` as ``power_iteration`` has it.

    Numerics:
        For symmetric A the residual never grows, and the angle is cubed at each step from almost
        every start: 3 to 8 steps. An exact saddle (x₀ halfway between two eigenvectors) is left
        by rounding or ends in MAX_STEPS. The derivative is that of the eigenpair, forward and
        reverse, and none in ``x0``. Cost: 2n³/3 a step.

    Example:
        >>> A = jnp.array([[2.0, 1.0], [1.0, 2.0]])
        >>> f"{rayleigh_quotient_iteration(A, jnp.array([1.0, 0.5])).value.eigenvalue:.4f}"
        '3.0000'

    References:
        B. N. Parlett, "The Symmetric Eigenvalue Problem", 1980, section 4.6.
    """
    init = lambda A, x0, scale: rayleigh_quotient_iteration_init(A, x0)
    return _solve(A, x0, tol, max_steps, init, rayleigh_quotient_iteration_step)
