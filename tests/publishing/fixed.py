"""Fixed facts for the cards in `cards/`, which `python -m tests.publishing.fixed` writes."""

from dataclasses import replace
from pathlib import Path

from hf_qads.publishing.cards.common import CardFigure
from hf_qads.publishing.cards.datasets import Extras, mixture_card, scored_card
from hf_qads.publishing.cards.models import BenchmarkResult, ModelFacts, ScorerFacts, model_card, scorer_card
from hf_qads.publishing.cards.spaces import space_card
from hf_qads.publishing.facts.evidence import Coverage, Evidence, Example, ExampleGroup
from hf_qads.publishing.facts.facts import Facts, SourceFacts, Subset
from hf_qads.references import QADS
from hf_qads.selection.registry import about
from hf_qads.statistics.correlation import Correlations

FOLDER = Path(__file__).parents[2] / "cards"
SOURCES = (
    SourceFacts(
        name="gsm8k",
        kind="reasoning",
        rows=7_473,
        left_out={"repeats a benchmark's question": 2},
        scored=7_470,
        mean_score=4.12,
        ratio=0.824,
        kept=6_158,
        licence="mit",
        link="https://huggingface.co/datasets/openai/gsm8k",
        revision="e53f048856ff4f594e959d75785d2c2d37b678ee",
        languages=("en",),
        citation="@article{cobbe2021training,\n  title = {Training Verifiers to Solve Math Word Problems},\n"
        "  year  = {2021}\n}",
    ),
    SourceFacts(
        name="dmath",
        kind="reasoning",
        rows=2_078,
        left_out={"exact duplicate": 1, "no score": 12},
        scored=2_066,
        mean_score=1.46,
        ratio=0.292,
        kept=607,
        licence="mit",
        languages=("en", "ko"),
    ),
    SourceFacts(
        name="my|notes <b>",
        kind="general",
        rows=450,
        scored=450,
        mean_score=2.31,
        ratio=0.462,
        kept=208,
    ),
)
SMALLEST = "data/part-1-to-10pct-9f3c07d2ab4e6158"
SCORED = "data/gsm8k/part-0c6e4b8fd2a19357-*.parquet"
FACTS = Facts(
    name="maths-mix",
    seed=7,
    sources=SOURCES,
    config={
        "name": "maths-mix",
        "seed": 7,
        "model": {"path": "org/base-1b", "revision": "0123abc"},
        "sources": [
            "gsm8k",
            {"path": "dmath"},
            {"path": "notes.jsonl", "name": "my|notes <b>", "kind": "general"},
        ],
        "anchors": {"sources": [{"path": "math"}], "size": 100, "allow_benchmark": False},
        "select": {"strategy": "qads", "start": 100, "metric": "euclidean"},
    },
    subsets=(
        Subset("default", 6_973, (f"{SMALLEST}-*.parquet", "data/part-2-rest-51d7a9e03b68c24f-*.parquet")),
        Subset("10pct", 698, (f"{SMALLEST}-*.parquet",)),
    ),
    score_column="qads_score",
    model="org/base-1b",
    agreements={
        "reasoning": Correlations(300, 0.91, 0.888, 0.928, 0.84, 0.79, 0.88),
        "general": Correlations(300, 0.41, 0.312, 0.5, 0.38, 0.27, 0.48),
    },
    picked_by=about("qads").phrase,
    citations=(QADS, about("qads").citation),
    versions={"hf_qads": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
    keys={"pool": "5b1c62a97f1e4d3d8a01", "selection": "9d3e0c5fa7b24e68b1c2"},
)
HOSTILE = (
    "</details><script>alert(1)</script> {{ 7 * 7 }}\n```\n---\nlicense: wtfpl\n"
    "\x1b[31m \u202egnp.exe ![x](//e.vil)"
)
EVIDENCE = Evidence(
    coverage=(
        Coverage("gsm8k", 6_158, 3.81, 4.402, 7_470, 3),
        Coverage("dmath", 607, 6.2, 5.9, 2_066, 3),
        Coverage("my|notes <b>", 208, 7.04, 7.9, 450, 3),
    ),
    examples=(
        ExampleGroup(
            "Best reasoning rows",
            "reasoning",
            True,
            (
                Example(
                    "gsm8k",
                    4.98,
                    "Tom has 3 apples and buys 4. How many has he?",
                    "3 + 4 = 7. The answer is 7.",
                    12,
                    True,
                ),
            ),
        ),
        ExampleGroup(
            "Worst general rows", "general", False, (Example("my|notes <b>", 1.02, HOSTILE, "ok", None),)
        ),
    ),
)
FIGURES = (
    CardFigure("figures/scores_by_source.png", "Average score per source", "gsm8k is highest with 4.12."),
    CardFigure(
        "figures/coverage.png", "Coverage against budget", "At the full budget it is smaller for 2 of 3."
    ),
)
EXTRAS = Extras(
    repo="me/maths-mix",
    columns=("row_id", "question", "answer", "source", "kind", "qads_score", "qads_rank"),
    output="Dataset({\n    features: ['row_id', 'question', 'answer', 'source', 'kind', 'qads_score',"
    " 'qads_rank'],\n"
    "    num_rows: 698\n})",
    evidence=EVIDENCE,
    figures=FIGURES,
)
EVALUATION = {
    "type": "model",
    "base_model": "org/base-1b",
    "rows": {"given": 4_000, "trained_on": 3_400, "held_out": 300, "left_out": {"no real score": 12}},
    "training": {"epochs": 2.0, "learning_rate": 2e-05, "global_batch": 128, "seconds": 431.0},
    "agreement": {
        "sources": {
            "gsm8k": Correlations(160, 0.88, 0.85, 0.91, 0.81, 0.76, 0.86).as_dict(),
            "dmath": Correlations(137, 0.62, 0.5, 0.71, 0.6, 0.48, 0.7).as_dict(),
            "aqua_rat": Correlations(3, reason="only 3 rows").as_dict(),
        },
        "length_alone": Correlations(300, 0.33, 0.22, 0.43, 0.31, 0.2, 0.41).as_dict(),
    },
}
SCORER = ScorerFacts(
    "maths-mix-scorer-reasoning",
    "reasoning",
    EVALUATION,
    FACTS.agreements["reasoning"],
    "me/maths-mix-scored",
)
MODEL = ModelFacts(
    name="maths-mix-model",
    training={"base_model": "org/base-1b", "rows": 6_973, "learning_rate": "2e-05", "global_batch": 128},
    results=(
        BenchmarkResult("gsm8k", 0.412, 1_319, 0.385, 0.439, dataset="openai/gsm8k", revision="e53f048"),
        BenchmarkResult("svamp", 0.55, 1_000, 0.519, 0.581),
    ),
    dataset="me/maths-mix",
)


def cards() -> dict[str, str]:
    """File name -> card."""
    alone = replace(FACTS, sources=tuple(replace(s, kept=None, ratio=None) for s in SOURCES[:2]))
    minimal = Facts("first", 0, (SourceFacts("rows", "reasoning", 12),), model="embedded", demonstration=True)
    configs = (
        Subset("default", 10_001, (SCORED, "data/dmath/part-e7d5138a60bf924c-*.parquet")),
        Subset("gsm8k", 7_473, (SCORED,)),
    )
    return {
        "mixture.md": mixture_card(FACTS, extras=EXTRAS),
        "mixture-minimal.md": mixture_card(minimal),
        "scored.md": scored_card(
            FACTS, extras=replace(EXTRAS, repo="me/maths-mix-scored", output=None), configs=configs
        ),
        "scorer.md": scorer_card(
            alone, SCORER, repo="me/maths-mix-scorer-reasoning", output="4.31", figures=FIGURES[:1]
        ),
        "model.md": model_card(
            FACTS, MODEL, repo="me/maths-mix-model", output=" 12 + 30 = 42. The answer is 42."
        ),
        "space.md": space_card(FACTS, name="maths-mix-space", dataset="me/maths-mix-scored"),
    }


if __name__ == "__main__":
    for name, text in cards().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
