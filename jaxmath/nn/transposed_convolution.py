"""Transposed convolution: the adjoint of a convolution, as a function and as a layer."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxmath.nn._geometry import Geometry, Padding, Sizes, known, per_axis, resolve
from jaxmath.nn._lowering import convolution
from jaxmath.nn._product import shaped
from jaxmath.nn.convolution import Conv, _init
from jaxmath.nn.initializers import lecun_normal, zeros_init
from jaxmath.typing import Array, ArrayLike, _caller, as_array, check_number

__all__ = ["transposed_conv_apply", "transposed_conv_init", "transposed_convolve"]

Initializer = Callable[..., Array]


def _output_padding(value: Sizes, stride: tuple[int, ...]) -> tuple[int, ...]:
    given = known("output_padding", value)
    whole = hasattr(given, "__index__")
    if not whole and not isinstance(given, Sequence):
        raise TypeError(
            f"{_caller()}: argument `output_padding` must be an integer or a sequence of them, "
            f"got {type(given).__name__}"
        )
    entries = (given,) * len(stride) if whole else tuple(given)
    for one in entries:
        check_number("output_padding", one, low=0, integer=True)
    if len(entries) != len(stride) or any(e >= s for e, s in zip(entries, stride, strict=False)):
        raise ValueError(
            f"{_caller()}: argument `output_padding` must be below the stride {stride} along each "
            f"axis, got {entries}"
        )
    return entries


def _forward_geometry(
    sizes: Sequence[int],
    window: tuple[int, ...],
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    output_padding: Sizes,
    name: str,
) -> tuple[tuple[int, ...], Geometry]:
    """The sizes and the geometry of the convolution whose output has the sizes given."""
    stride = per_axis("stride", stride, len(sizes))
    extra = _output_padding(output_padding, stride)
    whole = tuple(n * s for n, s in zip(sizes, stride, strict=True))
    if isinstance(padding, str) and padding != "VALID":
        if any(extra):
            raise ValueError(
                f"{_caller()}: argument `output_padding` must be 0 with padding {padding!r}, "
                f"got {extra}"
            )
        return whole, resolve(whole, window, stride, padding, dilation, name=name)
    # Any size will do to resolve the padding and the dilation.
    like = resolve([10**9] * len(sizes), window, stride, padding, dilation, name=name)
    fields = zip(sizes, stride, like.extent, like.pads, extra, strict=True)
    whole = tuple((n - 1) * s + e - sum(pads) + more for n, s, e, pads, more in fields)
    if min(whole) < 1:
        raise ValueError(
            f"{_caller()}: argument `padding` must leave an output, got sizes {whole} for "
            f"{like.pads}"
        )
    return whole, resolve(whole, window, stride, padding, dilation, name=name)


def _adjoint(
    y: ArrayLike,
    kernel: ArrayLike,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: int,
    output_padding: Sizes,
    name: str = "kernel",
) -> Array:
    kernel = as_array(name, kernel, ndim=(3, 4, 5), min_size=1)
    y = as_array("y", y, shape=(*[None] * (kernel.ndim - 2), kernel.shape[-1]), min_size=1)
    check_number("groups", groups, low=1, integer=True)
    if kernel.shape[-1] % groups:
        raise ValueError(
            f"{_caller()}: argument `groups` must divide the channels, got {groups} groups for "
            f"{kernel.shape[-1]} channels"
        )
    sizes, geometry = _forward_geometry(
        y.shape[:-1], kernel.shape[:-2], stride, padding, dilation, output_padding, name
    )
    dtype = jnp.promote_types(y.dtype, kernel.dtype)
    y, kernel = y.astype(dtype), kernel.astype(dtype)
    x = shaped(jax.typeof(y), (*sizes, kernel.shape[-2] * groups))
    return jax.linear_transpose(lambda x: convolution(x, kernel, geometry, groups), x)(y)[0]


def transposed_convolve(
    y: ArrayLike,
    kernel: ArrayLike,
    *,
    stride: Sizes = 1,
    padding: Padding = "SAME",
    dilation: Sizes = 1,
    groups: int = 1,
    output_padding: Sizes = 0,
) -> Array:
    """The adjoint of a convolution, which takes its outputs to its inputs.

    ::

        ⟨K x, y⟩ = ⟨x, Kᵀ y⟩   with K x = convolve(x, kernel, …)
        (Kᵀ y)[q, i] = Σ_{p, a: s p + d a − l = q} Σ_o W[a, i, o] y[p, o]

        size = (n − 1) s + d (k − 1) + 1 − l − h + output_padding       VALID or explicit padding
        size = n s                                                      SAME, CAUSAL, CIRCULAR

    Args:
      y: what the convolution puts out, shape (…sizes, C_out).
      kernel: W as ``convolve`` takes it, shape (…window, C_in/groups, C_out). PyTorch's weight
        (in, out/groups, …window) is this array with its first two axes moved to the end and
        exchanged; Flax's kernel is this one under ``transpose_kernel=True``.
      stride: that of the convolution, hence the factor by which sizes grow.
      padding: that of the convolution, as in ``convolve``, hence what is cut off here.
      dilation: that of the convolution.
      groups: those of the convolution.
      output_padding: how much larger the output is than the smallest of the s sizes that the
        convolution takes to n; below s, and 0 unless padding is VALID or explicit.

    Returns:
      Kᵀ y, shape (…size, C_in), of the common dtype of ``y`` and ``kernel``.

    Raises:
      ValueError: ranks, channels and groups do not fit, or nothing is left of the output.

    Numerics:
      As ``convolve``. Under VALID Flax's output is n s where the kernel is smaller than the
      stride; that is output_padding = s − k here. PyTorch also allows output_padding from s up to
      the dilation. It is no inverse: K Kᵀ is not the identity.

    Example:
      >>> y = jnp.array([1.0, 2.0])[:, None]
      >>> kernel = jnp.array([1.0, 10.0, 100.0]).reshape(3, 1, 1)
      >>> print(transposed_convolve(y, kernel, stride=2, padding="VALID")[:, 0])
      [  1.  10. 102.  20. 200.]

    References:
      V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 4.
    """
    return _adjoint(y, kernel, stride, padding, dilation, groups, output_padding)


def transposed_conv_init(
    key: Array,
    in_size: int,
    out_size: int,
    window: tuple[int, ...],
    *,
    groups: int = 1,
    dtype: jax.typing.DTypeLike = float,
    kernel_init: Initializer = lecun_normal,
    bias_init: Initializer = zeros_init,
) -> Conv:
    """Random parameters of a transposed convolution.

    ::

        W ~ kernel_init,   b ~ bias_init;   by default W ~ N(0, groups / (k C_in)) and b = 0,
        k the number of places in the window

    Args:
      key: a random key, used once.
      in_size: number of channels that come in, C_in, a multiple of ``groups``.
      out_size: number of channels that go out, C_out, a multiple of ``groups``.
      window: the kernel's size along each axis of space: (3,), (3, 3) or (3, 3, 3).
      groups: how many groups the channels fall into, each with its own kernel.
      dtype: a real floating dtype; ``float`` means jax's default one.
      kernel_init: initializer ``f(key, shape, dtype)`` of the kernel.
      bias_init: initializer ``f(key, shape, dtype)`` of the bias.

    Returns:
      Parameters with ``kernel`` of shape (…window, C_out/groups, C_in), that of the convolution
      of which it is the adjoint, and ``bias`` of shape (C_out,).

    Numerics:
      That of the initializers, which see the shape (…window, C_in/groups, C_out): with stride s an
      output sums over k/s places, so its variance is that of its inputs at s = 1.

    Example:
      >>> transposed_conv_init(jax.random.key(0), 8, 4, (3, 3)).kernel.shape
      (3, 3, 4, 8)

    References:
      V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 4.
    """
    kernel, bias = _init(key, in_size, out_size, window, groups, dtype, kernel_init, bias_init)
    split = kernel.reshape(*window, in_size // groups, groups, out_size // groups)
    return Conv(jnp.swapaxes(split, -1, -3).reshape(*window, out_size // groups, in_size), bias)


def transposed_conv_apply(
    params: Conv,
    y: ArrayLike,
    *,
    stride: Sizes = 1,
    padding: Padding = "SAME",
    dilation: Sizes = 1,
    groups: int = 1,
    output_padding: Sizes = 0,
) -> Array:
    """A transposed convolution and a bias for each output channel, for one example.

    ::

        x[q, i] = (Kᵀ y)[q, i] + b[i]

    Args:
      params: kernel W of shape (…window, C_out/groups, C_in) and bias b of shape (C_out,), with
        C_in channels that come in and C_out that go out.
      y: one example, shape (…sizes, C_in).
      stride: as in ``transposed_convolve``.
      padding: as in ``transposed_convolve``.
      dilation: as in ``transposed_convolve``.
      groups: as in ``transposed_convolve``.
      output_padding: as in ``transposed_convolve``.

    Returns:
      x, shape (…size, C_out), of the common dtype of ``params`` and ``y``.

    Numerics:
      As ``transposed_convolve``.

    Example:
      >>> params = Conv(kernel=jnp.ones((2, 2, 1, 3)), bias=jnp.array([0.5]))
      >>> print(transposed_conv_apply(params, jnp.ones((1, 2, 3)), stride=2)[..., 0])
      [[3.5 3.5 3.5 3.5]
       [3.5 3.5 3.5 3.5]]

    References:
      M. D. Zeiler, D. Krishnan, G. W. Taylor, R. Fergus, "Deconvolutional networks", 2010.
    """
    kernel = params.kernel
    x = _adjoint(y, kernel, stride, padding, dilation, groups, output_padding, name="params.kernel")
    bias = as_array("params.bias", params.bias, shape=x.shape[-1:])
    return x + jnp.expand_dims(bias, tuple(range(x.ndim - 1)))
