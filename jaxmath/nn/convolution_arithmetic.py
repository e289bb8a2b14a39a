"""The arithmetic of convolution: how large an output is, and what one output sees of the input."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxmath.nn._geometry import Padding, Sizes, per_axis, resolve
from jaxmath.typing import check_number

__all__ = ["ReceptiveField", "output_size", "receptive_field"]


def output_size(
    sizes: Sequence[int],
    window: Sequence[int],
    *,
    stride: Sizes = 1,
    padding: Padding = "SAME",
    dilation: Sizes = 1,
) -> tuple[int, ...]:
    """The sizes of what a convolution or a pooling puts out.

    ::

        out = ⌊(n + l + h − d (k − 1) − 1) / s⌋ + 1   along each axis
            = ⌈n / s⌉ with SAME, CAUSAL and CIRCULAR padding

    Args:
      sizes: n, the input's sizes along the axes of space.
      window: k, the window's sizes.
      stride: s, an integer or one for each axis.
      padding: l and h on both sides, as in ``convolve``.
      dilation: d, an integer or one for each axis.

    Returns:
      The output's sizes, a tuple of integers.

    Raises:
      ValueError: the window is larger than the padded input.

    Numerics:
      Exact: integers.

    Example:
      >>> output_size((224, 224), (7, 7), stride=2, padding=3)
      (112, 112)

    References:
      V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016,
      relationship 15.
    """
    sizes = per_axis("sizes", tuple(sizes), len(sizes))
    window = per_axis("window", tuple(window), len(sizes))
    return resolve(sizes, window, stride, padding, dilation, name="window").out


class ReceptiveField(NamedTuple):
    """Output j of a stack of layers sees the inputs from start + j·stride, size of them."""

    size: int
    stride: int
    start: int


def receptive_field(layers: Sequence[Sequence[int]]) -> ReceptiveField:
    """What one output of a stack of convolutions and poolings sees of the input, along one axis.

    ::

        r₀ = 1,  j₀ = 1,  b₀ = 0
        r_l = r_{l−1} + d (k − 1) j_{l−1},   b_l = b_{l−1} − p j_{l−1},   j_l = j_{l−1} s

    Args:
      layers: for each layer, input to output, (window k, stride s, padding p at the low end,
        dilation d); what is left out is s = 1, p = 0, d = 1.

    Returns:
      ``ReceptiveField(size, stride, start)`` = (r, j, b) of the last layer: output i sees the
      inputs b + i j, …, b + i j + r − 1; those below 0 are padding. No layers: (1, 1, 0).

    Raises:
      ValueError: a layer has no or more than four entries, or one out of range.

    Numerics:
      Exact: integers. The field is the largest set of inputs that an output can depend on; with
      dilations above 1 it may have holes.

    Example:
      >>> receptive_field([(3, 1, 1), (2, 2), (3, 1, 1), (2, 2)])
      ReceptiveField(size=10, stride=4, start=-3)

    References:
      A. Araujo, W. Norris, J. Sim, "Computing receptive fields of convolutional neural networks",
      2019, equations (2) to (4).
    """
    size, jump, start = 1, 1, 0
    for i, layer in enumerate(layers):
        if not isinstance(layer, Sequence) or not 1 <= len(layer) <= 4:
            raise ValueError(
                f"receptive_field: argument `layers` must hold (window, stride, padding, dilation)"
                f", got {layer} as entry {i}"
            )
        window, stride, padding, dilation = (*layer, *(0, 1, 0, 1)[len(layer) :])
        for name, value, low in zip(
            ("window", "stride", "padding", "dilation"),
            (window, stride, padding, dilation),
            (1, 1, 0, 1),
            strict=True,
        ):
            check_number(f"layers[{i}].{name}", value, low=low, integer=True)
        size += dilation * (window - 1) * jump
        start -= padding * jump
        jump *= stride
    return ReceptiveField(size, jump, start)
