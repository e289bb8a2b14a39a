"""Convolution against Flax and loops, in all its lowerings, derivatives and boundary conditions."""

from functools import partial

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.ad_checkpoint import print_saved_residuals

from jaxmath import nn
from jaxmath.nn import _lowering
from jaxmath.nn._geometry import resolve
from jaxmath.nn._winograd import by_winograd

# name: sizes, window, C_in, C_out, options
CASES = {
    "1-d causal": ((7,), (3,), 2, 3, {"padding": "CAUSAL", "dilation": 2}),
    "1-d circular": ((5,), (4,), 2, 3, {"padding": "CIRCULAR"}),
    "2-d same": ((5, 6), (3, 2), 2, 3, {"stride": 2}),
    "2-d valid, dilated": ((6, 7), (3, 2), 3, 2, {"padding": "VALID", "dilation": (2, 3)}),
    "2-d groups": ((5, 4), (3, 3), 4, 6, {"groups": 2, "padding": ((2, 0), (1, 1))}),
    "2-d depthwise": ((5, 4), (3, 3), 3, 6, {"groups": 3, "stride": (1, 2)}),
    "2-d one channel": ((5, 4), (2, 3), 1, 3, {"padding": "CIRCULAR", "stride": 2}),
    "2-d many channels": ((5, 4), (3, 3), 32, 33, {"padding": ((0, 2), (2, 1))}),
    "1×1": ((3, 4), (1, 1), 3, 2, {"stride": 2}),
    "3-d": ((3, 4, 3), (2, 3, 1), 2, 2, {"padding": 1, "stride": (1, 2, 2)}),
}  # fmt: skip


def make(case: str, dtype: str = "float64") -> tuple[nn.Conv, jax.Array, dict]:
    sizes, window, c, o, options = CASES[case]
    draw = np.random.default_rng(0).standard_normal
    kernel = draw((*window, c // options.get("groups", 1), o)) / max(1.0, c / 4)
    params = nn.Conv(jnp.asarray(kernel, dtype), jnp.asarray(draw(o), dtype))
    return params, jnp.asarray(draw((*sizes, c)), dtype), options


def value_and_gradients(f, *args):
    """The sine makes the gradients depend on the values."""
    total = lambda *args: jnp.sum(jnp.sin(f(*args)))
    return f(*args), jax.grad(total, argnums=tuple(range(len(args))))(*args)


def assert_close(got, want, rtol):
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * np.max(np.abs(b)))


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-12)])
def test_layers_agree_with_flax(dtype, rtol):
    """Every case, value and gradients to params and x."""

    def both():
        found = []
        for case, (_, window, _, o, options) in CASES.items():
            params, x, options = make(case, dtype)
            names = {"stride": "strides", "dilation": "kernel_dilation",
                     "groups": "feature_group_count"}  # fmt: skip
            settings = {names.get(k, k): v for k, v in options.items()}
            layer = flax.linen.Conv(o, window, **settings)
            theirs = lambda p, x, layer=layer: layer.apply({"params": p._asdict()}, x[None])[0]
            ours = partial(nn.conv_apply, **options)
            found.append([value_and_gradients(f, params, x) for f in (ours, theirs)])
        return found

    for got, want in jax.jit(both)():
        assert_close(got, want, rtol)


def test_lowerings_agree_in_value_and_derivatives():
    """Patches, shifts, Winograd's products and XLA's convolution: value, tangent, gradient, and
    its tangent."""

    def derivatives(f, kernel, x):
        total = lambda k, x: jnp.sum(jnp.sin(f(x, k)))
        tangent = jax.jvp(f, (x, kernel), (jnp.cos(x), jnp.cos(kernel)))[1]
        gradient, curvature = jax.jvp(
            jax.grad(total, (0, 1)), (kernel, x), (jnp.cos(kernel), jnp.cos(x))
        )
        return f(x, kernel), tangent, gradient, curvature

    def all_cases():
        found = {}
        for case in (
            "1-d causal",
            "2-d groups",
            "2-d depthwise",
            "2-d one channel",
            "3-d",
            "2-d many channels",
        ):
            params, x, options = make(case)
            options = {"stride": 1, "padding": "SAME", **options}
            groups = options.pop("groups", 1)
            geometry = resolve(x.shape[:-1], params.kernel.shape[:-2], **options)
            lowered = [_lowering.by_patches, _lowering.by_xla]
            lowered += [_lowering.by_shifts] if params.kernel.shape[-2] == 1 else []
            forms = [partial(f, geometry=geometry, groups=groups) for f in lowered]
            forms += [partial(by_winograd, geometry=geometry)] if x.shape[-1] == 32 else []
            forms.append(partial(nn.convolve, groups=groups, **options))
            found[case] = [derivatives(f, params.kernel, x) for f in forms]
        return found

    for first, *others in jax.jit(all_cases)().values():
        for other in others:
            assert_close(other, first, 1e-12)


