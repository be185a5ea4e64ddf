import numpy as np
import pytest

from hf_qads.scoring.evaluation import agreement_by


def test_each_part_of_the_rows_has_its_own():
    real = np.asarray([1.0, 2, 3, 4, 1, 2, 3, 4])
    found = agreement_by(real, np.asarray([1.0, 2, 3, 4, 4, 3, 2, 1]), {"sources": ["a"] * 4 + ["b"] * 4})
    assert found["sources"]["a"]["pearson"] == pytest.approx(1.0)
    assert found["sources"]["b"]["pearson"] == pytest.approx(-1.0)
    assert found["all"]["n"] == 8
    assert found["all"]["pearson"] == pytest.approx(0.0)
