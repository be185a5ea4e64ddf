from dataclasses import replace

import pytest

from hf_qads.errors import PublishingError
from hf_qads.publishing.cards.datasets import mixture_card
from hf_qads.publishing.cards.licences import NOT_ON_HUB, combine_licences
from hf_qads.publishing.facts.facts import SourceFacts
from hf_qads.publishing.hub.push import publish
from hf_qads.repositories.licences import TERMS
from tests.publishing.fixed import FACTS
from tests.publishing.runs import make_run

# huggingface.co/docs/hub/repositories-licenses, without `cc`, `unknown` and `other`, which name no licence
HUB = """
    apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
    bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda
    cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0
    cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0
    cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0
    eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research
    lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl openmdw-1.0 openmdw-1.1 openrail++ osl-3.0
    postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license
    fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 grok2-community gemma
"""


def source(name, licence):
    return SourceFacts(name, "reasoning", 10, kept=5, licence=licence)


def test_the_strictest_licence_is_named_and_sources_that_need_a_decision_are_flagged():
    joined = combine_licences([source("a", "mit"), source("b", "cc-by-nc-4.0"), source("c", "apache-2.0")])
    assert joined.identifier == "cc-by-nc-4.0"
    assert joined.flagged == (("b", "cc-by-nc-4.0 forbids commercial use"),)
    unknown = combine_licences([source("a", "mit"), source("b", "unknown")])
    assert unknown.identifier == "other"
    assert unknown.flagged == (("b", "its licence is not known"),)
    parts = replace(source("b", "mit"), part_licences=("unknown", "cc-by-nc-4.0", "house-1.0"))
    why = (
        "the licence of a part is not known; house-1.0 is not known here; cc-by-nc-4.0 forbids commercial use"
    )
    assert combine_licences([parts]).flagged == (("b", why),)


def test_a_source_of_which_nothing_was_kept_binds_nobody():
    assert combine_licences([source("a", "mit"), replace(source("b", "unknown"), kept=0)]).identifier == "mit"


def test_the_licence_of_a_file_that_stands_in_for_a_dataset_asks_for_a_decision():
    (flagged,) = combine_licences([replace(source("a", "mit"), own_file=True, licence_assumed=True)]).flagged
    assert "its licence was taken from the dataset" in flagged[1]


def test_sources_that_exclude_each_other_ask_for_a_decision_together():
    clash = "no one licence carries what gpl-2.0 and cc-by-sa-3.0 ask for"
    joined = combine_licences([source("a", "mit"), source("b", "cc-by-sa-3.0"), source("c", "gpl-2.0")])
    assert (joined.identifier, joined.why_none, joined.share_alike) == ("other", clash, ("b", "c"))
    assert joined.flagged == (("the sources together", clash),)
    card = mixture_card(replace(FACTS, sources=(source("b", "cc-by-sa-3.0"), source("c", "gpl-2.0"))))
    assert "license: other\n" in card
    assert f"No single licence can be named for the whole ({clash}): each source's is in the table" in card
    assert "Each row stays under the licence of its source." in card
    assert combine_licences([source("a", "mit"), source("b", "cc-by-sa-3.0")]).identifier == "cc-by-sa-3.0"


def test_a_licence_that_is_not_known_and_a_conflict_are_both_told():
    sources = [source("a", "unknown"), source("b", "cc-by-nc-4.0"), source("c", "cc-by-sa-4.0")]
    assert combine_licences(sources).why_none == (
        "a licence is not known; no one licence carries what cc-by-sa-4.0 and cc-by-nc-4.0 ask for"
    )


def test_what_is_named_for_the_whole_is_a_licence_of_the_hub():
    assert set(TERMS) - NOT_ON_HUB == set(HUB.split())
    assert set(TERMS) >= NOT_ON_HUB
    assert combine_licences([source("a", "research-only")]).identifier == "other"
    assert combine_licences([source("a", "llama3.1")]).identifier == "llama3.1"


def test_a_push_under_licences_that_exclude_each_other_needs_a_decision(tmp_path):
    sources = {"a": ("reasoning", 60, 4.0, "cc-by-sa-4.0"), "b": ("general", 60, 3.0, "gpl-3.0")}
    run = make_run(tmp_path / "run", sources=sources)
    with pytest.raises(PublishingError, match=r"the sources together: no one licence .*--accept-licences"):
        publish(run, "me")
