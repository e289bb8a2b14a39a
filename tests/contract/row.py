"""One row a public name: what the function is given, and what is known about its value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

Make = Callable[[np.random.Generator, Any], tuple]


@dataclass(frozen=True)
class Singular:
    """A point where the mathematics is singular, and the documented answer there.

    ``args`` are plain numbers and lists (cast to the row's dtypes). ``value`` and ``gradient``
    (one entry for each of the row's ``diff`` arguments, of the sum of all outputs) are compared
    exactly up to rounding; ``None`` asks only that the gradient be finite.
    """

    args: tuple
    value: Any
    gradient: tuple | None = None


@dataclass(frozen=True)
class NotDifferentiable:
    """Why a function has no gradient; differentiating it must raise or give zeros."""

    reason: str


@dataclass(frozen=True)
class Bad:
    """Arguments that must be refused, and what the error must say (a regular expression)."""

    args: tuple
    match: str
    error: type[Exception] = ValueError


@dataclass(frozen=True)
class Row:
    """The contract of one public function.

    Attributes:
      name: dotted path below ``jaxmath``, as in ``numerics.safe_norm``.
      make: from a generator and a dtype, the positional arguments (arrays, pytrees, keys). All
        floating arrays are of that dtype. Called with three seeds for the batch under vmap.
      oracle: an independent value, from the same arguments as float64 NumPy; None only with
        ``evidence``.
      diff: the differentiable arguments' positions, or NotDifferentiable.
      bad: calls that must be refused.
      singular: the singular set's members.
      call: what is called, where it is not the function itself (static options bound, an
        optimizer run for some steps, gauge-invariant parts of the output taken).
      dtypes: floating dtypes that go in and must come out.
      tol: tolerance against the oracle, in eps of the dtype times the largest |oracle|.
      evidence: instead of an oracle, the test that holds the evidence ("tests/…py::test_name").
      modes: modes of differentiation that the function has.
      order: order of the derivatives to check.
      vmap: False where vmap over all arguments has no meaning, with the reason in ``note``.
      note: remarks for the table.
    """

    name: str
    make: Make
    oracle: Callable | None = None
    diff: tuple[int, ...] | NotDifferentiable = (0,)
    bad: tuple[Bad, ...] = ()
    singular: tuple[Singular, ...] = ()
    call: Callable | None = None
    dtypes: tuple[str, ...] = ("float32", "float64")
    tol: float = 32.0
    evidence: str = ""
    modes: tuple[str, ...] = ("fwd", "rev")
    order: int = 1
    vmap: bool = True
    note: str = ""


@dataclass(frozen=True)
class HostRow:
    """A public name that is no array function (a class, a record, a driver on the host).

    Attributes:
      name: dotted path below ``jaxmath``.
      reason: why the columns of the table do not apply.
      evidence: the tests that hold its evidence, as "tests/…py::test_name".
    """

    name: str
    reason: str
    evidence: tuple[str, ...]


def key(rng: np.random.Generator) -> jax.Array:
    """A new-style key from the row's generator."""
    return jax.random.key(int(rng.integers(2**31)))
