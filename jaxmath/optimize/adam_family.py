"""Adam and its kin: adaptive steps with momentum, as optax optimizers.

Every hyper-parameter may be a traced scalar, so a sweep of learning rates is one ``jax.vmap`` over
a function that builds the optimizer; a number outside the range that the docstring gives is refused
with a ValueError. ``update`` returns what ``optax.apply_updates`` adds.

In all of them a bfloat16 or float16 leaf is computed, and its moments are kept, in float32, with
one rounding of the update at the end: in bfloat16 the default b2 = 0.999 rounds to 1 and 1 − b2 to
0.001, so that a second moment kept there, as optax keeps it, never forgets.
"""

import jax
import jax.numpy as jnp
import optax
from jax.typing import DTypeLike

from jaxmath.numerics import safe_divide, safe_sqrt
from jaxmath.optimize._elementwise import (
    Arrays,
    Mask,
    Slot,
    Step,
    abs_squared,
    decayed,
    elementwise,
)
from jaxmath.typing import Array, Scalar, check_number

__all__ = ["adam", "adamax", "adamw", "amsgrad", "nadam"]


def _normalized(m: Array, v: Array, eps: Array, eps_root: Array) -> Array:
    """m / (√(v + ε̄) + ε), and 0 where that is 0/0."""
    return safe_divide(m, safe_sqrt(v + eps_root) + eps)


def _check_start(schedule: optax.Schedule) -> None:
    with jax.numpy_dtype_promotion("standard"):
        start = schedule(jnp.zeros((), jnp.int32))
    if not isinstance(start, jax.core.Tracer) and float(start) == 0.0:
        raise ValueError(
            "adamw: argument `learning_rate` starts at 0, so the schedule multiplier "
            "learning_rate(t) / learning_rate(0) is undefined; pass ηₜλ as `weight_decay`"
        )


def adam(
    learning_rate: optax.ScalarOrSchedule,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    eps_root: Scalar = 0.0,
    mu_dtype: DTypeLike | None = None,
) -> optax.GradientTransformation:
    """Adam: the mean gradient over the root of the mean square, both corrected for their start.

    ::

        mₜ = β₁ mₜ₋₁ + (1 − β₁) gₜ,     m̂ₜ = mₜ / (1 − β₁ᵗ)
        vₜ = β₂ vₜ₋₁ + (1 − β₂) gₜ²,    v̂ₜ = vₜ / (1 − β₂ᵗ)
        θₜ₊₁ = θₜ − αₜ m̂ₜ / (√(v̂ₜ + ε̄) + ε)

    Departures from the paper: none at the default ε̄ = 0.

    Args:
      learning_rate: α ≥ 0, a number, a traced scalar, or an optax schedule of the 0-based count.
      b1: β₁ in [0, 1).
      b2: β₂ in [0, 1).
      eps: ε ≥ 0, outside the root, in units of the gradient.
      eps_root: ε̄ ≥ 0, under the root, in squared units of the gradient.
      mu_dtype: dtype that stores m for real leaves; None for the parameter's, float32 at least.

    Returns:
      The optimizer; its state holds m as ``slots["mu"]`` and v as ``slots["nu"]``.

    Numerics:
      A bfloat16 or float16 leaf is computed in float32, see the module. In float32 1 − β₂ᵗ has a
      relative error up to 10⁻⁵ in the first steps, as in optax. Singular set {v̂ₜ + ε̄ = 0}: update
      0, also for ε = 0, and its derivative in gₜ is finite for ε > 0. Cost: two accumulators.

    Example:
      >>> optimizer, params = adam(0.1), jnp.array([1.0, -2.0])
      >>> updates, state = optimizer.update(params, optimizer.init(params))
      >>> " ".join(f"{u:.4f}" for u in updates)
      '-0.1000 0.1000'

    References:
      Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 1.
    """
    check_number("learning_rate", learning_rate, low=0.0)
    check_number("b1", b1, low=0.0, high=1.0, open_high=True)
    check_number("b2", b2, low=0.0, high=1.0, open_high=True)
    check_number("eps", eps, low=0.0)
    check_number("eps_root", eps_root, low=0.0)

    def rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        (m, v), (learning_rate, b1, b2, eps, eps_root) = slots, hyper
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * abs_squared(g)
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        return -learning_rate * _normalized(m_hat, v_hat, eps, eps_root), (m, v)

    hyper = {"learning_rate": learning_rate, "b1": b1, "b2": b2, "eps": eps, "eps_root": eps_root}
    slots = {"mu": Slot(dtype=mu_dtype), "nu": Slot(real=True)}
    return elementwise(rule, hyper, slots, uses_step=True)


