"""jaxmath: the mathematics of deep learning as verified JAX functions.

Subpackages load on first use, so that ``import jaxmath`` costs no more than jax does::

    import jaxmath as jm

    jm.numerics.safe_norm(x)
    jm.optimize.adam(1e-3)
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"

__all__ = [
    "benchmark",
    "datasets",
    "interop",
    "iterate",
    "linalg",
    "models",
    "nn",
    "numerics",
    "optimize",
    "probability",
    "train",
    "typing",
    "verify",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
