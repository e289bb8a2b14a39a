"""Weights from and for PyTorch, which itself is never imported.

A ``state_dict`` is a mapping from names to tensors, ``<module>.weight`` and the like. The layers of
a model are matched with its modules in order, or by names that the caller gives. What differs:

- a dense kernel is (in, out) here and (out, in) there; a convolution's (…space, in, out) and
  (out, in, …space). A transposed convolution's is (…space, out, in) and (in, out, …space).
  A dense layer after a flattened image also counts its inputs in another order, (H, W, C) against
  (C, H, W), which no importer can see;
- a layer may be made without bias there (``bias=False``) and never is here: its bias is loaded as
  zeros, which computes the same. Trained on, it will move, and ``to_torch_state_dict`` writes it;
- ``scale`` and ``embedding`` are called ``weight``, ``mean`` and ``var`` of a batch norm
  ``running_mean`` and ``running_var``;
- PyTorch's momentum is 1 − m: its default 0.1 is our 0.9;
- PyTorch tracks the unbiased variance of each batch, N/(N − 1) times ours for N values a channel,
  though it too normalizes by the biased one in training. Taken over as it is, which is the default,
  a running variance evaluates as it did there. ``batch_values=N`` makes of it what our training
  would have tracked, exactly as long as every batch had N values;
- the default ε is 1e-5 for every norm there and 1e-6 for ours, but the batch norm's; an
  ``RMSNorm``'s is the dtype's machine epsilon there.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from jaxmath.interop._names import as_nested, check_same, children, is_record, rebuild, shapes
from jaxmath.typing import Array, PyTree, check_number

__all__ = ["load_torch_state_dict", "to_torch_state_dict"]

_TORCH = {
    "bias": "bias",
    "embedding": "weight",
    "kernel": "weight",
    "mean": "running_mean",
    "scale": "weight",
    "var": "running_var",
}
# Recurrent cells with the fields of a dense layer; PyTorch splits their kernels in other ways.
_CELLS = (nn.Clockwork, nn.Elman, nn.LSTM)
_STATISTICS = ("mean", "var")
_COUNT = "num_batches_tracked"


def _records(caller: str, tree: PyTree, path: str = "") -> dict[str, Any]:
    """The layers of a tree by path, in order."""
    named = children(tree)
    if named is None:
        raise TypeError(f"{caller}: {path} is an array outside a layer, which PyTorch has not")
    if is_record(tree) and named and all(children(leaf) is None for leaf in named.values()):
        if isinstance(tree, _CELLS):
            raise TypeError(
                f"{caller}: {path or 'params'}, the cell {type(tree).__name__}, has no counterpart "
                "in PyTorch"
            )
        if unknown := named.keys() - _TORCH.keys():
            raise TypeError(f"{caller}: {path}.{min(unknown)} has no counterpart in PyTorch")
        return {path: tree}
    found: dict[str, Any] = {}
    for name, item in named.items():
        found |= _records(caller, item, f"{path}.{name}" if path else name)
    return found


def _layers(caller: str, params: PyTree, model_state: PyTree) -> dict[str, tuple]:
    """Path → (path, parameters), and (path, running statistics) where there are any."""
    as_nested(caller, "params", params)
    as_nested(caller, "model_state", model_state)
    layers = _records(caller, params)
    states = _records(caller, model_state)
    norms = [path for path, layer in layers.items() if isinstance(layer, nn.BatchNorm)]
    if len(states) != len(norms):
        raise ValueError(
            f"{caller}: argument `model_state` must have the statistics of {len(norms)} batch "
            f"norms, got {len(states)}"
        )
    # Trees of the same names may differ in their order, an OrderedDict's being its own.
    places = norms if states.keys() == set(norms) else list(states)
    running = {norm: [(place, states[place])] for norm, place in zip(norms, places, strict=True)}
    return {path: ((path, layer), *running.get(path, [])) for path, layer in layers.items()}


class _Weight(NamedTuple):
    """One array: the module and the layer it belongs to, our name for it, and ours or its form."""

    module: str
    layer: str
    field: str
    leaf: Any

    @property
    def name(self) -> str:
        return _join(self.module, _TORCH[self.field])


def _weights(layers: dict[str, tuple], modules: Sequence[str]) -> list[_Weight]:
    """Every array in order: of each layer its parameters, then its running statistics."""
    return [
        _Weight(module, layer, field, leaf)
        for module, records in zip(modules, layers.values(), strict=True)
        for layer, record in records
        for field, leaf in record._asdict().items()
    ]


def _join(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name


def _to_torch(field: str, array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, (-1, -2), (0, 1)) if field == "kernel" else array


def _from_torch(field: str, array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, (0, 1), (-1, -2)) if field == "kernel" else array


def _rescaled(var: np.ndarray, factor: float, start: float) -> np.ndarray:
    """A running mean of variances, each times a factor, but for the share of the start, 1."""
    return start + factor * (var - start)


def _zero_biases(weights: Sequence[_Weight], names: Sequence[str]) -> dict[str, np.ndarray]:
    """The biases of modules that hold a weight alone, where a weight and a bias are expected."""
    alone = Counter(name.rpartition(".")[0] for name in names)
    pairs = Counter(weight.module for weight in weights)
    return {
        w.name: np.zeros(w.leaf.shape, w.leaf.dtype)
        for w in weights
        if w.field == "bias" and pairs[w.module] == 2 and alone[w.module] == 1
        and _join(w.module, "weight") in names
    }  # fmt: skip


def _check_statistics(batch_values: int | None, momentum: float) -> None:
    if batch_values is not None:
        check_number("batch_values", batch_values, low=2, integer=True)
    check_number("momentum", momentum, low=0.0, high=1.0)


def _modules(caller: str, layers: Sequence[str], modules: Sequence[str]) -> list[str]:
    """The module of each layer, or what is wrong with their number."""
    if len(modules) != len(layers) or len(set(modules)) != len(modules):
        raise ValueError(
            f"{caller}: the {len(layers)} layers {', '.join(layers)} need as many modules, got "
            f"{', '.join(map(repr, modules)) or 'none'}"
        )
    return list(modules)


def _as_numpy(name: str, value: Any) -> np.ndarray:
    for method in ("detach", "cpu"):
        value = getattr(value, method, lambda value=value: value)()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"load_torch_state_dict: {name} becomes no NumPy array ({error}); load half precisions "
            "after `.float()`"
        ) from None
    if array.dtype.kind not in "biuf" and array.dtype != jnp.bfloat16:
        raise TypeError(f"load_torch_state_dict: {name} is no array, got {type(value).__name__}")
    return array


def load_torch_state_dict(
    state_dict: Mapping[str, Any],
    *,
    like: PyTree,
    model_state: PyTree = (),
    names: Sequence[str] | None = None,
    batch_values: int | None = None,
    momentum: float = 0.9,
) -> tuple[PyTree, PyTree]:
    """Our parameters and model state from the ``state_dict`` of the same architecture in PyTorch.

    ::

        W = weightᵀ;   with N values a channel and t batches tracked:
        var = mᵗ + (N − 1)/N · (running_var − mᵗ)

    Args:
      state_dict: names to tensors, or to anything that ``numpy.asarray`` takes.
      like: parameters of the form to make, arrays or the result of ``jax.eval_shape``.
      model_state: running statistics of the form to make, ``()`` for none.
      names: the module of each of our layers, in our order, as in ``["fc1", "fc2"]``; None takes
        the modules that have weights in the order of ``state_dict``. A module without bias gets
        zeros.
      batch_values: N, to turn running variances into biased ones for further training; None takes
        them as they are, which evaluates as PyTorch does.
      momentum: m, 1 − PyTorch's momentum; used with ``batch_values`` only.

    Returns:
      The parameters and the model state, in the layouts and dtypes of ``like`` and ``model_state``.

    Raises:
      ValueError: layers or weights are missing, unexpected or of another shape.
      TypeError: ``like`` holds what PyTorch has no layer for, or ``state_dict`` no arrays.

    Numerics:
      Exact but for the dtypes, and for running variances with ``batch_values``. See the module for
      what the two libraries do otherwise: ε above all.

    Example:
      >>> from jaxmath.models import mlp
      >>> like = mlp.init(jax.random.key(0), mlp.Config((2, 3)))
      >>> weights = {"fc.weight": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "fc.bias": [0.0, 0.0, 7.0]}
      >>> params, _ = load_torch_state_dict(weights, like=like)
      >>> print(params[0].kernel)
      [[1. 3. 5.]
       [2. 4. 6.]]

    References:
      PyTorch, ``torch.nn.Linear``, ``torch.nn.Conv2d``, ``torch.nn.BatchNorm1d``: layouts and
      conventions.
    """
    caller = "load_torch_state_dict"
    if not isinstance(state_dict, Mapping):
        raise TypeError(
            f"{caller}: argument `state_dict` must be a mapping, got {type(state_dict).__name__}"
        )
    _check_statistics(batch_values, momentum)
    layers = _layers(caller, like, model_state)
    arrays = {name: _as_numpy(name, value) for name, value in state_dict.items()}
    found = list(dict.fromkeys(name.rpartition(".")[0] for name in arrays))
    weights = _weights(layers, _modules(caller, list(layers), found if names is None else names))
    counts = {m: arrays.pop(name) for m in found if (name := _join(m, _COUNT)) in arrays}
    arrays |= _zero_biases(weights, list(arrays))
    # A view of one element stands for a weight, for its shape alone.
    want = {w.name: _to_torch(w.field, np.broadcast_to(False, w.leaf.shape)) for w in weights}
    check_same(caller, shapes(arrays), shapes(want))

    def load(weight: _Weight) -> Array:
        array = _from_torch(weight.field, arrays[weight.name])
        if weight.field == "var" and batch_values is not None:
            if weight.module not in counts:
                raise ValueError(
                    f"{caller}: `batch_values` needs {_join(weight.module, _COUNT)}, which is "
                    "missing"
                )
            start = momentum ** int(counts[weight.module])
            array = _rescaled(array, 1 - 1 / batch_values, start)
        return jnp.asarray(array, weight.leaf.dtype)

    leaves = {_join(w.layer, w.field): load(w) for w in weights if w.field not in _STATISTICS}
    statistics = {_join(w.layer, w.field): load(w) for w in weights if w.field in _STATISTICS}
    return rebuild(like, leaves), rebuild(model_state, statistics)


def to_torch_state_dict(
    params: PyTree,
    model_state: PyTree = (),
    *,
    names: Sequence[str] | None = None,
    batch_values: int | None = None,
    momentum: float = 0.9,
    num_batches: int = 0,
) -> dict[str, np.ndarray]:
    """The ``state_dict`` of the same architecture in PyTorch, as NumPy arrays.

    ::

        weight = Wᵀ;   with N values a channel and t batches tracked:
        running_var = mᵗ + N/(N − 1) · (var − mᵗ)

    Args:
      params: our parameters.
      model_state: our running statistics, ``()`` for none.
      names: the module of each of our layers, in our order, as in ``["fc1", "fc2"]``; None takes
        the names of ``to_flax_params``.
      batch_values: N, to turn running variances into unbiased ones; None leaves them as they are.
      momentum: m, 1 − PyTorch's momentum; used with ``batch_values`` only.
      num_batches: t, written as ``num_batches_tracked``; at least 1 with ``batch_values``.

    Returns:
      Names to arrays of their own memory; ``{k: torch.from_numpy(v) for k, v in ….items()}`` is
      what ``load_state_dict`` takes.

    Raises:
      ValueError: another number of names than of layers, or no count for ``batch_values``.
      TypeError: ``params`` holds what PyTorch has no layer for.

    Numerics:
      Exact, but for running variances with ``batch_values``.

    Example:
      >>> from jaxmath import nn
      >>> layers = (nn.Dense(jnp.array([[1.0, 2.0, 3.0]]), jnp.zeros(3)),)
      >>> weights = to_torch_state_dict(layers, names=["fc"])
      >>> sorted(weights), weights["fc.weight"].shape
      (['fc.bias', 'fc.weight'], (3, 1))

    References:
      PyTorch, ``torch.nn.Linear``, ``torch.nn.Conv2d``, ``torch.nn.BatchNorm1d``: layouts and
      conventions.
    """
    caller = "to_torch_state_dict"
    _check_statistics(batch_values, momentum)
    check_number("num_batches", num_batches, low=0 if batch_values is None else 1, integer=True)
    layers = _layers(caller, params, model_state)
    modules = _modules(caller, list(layers), list(layers) if names is None else names)
    state_dict = {}
    for weight in _weights(layers, modules):
        array = _to_torch(weight.field, np.asarray(weight.leaf))
        if weight.field == "var" and batch_values is not None:
            factor = batch_values / (batch_values - 1)
            array = _rescaled(array, factor, momentum**num_batches)
        state_dict[weight.name] = np.array(array, np.asarray(weight.leaf).dtype, order="C")
        if weight.field == "var":
            state_dict[_join(weight.module, _COUNT)] = np.array(num_batches)
    return state_dict
