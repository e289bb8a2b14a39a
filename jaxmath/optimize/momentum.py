"""Gradient descent and its forms with momentum, as optax optimizers.

Every hyper-parameter may be a traced scalar, so a sweep of learning rates is one ``jax.vmap`` over
a function that builds the optimizer; a number outside the range that the docstring gives is refused
with a ValueError. ``update`` returns what ``optax.apply_updates`` adds.
"""

import jax.numpy as jnp
import optax
from jax.typing import DTypeLike

from jaxmath.optimize._elementwise import Arrays, Mask, Slot, Step, decayed, elementwise
from jaxmath.typing import Array, Scalar, check_number

__all__ = ["heavy_ball", "lion", "nesterov", "sgd"]


def sgd(learning_rate: optax.ScalarOrSchedule) -> optax.GradientTransformation:
    """Gradient descent, stochastic where the gradients are.

    ::

        θₜ₊₁ = θₜ − αₜ gₜ

    Args:
      learning_rate: α ≥ 0, a number, a traced scalar, or an optax schedule of the 0-based count.

    Returns:
      The optimizer; its state has no accumulators. Momentum is ``heavy_ball`` and ``nesterov``.

    Numerics:
      One rounding; a bfloat16 or float16 leaf is computed in float32 and rounded once at the end.
      Linear in the gradient, no singular set. Cost: one product per parameter.

    Example:
      >>> optimizer, params = sgd(0.1), jnp.array([1.0, -2.0])
      >>> updates, state = optimizer.update(2 * params, optimizer.init(params))
      >>> " ".join(f"{u:.2f}" for u in updates)
      '-0.20 0.40'

    References:
      Robbins and Monro, "A Stochastic Approximation Method", 1951.
    """
    check_number("learning_rate", learning_rate, low=0.0)

    def rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        (learning_rate,) = hyper
        return -learning_rate * g, ()

    return elementwise(rule, {"learning_rate": learning_rate}, {})


def heavy_ball(
    learning_rate: optax.ScalarOrSchedule,
    momentum: Scalar = 0.9,
    accumulator_dtype: DTypeLike | None = None,
    *,
    scale_gradients: bool = False,
) -> optax.GradientTransformation:
    """Polyak's heavy ball: gradient descent with momentum.

    ::

        vₜ = μ vₜ₋₁ + gₜ
        θₜ₊₁ = θₜ − αₜ vₜ

    which is ``optax.sgd(learning_rate, momentum)``. Polyak's learning rate scales the gradient,
    not the velocity; the two agree for a constant α and differ under a schedule.
    ``scale_gradients=True`` computes his form::

        θₜ₊₁ = θₜ − αₜ gₜ + μ (θₜ − θₜ₋₁)

    Args:
      learning_rate: α ≥ 0, a number, a traced scalar, or an optax schedule of the 0-based count.
      momentum: μ in [0, 1).
      accumulator_dtype: dtype that stores the velocity of real leaves; None for the parameter's,
        float32 at least.
      scale_gradients: the learning rate enters the velocity, as in Polyak.

    Returns:
      The optimizer; its state holds the velocity, ``slots["trace"]``.

    Numerics:
      A bfloat16 or float16 leaf has a float32 velocity, and its update is rounded once at the end.
      Linear in the gradients, no singular set. Cost: one accumulator.

    Example:
      >>> optimizer, params = heavy_ball(0.1, 0.5), jnp.array([1.0, -2.0])
      >>> updates, state = optimizer.update(params, optimizer.init(params))
      >>> updates, state = optimizer.update(params, state)
      >>> " ".join(f"{u:.2f}" for u in updates)
      '-0.15 0.30'

    References:
      Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
      Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in
      deep learning", 2013.
    """
    check_number("learning_rate", learning_rate, low=0.0)
    check_number("momentum", momentum, low=0.0, high=1.0, open_high=True)

    def rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        (v,), (learning_rate, momentum) = slots, hyper
        if scale_gradients:
            v = momentum * v + learning_rate * g
            return -v, (v,)
        v = momentum * v + g
        return -learning_rate * v, (v,)

    hyper = {"learning_rate": learning_rate, "momentum": momentum}
    return elementwise(rule, hyper, {"trace": Slot(dtype=accumulator_dtype)})


