"""DSIR: importance resampling with hashed n-grams, so that the picks look like the target's text.

Xie et al. 2023, "Data Selection for Language Models via Importance Resampling" (arXiv 2302.03169).
"""

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Floats, Picks, Pool, ranked

NEEDS = Needs(features=("feature",), targets=("feature",))
PHRASE = "DSIR: drawn so that hashed words and word pairs are as frequent as in the target rows"
CITATION = """\
@inproceedings{xie2023data,
  title     = {Data Selection for Language Models via Importance Resampling},
  author    = {Xie, Sang Michael and Santurkar, Shibani and Ma, Tengyu and Liang, Percy},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2023}
}
"""

BUCKETS = 10_000
SMALL = 1e-8
WORDS = re.compile(r"\w+|[^\w\s]+")


def dsir(
    pool: Pool, size: int, *, feature: str = "text", noise: bool = True, per_token: bool = False
) -> Picks:
    """Draw rows by how much likelier their words are in the target rows than in the pool.

    The log weight of a row sums `log(p_target + 1e-8) - log(p_pool + 1e-8)` over its words and pairs of
    words, hashed into 10,000 buckets by SHA-256; with Gumbel noise on it, the largest are a draw without
    replacement in proportion to the weights. Two things differ from the published code: rows below 100
    words are not dropped (most maths rows are that short), and the noise goes by the seed. The weight grows
    with a row's length; `per_token` divides by the number of words and pairs.

    Args:
        pool: needs the texts of its rows and of target rows (of all sets together).
        size: how many rows.
        feature: the name of the texts.
        noise: whether to draw; False takes the largest weights.
        per_token: whether to take the mean instead of the sum.

    Returns:
        The picks; gains are log weights, with the noise where there is some.

    Raises:
        SelectionError: no texts.

    Cost: a pass over the texts on one core, about 1 MB/s; 4 bytes per word in memory.
    """
    texts = pool.need_feature("dsir", feature)
    targets = [str(text) for rows in pool.need_targets("dsir", feature).values() for text in rows]
    present = pool.present()
    grams = [buckets(str(texts[row])) for row in present.tolist()]
    whole = counted(grams)
    wanted = counted(buckets(text) for text in targets)
    logs = np.log(wanted / max(1, wanted.sum()) + SMALL) - np.log(whole / max(1, whole.sum()) + SMALL)
    values = np.full(pool.n, -np.inf)
    sums = np.array([logs[own].sum() for own in grams])
    if per_token:
        sums /= np.maximum(1, [len(own) for own in grams])
    values[present] = sums
    if noise:
        values += np.random.default_rng([pool.seed, 3]).gumbel(size=pool.n)
    return ranked(pool, values, size)


def buckets(text: str) -> npt.NDArray[np.uint16]:
    """The buckets of a text's words and of its pairs of neighbouring words."""
    words = WORDS.findall(text.lower())
    grams = [*words, *map(" ".join, pairwise(words))]
    return np.fromiter(map(bucket, grams), dtype=np.uint16, count=len(grams))


@lru_cache(maxsize=1 << 20)
def bucket(gram: str) -> int:
    """The bucket of one n-gram: SHA-256 as a number, modulo the number of buckets."""
    return int(hashlib.sha256(gram.encode("utf-8", "surrogatepass")).hexdigest(), 16) % BUCKETS


def counted(grams: Iterable[npt.NDArray[np.uint16]]) -> Floats:
    """How often each bucket comes, (BUCKETS,)."""
    counts = np.zeros(BUCKETS)
    for own in grams:
        counts += np.bincount(own, minlength=BUCKETS)
    return counts
