"""Check the derivative rules of a function against differences of the function itself."""

import dataclasses
import itertools
import operator
from collections.abc import Callable, Iterator, Sequence

import jax
import numpy as np

from jaxmath.typing import PyTree, check_number
from jaxmath.verify import finite_differences
from jaxmath.verify.comparison import Finding, Trial, compare
from jaxmath.verify.point import Direction, Point, RuleValue
from jaxmath.verify.programs import Function, as_seed, function_name, precision
from jaxmath.verify.report import Entry, Report, Verdict

__all__ = ["check_gradients"]


def check_gradients(
    f: Callable,
    args: tuple[PyTree, ...],
    order: int = 1,
    modes: str | Sequence[str] = ("fwd", "rev"),
    *,
    argnums: int | Sequence[int] | None = None,
    directions: int = 3,
    seed: int = 0,
    value_rtol: float = 0.0,
) -> Report:
    """Check that f's forward and reverse rules are the derivative of f.

    J·v ≈ lim (f(x + h·v) − f(x − h·v)) / 2h,    ⟨u, J·v⟩ = ⟨Jᵀ·u, v⟩

    The left sides are evaluated in the dtype of the arguments, as users run them; the limit in
    float64, from the same x and v, exactly. Each leaf of the arguments has its own directions v.

    Args:
        f: the function; it returns a pytree of arrays.
        args: the tuple of its arguments, pytrees of arrays and numbers, at the point of interest.
            Integer, boolean and random-key leaves are held fixed.
        order: 1 checks J; 2 also checks the derivative of J·v and of Jᵀ·u; and so on.
        modes: which rules to check, of "fwd" (`jax.jvp`) and "rev" (`jax.vjp`).
        argnums: positions of the arguments to differentiate; None for all. The others are held.
        directions: random directions for a leaf of more than 8 elements, and random cotangents;
            a smaller leaf gets one direction an element.
        seed: of the random directions.
        value_rtol: relative accuracy of the values of f where it is coarser than rounding, as the
            tolerance of an iterative solver is.

    Returns:
        A `Report` with an entry for each leaf, mode and order: true when all are OK.

    Raises:
        TypeError: f is not callable or jitted with static arguments among args, args is no tuple or
            holds something that is no array, order, directions, seed or argnums is no integer, or f
            has no rule for a mode.
        ValueError: an unknown mode, order or directions < 1, seed outside [0, 2³²), value_rtol
            outside [0, 1], a position that args does not have, or no floating leaf or output to
            differentiate.

    Numerics:
        The bound is the truncation and noise of the difference plus the rounding of the rule; see
        `jaxmath.verify`. In float64 it is about 1e-11 of the derivative, in float32 1e-6, in
        bfloat16 1e-2. Two programs are compiled (one for an f that is jitted, and has been called
        at such arguments, in float64), a third where rounding must be measured; f is called some 15
        times a direction. Random numbers that f draws in the dtype of its argument are others in
        float64: there, the rule is compared in float64 and its own dtype is held only to a coarse
        difference.

    Example:
        >>> import jax.numpy as jnp
        >>> report = check_gradients(jnp.sin, (jnp.linspace(0.0, 1.0, 3),))
        >>> print(report.verdict, len(report.entries))
        OK 2

    References:
        C. J. F. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", 1982.
        J. J. Moré and S. M. Wild, "Estimating computational noise", 2011.
    """
    function = Function.from_arguments(f, args, argnums)
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    if unknown := [mode for mode in modes if mode not in ("fwd", "rev")]:
        raise ValueError(f"argument `modes` must hold 'fwd' and 'rev', got {unknown[0]!r}")
    if not modes:
        raise ValueError("argument `modes` must hold at least one of 'fwd' and 'rev', got none")
    order, directions = _count("order", order), _count("directions", directions)
    check_number("value_rtol", value_rtol, low=0.0, high=1.0)
    if not function.moving:
        raise ValueError("argument `args` must hold a floating or complex leaf to differentiate")
    check = _Check(modes, directions, np.random.RandomState(as_seed(seed)), value_rtol)
    return Report(function_name(f), tuple(check.run(function, order)))


def _count(name: str, value: int) -> int:
    """A positive integer, a concrete array too, which `check_number` would let pass."""
    try:
        number = operator.index(value)
    except TypeError:
        got = type(value).__name__
        raise TypeError(f"argument `{name}` must be an integer, got {got}") from None
    if number < 1:
        raise ValueError(f"argument `{name}` must be at least 1, got {number}")
    return number


