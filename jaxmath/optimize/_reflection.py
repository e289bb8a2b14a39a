"""The model of Coleman and Li, and steps within bounds: cut, reflected, steepest descent."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmath._extrema import max_of
from jaxmath.numerics import dot, einsum, safe_norm
from jaxmath.optimize._box import Box, distance, strides
from jaxmath.optimize._least_squares import LinearModel, column_norms, linear_model
from jaxmath.optimize._solver import or_one
from jaxmath.typing import Array

__all__: list[str] = []

_BESIDE = 1e-4  # the share of a residual's terms that a variable beside its bound may change


class Quadratic(NamedTuple):
    """ψ(q) = ½‖J q‖² + ½qᵀCq + gᵀq, with p = d∘q the step of x."""

    J: Array
    g: Array
    C: Array
    d: Array


def transposed(J: Array, r: Array) -> Array:
    """Jᵀr."""
    return einsum("ij,i->j", J, r)


def optimality(x: Array, r: Array, J: Array, box: Box) -> Array:
    """maxⱼ |gⱼ| min(‖r‖/‖Jⱼ‖, distance)/‖r‖², and 0 where r is at its noise."""
    lengths, norm = column_norms(J), safe_norm(r)
    cosines = transposed(J / or_one(lengths)[None, :], r / or_one(norm))
    reach = jnp.where(cosines == 0, 0.0, distance(x, cosines, box))
    share = jnp.minimum(reach * lengths / or_one(norm), 1.0)
    noise = float(jnp.finfo(x.dtype).eps) * safe_norm(lengths * x)
    return jnp.where((norm <= noise) & jnp.isfinite(noise), 0.0, max_of(jnp.abs(cosines) * share))


def beside(way: Array, x: Array, r: Array, J: Array, share: float) -> Array:
    """Whether going the way changes each rᵢ by no more than a share of its terms, |rᵢ| + |Jᵢ|·|x|.

    Never where a variable has no effect at all.
    """
    J = jnp.abs(J)
    terms = jnp.abs(r) + einsum("ij,j->i", J, jnp.abs(x))
    bounded = jnp.isfinite(way) & jnp.any(J > 0, axis=0)
    effect = J * jnp.where(bounded, way, 0.0)[None, :]
    return bounded & jnp.all(effect <= share * terms[:, None], axis=0)


def quadratic_model(x: Array, r: Array, J: Array, scale: Array, box: Box) -> Quadratic:
    """The model ½‖J d q‖² + ½qᵀCq + (d g)ᵀq in the scaled variables q = p/d, d = √v/D.

    r and J are over ‖r(x₀)‖, which keeps the squares in the range; 1 is the distance to no bound.
    C is |g|, which ends the steps at the bounds; but 0 for a variable beside its bound whose own
    step −gⱼ/‖Jⱼ‖² ends before it: the multiplier may be 0 there, and C would halve every step.
    """
    D = or_one(scale)
    g = transposed(J / D[None, :], r)
    reach = distance(x, g, box) * D
    bounded = jnp.isfinite(reach)
    v = jnp.where(bounded, reach, 1.0)
    d = jnp.sqrt(jnp.where(box.lower < box.upper, v, 0.0))
    short = reach * column_norms(J / D[None, :]) ** 2 >= jnp.abs(g)
    near = beside(distance(x, g, box), x, r, J, _BESIDE)
    C = jnp.where(bounded & ~(near & short), jnp.abs(g), 0.0)
    return Quadratic(J * (d / D)[None, :], d * g, C, d / D)


def linear_part(quadratic: Quadratic, r: Array) -> LinearModel:
    """The linear model of [J d; √C] and [r; 0]."""
    rows = jnp.concatenate([quadratic.J, jnp.diag(jnp.sqrt(quadratic.C))])
    return linear_model(rows, jnp.concatenate([r, jnp.zeros_like(quadratic.g)]))


def into(x: Array, box: Box) -> Array:
    """x moved inside by √eps of the interval, or of max(1, |bound|) where there is one bound."""
    width, eps = box.upper - box.lower, float(jnp.finfo(x.dtype).eps)

    def margin(bound: Array) -> Array:
        near = jnp.maximum(jnp.abs(jnp.where(jnp.isfinite(bound), bound, 0.0)), 1.0)
        return eps**0.5 * jnp.where(jnp.isfinite(width), width, near)

    # The margin may be less than the spacing of the numbers there.
    return inside(jnp.clip(x, box.lower + margin(box.lower), box.upper - margin(box.upper)), box)


def inside(x: Array, box: Box) -> Array:
    """x at least one unit in the last place inside the bounds; the bound where both are equal."""
    low = jnp.nextafter(box.lower, jnp.full_like(x, jnp.inf))
    high = jnp.nextafter(box.upper, jnp.full_like(x, -jnp.inf))
    return jnp.where(low <= high, jnp.clip(x, low, high), box.lower)


def arrived(x: Array, g: Array, trial: Array, r: Array, J: Array, box: Box) -> Array:
    """The trial, on the bound where it went nine tenths of the way that −g leads there.

    And where the rest of the way is rounding in every residual, whatever g says.
    """
    before, after = distance(x, g, box), distance(jnp.clip(trial, *box), g, box)
    meets = (after <= 0.1 * before) & jnp.isfinite(before)
    trial = jnp.where(meets, jnp.where(g < 0, box.upper, box.lower), inside(trial, box))
    at = lambda way: beside(way, trial, r, J, 4.0 * float(jnp.finfo(x.dtype).eps))
    return jnp.where(at(box.upper - trial), box.upper,
                     jnp.where(at(trial - box.lower), box.lower, trial))  # fmt: skip


def _to_bound(x: Array, p: Array, box: Box) -> tuple[Array, Array]:
    """The largest t with x + t p in the box, and which variables it brings to a bound."""
    each = strides(x, p, box)
    t = jnp.min(each)
    return t, (each == t) & (p != 0)


def _to_region(q: Array, direction: Array, radius: Array) -> Array:
    """The t ≥ 0 with ‖q + t·direction‖ = Δ, for ‖q‖ ≤ Δ; 0 outside."""
    a = dot(direction, direction)
    b, c = dot(q, direction), jnp.minimum(dot(q, q) - radius**2, 0.0)
    root = jnp.sqrt(b * b - a * c)
    # The root without cancellation for either sign of b.
    return jnp.where(b > 0, -c / or_one(b + root), (root - b) / or_one(a))


def _value(quadratic: Quadratic, q: Array) -> Array:
    image = einsum("ij,j->i", quadratic.J, q)
    return 0.5 * dot(image, image) + 0.5 * dot(quadratic.C * q, q) + dot(quadratic.g, q)


def _minimize_along(
    quadratic: Quadratic, base: Array, direction: Array, low: Array, high: Array
) -> tuple[Array, Array]:
    """The best base + t·direction with low ≤ t ≤ high, and ψ there; ψ = ∞ where low > high."""
    image = einsum("ij,j->i", quadratic.J, direction)
    curvature = dot(image, image) + dot(quadratic.C * direction, direction)
    slope = dot(image, einsum("ij,j->i", quadratic.J, base))
    slope += dot(quadratic.C * base + quadratic.g, direction)
    q = base + jnp.clip(-slope / or_one(curvature), low, jnp.maximum(low, high)) * direction
    return q, jnp.where(low <= high, _value(quadratic, q), jnp.inf)


def best_step(
    x: Array, q: Array, quadratic: Quadratic, box: Box, radius: Array, theta: Array
) -> tuple[Array, Array]:
    """The step that lowers ψ most and ends strictly inside the box, and by how much.

    q itself where it fits; else the best of θ times q cut at the bound, of q reflected there, and
    of the scaled steepest descent, cut at θ times its bound.
    """
    d, zero = quadratic.d, jnp.zeros_like(radius)
    stop, hits = _to_bound(x, d * q, box)
    fits, stop = stop > 1.0, jnp.minimum(stop, 1.0)
    reflected, cut = jnp.where(hits, -q, q), stop * q

    wall, _ = _to_bound(x + d * cut, d * reflected, box)
    region = _to_region(cut, reflected, radius)
    high = jnp.where(wall <= region, theta * wall, region)
    reach = jnp.minimum(wall, region)
    low = jnp.where(reach > 0, (1.0 - theta) * stop / or_one(reach), 1.0)
    mirror = _minimize_along(quadratic, cut, reflected, low, jnp.where(reach > 0, high, 0.0))

    descent = -quadratic.g
    wall, _ = _to_bound(x, d * descent, box)
    most = jnp.minimum(theta * wall, radius / or_one(safe_norm(descent)))
    cauchy = _minimize_along(quadratic, jnp.zeros_like(q), descent, zero, most)

    short = theta * cut
    steps = jnp.stack([jnp.where(fits, q, short), mirror[0], cauchy[0]])
    first = _value(quadratic, steps[0])
    values = jnp.stack([first, *(jnp.where(fits, jnp.inf, v) for v in (mirror[1], cauchy[1]))])
    best = jnp.argmin(values)
    return steps[best], -values[best]
