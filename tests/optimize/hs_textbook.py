"""Hock and Schittkowski's constrained problems as the book prints them, on numbers of mpmath.

Each entry is (f, [h], [c]): minimize f subject to h = 0 and c ≥ 0; bounds are in the records.
"""

from mpmath import exp, log, mpf, sin, sqrt


def f113(x):
    return (
        x[0] ** 2 + x[1] ** 2 + x[0] * x[1] - 14 * x[0] - 16 * x[1] + (x[2] - 10) ** 2
        + 4 * (x[3] - 5) ** 2 + (x[4] - 3) ** 2 + 2 * (x[5] - 1) ** 2 + 5 * x[6] ** 2
        + 7 * (x[7] - 11) ** 2 + 2 * (x[8] - 10) ** 2 + (x[9] - 7) ** 2 + 45
    )  # fmt: skip


def f100(x):
    return (
        (x[0] - 10) ** 2 + 5 * (x[1] - 12) ** 2 + x[2] ** 4 + 3 * (x[3] - 11) ** 2
        + 10 * x[4] ** 6 + 7 * x[5] ** 2 + x[6] ** 4 - 4 * x[5] * x[6] - 10 * x[5] - 8 * x[6]
    )  # fmt: skip


def f76(x):
    return (
        x[0] ** 2 + x[1] ** 2 / 2 + x[2] ** 2 + x[3] ** 2 / 2 - x[0] * x[2] + x[2] * x[3]
        - x[0] - 3 * x[1] + x[2] - x[3]
    )  # fmt: skip


def f43(x):
    return (
        x[0] ** 2 + x[1] ** 2 + 2 * x[2] ** 2 + x[3] ** 2
        - 5 * x[0] - 5 * x[1] - 21 * x[2] + 7 * x[3]
    )  # fmt: skip


def f35(x):
    return (
        9 - 8 * x[0] - 6 * x[1] - 4 * x[2] + 2 * x[0] ** 2 + 2 * x[1] ** 2 + x[2] ** 2
        + 2 * x[0] * x[1] + 2 * x[0] * x[2]
    )  # fmt: skip