@dataclasses.dataclass(frozen=True)
class _Check:
    """What does not change between the leaves and orders of one call."""

    modes: tuple[str, ...]
    num_directions: int
    rng: np.random.RandomState
    value_rtol: float

    def run(
        self,
        function: Function,
        order: int,
        level: int = 1,
        inner: str = "",
        floors: Sequence[float] = (),
    ) -> list[Entry]:
        """The entries of a function and, for a higher order, of its first-order rules."""
        point = Point(function, self.modes, self.value_rtol, floors)
        if not point.wide.outputs:
            raise ValueError("argument `f` must return a floating or complex array, got none")
        cotangents = self._cotangents(point)
        entries = []
        for path, found in zip(function.paths, self._findings(point, cotangents), strict=True):
            for mode, finding in found.items():
                numbers = (finding.error, finding.bound, finding.scale)
                entries.append(
                    Entry(path, mode + inner, level, *numbers, finding.verdict, finding.note)
                )
        if level < order:
            tangents = [self._directions(point, i)[-1].v for i in range(len(function.paths))]
            for mode in self.modes:
                derived = point.derivative(mode, tangents, cotangents[0])
                floors = point.floors_of_derivative(mode, cotangents[0])
                entries += self.run(derived, order, level + 1, f"-over-{mode}{inner}", floors)
        return entries

    def _findings(
        self, point: Point, cotangents: list[list[np.ndarray]]
    ) -> Iterator[dict[str, Finding]]:
        """For each leaf, the worst finding of each mode over all directions."""
        excuses = [_excuse(point, i) for i in range(len(point.x))]
        trials = [
            [] if excuse else [Trial(point, direction) for direction in self._directions(point, i)]
            for i, excuse in enumerate(excuses)
        ]
        kinked = np.zeros(point.center.shape, bool)
        for trial in itertools.chain(*trials):
            kinked |= trial.difference.nonsmooth
        pulled = [point.rule(None, u) for u in cotangents] if "rev" in self.modes else []
        for excuse, of_leaf in zip(excuses, trials, strict=True):
            yield {
                mode: excuse
                or _worst(list(self._compare(mode, of_leaf, cotangents, pulled, kinked)))
                for mode in self.modes
            }

    def _compare(
        self,
        mode: str,
        trials: list[Trial],
        cotangents: list[list[np.ndarray]],
        pulled: list[RuleValue],
        kinked: np.ndarray,
    ) -> Iterator[tuple[Direction, Finding]]:
        for trial in trials:
            if mode == "fwd":
                value = trial.point.rule(trial.direction)
                yield trial.direction, compare(trial, value, None, kinked)
            else:
                for value, u in zip(pulled, cotangents, strict=True):
                    yield trial.direction, compare(trial, value, u, kinked)

    def _directions(self, point: Point, i: int) -> list[Direction]:
        found = finite_differences.directions(point.x[i], self.rng, self.num_directions)
        x, own = point.x[i], point.own.moving[i]
        # Exact but in dtypes of fewer than 8 bits or a small range.
        return [Direction(i, v.astype(own.dtype).astype(x.dtype)) for v in found]

    def _cotangents(self, point: Point) -> list[list[np.ndarray]]:
        """Random u; every second one weighs each output by 1/|f|, so that small ones count.

        What is nothing but rounding beside the largest of its leaf counts as 0, with weight 1.
        """
        exponents = []
        for size in map(np.abs, point.center_leaves):
            largest = np.max(size, initial=0.0, where=np.isfinite(size))
            seen = np.where(size > 16 * point.wide_roundoff * largest, size, 0.0)
            exponents.append(np.frexp(seen)[1])
        limit = 8 if any(y.dtype == np.float16 for y in point.own.outputs) else 30
        weights = [np.exp2(-np.clip(e, -limit, limit)) for e in exponents]
        return [
            [
                self._draw(y) * (w if k % 2 else 1.0)
                for y, w in zip(point.wide.outputs, weights, strict=True)
            ]
            for k in range(self.num_directions)
        ]

    def _draw(self, like: jax.ShapeDtypeStruct) -> np.ndarray:
        """Signs times numbers in [½, 1) of 8 bits: of size 1 and exact in every dtype."""
        units = (1.0, 1j) if like.dtype.kind == "c" else (1.0,)
        signs = [self.rng.choice([-1.0, 1.0], like.shape) for _ in units]
        sizes = [self.rng.randint(128, 256, like.shape) / 256 for _ in units]
        return sum(u * s * r for u, s, r in zip(units, signs, sizes, strict=True))


def _worst(findings: list[tuple[Direction, Finding]]) -> Finding:
    """The gravest finding in a leaf.

    Along a random direction the contributions may cancel and leave little but rounding; that is
    no finding as long as another random direction is sharp. An element by itself must be sharp.
    """
    joint = [finding for direction, finding in findings if not direction.is_element]
    is_sharp = any(finding.verdict is Verdict.OK for finding in joint)
    kept = [
        finding
        for direction, finding in findings
        if direction.is_element or not (is_sharp and finding.blurred)
    ]
    return max(kept, key=lambda finding: finding.rank)


def _excuse(point: Point, i: int) -> Finding | None:
    """A finding that needs no difference: an empty leaf, or an f that is not finite."""
    if point.x[i].size == 0 or point.center.size == 0:
        return Finding(0.0, 0.0, 0.0, Verdict.OK, "empty")
    if np.any(np.isnan(point.center)):
        return Finding(np.nan, np.nan, np.nan, Verdict.NAN, "f is NaN at args")
    own = point.rule(None).outputs
    if not np.all(np.isfinite(own) | ~np.isfinite(point.center)):
        dtype = precision(point.function.moving[i].dtype)
        note = f"f is not finite in {dtype}, but is in float64"
        return Finding(np.nan, np.nan, np.nan, Verdict.NAN, note)
    return None
