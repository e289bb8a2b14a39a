"""Safe scalar primitives, reductions that survive masks, and contractions at full precision.

A primitive is called safe here when its value is the mathematical limit on the closed domain and
its derivative is finite there, so that a masked-out branch never poisons a gradient with NaN:
``where(mask, log(x), 0)`` has gradient NaN at a masked ``x = 0``, with ``safe_log`` it has 0.
A value outside the domain (a negative number under a root) stays NaN: bad input is not hidden.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._draws import widened
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = [
    "dot",
    "einsum",
    "log1mexp",
    "log_softmax",
    "logsumexp",
    "matmul",
    "safe_divide",
    "safe_log",
    "safe_norm",
    "safe_sqrt",
    "softmax",
    "xlog1py",
    "xlogy",
]


def safe_sqrt(x: ArrayLike) -> Array:
    """√x, with derivative 0 at x = 0 instead of ∞.

    ::

        f(x) = √x,   f'(x) = 1 / (2√x) for x > 0,   f'(0) := 0

    Args:
      x: array of any shape, x ≥ 0.

    Returns:
      The element-wise square root, of the shape and dtype of ``x``.

    Numerics:
      Correctly rounded as the backend's ``sqrt``. Singular set {0}: value 0, derivatives of every
      order 0. Negative x gives NaN. Cost: one square root.

    Example:
      >>> f"{safe_sqrt(2.0):.5f} {jax.grad(safe_sqrt)(0.0):.1f}"
      '1.41421 0.0'

    References:
      JAX, "Frequently asked questions: gradients contain NaN where using where" (double where).
    """
    x = as_array("x", x)
    return jnp.where(x == 0, jnp.zeros_like(x), jnp.sqrt(jnp.where(x == 0, 1.0, x)))


def safe_log(x: ArrayLike) -> Array:
    """log x, with derivative 0 at x = 0 instead of ∞.

    ::

        f(x) = log x,   f'(x) = 1/x for x > 0,   f(0) = −∞ with f'(0) := 0

    Args:
      x: array of any shape, x ≥ 0.

    Returns:
      The element-wise natural logarithm, of the shape and dtype of ``x``.

    Numerics:
      As accurate as the backend's ``log``. Singular set {0}: value −∞ (the limit), derivatives
      of every order 0, so that masking the value masks the gradient too. Negative x gives NaN.
      For 0·log 0 = 0 use ``xlogy``. Cost: one logarithm.

    Example:
      >>> f"{safe_log(2.0):.5f} {safe_log(0.0)} {jax.grad(safe_log)(0.0):.1f}"
      '0.69315 -inf 0.0'

    References:
      JAX, "Frequently asked questions: gradients contain NaN where using where" (double where).
    """
    x = as_array("x", x)
    return jnp.where(x == 0, -jnp.inf, jnp.log(jnp.where(x == 0, 1.0, x)))


@jax.custom_jvp
def _quotient(x: Array, y: Array) -> Array:
    return x / y


@_quotient.defjvp
def _quotient_jvp(primals: tuple[Array, Array], tangents: tuple) -> tuple[Array, Array]:
    """dq = (dx − q dy)/y: y² may leave the range where q and dq are in it."""
    (x, y), (dx, dy) = primals, tangents
    q = _quotient(x, y)
    return q, (dx - q * dy) / y


def safe_divide(x: ArrayLike, y: ArrayLike) -> Array:
    """x / y, and 0 where y = 0.

    ::

        f(x, y) = x / y for y ≠ 0,   f(x, 0) := 0

    Args:
      x: numerator, array of any shape.
      y: denominator, of the same shape or a scalar.

    Returns:
      The quotient, of the common shape and dtype.

    Numerics:
      One rounding. Singular set {y = 0}: value 0 and both derivatives 0. The first derivatives
      do not overflow on the way. Cost: one division.

    Example:
      >>> f"{safe_divide(1.0, 4.0):.2f} {safe_divide(1.0, 0.0):.1f}"
      '0.25 0.0'

    References:
      The convention of TensorFlow's ``divide_no_nan``.
    """
    x, y = as_array("x", x, kind="inexact"), as_array("y", y, kind="inexact")
    quotient = _quotient(x, jnp.where(y == 0, jnp.ones_like(y), y))
    return jnp.where(y == 0, jnp.zeros_like(quotient), quotient)


def xlogy(x: ArrayLike, y: ArrayLike) -> Array:
    """x log y, and 0 where x = 0.

    ::

        f(x, y) = x log y,   f(0, y) := 0;   ∂f/∂x = log y,   ∂f/∂y = x / y

    Args:
      x: factor, array of any shape.
      y: argument of the logarithm, of the same shape or a scalar, y ≥ 0.

    Returns:
      The product, of the common shape and dtype.

    Numerics:
      As accurate as the backend's ``log``. At x = 0 and 0 < y < ∞ both derivatives are the true
      ones (log y and 0). Singular set {x = 0 and y ∉ (0, ∞)}: value 0, both derivatives 0
      (a subnormal y counts as 0, as compiled logarithms take it). NaN in either argument gives
      NaN. Cost: one logarithm.

    Example:
      >>> f"{xlogy(2.0, 3.0):.5f} {xlogy(0.0, 0.0):.1f}"
      '2.19722 0.0'

    References:
      SciPy, ``scipy.special.xlogy``.
    """
    x, y = as_array("x", x), as_array("y", y)
    normal = (y >= jnp.finfo(y.dtype).tiny) & jnp.isfinite(y)
    outside = (x == 0) & ~normal & ~jnp.isnan(y)
    return x * jnp.log(jnp.where(outside, jnp.ones_like(y), y))


def xlog1py(x: ArrayLike, y: ArrayLike) -> Array:
    """x log(1 + y), and 0 where x = 0, accurate for small y.

    ::

        f(x, y) = x log(1 + y),   f(0, y) := 0;   ∂f/∂x = log(1 + y),   ∂f/∂y = x / (1 + y)

    Args:
      x: factor, array of any shape.
      y: argument, of the same shape or a scalar, y ≥ −1.

    Returns:
      The product, of the common shape and dtype.

    Numerics:
      As accurate as the backend's ``log1p``. At x = 0 and −1 < y < ∞ both derivatives are the
      true ones. Singular set {x = 0 and y ∉ (−1, ∞)}: value 0, both derivatives 0. NaN in either
      argument gives NaN. Cost: one logarithm.

    Example:
      >>> f"{xlog1py(2.0, 1e-3):.7f} {xlog1py(0.0, -1.0):.1f}"
      '0.0019990 0.0'

    References:
      SciPy, ``scipy.special.xlog1py``.
    """
    x, y = as_array("x", x), as_array("y", y)
    outside = (x == 0) & ~((y > -1) & jnp.isfinite(y)) & ~jnp.isnan(y)
    return x * jnp.log1p(jnp.where(outside, jnp.zeros_like(y), y))


def log1mexp(x: ArrayLike) -> Array:
    """log(1 − e^x) for x ≤ 0, accurate at both ends.

    ::

        f(x) = log(−expm1(x)) for −log 2 < x < 0,   log1p(−e^x) for x ≤ −log 2
        f'(x) = −1 / (e^{−x} − 1),   f(0) = −∞ with f'(0) := 0

    Args:
      x: array of any shape, x ≤ 0: the logarithm of a probability.

    Returns:
      The logarithm of the complementary probability, of the shape and dtype of ``x``.

    Numerics:
      Relative error of a few eps on the whole domain. Singular set {0}: value −∞, derivative 0.
      Positive x gives NaN. Cost: two exponentials and two logarithms.

    Example:
      >>> f"{log1mexp(-1e-3):.5f} {log1mexp(-50.0):.3e}"
      '-6.90826 -1.929e-22'

    References:
      M. Mächler, "Accurately computing log(1 − exp(−|a|))", 2012, equation (7).
    """
    x = as_array("x", x)
    near = x > -0.6931471805599453
    close = jnp.where(near & (x != 0), x, -0.5)
    far = jnp.where(near, -1.0, x)
    value = jnp.where(near, jnp.log(-jnp.expm1(close)), jnp.log1p(-jnp.exp(far)))
    return jnp.where(x == 0, -jnp.inf, value)


def _range_factor(x: Array) -> Array:
    """A power of two (so that it rounds nothing) that brings |x|² well inside the dtype's range."""
    parts = jnp.stack([x.real, x.imag]) if jnp.iscomplexobj(x) else x
    size = jnp.max(jnp.abs(parts), initial=0.0)
    reach = jnp.finfo(x.dtype).maxexp * 5 // 16
    factor = jnp.where(size > 2.0**reach, 2.0 ** (-2 * reach), 1.0)
    return jnp.where(size < 2.0**-reach, 2.0 ** (2 * reach), factor).astype(size.dtype)


