"""The four ways to compute a convolution, and the choice between them.

On CPU, XLA's convolution inside a loop (``lax.scan``, ``fori_loop``: a compiled epoch) runs 15 to
25 times slower than outside it. A product of matrices is fast in both places, so small layers are
patches × kernel there, and those of 3×3 windows Winograd's products. With 128 channels and more,
Winograd's take 0.5 to 0.85 of the time of XLA's gradient outside a loop too, and forward 0.5 to
1.2, and with 64 on images of 56×56 0.4; on larger ones they take up to 1.8 forward, and more
memory: those are XLA's, and so are large layers with other windows, which train outside a loop.
What has groups is not: XLA's gradient takes 3 to 6 times ours there. Other platforms have their own
convolution.
"""

import math
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._draws import wide_dtype
from jaxmath.nn._geometry import Geometry, met, pad
from jaxmath.nn._patches import patches
from jaxmath.nn._product import product
from jaxmath.nn._remade import remade
from jaxmath.nn._winograd import by_winograd
from jaxmath.typing import Array

__all__: list[str] = []

# Multiply-adds of one example above which XLA's convolution is taken on CPU: the 3×3 layers of a
# residual network have 116 million for images of 224×224, and 38 million for 32×32.
LARGE = 2**26
# Channels from which Winograd's products are taken, for layers up to LARGE, twice that, and above.
FEW, SOME, MANY = 32, 64, 128


def by_patches(x: Array, kernel: Array, *, geometry: Geometry, groups: int) -> Array:
    """Patches × kernel."""
    seen = patches(pad(x, geometry), geometry)
    if groups == 1:
        return product(seen, kernel.reshape(-1, kernel.shape[-1]))
    *_, c, o = kernel.shape
    seen = seen.reshape(*geometry.out, -1, groups, c)
    y = jnp.einsum("...kgc,kcgo->...go", seen, kernel.reshape(-1, c, groups, o // groups))
    return y.reshape(*geometry.out, o)


def by_shifts(x: Array, kernel: Array, *, geometry: Geometry, groups: int) -> Array:
    """Σ shifted input × kernel entry, for one input channel a group: nothing to contract."""
    wide = wide_dtype(x.dtype)
    seen = met(pad(x.astype(wide), geometry), geometry)
    entries = kernel.astype(wide).reshape(len(seen), groups, -1)
    factors = (jnp.expand_dims(e, tuple(range(x.ndim - 1))) for e in entries)
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


def _thickness(x: Array, kernel: Array, geometry: Geometry, groups: int) -> int:
    """The fewer of the channels in and out where Winograd's filtering will do, else 0."""
    plain = geometry.window == (3, 3) and geometry.stride == geometry.dilation == (1, 1)
    known = x.dtype.name in ("float32", "float64")
    return min(kernel.shape[2:]) if plain and known and groups == 1 else 0


# Outside a jit it is one program a shape, or each call would compile its platforms' branches anew.
@partial(jax.jit, static_argnums=(2, 3), inline=True)
def convolution(x: Array, kernel: Array, geometry: Geometry, groups: int) -> Array:
    """The cross-correlation, by what is fastest for the shapes on the platform."""
    backend = partial(by_xla, geometry=geometry, groups=groups)
    work = math.prod(geometry.out) * kernel.size
    large = isinstance(work, int) and work > LARGE  # not where jax.export's symbols are sizes
    thickness = _thickness(x, kernel, geometry, groups)
    if thickness >= (FEW if not large else SOME if work <= 2 * LARGE else MANY):
        form = partial(by_winograd, geometry=geometry)
    elif large and groups == 1 and max(geometry.window) > 1:
        return backend(x, kernel)
    else:
        depthwise = kernel.shape[-2] == 1 < groups and math.prod(geometry.window) <= 27
        form = partial(by_shifts if depthwise else by_patches, geometry=geometry, groups=groups)
    # The checkpoint spares copies of what either platform's branch would keep.
    chosen = partial(lax.platform_dependent, cpu=partial(remade, form), default=backend)
    return jax.checkpoint(chosen)(x, kernel)
