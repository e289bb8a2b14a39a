"""What the generated sets share: the checks, the classes in turn, the noise."""

import jax
import jax.numpy as jnp

from jaxmath._draws import normal
from jaxmath.datasets.dataset import Dataset
from jaxmath.typing import Array, Scalar, as_key, check_number

__all__: list[str] = []

DType = jax.typing.DTypeLike


def start(
    caller: str, key: Array, n: int, noise: Scalar, dtype: DType
) -> tuple[Array, Array, jnp.dtype]:
    """The checks that all share; a key for the place, one for the noise, and the dtype."""
    check_number("n", n, low=1, integer=True)
    check_number("noise", noise, low=0.0)
    place_key, noise_key = jax.random.split(as_key("key", key))
    return place_key, noise_key, real_dtype(caller, dtype)


def real_dtype(caller: str, dtype: DType) -> jnp.dtype:
    """The dtype, ``float`` being jax's default one."""
    wanted = jnp.dtype(jnp.result_type(dtype))
    if not jnp.issubdtype(wanted, jnp.floating):
        raise TypeError(f"{caller}: argument `dtype` must be a real floating dtype, got {wanted}")
    return wanted


def labels(n: int, num_classes: int) -> Array:
    """i mod k."""
    return jnp.arange(n, dtype=jnp.int32) % num_classes


def noisy(key: Array, clean: Array, noise: Scalar) -> Array:
    """The points, each with its own normal deviation."""
    draws = normal(key, clean.shape, clean.dtype)
    return clean + jnp.asarray(noise, clean.dtype) * draws


def names(num_classes: int) -> tuple[str, ...]:
    """Classes that are numbers."""
    return tuple(map(str, range(num_classes)))


def mixture(
    caller: str, key: Array, n: int, centers: Array, noise: Scalar, dtype: DType
) -> Dataset:
    """Spherical Gaussians around the centers, which take turns."""
    _, key, dtype = start(caller, key, n, noise, dtype)
    y = labels(n, len(centers))
    x = noisy(key, centers.astype(dtype)[y], noise)
    return Dataset(x, y, class_names=names(len(centers)))