@jax.custom_jvp
def _norm(x: Array) -> Array:
    # Opaque to XLA, which would take the factor out of the squares of a constant.
    x = lax.optimization_barrier(x)
    factor = _range_factor(x)
    scaled = x * factor.astype(x.dtype)
    return jnp.sqrt(jnp.sum((scaled * jnp.conj(scaled)).real)) / factor


@_norm.defjvp
def _norm_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    norm, factor = _norm(x), lax.stop_gradient(_range_factor(x))
    # x / norm itself would be x · (1/norm) on XLA's CPU, and 1/norm underflows for a large norm.
    divisor = (jnp.where(norm == 0, 1.0, norm) * factor).astype(x.dtype)
    unit = jnp.where(norm == 0, jnp.zeros_like(x), x * factor.astype(x.dtype) / divisor)
    return norm, jnp.sum((jnp.conj(unit) * dx).real)


def safe_norm(x: ArrayLike) -> Array:
    """The Euclidean norm of all elements, with gradient 0 at 0 and no overflow on the way.

    ::

        ‖x‖ = √(Σᵢ |xᵢ|²),   ∇‖x‖ = x / ‖x‖ for x ≠ 0,   ∇‖0‖ := 0

    Args:
      x: array of any shape, real or complex (for a matrix this is the Frobenius norm).

    Returns:
      The norm, a real scalar of the precision of ``x``; 0 for an empty array.

    Numerics:
      Scaled by a power of two where squares would leave the dtype's range, so the relative error
      is about n·eps for every x whose norm is a normal number of the dtype. Singular set {0}:
      value 0, derivatives of every order 0, the least-norm subgradient. An infinite element gives
      ∞, a NaN gives NaN. Half precisions are summed in float32. Cost: two passes.

    Example:
      >>> f"{safe_norm([3e30, 4e30]):.2e} {jax.grad(safe_norm)(jnp.zeros(2))}"
      '5.00e+30 [0. 0.]'

    References:
      J. L. Blue, "A portable Fortran program to find the Euclidean norm of a vector", 1978.
    """
    x = as_array("x", x, kind="inexact")
    return _norm(widened(x)).astype(x.real.dtype)


