"""Classical objective functions, each written so that its value near the minimum is accurate.

The textbook forms of Ackley, Rastrigin and Griewank subtract cosines from constants, and in
float32 their minimum drowns in rounding noise of 1e-6. Here 1 − cos 2θ = 2 sin² θ and expm1 keep
every digit: the value at the minimizer is exactly the minimum.
"""

import math

import jax.numpy as jnp

from jaxmath.numerics import safe_norm
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = [
    "ackley",
    "beale",
    "booth",
    "branin",
    "extended_rosenbrock",
    "griewank",
    "himmelblau",
    "levy",
    "quadratic",
    "rastrigin",
    "rosenbrock",
    "styblinski_tang",
]


def ackley(x: ArrayLike) -> Array:
    """Ackley's function: a funnel under many local minima.

    ::

        f(x) = −20 exp(−0.2 √(Σxᵢ²/d)) − exp(Σ cos(2πxᵢ)/d) + 20 + e
             = −20 expm1(−0.2 ‖x‖/√d) − e·expm1(−2 Σ sin²(πxᵢ)/d)

    Args:
      x: point, shape (d,), d ≥ 1.

    Returns:
      The value, a scalar; minimum 0 at x = 0.

    Numerics:
      The second form loses no digits near 0. Singular set {0}, a cone: value 0, gradient 0 (the
      least-norm subgradient, at the minimizer). Cost: d sines.

    Example:
      >>> f"{ackley(jnp.zeros(2)):.4f} {ackley(jnp.ones(2)):.4f}"
      '0.0000 3.6254'

    References:
      D. H. Ackley, "A Connectionist Machine for Genetic Hillclimbing", 1987, pages 13-14.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    d = x.shape[0]
    funnel = -20.0 * jnp.expm1(-0.2 / math.sqrt(d) * safe_norm(x))
    ripple = -math.e * jnp.expm1(-2.0 / d * jnp.sum(jnp.sin(math.pi * x) ** 2))
    return funnel + ripple


def beale(x: ArrayLike) -> Array:
    """Beale's function: a narrow curved valley with sharp peaks at the corners.

    ::

        f(x) = (1.5 − x₁ + x₁x₂)² + (2.25 − x₁ + x₁x₂²)² + (2.625 − x₁ + x₁x₂³)²

    Args:
      x: point, shape (2,).

    Returns:
      The value, a scalar; minimum 0 at (3, 1/2).

    Numerics:
      Smooth; degree 8, so float32 overflows beyond |x| of about 1e4. Cost: a dozen products.

    Example:
      >>> f"{beale(jnp.array([3.0, 0.5])):.4f} {beale(jnp.array([1.0, 1.0])):.4f}"
      '0.0000 14.2031'

    References:
      J. J. Moré, B. S. Garbow, K. E. Hillstrom, "Testing unconstrained optimization software",
      1981, problem (5), pages 17-41.
    """
    x = as_array("x", x, shape=(2,))
    a, b = x[0], x[1]
    return (
        (1.5 - a * (1.0 - b)) ** 2
        + (2.25 - a * (1.0 - b**2)) ** 2
        + (2.625 - a * (1.0 - b**3)) ** 2
    )


def booth(x: ArrayLike) -> Array:
    """Booth's function: a convex quadratic of condition number 9.

    ::

        f(x) = (x₁ + 2x₂ − 7)² + (2x₁ + x₂ − 5)²

    Args:
      x: point, shape (2,).

    Returns:
      The value, a scalar; minimum 0 at (1, 3).

    Numerics:
      Smooth; the Hessian has eigenvalues 2 and 18. Cost: a few products.

    Example:
      >>> f"{booth(jnp.array([1.0, 3.0])):.4f} {booth(jnp.zeros(2)):.4f}"
      '0.0000 74.0000'

    References:
      M. Jamil, X.-S. Yang, "A literature survey of benchmark functions for global optimisation
      problems", 2013, pages 150-194.
    """
    x = as_array("x", x, shape=(2,))
    a, b = x[0], x[1]
    return (a + 2.0 * b - 7.0) ** 2 + (2.0 * a + b - 5.0) ** 2


def branin(x: ArrayLike) -> Array:
    """Branin's function: three equal global minima.

    ::

        f(x) = (x₂ − 5.1/(4π²) x₁² + (5/π) x₁ − 6)² + 10 (1 − 1/(8π)) cos x₁ + 10

    Args:
      x: point, shape (2,); usually −5 ≤ x₁ ≤ 10 and 0 ≤ x₂ ≤ 15.

    Returns:
      The value, a scalar; minimum 5/(4π) at (−π, 12.275), (π, 2.275) and (3π, 2.475).

    Numerics:
      Smooth. The cosine term is computed as 5/(4π) + 20 (1 − 1/(8π)) cos²(x₁/2), whose value at
      the minimizers is accurate. Cost: one cosine.

    Example:
      >>> f"{branin(jnp.array([3.14159265, 2.275])):.5f}"
      '0.39789'

    References:
      F. H. Branin, "Widely convergent method for finding multiple solutions of simultaneous
      nonlinear equations", 1972, pages 504-522.
    """
    x = as_array("x", x, shape=(2,))
    a, b = x[0], x[1]
    parabola = b - 5.1 / (4.0 * math.pi**2) * a**2 + 5.0 / math.pi * a - 6.0
    t = 1.0 / (8.0 * math.pi)
    return parabola**2 + 10.0 * t + 20.0 * (1.0 - t) * jnp.cos(0.5 * a) ** 2


def extended_rosenbrock(x: ArrayLike) -> Array:
    """The extended Rosenbrock function: d/2 independent valleys in pairs of variables.

    ::

        f(x) = Σ_{i=1}^{d/2} 100 (x₂ᵢ − x₂ᵢ₋₁²)² + (1 − x₂ᵢ₋₁)²

    Args:
      x: point, shape (d,), d even.

    Returns:
      The value, a scalar; minimum 0 at (1, …, 1), the only stationary point.

    Numerics:
      Smooth; the Hessian at the minimum has condition number about 2508. Cost: d products.

    Example:
      >>> f"{extended_rosenbrock(jnp.array([-1.2, 1.0, -1.2, 1.0])):.4f}"
      '48.4000'

    References:
      J. J. Moré, B. S. Garbow, K. E. Hillstrom, "Testing unconstrained optimization software",
      1981, problem (21), pages 17-41.
    """
    x = as_array("x", x, ndim=1, min_size=2)
    if x.shape[0] % 2:
        raise ValueError(
            f"extended_rosenbrock: argument `x` must have an even length, got {x.shape[0]}"
        )
    a, b = x[0::2], x[1::2]
    return jnp.sum(100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2)


def griewank(x: ArrayLike) -> Array:
    """Griewank's function: a wide bowl under waves that shrink towards the minimum.

    ::

        f(x) = Σ xᵢ²/4000 + 1 − Πᵢ cos(xᵢ/√i)
        1 − Πᵢ cᵢ = Σᵢ (1 − cᵢ) Π_{j<i} cⱼ,   1 − cᵢ = 2 sin²(xᵢ/(2√i))

    Args:
      x: point, shape (d,), d ≥ 1.

    Returns:
      The value, a scalar; minimum 0 at x = 0.

    Numerics:
      The second line loses no digits near 0. Smooth. Cost: d sines and cosines.

    Example:
      >>> f"{griewank(jnp.zeros(3)):.4f} {griewank(jnp.array([1.0, 2.0])):.4f}"
      '0.0000 0.9170'

    References:
      A. O. Griewank, "Generalized descent for global optimization", 1981, pages 11-39.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    angles = x / jnp.sqrt(jnp.arange(1, x.shape[0] + 1, dtype=x.dtype))
    before = jnp.cumprod(jnp.concatenate([jnp.ones(1, x.dtype), jnp.cos(angles[:-1])]))
    return jnp.sum(x**2) / 4000.0 + jnp.sum(before * 2.0 * jnp.sin(0.5 * angles) ** 2)


