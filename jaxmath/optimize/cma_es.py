"""CMA-ES: the evolution strategy that learns the covariance of its steps.

Equation numbers are those of N. Hansen, "The CMA Evolution Strategy: A Tutorial". ``cma_es_init``
and ``cma_es_step`` take a vector; the solver takes any pytree.

The covariance is kept as C = R K R, R = B D Bᵀ the root of the last decomposition and K what has
been learnt since, near I. (47) becomes a line about K, which is well conditioned; the singular
values of R chol(K) are the roots of C's eigenvalues, with the error of a matrix of condition √κ(C).
So float32 follows κ(C) = 10⁶, of which an eigendecomposition of C would leave nothing. Steps are
y = Rz, of the same distribution as the tutorial's BDz, so that C^(−½)y is z itself.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxmath import numerics
from jaxmath._loops import cond
from jaxmath.iterate import Solution
from jaxmath.optimize._evolve import Method, evolve, first_state, next_state
from jaxmath.optimize._population import Evaluate, Progress, first, log_ranks, ranked, record
from jaxmath.optimize._solver import donatable, solver
from jaxmath.typing import Array, PyTree, Scalar, check_precision

__all__ = ["cma_es", "cma_es_init", "cma_es_step"]


class CMAState(NamedTuple):
    """N(m, σ²C) with C = (B D Bᵀ) K (B D Bᵀ), the two paths, and the record of the search."""

    mean: Array
    sigma: Array
    path_sigma: Array
    path_c: Array
    B: Array
    D: Array
    K: Array
    progress: Progress


class _Rates(NamedTuple):
    """The constants of table 1, from n and λ."""

    weights: np.ndarray
    mu_eff: float
    c_sigma: float
    d_sigma: float
    c_c: float
    c_1: float
    c_mu: float
    chi: float
    gap: int


def _rates(n: int, size: int, active: bool) -> _Rates:
    raw = log_ranks(size, 1.0)  # (49)
    good, bad = raw[: size // 2], raw[size // 2 :]
    mu_eff = float(good.sum() ** 2 / (good**2).sum())
    mu_bad = float(bad.sum() ** 2 / (bad**2).sum()) if bad.any() else 0.0
    c_1 = 2 / ((n + 1.3) ** 2 + mu_eff)  # (57)
    c_mu = 2 * (0.25 + mu_eff + 1 / mu_eff - 2) / ((n + 2) ** 2 + mu_eff)  # (58)
    c_mu = min(1 - c_1, c_mu)
    room = min(
        1 + c_1 / c_mu,  # (50)
        1 + 2 * mu_bad / (mu_eff + 2),  # (51)
        (1 - c_1 - c_mu) / (n * c_mu),  # (52)
    )
    bad = bad * (room / -bad.sum()) if active and bad.any() else 0.0 * bad
    weights = np.concatenate([good / good.sum(), bad])  # (53)
    c_sigma = (mu_eff + 2) / (n + mu_eff + 5)  # (55)
    d_sigma = 1 + 2 * max(0.0, math.sqrt((mu_eff - 1) / (n + 1)) - 1) + c_sigma
    c_c = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n)  # (56)
    chi = math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
    gap = max(1, int(1 / (10 * n * (c_1 + c_mu))))
    return _Rates(weights, mu_eff, c_sigma, d_sigma, c_c, c_1, c_mu, chi, gap)


def _root(state: CMAState, V: Array, power: int) -> Array:
    """B D^±1 Bᵀ of each row."""
    inner = numerics.matmul(V, state.B)
    return numerics.matmul(inner * state.D[None] if power > 0 else inner / state.D[None], state.B.T)


def _decomposed(state: CMAState) -> CMAState:
    """B and D of C = R K R, and K = I; max D = 1, its scale given to σ.

    B D Vᵀ = R L with L Lᵀ = K, so that C = R L (R L)ᵀ = B D² Bᵀ.
    """
    L = jnp.linalg.cholesky(state.K)
    identity = jnp.eye(len(L), dtype=L.dtype)
    L = jnp.where(jnp.all(jnp.isfinite(L)), L, identity)
    B, D, _ = jnp.linalg.svd(_root(state, L.T, 1).T)
    scale = D[0]
    D = jnp.maximum(D / scale, 100 * float(jnp.finfo(D.dtype).eps))
    return state._replace(
        B=B, D=D, K=identity, sigma=state.sigma * scale, path_c=state.path_c / scale
    )


def _begin(evaluate: Evaluate, x: Array, sigma: Array, size: int) -> CMAState:
    check_precision("x0", x)
    zero, identity = jnp.zeros_like(x), jnp.eye(x.size, dtype=x.dtype)
    progress = first(evaluate, x, sigma, size)
    return CMAState(x, sigma, zero, zero, identity, jnp.ones_like(x), identity, progress)


def _advance(evaluate: Evaluate, state: CMAState, Z: Array, r: _Rates) -> CMAState:
    """One generation from the normal draws Z, shape (λ, n)."""
    n, generation = state.mean.size, state.progress.num_steps + 1
    Y = _root(state, Z, 1)  # (39)
    X = state.mean[None] + state.sigma * Y  # (40)
    values = evaluate(X)
    order = ranked(values)
    Y, Z = Y[order], Z[order]
    w = jnp.asarray(r.weights, X.dtype)
    up = jnp.maximum(w, 0.0)
    y, z = numerics.matmul(up, Y), numerics.matmul(up, Z)  # (41); z = C^(−½) y
    mean = state.mean + state.sigma * y  # (42)
    gain = math.sqrt(r.c_sigma * (2 - r.c_sigma) * r.mu_eff)
    path_sigma = (1 - r.c_sigma) * state.path_sigma + gain * z  # (43)
    length = numerics.safe_norm(path_sigma)
    sigma = state.sigma * jnp.exp(
        jnp.minimum(1.0, r.c_sigma / r.d_sigma * (length / r.chi - 1))
    )  # (44)
    age = jnp.sqrt(1 - (1 - r.c_sigma) ** (2 * generation.astype(X.dtype)))
    h = (length < (1.4 + 2 / (n + 1)) * r.chi * age).astype(X.dtype)
    gain = math.sqrt(r.c_c * (2 - r.c_c) * r.mu_eff)
    path_c = (1 - r.c_c) * state.path_c + h * gain * y  # (45)
    squares = jnp.sum(Z * Z, axis=1)
    w_around = jnp.where(w < 0, w * n / jnp.where(squares > 0, squares, 1.0), w)  # (46)
    kept = 1 - r.c_1 * (1 - (1 - h) * r.c_c * (2 - r.c_c)) - r.c_mu * float(r.weights.sum())
    q = _root(state, path_c[None], -1)
    rank_mu = numerics.matmul(Z.T, w_around[:, None] * Z)
    K = kept * state.K + r.c_1 * q.T * q + r.c_mu * 0.5 * (rank_mu + rank_mu.T)  # (47)
    state = CMAState(mean, sigma, path_sigma, path_c, state.B, state.D, K, state.progress)
    if r.gap == 1:
        state = _decomposed(state)
    else:
        state = cond(generation % r.gap == 0, _decomposed, lambda s: s, state)
    deviations = state.sigma * jnp.sqrt(jnp.sum((state.B * state.D[None]) ** 2, axis=1))  # σ√Cᵢᵢ
    return state._replace(progress=record(state.progress, X, values, mean, deviations))


def _method(active: bool) -> Method:
    def advance(evaluate: Evaluate, state: CMAState, Z: Array) -> CMAState:
        size, n = Z.shape
        return _advance(evaluate, state, Z, _rates(n, size, active))

    return Method(_begin, advance)


@donatable
def cma_es_init(
    fun: Callable,
    x0: Array,
    sigma: Scalar,
    args: tuple = (),
    *,
    population_size: int | None = None,
) -> CMAState:
    """The start of CMA-ES: N(x₀, σ²I).

    ::

        m = x₀,   C = I,   p_σ = p_c = 0

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      sigma: the standard deviation of the first steps.
      args: further arguments of ``fun``.
      population_size: λ, as ``cma_es_step`` will have it.

    Returns:
      A ``CMAState``.

    Numerics:
      One evaluation, f(x₀). Its status is INVALID_START where ``x0`` is not finite, or ``sigma``
      not positive or above the root of the dtype's largest number.

    Example:
      >>> print(cma_es_init(lambda x: jnp.sum(x**2), jnp.ones(2), 0.5).K)
      [[1. 0.]
       [0. 1.]]

    References:
      N. Hansen, "The CMA Evolution Strategy: A Tutorial", 2016, appendix A.
    """
    return first_state(_method(True), fun, x0, sigma, args, population_size)


def cma_es_step(
    key: Array,
    fun: Callable,
    state: CMAState,
    args: tuple = (),
    *,
    population_size: int | None = None,
    active: bool = True,
) -> CMAState:
    """One generation of CMA-ES: λ points, ranked; then m, p_σ, σ, p_c and C.

    ::

        yᵢ = BDBᵀzᵢ,   zᵢ ~ N(0, I),   xᵢ = m + σyᵢ,   f(x₁) ≤ … ≤ f(x_λ)            (39, 40)
        ⟨y⟩ = Σ_{i≤μ} wᵢyᵢ,   m⁺ = m + σ⟨y⟩                                           (41, 42)
        p_σ⁺ = (1 − c_σ) p_σ + √(c_σ(2 − c_σ)μ_eff) C^(−½)⟨y⟩                              (43)
        σ⁺ = σ exp((c_σ/d_σ)(‖p_σ⁺‖/E‖N(0,I)‖ − 1))                                       (44)
        p_c⁺ = (1 − c_c) p_c + h_σ √(c_c(2 − c_c)μ_eff) ⟨y⟩                                (45)
        C⁺ = (1 + c₁δ(h_σ) − c₁ − c_μ Σwᵢ) C + c₁ p_c⁺p_c⁺ᵀ + c_μ Σ wᵢ° yᵢyᵢᵀ              (47)

    Args:
      key: a random key.
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``CMAState`` so far.
      args: further arguments of ``fun``.
      population_size: λ; None takes 4 + ⌊3 ln n⌋.
      active: whether the worst half has negative weights in (47).

    Returns:
      The next ``CMAState``.

    Numerics:
      As ``cma_es``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> step = jax.jit(lambda key, state: cma_es_step(key, f, state))
      >>> state = step(jax.random.key(0), cma_es_init(f, jnp.ones(2), 0.5))
      >>> print(state.progress.num_fun, bool(state.progress.value < 2.0))
      7 True

    References:
      N. Hansen, "The CMA Evolution Strategy: A Tutorial", 2016, appendix A.
    """
    return next_state(_method(active), key, fun, state, args, population_size)


@solver
def cma_es(
    key: Array,
    fun: Callable,
    x0: PyTree,
    sigma: Scalar,
    args: tuple = (),
    *,
    population_size: int | None = None,
    active: bool = True,
    tol: Scalar | None = None,
    tol_x: Scalar | None = None,
    max_steps: Scalar | None = None,
) -> Solution:
    """Minimize a function of which only the order of its values is used, by CMA-ES.

    ::

        xᵢ ~ N(m, σ²C),   m⁺ = Σ_{i≤μ} wᵢ xᵢ   over the best half,   C → the shape of ∇²f⁻¹

    Args:
      key: a random key.
      fun: the objective, ``fun(x, *args)``, a real scalar; smooth or not.
      x0: the start, a pytree of floating arrays of one dtype.
      sigma: the standard deviation of the first steps, in every coordinate: a third of the distance
        within which the minimum is expected.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      population_size: λ; None takes 4 + ⌊3 ln n⌋. More is slower, and sees past more local minima.
      active: whether the worst half has negative weights in the update of C.
      tol: see Numerics; None takes eps^(2/3), 3.7e-11 in double and 2.4e-5 in single precision.
      tol_x: see Numerics; None takes 1e-12.
      max_steps: the limit on generations; None takes 100 + 150(n + 3)²/√λ.

    Returns:
      A ``Solution``: the best point evaluated, a ``Status``, the error, the count of generations
      and num_fun = 1 + λ·num_steps.

    Numerics:
      error = (max − min) / max(|best|, 1) over the values of the last generation and the best
      values of the last 10 + ⌈30n/λ⌉ (TolFun). CONVERGED where 0 < error ≤ tol, or every coordinate
      has a deviation below tol_x·sigma (TolX). STAGNATED where those values are equal to rounding
      (a flat function, among others), where no coordinate can move any more (NoEffectCoord, for all
      of them), or after 120 + ⌈30n/λ⌉ generations and a fifth of all without a better point. A NaN
      ranks last; NON_FINITE where a whole generation is NaN or +∞. UNBOUNDED where f falls below
      −eps^(−3/2)·max(|f(x₀)|, 1), or where the deviation passes the root of the dtype's largest
      number. INVALID_START as in ``cma_es_init``. Where the tutorial would end at an
      ill-conditioned C, κ(C) is held below (100 eps)⁻²: 7e9 in single, 2e27 in double precision;
      and (44) makes σ at most e times as long at once.

      Any increasing function of f gives the same points, any translation the same to rounding;
      after orthogonal maps they have the same distribution. Not differentiable. Cost: λ evaluations
      and O(λn²) a generation, and an SVD of n × n every max(1, ⌊1/(10n(c₁ + c_μ))⌋) of them, which
      is 1 up to some hundred variables. Under vmap it is computed every time, for all lanes.

    Example:
      >>> rosenbrock = lambda x: 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
      >>> s = cma_es(jax.random.key(0), rosenbrock, jnp.array([-1.2, 1.0]), 0.5)
      >>> print([f"{x:.2f}" for x in s.value], bool(s.converged))
      ['1.00', '1.00'] True

    References:
      N. Hansen, "The CMA Evolution Strategy: A Tutorial", 2016 (2023), appendices A and B.3.
      G. A. Jastrebski, D. V. Arnold, "Improving evolution strategies through active covariance
      matrix adaptation", 2006.
    """
    method = _method(active)
    return evolve(method, key, fun, x0, sigma, args, population_size, tol, tol_x, max_steps)
