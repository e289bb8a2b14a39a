"""Rows of ``jaxmath.optimize.learning_in_games``: the averages after some rounds, by loops."""

import math

import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, NotDifferentiable, Row

ROUNDS, ETA = 20, 0.5


def game(rng, dtype):
    return (jnp.asarray(rng.normal(size=(3, 4)), dtype),)


def unit(A):
    """The payoffs in [0, 1], as lists."""
    low, high = A.min(), A.max()
    return [[(a - low) / (high - low) for a in row] for row in A]


def replies(A, x, y):
    """(Ay)ᵢ and (Aᵀx)ⱼ."""
    rows = [math.fsum(a * q for a, q in zip(row, y, strict=True)) for row in A]
    columns = [math.fsum(row[j] * p for row, p in zip(A, x, strict=True)) for j in range(len(y))]
    return rows, columns


def fictitious(A):
    A = unit(A)
    X, Y = [0] * 3, [0] * 4
    for _ in range(ROUNDS):
        rows, columns = replies(A, X, Y)
        X[rows.index(max(rows))] += 1
        Y[columns.index(min(columns))] += 1
    return np.array(X) / ROUNDS, np.array(Y) / ROUNDS


def hedge(A):
    A, w, v = unit(A), [1.0] * 3, [1.0] * 4
    X, Y = np.zeros(3), np.zeros(4)
    for _ in range(ROUNDS):
        x, y = [p / sum(w) for p in w], [q / sum(v) for q in v]
        rows, columns = replies(A, x, y)
        X, Y = X + x, Y + y
        w = [p * math.exp(ETA * u) for p, u in zip(w, rows, strict=True)]
        v = [q * math.exp(-ETA * u) for q, u in zip(v, columns, strict=True)]
    return X / ROUNDS, Y / ROUNDS


PLAY = NotDifferentiable("the best replies and the number of rounds jump")
BAD = (Bad((np.ones((2, 3, 4)),), "`A` must have rank 2, got shape"),)

ROWS = [
    Row("optimize.fictitious_play", game, fictitious, diff=PLAY, bad=BAD,
        call=lambda A: tuple(optimize.fictitious_play(A, tol=0.0, max_steps=ROUNDS).value)),
    Row("optimize.multiplicative_weights", game, hedge, diff=PLAY, bad=BAD,
        call=lambda A: tuple(optimize.multiplicative_weights(
            A, learning_rate=ETA, tol=0.0, max_steps=ROUNDS).value)),
]  # fmt: skip