def adamw(
    learning_rate: optax.ScalarOrSchedule,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    eps_root: Scalar = 0.0,
    mu_dtype: DTypeLike | None = None,
    weight_decay: optax.ScalarOrSchedule = 1e-4,
    mask: Mask | None = None,
    *,
    independent_weight_decay: bool = False,
) -> optax.GradientTransformation:
    """Adam with weight decay decoupled from the gradient.

    ::

        θₜ₊₁ = θₜ − αₜ (m̂ₜ / (√(v̂ₜ + ε̄) + ε) + λ θₜ)

    with Adam's m̂ₜ and v̂ₜ. Departure from the paper: there the decay is multiplied by the schedule
    multiplier ηₜ alone, not by the learning rate αₜ = α ηₜ, so that tuning α leaves it unchanged.
    ``independent_weight_decay=True`` computes that form::

        θₜ₊₁ = θₜ − αₜ m̂ₜ / (√(v̂ₜ + ε̄) + ε) − ηₜ λ θₜ

    where ηₜ is 1 for a constant learning rate and learning_rate(t) / learning_rate(0) for a
    schedule; with ``weight_decay`` a schedule itself, its value is ηₜλ.

    Args:
      learning_rate: α ≥ 0, a number, a traced scalar, or an optax schedule of the 0-based count.
      b1: β₁ in [0, 1).
      b2: β₂ in [0, 1).
      eps: ε ≥ 0, outside the root, in units of the gradient.
      eps_root: ε̄ ≥ 0, under the root, in squared units of the gradient.
      mu_dtype: dtype that stores m for real leaves; None for the parameter's, float32 at least.
      weight_decay: λ ≥ 0, a number, a traced scalar, or a schedule.
      mask: booleans, a prefix of the parameters' tree or a function of the parameters that returns
        one: True where the weight decay applies. None for everywhere.
      independent_weight_decay: multiply λ by ηₜ instead of αₜ.

    Returns:
      The optimizer; its state holds m as ``slots["mu"]`` and v as ``slots["nu"]``. ``update``
      needs ``params``.

    Raises:
      ValueError: ``update`` came without ``params``, or the independent decay is to follow a
        schedule that starts at 0.

    Numerics:
      As ``adam``; the decay is added before the one rounding of the update. Under
      ``optax.inject_hyperparams`` a schedule arrives as a number, so ηₜ = 1.

    Example:
      >>> optimizer, params = adamw(0.1, weight_decay=0.5), jnp.array([1.0, -2.0])
      >>> updates, state = optimizer.update(params, optimizer.init(params), params)
      >>> " ".join(f"{u:.4f}" for u in updates)
      '-0.1500 0.2000'

    References:
      Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, Algorithm 2.
    """
    check_number("learning_rate", learning_rate, low=0.0)
    check_number("b1", b1, low=0.0, high=1.0, open_high=True)
    check_number("b2", b2, low=0.0, high=1.0, open_high=True)
    check_number("eps", eps, low=0.0)
    check_number("eps_root", eps_root, low=0.0)
    check_number("weight_decay", weight_decay, low=0.0)
    follows_schedule = callable(learning_rate) and not callable(weight_decay)
    hyper = {"learning_rate": learning_rate, "b1": b1, "b2": b2, "eps": eps, "eps_root": eps_root}
    hyper["weight_decay"] = weight_decay
    if independent_weight_decay and follows_schedule:
        _check_start(learning_rate)
        hyper["start"] = lambda count: learning_rate(jnp.zeros_like(count))

    def rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        m, v = slots
        learning_rate, b1, b2, eps, eps_root, weight_decay, *start = hyper
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * abs_squared(g)
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        direction = _normalized(m_hat, v_hat, eps, eps_root)
        if not independent_weight_decay:
            return -learning_rate * decayed(direction, theta, weight_decay), (m, v)
        eta = learning_rate / start[0] if start else 1.0
        return -decayed(learning_rate * direction, theta, eta * weight_decay), (m, v)

    slots = {"mu": Slot(dtype=mu_dtype), "nu": Slot(real=True)}
    return elementwise(rule, hyper, slots, uses_step=True, uses_params=True, mask=mask)


