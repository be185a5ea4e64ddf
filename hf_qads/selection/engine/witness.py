"""First step for a row: is there any center near enough to rule it out?

A row that is not picked next needs one center that brings its objective below the rival's; which of all
centers is nearest does not matter then. A short product along the principal directions says where such a
center probably is, and exact products with the few best guesses settle it. Nothing is lost by a wrong
guess: the row's bound stays an upper bound.
"""

import torch

from hf_qads.selection.engine.centers import Centers
from hf_qads.selection.engine.groups import grouped, whole_groups
from hf_qads.selection.engine.products import Scratch, chosen_products

GUESSES = 8
DIRECTIONS = 32


def likely_centers(estimate: torch.Tensor, count: int) -> torch.Tensor:
    """Columns (m, g) with small values among the first `count` of `estimate`; at most one per group."""
    members = grouped(estimate, count)
    if members.shape[2] <= GUESSES:
        return torch.topk(
            estimate[:, :count], min(GUESSES, count), dim=1, largest=False, sorted=False
        ).indices
    chosen = torch.topk(members.amin(1), GUESSES, dim=1, largest=False, sorted=False).indices
    each = chosen.unsqueeze(2).expand(-1, -1, members.shape[1])
    inside = members.transpose(1, 2).gather(1, each).argmin(2)
    return inside * members.shape[2] + chosen


def near_centers(
    rows: torch.Tensor, flat: torch.Tensor, centers: Centers, begin: int, end: int, scratch: Scratch
) -> torch.Tensor:
    """Smallest squared distance, less the row's squared length, to a few likely centers.

    Args:
        rows: (m, d) working rows.
        flat: (m, 2 + r) their coordinates, made for a product with `Centers.flat`.
        centers: all centers.
        begin: first center to look at.
        end: one past the last.
        scratch: memory of the product.

    Returns:
        (m,) an approximation within the space's slack, of a distance that is really there.
    """
    width = 2 + DIRECTIONS
    stop = begin + whole_groups(end - begin)
    estimate = scratch.product(flat[:, :width], centers.flat[begin:stop, :width])
    columns = likely_centers(estimate, end - begin)
    guesses = columns.shape[1]
    ends = torch.arange(len(rows) + 1, device=rows.device) * guesses
    products = chosen_products(rows, centers.rows[begin:stop], ends, columns.reshape(-1))
    nearest: torch.Tensor = (centers.norms[begin:stop][columns] - 2 * products.view(-1, guesses)).amin(1)
    return nearest
