"""A function at one point: its value, its rules and its differences, in two precisions."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxmath.verify import finite_differences
from jaxmath.verify.finite_differences import Difference
from jaxmath.verify.programs import (
    Function,
    Program,
    compile_rule,
    lifted,
    real_vector,
    roundoff,
    trace_program,
)

__all__ = ["Direction", "Point", "RuleValue"]

_DOUBLE_ROUNDOFF = 2.0**-53


class Direction:
    """A direction in one leaf; the other leaves rest.

    Args:
        leaf: the index of the moving leaf.
        v: the direction, of the leaf's shape, float64 or complex128.
    """

    def __init__(self, leaf: int, v: np.ndarray) -> None:
        self.leaf, self.v = leaf, v
        self.real = real_vector([v])

    def dot(self, cotangents: Sequence[np.ndarray]) -> tuple[float, float]:
        """Re Σ c·v for this leaf's cotangent c, and the sum of the absolute contributions."""
        used = self.real != 0  # a NaN elsewhere belongs to another direction
        terms = cotangents[self.leaf][used] * self.real[used]
        return float(np.sum(terms)), float(np.sum(np.abs(terms)))

    @property
    def is_element(self) -> bool:
        """Whether a single element moves."""
        return np.count_nonzero(self.v) == 1

    @property
    def element(self) -> str:
        """Which element of the leaf moves, in words; empty where several do or it has one."""
        if not self.is_element or self.v.size == 1:
            return ""
        return f" along element {tuple(map(int, np.argwhere(self.v)[0]))}"


class RuleValue:
    """What the rules give: f (outputs as one real vector), J·v, and Jᵀ·u leaf by leaf.

    J·v or Jᵀ·u is empty where its mode was not asked for.
    """

    def __init__(self, outputs: Any, tangents: Any, cotangents: Any) -> None:
        self.outputs = real_vector(outputs)
        self.tangent = real_vector(tangents or [])
        self.cotangents = [real_vector([c], conjugate=True) for c in cotangents or []]


class _Evaluation:
    """The compiled value and rules of a function in its own dtype, or lifted to float64."""

    def __init__(self, function: Function, modes: Sequence[str], lift: bool) -> None:
        self.function, self.modes, self.lift = function, modes, lift
        self.moving, self.held = function.at_precision(lift)

    @functools.cached_property
    def program(self) -> Program:
        with lifted(self.lift):
            there = self.function.compiled
            compiled = None if there is None else there(self.lift)
            return trace_program(self.function.call, self.moving, self.held, compiled=compiled)

    @property
    def outputs(self) -> list[Any]:
        """Shapes and dtypes of the outputs."""
        return self.program.outputs

    @functools.cached_property
    def rule_program(self) -> Program:
        v = [np.zeros_like(x) for x in self.moving]
        u = [np.zeros(y.shape, y.dtype) for y in self.outputs]
        with lifted(self.lift):
            return compile_rule(self.function, self.modes, self.moving, self.held, v, u)

    def leaves(self, x: Sequence[np.ndarray]) -> list[np.ndarray]:
        with lifted(self.lift):
            return [np.asarray(y) for y in self.program.run(_cast(x, self.moving), self.held)]

    def value(self, x: Sequence[np.ndarray]) -> np.ndarray:
        return real_vector(self.leaves(x))

    def rule(
        self, x: Sequence[np.ndarray], v: Sequence[np.ndarray], u: Sequence[np.ndarray]
    ) -> tuple:
        """f, J·v and Jᵀ·u by the rules, as leaves."""
        x, v, u = _cast(x, self.moving), _cast(v, self.moving), _cast(u, self.outputs)
        with lifted(self.lift):
            return self.rule_program.run(x, self.held, v, u)


def _cast(values: Sequence[np.ndarray], like: Sequence[Any]) -> list[np.ndarray]:
    return [v.astype(y.dtype, copy=False) for v, y in zip(values, like, strict=True)]


