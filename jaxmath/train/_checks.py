"""Checks of arguments that the engine's functions share."""

import json
import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxmath.typing import check_number

__all__: list[str] = []


def check_function(caller: str, name: str, fn: Any) -> None:
    """One line about what cannot be called."""
    if not callable(fn):
        raise TypeError(f"{caller}: argument `{name}` must be a function, got {type(fn).__name__}")


def check_optimizer(caller: str, optimizer: Any) -> None:
    """One line about what is no optimizer: one that was not made yet (``optax.adam``), say."""
    if not all(callable(getattr(optimizer, name, None)) for name in ("init", "update")):
        raise TypeError(
            f"{caller}: argument `optimizer` must be an optax transformation, got "
            f"{type(optimizer).__name__}"
        )


def check_path(caller: str, name: str, path: Any) -> None:
    """One line about what names no file or folder."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{caller}: argument `{name}` must be a path, got {type(path).__name__}")


def check_compute_dtype(caller: str, dtype: Any) -> None:
    """One line about a dtype in which no model computes; None leaves the model its own."""
    try:
        if dtype is None or jnp.issubdtype(jnp.dtype(dtype), jnp.floating):
            return
    except TypeError:
        pass
    raise TypeError(
        f"{caller}: argument `compute_dtype` must be a real floating dtype, got {dtype!r}"
    )


def check_mesh(caller: str, mesh: Any) -> None:
    """One line about what is no mesh."""
    if mesh is not None and not isinstance(mesh, Mesh):
        raise TypeError(
            f"{caller}: argument `mesh` must be a mesh from data_mesh, got {type(mesh).__name__}"
        )


def as_number(value: Any) -> Any:
    """A scalar array as the Python number by which a compiled program can be found again."""
    scalar = isinstance(value, jax.Array | np.ndarray) and value.ndim == 0
    return value.item() if scalar else value


def check_metadata(caller: str, metadata: Any) -> None:
    """One line about what a checkpoint cannot say beside its arrays."""
    if metadata is not None and not isinstance(metadata, dict):
        raise TypeError(
            f"{caller}: argument `metadata` must be a dictionary, got {type(metadata).__name__}"
        )
    try:
        json.dumps(metadata)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{caller}: argument `metadata` must be what JSON can say: {error}"
        ) from error


def as_count(caller: str, name: str, value: Any, low: int = 1) -> int:
    """The same of an integer from ``low`` on, or one line about it."""
    value = as_number(value)
    if callable(value) or getattr(value, "shape", ()) != ():
        raise TypeError(
            f"{caller}: argument `{name}` must be an integer, got {type(value).__name__}"
        )
    check_number(name, value, low=low, integer=True)
    return int(value)
