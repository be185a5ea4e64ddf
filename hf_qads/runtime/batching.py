"""Batches of rows under a budget of tokens, and what to do when memory runs out."""

import gc
import logging
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

BATCH_TOKENS = 16384  # most tokens of a batch where nobody says otherwise


def token_batches(lengths: Sequence[int] | NDArray[np.integer], batch_tokens: int) -> list[NDArray[np.int64]]:
    """Group rows of similar length so that a padded batch stays within a budget.

    Args:
        lengths: tokens of each row, (n,).
        batch_tokens: most tokens of a batch, padding included: rows times the longest row. A row that is
            longer than this makes a batch of its own.

    Returns:
        Arrays of row indices which together hold every row once. The longest rows come first, so a batch
        that does not fit the memory shows at the start; rows of equal length keep their order.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    batches: list[NDArray[np.int64]] = []
    start = 0
    while start < len(order):
        longest = max(1, int(sizes[order[start]]))
        stop = start + max(1, batch_tokens // longest)
        batches.append(order[start:stop])
        start = stop
    return batches


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` is a device's or the CPU allocator's way to say that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in message or "can't allocate memory" in message
    )


class TokenBudget:
    """The most tokens to forward at once; halves when memory runs out.

    Attributes:
        tokens: the budget now.
    """

    def __init__(self, tokens: int, *, least: int = 64) -> None:
        """Start at `tokens`; below `least` there is no retreat.

        Raises:
            ValueError: `tokens` is not positive.
        """
        if tokens < 1:
            raise ValueError(f"batch_tokens={tokens}, but at least 1 token must fit. Raise batch_tokens.")
        self.tokens = tokens
        self.least = least

    def retreat(self, error: BaseException) -> None:
        """Halve the budget and say so, or raise `error` again.

        Call it in the `except` block. It is `error` itself that is raised where it has nothing to do with
        memory, or where the budget cannot be halved.
        """
        if not is_out_of_memory(error) or self.tokens // 2 < self.least:
            raise error
        self.tokens //= 2
        logger.warning("Out of memory: going on with half the token budget, batch_tokens=%d.", self.tokens)

    def release(self) -> None:
        """Give back what the failed attempt held. Call it outside the `except` block."""
        import torch

        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def run_batches(
    lengths: Sequence[int] | NDArray[np.integer],
    budget: TokenBudget,
    work: Callable[[NDArray[np.int64]], None],
) -> None:
    """Call `work` with the row indices of each token-budget batch, longest rows first.

    Where `work` runs out of memory the budget halves, is said in the log, and the rows that are left are
    batched anew; a batch that failed is done again, so `work` must only store results at its end.

    Raises:
        RuntimeError: memory runs out even at the least budget.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    left = np.arange(len(sizes))
    while len(left):
        done = 0
        batches = [left[batch] for batch in token_batches(sizes[left], budget.tokens)]
        try:
            for batch in batches:
                work(batch)
                done += 1
        except (RuntimeError, MemoryError) as error:
            budget.retreat(error)
        left = np.concatenate([np.empty(0, dtype=np.int64), *batches[done:]])
        if len(left):
            budget.release()
