"""A user's function as compiled programs: in its own dtype, and lifted to float64.

The leaves of the arguments are split into *moving* ones (floating or complex, to be
differentiated) and *held* ones (integers, booleans, random keys, arguments not asked for).
Outputs that are not floating are dropped. Beyond this module everything is NumPy: a list of
outputs becomes one real float64 vector, a complex number two entries of it.
"""

import contextlib
import dataclasses
import functools
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.typing import Array, PyTree

__all__ = [
    "NEEDS_VALUES",
    "Function",
    "Program",
    "as_leaf",
    "as_seed",
    "calling",
    "compile_rule",
    "function_name",
    "is_inexact",
    "is_key",
    "lifted",
    "precision",
    "real_vector",
    "roundoff",
    "trace_program",
]

Leaves = list[Any]

# What jit raises for a function that looks at values (an `if` on an array): it is run eagerly.
NEEDS_VALUES = (
    jax.errors.ConcretizationTypeError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)

_NO_RULE = (TypeError, ValueError, NotImplementedError)


def is_inexact(leaf: Any) -> bool:
    """Whether a leaf is differentiable: real or complex floating, of any width."""
    dtype = leaf.dtype if hasattr(leaf, "dtype") else jnp.result_type(leaf)
    return jnp.issubdtype(dtype, jnp.inexact)


def is_key(leaf: Any) -> bool:
    """Whether a leaf is a typed random key."""
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def roundoff(dtype: Any) -> float:
    """The unit roundoff u of a floating dtype: half the spacing of the numbers at 1."""
    return float(jnp.finfo(dtype).eps) / 2


def precision(dtype: Any) -> str:
    """The real dtype that sets the precision: "float32" for complex64."""
    return str(jnp.finfo(dtype).dtype)


def function_name(f: Callable) -> str:
    """A function's name for a report; that of what a partial wraps."""
    inner = f.func if isinstance(f, functools.partial) else f
    return getattr(inner, "__name__", type(inner).__name__)


