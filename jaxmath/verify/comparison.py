"""Hold a rule against a difference along one direction: error, bound and verdict."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from jaxmath.verify.finite_differences import Difference
from jaxmath.verify.point import Direction, Point, RuleValue
from jaxmath.verify.programs import real_vector
from jaxmath.verify.report import Verdict

__all__ = ["Finding", "Trial", "compare"]

_DOUBLE_ROUNDOFF = 2.0**-53
# Rounding that a rule is granted without measuring it, in unit roundoffs of its scale.
_ROUNDINGS = 4.0
# No bound is below this fraction of the scale: special functions are approximations, and so are
# their derivatives.
_APPROXIMATION = 2.0**-38
# A mistaken sign or factor is as large as the derivative: the bound must stay well below that.
_VISIBLE = 0.25
# The bound is an estimate: an error between 1 and 4 bounds proves nothing.
_PROOF = 4.0
_JITTERS = 4


@dataclasses.dataclass(frozen=True)
class Finding:
    """The worst element of a comparison: the numbers of an `Entry`, its verdict and its note.

    It is blurred if both sides agree, but within a bound that could hide a mistake.
    """

    error: float
    bound: float
    scale: float
    verdict: Verdict
    note: str = ""
    blurred: bool = False

    @property
    def rank(self) -> tuple[int, float]:
        """Worse findings rank higher: by verdict, then by error over bound."""
        ratio = self.error / self.bound if self.bound > 0 else self.error
        return self.verdict.severity, ratio if ratio == ratio else 0.0


class Trial:
    """The difference along one direction, taken once for all rules that it is held against."""

    def __init__(self, point: Point, direction: Direction) -> None:
        self.point, self.direction = point, direction

    @functools.cached_property
    def difference(self) -> Difference:
        return self.point.difference(self.direction, self._tolerance)

    @functools.cached_property
    def confirmed(self) -> Difference:
        """The difference with a second opinion at other steps: its error is at least their gap."""
        first = self.difference
        second = self.point.difference(self.direction, self._tolerance, shrink=0.75)
        better = second.error < first.error
        gap = np.abs(first.value - second.value)
        error = np.fmin(first.error, second.error)
        return dataclasses.replace(
            first,
            value=np.where(better, second.value, first.value),
            error=np.where(gap > first.error + second.error, gap, error),
            nonsmooth=first.nonsmooth | second.nonsmooth,
            outside=first.outside | second.outside,
        )

    @functools.cached_property
    def own(self) -> Difference:
        """The difference in the function's own dtype."""
        return self.point.own_difference(self.direction)

    @property
    def _tolerance(self) -> float:
        return max(self.point.rule_roundoff, _APPROXIMATION)


@dataclasses.dataclass
class _Sides:
    """The same numbers by the rule and by the difference: all of J·v, or the one ⟨u, J·v⟩."""

    rule: np.ndarray
    truth: np.ndarray
    truncation: np.ndarray  # bound on the error of the difference, its noise included
    rounding: np.ndarray  # bound on the error of the rule
    scale: np.ndarray  # size of the derivative
    magnitude: np.ndarray  # size of f
    adrift: np.ndarray  # the difference did not converge: there is no bound
    nonsmooth: np.ndarray
    outside: np.ndarray  # f is not finite on a side of the point
    jump: np.ndarray

    @property
    def error(self) -> np.ndarray:
        return np.abs(self.rule - self.truth)

    @property
    def bound(self) -> np.ndarray:
        return np.where(self.adrift, np.inf, self.truncation + self.rounding)

    @property
    def is_suspect(self) -> bool:
        usable = ~self.nonsmooth & np.isfinite(self.rule)
        return bool(np.any(usable & ~(self.error <= self.bound)))