def test_choice_of_the_lowering():
    """Products on CPU for small layers and for many channels, XLA for other large ones and
    elsewhere; under vmap over kernels no grouped convolution."""

    def text(platform, sizes, c, o, transform=lambda f: f, batch=()):
        shapes = (*batch, *sizes, c), (*batch, 3, 3, c, o)
        args = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
        traced = jax.jit(transform(nn.convolve)).trace(*args)
        return traced.lower(lowering_platforms=(platform,)).as_text()

    small, large = ((14, 14), 32, 64), ((112, 112), 64, 64)
    assert "stablehlo.convolution" not in text("cpu", (56, 56), 64, 64)
    assert "stablehlo.convolution" not in text("cpu", *small)
    assert "stablehlo.convolution" not in text("cpu", (28, 28), 128, 128)
    assert "stablehlo.convolution" not in text("cpu", *small, jax.vmap, (2,))
    for platform, layer in (("cpu", large), ("cuda", small), ("tpu", large)):
        assert "stablehlo.convolution" in text(platform, *layer)


@pytest.mark.parametrize(("window", "options"), [
    ((3, 3), {}), ((3, 3), {"padding": "VALID"}), ((3, 3), {"stride": (1, 2)}),
    ((3, 3), {"dilation": (2, 1)}), ((3, 3), {"groups": 2}), ((3, 2), {}),
])  # fmt: skip
def test_many_channels_by_what_is_chosen(window, options):
    """Winograd's products where they hold, and not where they do not."""
    draw = np.random.default_rng(0).standard_normal
    settings = {"stride": 1, "padding": "SAME", "groups": 1} | options
    groups = settings.pop("groups")
    x, kernel = jnp.asarray(draw((5, 6, 64))), jnp.asarray(draw((*window, 64 // groups, 32)))
    geometry = resolve((5, 6), window, **settings)
    want = jax.jit(partial(_lowering.by_xla, geometry=geometry, groups=groups))(x, kernel)
    assert_close(jax.jit(partial(nn.convolve, **options))(x, kernel), want, 1e-14)


def test_short_floats_are_not_winograds():
    """Its sums and differences of inputs cost a digit, of which bfloat16 has two."""
    for dtype in (jnp.float64, jnp.float32, jnp.bfloat16):
        args = jnp.ones((5, 6, 32), dtype), jnp.ones((3, 3, 32, 32), dtype)
        form = "by_patches" if dtype == jnp.bfloat16 else "by_winograd"
        assert form in str(jax.make_jaxpr(nn.convolve)(*args))


@pytest.mark.parametrize("c", [20, 32])
def test_inputs_and_their_cotangents_are_stored(c):
    """One conditional on the way there, and one on the way back, two with a kernel's slope."""
    f = lambda x, k: jnp.sum(jnp.sin(nn.convolve(jnp.cos(x), k)))
    args = jnp.ones((4, 4, c)), jnp.ones((3, 3, c, c))
    for g, count in ((f, 1), (jax.grad(f), 2), (jax.grad(f, (0, 1)), 3)):
        assert jax.jit(g).lower(*args).compile().as_text().count(" conditional(") == count


def test_patches_are_not_kept_for_the_backward_pass(capsys):
    print_saved_residuals(nn.convolve, jnp.ones((14, 14, 32)), jnp.ones((3, 3, 32, 64)))
    kept = capsys.readouterr().out.splitlines()
    assert kept
    assert all("from the argument" in line for line in kept), kept


def test_maps_over_inputs_and_kernels():
    params, x, options = make("2-d groups")
    f = partial(nn.convolve, **options)
    xs, ks = jnp.stack([x, 2 * x, x**2]), jnp.stack([params.kernel, -params.kernel, params.kernel])
    got = jax.jit(lambda xs, ks: (
        jax.vmap(f, (0, None))(xs, ks[0]), jax.vmap(f, (None, 0))(xs[2], ks), jax.vmap(f)(xs, ks),
    ))(xs, ks)  # fmt: skip
    one = jax.jit(f)
    want = [
        jnp.stack([one(a, ks[0]) for a in xs]),
        jnp.stack([one(xs[2], k) for k in ks]),
        jnp.stack([one(a, k) for a, k in zip(xs, ks, strict=True)]),
    ]
    assert_close(got, want, 1e-14)


def test_shift_equivariance_is_exact():
    """Whole numbers, periodic: a shift by s moves the output by one."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.integers(-9, 10, (6, 6, 2)), jnp.float32)
    kernel = jnp.asarray(rng.integers(-9, 10, (3, 3, 2, 3)), jnp.float32)
    for s in (1, 2, 3):
        f = jax.jit(partial(nn.convolve, stride=s, padding="CIRCULAR"))
        shifted = f(jnp.roll(x, (s, 2 * s), (0, 1)), kernel)
        np.testing.assert_array_equal(shifted, jnp.roll(f(x, kernel), (1, 2), (0, 1)))


def test_causality():
    """The derivative by what comes later is exactly 0, that by the present is not."""
    params, x, _ = make("1-d causal")
    f = partial(nn.convolve, kernel=params.kernel, padding="CAUSAL", dilation=2)
    jacobian = jnp.abs(jax.jit(jax.jacrev(f))(x)).sum((1, 3))
    np.testing.assert_array_equal(jacobian, jnp.tril(jacobian))
    assert jnp.all(jnp.diagonal(jacobian) > 0)


def test_the_start_has_the_variance_of_its_fan_in():
    params = nn.conv_init(jax.random.key(0), 24, 60, (3, 5), groups=3)
    assert params.kernel.shape == (3, 5, 8, 60)
    variance = 1 / (3 * 5 * 8)
    error = abs(params.kernel.var() - variance)
    assert error < 5 * variance * np.sqrt(2 / params.kernel.size)
    np.testing.assert_array_equal(params.bias, np.zeros(60))


def test_a_one_by_one_convolution_is_a_dense_layer_at_each_place():
    params, x, _ = make("1×1")
    dense = nn.Dense(params.kernel[0, 0], params.bias)
    want = jax.vmap(jax.vmap(partial(nn.dense_apply, dense)))(x)
    np.testing.assert_allclose(nn.conv_apply(params, x), want, rtol=1e-14)


@pytest.mark.parametrize(("options", "error", "match"), [
    ({"stride": 0}, ValueError, "convolve: argument `stride` must be at least 1"),
    ({"stride": (1, 2, 3)}, ValueError, "argument `stride` must have one integer for each"),
    ({"stride": 1.5}, TypeError, "argument `stride` must be an integer or a sequence"),
    ({"dilation": 3, "padding": "VALID"}, ValueError,
     r"convolve: argument `kernel` must be no larger than the padded input, got extent \(7, 7\)"),
    ({"groups": 3}, ValueError, "convolve: argument `groups` must divide the channels"),
    ({"padding": "same"}, ValueError, "argument `padding` must be SAME, VALID.*got 'same'"),
    ({"padding": "CAUSAL"}, ValueError, "argument `padding` must not be CAUSAL but for sequences"),
    ({"padding": -1}, ValueError, "argument `padding` must be at least 0"),
    ({"padding": ((1, 1),)}, ValueError, "argument `padding` must have an integer or a pair"),
    ({"padding": 1.0}, TypeError, "argument `padding` must be SAME, VALID"),
])  # fmt: skip
def test_bad_settings_are_refused(options, error, match):
    with pytest.raises(error, match=match):
        nn.convolve(np.ones((5, 6, 2)), np.ones((3, 3, 2, 2)), **options)


def test_a_wide_window_is_one_product():
    """AlexNet's first layer on gray images, and depthwise: the gradient of 121 shifts compiled for
    minutes."""

    def products(k):
        f = lambda x, w: jnp.sum(nn.convolve(x, w, stride=4))
        x, w = jnp.zeros((20, 20, 1)), jnp.zeros((k, k, 1, 2))
        return str(jax.make_jaxpr(jax.grad(f, 1))(x, w)).count("contraction_over_places")

    def terms(k):
        f = lambda x, w: jnp.sum(nn.convolve(x, w, stride=4, groups=2))
        x, w = jnp.zeros((20, 20, 2)), jnp.zeros((k, k, 1, 2))
        return str(jax.make_jaxpr(jax.grad(f, 1))(x, w)).count(" mul ")

    assert products(11) == products(3) == 1
    assert terms(11) < 9 <= terms(3)


def test_a_call_outside_jit_compiles_once(monkeypatch):
    traced, patches = [], _lowering.by_patches
    monkeypatch.setattr(
        _lowering, "by_patches", lambda *args, **kw: (traced.append(1), patches(*args, **kw))[1]
    )
    x, kernel = jnp.ones((7, 13, 2)), jnp.ones((2, 3, 2, 5))
    first = nn.convolve(x, kernel)
    count = len(traced)
    np.testing.assert_array_equal(nn.convolve(x, kernel), first)
    assert len(traced) == count > 0