@contextlib.contextmanager
def lifted(on: bool = True) -> Iterator[None]:
    """Context of the float64 evaluations; `on=False` leaves the caller's precision alone.

    Constants that f closes over keep their dtype, so implicit promotion must be allowed; and a
    stencil may step out of the domain of f, so that NaN is no reason to stop. Calling f again with
    the same key is the point of a check.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(jax.debug_key_reuse(False))
        stack.enter_context(jax.debug_nans(False))
        stack.enter_context(jax.debug_infs(False))
        if on:
            stack.enter_context(jax.enable_x64(True))
            stack.enter_context(jax.numpy_dtype_promotion("standard"))
        yield


def real_vector(leaves: Sequence[Any], conjugate: bool = False) -> np.ndarray:
    """Leaves as one real float64 vector; with one side conjugated, dot is Re Σ a·b."""
    parts = [np.zeros(0)]
    for leaf in leaves:
        array = np.asarray(leaf)
        if jnp.issubdtype(array.dtype, jnp.complexfloating):
            wide = array.astype(np.complex128).ravel()
            parts.append((wide.conj() if conjugate else wide).view(np.float64))
        else:
            parts.append(array.astype(np.float64).ravel())
    return np.concatenate(parts)


@dataclasses.dataclass(frozen=True)
class Function:
    """f between lists of floating leaves: call(moving, held) -> outputs, at one point.

    Args:
        call: the function.
        paths: the names of the moving leaves, as in "args[0]['w']".
        moving: the moving leaves in their own dtype.
        held: the other leaves.
        compiled: from whether the leaves are lifted, the compiled form of `call` that there is
            already; None where there is none.
    """

    call: Callable[[Leaves, Leaves], Leaves]
    paths: tuple[str, ...]
    moving: Leaves
    held: Leaves
    compiled: Callable[[bool], Callable] | None = None

    @classmethod
    def from_arguments(
        cls, f: Callable, args: tuple[PyTree, ...], argnums: int | Sequence[int] | None
    ) -> "Function":
        """Split the arguments of f into moving and held leaves."""
        if not callable(f):
            raise TypeError(f"argument `f` must be callable, got {type(f).__name__}")
        if not isinstance(args, tuple):
            raise TypeError(
                f"argument `args` must be the tuple of the arguments of f, got "
                f"{type(args).__name__}; for one argument write (x,)"
            )
        chosen = _positions(argnums, len(args))
        pairs, treedef = jax.tree_util.tree_flatten_with_path(tuple(args))
        paths = ["args" + jax.tree_util.keystr(path) for path, _ in pairs]
        leaves = [as_leaf(name, leaf) for name, (_, leaf) in zip(paths, pairs, strict=True)]
        moves = [
            is_inexact(leaf) and path[0].idx in chosen
            for leaf, (path, _) in zip(leaves, pairs, strict=True)
        ]

        def call(moving: Leaves, held: Leaves) -> Leaves:
            sources = {True: iter(moving), False: iter(held)}
            arguments = jax.tree.unflatten(treedef, [next(sources[m]) for m in moves])
            with calling(f):
                outputs = f(*arguments)
            arrays = [
                jnp.asarray(y) if not hasattr(y, "dtype") else y for y in jax.tree.leaves(outputs)
            ]
            return [y for y in arrays if is_inexact(y)]

        def select(values: Sequence, moving: bool) -> list:
            return [v for v, m in zip(values, moves, strict=True) if m is moving]

        compiled = (lambda lift: call) if isinstance(f, jax.stages.Wrapped) else None
        return cls(
            call, tuple(select(paths, True)), select(leaves, True), select(leaves, False), compiled
        )

    @property
    def is_wide(self) -> bool:
        """Whether all leaves are of double width as they are."""
        inexact = [leaf for leaf in [*self.moving, *self.held] if is_inexact(leaf)]
        doubles = all(precision(a.dtype) == "float64" for a in inexact)
        return doubles and jnp.result_type(float) == jnp.float64  # x64 is on

    def at_precision(self, lift: bool) -> tuple[Leaves, Leaves]:
        """The leaves as NumPy arrays (keys stay keys), exactly, in their own or double width."""
        return (
            [_as_numpy(leaf, lift) for leaf in self.moving],
            [leaf if is_key(leaf) else _as_numpy(leaf, lift) for leaf in self.held],
        )

    def derivative(
        self,
        mode: str,
        tangents: Leaves,
        cotangents: Leaves,
        compiled: Callable[[bool], Callable] | None = None,
    ) -> "Function":
        """The first-order rule as a function of the leaves: J(x)·v ("fwd") or J(x)ᵀ·u ("rev")."""

        def call(moving: Leaves, held: Leaves) -> Leaves:
            def at(*xs: Array) -> Leaves:
                return self.call(list(xs), held)

            if mode == "fwd":
                return jax.jvp(at, moving, _cast_like(tangents, moving))[1]
            outputs, pullback = jax.vjp(at, *moving)
            return list(pullback(_cast_like(cotangents, outputs)))

        return dataclasses.replace(self, call=call, compiled=compiled)

    def rule(self, modes: Sequence[str]) -> Callable:
        """rule(moving, held, v, u) -> (f, J·v, Jᵀ·u) in one program; None for a mode not asked."""

        def evaluate(moving: Leaves, held: Leaves, v: Leaves, u: Leaves) -> tuple:
            def at(*xs: Array) -> Leaves:
                return self.call(list(xs), held)

            outputs = tangents = cotangents = None
            if "fwd" in modes:
                outputs, tangents = jax.jvp(at, moving, v)
            if "rev" in modes:
                outputs, pullback = jax.vjp(at, *moving)
                cotangents = pullback(u)
            return outputs, tangents, cotangents

        return evaluate


def _positions(argnums: int | Sequence[int] | None, num_args: int) -> tuple[int, ...]:
    """The positions of the arguments to differentiate: all for None."""
    if argnums is None:
        return tuple(range(num_args))
    try:
        chosen = tuple(map(operator.index, argnums if np.iterable(argnums) else (argnums,)))
    except TypeError:
        raise TypeError(
            f"argument `argnums` must be an integer or a sequence of them, got {argnums!r}"
        ) from None
    if bad := [i for i in chosen if i not in range(num_args)]:
        raise ValueError(
            f"argument `argnums` must lie in 0…{num_args - 1}, got {bad[0]}: f is given "
            f"{num_args} arguments"
        )
    return chosen


def as_leaf(name: str, leaf: Any) -> Array:
    """A leaf of the arguments as an array, as f would see it; or say which one is none."""
    if isinstance(leaf, jax.Array):
        return leaf
    try:
        return jnp.asarray(leaf)
    except (TypeError, ValueError) as error:
        got = type(leaf).__name__
        raise TypeError(f"{name} must be an array or a number, got {got}") from error


def as_seed(seed: int) -> int:
    """A seed of NumPy's generator; a concrete array may be one."""
    try:
        number = operator.index(seed)
    except TypeError:
        got = type(seed).__name__
        raise TypeError(f"argument `seed` must be an integer, got {got}") from None
    if not 0 <= number < 2**32:
        raise ValueError(f"argument `seed` must be at least 0 and below 2³², got {number}")
    return number


