"""Estimates of memory and time, worked by hand."""

import pytest

from hf_qads.training.estimate import estimate


def test_estimate_of_seven_billion_on_four_gpus():
    found = estimate(
        7e9, 1e8, gpus=4, layers=32, hidden=4096, device_tokens=16384, flops=312e12, utilisation=0.4
    )
    assert found.states == 28e9  # 7e9 * 16 / 4
    # 16384 * 4096 * (2 * 32 + 34) bytes
    assert found.activations == 6_576_668_672
    # 8 * 7e9 * 1e8 / (4 * 312e12 * 0.4)
    assert found.seconds == pytest.approx(11218, abs=1)


@pytest.mark.parametrize(("sharding", "states"), [("zero2", 7e9 * 5.5), ("full", 112e9), ("lora", 14e9)])
def test_sharding_decides_what_is_shared(sharding, states):
    assert (
        estimate(7e9, 1, gpus=4, layers=1, hidden=1, device_tokens=1, flops=1.0, sharding=sharding).states
        == states
    )
