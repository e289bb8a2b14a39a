"""Saddle points of f(x, y), minimized in x and maximized in y, by first-order methods.

Each method moves z = (x, y) along the field F(z) = (∇ₓf, −∇ᵧf), which is monotone where f is
convex in x and concave in y, and vanishes at a saddle point.
"""

from collections.abc import Callable

import jax

from jaxmath.iterate import Solution
from jaxmath.optimize._saddle import OptimisticState, SaddleState, _solve, _start, field_at, moved
from jaxmath.optimize._solver import donatable, solver
from jaxmath.typing import PyTree, Scalar

__all__ = [
    "extragradient",
    "extragradient_init",
    "extragradient_step",
    "gradient_descent_ascent",
    "gradient_descent_ascent_init",
    "gradient_descent_ascent_step",
    "optimistic_gradient",
    "optimistic_gradient_init",
    "optimistic_gradient_step",
]


@donatable
def gradient_descent_ascent_init(
    fun: Callable, x0: PyTree, y0: PyTree, args: tuple = ()
) -> SaddleState:
    """The starting state of gradient descent–ascent.

    ::

        z₀ = (x₀, y₀),   F(z₀) = (∇ₓf, −∇ᵧf)

    Args:
      fun: f(x, y, *args), a scalar.
      x0: the start of what minimizes, a pytree of real arrays.
      y0: the start of what maximizes, a pytree of the same dtype.
      args: further arguments of ``fun``.

    Returns:
      A ``SaddleState (point, field)`` of pairs (x, y).

    Numerics:
      One gradient.

    Example:
      >>> field = gradient_descent_ascent_init(lambda x, y: x * y, 1.0, 2.0).field
      >>> f"{field.x:.1f} {field.y:.1f}"
      '2.0 -1.0'

    References:
      K. J. Arrow, L. Hurwicz, H. Uzawa, "Studies in Linear and Non-linear Programming", 1958.
    """
    return _start(fun, x0, y0, args)


def gradient_descent_ascent_step(
    fun: Callable, state: SaddleState, args: tuple = (), *, learning_rate: Scalar = 0.1
) -> SaddleState:
    """One step of gradient descent–ascent, both players at once.

    ::

        x ← x − η ∇ₓf(x, y),   y ← y + η ∇ᵧf(x, y)

    Args:
      fun: f(x, y, *args), a scalar.
      state: the ``SaddleState`` of the step before.
      args: further arguments of ``fun``.
      learning_rate: η ≥ 0.

    Returns:
      The next ``SaddleState``.

    Numerics:
      One gradient, at the new point.

    Example:
      >>> bilinear = lambda x, y: x * y
      >>> state = gradient_descent_ascent_init(bilinear, 1.0, 2.0)
      >>> x, y = gradient_descent_ascent_step(bilinear, state).point
      >>> f"{x:.1f} {y:.1f}"
      '0.8 2.1'

    References:
      K. J. Arrow, L. Hurwicz, H. Uzawa, "Studies in Linear and Non-linear Programming", 1958.
    """
    z = moved(state.point, learning_rate, state.field)
    return SaddleState(z, field_at(fun, z, args))


@solver
def gradient_descent_ascent(
    fun: Callable,
    x0: PyTree,
    y0: PyTree,
    args: tuple = (),
    *,
    learning_rate: Scalar = 0.1,
    tol: Scalar | None = None,
    max_steps: int = 1000,
) -> Solution:
    """A saddle point by gradient descent–ascent, which strong convexity and concavity need.

    ::

        zₖ₊₁ = zₖ − η F(zₖ),   F(z) = (∇ₓf, −∇ᵧf)
        f μ-strongly convex–concave, F L-Lipschitz:   ‖zₖ₊₁ − z*‖² ≤ (1 − 2ημ + η²L²) ‖zₖ − z*‖²
        f = xᵀAy:   a pair of singular vectors of σ grows by √(1 + η²σ²) a step

    Args:
      fun: f(x, y, *args), a scalar, minimized in x and maximized in y.
      x0: the start of what minimizes, a pytree of real arrays.
      y0: the start of what maximizes, a pytree of the same dtype.
      args: further arguments of ``fun``, traced.
      learning_rate: η ≥ 0, below 2μ/L² for the bound to contract.
      tol: ‖F(z)‖ to reach; None takes 100·eps·max(1, ‖F(z₀)‖).
      max_steps: the limit on steps.

    Returns:
      A ``Solution`` with value ``(x, y)`` and error ‖F(x, y)‖. Its status is CONVERGED, MAX_STEPS,
      NON_FINITE (it diverged; the value is what the last step made of it, infinite or NaN, too) or
      INVALID_START where the start is not finite.

    Numerics:
      On a bilinear f it spirals out for every η > 0: use ``extragradient``. A stationary point
      of F need not be a saddle where f is not convex–concave. ``num_grad`` is one a step and one at
      the start. Not differentiable.

    Example:
      >>> fun = lambda x, y: (x - 1.0) ** 2 + x * y - (y + 2.0) ** 2
      >>> x, y = gradient_descent_ascent(fun, 0.0, 0.0).value
      >>> f"{x:.3f} {y:.3f}"
      '1.600 -1.200'

    References:
      K. J. Arrow, L. Hurwicz, H. Uzawa, "Studies in Linear and Non-linear Programming", 1958.
      C. Daskalakis, A. Ilyas, V. Syrgkanis, H. Zeng, "Training GANs with optimism", 2018 (the
      spiral).
    """

    def step(state: SaddleState) -> SaddleState:
        return gradient_descent_ascent_step(fun, state, args, learning_rate=learning_rate)

    start = gradient_descent_ascent_init(fun, x0, y0, args)
    return _solve(start, step, learning_rate, tol, max_steps, 1)


