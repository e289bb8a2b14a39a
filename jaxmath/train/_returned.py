"""What a step and an evaluation return, checked while they are traced: once a program."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath.train.step import Step, as_measure, check_name, is_real
from jaxmath.typing import Array, PyTree

__all__: list[str] = []


def _kind(value: Any) -> str:
    if type(value) in (tuple, list):
        return f"({', '.join(type(part).__name__ for part in value)})"
    return type(value).__name__


def _difference(old: PyTree, new: PyTree) -> str:
    """Where two trees have not the same leaves, the first place; else their kinds."""
    paths = lambda tree: {
        jax.tree_util.keystr(path): None for path, _ in jax.tree_util.tree_leaves_with_path(tree)
    }
    was, now = paths(old), paths(new)
    lost = [f"without state{path}" for path in was if path not in now]
    more = [f"with a new state{path}" for path in now if path not in was]
    kinds = type(new).__name__, type(old).__name__
    other = f"of {kinds[0]} in place of {kinds[1]}" if len({*kinds}) == 2 else "of other containers"
    return (lost + more + [other])[0]


def _check_leaves(old: PyTree, new: PyTree) -> None:
    """A loop hands its state on in one form: a leaf must keep its shape and its dtype."""
    spell = lambda a: f"{jnp.result_type(a)}{jnp.shape(a)}"
    for (path, was), now in zip(
        jax.tree_util.tree_leaves_with_path(old), jax.tree.leaves(new), strict=True
    ):
        where = f"state{jax.tree_util.keystr(path)}"
        if not hasattr(now, "dtype") and not isinstance(now, bool | int | float | complex):
            raise TypeError(
                f"fit: argument `step` must return arrays in its state, got {where} of type "
                f"{type(now).__name__}"
            )
        if spell(now) != spell(was):
            raise ValueError(
                f"fit: argument `step` must return {where} as it was given, {spell(was)}, got "
                f"{spell(now)}"
            )


def step_result(old: PyTree, returned: Any) -> tuple[PyTree, dict[str, Array]]:
    """The new state and the metrics of a step, or one line about what is wrong with them."""
    pair = isinstance(returned, tuple | list) and len(returned) == 2
    if not pair or not isinstance(returned[1], Mapping):
        raise TypeError(
            "fit: argument `step` must return (state, metrics), the metrics a dictionary of "
            f"scalars, got {_kind(returned)}"
        )
    state, metrics = returned
    given: Any = jax.tree.structure(old)
    if given != jax.tree.structure(state):
        raise ValueError(
            "fit: argument `step` must return a state of the structure that it was given, got one "
            f"{_difference(old, state)}"
        )
    _check_leaves(old, state)
    _check_names("fit: argument `step`", metrics)
    if "loss" not in metrics:
        raise ValueError(f"fit: the metrics of `step` must have 'loss', got {sorted(metrics)}")
    return state, _measures("fit: argument `step`", metrics, ())


@functools.lru_cache(maxsize=32)
def checked(step: Step) -> Callable:
    """The step with what it returns checked; one function, which is traced once a program."""
    return jax.jit(lambda state, *rest: step_result(state, step(state, *rest)))


def eval_result(caller: str, returned: Any, n: int) -> dict[str, Array]:
    """The measures of n examples, each of shape (n,): a mean would count for every one of them."""
    if not isinstance(returned, Mapping):
        raise TypeError(
            f"{caller}: argument `eval_fn` must return a dictionary of values of shape (n,), got "
            f"{_kind(returned)}"
        )
    _check_names(f"{caller}: argument `eval_fn`", returned)
    if caller == "fit" and "loss" not in returned:
        raise ValueError(f"fit: argument `eval_fn` must return 'loss', got {sorted(returned)}")
    return _measures(f"{caller}: argument `eval_fn`", returned, (n,))


def _check_names(what: str, values: Mapping[Any, Any]) -> None:
    for name in values:
        check_name(what, name)


def _measures(what: str, values: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, Array]:
    wanted = f"one value for each example, shape {shape}," if shape else "a scalar"
    for name, value in values.items():
        if not hasattr(value, "dtype") and not isinstance(value, bool | int | float):
            raise TypeError(f"{what} must return {wanted} for '{name}', got {_kind(value)}")
        if not is_real(value):
            raise TypeError(
                f"{what} must return real numbers for '{name}', got {jnp.result_type(value)}"
            )
        if jnp.shape(value) != shape:
            raise ValueError(
                f"{what} must return {wanted} for '{name}', got shape {jnp.shape(value)}"
            )
    return {name: as_measure(value) for name, value in values.items()}
