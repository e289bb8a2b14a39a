"""From the names that people type to optimizers and problems."""

import difflib
import functools
import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

from jaxmath import optimize
from jaxmath.benchmark.learning import learning_problems
from jaxmath.optimize.problems import Problem, classical_problems

__all__ = [
    "Optimizer",
    "optimizer_names",
    "problem_names",
    "resolve_optimizer",
    "resolve_problem",
]


@dataclass(frozen=True)
class Optimizer:
    """A named optimizer that is a function of its hyper-parameters.

    ::

        make(learning_rate=η) → optax.GradientTransformation

    Args:
      name: as it appears in reports.
      make: the factory; it takes its hyper-parameters by name.

    Returns:
      A frozen record.

    Numerics:
      ``make`` is called inside a compiled program with traced hyper-parameters.

    Example:
      >>> Optimizer("sgd", optax.sgd).name
      'sgd'
    """

    name: str
    make: Callable[..., optax.GradientTransformation]


_SHIPPED: dict[str, Callable[..., optax.GradientTransformation]] = {
    "adadelta": optimize.adadelta,
    "adagrad": optimize.adagrad,
    "adam": optimize.adam,
    "adamax": optimize.adamax,
    "adamw": optimize.adamw,
    "amsgrad": optimize.amsgrad,
    "heavy_ball": optimize.heavy_ball,
    "lion": optimize.lion,
    "nadam": optimize.nadam,
    "nesterov": optimize.nesterov,
    "rmsprop": optimize.rmsprop,
    "rmsprop_centered": functools.partial(optimize.rmsprop, centered=True),
    "sgd": optimize.sgd,
}


def optimizer_names() -> tuple[str, ...]:
    """The names of the optimizers that jaxmath ships.

    Args:
      None.

    Returns:
      A tuple of names that ``resolve_optimizer`` takes.

    Example:
      >>> "adam" in optimizer_names()
      True
    """
    return tuple(_SHIPPED)


def problem_names() -> tuple[str, ...]:
    """The names of the problems that jaxmath ships: classical ones, then learning problems.

    Args:
      None.

    Returns:
      A tuple of names that ``resolve_problem`` takes.

    Example:
      >>> "beale" in problem_names() and "digits-mlp" in problem_names()
      True
    """
    return tuple(_problems())


def _problems() -> dict[str, Callable[[], Problem]]:
    classical = {p.name: (lambda p=p: p) for p in classical_problems()}
    return classical | learning_problems()


def _nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(repr(prefix + n) for n in near)}?" if near else ""


def _unknown(what: str, name: str, known: Iterable[str], forms: str) -> ValueError:
    hint = _nearest(name, known) or f"known: {', '.join(known)}"
    return ValueError(f"unknown {what} '{name}': {hint} ({forms})")


def _import_factory(what: str, name: str) -> Callable:
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ValueError(f"unknown {what} '{name}': {error}") from error
    if not hasattr(module, attribute):
        hint = _nearest(attribute, dir(module), f"{module_name}:")
        raise ValueError(
            f"unknown {what} '{name}': module '{module_name}' has no attribute '{attribute}' {hint}"
        )
    factory = getattr(module, attribute)
    if not callable(factory):
        raise ValueError(f"{what} '{name}' is no function but {type(factory).__name__}")
    return factory


def _refuse_more_than_gradients(name: str, transformation: optax.GradientTransformation) -> None:
    """A line search, say, wants values too; what else may fail on one number is no mistake."""
    step = lambda x: transformation.update(x, transformation.init(x), x)
    try:
        jax.eval_shape(step, jnp.ones(1))
    except Exception as error:
        if "required keyword-only" in str(error):
            raise ValueError(f"optimizer '{name}' needs more than gradients: {error}") from error


def resolve_optimizer(name: str) -> Optimizer:
    """The optimizer behind a name.

    ::

        "adam" → ours,   "optax:adabelief" → optax's,   "package.module:factory" → yours

    Args:
      name: a shipped name, ``optax:NAME``, or ``package.module:factory``, where the factory takes
        ``learning_rate`` by name and returns an optax transformation.

    Returns:
      An ``Optimizer``.

    Raises:
      ValueError: the name is unknown (the nearest is suggested), it makes no optimizer, or one
        that needs more than gradients.

    Example:
      >>> resolve_optimizer("adam").name
      'adam'

    References:
      Python packaging, "Entry points": the ``module:attribute`` form.
    """
    if ":" not in name:
        if name not in _SHIPPED:
            forms = "or optax:NAME, or package.module:factory"
            raise _unknown("optimizer", name, _SHIPPED, forms)
        return Optimizer(name, _SHIPPED[name])
    make = _import_factory("optimizer", name)
    try:
        transformation = make(learning_rate=0.1)
    except Exception as error:
        raise ValueError(f"optimizer '{name}' failed on learning_rate=0.1: {error}") from error
    if not (hasattr(transformation, "init") and hasattr(transformation, "update")):
        raise ValueError(
            f"optimizer '{name}' returned {type(transformation).__name__}, "
            "not an optax.GradientTransformation"
        )
    _refuse_more_than_gradients(name, transformation)
    return Optimizer(name, make)


def resolve_problem(name: str) -> Problem:
    """The problem behind a name.

    ::

        "beale" → ours,   "package.module:factory" → yours

    Args:
      name: a shipped name, or ``package.module:factory``, where the factory takes nothing and
        returns a ``Problem``.

    Returns:
      A ``Problem``; a learning problem loads its data here.

    Raises:
      ValueError: the name is unknown (the nearest is suggested), or it makes no problem.

    Example:
      >>> resolve_problem("himmelblau").minimum
      0.0

    References:
      Python packaging, "Entry points": the ``module:attribute`` form.
    """
    if ":" not in name:
        problems = _problems()
        if name not in problems:
            raise _unknown("problem", name, problems, "or package.module:factory")
        return problems[name]()
    try:
        problem = _import_factory("problem", name)()
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"problem '{name}' failed: {error}") from error
    if not isinstance(problem, Problem):
        raise ValueError(f"problem '{name}' returned {type(problem).__name__}, not a Problem")
    return problem
