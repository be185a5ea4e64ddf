from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_qads.repositories.licences import ASKED, BINDING, TERMS, conflict, flags, normalise, strictest


@pytest.mark.parametrize(
    ("licences", "words"),
    [
        (["mit"], "permissive"),
        (["MIT ", "apache-2.0"], "permissive"),
        (["cc-by-sa-4.0"], "share alike"),
        (["cc-by-nc-4.0", "mit"], "not for commercial use"),
        (["cc-by-nc-sa-4.0"], "share alike, not for commercial use"),
        (["cc-by-nd-4.0"], "no derivatives"),
        (["nvidia-license"], "terms of its own"),
        ([None, "mit"], "licence unknown"),
        (["other"], "licence unknown"),
        (["my-own-9.9"], "licence unknown"),
        ([], "licence unknown"),
    ],
)
def test_flags_say_what_licences_ask_for_together(licences, words):
    assert flags(licences).in_words() == words


@pytest.mark.parametrize(
    ("licences", "result"),
    [
        (["mit"], "mit"),
        (["mit", "apache-2.0"], "apache-2.0"),
        (["mit", "cc-by-4.0", "apache-2.0"], "cc-by-4.0"),
        (["mit", "odc-by"], "odc-by"),
        (["odc-by", "cc-by-4.0"], "cc-by-4.0"),
        (["cc0-1.0", "isc"], "isc"),
        (["mit", "bsd-3-clause"], "bsd-3-clause"),
        (["apache-2.0", "cc-by-2.0"], "cc-by-2.0"),
        (["apache-2.0", "gpl-3.0"], "gpl-3.0"),
        (["apache-2.0", "gpl-2.0"], None),  # its patent terms are more than GPL 2 lets anyone add
        (["mit", "gpl-2.0"], "gpl-2.0"),
        (["mit", "gpl"], "gpl"),
        (["gpl-2.0", "gpl-3.0"], None),  # only where the rows say "or later"
        (["lgpl-3.0", "gpl-3.0"], None),
        (["mit", "cdla-sharing-1.0"], "cdla-sharing-1.0"),
        (["mit", "odbl"], "odbl"),
        (["cc-by-4.0", "odbl"], None),
        (["mit", "c-uda"], None),
        (["c-uda"], "c-uda"),
        (["apache-2.0", "gfdl"], None),
        (["apache-2.0", "cc-by-nc-3.0"], "cc-by-nc-3.0"),
        (["mit", "cc-by-nc-2.0"], "cc-by-nc-2.0"),
        (["mit", "cc-by-nc-sa-3.0"], "cc-by-nc-sa-3.0"),
        (["mit", "cc-by-nc-nd-3.0"], "cc-by-nc-nd-3.0"),
        (["mit", "cc-by-sa-3.0"], "cc-by-sa-3.0"),
        (["cc-by-sa-2.0", "cc-by-sa-3.0", "cc-by-sa-4.0"], "cc-by-sa-4.0"),
        (["cc-by-nc-sa-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0"], "cc-by-nc-sa-4.0"),
        (["cc-by-sa-3.0", "cc-by-nc-sa-4.0"], None),
        (["apache-2.0", "cc-by-sa-4.0", "cc-by-sa-3.0"], "cc-by-sa-4.0"),  # as in the catalogue's cot
        (["cc-by-nd-4.0", "cc-by-nc-4.0"], None),
        (["cc-by-nd-4.0", "cc-by-nc-sa-4.0"], None),
        (["cc-by-nd-4.0", "cc-by-sa-4.0"], None),
        (["cc-by-nd-3.0", "cc-by-nd-4.0"], None),
        (["cc-by-nc-nd-4.0", "cc-by-nc-4.0", "mit"], "cc-by-nc-nd-4.0"),
        (["research-only", "cc-by-nc-sa-4.0"], None),
        (["llama3.1"], "llama3.1"),
        (["llama3.1", "llama3.3"], None),
        (["cc0-1.0", "llama3.1"], "llama3.1"),
        (["mit", "cc-by-nc-4.0"], "cc-by-nc-4.0"),
        (["cc-by-nc-4.0", "cc-by-nc-sa-4.0"], "cc-by-nc-sa-4.0"),
        (["mit", "cc-by-sa-4.0"], "cc-by-sa-4.0"),
        (["cc-by-sa-4.0", "gpl-3.0"], None),
        (["cc-by-sa-4.0", "cc-by-nc-4.0"], None),
        (["cc-by-nc-4.0", "research-only"], "research-only"),
        (["mit", None], None),
        (["mit", "nvidia-license"], None),
        ([], None),
    ],
)
def test_the_strictest_licence_binds_a_mixture_and_conflicts_have_none(licences, result):
    assert strictest(licences) == result


def test_licences_that_say_nothing_are_unknown():
    assert [normalise(x) for x in (None, " ", "Other", "unknown", " MIT ")] == [None, None, None, None, "mit"]


def test_each_identifier_is_listed_once():
    assert len(TERMS) == sum(len(names.split()) for names in ASKED.values())


def carries(licence, other):
    """Slow reference: whether a whole under `licence` may hold rows under `other`."""
    if licence == other:
        return True
    if TERMS[other] & BINDING:
        later = licence.rpartition("-")[0] == other.rpartition("-")[0] and licence > other
        return later and licence.startswith(("cc-by-sa-", "cc-by-nc-sa-"))
    return TERMS[other] <= TERMS[licence]


def assert_nothing_is_lost(licences):
    fit = [licence for licence in licences if all(carries(licence, other) for other in licences)]
    found, asked = strictest(licences), flags(licences)
    assert not asked.unknown
    assert (found is None) == (not fit) == (conflict(licences) is not None)
    if found is not None:
        assert found in fit
        assert flags([found]) == asked


def test_no_pair_of_licences_loses_what_either_asks_for():
    for pair in combinations(TERMS, 2):
        assert_nothing_is_lost(pair)
        assert strictest(pair) == strictest(pair[::-1])


@given(st.lists(st.sampled_from(list(TERMS)), min_size=1, max_size=6, unique=True))
def test_no_mixture_of_licences_loses_what_one_asks_for(licences):
    assert_nothing_is_lost(licences)
    assert strictest(licences) == strictest(sorted(licences) * 2)


def test_why_no_licence_carries_the_others_is_told():
    assert conflict(["mit", "cc-by-sa-4.0", None, "cc-by-nc-4.0"]) == (
        "no one licence carries what cc-by-sa-4.0 and cc-by-nc-4.0 ask for"
    )
    assert conflict(["gpl-2.0", "gpl-3.0", "odbl"]).endswith("odbl, gpl-2.0 and gpl-3.0 ask for")
    assert conflict(["mit", None]) is conflict(["mit", "apache-2.0"]) is conflict([]) is None
