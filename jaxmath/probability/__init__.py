"""Probability: distances and divergences between distributions."""

from jaxmath.probability.bures import gaussian_wasserstein

__all__ = ["gaussian_wasserstein"]
