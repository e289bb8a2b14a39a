"""Models, one file a family: a hashable ``Config``, ``init`` and ``apply``."""

from jaxmath.models import mlp

__all__ = ["mlp"]
