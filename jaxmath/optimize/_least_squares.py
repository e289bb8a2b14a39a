"""What the nonlinear least-squares methods share: the problem, its linear model, its measure."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxmath._extrema import max_of
from jaxmath._loops import while_loop
from jaxmath.iterate import Status
from jaxmath.linalg import svd
from jaxmath.numerics import einsum, matmul, safe_norm
from jaxmath.optimize._solver import as_point, as_tuple, check_callable, or_one
from jaxmath.typing import Array, PyTree, Scalar, check_number, check_precision

__all__: list[str] = []


class Problem(NamedTuple):
    """A least-squares problem on vectors: the point, its pytree, r(x) and its Jacobian."""

    x: Array
    back: Callable[[Array], PyTree]
    residual: Callable[[Array], Array]
    jacobian: Callable[[Array], Array]


def _problem(residual_fn: Callable, x0: PyTree, args: Any) -> Problem:
    check_callable("residual_fn", residual_fn)
    x, back = as_point("x0", x0)
    check_precision("x0", x)

    def residual(x: Array) -> Array:
        leaves = jax.tree.leaves(residual_fn(back(x), *as_tuple(args)))
        leaves = [jnp.asarray(leaf) for leaf in leaves]
        if sum(leaf.size for leaf in leaves) == 0:
            raise ValueError("argument `residual_fn` must return at least 1 residual")
        if any(not jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in leaves):
            dtypes = ", ".join(sorted({str(leaf.dtype) for leaf in leaves}))
            raise TypeError(f"argument `residual_fn` must return real numbers, got {dtypes}")
        return ravel_pytree([leaf.astype(x.dtype) for leaf in leaves])[0]

    m = jax.eval_shape(residual, x).shape[0]
    return Problem(x, back, residual, (jax.jacrev if m < x.size else jax.jacfwd)(residual))


def _tolerances(
    ftol: Scalar | None, xtol: Scalar | None, gtol: Scalar | None, dtype: Any
) -> tuple[Array, Array, Array]:
    """All three as arrays, eps^⅔ for None: √eps would stop in the middle of a valley in float32."""
    return (
        _tolerance("ftol", ftol, dtype),
        _tolerance("xtol", xtol, dtype),
        _tolerance("gtol", gtol, dtype),
    )


def _tolerance(
    name: str, value: Scalar | None, dtype: Any, power: float = 2 / 3, factor: float = 1.0
) -> Array:
    """The tolerance as an array, factor·eps^power for None."""
    check_number(name, 0.0 if value is None else value, low=0.0)
    chosen = factor * float(jnp.finfo(dtype).eps) ** power if value is None else value
    return jnp.asarray(chosen, dtype)


def column_norms(J: Array) -> Array:
    """The length of each column."""
    return jax.vmap(safe_norm, in_axes=1)(J)


def gradient_measure(J: Array, r: Array, x: Array) -> Array:
    """maxⱼ |Jⱼᵀr|/(‖Jⱼ‖‖r‖), the largest cosine; 0 where ‖r‖ ≤ eps·‖(‖Jⱼ‖xⱼ)ⱼ‖, its noise."""
    lengths, norm = column_norms(J), safe_norm(r)
    unit = r / jnp.where(norm > 0, norm, 1.0)
    cosines = jnp.abs(einsum("ij,i->j", J / or_one(lengths)[None, :], unit))
    noise = float(jnp.finfo(x.dtype).eps) * safe_norm(lengths * x)
    return jnp.where((norm <= noise) & jnp.isfinite(noise), 0.0, max_of(cosines))


def trial_status(
    state: Any, size: Array, tols: tuple[Array, Array, Array], patient: bool = False
) -> Array:
    """The status after a trial whose size counts relative to ‖D x‖; MINPACK's three tests.

    Patient: a reduction below eps is no end by itself.
    """
    (ftol, xtol, gtol), eps = tols, float(jnp.finfo(state.error.dtype).eps)
    length = safe_norm(state.scale * as_point("x", state.x)[0])

    def ended(ftol: Scalar, xtol: Scalar) -> Array:
        change = jnp.maximum(jnp.abs(state.actual), state.predicted)
        same = (change <= ftol) & (state.actual <= 2.0 * state.predicted)
        return same | (size <= xtol * length)

    still = ended(-1.0 if patient else eps, eps)
    status = jnp.where(still, Status.STAGNATED, Status.RUNNING)
    # A region that failures have made small tells of no solution, unless there is nothing to gain:
    # along one variable the linear model reduces ‖r‖² by the square of the error.
    good = (state.actual > 0) | (state.error * state.error <= ftol)
    verdict = jnp.where(good, Status.CONVERGED, Status.STAGNATED)
    status = jnp.where(ended(ftol, xtol), verdict, status)
    status = jnp.where((status >= 0) & ~state.finite, Status.NON_FINITE, status)
    status = jnp.where(state.error <= gtol, Status.CONVERGED, status)
    return jnp.where(jnp.isfinite(state.error), status, Status.NON_FINITE)


class LinearModel(NamedTuple):
    """r + J p as coordinates: J = U diag(s) Vh and c = Uᵀr; an s at the noise of s₁ is 0."""

    s: Array
    Vh: Array
    c: Array


def linear_model(J: Array, r: Array) -> LinearModel:
    """The model by QR, then the SVD of R: the condition is not squared."""
    noise = max(J.shape) * float(jnp.finfo(J.dtype).eps)
    if J.shape[0] > J.shape[1]:
        Q, J = jnp.linalg.qr(J)
        r = einsum("ij,i->j", Q, r)
    U, s, Vh = svd(J)
    return LinearModel(jnp.where(s > noise * s[0], s, 0.0), Vh, einsum("ij,i->j", U, r))


def damped(model: LinearModel, damping: Array) -> Array:
    """The minimizer of ‖r + J p‖² + λ‖p‖² in the coordinates Vh p: −sᵢcᵢ/(sᵢ² + λ)."""
    s = or_one(model.s)
    return jnp.where(model.s > 0, -model.c / (s + damping / s), 0.0)


def damped_step(model: LinearModel, radius: Array, damping: Array) -> tuple[Array, Array]:
    """The step of least ‖r + J p‖ with ‖p‖ ≈ Δ in coordinates, and its λ (0 inside the region).

    Newton's method on 1/‖p(λ)‖ = 1/Δ, at most 10 steps to |‖p‖ − Δ| ≤ Δ/10 (Moré, 1978, section
    5): λ ← λ + ((‖p‖ − Δ)/Δ)/Σᵢ(p̂ᵢ²/(sᵢ² + λ)), p̂ = p/‖p‖. As 1/‖p‖ is concave in λ, every
    iterate is a lower bound of the root, the one from λ = 0 among them.
    """
    full, zero = damped(model, jnp.zeros_like(radius)), jnp.zeros_like(radius)
    inside = safe_norm(full) <= 1.1 * radius

    def newton(damping: Array) -> tuple[Array, Array]:
        p = damped(model, damping)
        size = safe_norm(p)
        shares = (p / or_one(size)) ** 2 / (or_one(model.s) ** 2 + damping)
        return size, (size - radius) / radius / or_one(jnp.sum(shares))

    def running(carry: tuple) -> Array:
        _, size, _, count = carry
        return (jnp.abs(size - radius) > 0.1 * radius) & (count < 10) & ~inside

    def advance(carry: tuple) -> tuple:
        damping, _, correction, count = carry
        damping = jnp.maximum(lower, damping + correction)
        return damping, *newton(damping), count + 1

    lower, slope = jnp.maximum(newton(zero)[1], 0.0), safe_norm(model.s * model.c)
    guess = jnp.where(damping > 0, damping, slope / or_one(safe_norm(full)))
    guess = jnp.maximum(jnp.minimum(guess, slope / radius), lower)
    found = while_loop(running, advance, (guess, *newton(guess), jnp.int32(0)))[0]
    damping = jnp.where(inside, 0.0, found)
    return damped(model, damping), damping


def to_space(model: LinearModel, coordinates: Array) -> Array:
    """The step of these coordinates: Vhᵀ q."""
    return matmul(coordinates, model.Vh)
