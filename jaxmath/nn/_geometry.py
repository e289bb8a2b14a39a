"""How a window moves over an input: strides, dilations and paddings, resolved to integers."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxmath.typing import Array, ArrayLike, _caller, as_array, check_number

__all__: list[str] = []

Sizes = int | Sequence[int]
Padding = str | int | Sequence[int | tuple[int, int]]


class Geometry(NamedTuple):
    """One entry an axis of space; ``wrap`` for circular padding, ``out`` the output's sizes."""

    window: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    wrap: bool
    out: tuple[int, ...]

    @property
    def extent(self) -> tuple[int, ...]:
        """From the first element of a window to its last, both counted."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.window, self.dilation, strict=True))


def known(name: str, value: Any) -> Any:
    """A setting whose arrays, of NumPy or of jax, have become Python's numbers."""
    if isinstance(value, jax.core.Tracer):
        raise TypeError(
            f"{_caller()}: argument `{name}` must be of integers known while tracing, got {value}"
        )
    if isinstance(value, (list, tuple)):
        return tuple(known(name, one) for one in value)
    return value.tolist() if isinstance(value, (np.ndarray, jax.Array)) else value


def per_axis(name: str, value: Sizes, rank: int) -> tuple[int, ...]:
    """One positive integer for each axis of space, from one for all or a sequence."""
    value = known(name, value)
    if hasattr(value, "__index__"):
        values: tuple = (value,) * rank
    elif isinstance(value, Sequence) and not isinstance(value, str):
        values = tuple(value)
    else:
        raise TypeError(
            f"{_caller()}: argument `{name}` must be an integer or a sequence of them, "
            f"got {type(value).__name__}"
        )
    if len(values) != rank:
        raise ValueError(
            f"{_caller()}: argument `{name}` must have one integer for each of the {rank} axes "
            f"of space, got {tuple(values)}"
        )
    for one in values:
        check_number(name, one, low=1, integer=True)
    return tuple(int(one) for one in values)


def _explicit(padding: Any, rank: int) -> tuple[tuple[int, int], ...]:
    padding = known("padding", padding)
    whole = hasattr(padding, "__index__")
    if not whole and not isinstance(padding, Sequence):
        raise TypeError(
            f"{_caller()}: argument `padding` must be SAME, VALID, CAUSAL, CIRCULAR, an integer, "
            f"or one or a pair of them for each axis, got {type(padding).__name__}"
        )
    pairs = [
        p if isinstance(p, Sequence) else (p, p) for p in ([padding] * rank if whole else padding)
    ]
    if len(pairs) != rank or any(len(pair) != 2 for pair in pairs):
        raise ValueError(
            f"{_caller()}: argument `padding` must have an integer or a pair of them for each of "
            f"the {rank} axes of space, got {padding}"
        )
    for one in (one for pair in pairs for one in pair):
        check_number("padding", one, low=0, integer=True)
    return tuple((int(low), int(high)) for low, high in pairs)


