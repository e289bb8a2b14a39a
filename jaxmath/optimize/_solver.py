"""What every solver of a callable shares: its program, its starting point, its tolerance."""

import functools
import inspect
import numbers
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxmath import _integers
from jaxmath._compiled import compiled
from jaxmath.typing import Array, ArrayLike, PyTree, as_array

__all__: list[str] = []

P = ParamSpec("P")
R = TypeVar("R")


def solver(fn: Callable[P, R], data: tuple[str, ...] = ()) -> Callable[P, R]:
    """A function of a callable, as one compiled program per function object.

    ::

        fn(fun, *data, args=(), **settings)   or   fn(key, fun, *data, args=(), **settings)

    The callable is the parameter named ``fun``; where there is none, the first. The other
    positional arguments and ``args`` are data: their numbers become arrays and are traced, so that
    a new value is no new program. Keyword-only arguments are settings: an array is traced, all else
    is static; those named by ``data`` are data too. ``method``, a name, is a setting wherever it
    stands: as data, a number in its place would be a tracer before it is refused. A list of numbers
    is a vector; every other pytree stays one.
    """
    program = compiled(fn)
    signature = inspect.signature(fn)
    settings = {p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}
    settings = (settings | {"method"}) - set(data)
    function = "fun" if "fun" in signature.parameters else next(iter(signature.parameters))

    @functools.wraps(fn)
    def call(*rest: Any, **named: Any) -> R:
        bound: dict[str, Any] = signature.bind(*rest, **named).arguments
        check_callable(function, bound[function])
        for name, value in bound.items():
            if name not in settings and name != function:
                bound[name] = as_data(value)
        return cast(Callable[..., R], program)(**bound)

    return cast(Callable[P, R], call)


def donatable(init: Callable[P, R]) -> Callable[P, R]:
    """An ``x_init`` whose state may be donated to ``x_step``.

    Outside a trace the point, say, is often one buffer with its candidate and with the argument
    ``x0``; jax refuses to donate a buffer twice, and the caller may still need the argument.
    """

    @functools.wraps(init)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        taken = {id(leaf) for leaf in jax.tree.leaves((args, kwargs))}

        def own(leaf: Any) -> Any:
            if not isinstance(leaf, jax.Array) or isinstance(leaf, jax.core.Tracer):
                return leaf
            leaf = jnp.copy(leaf) if id(leaf) in taken else leaf
            taken.add(id(leaf))
            return leaf

        return jax.tree.map(own, init(*args, **kwargs))

    return call


def _is_vector(node: Any) -> bool:
    return isinstance(node, list) and all(
        isinstance(leaf, (numbers.Real, list)) and (not isinstance(leaf, list) or _is_vector(leaf))
        for leaf in node
    )


def as_data(tree: PyTree) -> PyTree:
    """The tree with its numbers, and its lists of numbers, as arrays; None and strings stay."""

    def convert(node: Any) -> Any:
        kept = node is None or isinstance(node, str) or callable(node)
        return node if kept else _integers.as_jax(node)

    return jax.tree.map(convert, tree, is_leaf=_is_vector)


def as_point(name: str, x: PyTree) -> tuple[Array, Callable[[Array], PyTree]]:
    """The point as one real vector, and the way back to its pytree; or an error naming it."""
    leaves, tree = jax.tree.flatten(as_data(x))
    if not leaves:
        raise ValueError(f"argument `{name}` must have at least 1 elements, got {x!r}")
    leaves = [as_array(name, leaf) for leaf in leaves]
    if len({leaf.dtype for leaf in leaves}) > 1:
        dtypes = sorted({str(leaf.dtype) for leaf in leaves})
        raise TypeError(f"argument `{name}` must have one dtype, got {' and '.join(dtypes)}")
    vector, back = ravel_pytree(jax.tree.unflatten(tree, leaves))
    return as_array(name, vector, min_size=1), back


def _stacked(tree: PyTree) -> PyTree:
    """The tree as one array where it is one, else as it is."""
    try:
        return jnp.asarray(tree)
    except (TypeError, ValueError):
        return tree


