"""Weights in safetensors files, under the names of ``to_flax_params`` joined by dots."""

from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.interop._names import as_nested, check_same, flat, rebuild
from jaxmath.typing import Array, PyTree

__all__ = ["load_safetensors", "save_safetensors"]

_DTYPES = {
    "bfloat16": "BF16", "bool": "BOOL", "complex64": "C64", "float16": "F16", "float32": "F32",
    "float64": "F64", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
    "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64",
}  # fmt: skip
_HEADER = "__metadata__"


def _package(caller: str) -> ModuleType:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            f"{caller} needs the package safetensors: pip install 'jaxmath[scripts]'"
        ) from error
    return safetensors


def _described(caller: str, name: str, tree: PyTree) -> tuple[dict[str, Any], dict[str, str]]:
    """The leaves by name, and what is compared of them: the file's word for the dtype, the shape.

    A Python number is taken as the array that jax would make of it; all else keeps its own dtype,
    for without x64 jax would make 32 bits of 64.
    """
    found = flat(as_nested(caller, name, tree))
    leaves = {n: a if hasattr(a, "dtype") else jnp.asarray(a) for n, a in found.items()}
    if _HEADER in leaves:
        raise ValueError(
            f"{caller}: argument `{name}` must have no leaf {_HEADER}, the file's name for its own "
            "header"
        )
    described = {}
    for path, leaf in leaves.items():
        dtype = leaf.dtype.name
        if dtype not in _DTYPES:
            raise TypeError(f"{caller}: a file cannot hold the dtype {dtype} of {name}.{path}")
        described[path] = f"{_DTYPES[dtype]} of shape {tuple(leaf.shape)}"
    return leaves, described


def save_safetensors(
    path: str | Path, params: PyTree, *, metadata: dict[str, str] | None = None
) -> None:
    """Write weights to a safetensors file.

    Args:
      path: the file; one that is there is replaced when the new one is whole.
      params: a record, tuple or dictionary of arrays, nested as it may be: parameters, or
        ``{"params": params, "batch_stats": model_state}``. NumPy arrays are written as they are,
        those of 64 bits too where jax holds none.
      metadata: strings by name for the file's header; ``safetensors.safe_open(path,
        "np").metadata()`` reads them.

    Returns:
      None.

    Raises:
      ImportError: the package safetensors (an extra) is not installed.
      OSError: the file cannot be written.
      ValueError: a leaf has the name of the file's header, ``__metadata__``.

    Example:
      >>> import tempfile
      >>> from jaxmath import nn
      >>> params = nn.dense_init(jax.random.key(0), 2, 3)
      >>> with tempfile.TemporaryDirectory() as directory:
      ...     save_safetensors(f"{directory}/w.safetensors", params, metadata={"seed": "0"})
      ...     loaded = load_safetensors(f"{directory}/w.safetensors", like=params)
      >>> bool((loaded.kernel == params.kernel).all())
      True
    """
    package = _package("save_safetensors")
    for name, value in (metadata or {}).items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(
                "save_safetensors: argument `metadata` must hold strings by strings, got "
                f"{type(value).__name__} at {name!r}"
            )
    leaves, _ = _described("save_safetensors", "params", params)
    # The file takes memory as it lies, so in C order.
    arrays = {name: np.asarray(leaf, order="C") for name, leaf in leaves.items()}
    try:
        package.numpy.save_file(arrays, path, metadata=metadata)
    except package.SafetensorError as error:
        raise OSError(f"save_safetensors: {path} cannot be written: {error}") from error


def _on_device(a: np.ndarray) -> Array | np.ndarray:
    return jax.device_put(a) if jnp.result_type(a) == a.dtype else a


def load_safetensors(path: str | Path, *, like: PyTree) -> PyTree:
    """Read weights from a safetensors file into the form of a template.

    Names, shapes and dtypes are compared with the file's header before any weight is read.

    Args:
      path: a file of ``save_safetensors``, or of another program with the same names.
      like: a tree of the form to make, with arrays or the result of ``jax.eval_shape``.

    Returns:
      A tree of the form of ``like``, of jax's arrays; what jax cannot hold (64 bits where x64 is
      off) stays an array of NumPy's, to the bit as it was written.

    Raises:
      ImportError: the package safetensors (an extra) is not installed.
      FileNotFoundError: there is no such file.
      ValueError: the file is truncated or no safetensors file, or its tensors are others.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as directory:
      ...     save_safetensors(f"{directory}/w", {"w": jnp.ones(2)})
      ...     load_safetensors(f"{directory}/w", like={"v": jnp.ones(2)})
      Traceback (most recent call last):
      ...
      ValueError: load_safetensors: the weights do not fit argument `like`: missing v; unexpected w
    """
    package = _package("load_safetensors")
    _, want = _described("load_safetensors", "like", like)
    if not Path(path).is_file():
        raise FileNotFoundError(f"load_safetensors: there is no file {path}")
    try:
        with package.safe_open(path, "np") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            got = {n: f"{s.get_dtype()} of shape {tuple(s.get_shape())}" for n, s in slices.items()}
            check_same("load_safetensors", got, want)
            leaves = {name: _on_device(file.get_tensor(name)) for name in got}
    except package.SafetensorError as error:
        raise ValueError(
            f"load_safetensors: {path} is truncated or no safetensors file: {error}"
        ) from error
    return rebuild(like, leaves)