def _pads(
    padding: Padding, sizes: Sequence[int], extent: Sequence[int], stride: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    if not isinstance(padding, str):
        return _explicit(padding, len(sizes))
    if padding == "VALID":
        return ((0, 0),) * len(sizes)
    if padding == "SAME":
        total = [
            max((-(-n // s) - 1) * s + e - n, 0)
            for n, e, s in zip(sizes, extent, stride, strict=True)
        ]
    elif padding == "CIRCULAR":
        total = [e - 1 for e in extent]
    elif padding == "CAUSAL":
        if len(sizes) != 1:
            raise ValueError(
                f"{_caller()}: argument `padding` must not be CAUSAL but for sequences, got "
                f"{len(sizes)} axes of space"
            )
        return ((extent[0] - 1, 0),)
    else:
        raise ValueError(
            f"{_caller()}: argument `padding` must be SAME, VALID, CAUSAL, CIRCULAR or pairs of "
            f"integers, got {padding!r}"
        )
    return tuple((t // 2, t - t // 2) for t in total)


def resolve(
    sizes: Sequence[int],
    window: Sequence[int],
    stride: Sizes,
    padding: Padding,
    dilation: Sizes = 1,
    *,
    name: str = "kernel",
) -> Geometry:
    """All that is static about a window on an input; ``name`` is the argument it came from."""
    stride, dilation = (
        per_axis("stride", stride, len(sizes)),
        per_axis("dilation", dilation, len(sizes)),
    )
    extent = tuple(d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True))
    pads = _pads(padding, sizes, extent, stride)
    padded = tuple(n + low + high for n, (low, high) in zip(sizes, pads, strict=True))
    if any(e > n for e, n in zip(extent, padded, strict=True)):
        raise ValueError(
            f"{_caller()}: argument `{name}` must be no larger than the padded input, got extent "
            f"{extent} on {padded}"
        )
    out = tuple((n - e) // s + 1 for n, e, s in zip(padded, extent, stride, strict=True))
    wrap = isinstance(padding, str) and padding == "CIRCULAR"
    return Geometry(tuple(window), stride, dilation, pads, wrap, out)


def pad(x: Array, geometry: Geometry, value: float = 0.0) -> Array:
    """The input of shape (…sizes, C) with its border."""
    if not any(map(any, geometry.pads)):
        return x
    if geometry.wrap:
        return jnp.pad(x, (*geometry.pads, (0, 0)), mode="wrap")
    config = [(low, high, 0) for low, high in (*geometry.pads, (0, 0))]
    return lax.pad(x, jnp.asarray(value, x.dtype), config)


def operands(
    x: ArrayLike, kernel: ArrayLike, groups: int, name: str = "kernel"
) -> tuple[Array, Array]:
    """Input and kernel of one dtype, whose ranks and channels fit."""
    kernel = as_array(name, kernel, ndim=(3, 4, 5), min_size=1)
    x = as_array("x", x, ndim=kernel.ndim - 1, min_size=1)
    check_number("groups", groups, low=1, integer=True)
    c, o = kernel.shape[-2:]
    if x.shape[-1] % groups or o % groups:
        raise ValueError(
            f"{_caller()}: argument `groups` must divide the channels, got {groups} groups for "
            f"{x.shape[-1]} in and {o} out"
        )
    if x.shape[-1] != c * groups:
        raise ValueError(
            f"{_caller()}: argument `x` must have {c * groups} channels for a kernel of shape "
            f"{kernel.shape} and {groups} groups, got {x.shape[-1]}"
        )
    dtype = jnp.promote_types(x.dtype, kernel.dtype)
    return x.astype(dtype), kernel.astype(dtype)


def places(geometry: Geometry) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Each place of the window in row-major order, and what it meets of the padded input."""
    steps = (geometry.stride, geometry.dilation, geometry.out)
    for place in np.ndindex(geometry.window):
        met = zip(place, *steps, strict=True)
        yield place, tuple(slice(d * a, d * a + (n - 1) * s + 1, s) for a, s, d, n in met)


def _phases(padded: Array, stride: tuple[int, ...]) -> dict[tuple[int, ...], Array]:
    """What a grid of steps `stride` meets from each of its origins.

    A split's transpose is one concatenation. That of a strided slice is the array with zeros put
    in, and to add those up is slow on CPU: a DCGAN's update took a fifth more for it.
    """
    ends = [(0, -n % s, 0) for n, s in zip(padded.shape, (*stride, 1), strict=True)]
    found = [lax.pad(padded, jnp.zeros((), padded.dtype), ends)]
    for axis, s in enumerate(stride):
        if s > 1:
            shape = [*found[0].shape]
            shape[axis : axis + 1] = [shape[axis] // s, s]
            parts = (lax.split(one.reshape(shape), [1] * s, axis=axis + 1) for one in found)
            found = [lax.squeeze(part, (axis + 1,)) for some in parts for part in some]
    return dict(zip(np.ndindex(stride), found, strict=True))


def met(padded: Array, geometry: Geometry) -> list[Array]:
    """What each place of the window meets, one element an output, shape (…out, C)."""
    phases, found = _phases(padded, geometry.stride), []
    for place in np.ndindex(geometry.window):
        pairs = zip(place, geometry.dilation, geometry.stride, strict=True)
        starts, origin = zip(*(divmod(a * d, s) for a, d, s in pairs), strict=True)
        stops = tuple(a + n for a, n in zip(starts, geometry.out, strict=True))
        found.append(lax.slice(phases[origin], (*starts, 0), (*stops, padded.shape[-1])))
    return found


def unpad(x: Array, geometry: Geometry, sizes: Sequence[int]) -> Array:
    """The adjoint of ``pad``: the border is dropped, or added to where it came from."""
    for axis, (n, (low, high)) in enumerate(zip(sizes, geometry.pads, strict=True)):
        if geometry.wrap:
            rows = jnp.moveaxis(x, axis, 0)
            folded = jnp.zeros((n, *rows.shape[1:]), x.dtype)
            x = jnp.moveaxis(folded.at[np.arange(-low, n + high) % n].add(rows), 0, axis)
        else:
            x = lax.slice_in_dim(x, low, low + n, axis=axis)
    return x
