"""The product at each place, and what is stored: batches, derivatives, programs."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn
from jaxmath.nn._geometry import met, resolve
from jaxmath.nn._patches import fold, patches
from jaxmath.nn._product import product
from jaxmath.nn._stored import stored


def make(dtype="float64"):
    draw = np.random.default_rng(0).standard_normal
    return jnp.asarray(draw((2, 3, 4, 5)), dtype), jnp.asarray(draw((2, 5, 6)), dtype)


MAPS = {
    "alone": lambda f, X, W: f(X, W[0]),
    "batch of x": lambda f, X, W: jax.vmap(f, (0, None))(X, W[0]),
    "a later axis is the batch": lambda f, X, W: jax.vmap(f, (2, None))(X, W[0]),
    "batch of W": lambda f, X, W: jax.vmap(f, (None, 0))(X[0], W),
    "both": lambda f, X, W: jax.vmap(f)(X, W),
    "one within another": lambda f, X, W: jax.vmap(jax.vmap(f, (0, None)), (0, 0))(X, W),
}


@pytest.mark.parametrize("name", MAPS)
def test_value_and_derivatives_are_those_of_dot(name):
    """Value, tangent, gradient, and the gradient of a gradient, outside a map and inside it."""
    X, W = make()

    def found(f):
        inner = lambda x, w: jnp.sum(jnp.sin(f(x, w)))
        slope = lambda x, w: jnp.sum(jnp.square(jax.grad(inner, 0)(x, w)))
        whole = lambda f: lambda X, W: jnp.sum(jnp.cos(MAPS[name](f, X, W)))
        return (
            jax.jvp(partial(MAPS[name], f), (X, W), (X**2, W**2)),
            jax.grad(whole(f), (0, 1))(X, W),
            jax.grad(whole(slope), (0, 1))(X, W),
            MAPS[name](jax.grad(inner, 1), X, W),
            jax.jvp(jax.grad(whole(f), (0, 1)), (X, W), (W[0, 0, 0] * X, W)),
        )

    ours, theirs = jax.jit(lambda: (found(product), found(jnp.dot)))()
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_the_gradient_of_a_batch_is_one_product_of_two_matrices():
    X, W = make("float32")
    loss = lambda W: jnp.sum(jnp.sin(jax.vmap(product, (0, None))(X, W)))
    text = jax.jit(jax.grad(loss)).lower(W[0]).as_text()
    dots = [line for line in text.splitlines() if "dot_general" in line]
    assert len(dots) == 2
    assert all(line.count("tensor<") == 3 and "batching" not in line for line in dots)
    assert "(tensor<5x24xf32>, tensor<24x6xf32>) -> tensor<5x6xf32>" in dots[1]


@pytest.mark.parametrize("x", [jnp.arange(6.0).reshape(2, 3), jnp.array([jnp.nan, -jnp.inf])])
@pytest.mark.parametrize("numbers", [jnp.array([[0.0]]), jnp.array([jnp.nan]), jnp.ones(3)])
def test_what_is_stored_is_as_it_was(x, numbers):
    f = lambda x: stored(x, numbers)
    for g in (f, jax.jit(f), jax.vmap(f), lambda x: jax.vmap(stored, (None, 0))(x, numbers)):
        np.testing.assert_array_equal(jnp.broadcast_to(x, g(x).shape), g(x))
    _, tangent = jax.jvp(f, (x,), (x + 1,))
    np.testing.assert_array_equal(tangent, x + 1)
    np.testing.assert_array_equal(jax.vjp(f, x)[1](x)[0], x)
    assert jax.grad(lambda n: jnp.sum(stored(x, n)))(numbers).shape == numbers.shape


def test_it_is_stored_on_the_way_back_too():
    loss = lambda x, numbers: jnp.sum(jnp.sin(stored(jnp.cos(x), numbers)))
    text = lambda f: jax.jit(f).lower(jnp.ones(8), jnp.ones(3)).compile().as_text()
    assert text(loss).count(" conditional(") == 1
    assert text(jax.grad(loss)).count(" conditional(") == 2


@pytest.mark.parametrize("widths", [(256, 64), (64, 256), (256, 300), (16, 8), (40, 10), (1, 17)])
@pytest.mark.parametrize("batch", [0, 1, 30])
def test_a_contraction_of_places(widths, batch):
    """Where an operand is turned before the product, and where it is not; of no places too."""
    draw = np.random.default_rng(0).standard_normal
    x, y = (jnp.asarray(draw((batch, 20, n))) for n in widths)
    slope = jax.grad(lambda W: jnp.sum(jax.vmap(product, (0, None))(x, W) * y))
    want = jnp.einsum("bpi,bpj->ij", x, y)
    for f in (slope, jax.jit(slope)):
        np.testing.assert_allclose(f(jnp.zeros(widths)), want, atol=1e-11)


@pytest.mark.parametrize(("widths", "stores"), [((40, 10), 2), ((10, 40), 0), ((40, 20), 0)])
def test_a_narrow_output_is_turned(widths, stores):
    slope = jax.grad(lambda W, x, y: jnp.sum(jax.vmap(product, (0, None))(x, W) * y))
    args = jnp.zeros(widths), *(jnp.ones((32, n)) for n in widths)
    with jax.default_device(jax.devices("cpu")[0]):  # other platforms turn nothing
        text = jax.jit(slope).lower(*args).compile().as_text()
    assert text.count(" conditional(") == stores


GEOMETRIES = {
    "side by side": ((6, 4), (2, 2), 2, 1),
    "no multiple of the stride": ((9, 8), (3, 5), 2, 1),
    "a wide stride leaves places out": ((9, 8), (2, 1), 3, 1),
    "every place": ((7, 6), (3, 2), 1, 1),
    "stride and window differ by axis": ((8, 9), (4, 3), (2, 3), 1),
    "sequence": ((11,), (5,), 2, 1),
    "volume": ((5, 6, 4), (3, 2, 2), (2, 1, 2), 1),
    "dilated": ((9, 9), (3, 2), 2, 2),
}


@pytest.mark.parametrize("name", GEOMETRIES)
def test_patches_and_fold_are_adjoint(name):
    """Each row is what the window's places meet; fold is its adjoint; each is linear and maps."""
    sizes, window, stride, dilation = GEOMETRIES[name]
    geometry = resolve(sizes, window, stride, "VALID", dilation)
    draw = np.random.default_rng(0).standard_normal
    x = jnp.asarray(draw((3, *sizes, 2)))
    by_met = jax.vmap(lambda x: jnp.concatenate(met(x, geometry), axis=-1))
    gather = partial(patches, geometry=geometry)
    scatter = partial(fold, sizes=sizes, geometry=geometry)
    want = by_met(x)
    rows = jnp.asarray(draw(want.shape))
    (back,) = jax.linear_transpose(by_met, x)(rows)
    equal = partial(np.testing.assert_allclose, rtol=1e-13, atol=1e-13)
    for form in (lambda f: f, jax.vmap, jax.jit):
        f, g = form(gather), form(scatter)
        equal(jax.jvp(f, (x,), (x + 1,)), (want, by_met(x + 1)))
        equal(g(rows), back)
        equal(jax.vjp(f, x)[1](rows)[0], back)
        equal(jax.vjp(g, rows)[1](x)[0], want)
    equal(jax.vmap(gather, 1, 1)(jnp.moveaxis(x, 0, 1)), jnp.moveaxis(want, 0, 1))


