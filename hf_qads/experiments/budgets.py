"""Budgets of tokens of an epoch: how many rows keep to one, and what is too small to fill it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ConfigError

Rows = NDArray[np.int64]


def up_to(tokens: int, rows: Rows, lengths: Rows) -> Rows:
    """The first rows, until the next would pass a budget; at least one.

    Args:
        tokens: the budget.
        rows: (m,) in the order picked.
        lengths: (n,) tokens of each row of the pool.
    """
    return rows[: max(1, int((np.cumsum(lengths[rows]) <= tokens).sum()))]


def check_equal(tokens: int, parts: Mapping[str, Rows], lengths: Rows) -> None:
    """Check that parts of a pool can be trained on at equal tokens.

    Args:
        tokens: the budget of each.
        parts: name -> its rows.
        lengths: (n,) tokens of each row of the pool.

    Raises:
        ConfigError: a part has fewer tokens than the budget; the message names each, and the budget that all
            can fill.
    """
    held = {name: int(lengths[rows].sum()) for name, rows in parts.items()}
    short = [f"{name} has {count:,}" for name, count in held.items() if count < tokens]
    if short:
        raise ConfigError(
            f"tokens: {tokens} is more than there is to train on: {', '.join(short)}. Give at most "
            f"{min(held.values())}, so that all train on as many."
        )
