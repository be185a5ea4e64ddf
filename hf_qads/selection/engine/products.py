"""Scalar products of chosen pairs of rows, without the full matrix."""

import warnings

import torch

GATHER_BYTES = 64 << 20


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