@pytest.mark.parametrize("window", [5, 3])
def test_what_is_made_of_an_input_is_not_kept(window):
    """Of eight layers one's patches, or Winograd's transforms of it, are in memory at a time."""
    channels = 8 if window == 5 else 32
    shape = (16, 16, 16, channels)

    def total(kernels, X):
        for W in kernels:
            X = jnp.tanh(jax.vmap(nn.convolve, (0, None))(X, W))
        return jnp.sum(X)

    like = partial(jax.ShapeDtypeStruct, dtype=jnp.float32)
    kernels = [like((window, window, channels, channels))] * 8
    with jax.default_device(jax.devices("cpu")[0]):  # other platforms have no patches
        compiled = jax.jit(jax.grad(total)).lower(kernels, like(shape)).compile()
    layer = 4 * np.prod(shape)
    made = (window**2 if window == 5 else 4) * layer
    outputs = 8 * layer
    assert compiled.memory_analysis().temp_size_in_bytes < outputs + 3.5 * made


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from jaxmath import nn

rng = np.random.default_rng(0)
X, W = rng.standard_normal((4, 20, 20, 32)), 0.03 * rng.standard_normal((3, 3, 32, 32))
X, W = X.astype("float32"), W.astype("float32")

def network(x, W):
    x = nn.max_pool(nn.convolve(x, W), 3, stride=1, padding="SAME")
    x = nn.transposed_convolve(nn.convolve(x, W, stride=2), W, stride=2)
    return nn.convolve(x, W[:, :, :, :8], dilation=2)

call = lambda X, W: jax.vmap(network, (0, None))(X, W)
both = jax.value_and_grad(lambda X, W: jnp.sum(jnp.sin(call(X, W))), (0, 1))
want = jax.tree.leaves(jax.jit(lambda X, W: (call(X, W), both(X, W)[1]))(X, W))
for kind in (AxisType.Auto, AxisType.Explicit):
    mesh = jax.make_mesh((2,), ("data",), axis_types=(kind,))
    with jax.set_mesh(mesh):
        held = jax.device_put(X, NamedSharding(mesh, P("data"))), jax.device_put(W, P())
        compiled = jax.jit(lambda X, W: (call(X, W), both(X, W)[1])).lower(*held).compile()
        assert "all-gather" not in compiled.as_text(), str(kind)
        for a, b in zip(jax.tree.leaves(compiled(*held)), want, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6 * np.abs(b).max())
        parts = lambda X, W: (call(X, W), *both(X, W)[1])
        mapped = jax.shard_map(
            parts, in_specs=(P("data"), P()), out_specs=(P("data"), P("data"), P())
        )
        for a, b in zip(jax.jit(mapped)(*held), want, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6 * np.abs(b).max())
        own = jax.shard_map(  # a kernel for each device
            lambda X, W: both(X, W[0])[1][1][None], in_specs=P("data"), out_specs=P("data")
        )
        two = jax.device_put(np.stack([W, W]), NamedSharding(mesh, P("data")))
        slopes = jax.jit(own)(held[0], two)
        np.testing.assert_allclose(slopes.sum(0), want[2], atol=1e-6 * np.abs(want[2]).max())
    print("passed")
"""


def test_two_devices_hold_their_own_examples():
    """An automatic mesh and an explicit one without a gather, and shard_map, on two CPU devices."""
    out = subprocess.run(
        [sys.executable, "-c", SHARDED],
        env={**os.environ, "JAX_NUM_CPU_DEVICES": "2"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert out.stdout.count("passed") == 2, out.stdout + out.stderr[-2000:]