@contextlib.contextmanager
def calling(f: Callable) -> Iterator[None]:
    """Context of a call of f: a jitted one cannot hash arrays for its static arguments."""
    try:
        yield
    except ValueError as error:
        if isinstance(f, jax.stages.Wrapped) and "static arguments" in str(error):
            raise TypeError(
                "argument `f` has static arguments, and `args` holds arrays only (its numbers "
                "become arrays): close over them, as in lambda x: f(x, 2)"
            ) from error
        raise


def _as_numpy(leaf: Array, lift: bool) -> np.ndarray:
    array = np.asarray(leaf)
    if not lift or not is_inexact(array):
        return array
    is_complex = jnp.issubdtype(array.dtype, jnp.complexfloating)
    return array.astype(np.complex128 if is_complex else np.float64)


def _cast_like(values: Leaves, like: Leaves) -> Leaves:
    return [jnp.asarray(v, y.dtype) for v, y in zip(values, like, strict=True)]


@dataclasses.dataclass(frozen=True)
class Program:
    """A function to be compiled when it is first run, and what its jaxpr tells about it.

    Args:
        compile: compiles it.
        outputs: shapes and dtypes of what it returns.
        roundoff: u of the narrowest dtype that it casts down to on its way; 0 for none.
        draws: whether it draws random numbers.
    """

    compile: Callable[[], Callable]
    outputs: Any
    roundoff: float
    draws: bool

    @functools.cached_property
    def run(self) -> Callable:
        """The compiled function."""
        return self.compile()


def trace_program(function: Callable, *example: Any, compiled: Callable | None = None) -> Program:
    """Trace for arguments like the example; a function that needs values stays eager.

    Args:
        function: the function.
        example: its arguments.
        compiled: its compiled form, where there is one already.
    """
    try:
        traced = jax.jit(function).trace(*example)
    except NEEDS_VALUES:
        eager = lambda *args: function(*jax.tree.map(jnp.asarray, args))
        return Program(lambda: eager, eager(*example), 0.0, False)
    equations = list(_equations(traced.jaxpr))
    narrowest = max(map(_cast_roundoff, equations), default=0.0)
    draws = any(str(eqn.primitive).startswith(("random_", "threefry")) for eqn in equations)
    build = (lambda: traced.lower().compile()) if compiled is None else (lambda: compiled)
    return Program(build, traced.out_info, narrowest, draws)


def compile_rule(function: Function, modes: Sequence[str], *example: Any) -> Program:
    """Compile the rules, or say which is missing: a while_loop has no reverse one."""
    try:
        return _compiled(function.rule(modes), *example)
    except _NO_RULE:
        _compiled(function.call, *example[:2])  # if f itself does not compile, it says so
        for mode, other in (("fwd", "rev"), ("rev", "fwd")):
            if mode not in modes:
                continue
            try:
                _compiled(function.rule((mode,)), *example)
            except _NO_RULE as error:
                reason = str(error).strip().partition("\n")[0]
                raise TypeError(
                    f"f cannot be differentiated in the mode {mode!r} ({reason}); if it is meant "
                    f"to have no such rule, pass modes=({other!r},)"
                ) from error
        raise


def _compiled(function: Callable, *example: Any) -> Program:
    """Traced and compiled: some rules are missed only then."""
    program = trace_program(function, *example)
    _ = program.run
    return program


def _equations(jaxpr: Any) -> Iterator[Any]:
    """All equations, those of loops and inner functions too, without the ones that hold them."""
    for eqn in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        inner = list(_inner_jaxprs(eqn.params.values()))
        if not inner:
            yield eqn
        for sub in inner:
            yield from _equations(sub)


def _inner_jaxprs(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (tuple, list)):
            yield from _inner_jaxprs(value)
        elif hasattr(value, "eqns") or hasattr(getattr(value, "jaxpr", None), "eqns"):
            yield value


def _cast_roundoff(eqn: Any) -> float:
    """u of an equation's output where it is narrower than an input, else 0."""
    ins, outs = (
        [roundoff(v.aval.dtype) for v in side if hasattr(v.aval, "dtype") and is_inexact(v.aval)]
        for side in (eqn.invars, eqn.outvars)
    )
    return max(outs) if ins and outs and max(outs) > min(ins) else 0.0