TEXTBOOK = {
    "hs6": (lambda x: (1 - x[0]) ** 2, [lambda x: 10 * (x[1] - x[0] ** 2)], []),
    "hs7": (
        lambda x: log(1 + x[0] ** 2) - x[1],
        [lambda x: (1 + x[0] ** 2) ** 2 + x[1] ** 2 - 4],
        [],
    ),
    "hs10": (
        lambda x: x[0] - x[1],
        [],
        [lambda x: -3 * x[0] ** 2 + 2 * x[0] * x[1] - x[1] ** 2 + 1],
    ),
    "hs11": (
        lambda x: (x[0] - 5) ** 2 + x[1] ** 2 - 25,
        [],
        [lambda x: -(x[0] ** 2) + x[1]],
    ),
    "hs14": (
        lambda x: (x[0] - 2) ** 2 + (x[1] - 1) ** 2,
        [lambda x: x[0] - 2 * x[1] + 1],
        [lambda x: -(x[0] ** 2) / 4 - x[1] ** 2 + 1],
    ),
    "hs15": (
        lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2,
        [],
        [lambda x: x[0] * x[1] - 1, lambda x: x[0] + x[1] ** 2],
    ),
    "hs27": (
        lambda x: (x[0] - 1) ** 2 / 100 + (x[1] - x[0] ** 2) ** 2,
        [lambda x: x[0] + x[2] ** 2 + 1],
        [],
    ),
    "hs29": (
        lambda x: -x[0] * x[1] * x[2],
        [],
        [lambda x: -(x[0] ** 2) - 2 * x[1] ** 2 - 4 * x[2] ** 2 + 48],
    ),
    "hs32": (
        lambda x: (x[0] + 3 * x[1] + x[2]) ** 2 + 4 * (x[0] - x[1]) ** 2,
        [lambda x: 1 - x[0] - x[1] - x[2]],
        [lambda x: 6 * x[1] + 4 * x[2] - x[0] ** 3 - 3],
    ),
    "hs35": (f35, [], [lambda x: 3 - x[0] - x[1] - 2 * x[2]]),
    "hs40": (
        lambda x: -x[0] * x[1] * x[2] * x[3],
        [
            lambda x: x[0] ** 3 + x[1] ** 2 - 1,
            lambda x: x[0] ** 2 * x[3] - x[2],
            lambda x: x[3] ** 2 - x[1],
        ],
        [],
    ),
    "hs43": (
        f43,
        [],
        [
            lambda x: 8 - sum(v**2 for v in x) - x[0] + x[1] - x[2] + x[3],
            lambda x: 10 - x[0] ** 2 - 2 * x[1] ** 2 - x[2] ** 2 - 2 * x[3] ** 2 + x[0] + x[3],
            lambda x: 5 - 2 * x[0] ** 2 - x[1] ** 2 - x[2] ** 2 - 2 * x[0] + x[1] + x[3],
        ],
    ),
    "hs52": (
        lambda x: (4 * x[0] - x[1]) ** 2 + (x[1] + x[2] - 2) ** 2 + (x[3] - 1) ** 2
        + (x[4] - 1) ** 2,
        [
            lambda x: x[0] + 3 * x[1],
            lambda x: x[2] + x[3] - 2 * x[4],
            lambda x: x[1] - x[4],
        ],
        [],
    ),
    "hs65": (
        lambda x: (x[0] - x[1]) ** 2 + (x[0] + x[1] - 10) ** 2 / 9 + (x[2] - 5) ** 2,
        [],
        [lambda x: 48 - x[0] ** 2 - x[1] ** 2 - x[2] ** 2],
    ),
    "hs71": (
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        [lambda x: x[0] ** 2 + x[1] ** 2 + x[2] ** 2 + x[3] ** 2 - 40],
        [lambda x: x[0] * x[1] * x[2] * x[3] - 25],
    ),
    "hs76": (
        f76,
        [],
        [
            lambda x: 5 - x[0] - 2 * x[1] - x[2] - x[3],
            lambda x: 4 - 3 * x[0] - x[1] - 2 * x[2] + x[3],
            lambda x: x[1] + 4 * x[2] - mpf(3) / 2,
        ],
    ),
    "hs77": (
        lambda x: (x[0] - 1) ** 2 + (x[0] - x[1]) ** 2 + (x[2] - 1) ** 2 + (x[3] - 1) ** 4
        + (x[4] - 1) ** 6,
        [
            lambda x: x[0] ** 2 * x[3] + sin(x[3] - x[4]) - 2 * sqrt(2),
            lambda x: x[1] + x[2] ** 4 * x[3] ** 2 - 8 - sqrt(2),
        ],
        [],
    ),
    "hs80": (
        lambda x: exp(x[0] * x[1] * x[2] * x[3] * x[4]),
        [
            lambda x: sum(v**2 for v in x) - 10,
            lambda x: x[1] * x[2] - 5 * x[3] * x[4],
            lambda x: x[0] ** 3 + x[1] ** 3 + 1,
        ],
        [],
    ),
    "hs100": (
        f100,
        [],
        [
            lambda x: 127 - 2 * x[0] ** 2 - 3 * x[1] ** 4 - x[2] - 4 * x[3] ** 2 - 5 * x[4],
            lambda x: 282 - 7 * x[0] - 3 * x[1] - 10 * x[2] ** 2 - x[3] + x[4],
            lambda x: 196 - 23 * x[0] - x[1] ** 2 - 6 * x[5] ** 2 + 8 * x[6],
            lambda x: -4 * x[0] ** 2 - x[1] ** 2 + 3 * x[0] * x[1] - 2 * x[2] ** 2 - 5 * x[5]
            + 11 * x[6],
        ],
    ),
    "hs113": (
        f113,
        [],
        [
            lambda x: 105 - 4 * x[0] - 5 * x[1] + 3 * x[6] - 9 * x[7],
            lambda x: -10 * x[0] + 8 * x[1] + 17 * x[6] - 2 * x[7],
            lambda x: 8 * x[0] - 2 * x[1] - 5 * x[8] + 2 * x[9] + 12,
            lambda x: -3 * (x[0] - 2) ** 2 - 4 * (x[1] - 3) ** 2 - 2 * x[2] ** 2 + 7 * x[3] + 120,
            lambda x: -5 * x[0] ** 2 - 8 * x[1] - (x[2] - 6) ** 2 + 2 * x[3] + 40,
            lambda x: -((x[0] - 8) ** 2) / 2 - 2 * (x[1] - 4) ** 2 - 3 * x[4] ** 2 + x[5] + 30,
            lambda x: -(x[0] ** 2) - 2 * (x[1] - 2) ** 2 + 2 * x[0] * x[1] - 14 * x[4] + 6 * x[5],
            lambda x: 3 * x[0] - 6 * x[1] - 12 * (x[8] - 8) ** 2 + 7 * x[9],
        ],
    ),
}  # fmt: skip