def himmelblau(x: ArrayLike) -> Array:
    """Himmelblau's function: four equal minima, four saddles, one maximum.

    ::

        f(x) = (x₁² + x₂ − 11)² + (x₁ + x₂² − 7)²

    Args:
      x: point, shape (2,).

    Returns:
      The value, a scalar; minimum 0 at (3, 2) and three more points.

    Numerics:
      Smooth. Cost: a few products.

    Example:
      >>> f"{himmelblau(jnp.array([3.0, 2.0])):.4f} {himmelblau(jnp.zeros(2)):.4f}"
      '0.0000 170.0000'

    References:
      D. M. Himmelblau, "Applied Nonlinear Programming", 1972.
    """
    x = as_array("x", x, shape=(2,))
    a, b = x[0], x[1]
    return (a**2 + b - 11.0) ** 2 + (a + b**2 - 7.0) ** 2


def levy(x: ArrayLike) -> Array:
    """Levy's function: a bowl with ripples along every axis.

    ::

        wᵢ = 1 + (xᵢ − 1)/4
        f(x) = sin²(πw₁) + Σ_{i<d} (wᵢ − 1)² [1 + 10 sin²(πwᵢ + 1)] + (w_d − 1)² [1 + sin²(2πw_d)]

    Args:
      x: point, shape (d,), d ≥ 1.

    Returns:
      The value, a scalar; minimum 0 at (1, …, 1).

    Numerics:
      Smooth. sin(πw₁) is computed as −sin(π(x₁ − 1)/4), which is exactly 0 at the minimizer, and
      likewise the last term. Cost: d sines.

    Example:
      >>> f"{levy(jnp.ones(4)):.4f} {levy(jnp.zeros(2)):.4f}"
      '0.0000 0.7158'

    References:
      A. V. Levy, A. Montalvo, "The tunneling algorithm for the global minimization of functions",
      1985, pages 15-29.
    """
    u = (as_array("x", x, ndim=1, min_size=1) - 1.0) / 4.0
    first = jnp.sin(math.pi * u[0]) ** 2
    # sin(π(1 + u) + 1) = −sin(πu + 1): the square is the same.
    middle = jnp.sum(u[:-1] ** 2 * (1.0 + 10.0 * jnp.sin(math.pi * u[:-1] + 1.0) ** 2))
    return first + middle + u[-1] ** 2 * (1.0 + jnp.sin(2.0 * math.pi * u[-1]) ** 2)


