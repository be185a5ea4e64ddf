"""Scalar products of chosen pairs of rows, and the small entries of a large product.

Entries below a per-row threshold are found with one look at each value, by per-group minima of columns.
"""

import warnings

import torch

GATHER_BYTES = 64 << 20
GROUP = 32  # columns in a group
DENSE = 0.4  # share of groups with a small value from which looking at every value is cheaper


def chosen_products(
    left: torch.Tensor, right: torch.Tensor, ends: torch.Tensor, columns: torch.Tensor
) -> torch.Tensor:
    """`left[i] @ right[columns[k]]` for `ends[i] <= k < ends[i + 1]`, as (len(columns),).

    Args:
        left: (m, d).
        right: (c, d).
        ends: (m + 1,) where each row's entries begin in `columns`, as in a CSR matrix.
        columns: (p,) row numbers of `right`.
    """
    if left.device.type == "cpu":
        with warnings.catch_warnings():  # torch calls its CSR support a beta
            warnings.simplefilter("ignore", UserWarning)
            pattern = torch.sparse_csr_tensor(
                ends,
                columns,
                left.new_zeros(len(columns)),
                size=(len(left), len(right)),
                check_invariants=False,
            )
        sampled: torch.Tensor = torch.sparse.sampled_addmm(pattern, left, right.T, beta=0.0).values()
        return sampled
    rows = torch.repeat_interleave(torch.arange(len(left), device=left.device), ends.diff())
    products = left.new_empty(len(columns))
    step = max(1, GATHER_BYTES // (4 * left.shape[1]))
    for begin in range(0, len(columns), step):
        part = slice(begin, begin + step)
        products[part] = (left[rows[part]] * right[columns[part]]).sum(1)
    return products


class Scratch:
    """One buffer for large products: fresh memory costs a page fault per 4 KiB."""

    def __init__(self, device: torch.device) -> None:
        self.buffer = torch.empty(0, device=device)

    def product(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """`left @ right.T`, valid until the next call."""
        return torch.mm(left, right.T, out=self.room(left, right))

    def squared(self, left: torch.Tensor, right: torch.Tensor, norms: torch.Tensor) -> torch.Tensor:
        """Squared distances less the squared lengths of `left`; `norms` are those of `right`."""
        return torch.addmm(norms, left, right.T, alpha=-2, out=self.room(left, right))

    def room(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """Memory for a product of the two."""
        size = len(left) * len(right)
        if self.buffer.numel() < size:
            self.buffer = torch.empty(size, device=left.device)
        return self.buffer[:size].view(len(left), len(right))


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