def _masked_exp(x: Array, where: Array | None) -> tuple[Array, Array, Array]:
    """exp(x − m) with 0 where masked, the shift m, and x with its masked entries replaced by m."""
    mask = jnp.ones(x.shape, bool) if where is None else where
    kept = jnp.where(mask, x, -jnp.inf)
    shift = lax.stop_gradient(jnp.max(kept, initial=-jnp.inf))
    shift = jnp.where(jnp.isneginf(shift), jnp.zeros_like(shift), shift)
    shift = jnp.where(jnp.isposinf(shift), jnp.full_like(shift, jnp.finfo(x.dtype).max), shift)
    # Double where: a masked entry, or −∞, must have a finite derivative to be multiplied by 0.
    live = mask & ~jnp.isneginf(x)
    filled = jnp.where(live, x, shift)
    return jnp.where(live, jnp.exp(filled - shift), jnp.zeros_like(x)), shift, filled


def _vector_and_mask(x: ArrayLike, where: ArrayLike | None) -> tuple[Array, Array | None]:
    x = as_array("x", x, ndim=1)
    return x, None if where is None else as_array("where", where, shape=x.shape, kind="bool")


def logsumexp(x: ArrayLike, *, where: ArrayLike | None = None) -> Array:
    """log Σᵢ exp(xᵢ) over the entries that the mask keeps.

    ::

        f(x) = m + log Σᵢ exp(xᵢ − m),   m = maxᵢ xᵢ;   ∂f/∂xᵢ = exp(xᵢ − f)

    Args:
      x: vector, shape (n,).
      where: mask of shape (n,), True where an entry counts; None keeps all.

    Returns:
      A scalar of the dtype of ``x``.

    Numerics:
      Error of a few eps relative to max(|m|, 1), no overflow. Where nothing is kept, or all that
      is kept is −∞: value −∞, gradient 0. A kept +∞ gives +∞. Masked entries, NaN among them,
      count for nothing. Half precisions are summed in float32. Cost: n exponentials.

    Example:
      >>> f"{logsumexp([100.0, 100.0]):.4f}"
      '100.6931'
      >>> f"{logsumexp([1.0, 2.0], where=jnp.array([False, False]))}"
      '-inf'

    References:
      P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax
      functions", 2021, equation (1.6).
    """
    x, where = _vector_and_mask(x, where)
    exps, shift, _ = _masked_exp(widened(x), where)
    infinite = jnp.any(jnp.isposinf(x) if where is None else jnp.isposinf(x) & where)
    return jnp.where(infinite, jnp.inf, shift + safe_log(jnp.sum(exps))).astype(x.dtype)


