"""Models, one file a family: a hashable ``Config``, ``init`` and ``apply``."""

from jaxmath.models import backpropagation, mlp

__all__ = ["backpropagation", "mlp"]
