"""Empty batches, ends of the range, and arguments of a kind that is near to the right one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn
from jaxmath.models import lenet


@pytest.mark.parametrize("channels", [1, 32])
def test_gradients_of_an_empty_batch(channels):
    layer = lambda x, k: nn.max_pool(nn.convolve(x, k), 2)
    total = lambda x, k: jnp.sum(jax.vmap(layer, (0, None))(x, k))
    args = jnp.zeros((0, 4, 4, channels)), jnp.ones((3, 3, channels, 32))
    for grad in (jax.grad(total, (0, 1)), jax.jit(jax.grad(total, (0, 1)))):
        by_input, by_kernel = grad(*args)
        assert by_input.shape == args[0].shape
        np.testing.assert_array_equal(by_kernel, np.zeros_like(args[1]))


def test_spectral_norm_far_down():
    """The derivative of W₁₁/σ by σ leaves the range where W is 1e-30; the sum does not."""
    state = nn.SpectralNormState(jnp.array([1.0, 0.0]), jnp.array([1.0, 0.0]))
    W = np.diag([2e-30, 1e-30]).astype(np.float32)
    slope = jax.grad(lambda W: nn.spectral_norm_apply(state, W)[1, 1])(W)
    np.testing.assert_allclose(slope, [[-0.25e30, 0], [0, 0.5e30]], rtol=1e-6)


def test_factors_of_zero():
    np.testing.assert_array_equal(
        nn.local_response_norm(jnp.array([1e20, 1.0], jnp.float32), alpha=0.0, k=1.0),
        np.array([1e20, 1.0], np.float32),
    )
    assert nn.elbo(nn.ELBOTerms(jnp.array(-1.0), jnp.array(jnp.inf)), beta=0.0) == -1
    with pytest.raises(ValueError, match="`beta`"):
        nn.local_response_norm(jnp.ones(3), beta=float("nan"))


@pytest.mark.parametrize(("alpha", "ends"), [(1e-40, (0.0, 1.0)), (float("inf"), (0.5,))])
def test_mixup_at_the_ends(alpha, ends):
    X = jnp.array([[0.0], [1.0]])
    for i in range(8):
        mixed, _ = nn.mixup(jax.random.key(i), X, jnp.eye(2), alpha)
        assert all(any(abs(v - e) < 1e-4 for e in (*ends, 0.0, 1.0)) for v in mixed[:, 0]), mixed


def test_indices_that_jax_would_narrow():
    params = nn.Embedding(jnp.eye(3))
    with jax.enable_x64(False):
        for index in (np.array([2**32, -(2**32)]), np.array([2**63], np.uint64)):
            assert np.isnan(nn.embedding_apply(params, index)).all()


def test_numpy_integers_as_sizes():
    x, k = jnp.ones((6, 6, 2)), jnp.ones((3, 3, 2, 4))
    same = lambda a, b: np.testing.assert_array_equal(a, b)
    same(nn.convolve(x, k, stride=np.array([2, 2])), nn.convolve(x, k, stride=2))
    same(nn.convolve(x, k, padding=np.array([1, 1])), nn.convolve(x, k, padding=1))
    back = lambda output_padding: nn.transposed_convolve(
        jnp.ones((3, 3, 4)), k, stride=2, padding=1, output_padding=output_padding
    )
    same(back(np.int64(1)), back(1))
    with pytest.raises(TypeError, match="`output_padding` must be an integer"):
        back(1.0)
    with pytest.raises(ValueError, match="`layers` must hold"):
        nn.receptive_field([3])
    for padding in (1.5, True, "SAME"):
        with pytest.raises(TypeError, match="`padding`"):
            lenet.Config(padding=padding)


def test_settings_as_arrays_of_jax():
    x, k = jnp.ones((6, 6, 2)), jnp.ones((3, 3, 2, 4))
    same = lambda a, b: np.testing.assert_array_equal(a, b)
    two, one = jnp.array([2, 2]), jnp.array([1, 1])
    same(nn.convolve(x, k, stride=two, dilation=one), nn.convolve(x, k, stride=2))
    same(nn.convolve(x, k, padding=one), nn.convolve(x, k, padding=1))
    pairs = ((1, 2), jnp.array([0, 1]))
    same(nn.convolve(x, k, padding=pairs), nn.convolve(x, k, padding=((1, 2), (0, 1))))
    back = lambda **options: nn.transposed_convolve(jnp.ones((3, 3, 4)), k, padding=1, **options)
    same(back(stride=two, output_padding=one), back(stride=2, output_padding=1))
    with pytest.raises(ValueError, match="`stride` must be at least 1"):
        nn.convolve(x, k, stride=jnp.array([0, 1]))
    for name in ("stride", "padding", "dilation"):
        for value in (lambda s: s, lambda s: (s[0], 1)):
            with pytest.raises(TypeError, match=f"convolve: argument `{name}` must be .* known"):
                jax.jit(lambda s, n=name, v=value: nn.convolve(x, k, **{n: v(s)}))(one)
    with pytest.raises(TypeError, match=r"`output_padding` must be .* known"):
        jax.jit(lambda s: back(stride=2, output_padding=s))(one)


dense = lambda x, k: nn.dense_apply(nn.Dense(k, jnp.zeros(k.shape[1])), x)


@pytest.mark.parametrize(("layer", "x", "kernel"), [
    (dense, (4,), (4, 3)),
    (dense, (64,), (64, 8)),
    (nn.convolve, (5, 5, 2), (3, 3, 2, 4)),
    (nn.convolve, (5, 5, 32), (3, 3, 32, 32)),
    (lambda x, k: nn.max_pool(nn.convolve(x, k, stride=2), 2), (6, 6, 2), (3, 3, 2, 4)),
    (lambda x, k: nn.convolve(x, k, groups=2), (7, 4), (3, 2, 4)),
], ids=["dense", "narrow", "convolution", "Winograd", "pooled", "groups"])  # fmt: skip
@pytest.mark.parametrize("size", ["b", "b - 1"])
def test_gradients_of_a_batch_of_a_size_to_come(layer, x, kernel, size):
    """jax.export with a symbol for the batch, which no size can be compared with."""
    draw = np.random.default_rng(0).standard_normal
    grad = jax.grad(lambda k, X: jnp.sum(jnp.sin(jax.vmap(layer, (0, None))(X, k))), (0, 1))
    batch = jax.ShapeDtypeStruct((*jax.export.symbolic_shape(size), *x), float)
    exported = jax.export.export(jax.jit(grad))(jax.ShapeDtypeStruct(kernel, float), batch)
    args = draw(kernel), draw((3, *x))
    for a, b in zip(exported.call(*args), jax.jit(grad)(*args), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def test_the_gradient_of_a_sequence_of_a_length_to_come():
    grad = jax.grad(lambda k, x: jnp.sum(jnp.sin(nn.convolve(x, k))), (0, 1))
    shapes = (3, 2, 4), (*jax.export.symbolic_shape("t"), 2)
    exported = jax.export.export(jax.jit(grad))(*(jax.ShapeDtypeStruct(s, float) for s in shapes))
    args = jnp.ones((3, 2, 4)), jnp.arange(10.0).reshape(5, 2)
    for a, b in zip(exported.call(*args), jax.jit(grad)(*args), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
