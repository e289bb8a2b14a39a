"""Transposed convolution: the adjoint in every setting, and Flax's layer."""

from functools import partial

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn

# sizes of y, window, C_in of the convolution, C_out, options
CASES = [
    ((4,), (3,), 2, 3, {"stride": 2, "padding": "VALID", "output_padding": 1}),
    ((5,), (2,), 2, 1, {"stride": 3, "padding": "VALID"}),
    ((5,), (3,), 2, 3, {"padding": "CAUSAL", "dilation": 2}),
    ((3,), (3,), 2, 3, {"padding": "CIRCULAR", "stride": 2}),
    ((3, 4), (3, 2), 2, 3, {"stride": 2}),
    ((3, 4), (3, 3), 4, 2, {"padding": ((1, 0), (2, 1)), "stride": (2, 1), "groups": 2}),
    ((2, 3, 2), (2, 2, 3), 1, 2, {"stride": 2, "padding": "SAME"}),
]


def test_inner_products_agree():
    """⟨K x, y⟩ = ⟨x, Kᵀ y⟩, with the sizes that the formula says."""

    def both():
        draw = np.random.default_rng(0).standard_normal
        found = []
        for sizes, window, c, o, options in CASES:
            y, kernel = draw((*sizes, o)), draw((*window, c // options.get("groups", 1), o))
            back = nn.transposed_convolve(y, kernel, **options)
            x = draw(back.shape)
            forward = {k: v for k, v in options.items() if k != "output_padding"}
            found.append((jnp.vdot(nn.convolve(x, kernel, **forward), y), jnp.vdot(x, back)))
        return found

    for left, right in jax.jit(both)():
        np.testing.assert_allclose(left, right, rtol=1e-13)


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-12)])
def test_layer_agrees_with_flax(dtype, rtol):
    """Value and gradients; Flax pads the dilated y, by what the kernel leaves of our padding."""
    cases = [
        ((3, 4), (3, 2), {"stride": 2}, "SAME"),
        ((5,), (4,), {"stride": 3, "padding": "VALID"}, "VALID"),
        ((4,), (2,), {"stride": 3, "padding": "VALID", "output_padding": 1}, "VALID"),
        ((3, 3), (3, 3), {"stride": 2, "padding": ((1, 0), (2, 1))}, ((1, 2), (0, 1))),
    ]

    def both():
        draw = lambda *shape: jnp.asarray(np.random.default_rng(0).standard_normal(shape), dtype)
        pairs = []
        for sizes, window, options, padding in cases:
            params, y = nn.Conv(draw(*window, 2, 3), draw(2)), draw(*sizes, 3)
            layer = flax.linen.ConvTranspose(
                2, window, options["stride"], padding=padding, transpose_kernel=True
            )
            if len(sizes) > 1:
                layer = layer.copy(strides=(options["stride"],) * len(sizes))
            ours = partial(nn.transposed_conv_apply, **options)
            theirs = lambda p, y, layer=layer: layer.apply({"params": p._asdict()}, y[None])[0]
            total = lambda f: jax.grad(lambda *args: jnp.sum(jnp.sin(f(*args))), (0, 1))
            pairs.append([(f(params, y), total(f)(params, y)) for f in (ours, theirs)])
        return pairs

    for got, want in jax.jit(both)():
        for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
            assert a.dtype == dtype
            np.testing.assert_allclose(a, b, rtol=0, atol=rtol * np.max(np.abs(b)))


def test_the_start_of_groups():
    """Each group's kernel is its own draw, and every output has the variance of its inputs."""
    params = nn.transposed_conv_init(jax.random.key(0), 60, 12, (3, 3), groups=3)
    assert params.kernel.shape == (3, 3, 4, 60)
    variance = 1 / (9 * 20)
    assert abs(params.kernel.var() - variance) < 5 * variance * np.sqrt(2 / params.kernel.size)
    y = jax.random.normal(jax.random.key(1), (30, 30, 60))
    x = jax.jit(partial(nn.transposed_conv_apply, groups=3))(params, y)
    assert abs(x[1:-1, 1:-1].var() - 1) < 0.2


def test_the_start_of_groups_keeps_what_belongs_together():
    """The initializer sees (…, in/groups, out): here each entry is the number of its output."""
    number = lambda key, shape, dtype: jnp.broadcast_to(jnp.arange(shape[-1], dtype=dtype), shape)
    kernel, _ = nn.transposed_conv_init(jax.random.key(0), 6, 4, (2,), groups=2, kernel_init=number)
    np.testing.assert_array_equal(kernel[0], [[0, 0, 0, 2, 2, 2], [1, 1, 1, 3, 3, 3]])


@pytest.mark.parametrize(("options", "match"), [
    ({"output_padding": 1, "padding": 0}, "`output_padding` must be below the stride"),
    ({"output_padding": 1, "stride": 2}, "`output_padding` must be 0 with padding 'SAME'"),
    ({"padding": 4}, "`padding` must leave an output"),
    ({"groups": 3}, "`groups` must divide the channels"),
])  # fmt: skip
def test_bad_settings_are_refused(options, match):
    with pytest.raises(ValueError, match=f"transposed_convolve: argument {match}"):
        nn.transposed_convolve(np.ones((3, 4, 2)), np.ones((3, 3, 2, 2)), **options)
