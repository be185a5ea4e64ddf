"""First step for a row: is there any center near enough to rule it out?

A row that is not picked next needs one center that brings its objective below the rival's; which of all
centers is nearest does not matter then. A short product along the principal directions says where such a
center probably is, and exact products with the few best guesses settle it. Nothing is lost by a wrong
guess: the row's bound stays an upper bound.
"""

import torch

from hf_qads.selection.centers import Centers
from hf_qads.selection.products import Scratch, chosen_products

GUESSES = 8
GROUP = 32
DIRECTIONS = 32


def likely_centers(estimate: torch.Tensor) -> torch.Tensor:
    """Columns (m, g) with small values of `estimate` (m, c), at most one per group of neighbours."""
    count, width = estimate.shape
    groups = width // GROUP
    if groups <= GUESSES:
        if width <= GUESSES:
            return torch.arange(width, device=estimate.device).expand(count, width)
        return torch.topk(estimate, GUESSES, dim=1, largest=False, sorted=False).indices
    grouped: torch.Tensor = torch.unflatten(estimate[:, : groups * GROUP], 1, (groups, GROUP))
    chosen = torch.topk(grouped.amin(2), GUESSES, dim=1, largest=False, sorted=False).indices
    inside = grouped.gather(1, chosen.unsqueeze(2).expand(-1, -1, GROUP)).argmin(2)
    return chosen * GROUP + inside


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
    estimate = scratch.product(flat[:, :width], centers.flat[begin:end, :width])
    columns = likely_centers(estimate)
    guesses = columns.shape[1]
    ends = torch.arange(len(rows) + 1, device=rows.device) * guesses
    products = chosen_products(rows, centers.rows[begin:end], ends, columns.reshape(-1))
    nearest: torch.Tensor = (centers.norms[begin:end][columns] - 2 * products.view(-1, guesses)).amin(1)
    return nearest
