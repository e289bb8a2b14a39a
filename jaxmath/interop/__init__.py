"""Other libraries' doors: models as Flax modules, weights of Flax and PyTorch, safetensors."""

from jaxmath.interop.flax_modules import to_linen, to_nnx
from jaxmath.interop.flax_params import from_flax_params, to_flax_params
from jaxmath.interop.safetensors_files import load_safetensors, save_safetensors
from jaxmath.interop.torch_weights import load_torch_state_dict, to_torch_state_dict

__all__ = [
    "from_flax_params",
    "load_safetensors",
    "load_torch_state_dict",
    "save_safetensors",
    "to_flax_params",
    "to_linen",
    "to_nnx",
    "to_torch_state_dict",
]