def amsgrad(
    learning_rate: optax.ScalarOrSchedule,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    eps_root: Scalar = 0.0,
    mu_dtype: DTypeLike | None = None,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
) -> optax.GradientTransformation:
    """AMSGrad: Adam whose second moment never decreases.

    ::

        mₜ, m̂ₜ, vₜ as Adam's
        v̂ₜ = max(v̂ₜ₋₁, vₜ / (1 − β₂ᵗ))
        θₜ₊₁ = θₜ − αₜ m̂ₜ / (√(v̂ₜ + ε̄) + ε)

    Departures from the paper, whose step is αₜ mₜ / √v̂ₜ with v̂ₜ = max(v̂ₜ₋₁, vₜ): the maximum is of
    bias-corrected second moments, m is corrected too, and there is ε, as in optax.
    ``eps=0.0, bias_correction_mu=False, bias_correction_nu=False`` is the paper's form.

    Args:
      learning_rate: α ≥ 0, a number, a traced scalar, or an optax schedule of the 0-based count.
      b1: β₁ in [0, 1).
      b2: β₂ in [0, 1).
      eps: ε ≥ 0, outside the root, in units of the gradient.
      eps_root: ε̄ ≥ 0, under the root, in squared units of the gradient.
      mu_dtype: dtype that stores m for real leaves; None for the parameter's, float32 at least.
      bias_correction_mu: divide m by 1 − β₁ᵗ.
      bias_correction_nu: divide v by 1 − β₂ᵗ before the maximum.

    Returns:
      The optimizer; its state holds m, v and v̂ as ``slots["mu"]``, ``["nu"]`` and ``["nu_max"]``.

    Numerics:
      As ``adam``, and update 0 where v̂ₜ + ε̄ = 0, also for ε = 0. Cost: three accumulators.

    Example:
      >>> optimizer, params = amsgrad(0.1), jnp.array([1.0, -2.0])
      >>> updates, state = optimizer.update(params, optimizer.init(params))
      >>> updates, state = optimizer.update(0 * params, state)
      >>> " ".join(f"{u:.4f}" for u in updates)
      '-0.0474 0.0474'

    References:
      Reddi, Kale and Kumar, "On the Convergence of Adam and Beyond", 2018, Algorithm 2.
    """
    check_number("learning_rate", learning_rate, low=0.0)
    check_number("b1", b1, low=0.0, high=1.0, open_high=True)
    check_number("b2", b2, low=0.0, high=1.0, open_high=True)
    check_number("eps", eps, low=0.0)
    check_number("eps_root", eps_root, low=0.0)

    def rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        (m, v, v_max), (learning_rate, b1, b2, eps, eps_root) = slots, hyper
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * abs_squared(g)
        m_hat = m / (1 - b1**t) if bias_correction_mu else m
        v_max = jnp.maximum(v_max, v / (1 - b2**t) if bias_correction_nu else v)
        return -learning_rate * _normalized(m_hat, v_max, eps, eps_root), (m, v, v_max)

    hyper = {"learning_rate": learning_rate, "b1": b1, "b2": b2, "eps": eps, "eps_root": eps_root}
    slots = {"mu": Slot(dtype=mu_dtype), "nu": Slot(real=True), "nu_max": Slot(real=True)}
    uses_step = bias_correction_mu or bias_correction_nu
    return elementwise(rule, hyper, slots, uses_step=uses_step)


def adamax(
    learning_rate: optax.ScalarOrSchedule,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
) -> optax.GradientTransformation:
    """AdaMax: Adam with the running maximum of |g| in the place of the root mean square.

    ::

        mₜ = β₁ mₜ₋₁ + (1 − β₁) gₜ
        vₜ = max(β₂ vₜ₋₁, |gₜ| + ε)
        θₜ₊₁ = θₜ − αₜ / (1 − β₁ᵗ) · mₜ / vₜ

    Departure from the paper: it has no ε; optax adds it to |gₜ| inside the maximum. ``eps=0.0`` is
    the paper's form, with 0 for its 0/0 where no gradient has come yet.

    Args:
      learning_rate: α ≥ 0, a number, a traced scalar, or an optax schedule of the 0-based count.
      b1: β₁ in [0, 1).
      b2: β₂ in [0, 1).
      eps: ε ≥ 0, added to |gₜ|, in units of the gradient.

    Returns:
      The optimizer; its state holds m as ``slots["mu"]`` and v as ``slots["nu"]``.

    Numerics:
      A bfloat16 or float16 leaf is computed in float32, see the module. Singular set {vₜ = 0}:
      update 0. Cost: two accumulators, no root.

    Example:
      >>> optimizer, params = adamax(0.1), jnp.array([1.0, -2.0])
      >>> updates, state = optimizer.update(params, optimizer.init(params))
      >>> " ".join(f"{u:.4f}" for u in updates)
      '-0.1000 0.1000'

    References:
      Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 2.
    """
    check_number("learning_rate", learning_rate, low=0.0)
    check_number("b1", b1, low=0.0, high=1.0, open_high=True)
    check_number("b2", b2, low=0.0, high=1.0, open_high=True)
    check_number("eps", eps, low=0.0)

    def rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        (m, v), (learning_rate, b1, b2, eps) = slots, hyper
        m = b1 * m + (1 - b1) * g
        v = jnp.maximum(b2 * v, jnp.abs(g) + eps)
        positive = jnp.maximum(v, float(jnp.finfo(v.dtype).tiny))  # v = 0 only where m = 0
        return -learning_rate * (m / (1 - b1**t) / positive), (m, v)

    hyper = {"learning_rate": learning_rate, "b1": b1, "b2": b2, "eps": eps}
    return elementwise(rule, hyper, {"mu": Slot(), "nu": Slot(real=True)}, uses_step=True)


