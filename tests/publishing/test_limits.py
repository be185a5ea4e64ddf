"""What is said of how far predicted scores agree with real ones."""

from dataclasses import replace

import pytest

from hf_qads.publishing.cards.limits import doubt, limits
from hf_qads.statistics.correlation import Correlations
from tests.publishing.fixed import FACTS


def said(found):
    return " ".join(limits(replace(FACTS, agreements={"maths": found})))


def agreement(r, n):
    return Correlations(n, r, r - 0.1, r + 0.1, r, r - 0.1, r + 0.1)


@pytest.mark.parametrize(
    ("r", "n", "why"),
    [(-0.69, 6, "few"), (0.95, 6, "few"), (-0.69, 60, "against"), (0.3, 60, "weak"), (0.5, 60, None)],
)
def test_a_negative_correlation_is_no_weak_agreement_and_six_rows_are_none(r, n, why):
    assert doubt(agreement(r, n)) == why
    told = said(agreement(r, n))
    assert ("Whether predicted and real scores agree is not known for maths" in told) == (why == "few")
    assert ("do not agree for maths (Pearson -0.69, n = 60)" in told) == (why == "against")
    assert ("agree weakly for maths (Pearson 0.30, n = 60)" in told) == (why == "weak")
