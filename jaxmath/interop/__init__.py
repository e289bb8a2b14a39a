"""Other libraries' doors: models as Flax modules, weights of Flax and PyTorch, safetensors."""

from jaxmath.interop.flax_modules import to_linen, to_nnx
from jaxmath.interop.flax_params import from_flax_params, to_flax_params

__all__ = ["from_flax_params", "to_flax_params", "to_linen", "to_nnx"]
