"""How far a measured share may be from the true one."""

import math

Z = 1.959963984540054  # two-sided 95 % of the normal distribution


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share, which stays within [0, 1] and is honest for small n.

    Source: Wilson (1927), the score interval without continuity correction.
    """
    if not n:
        return 0.0, 1.0
    share, weight = right / n, Z * Z / n
    middle = (share + weight / 2) / (1 + weight)
    half = Z * math.sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    return (middle - half if right else 0.0), (middle + half if right < n else 1.0)
