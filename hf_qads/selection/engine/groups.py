"""Where a large product is small, found with one look at each value: by the minima of groups of columns."""

import torch

GROUP = 32  # columns in a group
DENSE = 0.4  # share of groups with a small value from which looking at every value is cheaper


def whole_groups(count: int) -> int:
    """`count` columns, rounded up to whole groups."""
    return -(-count // GROUP) * GROUP


def grouped(values: torch.Tensor, count: int) -> torch.Tensor:
    """(m, c) as (m, GROUP, c / GROUP), where only the first `count` columns mean anything.

    A group is every (c / GROUP)-th column, as is fastest to go through. The other columns become infinite.
    """
    values[:, count:] = torch.inf
    return values.view(len(values), GROUP, values.shape[1] // GROUP)


def places_below(
    values: torch.Tensor, minima: torch.Tensor, limits: torch.Tensor, *, most: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Where values are at most `limits` (m,).

    Args:
        values: (m, GROUP, c / GROUP), from `grouped`.
        minima: (m, c / GROUP) of the groups.
        limits: of each row.
        most: share of places above which they are only counted.

    Returns:
        rows (p,), ascending, and columns (p,), both empty where there are too many; and their share of all.
    """
    limits = limits.clamp_max(torch.finfo(limits.dtype).max)  # what is infinite is nowhere small
    hit = minima <= limits.unsqueeze(1)
    if int(hit.count_nonzero()) > DENSE * hit.numel():
        inside = values.flatten(1) <= limits.unsqueeze(1)
        share = int(inside.count_nonzero()) / values.numel()
        found = inside.nonzero() if share <= most else hit.new_empty((0, 2), dtype=torch.int64)
        return found[:, 0], found[:, 1], share
    groups = hit.nonzero()
    members = values[groups[:, 0], :, groups[:, 1]]
    found = (members <= limits[groups[:, 0]].unsqueeze(1)).nonzero()
    chosen = groups[found[:, 0]]
    return chosen[:, 0], found[:, 1] * minima.shape[1] + chosen[:, 1], len(found) / values.numel()
