"""Every test runs with x64 on and with implicit rank promotion refused."""

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True)
def _doctest_namespace(doctest_namespace):
    """Doctests may use jax and jnp without importing them."""
    import jax.numpy as jnp

    doctest_namespace["jax"] = jax
    doctest_namespace["jnp"] = jnp