def softmax(x: ArrayLike, *, where: ArrayLike | None = None) -> Array:
    """exp(xᵢ) / Σⱼ exp(xⱼ) over the entries that the mask keeps, 0 elsewhere.

    ::

        σᵢ = exp(xᵢ − m) / Σⱼ exp(xⱼ − m);   ∂σᵢ/∂xⱼ = σᵢ (δᵢⱼ − σⱼ)

    Args:
      x: vector, shape (n,).
      where: mask of shape (n,), True where an entry counts; None keeps all.

    Returns:
      A vector of shape (n,) and the dtype of ``x`` that sums to 1, or to 0 where nothing is kept.

    Numerics:
      Relative error of a few eps per entry plus n·eps. Where nothing is kept, or all that is kept
      is −∞: value 0 and gradient 0 (an attention row that attends to nothing). A kept +∞ gives
      NaN: the limit depends on the direction. Half precisions are summed in float32. Cost: n
      exponentials.

    Example:
      >>> print(softmax(jnp.array([0.0, 0.0, 5.0]), where=jnp.array([True, True, False])))
      [0.5 0.5 0. ]

    References:
      P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax
      functions", 2021, equation (1.3).
    """
    x, where = _vector_and_mask(x, where)
    exps, _, _ = _masked_exp(widened(x), where)
    return safe_divide(exps, jnp.sum(exps)).astype(x.dtype)


def log_softmax(x: ArrayLike, *, where: ArrayLike | None = None) -> Array:
    """xᵢ − log Σⱼ exp(xⱼ) over the entries that the mask keeps, −∞ elsewhere.

    ::

        ℓᵢ = xᵢ − m − log Σⱼ exp(xⱼ − m);   ∂ℓᵢ/∂xⱼ = δᵢⱼ − σⱼ

    Args:
      x: vector, shape (n,).
      where: mask of shape (n,), True where an entry counts; None keeps all.

    Returns:
      A vector of shape (n,) and the dtype of ``x``: the logarithm of ``softmax``.

    Numerics:
      Error of a few eps relative to max(|ℓᵢ|, 1). A masked or −∞ entry: value −∞, gradient 0. Where
      nothing is kept: all −∞, gradient 0. A kept +∞ gives NaN. Half precisions are summed in
      float32. Cost: n exponentials.

    Example:
      >>> print([f"{v:.4f}" for v in log_softmax(jnp.array([0.0, 0.0]))])
      ['-0.6931', '-0.6931']

    References:
      P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax
      functions", 2021, section 2.
    """
    x, where = _vector_and_mask(x, where)
    exps, shift, filled = _masked_exp(widened(x), where)
    total = jnp.sum(exps)
    log_total = safe_log(jnp.where(total == 0, jnp.ones_like(total), total))
    live = ~jnp.isneginf(x) if where is None else where & ~jnp.isneginf(x)
    return jnp.where(live, filled - shift - log_total, -jnp.inf).astype(x.dtype)


