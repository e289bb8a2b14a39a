"""Polynomial regression: in one variable by Chebyshev polynomials, and monomials of several.

The powers 1, x, …, x^k of a variable are almost dependent: their condition grows like (1 + √2)^k at
best, and with the units of x without bound. Chebyshev polynomials of x mapped to [−1, 1] span the
same space with a condition that stays small.
"""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath._extrema import max_of, min_of
from jaxmath.iterate import Solution
from jaxmath.models import linear_regression
from jaxmath.numerics import safe_divide
from jaxmath.typing import Array, ArrayLike, as_array, check_number

__all__ = [
    "PolynomialParams",
    "chebyshev_features",
    "fit",
    "polynomial_features",
    "predict",
]


class PolynomialParams(NamedTuple):
    """A polynomial in one variable, as a series of Chebyshev polynomials on an interval.

    ::

        p(x) = Σⱼ cⱼ Tⱼ(t),   t = (2x − l − u)/(u − l)

    Args:
      coef: c₀, …, c_k, shape (k + 1,).
      domain: the interval (l, u) that is mapped to [−1, 1], shape (2,).

    Returns:
      A NamedTuple, hence a pytree: it passes through jit, grad and vmap.

    Numerics:
      Nothing is computed.

    Example:
      >>> PolynomialParams(coef=jnp.ones(3), domain=jnp.array([0.0, 1.0])).coef.shape
      (3,)

    References:
      The names are those of ``numpy.polynomial.Chebyshev``, which takes them as they are.
    """

    coef: Array
    domain: Array


def _as_degree(degree: int, low: int) -> None:
    check_number("degree", degree, low=low, integer=True)


def chebyshev_features(x: ArrayLike, degree: int) -> Array:
    """The Chebyshev polynomials T₁ to T_k at a number, without the constant T₀.

    ::

        T₀ = 1,   T₁ = x,   Tⱼ₊₁ = 2x Tⱼ − Tⱼ₋₁;   Tⱼ(cos θ) = cos jθ

    Args:
      x: a number, in [−1, 1] for values there too.
      degree: the degree k, at least 1; static.

    Returns:
      (T₁(x), …, T_k(x)), shape (k,), of the dtype of ``x``: the columns of a regression, to which
      the intercept is T₀.

    Numerics:
      Within [−1, 1] the error is at most k²·eps/2, with derivatives exact to every order. Cost: k
      multiply-adds.

    Example:
      >>> print(chebyshev_features(0.5, 3))
      [ 0.5 -0.5 -1. ]

    References:
      L. N. Trefethen, "Approximation Theory and Approximation Practice", 2013, equation (3.10).
    """
    x = as_array("x", x, ndim=0)
    _as_degree(degree, 1)
    values = [jnp.ones_like(x), x]
    for _ in range(degree - 1):
        values.append(2 * x * values[-1] - values[-2])
    return jnp.stack(values[1:])


