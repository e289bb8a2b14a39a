"""Doctests may use jax and jnp without importing them; tests/conftest.py has the rest."""

import jax
import jax.numpy as jnp
import pytest


@pytest.fixture(autouse=True)
def _doctest_namespace(doctest_namespace):
    doctest_namespace["jax"] = jax
    doctest_namespace["jnp"] = jnp
