"""Convolution in one, two and three dimensions, as a function and as a layer.

What deep learning calls convolution is the cross-correlation: the kernel is not flipped. One
example has shape (T, C), (H, W, C) or (D, H, W, C), a kernel (…window, C_in, C_out); the rank
follows from the kernel's shape.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.nn._geometry import Padding, Sizes, operands, resolve
from jaxmath.nn._lowering import convolution
from jaxmath.nn.initializers import lecun_normal, zeros_init
from jaxmath.typing import Array, ArrayLike, _caller, as_array, as_key, check_number

__all__ = ["Conv", "conv_apply", "conv_init", "convolve"]

Initializer = Callable[..., Array]


class Conv(NamedTuple):
    """The parameters of a convolution, transposed or not: kernel (…window, C_in, C_out), bias."""

    kernel: Array
    bias: Array


def _init(
    key: Array,
    in_size: int,
    out_size: int,
    window: tuple[int, ...],
    groups: int,
    dtype: jax.typing.DTypeLike,
    kernel_init: Initializer,
    bias_init: Initializer,
) -> Conv:
    key = as_key("key", key)
    check_number("in_size", in_size, low=1, integer=True)
    check_number("out_size", out_size, low=1, integer=True)
    check_number("groups", groups, low=1, integer=True)
    if not isinstance(window, tuple) or not 1 <= len(window) <= 3:
        raise ValueError(
            f"{_caller()}: argument `window` must be a tuple of 1 to 3 integers, got {window!r}"
        )
    for size in window:
        check_number("window", size, low=1, integer=True)
    if in_size % groups or out_size % groups:
        raise ValueError(
            f"{_caller()}: argument `groups` must divide the channels, got {groups} groups for "
            f"{in_size} in and {out_size} out"
        )
    kernel_key, bias_key = jax.random.split(key)
    return Conv(
        kernel=kernel_init(kernel_key, (*window, in_size // groups, out_size), dtype),
        bias=bias_init(bias_key, (out_size,), dtype),
    )


def conv_init(
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
    """Random parameters of a convolution.

    ::

        W ~ kernel_init,   b ~ bias_init;   by default W ~ N(0, groups / (k C_in)) and b = 0,
        k the number of places in the window

    Args:
      key: a random key, used once.
      in_size: number of input channels C_in, a multiple of ``groups``.
      out_size: number of output channels C_out, a multiple of ``groups``.
      window: the kernel's size along each axis of space: (3,), (3, 3) or (3, 3, 3).
      groups: how many groups the channels fall into, each with its own kernel.
      dtype: a real floating dtype; ``float`` means jax's default one.
      kernel_init: initializer ``f(key, shape, dtype)`` of the kernel.
      bias_init: initializer ``f(key, shape, dtype)`` of the bias.

    Returns:
      Parameters with ``kernel`` of shape (…window, C_in/groups, C_out) and ``bias`` of shape
      (C_out,). The kernel of a 1×1 convolution has window (1, 1), that of a depthwise one
      groups = C_in.

    Numerics:
      That of the initializers, whose fan-in counts the window. The defaults are Flax's, but for
      the Gaussian, which is not truncated here.

    Example:
      >>> params = conv_init(jax.random.key(0), 16, 400, (5, 5))
      >>> f"{params.kernel.shape} {params.kernel.std():.3f}"
      '(5, 5, 16, 400) 0.050'

    References:
      Y. LeCun, L. Bottou, G. B. Orr, K.-R. Müller, "Efficient BackProp", 1998, section 4.6.
    """
    return _init(key, in_size, out_size, window, groups, dtype, kernel_init, bias_init)


def convolve(
    x: ArrayLike,
    kernel: ArrayLike,
    *,
    stride: Sizes = 1,
    padding: Padding = "SAME",
    dilation: Sizes = 1,
    groups: int = 1,
) -> Array:
    """The convolution of one sequence, image or volume with a kernel, which is not flipped.

    ::

        y[p, o] = Σ_a Σ_i x[s p + d a − l, i] W[a, i, o],   a over the window;   in 1-d

        out = ⌊(n + l + h − d (k − 1) − 1) / s⌋ + 1,   l and h the padding on both sides

    and the same with a vector of indices in 2-d and 3-d. With G groups, output o of group
    g = ⌊o G / C_out⌋ sums over the inputs i of group g alone.

    Args:
      x: one example, shape (T, C_in), (H, W, C_in) or (D, H, W, C_in).
      kernel: W, shape (…window, C_in/groups, C_out), with a window axis for each axis of space.
      stride: s, an integer or one for each axis.
      padding: "VALID", none; "SAME", zeros for ⌈n/s⌉ outputs, the odd one at the end (PyTorch's
        ``padding=k//2`` differs from it for s > 1); "CAUSAL", zeros at the start of a sequence, so
        that output t sees inputs up to s t; "CIRCULAR", the input continued periodically; or
        the number of zeros, an integer or for each axis an integer or a pair (l, h).
      dilation: d, the distance of the window's places, an integer or one for each axis.
      groups: G, by which the channels are divided; C_in for a depthwise convolution.

    Returns:
      y, shape (…out, C_out), of the common dtype of ``x`` and ``kernel``.

    Raises:
      ValueError: ranks, channels and groups do not fit, or the kernel is larger than the padded
        input.

    Numerics:
      Bilinear in x and W; products in the backend's default precision, as in ``dense_apply``.
      Cost: out·k·C_in·C_out/G multiply-adds. On CPU small layers, and groups, are computed as
      patches × matrix (XLA's convolution is slow there inside a loop), large ones, and those of
      other platforms, by XLA: the choice is by shape and platform. x and W are all that is kept
      for the backward pass. 3×3 windows with stride 1 and at least 32 channels in and out (128 for
      large images) are Winograd's products on CPU, in float32 and float64: 4/9 of the
      multiplications, and 4 times the memory of x and y on the way. The rounding of an output is
      then that of the largest |x| of its window, of a few n·eps·max|x|·Σ|W| over n = 9 C_in terms,
      and an infinite x may give NaN.
      A 1×1 convolution is a dense layer at each place.

    Example:
      >>> x = jnp.arange(5.0)[:, None]
      >>> print(convolve(x, jnp.array([-1.0, 0.0, 1.0]).reshape(3, 1, 1), padding="VALID")[:, 0])
      [2. 2. 2.]

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, equations (9.6) and (9.8).
      V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016.
      A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", 2016.
    """
    x, kernel = operands(x, kernel, groups)
    geometry = resolve(x.shape[:-1], kernel.shape[:-2], stride, padding, dilation)
    return convolution(x, kernel, geometry, groups)


def conv_apply(
    params: Conv,
    x: ArrayLike,
    *,
    stride: Sizes = 1,
    padding: Padding = "SAME",
    dilation: Sizes = 1,
    groups: int = 1,
) -> Array:
    """A convolution and a bias for each output channel, for one example.

    ::

        y[p, o] = Σ_a Σ_i x[s p + d a − l, i] W[a, i, o] + b[o]

    Args:
      params: kernel W of shape (…window, C_in/groups, C_out) and bias b of shape (C_out,).
      x: one example, shape (…sizes, C_in).
      stride: as in ``convolve``.
      padding: as in ``convolve``.
      dilation: as in ``convolve``.
      groups: as in ``convolve``.

    Returns:
      y, shape (…out, C_out), of the common dtype of ``params`` and ``x``.

    Numerics:
      As ``convolve``.

    Example:
      >>> params = Conv(kernel=jnp.ones((3, 3, 1, 2)), bias=jnp.array([0.5, 0.0]))
      >>> print(conv_apply(params, jnp.ones((4, 4, 1)))[0, :2])
      [[4.5 4. ]
       [6.5 6. ]]

    References:
      Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
      recognition", 1998, section II.A.
    """
    x, kernel = operands(x, params.kernel, groups, "params.kernel")
    bias = as_array("params.bias", params.bias, shape=kernel.shape[-1:])
    geometry = resolve(
        x.shape[:-1], kernel.shape[:-2], stride, padding, dilation, name="params.kernel"
    )
    y = convolution(x, kernel, geometry, groups)
    return y + jnp.expand_dims(bias, tuple(range(y.ndim - 1)))
