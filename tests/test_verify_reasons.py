"""What jaxmath.verify says: the reason of a finding, and the argument that is at fault."""

import jax
import jax.numpy as jnp
import pytest

from jaxmath.verify import check_gradients, check_transforms

CHECKS = (check_gradients, check_transforms)


@pytest.mark.parametrize(
    ("f", "x", "reason"),
    [
        (jnp.floor, 1.0, "f jumps, or its one-sided derivatives are infinite"),
        (jnp.abs, 0.0, "one-sided derivatives differ by "),
        (jnp.sqrt, 0.0, "f is not finite on both sides"),
    ],
)
def test_why_a_function_is_not_smooth(f, x, reason):
    for entry in check_gradients(f, (jnp.asarray(x),)).entries:
        assert entry.note.startswith(reason)


@pytest.mark.parametrize("check", CHECKS)
def test_a_seed_that_is_none_is_named(check):
    for seed in (-1, 2**32):
        with pytest.raises(ValueError, match=f"`seed` must .* below 2³², got {seed}"):
            check(jnp.sin, (1.0,), seed=seed)
    for seed, kind in ((1.5, "float"), ("a", "str")):
        with pytest.raises(TypeError, match=f"`seed` must be an integer, got {kind}"):
            check(jnp.sin, (1.0,), seed=seed)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("static", [{"static_argnums": 1}, {"static_argnames": "n"}])
def test_static_arguments_are_to_be_closed_over(check, static):
    f = jax.jit(lambda x, n: x**n, **static)
    with pytest.raises(TypeError, match=r"`f` has static arguments.*close over them"):
        check(f, (2.0, 2))
    assert check(lambda x: f(x, 2), (2.0,))


def test_an_output_that_is_zero_by_rounding_is_not_magnified():
    """The imaginary part of z·exp(−i arg z) is 1e-17 for some x: 1/|f| would weigh it by 2³⁰."""

    def turned(x):
        z = jax.lax.complex(jnp.sin(x), x**2)
        w = z * jnp.exp(-1j * jnp.angle(z))
        return jnp.stack([w.real, w.imag])

    x = jnp.linspace(0.3, 2.6, 8)
    assert 0 < jnp.max(jnp.abs(turned(x)[1])) < 1e-15
    report = check_gradients(turned, (x,))
    assert report
    assert max(entry.bound for entry in report.entries if entry.mode == "rev") < 1e-10
