"""A directional derivative by extrapolated differences, with an honest bound on its error.

For φ(t) = f(x + t·v) the central quotient and its error are

    D(h) = (φ(h) − φ(−h)) / 2h = φ'(0) + c₁h² + c₂h⁴ + … + O(ν/h)

with ν the noise in the values of f. Along the steps h₀ > h₁ > … the Neville table

    T₀ₖ = D(hₖ),    Tⱼₖ = Tⱼ₋₁,ₖ + (Tⱼ₋₁,ₖ − Tⱼ₋₁,ₖ₋₁) / ((hₖ₋ⱼ / hₖ)² − 1)

removes one term a column. The entry is taken, element by element, whose distance to its three
older neighbours in the table, or its noise 4ν/h if that is more, is the least (Ridders' choice,
made stricter); this is the error bound. The table deepens until the bound is small or noise ends
it. Steps that halve would alias: sin(10⁴t) looks like sin(t·(10⁴ mod 2π·2ᵏ)) at all of them and
converges to a wrong derivative. So the ratio is 1.9, and hₖ is rounded to 12 bits: hₖ·v has few
enough that x ± hₖ·v is exact.

ν is measured from the third to fifth differences of f at seven points 2⁻⁴⁰ apart, where a smooth
f has none left (Moré and Wild's ECnoise), so that cancellation inside f counts.

A kink shows in the jump of the one-sided quotients, J(h) = (φ(h) − 2φ(0) + φ(−h)) / h, which
shrinks with h where f is smooth and stays where it is not.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

__all__ = ["Difference", "difference", "directions", "noise", "typical_size"]

_GROWN = 1.25  # of a jump from step to step: that of a smooth function shrinks with the step
_LARGE = 2.0**-7  # of a change, beside the values
_COLUMNS = 5
_RATIO = 1.9
_SMALLEST = 2.0**-36
_SPACING = 2.0**-40
# Values coarser than this are not differenced finely enough to ask more of a kink.
_COARSE = 2.0**-50
_KINK_STEP = 2.0**-10
_CAP = 2.0**16

Evaluate = Callable[[float], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Difference:
    """J·v for every element of the output, and what is known about it.

    Args:
        value: the derivative, shape (m,).
        error: a bound on its error, inf where nothing converged.
        jump: the difference of the one-sided quotients at the finest step that shows it.
        nonsmooth: where f has a kink or jump at the point, or is not finite on a side of it.
        outside: where it is not finite on a side of it.
        size: the largest |f| seen, against which a derivative counts as 0.
    """

    value: np.ndarray
    error: np.ndarray
    jump: np.ndarray
    nonsmooth: np.ndarray
    outside: np.ndarray
    size: np.ndarray


def directions(x: np.ndarray, rng: np.random.RandomState, num_random: int) -> list[np.ndarray]:
    """Directions in which to test one leaf, at the scale of its elements.

    Up to 8 elements get a direction each, so that a mistake in one cannot hide behind the rest;
    one joint direction is added. Larger leaves get random ones: the first at each element's own
    magnitude, the others at no less than the typical one. Entries have 8 significant bits: they
    are exact in bfloat16 and in float64, and so are x ± h·v for the steps h used.
    """
    size, typical = np.abs(x).ravel(), typical_size(x)
    relative = np.where(size > 0, size, typical)
    absolute = np.maximum(relative, np.minimum(typical, _CAP * relative))

    def draw(scale: np.ndarray) -> np.ndarray:
        signs = rng.choice([-1.0, 1.0], scale.shape)
        return _round(scale * rng.uniform(0.5, 1.0, scale.shape) * signs, bits=8)

    units = (1.0, 1j) if x.dtype.kind == "c" else (1.0,)
    found = []
    if size.size <= 8:
        found = [
            np.eye(size.size)[i] * draw(relative) * unit for i in range(size.size) for unit in units
        ]
    if len(found) != 1:  # a real scalar has no other direction
        scales = [relative] if found else [relative, *[absolute] * (num_random - 1)]
        found += [sum(draw(scale) * unit for unit in units) for scale in scales]
    return [v.reshape(x.shape) for v in found]


def typical_size(x: np.ndarray) -> float:
    """The median magnitude of the elements that are not 0; 1 where all are."""
    nonzero = np.abs(x[x != 0])
    return float(np.median(nonzero)) if nonzero.size else 1.0


def _round(v: np.ndarray | float, bits: int) -> np.ndarray:
    """v to a number of significant bits."""
    mantissa, exponent = np.frexp(v)
    return np.ldexp(np.round(mantissa * 2**bits) / 2**bits, exponent)


def noise(evaluate: Evaluate, roundoff: float) -> np.ndarray:
    """The standard deviation of the noise in f, element by element (Moré and Wild, 2011).

    Sampled on one side of the point, so that a kink there is no noise.
    """
    spacing = min(max(_SPACING, 2**8 * roundoff), 2.0**-10)
    samples = np.stack([evaluate(i * spacing) for i in range(1, 8)])
    level = np.zeros(samples.shape[1])
    gamma = 1.0
    with np.errstate(all="ignore"):
        for k in range(1, 6):
            samples = np.diff(samples, axis=0)
            gamma *= k / (2 * (2 * k - 1))  # (k!)² / (2k)!
            if k >= 3:
                level = np.fmax(level, np.sqrt(gamma * np.mean(samples**2, axis=0)))
    return np.where(np.isfinite(level), level, 0.0)


def difference(
    evaluate: Evaluate,
    center: np.ndarray,
    noise: np.ndarray,
    typical_noise: np.ndarray,
    roundoff: float,
    tolerance: float,
    shrink: float = 1.0,
) -> Difference:
    """Differentiate φ(t) = evaluate(t) at 0 by the extrapolated central difference.

    Args:
        evaluate: φ, from a number to a vector of shape (m,).
        center: φ(0).
        noise: the standard deviation of the noise in φ, shape (m,).
        typical_noise: the same of comparable elements: what a kink must rise above.
        roundoff: relative accuracy of the values of φ; coarse values forbid fine steps.
        tolerance: relative error at which to stop.
        shrink: factor on all steps, for a second opinion.

    Returns:
        The derivative with its error bound.
    """
    table = _Table(center, noise, typical_noise, roundoff)
    step, smallest = _step_range(roundoff)
    while step >= smallest:
        h = float(_round(step * shrink, bits=12))
        table.add(evaluate(h), evaluate(-h), h)
        if table.is_settled(tolerance):
            break
        step /= _RATIO
    return table.result()


def _step_range(roundoff: float) -> tuple[float, float]:
    """Steps relative to the size of x: below ε^0.4 a function of coarse values is a staircase."""
    if roundoff < _COARSE:
        return 2.0**-3, _SMALLEST
    return (2.0**-2 if roundoff < 2.0**-16 else 2.0**-1), roundoff**0.4


class _Table:
    """The Richardson table of a vector function, and the best entry of each element."""

    def __init__(
        self, center: np.ndarray, noise: np.ndarray, typical_noise: np.ndarray, roundoff: float
    ) -> None:
        self.center, self.noise, self.roundoff = center, noise, roundoff
        self.typical_noise = typical_noise
        self.size = np.where(np.isfinite(center), np.abs(center), 0.0)
        self.row: list[np.ndarray] = []
        self.steps: list[float] = []
        self.value = np.full(center.shape, np.nan)
        self.error = np.full(center.shape, np.inf)
        self.jumps: list[np.ndarray] = []
        self.thresholds: list[np.ndarray] = []
        self.outside = np.zeros(center.shape, bool)

    def add(self, plus: np.ndarray, minus: np.ndarray, h: float) -> None:
        """Append the row of the step h."""
        with np.errstate(all="ignore"):
            quotient = _subtract(plus, minus) / (2 * h)
            size = np.fmax(np.abs(plus), np.abs(minus))
            level = np.fmax(4 * self.noise, 2 * self.roundoff * (size + np.abs(quotient)))
            self.floor = np.where(np.isfinite(level), level, 0.0) / h
            ahead, behind = _subtract(plus, self.center), _subtract(self.center, minus)
            self.jumps.append((ahead - behind) / h)
            self.thresholds.append(np.fmax(2 * self.floor, 16 * self.typical_noise / h))
            self.size = np.where(np.isfinite(size), np.fmax(self.size, size), self.size)
            self.outside = ~np.isfinite(ahead) | ~np.isfinite(behind)
            self.steps.append(h)
            self._forget_what_passed_by()
            self._extrapolate(quotient)

    def _forget_what_passed_by(self) -> None:
        """Begin anew where the jump has grown: the steps before went beyond what is at the point.

        In the tails of a narrow bump all differences agree, on 0. Noise grows too, but it is small
        beside the values.
        """
        if len(self.jumps) > 1:
            jump, before = np.abs(self.jumps[-1]), np.abs(self.jumps[-2])
            large = jump * self.steps[-1] > _LARGE * self.size
            grown = large & (jump > _GROWN * before) & self._is_reliable(-1)
            self.row = [np.where(grown, np.nan, entry) for entry in self.row]
            self.value = np.where(grown, np.nan, self.value)
            self.error = np.where(grown, np.inf, self.error)

    def _extrapolate(self, quotient: np.ndarray) -> None:
        older, self.row = self.row, [quotient]
        for j in range(1, min(len(older), _COLUMNS) + 1):
            previous = self.row[j - 1]
            ratio = self.steps[-1 - j] / self.steps[-1]
            entry = previous + (previous - older[j - 1]) / (ratio**2 - 1)
            self.row.append(entry)
            if j < len(older):
                neighbours = (previous, older[j - 1], older[j])
                distance = np.max([np.abs(entry - other) for other in neighbours], axis=0)
                error = np.maximum(distance, self.floor)
                better = error < self.error  # false where NaN
                self.value = np.where(better, entry, self.value)
                self.error = np.where(better, error, self.error)

    def is_settled(self, tolerance: float) -> bool:
        """Whether deeper rows can add nothing: all is accurate, or noise is above the error."""
        if len(self.row) < 3:
            return False
        with np.errstate(invalid="ignore"):
            accurate = self.error <= tolerance * np.abs(self.value)
        exhausted = np.isfinite(self.error) & (self.floor >= self.error)
        return bool(np.all(accurate | exhausted)) and not np.any(self._kinks(len(self.jumps) - 1))

    def _is_reliable(self, row: int) -> np.ndarray:
        """Where the jump of a row is above its noise."""
        with np.errstate(invalid="ignore"):
            return np.abs(self.jumps[row]) > self.thresholds[row]

    def _kinks(self, row: int) -> np.ndarray:
        """Where the jump did not shrink over the four steps that end at a row."""
        jumps = np.abs(np.stack(self.jumps[max(row - 4, 0) : row + 1]))
        with np.errstate(invalid="ignore"):
            stays = np.all(jumps[1:] >= 0.75 * jumps[:-1], axis=0)
            return stays & (jumps[-1] >= 0.5 * jumps[0]) & self._is_reliable(row)

    def result(self) -> Difference:
        """The best entries, and the kinks.

        A kink is read off the finest row whose jump is above the noise, if its step is small,
        unless it would have been seen at a finer row still: then a coarse step met something
        beside the point.
        """
        undecided = np.ones(self.center.shape, bool)
        kinked = np.zeros(self.center.shape, bool)
        jump = np.zeros(self.center.shape)
        quietest = np.full(self.center.shape, np.inf)
        for row in range(len(self.jumps) - 1, 1, -1):
            here = undecided & self._is_reliable(row)
            persists = 0.5 * np.abs(self.jumps[row]) < quietest
            if self.roundoff < _COARSE and self.steps[row] > _KINK_STEP:
                persists[:] = False
            kinked |= here & persists & self._kinks(row)
            jump = np.where(here, self.jumps[row], jump)
            undecided &= ~here
            quietest = np.fmin(quietest, self.thresholds[row])
        outside = self.outside & np.isfinite(self.center)
        return Difference(self.value, self.error, jump, kinked | outside, outside, self.size)


def _subtract(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a − b, and 0 for equal infinities: a mask of −∞ is a constant."""
    return np.where(a == b, 0.0, a - b)
