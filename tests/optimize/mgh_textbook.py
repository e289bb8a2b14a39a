"""The residuals of Moré, Garbow and Hillstrom as printed, term by term, in mpmath."""

from mpmath import atan, cos, exp, log, mpf, pi, sin, sqrt

from jaxmath.optimize import _mgh_fixed as data


def decimal(values):
    """The constants as they are printed."""
    return [mpf(repr(v)) for v in values]


def _rosenbrock(x):
    return [10 * (x[1] - x[0] ** 2), 1 - x[0]]


def _freudenstein_roth(x):
    a, b = x
    return [-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b]


def _powell_badly_scaled(x):
    return [10**4 * x[0] * x[1] - 1, exp(-x[0]) + exp(-x[1]) - mpf("1.0001")]


def _brown_badly_scaled(x):
    return [x[0] - 10**6, x[1] - mpf("2e-6"), x[0] * x[1] - 2]


def _beale(x):
    return [y - x[0] * (1 - x[1] ** (i + 1)) for i, y in enumerate(decimal((1.5, 2.25, 2.625)))]


def _jennrich_sampson(x):
    return [2 + 2 * i - (exp(i * x[0]) + exp(i * x[1])) for i in range(1, 11)]


def _helical_valley(x):
    theta = atan(x[1] / x[0]) / (2 * pi) + (0 if x[0] > 0 else mpf(1) / 2)
    return [10 * (x[2] - 10 * theta), 10 * (sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]]


def _bard(x):
    y = decimal(data.BARD)
    return [y[i - 1] - (x[0] + i / ((16 - i) * x[1] + min(i, 16 - i) * x[2]))
            for i in range(1, 16)]  # fmt: skip


def _gaussian(x):
    y = decimal(data.GAUSSIAN)
    return [x[0] * exp(-x[1] * (mpf(8 - i) / 2 - x[2]) ** 2 / 2) - y[i - 1] for i in range(1, 16)]


def _meyer(x):
    y = decimal(data.MEYER)
    return [x[0] * exp(x[1] / (45 + 5 * i + x[2])) - y[i - 1] for i in range(1, 17)]


def _gulf(x):
    t = [mpf(i) / 100 for i in range(1, 100)]
    y = [25 + (-50 * log(s)) ** (mpf(2) / 3) for s in t]
    return [exp(-(abs(a - x[1]) ** x[2]) / x[0]) - s for s, a in zip(t, y, strict=True)]


def _box(x):
    t = [mpf(i) / 10 for i in range(1, 11)]
    return [exp(-s * x[0]) - exp(-s * x[1]) - x[2] * (exp(-s) - exp(-10 * s)) for s in t]


def _powell_singular(x):
    a, b, c, d = x
    return [a + 10 * b, sqrt(5) * (c - d), (b - 2 * c) ** 2, sqrt(10) * (a - d) ** 2]


def _wood(x):
    a, b, c, d = x
    return [10 * (b - a**2), 1 - a, sqrt(90) * (d - c**2), 1 - c, sqrt(10) * (b + d - 2),
            (b - d) / sqrt(10)]  # fmt: skip


def _kowalik_osborne(x):
    pairs = zip(decimal(data.KOWALIK_OSBORNE_Y), decimal(data.KOWALIK_OSBORNE_U), strict=True)
    return [y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3]) for y, u in pairs]


def _brown_dennis(x):
    t = [mpf(i) / 5 for i in range(1, 21)]
    return [(x[0] + s * x[1] - exp(s)) ** 2 + (x[2] + x[3] * sin(s) - cos(s)) ** 2 for s in t]


def _osborne_1(x):
    return [y - (x[0] + x[1] * exp(-10 * i * x[3]) + x[2] * exp(-10 * i * x[4]))
            for i, y in enumerate(decimal(data.OSBORNE_1))]  # fmt: skip


def _biggs_exp6(x):
    t = [mpf(i) / 10 for i in range(1, 14)]
    y = [exp(-s) - 5 * exp(-10 * s) + 3 * exp(-4 * s) for s in t]
    return [x[2] * exp(-s * x[0]) - x[3] * exp(-s * x[1]) + x[5] * exp(-s * x[4]) - v
            for s, v in zip(t, y, strict=True)]  # fmt: skip


def _osborne_2(x):
    r = []
    for i, y in enumerate(decimal(data.OSBORNE_2)):
        t = mpf(i) / 10
        r.append(y - (x[0] * exp(-t * x[4]) + x[1] * exp(-((t - x[8]) ** 2) * x[5])
                      + x[2] * exp(-((t - x[9]) ** 2) * x[6])
                      + x[3] * exp(-((t - x[10]) ** 2) * x[7])))  # fmt: skip
    return r


def _watson(x):
    r = []
    for t in [mpf(i) / 29 for i in range(1, 30)]:
        slope = sum(j * x[j] * t ** (j - 1) for j in range(1, len(x)))
        r.append(slope - sum(v * t**j for j, v in enumerate(x)) ** 2 - 1)
    return [*r, x[0], x[1] - x[0] ** 2 - 1]