def quadratic(x: ArrayLike, *, condition: Scalar = 1e3) -> Array:
    """A convex quadratic whose Hessian has a given condition number.

    ::

        f(x) = ½ Σᵢ λᵢ xᵢ²,   λᵢ = κ^{(i−1)/(d−1)}

    Args:
      x: point, shape (d,), d ≥ 1.
      condition: the condition number κ ≥ 1; the eigenvalues are spaced evenly in logarithm.

    Returns:
      The value, a scalar; minimum 0 at x = 0.

    Numerics:
      Smooth. The Hessian is diagonal: coordinate-wise methods see through it. Cost: d products.

    Example:
      >>> f"{quadratic(jnp.ones(2), condition=100.0):.1f}"
      '50.5'

    References:
      Y. Nesterov, "Lectures on Convex Optimization", 2nd edition, 2018, section 2.1.
    """
    check_number("condition", condition, low=1.0)
    x = as_array("x", x, ndim=1, min_size=1)
    d = x.shape[0]
    powers = jnp.arange(d, dtype=x.dtype) / max(d - 1, 1)
    eigenvalues = jnp.asarray(condition, x.dtype) ** powers
    return 0.5 * jnp.sum(eigenvalues * x**2)


def rastrigin(x: ArrayLike) -> Array:
    """Rastrigin's function: a bowl with a lattice of about 10^d local minima.

    ::

        f(x) = 10 d + Σᵢ (xᵢ² − 10 cos 2πxᵢ) = Σᵢ (xᵢ² + 20 sin² πxᵢ)

    Args:
      x: point, shape (d,), d ≥ 1.

    Returns:
      The value, a scalar; minimum 0 at x = 0.

    Numerics:
      The second form loses no digits near 0. Smooth. Cost: d sines.

    Example:
      >>> f"{rastrigin(jnp.zeros(2)):.4f} {rastrigin(jnp.array([0.5, 0.0])):.4f}"
      '0.0000 20.2500'

    References:
      L. A. Rastrigin, "Systems of Extremal Control", 1974.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    return jnp.sum(x**2 + 20.0 * jnp.sin(math.pi * x) ** 2)


def rosenbrock(x: ArrayLike) -> Array:
    """The chained Rosenbrock function: one curved valley through all dimensions.

    ::

        f(x) = Σ_{i=1}^{d−1} 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²

    Args:
      x: point, shape (d,), d ≥ 2.

    Returns:
      The value, a scalar; minimum 0 at (1, …, 1). For d ≥ 4 there is a second, local minimum
      near (−1, 1, …, 1).

    Numerics:
      Smooth. Cost: d products.

    Example:
      >>> f"{rosenbrock(jnp.array([-1.2, 1.0])):.4f}"
      '24.2000'

    References:
      H. H. Rosenbrock, "An automatic method for finding the greatest or least value of a
      function", 1960, pages 175-184.
    """
    x = as_array("x", x, ndim=1, min_size=2)
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def styblinski_tang(x: ArrayLike) -> Array:
    """The Styblinski–Tang function: 2^d minima, one of them global.

    ::

        f(x) = ½ Σᵢ (xᵢ⁴ − 16 xᵢ² + 5 xᵢ)

    Args:
      x: point, shape (d,), d ≥ 1.

    Returns:
      The value, a scalar; minimum −39.16616570377142 d at xᵢ = −2.903534027771177.

    Numerics:
      Smooth. Cost: d products.

    Example:
      >>> f"{styblinski_tang(jnp.full(2, -2.903534)):.4f}"
      '-78.3323'

    References:
      M. A. Styblinski, T.-S. Tang, "Experiments in nonconvex optimization: stochastic
      approximation with function smoothing and simulated annealing", 1990, pages 467-483.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    return 0.5 * jnp.sum(x**4 - 16.0 * x**2 + 5.0 * x)
