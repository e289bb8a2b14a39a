"""Natural evolution strategies: xNES with a full covariance, SNES with a diagonal one.

Both follow the natural gradient of the expected utility of a normal distribution's samples, in
coordinates in which the Fisher information is I. ``x_init`` and ``x_step`` take a vector; the
solvers take any pytree.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxmath import numerics
from jaxmath.iterate import Solution
from jaxmath.optimize._evolve import Method, evolve, first_state, next_state
from jaxmath.optimize._population import Evaluate, Progress, first, ranked, record, utilities
from jaxmath.optimize._solver import donatable, solver
from jaxmath.typing import Array, PyTree, Scalar, check_precision

__all__ = ["snes", "snes_init", "snes_step", "xnes", "xnes_init", "xnes_step"]


class XNESState(NamedTuple):
    """N(m, σ²BBᵀ) with det B = 1, and the record of the search."""

    mean: Array
    sigma: Array
    B: Array
    progress: Progress


class SNESState(NamedTuple):
    """N(m, diag σ²), and the record of the search."""

    mean: Array
    sigma: Array
    progress: Progress


def _xnes_begin(evaluate: Evaluate, x: Array, sigma: Array, size: int) -> XNESState:
    check_precision("x0", x)
    return XNESState(x, sigma, jnp.eye(x.size, dtype=x.dtype), first(evaluate, x, sigma, size))


def _snes_begin(evaluate: Evaluate, x: Array, sigma: Array, size: int) -> SNESState:
    return SNESState(x, jnp.broadcast_to(sigma, x.shape), first(evaluate, x, sigma, size))


def _xnes_advance(evaluate: Evaluate, state: XNESState, S: Array) -> XNESState:
    """One generation from the normal draws S, shape (λ, n) (algorithm 1 of the paper of 2010)."""
    size, n = S.shape
    rate = (9 + 3 * math.log(n)) / (5 * n * math.sqrt(n))
    steps = state.sigma * numerics.matmul(S, state.B.T)
    X = state.mean[None] + steps
    values = evaluate(X)
    S = S[ranked(values)]
    u = jnp.asarray(utilities(size), S.dtype)
    G_delta = numerics.matmul(u, S)
    G_M = numerics.matmul(S.T, u[:, None] * S)  # Σ uₖ(sₖsₖᵀ − I), as Σ uₖ = 0
    G_sigma = jnp.trace(G_M) / n
    G_B = 0.5 * (G_M + G_M.T) - G_sigma * jnp.eye(n, dtype=S.dtype)
    mean = state.mean + state.sigma * numerics.matmul(state.B, G_delta)
    sigma = state.sigma * jnp.exp(rate / 2 * G_sigma)
    w, V = jnp.linalg.eigh(rate / 2 * G_B)
    B = numerics.matmul(state.B, numerics.matmul(V * jnp.exp(w)[None], V.T))
    deviations = sigma * jnp.sqrt(jnp.sum(B * B, axis=1))
    return XNESState(mean, sigma, B, record(state.progress, X, values, mean, deviations))


def _snes_advance(evaluate: Evaluate, state: SNESState, S: Array) -> SNESState:
    """One generation from the normal draws S, shape (λ, n)."""
    size, n = S.shape
    rate = (3 + math.log(n)) / (5 * math.sqrt(n))
    X = state.mean[None] + state.sigma[None] * S
    values = evaluate(X)
    S = S[ranked(values)]
    u = jnp.asarray(utilities(size), S.dtype)
    mean = state.mean + state.sigma * numerics.matmul(u, S)
    sigma = state.sigma * jnp.exp(rate / 2 * numerics.matmul(u, S * S - 1))
    return SNESState(mean, sigma, record(state.progress, X, values, mean, sigma))


_XNES, _SNES = Method(_xnes_begin, _xnes_advance), Method(_snes_begin, _snes_advance)


@donatable
def xnes_init(
    fun: Callable,
    x0: Array,
    sigma: Scalar,
    args: tuple = (),
    *,
    population_size: int | None = None,
) -> XNESState:
    """The start of xNES: N(x₀, σ²I).

    ::

        m = x₀,   B = I

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      sigma: the standard deviation of the first steps.
      args: further arguments of ``fun``.
      population_size: λ, as ``xnes_step`` will have it.

    Returns:
      An ``XNESState``.

    Numerics:
      As ``cma_es_init``.

    Example:
      >>> print(xnes_init(lambda x: jnp.sum(x**2), jnp.ones(2), 0.5).mean)
      [1. 1.]

    References:
      T. Glasmachers, T. Schaul, Y. Sun, D. Wierstra, J. Schmidhuber, "Exponential natural evolution
      strategies", 2010, algorithm 1.
    """
    return first_state(_XNES, fun, x0, sigma, args, population_size)


def xnes_step(
    key: Array,
    fun: Callable,
    state: XNESState,
    args: tuple = (),
    *,
    population_size: int | None = None,
) -> XNESState:
    """One generation of xNES: λ points, ranked; then m, σ and B along the natural gradient.

    ::

        xₖ = m + σBsₖ,   sₖ ~ N(0, I),   f(x₁) ≤ … ≤ f(x_λ)
        G_δ = Σ uₖsₖ,   G_M = Σ uₖ(sₖsₖᵀ − I),   G_σ = tr(G_M)/n,   G_B = G_M − G_σI
        m⁺ = m + σB G_δ,   σ⁺ = σ exp(½η G_σ),   B⁺ = B exp(½η G_B)

    Args:
      key: a random key.
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``XNESState`` so far.
      args: further arguments of ``fun``.
      population_size: λ; None takes 4 + ⌊3 ln n⌋.

    Returns:
      The next ``XNESState``.

    Numerics:
      As ``xnes``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> step = jax.jit(lambda key, state: xnes_step(key, f, state))
      >>> print(step(jax.random.key(0), xnes_init(f, jnp.ones(2), 0.5)).progress.num_fun)
      7

    References:
      T. Glasmachers, T. Schaul, Y. Sun, D. Wierstra, J. Schmidhuber, "Exponential natural evolution
      strategies", 2010, algorithm 1.
    """
    return next_state(_XNES, key, fun, state, args, population_size)


@solver
def xnes(
    key: Array,
    fun: Callable,
    x0: PyTree,
    sigma: Scalar,
    args: tuple = (),
    *,
    population_size: int | None = None,
    tol: Scalar | None = None,
    tol_x: Scalar | None = None,
    max_steps: Scalar | None = None,
) -> Solution:
    """Minimize a function by its ranks alone, by the exponential natural evolution strategy.

    ::

        x ~ N(m, σ²BBᵀ),   (m, σ, B) ← along F⁻¹∇ E[u(rank f(x))],   F the Fisher information

    Args:
      key: a random key.
      fun: the objective, ``fun(x, *args)``, a real scalar; smooth or not.
      x0: the start, a pytree of floating arrays of one dtype.
      sigma: the standard deviation of the first steps, in every coordinate.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      population_size: λ; None takes 4 + ⌊3 ln n⌋.
      tol: as in ``cma_es``.
      tol_x: as in ``cma_es``.
      max_steps: the limit on generations; None takes 100 + 150(n + 3)²/√λ.

    Returns:
      A ``Solution``, as ``cma_es``.

    Numerics:
      Error, tolerances, statuses and invariances as in ``cma_es``; BBᵀ is never formed, so that
      single precision holds a condition of 10⁶. The rates are the paper's: 1 for m,
      η = (9 + 3 ln n)/(5n√n) for σ and B. Without evolution paths it takes more evaluations than
      ``cma_es``. Not differentiable. Cost: λ evaluations, an eigendecomposition of n × n and
      O(λn²) a generation.

    Example:
      >>> f = lambda x: (x[0] - 1.0) ** 2 + 10.0 * (x[1] + x[0]) ** 2
      >>> s = xnes(jax.random.key(0), f, jnp.zeros(2), 0.5)
      >>> print([f"{x:.2f}" for x in s.value], bool(s.converged))
      ['1.00', '-1.00'] True

    References:
      T. Glasmachers, T. Schaul, Y. Sun, D. Wierstra, J. Schmidhuber, "Exponential natural evolution
      strategies", 2010, algorithm 1.
    """
    return evolve(_XNES, key, fun, x0, sigma, args, population_size, tol, tol_x, max_steps)


@donatable
def snes_init(
    fun: Callable,
    x0: Array,
    sigma: Scalar,
    args: tuple = (),
    *,
    population_size: int | None = None,
) -> SNESState:
    """The start of SNES: N(x₀, σ²I).

    ::

        m = x₀,   σⱼ = σ

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      sigma: the standard deviation of the first steps.
      args: further arguments of ``fun``.
      population_size: λ, as ``snes_step`` will have it.

    Returns:
      An ``SNESState``.

    Numerics:
      As ``cma_es_init``.

    Example:
      >>> print(snes_init(lambda x: jnp.sum(x**2), jnp.ones(2), 0.5).sigma)
      [0.5 0.5]

    References:
      T. Schaul, T. Glasmachers, J. Schmidhuber, "High dimensions and heavy tails for natural
      evolution strategies", 2011, algorithm 2.
    """
    return first_state(_SNES, fun, x0, sigma, args, population_size)


def snes_step(
    key: Array,
    fun: Callable,
    state: SNESState,
    args: tuple = (),
    *,
    population_size: int | None = None,
) -> SNESState:
    """One generation of SNES: λ points, ranked; then m and every σⱼ along the natural gradient.

    ::

        xₖ = m + σ⊙sₖ,   sₖ ~ N(0, I),   f(x₁) ≤ … ≤ f(x_λ)
        m⁺ = m + σ⊙Σ uₖsₖ,   σ⁺ = σ⊙exp(½η Σ uₖ(sₖ² − 1))

    Args:
      key: a random key.
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``SNESState`` so far.
      args: further arguments of ``fun``.
      population_size: λ; None takes 4 + ⌊3 ln n⌋.

    Returns:
      The next ``SNESState``.

    Numerics:
      As ``snes``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> step = jax.jit(lambda key, state: snes_step(key, f, state))
      >>> print(step(jax.random.key(0), snes_init(f, jnp.ones(2), 0.5)).progress.num_fun)
      7

    References:
      T. Schaul, T. Glasmachers, J. Schmidhuber, "High dimensions and heavy tails for natural
      evolution strategies", 2011, algorithm 2.
    """
    return next_state(_SNES, key, fun, state, args, population_size)


@solver
def snes(
    key: Array,
    fun: Callable,
    x0: PyTree,
    sigma: Scalar,
    args: tuple = (),
    *,
    population_size: int | None = None,
    tol: Scalar | None = None,
    tol_x: Scalar | None = None,
    max_steps: Scalar | None = None,
) -> Solution:
    """Minimize a function of many variables by the separable natural evolution strategy.

    ::

        x ~ N(m, diag σ²),   (m, σ) ← along F⁻¹∇ E[u(rank f(x))],   F the Fisher information

    Args:
      key: a random key.
      fun: the objective, ``fun(x, *args)``, a real scalar; smooth or not.
      x0: the start, a pytree of floating arrays of one dtype.
      sigma: the standard deviation of the first steps, in every coordinate.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      population_size: λ; None takes 4 + ⌊3 ln n⌋.
      tol: as in ``cma_es``.
      tol_x: as in ``cma_es``.
      max_steps: the limit on generations; None takes 100 + 150(n + 3)²/√λ.

    Returns:
      A ``Solution``, as ``cma_es``.

    Numerics:
      Error, tolerances, statuses and invariances as in ``cma_es``, but for rotations: it learns the
      scale of each coordinate, and no correlation. The rates are the paper's: 1 for m,
      η = (3 + ln n)/(5√n) for σ. Not differentiable. Cost: λ evaluations and O(λn) a generation, so
      that thousands of variables are in reach.

    Example:
      >>> s = snes(jax.random.key(0), lambda x: jnp.sum((x - 1.0) ** 2), jnp.zeros(2), 0.5)
      >>> print([f"{x:.2f}" for x in s.value], bool(s.converged))
      ['1.00', '1.00'] True

    References:
      T. Schaul, T. Glasmachers, J. Schmidhuber, "High dimensions and heavy tails for natural
      evolution strategies", 2011, algorithm 2.
    """
    return evolve(_SNES, key, fun, x0, sigma, args, population_size, tol, tol_x, max_steps)