@donatable
def extragradient_init(fun: Callable, x0: PyTree, y0: PyTree, args: tuple = ()) -> SaddleState:
    """The starting state of the extragradient method.

    ::

        z₀ = (x₀, y₀),   F(z₀) = (∇ₓf, −∇ᵧf)

    Args:
      fun: f(x, y, *args), a scalar.
      x0: the start of what minimizes, a pytree of real arrays.
      y0: the start of what maximizes, a pytree of the same dtype.
      args: further arguments of ``fun``.

    Returns:
      A ``SaddleState (point, field)`` of pairs (x, y).

    Numerics:
      One gradient.

    Example:
      >>> f"{extragradient_init(lambda x, y: x * y, 1.0, 2.0).field.x:.1f}"
      '2.0'

    References:
      G. M. Korpelevich, "The extragradient method for finding saddle points and other problems",
      1976.
    """
    return _start(fun, x0, y0, args)


def extragradient_step(
    fun: Callable, state: SaddleState, args: tuple = (), *, learning_rate: Scalar = 0.1
) -> SaddleState:
    """One step of the extragradient method: look ahead, then move by the field seen there.

    ::

        z½ = z − η F(z),   z ← z − η F(z½)

    Args:
      fun: f(x, y, *args), a scalar.
      state: the ``SaddleState`` of the step before.
      args: further arguments of ``fun``.
      learning_rate: η ≥ 0.

    Returns:
      The next ``SaddleState``.

    Numerics:
      Two gradients, at z½ and at the new point.

    Example:
      >>> bilinear = lambda x, y: x * y
      >>> x, y = extragradient_step(bilinear, extragradient_init(bilinear, 1.0, 2.0)).point
      >>> f"{x:.2f} {y:.2f}"
      '0.79 2.08'

    References:
      G. M. Korpelevich, "The extragradient method for finding saddle points and other problems",
      1976.
    """
    ahead = moved(state.point, learning_rate, state.field)
    z = moved(state.point, learning_rate, field_at(fun, ahead, args))
    return SaddleState(z, field_at(fun, z, args))


@solver
def extragradient(
    fun: Callable,
    x0: PyTree,
    y0: PyTree,
    args: tuple = (),
    *,
    learning_rate: Scalar = 0.1,
    tol: Scalar | None = None,
    max_steps: int = 1000,
) -> Solution:
    """A saddle point by Korpelevich's extragradient method, for convex–concave functions.

    ::

        z½ = zₖ − η F(zₖ),   zₖ₊₁ = zₖ − η F(z½),   F(z) = (∇ₓf, −∇ᵧf)
        f = xᵀAy:   a pair of singular vectors of σ shrinks by √(1 − η²σ² + η⁴σ⁴) a step

    Args:
      fun: f(x, y, *args), a scalar, minimized in x and maximized in y.
      x0: the start of what minimizes, a pytree of real arrays.
      y0: the start of what maximizes, a pytree of the same dtype.
      args: further arguments of ``fun``, traced.
      learning_rate: η ≥ 0, below 1/L for an L-Lipschitz F.
      tol: ‖F(z)‖ to reach; None takes 100·eps·max(1, ‖F(z₀)‖).
      max_steps: the limit on steps.

    Returns:
      A ``Solution`` as ``gradient_descent_ascent`` has it.

    Numerics:
      Converges on every convex–concave f with a saddle point, linearly on bilinear and on strongly
      convex–concave ones. ``num_grad`` is two a step and one at the start. Not differentiable.

    Example:
      >>> solution = extragradient(lambda x, y: x * y, 1.0, 2.0, learning_rate=0.5)
      >>> bool(solution.converged), bool(solution.error < 1e-4)
      (True, True)

    References:
      G. M. Korpelevich, "The extragradient method for finding saddle points and other problems",
      1976. P. Tseng, "On linear convergence of iterative methods for the variational inequality
      problem", 1995.
    """

    def step(state: SaddleState) -> SaddleState:
        return extragradient_step(fun, state, args, learning_rate=learning_rate)

    start = extragradient_init(fun, x0, y0, args)
    return _solve(start, step, learning_rate, tol, max_steps, 2)


