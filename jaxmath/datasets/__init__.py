"""Data sets: small real ones that work offline, the large by download, and generated ones."""

from jaxmath.datasets.bundled import breast_cancer, diabetes, digits, iris, mnist_5k, wine
from jaxmath.datasets.dataset import Dataset, check_dataset
from jaxmath.datasets.downloads import openml
from jaxmath.datasets.folders import image_folder
from jaxmath.datasets.generated import blobs, noisy_sine, spirals, two_moons, xor
from jaxmath.datasets.named import load
from jaxmath.datasets.parts import Parts, standardized_parts
from jaxmath.datasets.splits import split
from jaxmath.datasets.standardization import (
    Standardization,
    fit_standardization,
    standardize,
    unstandardize,
)

__all__ = [
    "Dataset",
    "Parts",
    "Standardization",
    "blobs",
    "breast_cancer",
    "check_dataset",
    "diabetes",
    "digits",
    "fit_standardization",
    "image_folder",
    "iris",
    "load",
    "mnist_5k",
    "noisy_sine",
    "openml",
    "spirals",
    "split",
    "standardize",
    "standardized_parts",
    "two_moons",
    "unstandardize",
    "wine",
    "xor",
]
