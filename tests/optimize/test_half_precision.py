"""float16 and bfloat16: what factors a matrix on its way refuses them, the others take them."""

import jax
import jax.numpy as jnp
import pytest

from jaxmath import optimize


def bowl(x):
    return jnp.sum((x - 1) ** 2)


def shift(x):
    return x - 1


def half(x):
    return x / 2


KEY = jax.random.key(0)
LINE = {"equality": jnp.sum}
# The method, how it is called from a point and a matrix, and the argument at fault.
REFUSED = (
    ("cma_es", lambda f, x, A: f(KEY, bowl, x, 1.0), "x0"),
    ("xnes", lambda f, x, A: f(KEY, bowl, x, 1.0), "x0"),
    ("newton_system", lambda f, x, A: f(shift, x), "x0"),
    ("newton_system_init", lambda f, x, A: f(shift, x), "x0"),
    ("broyden", lambda f, x, A: f(shift, x), "x0"),
    ("broyden_init", lambda f, x, A: f(shift, x), "x0"),
    ("root", lambda f, x, A: f(shift, x), "x0"),
    ("fixed_point", lambda f, x, A: f(half, x), "x0"),
    ("fixed_point_init", lambda f, x, A: f(half, x), "x0"),
    ("damped_newton", lambda f, x, A: f(bowl, x), "x0"),
    ("damped_newton_init", lambda f, x, A: f(bowl, x), "x0"),
    ("minimize", lambda f, x, A: f(bowl, x, method="newton"), "x0"),
    ("minimize_batch", lambda f, x, A: f(bowl, A, method="dogleg"), "x0"),
    ("trust_region_dogleg", lambda f, x, A: f(bowl, x), "x0"),
    ("trust_region_dogleg_init", lambda f, x, A: f(bowl, x), "x0"),
    ("trust_region_exact", lambda f, x, A: f(bowl, x), "x0"),
    ("trust_region_exact_init", lambda f, x, A: f(bowl, x), "x0"),
    ("lbfgsb", lambda f, x, A: f(bowl, x, lower=0.0), "x0"),
    ("lbfgsb_init", lambda f, x, A: f(bowl, x, lower=0.0), "x0"),
    ("gauss_newton", lambda f, x, A: f(shift, x), "x0"),
    ("levenberg_marquardt", lambda f, x, A: f(shift, x), "x0"),
    ("trust_region_reflective", lambda f, x, A: f(shift, x), "x0"),
    ("find_stationary_point", lambda f, x, A: f(bowl, x), "x0"),
    ("lagrange_stationary_point", lambda f, x, A: f(bowl, x, jnp.sum), "x0"),
    ("classify_stationary_point", lambda f, x, A: f(bowl, x), "x"),
    ("kkt_residual", lambda f, x, A: f(bowl, x, **LINE), "x"),
    ("is_convex", lambda f, x, A: f(bowl, A, A, x), "X"),
    ("normal_equations", lambda f, x, A: f(A, x), "A"),
    ("qr_least_squares", lambda f, x, A: f(A, x), "A"),
    ("weighted_least_squares", lambda f, x, A: f(A, x, x), "A"),
    ("project_affine", lambda f, x, A: f(x, A, x), "A"),
    ("project_psd", lambda f, x, A: f(A), "A"),
)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_what_factors_a_matrix_refuses_by_name(dtype):
    x, A = jnp.zeros(2, dtype), jnp.eye(2, dtype=dtype)
    for name, call, argument in REFUSED:
        # A solver is named by itself or by its first state, ``root`` by the method it picks.
        named = "newton_system" if name == "root" else name
        message = f"^{named}(_init)?: argument `{argument}` must have single or double precision"
        with pytest.raises(TypeError, match=f"{message}, got dtype {dtype}"):
            call(getattr(optimize, name), x, A)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_others_take_them(dtype):
    x, eps = jnp.zeros(2, dtype), float(jnp.finfo(dtype).eps)
    solutions = [
        *(optimize.minimize(bowl, x, method=m) for m in ("bfgs", "l-bfgs", "cg", "nelder-mead")),
        *(optimize.minimize(bowl, x, method=m) for m in ("sr1", "trust-ncg")),
        optimize.fixed_point(lambda x: half(x) + 0.5, x, memory=0, xtol=2 * eps, rtol=0.0),
    ]
    for solution in solutions:
        assert solution.value.dtype == dtype
        assert jnp.max(jnp.abs(solution.value.astype(float) - 1)) <= 8 * eps
