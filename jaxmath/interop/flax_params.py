"""Parameters and running statistics under Flax's names, and back."""

from collections.abc import Mapping
from typing import Any

from jaxmath.interop._names import as_nested, check_same, flat, rebuild, shapes
from jaxmath.typing import PyTree

__all__ = ["from_flax_params", "to_flax_params"]


def to_flax_params(params: PyTree) -> dict[str, Any]:
    """Our parameters, or our model state, as the nested dictionaries of a Flax module.

    ``Dense``, ``Embedding`` (Flax's ``Embed``), ``LayerNorm``, ``RMSNorm``, ``GroupNorm``,
    ``InstanceNorm`` and ``BatchNorm`` have Flax's names and layouts. In a tuple they are counted as
    in a compact Flax module: ``Dense_0``, ``LayerNorm_0``, ``Dense_1``. Of a model state, each
    ``BatchNormState`` becomes an entry ``BatchNorm_0`` of the collection ``batch_stats``.

    Args:
      params: a record, tuple or dictionary of such, nested as it may be, with arrays as leaves.

    Returns:
      Nested dictionaries with the same arrays: nothing is computed or copied, so that the way there
      and back is exact, also under jit, grad and vmap.

    Example:
      >>> from jaxmath.models import mlp
      >>> params = mlp.init(jax.random.key(0), mlp.Config((4, 8, 3)))
      >>> tree = to_flax_params(params)
      >>> sorted(tree), tree["Dense_1"]["kernel"].shape
      (['Dense_0', 'Dense_1'], (8, 3))
    """
    return as_nested("to_flax_params", "params", params)


def from_flax_params(tree: Mapping[str, Any], *, like: PyTree) -> PyTree:
    """Our parameters, or our model state, from a Flax module's.

    Args:
      tree: one collection (``params`` or ``batch_stats``) as nested mappings of arrays. A Flax
        module whose layers bear names of its own needs them changed to those of
        ``to_flax_params(like)``.
      like: a tree of the form to make; of its leaves only the shapes count, so the result of
        ``jax.eval_shape`` is enough.

    Returns:
      A tree of the form of ``like`` with the arrays of ``tree``, of whatever dtype they are.

    Raises:
      ValueError: leaves are missing, unexpected or of another shape.

    Example:
      >>> from jaxmath import nn
      >>> tree = {"kernel": jnp.ones((2, 3)), "bias": jnp.zeros(3)}
      >>> like = nn.dense_init(jax.random.key(0), 2, 3)
      >>> print(from_flax_params(tree, like=like).bias)
      [0. 0. 0.]
    """
    if not isinstance(tree, Mapping):
        raise TypeError(
            "from_flax_params: argument `tree` must be a mapping, a collection of a Flax module, "
            f"got {type(tree).__name__}"
        )
    leaves = flat(tree)
    for name, leaf in leaves.items():
        if not hasattr(leaf, "dtype"):
            raise TypeError(
                f"from_flax_params: argument `tree` must hold arrays, got {type(leaf).__name__} "
                f"at {name}"
            )
    want = flat(as_nested("from_flax_params", "like", like))
    check_same("from_flax_params", shapes(leaves), shapes(want))
    return rebuild(like, leaves)