@donatable
def optimistic_gradient_init(
    fun: Callable, x0: PyTree, y0: PyTree, args: tuple = ()
) -> OptimisticState:
    """The starting state of the optimistic gradient method.

    ::

        z₀ = (x₀, y₀),   F(z₋₁) := F(z₀) = (∇ₓf, −∇ᵧf)

    Args:
      fun: f(x, y, *args), a scalar.
      x0: the start of what minimizes, a pytree of real arrays.
      y0: the start of what maximizes, a pytree of the same dtype.
      args: further arguments of ``fun``.

    Returns:
      An ``OptimisticState (point, field, previous)`` of pairs (x, y).

    Numerics:
      One gradient.

    Example:
      >>> f"{optimistic_gradient_init(lambda x, y: x * y, 1.0, 2.0).previous.x:.1f}"
      '2.0'

    References:
      C. Daskalakis, A. Ilyas, V. Syrgkanis, H. Zeng, "Training GANs with optimism", 2018.
    """
    point, field = _start(fun, x0, y0, args)
    return OptimisticState(point, field, field)


def optimistic_gradient_step(
    fun: Callable, state: OptimisticState, args: tuple = (), *, learning_rate: Scalar = 0.1
) -> OptimisticState:
    """One step of the optimistic gradient method: the last change of the field is expected again.

    ::

        zₖ₊₁ = zₖ − 2η F(zₖ) + η F(zₖ₋₁)

    Args:
      fun: f(x, y, *args), a scalar.
      state: the ``OptimisticState`` of the step before.
      args: further arguments of ``fun``.
      learning_rate: η ≥ 0.

    Returns:
      The next ``OptimisticState``.

    Numerics:
      One gradient, at the new point.

    Example:
      >>> bilinear = lambda x, y: x * y
      >>> state = optimistic_gradient_init(bilinear, 1.0, 2.0)
      >>> state = optimistic_gradient_step(bilinear, state)
      >>> x, y = optimistic_gradient_step(bilinear, state).point
      >>> f"{x:.2f} {y:.2f}"
      '0.58 2.16'

    References:
      C. Daskalakis, A. Ilyas, V. Syrgkanis, H. Zeng, "Training GANs with optimism", 2018,
      equation (6).
    """
    expected = jax.tree.map(lambda now, before: 2.0 * now - before, state.field, state.previous)
    z = moved(state.point, learning_rate, expected)
    return OptimisticState(z, field_at(fun, z, args), state.field)


@solver
def optimistic_gradient(
    fun: Callable,
    x0: PyTree,
    y0: PyTree,
    args: tuple = (),
    *,
    learning_rate: Scalar = 0.1,
    tol: Scalar | None = None,
    max_steps: int = 1000,
) -> Solution:
    """A saddle point by optimistic gradient descent–ascent: one gradient a step, no spiral.

    ::

        zₖ₊₁ = zₖ − 2η F(zₖ) + η F(zₖ₋₁),   F(z) = (∇ₓf, −∇ᵧf)
        f = xᵀAy:   a pair of singular vectors of σ shrinks by |λ| a step, λ the larger root of
        λ² − (1 − 2iησ) λ − iησ = 0;   |λ| < 1 for ησ < 1/√3

    Args:
      fun: f(x, y, *args), a scalar, minimized in x and maximized in y.
      x0: the start of what minimizes, a pytree of real arrays.
      y0: the start of what maximizes, a pytree of the same dtype.
      args: further arguments of ``fun``, traced.
      learning_rate: η ≥ 0, below 1/(2L) for an L-Lipschitz F.
      tol: ‖F(z)‖ to reach; None takes 100·eps·max(1, ‖F(z₀)‖).
      max_steps: the limit on steps.

    Returns:
      A ``Solution`` as ``gradient_descent_ascent`` has it.

    Numerics:
      Converges where ``extragradient`` does, at half its gradients a step and half its learning
      rate. ``num_grad`` is one a step and one at the start. Not differentiable.

    Example:
      >>> solution = optimistic_gradient(lambda x, y: x * y, 1.0, 2.0, learning_rate=0.4)
      >>> bool(solution.converged), bool(solution.error < 1e-4)
      (True, True)

    References:
      C. Daskalakis, A. Ilyas, V. Syrgkanis, H. Zeng, "Training GANs with optimism", 2018,
      equation (6). L. D. Popov, "A modification of the Arrow–Hurwicz method for search of saddle
      points", 1980. A. Mokhtari, A. Ozdaglar, S. Pattathil, "A unified analysis of extra-gradient
      and optimistic gradient methods for saddle point problems", 2020 (the linear rates).
    """

    def step(state: OptimisticState) -> OptimisticState:
        return optimistic_gradient_step(fun, state, args, learning_rate=learning_rate)

    start = optimistic_gradient_init(fun, x0, y0, args)
    return _solve(start, step, learning_rate, tol, max_steps, 1)
