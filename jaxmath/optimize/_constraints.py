"""Equalities, inequalities and bounds as one vector, and its multipliers by kind."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath import numerics
from jaxmath._extrema import max_of
from jaxmath.optimize._box import as_box
from jaxmath.optimize._solver import constraint, or_one
from jaxmath.optimize.kkt import KKTMultipliers
from jaxmath.typing import Array, PyTree

__all__: list[str] = []


class Constraints(NamedTuple):
    """The constraints of a problem: s(x) = (h, c, x − l, u − x), of which the first m are 0.

    Args:
      slack: from the point as a vector to s.
      sizes: how many members each kind has; None for a bound that is absent.
      consistent: False where a lower bound is above an upper one.
    """

    slack: Callable[[Array], Array]
    sizes: tuple[int, int, int | None, int | None]
    consistent: Array

    @property
    def size(self) -> int:
        return sum(size or 0 for size in self.sizes)

    def equal(self) -> Array:
        """True for the equalities, in the order of s."""
        return jnp.arange(self.size) < self.sizes[0]

    def infeasibility(self, slack: Array) -> Array:
        """max(‖h‖, ‖c⁻‖), over every kind."""
        size = jnp.where(self.equal(), jnp.abs(slack), jnp.maximum(-slack, 0.0))
        return max_of(size, initial=0.0)

    def least_violated(self, x: Array) -> Array:
        """Whether half of ‖h‖² + ‖c⁻‖² is stationary at x, to eps^¼ of itself."""

        def violations(x: Array) -> Array:
            s = self.slack(x)
            return jnp.where(self.equal(), s, jnp.minimum(s, 0.0))

        v, back = jax.vjp(violations, x)
        size = or_one(max_of(jnp.abs(v), initial=0.0))
        slope = back(v / size)[0] * jnp.maximum(jnp.abs(x), 1.0)
        rough = float(jnp.finfo(x.dtype).eps) ** 0.25
        return max_of(jnp.abs(slope)) <= rough * 0.5 * size * numerics.dot(v / size, v / size)

    def split(self, multipliers: Array) -> KKTMultipliers:
        """The multipliers by kind."""
        parts, at = [], 0
        for size in self.sizes:
            parts.append(None if size is None else multipliers[at : at + size])
            at += size or 0
        return KKTMultipliers(*parts)


def constraints(
    x: Array,
    back: Callable[[Array], PyTree],
    args: tuple,
    equality: Callable | None,
    inequality: Callable | None,
    lower: PyTree | None,
    upper: PyTree | None,
) -> Constraints:
    """What ``kkt_residual`` calls h, c, l and u, for points like the vector x."""
    h, c = (
        constraint(name, fn, args, back)
        for name, fn in (("equality", equality), ("inequality", inequality))
    )
    low, up = as_box(lower, upper, x, ("x0", back(x)))
    below, above = lower is not None, upper is not None

    def slack(x: Array) -> Array:
        return jnp.concatenate(
            [h(x), c(x), *([x - low] if below else []), *([up - x] if above else [])]
        )

    m, p = (jax.eval_shape(fn, x).shape[0] for fn in (h, c))
    sizes = (m, p, x.size if below else None, x.size if above else None)
    return Constraints(slack, sizes, jnp.all(low <= up))
