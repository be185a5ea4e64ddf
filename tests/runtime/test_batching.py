import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_qads.runtime.batching import TokenBudget, is_out_of_memory, run_batches, token_batches


def test_batches_hold_rows_of_similar_length_longest_first():
    batches = token_batches([3, 10, 4, 10, 1], 20)
    # 2 x 10 = 20 tokens, then 4, 3 and 1 padded to 4 make 12
    assert [batch.tolist() for batch in batches] == [[1, 3], [2, 0, 4]]


def test_a_row_beyond_the_budget_is_a_batch_of_its_own():
    assert [batch.tolist() for batch in token_batches([5, 50], 10)] == [[1], [0]]


def test_no_rows_make_no_batches():
    assert token_batches([], 10) == []


@given(st.lists(st.integers(0, 300)), st.integers(1, 1000))
def test_every_row_is_in_one_batch_and_no_batch_exceeds_the_budget(lengths, budget):
    batches = token_batches(lengths, budget)
    assert sorted(row for batch in batches for row in batch.tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= budget


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("shape mismatch"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_tells_memory_errors_from_others(error, is_memory):
    assert is_out_of_memory(error) is is_memory


def test_halves_the_budget_says_so_and_does_every_row(caplog):
    done: list[int] = []

    def work(batch: np.ndarray) -> None:
        if len(batch) > 2:
            raise RuntimeError("out of memory")
        done.extend(batch.tolist())

    budget = TokenBudget(80, least=1)
    with caplog.at_level(logging.WARNING):
        run_batches([10] * 7, budget, work)
    assert sorted(done) == list(range(7))
    assert budget.tokens == 20  # 80 -> 40 -> 20: two rows of ten tokens
    assert "batch_tokens=40" in caplog.text
    assert "batch_tokens=20" in caplog.text


def test_gives_up_at_the_least_budget_with_the_error_itself():
    def work(batch: np.ndarray) -> None:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        run_batches([10] * 4, TokenBudget(200, least=64), work)


def test_an_error_that_is_not_about_memory_is_raised_at_once():
    budget = TokenBudget(100)

    def work(batch: np.ndarray) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run_batches([1], budget, work)
    assert budget.tokens == 100


def test_a_budget_below_one_token_is_refused():
    with pytest.raises(ValueError, match="batch_tokens=0"):
        TokenBudget(0)
