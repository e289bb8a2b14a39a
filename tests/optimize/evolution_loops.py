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
