import pytest

from hf_qads.licences import flags, normalise, strictest


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
        (["mit", "odc-by"], "cc-by-4.0"),
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