def check_like(name: str, tree: PyTree, other: str, like: PyTree) -> None:
    """Refuse a tree of another structure, or with a leaf of another shape, than that of `other`.

    Where that is one array, a tuple of numbers is a vector.
    """
    tree, like = as_data(tree), as_data(like)
    if isinstance(tree, tuple) and jax.tree_util.all_leaves([like]):
        tree = _stacked(tree)
    leaves, structure = jax.tree.flatten(tree)
    others, wanted_structure = jax.tree.flatten(like)
    shapes, wanted_shapes = ([np.shape(leaf) for leaf in each] for each in (leaves, others))
    if (structure, shapes) != (wanted_structure, wanted_shapes):
        got = jax.tree.unflatten(structure, shapes)
        wanted = jax.tree.unflatten(wanted_structure, wanted_shapes)
        raise ValueError(
            f"argument `{name}` must have shape {wanted}, got {got}; it must be like `{other}`"
        )


def as_numbers(name: str, x: ArrayLike, **checks: Any) -> Array:
    """The array of numbers or of booleans, which it stays; or an error naming it."""
    try:
        boolean = _integers.as_jax(x).dtype == bool
    except (TypeError, ValueError):
        boolean = False  # as_array says what is wrong
    return as_array(name, x, kind="bool" if boolean else "number", **checks)


def check_scalar(name: str, value: Any) -> Array:
    """The value of an objective: one real number, or an error that says what came instead."""
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"argument `{name}` must return a scalar, got {type(value).__name__}"
        ) from error
    if array.shape != ():
        raise ValueError(f"argument `{name}` must return a scalar, got shape {array.shape}")
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"argument `{name}` must return a real number, got dtype {array.dtype}")
    return array


def objective(fun: Callable, args: tuple) -> Callable[[Any], Array]:
    """f with its further arguments bound, in the dtype of x where that is floating."""
    check_callable("fun", fun)

    def f(x: Any) -> Array:
        value = check_scalar("fun", fun(x, *as_tuple(args)))
        dtypes = {jnp.result_type(leaf) for leaf in jax.tree.leaves(x)}
        own = dtypes.pop() if len(dtypes) == 1 else value.dtype
        return value.astype(own) if jnp.issubdtype(own, jnp.floating) else value

    return f


def gradient_of(fun: Callable, args: tuple) -> Callable[[Array], Array]:
    """∇f with its further arguments bound."""
    return jax.grad(objective(fun, args))


def constraint(
    name: str, fn: Callable | None, args: tuple, back: Callable[[Array], PyTree] = lambda x: x
) -> Callable[[Array], Array]:
    """A constraint function of the point ``back(x)`` as one vector; none is no constraint."""
    if fn is None:
        return lambda x: x[:0]
    check_callable(name, fn)

    def values(x: Array) -> Array:
        found = fn(back(x), *as_tuple(args))
        if any(leaf is None for leaf in jax.tree.leaves(found, is_leaf=lambda leaf: leaf is None)):
            raise TypeError(f"argument `{name}` must return numbers, got None")
        return as_array(name, ravel_pytree(found)[0])

    return values


def vector_map(name: str, fn: Callable) -> Callable[[Array], Array]:
    """A map from vectors to vectors of the same shape and dtype."""
    check_callable(name, fn)
    return lambda x: as_array(name, fn(x), shape=x.shape).astype(x.dtype)


def check_callable(name: str, fn: Any) -> None:
    if not callable(fn):
        raise TypeError(f"argument `{name}` must be callable, got {type(fn).__name__}")


def as_like(name: str, value: ArrayLike, x: Array) -> Array:
    """A scalar or a vector of x's length, as a vector of x's dtype."""
    value = as_array(name, value)
    if value.shape:
        value = as_array(name, value, shape=x.shape)
    return jnp.broadcast_to(value.astype(x.dtype), x.shape)


def as_tuple(args: Any) -> tuple:
    """Further arguments as a tuple; one that is none is the only one, as in SciPy."""
    return args if isinstance(args, tuple) else (args,)


def choose(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    """The tree that a scalar condition picks, leaf by leaf."""
    return jax.tree.map(lambda n, o: jnp.where(condition, n, o), new, old)


def nan_last(values: Array) -> Array:
    """The values with NaN as +∞, so that it ranks last."""
    return jnp.where(jnp.isnan(values), jnp.inf, values)


def or_one(scale: Array) -> Array:
    """The scale, 1 where it is 0 or not known."""
    return jnp.where(scale > 0, scale, 1.0)
