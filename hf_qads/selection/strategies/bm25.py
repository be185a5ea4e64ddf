"""BM25: rows whose words are those of target rows, a lexical control.

Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond"; by the package bm25s
(Lu 2024, arXiv 2407.03618).
"""

from importlib.util import find_spec
from typing import Any

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Floats, Picks, Pool, Rows
from hf_qads.selection.techniques.turns import by_values, round_robin

NEEDS = Needs(features=("feature",), targets=("feature",))
PHRASE = "BM25: in turns, each target row takes the row that shares most of its rare words"
CITATION = """\
@article{robertson2009probabilistic,
  title   = {The Probabilistic Relevance Framework: BM25 and Beyond},
  author  = {Robertson, Stephen and Zaragoza, Hugo},
  journal = {Foundations and Trends in Information Retrieval},
  volume  = {3},
  number  = {4},
  pages   = {333--389},
  year    = {2009}
}
"""


def bm25(pool: Pool, size: int, *, feature: str = "text", k1: float = 1.5, b: float = 0.75) -> Picks:
    """Let target rows take turns, each taking the row with the highest BM25 score that is left.

    Turns go as in `rds`. Words are runs of two or more letters and digits, in lower case, without stop words
    or stemming; scores are those of Lucene's variant, the default of bm25s. Rows that share no word with a
    target row have the score 0 and come last, by number.

    Args:
        pool: needs the texts of its rows and of target rows.
        size: how many rows.
        feature: the name of the texts.
        k1: how fast repeated words stop counting.
        b: how much long rows are held back, in [0, 1].

    Returns:
        The picks; gains are BM25 scores.

    Raises:
        SelectionError: no texts, or bm25s is not installed.

    Cost: an index of the rows in memory, about 8 bytes for each different word of a row; (n,) scores for each
    target row, one after the other.
    """
    if find_spec("bm25s") is None:
        raise SelectionError("strategy='bm25' needs bm25s: pip install 'hf_qads[bm25]'.")
    import bm25s

    texts, targets = pool.need_feature("bm25", feature), pool.need_targets("bm25", feature)
    free = pool.free()
    if not len(free):
        return Picks(free, np.empty(0))
    index = bm25s.BM25(k1=k1, b=b)
    index.index(tokens([str(texts[row]) for row in free.tolist()]), show_progress=False)
    words = {name: tokens([str(text) for text in rows]) for name, rows in targets.items()}
    if len(words) > 1:
        return by_values(pool, size, [highest(index, own, len(free)) for own in words.values()])
    queries = next(iter(words.values()))

    def search(which: Rows, count: int) -> tuple[Rows, Floats]:
        rows, values = np.empty((len(which), count), dtype=np.int64), np.empty((len(which), count))
        for place, query in enumerate(which.tolist()):
            scores = scored(index, queries[query], len(free))
            best = np.lexsort((free, -scores))[:count]
            rows[place], values[place] = free[best], scores[best]
        return rows, values

    return round_robin(size, len(queries), search)


def tokens(texts: list[str]) -> list[list[str]]:
    """The words of each text, in lower case."""
    import bm25s

    words: list[list[str]] = bm25s.tokenize(texts, stopwords=None, return_ids=False, show_progress=False)
    return words


def scored(index: Any, query: list[str], rows: int) -> Floats:
    """BM25 scores (rows,) of one query; 0 where no word of it is known."""
    known = [word for word in query if word in index.vocab_dict]
    if not known:
        return np.zeros(rows)
    return np.asarray(index.get_scores(known), dtype=np.float64)


def highest(index: Any, queries: list[list[str]], rows: int) -> Floats:
    """The highest score of each row for any of the queries, (rows,)."""
    best = np.zeros(rows)
    for query in queries:
        np.maximum(best, scored(index, query, rows), out=best)
    return best
