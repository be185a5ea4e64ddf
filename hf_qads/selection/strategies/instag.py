"""InsTag: complexity-first diverse sampling by intention tags.

Lu et al. 2024, "#InsTag: Instruction Tagging for Analyzing Supervised Fine-tuning of Large Language Models"
(arXiv 2308.07074).
"""

from collections.abc import Iterable

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool

NEEDS = Needs(features=("feature",))
PHRASE = "InsTag: rows with most tags first, each adding a tag that its round lacks"
CITATION = """\
@inproceedings{lu2024instag,
  title     = {{\\#}InsTag: Instruction Tagging for Analyzing Supervised Fine-tuning of Large Language
               Models},
  author    = {Lu, Keming and Yuan, Hongyi and Yuan, Zheng and Lin, Runji and Lin, Junyang and Tan, Chuanqi
               and Zhou, Chang and Zhou, Jingren},
  booktitle = {International Conference on Learning Representations},
  year      = {2024}
}
"""


def instag(pool: Pool, size: int, *, feature: str = "tags") -> Picks:
    """Go through rows from those with most tags on, in rounds; take those with a tag that the round lacks.

    A round ends when every row that is left was looked at; the next one begins without tags. Rows without
    tags come after all others, by number.

    Args:
        pool: needs the tags of its rows: a list of names for each.
        size: how many rows.
        feature: the name of that feature.

    Returns:
        The picks; gains are how many tags a row was the first of its round to bring.

    Raises:
        SelectionError: no tags, or text where lists of tags should be.
    """
    tags = pool.need_feature("instag", feature)
    free = pool.free()
    own = {row: tag_set(tags[row], row) for row in free.tolist()}
    queue = sorted((row for row in own if own[row]), key=lambda row: (-len(own[row]), row))
    order: list[int] = []
    gains: list[int] = []
    while queue and len(order) < size:
        seen: set[str] = set()
        left = []
        for row in queue:
            new = len(own[row] - seen)
            if new and len(order) < size:
                seen |= own[row]
                order.append(row)
                gains.append(new)
            else:
                left.append(row)
        queue = left
    without = [row for row in own if not own[row]][: size - len(order)]
    gains += [0] * len(without)
    return Picks(np.array([*order, *without], dtype=np.int64), np.array(gains, dtype=np.float64))


def tag_set(tags: Iterable[str] | None, row: int) -> frozenset[str]:
    """The tags of one row, none where there are none.

    Raises:
        SelectionError: text instead of a list.
    """
    if isinstance(tags, str):
        raise SelectionError(f"row {row} has the text {tags[:40]!r} for tags. Give a list of names.")
    return frozenset() if tags is None else frozenset(str(tag) for tag in tags)