def nadam(
    learning_rate: optax.ScalarOrSchedule,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    eps_root: Scalar = 0.0,
    mu_dtype: DTypeLike | None = None,
    *,
    dozat: bool = False,
) -> optax.GradientTransformation:
    """Nadam: Adam with Nesterov's look-ahead in its first moment.

    ::

        m̂ₜ = β₁ mₜ / (1 − β₁ᵗ⁺¹) + (1 − β₁) gₜ / (1 − β₁ᵗ)
        θₜ₊₁ = θₜ − αₜ m̂ₜ / (√(v̂ₜ + ε̄) + ε)

    with Adam's mₜ and v̂ₜ = vₜ / (1 − β₂ᵗ). Departures from the paper, as in optax: its factor β₂
    in v̂ₜ = β₂ vₜ / (1 − β₂ᵗ) is dropped, and its momentum schedule is constant. ``dozat=True``
    computes the paper's form, with the schedule of its author's report::

        μₜ = β₁ (1 − ½ · 0.96^(t/250))
        mₜ = μₜ mₜ₋₁ + (1 − μₜ) gₜ
        m̂ₜ = μₜ₊₁ mₜ / (1 − ∏ᵢ₌₁ᵗ⁺¹ μᵢ) + (1 − μₜ) gₜ / (1 − ∏ᵢ₌₁ᵗ μᵢ)

    Args:
      learning_rate: α ≥ 0, a number, a traced scalar, or an optax schedule of the 0-based count.
      b1: β₁ in [0, 1); with ``dozat`` the limit of μₜ, 0.99 in the report.
      b2: β₂ in [0, 1).
      eps: ε ≥ 0, outside the root, in units of the gradient.
      eps_root: ε̄ ≥ 0, under the root, in squared units of the gradient.
      mu_dtype: dtype that stores m for real leaves; None for the parameter's, float32 at least.
      dozat: the paper's factor β₂ and momentum schedule.

    Returns:
      The optimizer; its state holds m as ``slots["mu"]``, v as ``slots["nu"]`` and, with
      ``dozat``, ∏μᵢ as the scalars ``slots["product"]``.

    Numerics:
      As ``adam``, and update 0 where v̂ₜ + ε̄ = 0, also for ε = 0. Cost: two accumulators.

    Example:
      >>> optimizer, params = nadam(0.1), jnp.array([1.0, -2.0])
      >>> updates, state = optimizer.update(params, optimizer.init(params))
      >>> " ".join(f"{u:.4f}" for u in updates)
      '-0.1474 0.1474'

    References:
      Dozat, "Incorporating Nesterov Momentum into Adam", 2016, Algorithm 2.
    """
    check_number("learning_rate", learning_rate, low=0.0)
    check_number("b1", b1, low=0.0, high=1.0, open_high=True)
    check_number("b2", b2, low=0.0, high=1.0, open_high=True)
    check_number("eps", eps, low=0.0)
    check_number("eps_root", eps_root, low=0.0)

    def rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        (m, v), (learning_rate, b1, b2, eps, eps_root) = slots, hyper
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * abs_squared(g)
        m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        return -learning_rate * _normalized(m_hat, v_hat, eps, eps_root), (m, v)

    def dozat_rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        (m, v, product), (learning_rate, b1, b2, eps, eps_root) = slots, hyper
        mu = b1 * (1 - 0.5 * 0.96 ** (t / 250))
        mu_next = b1 * (1 - 0.5 * 0.96 ** ((t + 1) / 250))
        product = product * mu
        m = mu * m + (1 - mu) * g
        v = b2 * v + (1 - b2) * abs_squared(g)
        m_hat = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product)
        v_hat = b2 * v / (1 - b2**t)
        return -learning_rate * _normalized(m_hat, v_hat, eps, eps_root), (m, v, product)

    hyper = {"learning_rate": learning_rate, "b1": b1, "b2": b2, "eps": eps, "eps_root": eps_root}
    slots = {"mu": Slot(dtype=mu_dtype), "nu": Slot(real=True)}
    if dozat:
        slots["product"] = Slot(init=1.0, real=True, scalar=True)
        return elementwise(dozat_rule, hyper, slots, uses_step=True)
    return elementwise(rule, hyper, slots, uses_step=True)