def polynomial_features(x: ArrayLike, degree: int) -> Array:
    """All monomials of a vector up to a degree, without the constant.

    ::

        (x₁, …, x_d, x₁², x₁x₂, …, x_d^k):   C(d + k, k) − 1 of them

    Args:
      x: the example, shape (d,).
      degree: the greatest degree k, at least 1; static.

    Returns:
      The monomials by degree, and within it in scikit-learn's order; of the dtype of ``x``.

    Numerics:
      Each is one product of at most k factors: relative error (k − 1)·eps. Scale the columns to
      about [−1, 1] first: x^k has a range of the k-th power, and beyond some degree 8 powers of one
      variable are almost dependent; ``fit`` avoids both. Derivatives are exact, at 0 too. Cost: a
      product for each monomial.

    Example:
      >>> print(polynomial_features(jnp.array([2.0, 3.0]), 2))
      [2. 3. 4. 6. 9.]

    References:
      T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd edition,
      2009, section 5.1.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    _as_degree(degree, 1)
    made: dict[tuple[int, ...], Array] = {(): jnp.ones_like(x[0])}
    for power in range(1, degree + 1):
        for indices in itertools.combinations_with_replacement(range(len(x)), power):
            made[indices] = made[indices[:-1]] * x[indices[-1]]
    return jnp.stack(list(made.values())[1:])


def _to_unit(x: Array, domain: Array) -> Array:
    """t in [−1, 1]; 0 where the interval is a point."""
    # By 2⁻⁴, since u − l may overflow, and 1/(u − l) be subnormal, which is flushed to 0.
    x, low, high = 0.0625 * x, 0.0625 * domain[0], 0.0625 * domain[1]
    return safe_divide((x - low) - (high - x), high - low)


@compiled
def fit(x: ArrayLike, y: ArrayLike, degree: int) -> Solution:
    """Polynomial regression in one variable: the polynomial of least squares.

    ::

        c = argmin Σᵢ (yᵢ − Σⱼ cⱼ Tⱼ(tᵢ))²,   tᵢ = (2xᵢ − l − u)/(u − l),   l, u = min xᵢ, max xᵢ

    Args:
      x: the points, shape (n,).
      y: their targets, shape (n,).
      degree: the degree k, from 0 to n − 1; static.

    Returns:
      A ``Solution`` with ``PolynomialParams``; error and statuses are those of
      ``linear_regression.fit`` by "qr": SINGULAR, with NaN, where there are at most k points that
      differ.

    Raises:
      ValueError: a wrong shape, no data, or a degree below 0 or above n − 1.

    Numerics:
      Chebyshev polynomials of the scaled variable: for points spread over the interval the
      condition stays below some 10 at any degree well below n, and no result depends on the units
      of x. Between equispaced points a degree beyond 2√n oscillates (Runge): that is the
      polynomial, not rounding. Derivatives in x and y are exact, in the extreme points too
      where they are single. Cost: O(nk²).

    Example:
      >>> x = jnp.array([1000.0, 1001.0, 1002.0, 1003.0])
      >>> params = fit(x, (x - 1001.0) ** 2, 2).value
      >>> f"{predict(params, 1004.0):.1f}"
      '9.0'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 1.1.
      L. N. Trefethen, "Approximation Theory and Approximation Practice", 2013, chapter 3.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    y = as_array("y", y, shape=x.shape).astype(x.dtype)
    _as_degree(degree, 0)
    if degree >= len(x):
        raise ValueError(
            f"fit: argument `degree` must be at most n - 1 = {len(x) - 1}, got {degree}"
        )
    domain = jnp.stack([min_of(x), max_of(x)])
    if degree == 0:
        columns = jnp.zeros((len(x), 1), x.dtype)
        solution = linear_regression.fit(columns, y)
    else:
        t = _to_unit(x, domain)
        columns = jax.vmap(lambda t: chebyshev_features(t, degree))(t)
        solution = linear_regression.fit(columns, y, method="qr")
    coef, intercept = solution.value
    coef = jnp.concatenate([intercept[None], coef])[: degree + 1]
    return solution._replace(value=PolynomialParams(coef, domain))


def predict(params: PolynomialParams, x: ArrayLike) -> Array:
    """The value of a fitted polynomial at one point, by Clenshaw's recurrence.

    ::

        bⱼ = cⱼ + 2t bⱼ₊₁ − bⱼ₊₂,   b_{k+1} = b_{k+2} = 0,   p = c₀ + t b₁ − b₂

    Args:
      params: the coefficients and their interval, as ``fit`` gives them.
      x: the point, a scalar.

    Returns:
      p(x), a scalar of the dtype of ``params``.

    Numerics:
      Within the interval the error is at most some k²·eps·Σ|cⱼ|; outside p grows like (2t)^k. An
      interval of one point counts as its middle. Cost: 2k multiply-adds.

    Example:
      >>> params = PolynomialParams(jnp.array([1.0, 0.0, 1.0]), jnp.array([-1.0, 1.0]))
      >>> f"{predict(params, 0.5):.2f}"
      '0.50'

    References:
      C. W. Clenshaw, "A note on the summation of Chebyshev series", 1955.
    """
    coef = as_array("params.coef", params.coef, ndim=1, min_size=1)
    domain = as_array("params.domain", params.domain, shape=(2,)).astype(coef.dtype)
    t = _to_unit(as_array("x", x, ndim=0).astype(coef.dtype), domain)
    before, last = jnp.zeros_like(t), jnp.zeros_like(t)
    for c in coef[:0:-1]:
        before, last = last, c + 2 * t * last - before
    return coef[0] + t * last - before