def _extended_rosenbrock(x):
    return [v for i in range(0, len(x), 2) for v in _rosenbrock(x[i : i + 2])]


def _extended_powell_singular(x):
    return [v for i in range(0, len(x), 4) for v in _powell_singular(x[i : i + 4])]


def _penalty_1(x):
    return [sqrt(mpf("1e-5")) * (v - 1) for v in x] + [sum(v * v for v in x) - mpf("0.25")]


def _penalty_2(x):
    n, root = len(x), sqrt(mpf("1e-5"))
    r = [x[0] - mpf("0.2")]
    for i in range(2, n + 1):
        y = exp(mpf(i) / 10) + exp(mpf(i - 1) / 10)
        r.append(root * (exp(x[i - 1] / 10) + exp(x[i - 2] / 10) - y))
    r += [root * (exp(x[i - n] / 10) - exp(-mpf(1) / 10)) for i in range(n + 1, 2 * n)]
    return [*r, sum((n - j + 1) * x[j - 1] ** 2 for j in range(1, n + 1)) - 1]


def _variably_dimensioned(x):
    s = sum(j * (v - 1) for j, v in enumerate(x, 1))
    return [v - 1 for v in x] + [s, s**2]


def _trigonometric(x):
    n = len(x)
    return [n - sum(cos(u) for u in x) + i * (1 - cos(v)) - sin(v) for i, v in enumerate(x, 1)]


def _brown_almost_linear(x):
    product = mpf(1)
    for v in x:
        product *= v
    return [v + sum(x) - (len(x) + 1) for v in x[:-1]] + [product - 1]


def _discrete_boundary_value(x):
    n = len(x)
    h, y = mpf(1) / (n + 1), [mpf(0), *x, mpf(0)]
    return [2 * y[i] - y[i - 1] - y[i + 1] + h**2 * (y[i] + i * h + 1) ** 3 / 2
            for i in range(1, n + 1)]  # fmt: skip


def _discrete_integral_equation(x):
    n = len(x)
    h = mpf(1) / (n + 1)
    t = [(j + 1) * h for j in range(n)]
    r = []
    for i in range(n):
        below = sum(t[j] * (x[j] + t[j] + 1) ** 3 for j in range(i + 1))
        above = sum((1 - t[j]) * (x[j] + t[j] + 1) ** 3 for j in range(i + 1, n))
        r.append(x[i] + h * ((1 - t[i]) * below + t[i] * above) / 2)
    return r


def _broyden_tridiagonal(x):
    y = [mpf(0), *x, mpf(0)]
    return [(3 - 2 * y[i]) * y[i] - y[i - 1] - 2 * y[i + 1] + 1 for i in range(1, len(x) + 1)]


def _broyden_banded(x):
    r = []
    for i, v in enumerate(x):
        near = [j for j in range(max(0, i - 5), min(len(x) - 1, i + 1) + 1) if j != i]
        r.append(v * (2 + 5 * v * v) + 1 - sum(x[j] * (1 + x[j]) for j in near))
    return r


def _linear_full_rank(x):
    n, m = len(x), 2 * len(x)
    s = mpf(2) / m * sum(x)
    return [x[i] - s - 1 for i in range(n)] + [-s - 1 for _ in range(n, m)]


def _linear_rank_1(x):
    s = sum(j * v for j, v in enumerate(x, 1))
    return [i * s - 1 for i in range(1, 2 * len(x) + 1)]


def _linear_rank_1_zero(x):
    n, m = len(x), 2 * len(x)
    s = sum(j * x[j - 1] for j in range(2, n))
    return [mpf(-1)] + [(i - 1) * s - 1 for i in range(2, m)] + [mpf(-1)]


def _chebyquad(x):
    r = []
    for i in range(1, len(x) + 1):
        total = mpf(0)
        for v in x:
            before, now = mpf(1), 2 * v - 1
            for _ in range(i - 1):
                before, now = now, 2 * (2 * v - 1) * now - before
            total += now
        r.append(total / len(x) - (0 if i % 2 else mpf(-1) / (i * i - 1)))
    return r


RESIDUALS = (
    _rosenbrock, _freudenstein_roth, _powell_badly_scaled, _brown_badly_scaled, _beale,
    _jennrich_sampson, _helical_valley, _bard, _gaussian, _meyer, _gulf, _box, _powell_singular,
    _wood, _kowalik_osborne, _brown_dennis, _osborne_1, _biggs_exp6, _osborne_2, _watson,
    _extended_rosenbrock, _extended_powell_singular, _penalty_1, _penalty_2,
    _variably_dimensioned, _trigonometric, _brown_almost_linear, _discrete_boundary_value,
    _discrete_integral_equation, _broyden_tridiagonal, _broyden_banded, _linear_full_rank,
    _linear_rank_1, _linear_rank_1_zero, _chebyquad,
)  # fmt: skip


def residual(number, x):
    """r(x) of the problem with that number, from numbers of any kind, as a list of mpf."""
    return RESIDUALS[number - 1]([mpf(v) for v in x])


def value(number, x):
    """f(x) = Σ rᵢ(x)² in the working precision."""
    return sum((v * v for v in residual(number, x)), mpf(0))
