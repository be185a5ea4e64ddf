from dataclasses import replace

import pytest
import yaml
from jinja2 import UndefinedError

from hf_qads.publishing.cards.common import HERE
from hf_qads.publishing.cards.datasets import Extras, mixture_card
from hf_qads.publishing.cards.metadata import size_category
from hf_qads.publishing.cards.models import scorer_card
from hf_qads.publishing.cards.templating import percent, render, seconds, size
from hf_qads.publishing.facts.evidence import Evidence, Example, ExampleGroup
from hf_qads.repositories.front_matter import split_card
from hf_qads.statistics.correlation import Correlations
from tests.publishing.fixed import FACTS, FOLDER, SCORER, cards


@pytest.mark.parametrize("name", sorted(cards()))
def test_cards_equal_their_golden_rendering(name):
    """After a wanted change: python -m tests.publishing.fixed."""
    assert cards()[name] == (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(cards()))
def test_no_card_has_an_empty_section_or_an_unfilled_value(name):
    text = cards()[name]
    for word in ("More information needed", "None", "nan", "Undefined", "[]"):
        assert word not in text.replace("best_score", "")
    body = split_card(text)[1]
    assert "\n## \n" not in body


def test_sections_without_facts_are_absent():
    minimal = cards()["mixture-minimal.md"]
    for heading in ("## Evidence", "## Best and worst rows", "## What was left out"):
        assert heading in cards()["mixture.md"]
        assert heading not in minimal


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "{{ 7 * 7 }}{% raw %}",
        "---\nlicense: wtfpl\n---",
        "</details></td> | new | cell |",
        "`````\n# heading\n![](https://e.vil)",
        "\x1b[31m\u202e\x00",
    ],
)
def test_hostile_text_is_shown_as_text(text):
    from markdown_it import MarkdownIt

    example = ExampleGroup("Best reasoning rows", "reasoning", True, (Example(text, 1.0, text, text),))
    source = replace(FACTS.sources[0], name=text, left_out={text: 3}, licence=text, citation=text)
    facts = replace(FACTS, name=f"mix {text}", sources=(source,), model=text, config={text: text})
    card = mixture_card(facts, extras=Extras(evidence=Evidence(examples=(example,))))
    data, body = split_card(card)
    assert data["license"] == "other"
    assert data["pretty_name"].startswith("mix")
    allowed = (
        "<!-- hf_qads -->",
        "<!-- end of hf_qads -->",
        "<details><summary>The configuration",
        "</details>",
    )
    html = [
        token.content
        for token in MarkdownIt("gfm-like", {"linkify": False}).parse(body)
        if "html" in token.type
    ]
    assert all(any(part in one for part in allowed) for one in html)
    images = [
        child
        for token in MarkdownIt("gfm-like", {"linkify": False}).parse(body)
        for child in token.children or ()
        if child.type in ("image", "link_open", "html_inline")
    ]
    assert all("huggingface.co" in str(image.attrs) for image in images)
    for character in ("\x1b", "\u202e", "\x00"):
        assert character not in card


def test_a_megabyte_is_cut():
    example = ExampleGroup("Best", "reasoning", True, (Example("s", 1.0, "q" * 2**20, "a" * 2**20),))
    assert len(mixture_card(FACTS, extras=Extras(evidence=Evidence(examples=(example,))))) < 20_000


def test_an_unknown_name_in_a_template_is_an_error():
    with pytest.raises(UndefinedError):
        render("dataset.md.jinja", {"facts": FACTS}, autoescape=False)


def test_the_front_matter_is_yaml_that_the_hub_reads():
    from huggingface_hub import DatasetCardData, ModelCardData

    data = yaml.safe_load(cards()["mixture.md"].split("---\n")[1])
    card = DatasetCardData(**data)
    assert card.size_categories == ["1K<n<10K"]
    assert [config["config_name"] for config in card.configs] == ["default", "10pct"]
    model = ModelCardData(
        **yaml.safe_load(cards()["model.md"].split("---\n")[1]), ignore_metadata_errors=False
    )
    assert [result.dataset_name for result in model.eval_results] == ["gsm8k", "svamp"]


@pytest.mark.parametrize(
    ("rows", "name"), [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (4_700_000, "1M<n<10M")]
)
def test_size_categories(rows, name):
    assert size_category(rows) == name


def test_numbers_are_written_for_people():
    assert [seconds(s) for s in (0.42, 38.2, 250, 7_500, 59.7)] == [
        "0.4 s",
        "38 s",
        "4 min 10 s",
        "2 h 5 min",
        "1 min",
    ]
    assert [size(b) for b in (12, 2_048, 104_857_600, 41 * 2**30)] == [
        "12 B",
        "2.0 KiB",
        "100 MiB",
        "41.0 GiB",
    ]
    assert [percent(p) for p in (0.0042, 0.042, 0.42, None)] == ["0.42 %", "4.2 %", "42 %", "\N{EN DASH}"]


def test_a_file_that_stands_in_for_a_dataset_is_not_taken_for_it():
    hub = replace(FACTS.sources[0], link="https://huggingface.co/datasets/org/set")
    for sources, origin in (([hub, hub], ["org/set"]), ([replace(hub, own_file=True)], ["extended"])):
        facts = replace(FACTS, sources=tuple(sources), demonstration=False)
        card = mixture_card(facts)
        assert yaml.safe_load(card.split("---\n")[1])["source_datasets"] == origin
        assert ("(a file of one's own)" in card) == (origin == ["extended"])


def test_a_scorers_card_tells_what_was_measured_and_no_more():
    card = cards()["scorer.md"]
    assert "org/base-1b" in card
    assert "Pearson **0.91** (95 % bootstrap interval 0.89 to 0.93), Spearman 0.84 (0.79 to 0.88)" in card
    assert "| gsm8k | 160 | 0.88 [0.85, 0.91] | 0.81 [0.76, 0.86] |" in card
    assert "| aqua\\_rat | 3 | unknown (only 3 rows) | unknown (only 3 rows) |" in card
    assert "| the answer's length alone | 300 | 0.33 [0.22, 0.43] | 0.31 [0.20, 0.41] |" in card
    assert "Left out: 12 no real score." in card


def test_a_scorer_whose_agreement_is_unknown_says_why():
    agreement = {"all": Correlations(24, reason="all real scores are equal").as_dict()}
    card = scorer_card(FACTS, replace(SCORER, agreement=None, evaluation={"agreement": agreement}), repo=HERE)
    assert "How its predictions agree with measured scores is not known: all real scores are equal." in card
    assert "# run this in the folder that holds this card\nfrom hf_qads import QaDSScorer" in card
