"""Problems and optimizers that go wrong, for the script to survive."""

import os
import signal

import jax.numpy as jnp
import optax

from jaxmath.optimize import Problem

calls = []


def nan_problem():
    """Its objective is NaN everywhere."""
    return Problem("nan", lambda x: jnp.log(-1.0 - x @ x), lambda key: jnp.ones(2), 2, 0.0)


def interrupting(learning_rate):
    """An optimizer during whose compilation the user presses Ctrl-C."""
    calls.append(learning_rate)
    if len(calls) > 1:  # the first call is the look-up's trial
        os.kill(os.getpid(), signal.SIGINT)
    return optax.sgd(learning_rate)