def dot(x: ArrayLike, y: ArrayLike) -> Array:
    """The inner product Σᵢ xᵢ yᵢ at the full precision of the dtype (nothing is conjugated).

    ::

        x·y = Σᵢ xᵢ yᵢ

    Args:
      x: vector, shape (n,).
      y: vector, shape (n,).

    Returns:
      A scalar of the common dtype; 0 for n = 0.

    Numerics:
      ``Precision.HIGHEST``: on hardware that would round float32 inputs (TF32, bfloat16 passes)
      they are not rounded. |error| ≤ n·eps·Σ|xᵢyᵢ|. Cost: n multiply-adds.

    Example:
      >>> f"{dot([1.0, 2.0], [3.0, 4.0]):.1f}"
      '11.0'

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      equation (3.5).
    """
    x = as_array("x", x, ndim=1, kind="inexact")
    y = as_array("y", y, shape=x.shape, kind="inexact")
    return jnp.dot(x, y, precision=lax.Precision.HIGHEST)


def matmul(A: ArrayLike, B: ArrayLike) -> Array:
    """The matrix product A B at the full precision of the dtype.

    ::

        (A B)ᵢⱼ = Σₖ Aᵢₖ Bₖⱼ

    Args:
      A: matrix, shape (m, d), or a vector of shape (d,).
      B: matrix, shape (d, n), or a vector of shape (d,).

    Returns:
      The product, shape (m, n), without the axis that a vector lacks.

    Numerics:
      ``Precision.HIGHEST``, as in ``dot``; |error| ≤ d·eps·|A||B| element-wise. Cost: m·d·n
      multiply-adds.

    Example:
      >>> print(matmul(jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([1.0, 1.0])))
      [3. 7.]

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      equation (3.13).
    """
    A = as_array("A", A, ndim=(1, 2), kind="inexact")
    B = as_array("B", B, ndim=(1, 2), kind="inexact")
    if A.shape[-1] != B.shape[0]:
        raise ValueError(
            f"matmul: argument `B` must have {A.shape[-1]} rows to follow A of shape {A.shape}, "
            f"got shape {B.shape}"
        )
    return jnp.matmul(A, B, precision=lax.Precision.HIGHEST)


def einsum(subscripts: str, *operands: ArrayLike) -> Array:
    """Einstein summation at the full precision of the dtype.

    ::

        einsum("ij,jk->ik", A, B) = A B

    Args:
      subscripts: the contraction, as in ``numpy.einsum``.
      operands: one array for each term of the subscripts.

    Returns:
      The contraction, of the common dtype.

    Numerics:
      ``Precision.HIGHEST``, as in ``dot``; the order of contraction is the cheapest that
      opt_einsum finds.

    Example:
      >>> f"{einsum('i,ij,j->', jnp.ones(2), jnp.eye(2), jnp.ones(2)):.1f}"
      '2.0'

    References:
      D. G. A. Smith, J. Gray, "opt_einsum: a Python package for optimizing contraction order",
      2018.
    """
    if not isinstance(subscripts, str):
        raise TypeError(
            f"einsum: argument `subscripts` must be a string, got {type(subscripts).__name__}"
        )
    arrays = [as_array(f"operands[{i}]", a, kind="inexact") for i, a in enumerate(operands)]
    return jnp.einsum(subscripts, *arrays, precision=lax.Precision.HIGHEST)
