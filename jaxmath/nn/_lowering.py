"""The three ways to compute a convolution, and the choice between them.

On CPU, XLA's convolution inside a loop (``lax.scan``, ``fori_loop``: a compiled epoch) runs 15 to
25 times slower than outside it. A product of matrices is fast in both places, so small layers are
patches × kernel there, which outside a loop costs 0.8 to 2.6 times XLA's gradient: most at 64
channels, nothing at 128 and more. Large layers train outside a loop, and are XLA's. What has groups
is not: XLA's gradient takes 3 to 6 times ours there. Other platforms have their own convolution.
"""

import math
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath.nn._geometry import Geometry, met, pad
from jaxmath.nn._moments import wide_dtype
from jaxmath.typing import Array

__all__: list[str] = []

# Multiply-adds of one example above which XLA's convolution is taken on CPU: the 3×3 layers of a
# residual network have 116 million for images of 224×224, and 38 million for 32×32.
LARGE = 2**26


def by_patches(x: Array, kernel: Array, *, geometry: Geometry, groups: int) -> Array:
    """Patches × kernel."""
    seen = jnp.concatenate(met(pad(x, geometry), geometry), axis=-1)
    if groups == 1:
        matrix = jnp.moveaxis(kernel, -1, 0).reshape(kernel.shape[-1], -1)
        return jnp.einsum("...k,ok->...o", seen, matrix)
    *_, c, o = kernel.shape
    seen = seen.reshape(*geometry.out, -1, groups, c)
    y = jnp.einsum("...kgc,kcgo->...go", seen, kernel.reshape(-1, c, groups, o // groups))
    return y.reshape(*geometry.out, o)


def by_shifts(x: Array, kernel: Array, *, geometry: Geometry, groups: int) -> Array:
    """Σ shifted input × kernel entry, for one input channel a group: nothing to contract."""
    wide = wide_dtype(x.dtype)
    seen = met(pad(x.astype(wide), geometry), geometry)
    entries = kernel.astype(wide).reshape(len(seen), groups, -1)
    if groups == 1:
        terms = [jnp.dot(s, e) for s, e in zip(seen, entries, strict=True)]
    else:
        axes = tuple(range(x.ndim - 1))
        factors = (jnp.expand_dims(e, axes) for e in entries)
        terms = [s[..., None] * e for s, e in zip(seen, factors, strict=True)]
    return reduce(jnp.add, terms).reshape(*geometry.out, -1).astype(x.dtype)


def by_xla(x: Array, kernel: Array, *, geometry: Geometry, groups: int) -> Array:
    """The backend's convolution."""
    pads: tuple = geometry.pads
    if geometry.wrap:
        x, pads = pad(x, geometry), ((0, 0),) * len(pads)
    axes = "DHW"[3 - len(pads) :]
    y = lax.conv_general_dilated(
        x[None],
        kernel,
        geometry.stride,
        pads,
        rhs_dilation=geometry.dilation,
        dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
        feature_group_count=groups,
    )
    return y[0]


def convolution(x: Array, kernel: Array, geometry: Geometry, groups: int) -> Array:
    """The cross-correlation, by what is fastest for the shapes on the platform."""
    backend = partial(by_xla, geometry=geometry, groups=groups)
    work = math.prod(geometry.out) * kernel.size
    # The gradient of 11×11 = 121 shifts compiles for minutes, that of patches for a second.
    few = kernel.shape[-2] == 1 and math.prod(geometry.window) <= 27
    if work > LARGE and groups == 1 and not few and max(geometry.window) > 1:
        return backend(x, kernel)
    product = by_shifts if few else by_patches
    # Kept for the backward pass are x and W alone: patches are k times x, and are made again
    # (though XLA may see that it made them already, where both passes are one program). The inner
    # checkpoint keeps them out of the other platforms' programs, the outer one spares copies.
    here = jax.checkpoint(partial(product, geometry=geometry, groups=groups))
    chosen = partial(lax.platform_dependent, cpu=here, default=backend)
    return jax.checkpoint(chosen)(x, kernel)