def nesterov(
    learning_rate: optax.ScalarOrSchedule,
    momentum: Scalar = 0.9,
    accumulator_dtype: DTypeLike | None = None,
    *,
    scale_gradients: bool = False,
) -> optax.GradientTransformation:
    """Nesterov's momentum: the gradient is taken where the momentum is about to lead.

    ::

        vₜ = μ vₜ₋₁ + gₜ,   gₜ = ∇f(θₜ)
        θₜ₊₁ = θₜ − αₜ (gₜ + μ vₜ)

    which is ``optax.sgd(learning_rate, momentum, nesterov=True)``. The parameters θ are the
    look-ahead points of the textbook's two sequences, with a constant α::

        wₜ₊₁ = μ wₜ − α ∇f(φₜ + μ wₜ),   φₜ₊₁ = φₜ + wₜ₊₁,   θₜ = φₜ + μ wₜ

    so f is evaluated at θ itself, and φ = θ + α μ v. Nesterov's own μₜ grows towards 1 with t; here
    it is constant, as in Sutskever et al. Their learning rate scales the gradient, not the
    velocity: ``scale_gradients=True`` computes that form, which differs under a schedule.

    Args:
      learning_rate: α ≥ 0, a number, a traced scalar, or an optax schedule of the 0-based count.
      momentum: μ in [0, 1).
      accumulator_dtype: dtype that stores the velocity of real leaves; None for the parameter's,
        float32 at least.
      scale_gradients: the learning rate enters the velocity, as in Sutskever et al.

    Returns:
      The optimizer; its state holds the velocity, ``slots["trace"]``.

    Numerics:
      A bfloat16 or float16 leaf has a float32 velocity, and its update is rounded once at the end.
      Linear in the gradients, no singular set. Cost: one accumulator.

    Example:
      >>> optimizer, params = nesterov(0.1, 0.5), jnp.array([1.0, -2.0])
      >>> updates, state = optimizer.update(params, optimizer.init(params))
      >>> " ".join(f"{u:.2f}" for u in updates)
      '-0.15 0.30'

    References:
      Nesterov, "A method for solving the convex programming problem with convergence rate
      O(1/k²)", 1983.
      Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in
      deep learning", 2013, equations 3 and 4.
    """
    check_number("learning_rate", learning_rate, low=0.0)
    check_number("momentum", momentum, low=0.0, high=1.0, open_high=True)

    def rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        (v,), (learning_rate, momentum) = slots, hyper
        if scale_gradients:
            v = momentum * v + learning_rate * g
            return -(learning_rate * g + momentum * v), (v,)
        v = momentum * v + g
        return -learning_rate * (g + momentum * v), (v,)

    hyper = {"learning_rate": learning_rate, "momentum": momentum}
    return elementwise(rule, hyper, {"trace": Slot(dtype=accumulator_dtype)})


def lion(
    learning_rate: optax.ScalarOrSchedule,
    b1: Scalar = 0.9,
    b2: Scalar = 0.99,
    mu_dtype: DTypeLike | None = None,
    weight_decay: optax.ScalarOrSchedule = 1e-3,
    mask: Mask | None = None,
) -> optax.GradientTransformation:
    """Lion: the sign of an interpolated momentum, with decoupled weight decay.

    ::

        cₜ = β₁ mₜ₋₁ + (1 − β₁) gₜ
        mₜ = β₂ mₜ₋₁ + (1 − β₂) gₜ
        θₜ₊₁ = θₜ − αₜ (sign(cₜ) + λ θₜ)

    the algorithm of the paper, where λ also multiplies the learning rate. Departure: none; the
    default λ = 10⁻³ is optax's.

    Args:
      learning_rate: α ≥ 0, a number, a traced scalar, or an optax schedule of the 0-based count.
      b1: β₁ in [0, 1), of the interpolation whose sign is taken.
      b2: β₂ in [0, 1), of the momentum that is kept.
      mu_dtype: dtype that stores the momentum of real leaves; None for the parameter's, float32 at
        least.
      weight_decay: λ ≥ 0, a number, a traced scalar, or a schedule.
      mask: booleans, a prefix of the parameters' tree or a function of the parameters that returns
        one: True where the weight decay applies. None for everywhere.

    Returns:
      The optimizer; its state holds m as ``slots["mu"]``. ``update`` needs ``params``.

    Raises:
      ValueError: ``update`` came without ``params``.

    Numerics:
      A bfloat16 or float16 leaf is computed in float32. Singular set {cₜ = 0}: sign(0) = 0; near
      it rounding decides the sign, so two programs agree away from ties only. The derivative in
      the gradients is 0. For a complex leaf the sign is c / |c|. Cost: one accumulator.

    Example:
      >>> optimizer, params = lion(0.1, weight_decay=0.5), jnp.array([1.0, -2.0])
      >>> updates, state = optimizer.update(params, optimizer.init(params), params)
      >>> " ".join(f"{u:.2f}" for u in updates)
      '-0.15 0.20'

    References:
      Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, Algorithm 2.
    """
    check_number("learning_rate", learning_rate, low=0.0)
    check_number("b1", b1, low=0.0, high=1.0, open_high=True)
    check_number("b2", b2, low=0.0, high=1.0, open_high=True)
    check_number("weight_decay", weight_decay, low=0.0)

    def rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        (m,), (learning_rate, b1, b2, weight_decay) = slots, hyper
        c = b1 * m + (1 - b1) * g
        m = b2 * m + (1 - b2) * g
        return -learning_rate * decayed(jnp.sign(c), theta, weight_decay), (m,)

    hyper = {"learning_rate": learning_rate, "b1": b1, "b2": b2, "weight_decay": weight_decay}
    return elementwise(rule, hyper, {"mu": Slot(dtype=mu_dtype)}, uses_params=True, mask=mask)
