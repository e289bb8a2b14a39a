"""Check that a function survives jit, vmap and a change of dtype, and compiles once."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.typing import Array, PyTree
from jaxmath.verify.programs import (
    as_leaf,
    as_seed,
    calling,
    function_name,
    is_inexact,
    is_key,
    lifted,
    precision,
    real_vector,
    roundoff,
)
from jaxmath.verify.report import Entry, Report, Verdict

__all__ = ["check_transforms"]

# Another order of the same operations, in unit roundoffs of the output's scale.
_ROUNDINGS = 16.0
_PROOF = 4.0
# The members of the batch: shrinking keeps signs, symmetry, and the domain of a probability.
_FACTORS = (1.0, 1 - 2.0**-5, 1 - 2.0**-4)
_COMPILE_EVENT = "/jax/core/compile/backend_compile_duration"


def check_transforms(f: Callable, args: tuple[PyTree, ...], *, seed: int = 0) -> Report:
    """Check that f is the same function under jit and vmap, keeps its dtype, and traces once.

    jit(f)(x) = f(x),    vmap(f)(x₁…x₃)ᵢ = f(xᵢ),    dtype(f(x)) = dtype(x)

    The batch is x itself and two shrunk copies; integers are repeated, random keys are folded.

    Args:
        f: the function; it returns a pytree of arrays.
        args: the tuple of its arguments, pytrees of arrays and numbers.
        seed: of the perturbations that measure the noise in f.

    Returns:
        A `Report` with the entries "jit", "vmap", "dtype" (one a dtype) and "trace": WRONG with
        the reason where f breaks, INCONCLUSIVE where it is off by little more than rounding; OK
        with the note "not checked" where the arguments hold nothing to check it on.

    Raises:
        TypeError: f is not callable or jitted with static arguments among args, args is no tuple or
            holds something that is no array, or seed is no integer.
        ValueError: seed lies outside [0, 2³²).

    Numerics:
        The bound is 16 unit roundoffs of each output leaf, and where that does not do, 4 times
        the noise in f more, as its second differences at a few roundoffs of x show it. NaN equals
        NaN. Dtypes are judged by abstract evaluation, with 64-bit types on: float64 arguments
        must give float64, and float32 ones float32. f is called twice outside jit, and two
        programs are compiled.

    Example:
        >>> import jax.numpy as jnp
        >>> report = check_transforms(jnp.sin, (jnp.linspace(0.0, 1.0, 3),))
        >>> bool(report), sorted({entry.mode for entry in report.entries})
        (True, ['dtype', 'jit', 'trace', 'vmap'])

    References:
        JAX, "Key concepts" (transformations); the contract is the library's own.
    """
    if not callable(f):
        raise TypeError(f"argument `f` must be callable, got {type(f).__name__}")
    if not isinstance(args, tuple):
        raise TypeError(
            f"argument `args` must be the tuple of the arguments of f, got "
            f"{type(args).__name__}; for one argument write (x,)"
        )
    seed = as_seed(seed)
    pairs, treedef = jax.tree_util.tree_flatten_with_path(tuple(args))
    leaves = [as_leaf("args" + jax.tree_util.keystr(path), leaf) for path, leaf in pairs]
    args = jax.tree.unflatten(treedef, leaves)
    with lifted(on=False):
        entries = (*_Transforms(f, args, seed).check(), *_check_dtypes(f, args))
    return Report(function_name(f), entries)


class _Transforms:
    """f, its compiled self and how often that was traced."""

    def __init__(self, f: Callable, args: tuple, seed: int) -> None:
        self.f, self.seed, self.num_traces = f, seed, 0
        self.members = [_member(args, i) for i in range(len(_FACTORS))]

        def traced(*xs: Any) -> Any:
            self.num_traces += 1
            return f(*xs)

        self.compiled = jax.jit(traced)

    def check(self) -> Iterator[Entry]:
        """The entries jit, vmap and trace."""
        with calling(self.f):
            eager = self.f(*self.members[0])
        try:
            jitted = [self.compiled(*member) for member in self.members]
        except Exception as error:  # whatever f raises under jit is the finding
            yield _broken("jit", error)
            return
        yield self._compare("jit", [jitted[0]], [eager])
        num_traces = self.num_traces
        yield self._check_vmap(jitted)
        yield self._check_traces(num_traces)

    def _check_vmap(self, wanted: list[PyTree]) -> Entry:
        if not jax.tree.leaves(self.members[0]):
            note = "not checked: the arguments hold no array"
            return Entry("output", "vmap", 0, 0.0, 0.0, 0.0, Verdict.OK, note)
        try:
            batch = jax.tree.map(_stack, *self.members)
            batched = jax.jit(jax.vmap(self.f))(*batch)
        except Exception as error:  # as under jit
            return _broken("vmap", error)
        lanes = [jax.tree.map(lambda y, i=i: y[i], batched) for i in range(len(_FACTORS))]
        return self._compare("vmap", lanes, wanted)

    def _compare(self, mode: str, found: list[PyTree], wanted: list[PyTree]) -> Entry:
        """The worst output leaf of all members."""
        entries = []
        for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
            if reason := _structure(a, b):
                return Entry("output", mode, 0, np.nan, 0.0, np.nan, Verdict.WRONG, reason)
            noise = None
            for k, (path, want) in enumerate(jax.tree_util.tree_leaves_with_path(b)):
                got, name = jax.tree.leaves(a)[k], "output" + jax.tree_util.keystr(path)
                entry = _compare_leaf(name, mode, got, want, 0.0)
                if entry.verdict is not Verdict.OK and is_inexact(want):
                    noise = noise or self._noise(i)
                    entry = _compare_leaf(name, mode, got, want, noise[k])
                entries.append(entry)
        empty = Entry("output", mode, 0, 0.0, 0.0, 0.0, Verdict.OK, "no output")
        return Report("", tuple(entries)).worst if entries else empty

    def _noise(self, i: int) -> list[float]:
        """The noise in each output leaf of a member: |f(x + δ) − 2f(x) + f(x − δ)|, tiny δ.

        Taken outside jit, where XLA cannot simplify away the very cancellation that rounds.
        """
        rng = np.random.RandomState(self.seed)
        center, again = (self._vectors(self.members[i]) for _ in range(2))
        noise = [0.0] * len(center)
        if any(_distance(a, b) > 0 for a, b in zip(center, again, strict=True)):
            return noise  # an impure function is not excused by its own noise
        for power in (1.0, 0.75, 0.5):  # the curvature of f at √u is a roundoff
            signs = [rng.choice([-1, 1], np.shape(y)) for y in jax.tree.leaves(self.members[i])]
            ahead, behind = (
                self._vectors(_shift(self.members[i], signs, sign, power)) for sign in (1, -1)
            )
            for k, (a, b, c) in enumerate(zip(ahead, behind, center, strict=True)):
                noise[k] = max(noise[k], _distance(a + b, 2 * c))
        return noise

    def _vectors(self, args: tuple) -> list[np.ndarray]:
        leaves = jax.tree.leaves(self.f(*args))
        return [real_vector([y]) if is_inexact(y) else np.zeros(0) for y in leaves]

    def _check_traces(self, num_traces: int) -> Entry:
        numbers = (float(num_traces), 1.0, 1.0)
        if num_traces != 1:
            note = f"{num_traces} traces for {len(_FACTORS)} calls with the same shapes"
            return Entry("f", "trace", 0, *numbers, Verdict.WRONG, note)
        num_compiled = _num_compiled(lambda: self.f(*self.members[1]))
        again = f"outside jit, f compiles {num_compiled} program(s) anew at every call"
        note = again if num_compiled else ""
        return Entry("f", "trace", 0, *numbers, Verdict.OK, note)


def _check_dtypes(f: Callable, args: tuple) -> Iterator[Entry]:
    """One entry for the dtype given, float32 and float64: what goes in comes out."""
    given = {precision(leaf.dtype) for leaf in jax.tree.leaves(args) if is_inexact(leaf)}
    if len(given) != 1:
        note = f"not checked: the arguments hold {', '.join(sorted(given)) or 'no floating leaf'}"
        yield Entry("output", "dtype", 0, 0.0, 0.0, 0.0, Verdict.OK, note)
        return
    for dtype in sorted(given | {"float32", "float64"}):
        with jax.enable_x64(True):
            cast = jax.tree.map(lambda leaf, dtype=dtype: _cast(leaf, dtype), args)
            try:
                outputs = jax.eval_shape(f, *cast)
            except Exception as error:
                yield _broken("dtype", error, f"{dtype} arguments: ")
                continue
        wrong = [
            f"output{jax.tree_util.keystr(path)} of {dtype} arguments is {leaf.dtype}"
            for path, leaf in jax.tree_util.tree_leaves_with_path(outputs)
            if is_inexact(leaf) and not leaf.weak_type and precision(leaf.dtype) != dtype
        ]
        verdict = Verdict.WRONG if wrong else Verdict.OK
        note = wrong[0] if wrong else dtype
        yield Entry("output", "dtype", 0, float(len(wrong)), 0.0, 1.0, verdict, note)


def _cast(leaf: Any, dtype: str) -> Any:
    if is_key(leaf) or not is_inexact(leaf):
        return leaf
    is_complex = jnp.issubdtype(leaf.dtype, jnp.complexfloating)
    return jnp.asarray(leaf, jnp.result_type(dtype, jnp.complex64) if is_complex else dtype)


def _member(args: tuple, i: int) -> tuple:
    """The i-th member of the batch."""

    def change(leaf: Any) -> Any:
        if is_key(leaf):
            return _fold(leaf, i)
        return (leaf * _FACTORS[i]).astype(leaf.dtype) if is_inexact(leaf) else leaf

    return jax.tree.map(change, args)


def _shift(args: tuple, signs: list[np.ndarray], sign: int, power: float) -> tuple:
    """Each floating element moved by the relative step u^power, up or down as the signs say."""
    leaves, treedef = jax.tree.flatten(args)

    def move(leaf: Any, ups: np.ndarray) -> Any:
        if is_key(leaf) or not is_inexact(leaf):
            return leaf
        step = max(2 * roundoff(leaf.dtype), roundoff(leaf.dtype) ** power / 2)
        is_complex = jnp.issubdtype(leaf.dtype, jnp.complexfloating)
        wide = np.asarray(leaf).astype(np.complex128 if is_complex else np.float64)
        return jnp.asarray(wide * (1 + sign * step * ups), leaf.dtype)

    return jax.tree.unflatten(treedef, list(map(move, leaves, signs)))


def _fold(keys: Array, i: int) -> Array:
    """Other keys for the i-th member; an array of keys is folded one by one."""
    folded = jax.vmap(lambda key: jax.random.fold_in(key, i))(keys.reshape(-1))
    return folded.reshape(keys.shape)


def _stack(*leaves: Any) -> Any:
    return jnp.stack(leaves)


def _num_compiled(call: Callable[[], Any]) -> int:
    """How many programs XLA compiles during a call."""
    events = []

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event == _COMPILE_EVENT:
            events.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        call()
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    return len(events)


def _broken(mode: str, error: Exception, where: str = "") -> Entry:
    reason = str(error).strip().partition("\n")[0]
    note = f"{where}{type(error).__name__}: {reason}"
    return Entry("f", mode, 0, np.nan, 0.0, np.nan, Verdict.WRONG, note)


def _structure(a: PyTree, b: PyTree) -> str:
    """How two outputs differ in structure, shape or dtype; empty where they do not."""
    structures = str(jax.tree.structure(a)), str(jax.tree.structure(b))
    if structures[0] != structures[1]:
        return f"the output is {structures[0]}, not {structures[1]}"
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        got, want = ((np.shape(z), z.dtype if is_key(z) else jnp.result_type(z)) for z in (x, y))
        if got != want:
            return f"an output leaf is {got[1]}{list(got[0])}, not {want[1]}{list(want[0])}"
    return ""


def _compare_leaf(name: str, mode: str, got: Any, want: Any, noise: float) -> Entry:
    """One output leaf against another, to rounding; integers and keys exactly."""
    got, want = (z if hasattr(z, "dtype") else jnp.asarray(z) for z in (got, want))
    if is_key(want):
        got, want = jax.random.key_data(got), jax.random.key_data(want)
    a, b = real_vector([got]), real_vector([want])
    scale = float(np.max(np.abs(b), where=np.isfinite(b), initial=0.0))
    bound = _ROUNDINGS * roundoff(want.dtype) * scale + 4 * noise if is_inexact(want) else 0.0
    error = _distance(a, b)
    verdict, note = Verdict.OK, ""
    if error > bound:
        verdict = Verdict.WRONG if error > _PROOF * bound else Verdict.INCONCLUSIVE
        i = int(np.argmax(np.where(np.isnan(a - b), np.inf, np.abs(a - b))))
        note = f"{a[i]:.6g} instead of {b[i]:.6g} at element {i}"
    return Entry(name, mode, 0, error, bound, scale, verdict, note)


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """max |a − b|, with NaN equal to NaN and infinity to infinity of its sign."""
    with np.errstate(invalid="ignore"):
        gap = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    return float(np.max(np.where(np.isnan(gap), np.inf, gap), initial=0.0))