class Point:
    """A `Function` at its point.

    Args:
        function: the function.
        modes: the rules that will be asked for.
        value_rtol: relative accuracy of its values where it is coarser than rounding.
        floors: for each output leaf, the least size of f that matters: a derivative of another
            function may be nothing but rounding, and only that function knows.
    """

    def __init__(
        self,
        function: Function,
        modes: Sequence[str],
        value_rtol: float,
        floors: Sequence[float] = (),
    ) -> None:
        self.function, self.floors = function, floors
        self.own = _Evaluation(function, modes, lift=False)
        self.wide = self.own if function.is_wide else _Evaluation(function, modes, lift=True)
        self.x: list[np.ndarray] = self.wide.moving
        self.center_leaves = self.wide.leaves(self.x)
        self.center = real_vector(self.center_leaves)
        self.finite = np.isfinite(self.center)
        self.value_roundoff = max(_DOUBLE_ROUNDOFF, self.wide.program.roundoff, value_rtol)

    @functools.cached_property
    def own_roundoff(self) -> float:
        """u of the coarsest dtype that goes into f or comes out of it."""
        return max(roundoff(a.dtype) for a in [*self.own.moving, *self.own.outputs])

    @functools.cached_property
    def rule_roundoff(self) -> float:
        """u of the coarsest dtype that the rule computes in."""
        return max(self.own_roundoff, self.own.rule_program.roundoff, self.value_roundoff)

    @functools.cached_property
    def wide_roundoff(self) -> float:
        """u of the coarsest dtype that the rule lifted to float64 computes in."""
        return max(self.value_roundoff, self.wide.rule_program.roundoff)

    @functools.cached_property
    def noise(self) -> np.ndarray:
        """The noise in f, sampled along all leaves at once."""
        rng = np.random.RandomState(0)
        v = [finite_differences.directions(x, rng, 1)[-1] if x.size else x for x in self.x]

        def evaluate(t: float) -> np.ndarray:
            return self.wide.value([x + t * w for x, w in zip(self.x, v, strict=True)])

        sampled = finite_differences.noise(evaluate, self.value_roundoff)
        # Seven samples may all round alike; few functions are better than two roundoffs.
        return np.fmax(
            sampled, 2 * _DOUBLE_ROUNDOFF * np.abs(np.where(self.finite, self.center, 0))
        )

    @functools.cached_property
    def typical_noise(self) -> np.ndarray:
        """The largest noise in the same output leaf: one element may round luckily."""
        rounding = self.value_roundoff * np.abs(self.center)
        return self.leafwise_max(np.fmax(self.noise, rounding))

    def along(self, direction: Direction, own: bool = False) -> Callable[[float], np.ndarray]:
        """t -> f(x + t·v) as a vector, in float64 or in the function's own dtype."""
        evaluation = self.own if own else self.wide

        def evaluate(t: float) -> np.ndarray:
            moved = list(self.x)
            moved[direction.leaf] = moved[direction.leaf] + t * direction.v
            return evaluation.value(moved)

        return evaluate

    def difference(self, direction: Direction, tolerance: float, shrink: float = 1.0) -> Difference:
        """J·v by differences in float64."""
        return finite_differences.difference(
            self.along(direction),
            self.center,
            self.noise,
            self.typical_noise,
            self.value_roundoff,
            tolerance,
            shrink,
        )

    def own_difference(self, direction: Direction) -> Difference:
        """J·v by differences in the function's own dtype, as far as its rounding allows."""
        evaluate, u = self.along(direction, own=True), self.rule_roundoff
        center = evaluate(0.0)
        typical = u * self.leafwise_max(center)
        return finite_differences.difference(evaluate, center, 0 * typical, typical, u, u)

    def rule(
        self,
        direction: Direction | None,
        u: Sequence[np.ndarray] | None = None,
        wide: bool = False,
    ) -> RuleValue:
        """f, J·v and Jᵀ·u by the rules; None stands for v = 0 and u = 0."""
        evaluation = self.wide if wide else self.own
        return RuleValue(*evaluation.rule(self.x, *self._vectors(direction, u)))

    def jittered_rule(
        self, direction: Direction | None, u: Sequence[np.ndarray] | None, seed: int
    ) -> RuleValue:
        """The rules with each element of x moved by two roundoffs: their spread is rounding."""
        rng = np.random.RandomState(seed)
        x = [x * (1 + 2 * self.rule_roundoff * rng.choice([-1, 1], x.shape)) for x in self.x]
        return RuleValue(*self.own.rule(x, *self._vectors(direction, u)))

    def derivative(self, mode: str, v: Sequence[np.ndarray], u: Sequence[np.ndarray]) -> Function:
        """J·v ("fwd") or Jᵀ·u ("rev") as a function, evaluated by the program of the rules."""

        def compiled(lift: bool) -> Callable:
            evaluation = self.wide if lift else self.own
            return lambda x, held: evaluation.rule(x, v, u)[1 if mode == "fwd" else 2]

        return self.function.derivative(mode, list(v), list(u), compiled)

    def _vectors(self, direction: Direction | None, u: Sequence[np.ndarray] | None) -> tuple:
        v = [np.zeros_like(x) for x in self.x]
        if direction is not None:
            v[direction.leaf] = direction.v
        return v, [np.zeros_like(y) for y in self.center_leaves] if u is None else u

    def sizes(self, values: np.ndarray) -> np.ndarray:
        """The size that counts for each element of the outputs: |value|, or the floor."""
        sizes = np.where(np.isfinite(values), np.abs(values), 0.0)
        for part, floor in zip(self._parts, self.floors, strict=bool(self.floors)):
            sizes[part] = np.maximum(sizes[part], floor)
        return sizes

    def leafwise_max(self, values: np.ndarray) -> np.ndarray:
        """For each element of the outputs, the largest finite |value| of its leaf."""
        sizes = np.where(np.isfinite(values), np.abs(values), 0.0)
        for part in self._parts:
            sizes[part] = np.max(sizes[part], initial=0.0)
        return sizes

    def floors_of_derivative(self, mode: str, u: Sequence[np.ndarray]) -> list[float]:
        """The sizes of f, in the units of J·v ("fwd") or Jᵀ·u ("rev")."""
        sizes = self.sizes(self.center)
        if mode == "fwd":
            return [float(np.max(sizes[part], initial=0.0)) for part in self._parts]
        total = np.sum(np.abs(real_vector(u)) * sizes)
        return [float(total / finite_differences.typical_size(x)) for x in self.x]

    @functools.cached_property
    def _parts(self) -> list[slice]:
        """Where each output leaf lies in the vector of outputs."""
        sizes = [y.size * (2 if y.dtype.kind == "c" else 1) for y in self.wide.outputs]
        ends = itertools.accumulate(sizes)
        return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
