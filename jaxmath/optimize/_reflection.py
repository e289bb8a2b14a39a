"""Steps within bounds: to the bound, reflected at it, or along the scaled gradient."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmath.numerics import dot, einsum, safe_norm
from jaxmath.optimize._least_squares import or_one
from jaxmath.typing import Array

__all__: list[str] = []


class Box(NamedTuple):
    """Lower and upper bounds, vectors of the length of x."""

    lower: Array
    upper: Array


class Quadratic(NamedTuple):
    """ψ(q) = ½‖J q‖² + ½qᵀCq + gᵀq, with p = d∘q the step of x."""

    J: Array
    g: Array
    C: Array
    d: Array


def transposed(J: Array, r: Array) -> Array:
    """Jᵀr."""
    return einsum("ij,i->j", J, r)


def into(x: Array, box: Box) -> Array:
    """x moved inside by √eps of the interval, or of max(1, |bound|) where there is one bound."""
    width, eps = box.upper - box.lower, float(jnp.finfo(x.dtype).eps)

    def margin(bound: Array) -> Array:
        near = jnp.maximum(jnp.abs(jnp.where(jnp.isfinite(bound), bound, 0.0)), 1.0)
        return eps**0.5 * jnp.where(jnp.isfinite(width), width, near)

    return jnp.clip(x, box.lower + margin(box.lower), box.upper - margin(box.upper))


def inside(x: Array, box: Box) -> Array:
    """x at least one unit in the last place inside the bounds; the bound where both are equal."""
    low = jnp.nextafter(box.lower, jnp.full_like(x, jnp.inf))
    high = jnp.nextafter(box.upper, jnp.full_like(x, -jnp.inf))
    return jnp.where(low <= high, jnp.clip(x, low, high), box.lower)


def _to_bound(x: Array, p: Array, box: Box) -> tuple[Array, Array]:
    """The largest t with x + t p in the box, and which variables it brings to a bound."""
    room = jnp.where(p > 0, box.upper - x, box.lower - x)
    strides = jnp.where(p == 0, jnp.inf, jnp.maximum(room / jnp.where(p == 0, 1.0, p), 0.0))
    t = jnp.min(strides)
    return t, (strides == t) & (p != 0)


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
