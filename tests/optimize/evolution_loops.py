"""The evolution strategies as loops in float64, from the papers' equations, on given draws."""

import numpy as np


def bowl(x):
    return sum(w * v**2 for w, v in zip((1.0, 2.0, 4.0), x, strict=True))


def root(C, power):
    values, vectors = np.linalg.eigh(C)
    return vectors @ np.diag(values**power) @ vectors.T


def cma_constants(n, size):
    """Table 1 of Hansen's tutorial, entry by entry; (58) with the 1/4 of 2023."""
    mu = size // 2
    raw = [np.log((size + 1) / 2) - np.log(i) for i in range(1, size + 1)]
    mu_eff = sum(raw[:mu]) ** 2 / sum(w**2 for w in raw[:mu])
    mu_bad = sum(raw[mu:]) ** 2 / sum(w**2 for w in raw[mu:])
    c1 = 2 / ((n + 1.3) ** 2 + mu_eff)
    cm = min(1 - c1, 2 * (1 / 4 + mu_eff + 1 / mu_eff - 2) / ((n + 2) ** 2 + 2 * mu_eff / 2))
    least = min(1 + c1 / cm, 1 + 2 * mu_bad / (mu_eff + 2), (1 - c1 - cm) / (n * cm))
    plus = sum(w for w in raw if w > 0)
    minus = -sum(w for w in raw if w < 0)
    w = [v / plus if v >= 0 else least * v / minus for v in raw]
    return w, mu, mu_eff, c1, cm


def cma(x0, Z, sigma=0.5):
    """m, σ²C, p_σ and σp_c after the generations Z, by (38) to (47) with C^(±½) of C itself."""
    n, size = len(x0), len(Z[0])
    w, mu, mu_eff, c1, cm = cma_constants(n, size)
    cs = (mu_eff + 2) / (n + mu_eff + 5)
    ds = 1 + 2 * max(0, np.sqrt((mu_eff - 1) / (n + 1)) - 1) + cs
    cc = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n)
    chi = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
    m, C, ps, pc = x0, np.eye(n), np.zeros(n), np.zeros(n)
    for g, draw in enumerate(Z):
        ys = sorted((root(C, 0.5) @ z for z in draw), key=lambda y: bowl(m + sigma * y))
        mean_y = sum(w[i] * ys[i] for i in range(mu))
        m = m + sigma * mean_y
        ps = (1 - cs) * ps + np.sqrt(cs * (2 - cs) * mu_eff) * root(C, -0.5) @ mean_y
        size_ps = np.linalg.norm(ps)
        sigma = sigma * np.exp(cs / ds * (size_ps / chi - 1))
        h = size_ps / np.sqrt(1 - (1 - cs) ** (2 * (g + 1))) < (1.4 + 2 / (n + 1)) * chi
        pc = (1 - cc) * pc + h * np.sqrt(cc * (2 - cc) * mu_eff) * mean_y
        delta = (1 - h) * cc * (2 - cc)
        whiten = root(C, -0.5)
        C = (1 + c1 * delta - c1 - cm * sum(w)) * C + c1 * np.outer(pc, pc)
        for i, y in enumerate(ys):
            around = w[i] if w[i] >= 0 else w[i] * n / np.linalg.norm(whiten @ y) ** 2
            C = C + cm * around * np.outer(y, y)
    return m, sigma**2 * C, ps, sigma * pc


def utilities(size):
    raw = [max(0.0, np.log(size / 2 + 1) - np.log(k)) for k in range(1, size + 1)]
    return [r / sum(raw) - 1 / size for r in raw]


def xnes(x0, Z, sigma=0.5):
    """m and σ²BBᵀ after the generations Z; exp of a matrix by its series."""
    n = len(x0)
    rate = 3 / 5 * (3 + np.log(n)) / (n * np.sqrt(n))
    m, A = x0, sigma * np.eye(n)
    for draw in Z:
        ss = sorted(draw, key=lambda s: bowl(m + A @ s))
        us = utilities(len(draw))
        M = sum(u * (np.outer(s, s) - np.eye(n)) for u, s in zip(us, ss, strict=True))
        m = m + A @ sum(u * s for u, s in zip(us, ss, strict=True))
        term, total = np.eye(n), np.eye(n)
        for k in range(1, 30):
            term = term @ (rate / 2 * M) / k
            total = total + term
        A = A @ total
    return m, A @ A.T


def snes(x0, Z, sigma=0.5):
    """m and σ after the generations Z, coordinate by coordinate."""
    n = len(x0)
    rate = (3 + np.log(n)) / (5 * np.sqrt(n))
    m, sigma = x0.copy(), np.full(n, sigma)
    for draw in Z:
        ss = sorted(draw, key=lambda s: bowl(m + sigma * s))
        us = utilities(len(draw))
        for j in range(n):
            m[j] += sigma[j] * sum(u * s[j] for u, s in zip(us, ss, strict=True))
            slope = sum(u * (s[j] ** 2 - 1) for u, s in zip(us, ss, strict=True))
            sigma[j] *= np.exp(rate / 2 * slope)
    return m, sigma


def evolution_strategy(x0, Z, which, mu, sigma=0.5):
    """The μ parents and their σ after the generations; Z[..., 0] is the draw of σ."""
    n = len(x0)
    parents = [(x0, sigma)] * mu
    for draw, chosen in zip(Z, which, strict=True):
        children = []
        for z, p in zip(draw, chosen, strict=True):
            length = parents[p][1] * np.exp(z[0] / np.sqrt(2 * n))
            children.append((parents[p][0] + length * z[1:], length))
        parents = sorted(children, key=lambda child: bowl(child[0]))[:mu]
    return np.stack([x for x, _ in parents]), np.stack([s for _, s in parents])
