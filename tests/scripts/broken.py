"""Problems that go wrong, for the script to survive."""

import os
import signal

import jax.numpy as jnp

from jaxmath.optimize import Problem


def nan_problem():
    """Its objective is NaN everywhere."""
    return Problem("nan", lambda x: jnp.log(-1.0 - x @ x), lambda key: jnp.ones(2), 2, 0.0)


def interrupting_problem():
    """The user presses Ctrl-C as it starts."""

    def start(key):
        os.kill(os.getpid(), signal.SIGINT)
        return jnp.ones(2)

    return Problem("interrupting", lambda x: x @ x, start, 2, 0.0)
