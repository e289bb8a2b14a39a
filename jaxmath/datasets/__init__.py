"""Data sets: small real ones that work offline, the large by download, and generated ones."""

from jaxmath.datasets.bundled import breast_cancer, diabetes, digits, iris, mnist_5k, wine
from jaxmath.datasets.dataset import Dataset, check_dataset
from jaxmath.datasets.downloads import openml
from jaxmath.datasets.folders import image_folder
from jaxmath.datasets.gaussian_mixtures import (
    gaussian_grid,
    gaussian_ring,
    grid_centers,
    ring_centers,
)
from jaxmath.datasets.generated import blobs, noisy_sine, spirals, two_moons, xor
from jaxmath.datasets.image_sequences import image_pixels, image_rows
from jaxmath.datasets.named import load
from jaxmath.datasets.parts import Parts, standardized_parts
from jaxmath.datasets.sequence_tasks import adding_problem, copy_memory, parity, two_time_scales
from jaxmath.datasets.splits import split
from jaxmath.datasets.standardization import (
    Standardization,
    fit_standardization,
    standardize,
    unstandardize,
)
from jaxmath.datasets.text import (
    Vocabulary,
    decode_text,
    encode_text,
    fit_vocabulary,
    surnames,
    text_file,
)
from jaxmath.datasets.text_sequences import Sequences, aligned_streams, padded_texts, split_texts
from jaxmath.datasets.time_series import mackey_glass, sine_series

__all__ = [
    "Dataset",
    "Parts",
    "Sequences",
    "Standardization",
    "Vocabulary",
    "adding_problem",
    "aligned_streams",
    "blobs",
    "breast_cancer",
    "check_dataset",
    "copy_memory",
    "decode_text",
    "diabetes",
    "digits",
    "encode_text",
    "fit_standardization",
    "fit_vocabulary",
    "gaussian_grid",
    "gaussian_ring",
    "grid_centers",
    "image_folder",
    "image_pixels",
    "image_rows",
    "iris",
    "load",
    "mackey_glass",
    "mnist_5k",
    "noisy_sine",
    "openml",
    "padded_texts",
    "parity",
    "ring_centers",
    "sine_series",
    "spirals",
    "split",
    "split_texts",
    "standardize",
    "standardized_parts",
    "surnames",
    "text_file",
    "two_moons",
    "two_time_scales",
    "unstandardize",
    "wine",
    "xor",
]