def compare(
    trial: Trial, value: RuleValue, u: Sequence[np.ndarray] | None, kinked: np.ndarray
) -> Finding:
    """Compare along one direction the forward rule, or for cotangents u the reverse one.

    Args:
        trial: the difference.
        value: the rule in the function's own dtype.
        u: None for J·v element by element; else for ⟨u, J·v⟩ = ⟨Jᵀ·u, v⟩.
        kinked: the outputs that are nonsmooth along any direction: no rule need be finite there.

    Returns:
        The worst element.
    """
    point, direction = trial.point, trial.direction if u is None else None
    sides = _sides(trial.difference, trial, value, u, kinked)
    if not sides.is_suspect:
        return _judge(sides, trial, u)
    if _draws_differ(point, value):
        # The wide rule belongs to the function that was differenced; in its own dtype f is another
        # one, and only a coarse difference can be taken, which may object but not decide.
        own = _sides(trial.own, trial, value, u, kinked)
        wide = _sides(trial.confirmed, trial, point.rule(direction, u, wide=True), u, kinked)
        finding = _judge(wide, trial, u, note="f draws in its dtype: compared in float64")
        if finding.verdict is Verdict.OK and np.any(own.error > _PROOF * own.bound):
            note = "f draws in its dtype, where the difference disagrees with the rule"
            return dataclasses.replace(finding, verdict=Verdict.INCONCLUSIVE, note=note)
        return finding
    sides = _sides(trial.confirmed, trial, value, u, kinked)
    is_wrong = _measure_rounding(sides, trial, u)
    return _judge(sides, trial, u, is_wrong)


def _draws_differ(point: Point, value: RuleValue) -> bool:
    """Whether f draws other random numbers in float64: then it is another function there."""
    if not point.wide.program.draws or point.own_roundoff == _DOUBLE_ROUNDOFF:
        return False
    allowed = np.sqrt(point.rule_roundoff) * point.leafwise_max(point.center)
    return not bool(np.all(np.abs(value.outputs - point.center) <= allowed))


def _measure_rounding(sides: _Sides, trial: Trial, u: Sequence[np.ndarray] | None) -> np.ndarray:
    """Raise `sides.rounding` to what the rule shows, and say where the rule is proven wrong.

    Below float64 the rounding is the distance to the same rule in float64, and that rule is held
    against the difference in its own right: what is wrong there cannot be excused by rounding.
    In float64 it is the spread under perturbations of x.
    """
    point, direction = trial.point, trial.direction if u is None else None

    def numbers(value: RuleValue) -> np.ndarray:
        return value.tangent if u is None else np.array([trial.direction.dot(value.cotangents)[0]])

    if point.own_roundoff == _DOUBLE_ROUNDOFF:
        jittered = [point.jittered_rule(direction, u, seed) for seed in range(_JITTERS)]
        spread = np.max([np.abs(numbers(value) - sides.rule) for value in jittered], axis=0)
        sides.rounding = np.fmax(sides.rounding, 2 * spread)
        return np.zeros(spread.shape, bool)
    wide = numbers(point.rule(direction, u, wide=True))
    sides.rounding = np.fmax(sides.rounding, np.abs(sides.rule - wide))
    share = sides.rounding * point.wide_roundoff / point.own_roundoff
    sides.rounding += _ROUNDINGS * share  # the lifted rule rounds too
    roundings = max(_ROUNDINGS * point.wide_roundoff, _APPROXIMATION)
    bound = sides.truncation + share + roundings * sides.scale
    with np.errstate(invalid="ignore"):
        return np.abs(wide - sides.truth) > _PROOF * bound


def _sides(
    difference: Difference,
    trial: Trial,
    value: RuleValue,
    u: Sequence[np.ndarray] | None,
    kinked: np.ndarray,
) -> _Sides:
    point = trial.point
    roundings = max(_ROUNDINGS * point.rule_roundoff, _APPROXIMATION)
    magnitudes = point.leafwise_max(point.sizes(difference.size))
    scales = point.leafwise_max(difference.value)
    adrift = ~(difference.error <= _visible(scales, magnitudes, point))
    if u is None:
        return _Sides(
            rule=value.tangent,
            truth=difference.value,
            truncation=difference.error,
            rounding=roundings * scales,
            scale=scales,
            magnitude=magnitudes,
            adrift=adrift,
            nonsmooth=difference.nonsmooth | (kinked & ~np.isfinite(value.tangent)),
            outside=difference.outside,
            jump=difference.jump,
        )
    w = real_vector(u, conjugate=True)
    used = w != 0
    rule, contributions = trial.direction.dot(value.cotangents)
    terms = w[used] * difference.value[used]
    size, magnitude = np.sum(np.abs(terms)), np.sum(np.abs(w) * magnitudes)
    scale = np.maximum(size, contributions)
    truncation = np.sum(np.abs(w[used]) * difference.error[used])
    numbers = {
        "rule": rule,
        "truth": np.sum(terms),
        "truncation": truncation,
        "rounding": roundings * scale,
        "scale": scale,
        "magnitude": magnitude,
        # A term without a bound leaves the sum without one, however small it looks beside it.
        "adrift": np.any(adrift[used]) or not truncation <= _visible(size, magnitude, point),
        "nonsmooth": np.any(difference.nonsmooth[used] | (kinked[used] & ~np.isfinite(rule))),
        "outside": np.any(difference.outside[used]),
        "jump": np.max(np.abs(difference.jump[used]), initial=0.0),
    }
    return _Sides(**{name: np.array([number]) for name, number in numbers.items()})


