"""The checks that make the columns of the table; pytest and ``scripts/verify.py`` share them."""

import importlib
import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import verify
from tests.contract.row import NotDifferentiable, Row

COLUMNS = ("jit", "vmap", "fwd", "rev", "singular", "oracle", "f32", "f64", "bf16", "errors")
DTYPE_COLUMNS = {"float32": "f32", "float64": "f64", "bfloat16": "bf16"}
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Outcome:
    """What one check found: True, False, or None where the column does not apply."""

    ok: bool | None
    detail: str = ""

    @property
    def mark(self) -> str:
        return {True: "✓", False: "✗", None: "–"}[self.ok]


def resolve(name: str) -> Any:
    """The object behind a row's dotted name."""
    module, _, attribute = f"jaxmath.{name}".rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _call(row: Row) -> Callable:
    return row.call if row.call is not None else resolve(row.name)


def make_args(row: Row, dtype: str, seed: int = 0) -> tuple:
    return row.make(np.random.default_rng(seed), jnp.dtype(dtype))


def is_float(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.inexact)


def is_key(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _numpy64(tree: Any) -> Any:
    """The tree as NumPy: real arrays in float64, complex in complex128, keys as they are."""

    def convert(leaf: Any) -> Any:
        if is_key(leaf):
            return leaf
        array = np.asarray(leaf)
        if array.dtype.kind == "c":
            return array.astype(np.complex128)
        return array.astype(np.float64) if is_float(leaf) else array

    return jax.tree.map(convert, tree)


def _mismatch(got: Any, want: Any, tol: float, eps: float) -> str:
    """Empty where the trees agree to tol·eps·max|want| leaf by leaf, else the worst difference."""
    got_leaves, want_leaves = jax.tree.leaves(got), jax.tree.leaves(want)
    if len(got_leaves) != len(want_leaves):
        return f"{len(got_leaves)} leaves against {len(want_leaves)}"
    for i, (a, b) in enumerate(zip(got_leaves, want_leaves, strict=True)):
        if is_key(a):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        a, b = _numpy64(a), _numpy64(b)
        if np.shape(a) != np.shape(b):
            return f"leaf {i}: shape {np.shape(a)} against {np.shape(b)}"
        finite = np.isfinite(b)
        if not np.array_equal(np.where(finite, 0, a), np.where(finite, 0, b), equal_nan=True):
            return f"leaf {i}: {a} against {b} where the oracle is not finite"
        error = np.max(np.abs(np.where(finite, a, 0) - np.where(finite, b, 0)), initial=0.0)
        bound = tol * eps * np.max(np.abs(np.where(finite, b, 0)), initial=np.finfo(float).tiny)
        if not error <= bound:
            return f"leaf {i}: error {error:.2e} above {bound:.2e}"
    return ""


def _eps(dtype: str) -> float:
    return float(jnp.finfo(dtype).eps)


class Compiled:
    """The row's function under jit, one program for all checks, with the number of traces."""

    def __init__(self, row: Row) -> None:
        self.traces, fn = 0, _call(row)

        def traced(*args: Any) -> Any:
            self.traces += 1
            return fn(*args)

        traced.__name__ = row.name.rpartition(".")[2]
        self.fn = jax.jit(traced)


def check_value(
    row: Row, dtype: str, compiled: Compiled | None = None, transforms: bool = True
) -> Iterator[tuple[str, Outcome]]:
    """dtype kept, value ≡ oracle, one trace, key used once; in the row's first dtype, where
    ``transforms`` are asked for, jit ≡ eager and vmap ≡ loop.
    """
    fn, column = _call(row), DTYPE_COLUMNS[dtype]
    compiled = compiled or Compiled(row)
    batches = [make_args(row, dtype, seed) for seed in SEEDS]
    if any(map(is_key, jax.tree.leaves(batches[0]))):
        with jax.numpy_dtype_promotion("strict"), jax.debug_key_reuse(True):
            jax.jit(fn).trace(*batches[0])  # a key that is used twice raises, no program needed
    traces = compiled.traces
    with jax.numpy_dtype_promotion("strict"):
        values = [compiled.fn(*args) for args in batches]
    traces = compiled.traces - traces
    counted = "" if traces == 1 else f"{traces} traces for {len(batches)} calls of one shape"
    if dtype != row.dtypes[0] or not transforms:
        yield "jit", Outcome(not counted, counted)
    else:
        with jax.numpy_dtype_promotion("strict"), jax.debug_key_reuse(True):
            eager = fn(*make_args(row, dtype, SEEDS[0]))  # made anew: a key may be used once
        detail = _mismatch(values[0], eager, row.tol, _eps(dtype)) or counted
        yield "jit", Outcome(not detail, detail)
        if row.vmap:
            stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *batches)
            with jax.numpy_dtype_promotion("strict"):
                batched = jax.jit(jax.vmap(fn))(*stacked)
            loop = jax.tree.map(lambda *leaves: jnp.stack(leaves), *values)
            detail = _mismatch(batched, loop, row.tol, _eps(dtype))
            yield "vmap", Outcome(not detail, detail)
        else:
            yield "vmap", Outcome(None, row.note)
    wrong = [
        str(leaf.dtype)
        for leaf in jax.tree.leaves(values[0])
        if is_float(leaf) and jnp.finfo(leaf.dtype).dtype != jnp.finfo(dtype).dtype
    ]
    yield column, Outcome(not wrong, f"{dtype} came out as {wrong[0]}" if wrong else "")
    if row.oracle is None:
        yield "oracle", Outcome(bool(row.evidence), row.evidence or "no oracle")
        return
    details = []
    for args, value in zip(batches, values, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want = row.oracle(*_numpy64(args))
        details.append(_mismatch(value, want, row.tol, _eps(dtype)))
    detail = next((f"{dtype}: {d}" for d in details if d), "")
    yield "oracle", Outcome(not detail, detail)


def _replaced(args: tuple, positions: tuple[int, ...], values: tuple) -> tuple:
    """args with the values at the positions."""
    new = dict(zip(positions, values, strict=True))
    return tuple(new.get(i, arg) for i, arg in enumerate(args))


def check_gradient(row: Row, compiled: Compiled | None = None) -> Iterator[tuple[str, Outcome]]:
    """Forward and reverse derivatives against finite differences, or the reason for none."""
    dtype = row.dtypes[-1]
    args = make_args(row, dtype)
    if isinstance(row.diff, NotDifferentiable):
        yield "fwd", Outcome(None, row.diff.reason)
        yield "rev", Outcome(None, row.diff.reason)
        return
    fn = (compiled or Compiled(row)).fn
    with jax.numpy_dtype_promotion("strict"):  # as the values: the program is theirs
        report = verify.check_gradients(
            fn, args, argnums=row.diff, modes=row.modes, order=row.order
        )
    for mode in ("fwd", "rev"):
        if mode not in row.modes:
            yield mode, Outcome(None, row.note)
            continue
        # At order 2 an entry's mode is a pair: the inner derivative's and the outer one's.
        failures = [entry for entry in report.failures if entry.mode.startswith(mode)]
        yield mode, Outcome(not failures, str(report) if failures else "")


def _cast(tree: Any, like: Any, dtype: str) -> Any:
    """Plain numbers and lists of a Singular as arrays of the dtypes that ``make`` gives."""
    if isinstance(tree, (list, float, int, bool, np.ndarray)):
        template = jax.tree.leaves(like)[0]
        target = jnp.dtype(dtype) if is_float(template) else template.dtype
        return jnp.asarray(np.asarray(tree), target)
    return tree


def _arrays(tree: Any) -> Any:
    """The tree with its lists of numbers as arrays."""
    is_list = lambda node: isinstance(node, list)
    return jax.tree.map(lambda node: np.asarray(node, float), tree, is_leaf=is_list)


def check_singular(row: Row) -> Iterator[tuple[str, Outcome]]:
    """On its singular set a function gives its documented value and a finite gradient."""
    if not row.singular:
        yield "singular", Outcome(None, "no singular set")
        return
    fn, has_gradient = _call(row), not isinstance(row.diff, NotDifferentiable)
    diff = row.diff if has_gradient else ()

    @jax.jit
    def value_and_gradient(*args: Any) -> tuple[Any, Any]:
        def total(*moving: Any) -> Any:
            value = fn(*_replaced(args, diff, moving))
            # Only finite outputs are summed: −∞ is a documented value, its sum is not.
            leaves = jax.tree.leaves(value)
            return sum(jnp.sum(jnp.where(jnp.isfinite(v), v, 0).real) for v in leaves), value

        if not has_gradient:
            return fn(*args), ()
        positions = tuple(range(len(diff)))
        gradient, value = jax.grad(total, positions, has_aux=True)(*(args[i] for i in diff))
        return value, gradient

    for dtype in row.dtypes:
        template = make_args(row, dtype)
        for point in row.singular:
            args = tuple(_cast(a, t, dtype) for a, t in zip(point.args, template, strict=True))
            value, gradient = value_and_gradient(*args)
            detail = ""
            if point.value is not None:
                detail = _mismatch(value, _arrays(point.value), row.tol, _eps(dtype))
            if not detail and point.gradient is not None:
                detail = _mismatch(gradient, _arrays(point.gradient), row.tol, _eps(dtype))
            elif not all(np.all(np.isfinite(_numpy64(g))) for g in jax.tree.leaves(gradient)):
                detail = detail or f"gradient {gradient}"
            if detail:
                yield "singular", Outcome(False, f"{dtype} at {point.args}: {detail}")
                return
    yield "singular", Outcome(True)


def check_errors(row: Row) -> Iterator[tuple[str, Outcome]]:
    """Bad arguments are refused with an error that names the argument."""
    import re

    fn = resolve(row.name)
    if not row.bad:
        yield "errors", Outcome(False, "the row lists no bad call")
        return
    for bad in row.bad:
        try:
            fn(*bad.args)
        except bad.error as error:
            if not re.search(bad.match, str(error)):
                yield "errors", Outcome(False, f"{error!r} does not match {bad.match!r}")
                return
            named = re.match(r"(\w+): argument", str(error))
            # x_init, which shares the row of x, may be the one that checks.
            own = row.name.rpartition(".")[2]
            if named and named[1] not in (own, f"{own}_init"):
                yield "errors", Outcome(False, f"{error!r} names {named[1]}, not {row.name}")
                return
        except Exception as error:
            yield "errors", Outcome(False, f"{error!r} is no {bad.error.__name__}")
            return
        else:
            yield "errors", Outcome(False, f"{bad.args} passed")
            return
    yield "errors", Outcome(True)


def check_key_first(row: Row) -> str:
    """A random function takes ``key`` first and without a default."""
    fn = resolve(row.name)
    if not callable(fn):
        return ""
    parameters = list(inspect.signature(fn).parameters.values())
    names = [p.name for p in parameters]
    if "key" not in names:
        return ""
    ok = names[0] == "key" and parameters[0].default is inspect.Parameter.empty
    return "" if ok else f"{row.name}: key must be the first argument, without a default"


def run(
    row: Row, gradients: bool = True, skip: str = "", transforms: bool = True
) -> dict[str, Outcome]:
    """All columns of one row; a column that is checked twice keeps its first failure.

    The values in the dtype ``skip``, and jit ≡ eager and vmap ≡ loop without ``transforms``, are
    left out, where another test has them.
    """
    found: dict[str, Outcome] = {}
    compiled = Compiled(row)

    def keep(outcomes: Iterator[tuple[str, Outcome]]) -> None:
        for column, outcome in outcomes:
            if column not in found or found[column].ok is not False:
                found[column] = outcome

    for dtype in row.dtypes:
        if dtype != skip:
            keep(check_value(row, dtype, compiled, transforms))
    if gradients:
        keep(check_gradient(row, compiled))
    keep(check_singular(row))
    keep(check_errors(row))
    return {column: found.get(column, Outcome(None)) for column in COLUMNS}
