"""Score-first, diversity-aware selection.

Liu et al. 2024, "What Makes Good Data for Alignment? A Comprehensive Study of Automatic Data Selection in
Instruction Tuning" (arXiv 2312.15685).
"""

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.selection.pool import Floats, Picks, Pool, Rows, ranked

PHRASE = "Deita: the highest score first, leaving out what is too similar to a row picked before"
CITATION = """\
@inproceedings{liu2024makes,
  title     = {What Makes Good Data for Alignment? A Comprehensive Study of Automatic Data Selection in
    Instruction Tuning},
  author    = {Liu, Wei and Zeng, Weihao and He, Keqing and Jiang, Yong and He, Junxian},
  booktitle = {International Conference on Learning Representations},
  year      = {2024}
}
"""

BLOCK = 1024


def deita(pool: Pool, size: int, *, threshold: float = 0.9) -> Picks:
    """Go through rows by falling score and take those not too similar to any row taken before.

    A row is taken when its cosine similarity to every row taken so far is at most `threshold`: compared
    with the *selected* rows, as the published code does, and not with all rows. Start rows and already
    selected vectors are not compared with; start rows are never picked. Where fewer than `size` rows pass,
    the others follow by falling score, so that any size can be met; their gain is 0.

    Args:
        pool: needs scores (complexity times quality, or whatever ranks the rows) and vectors.
        size: how many rows.
        threshold: largest cosine similarity to a row taken before, in [-1, 1].

    Returns:
        The picks; gains are scores, 0 for rows that were only taken to fill up.

    Raises:
        SelectionError: no scores or vectors, zero vectors, a threshold out of range.
    """
    if not -1 <= threshold <= 1:
        raise SelectionError(f"threshold must be a cosine similarity in [-1, 1], got {threshold}.")
    from hf_qads.neighbours.arrays import full_precision

    scores = pool.need_scores("deita")
    queue = ranked(pool, scores, pool.n).order
    with full_precision():
        taken = dissimilar(pool, queue, size, threshold)
    left = queue[~np.isin(queue, taken)][: size - len(taken)]
    return Picks(np.concatenate([taken, left]), np.concatenate([scores[taken], np.zeros(len(left))]))


def dissimilar(pool: Pool, queue: Rows, size: int, threshold: float) -> Rows:
    """The first `size` rows of `queue` that are each at most `threshold` similar to all taken before."""
    import torch

    from hf_qads.selection.engine.space import Space

    space = Space(pool.need_vectors("deita"), metric="cosine", device=pool.device, out=pool.out)
    taken: list[int] = []
    kept = torch.empty(min(size, len(queue)), space.d, device=space.device)
    for begin in range(0, len(queue), BLOCK):
        if len(taken) >= size:
            break
        index = queue[begin : begin + BLOCK]
        rows = (space.rows(index) + space.center) * 2**0.5
        before = rows @ kept[: len(taken)].T
        possible = np.ones(len(index), dtype=bool)
        if len(taken):
            possible = (before.amax(1) <= threshold).cpu().numpy()
        within: Floats = (rows @ rows.T).cpu().numpy()
        for position in range(len(index)):
            if possible[position] and len(taken) < size:
                kept[len(taken)] = rows[position]
                taken.append(int(index[position]))
                possible &= within[position] <= threshold
    return np.array(taken, dtype=np.int64)
