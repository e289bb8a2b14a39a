"""Probability: distances and divergences between distributions."""

from jaxmath.probability.bures import gaussian_wasserstein
from jaxmath.probability.gaussian import (
    diagonal_gaussian_kl,
    diagonal_gaussian_log_density,
    gaussian_kl,
)
from jaxmath.probability.optimal_transport import OptimalTransport, optimal_transport
from jaxmath.probability.wasserstein import wasserstein_distance

__all__ = [
    "OptimalTransport",
    "diagonal_gaussian_kl",
    "diagonal_gaussian_log_density",
    "gaussian_kl",
    "gaussian_wasserstein",
    "optimal_transport",
    "wasserstein_distance",
]
