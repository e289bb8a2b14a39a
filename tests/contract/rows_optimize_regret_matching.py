"""Rows of ``jaxmath.optimize.regret_matching``: the averages after some rounds, by loops."""

import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, NotDifferentiable, Row
from tests.contract.rows_optimize_learning_in_games import game, replies, unit

ROUNDS = 20


def matched(regrets):
    total = sum(max(r, 0.0) for r in regrets)
    return [max(r, 0.0) / total if total > 0 else 1 / len(regrets) for r in regrets]


def matching(A):
    A, R, C = unit(A), [0.0] * 3, [0.0] * 4
    X, Y = np.zeros(3), np.zeros(4)
    for _ in range(ROUNDS):
        x, y = matched(R), matched(C)
        rows, columns = replies(A, x, y)
        value = np.dot(x, rows)
        R = [r + u - value for r, u in zip(R, rows, strict=True)]
        C = [c + value - u for c, u in zip(C, columns, strict=True)]
        X, Y = X + x, Y + y
    return X / ROUNDS, Y / ROUNDS


def matching_plus(A):
    A, R, C = unit(A), [0.0] * 3, [0.0] * 4
    X, Y = np.zeros(3), np.zeros(4)
    for t in range(1, ROUNDS + 1):
        x, y = matched(R), matched(C)
        rows, _ = replies(A, x, y)
        R = [max(r + u - np.dot(x, rows), 0.0) for r, u in zip(R, rows, strict=True)]
        x = matched(R)
        _, columns = replies(A, x, y)
        C = [max(c + np.dot(x, rows) - u, 0.0) for c, u in zip(C, columns, strict=True)]
        X, Y = X + t * np.array(x), Y + t * np.array(y)
    return X / X.sum(), Y / Y.sum()


PLAY = NotDifferentiable("the positive parts and the number of rounds jump")
BAD = (Bad((np.ones((2, 3, 4)),), "`A` must have rank 2, got shape"),)

ROWS = [
    Row("optimize.regret_matching", game, matching, diff=PLAY, bad=BAD, tol=64.0,
        call=lambda A: tuple(optimize.regret_matching(A, tol=0.0, max_steps=ROUNDS).value)),
    Row("optimize.regret_matching_plus", game, matching_plus, diff=PLAY, bad=BAD, tol=256.0,
        call=lambda A: tuple(optimize.regret_matching_plus(A, tol=0.0, max_steps=ROUNDS).value)),
]  # fmt: skip
