"""Student's t distribution: distribution function and quantiles, for any real degrees of freedom."""

import math


def t_cdf(t: float, df: float) -> float:
    """Probability that a t variable with `df` > 0 degrees of freedom is at most `t`; to about 1e-12."""
    if math.isinf(t):
        return float(t > 0)
    tail = 0.5 * _incomplete_beta(df / (df + t * t), df / 2, 0.5)
    return tail if t < 0 else 1 - tail


def t_quantile(p: float, df: float) -> float:
    """The value that a t variable stays below with probability `p` in (0, 1)."""
    if p == 0.5:
        return 0.0
    if p < 0.5:
        return -t_quantile(1 - p, df)
    low, high = 0.0, 1.0
    while t_cdf(high, df) < p:
        low, high = high, high * 2
    found = (low + high) / 2
    scale = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    for _ in range(100):  # Newton's steps, and halvings where one leaves the bracket
        gap = t_cdf(found, df) - p
        low, high = (low, found) if gap > 0 else (found, high)
        density = math.exp(scale - (df + 1) / 2 * math.log1p(found * found / df))
        step = found - gap / density if density > 0 else low
        last, found = found, step if low < step < high else (low + high) / 2
        if abs(found - last) <= 1e-12 * max(1.0, found):
            break
    return found


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function, by its continued fraction (Lentz's way to evaluate it)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    tiny, c = 1e-300, 1.0
    d = 1 / max(1 - (a + b) * x / (a + 1), tiny)
    found = d
    for m in range(1, 1000):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + part * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + part / c
            c = c if abs(c) > tiny else tiny
            found *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * found / a
