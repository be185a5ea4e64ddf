"""RDS+: rows whose position-weighted hidden states are most similar to those of target rows.

Ivison et al. 2025, "Large-Scale Data Selection for Instruction Tuning" (arXiv 2503.01807).
"""

from hf_qads.references import LARGE_SCALE
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool
from hf_qads.selection.techniques.turns import by_similarity

NEEDS = Needs(features=("feature",), targets=("feature",))
PHRASE = "RDS+: in turns, each target row takes the row most similar to it by position-weighted hidden states"
CITATION = LARGE_SCALE


def rds(pool: Pool, size: int, *, feature: str = "weighted_vectors") -> Picks:
    """Let target rows take turns, each taking the most similar row that is left.

    The similarity is the cosine of the rows' position-weighted mean hidden states. With one set of target
    rows, each of them takes turns; with several, each set does, by its largest similarity to a row. A target
    row whose best row is taken takes its next one: it does not lose its turn, as it does in one published
    implementation where rows repeat. Where the target's rows are not to be learnt by heart, leave their own
    duplicates out of the pool. Start rows are not looked at.

    Args:
        pool: needs the feature for its rows and for target rows.
        size: how many rows.
        feature: its name; `vectors` takes the plain vectors.

    Returns:
        The picks; gains are cosine similarities.

    Raises:
        SelectionError: the feature is not there, holds NaN or zero vectors.
    """
    return by_similarity(pool, size, pool.need_feature("rds", feature), pool.need_targets("rds", feature))