def _visible(scale: np.ndarray, magnitude: np.ndarray, point: Point) -> np.ndarray:
    """The largest bound at which a wrong sign still shows; a derivative of 0 is held against f."""
    return _VISIBLE * np.maximum(scale, np.sqrt(point.rule_roundoff) * magnitude)


def _judge(
    sides: _Sides,
    trial: Trial,
    u: Sequence[np.ndarray] | None,
    is_wrong: np.ndarray | bool = False,
    note: str = "",
) -> Finding:
    """The verdict on each element, what counts most said last; then the worst element."""
    error, bound = sides.error, sides.bound
    verdict = np.full(error.shape, Verdict.OK.severity)

    def mark(where: np.ndarray, what: Verdict) -> None:
        verdict[where] = what.severity

    with np.errstate(invalid="ignore", divide="ignore"):
        hidden = bound > _visible(sides.scale, sides.magnitude, trial.point)
        mark(error > bound, Verdict.INCONCLUSIVE)
        mark(hidden, Verdict.ILL_CONDITIONED)
        mark((error > _PROOF * bound) | is_wrong, Verdict.WRONG)
        mark(sides.adrift, Verdict.INCONCLUSIVE)
        mark(~np.isfinite(sides.rule), Verdict.NAN)
        mark(sides.nonsmooth, Verdict.NONSMOOTH)
        ratio = np.where(bound > 0, error / bound, error)
    ratio = np.where(np.isnan(ratio), 0.0, ratio)
    worst = int(np.argmax(np.where(verdict == verdict.max(), ratio, -1.0)))
    numbers = [float(v[worst]) for v in (error, bound, sides.scale)]
    chosen = list(Verdict)[verdict[worst]]
    if chosen is not Verdict.OK:
        note = _note(chosen, sides, worst, trial.direction, u is None)
    blurred = bool(hidden[worst] and error[worst] <= bound[worst])
    return Finding(numbers[0], numbers[1], numbers[2], chosen, note, blurred)


def _note(verdict: Verdict, sides: _Sides, i: int, direction: Direction, forward: bool) -> str:
    """Why, with the numbers, and where."""
    rule, truth = float(sides.rule[i]), float(sides.truth[i])
    place = (f" in output element {i}" if forward else "") + direction.element
    match verdict:
        case Verdict.OK:
            return ""
        case Verdict.INCONCLUSIVE if sides.adrift[i]:
            return f"the difference converged only to {sides.truncation[i]:.1e}{place}"
        case Verdict.INCONCLUSIVE:
            return f"the error is within {_PROOF:g} bounds{place}"
        case Verdict.ILL_CONDITIONED:
            return f"rounding of {sides.rounding[i]:.1e} could hide a mistake{place}"
        case Verdict.NONSMOOTH:
            return f"{_reason(sides, i)}{place}; the rule: {rule:.3g}"
        case Verdict.NAN:
            return f"the rule gives {rule}, the difference {truth:.6g}{place}"
    return f"the rule gives {rule:.6g}, the difference {truth:.6g}{place}"


def _reason(sides: _Sides, i: int) -> str:
    """Why an output is not smooth."""
    jump = abs(float(sides.jump[i]))
    if sides.outside[i]:
        return "f is not finite on both sides"
    if jump == 0:
        return "f is not smooth along another direction"
    if np.isnan(sides.truth[i]):  # none converged, as the quotients grow while the step shrinks
        return "f jumps, or its one-sided derivatives are infinite"
    return f"one-sided derivatives differ by {jump:.3g}"
