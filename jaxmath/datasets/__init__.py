"""Small real data that works offline, as NumPy arrays on the host."""

from jaxmath.datasets.digits import Dataset, digits

__all__ = ["Dataset", "digits"]
