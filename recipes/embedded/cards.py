"""The cards of the embedded models, from their measured figures."""

from typing import Any

HEAD = """---
license: apache-2.0
library_name: transformers
pipeline_tag: {task}
language: en
tags: [qads, hf_qads, demonstration]
---
"""

LANGUAGE_MODEL = """{head}
# The embedded language model of hf_qads

A Llama of under one million parameters with its own tokenizer, trained from scratch on generated problems
so that one-shot influence can be shown in a minute on a CPU. It is a demonstration, not a model of
language.

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

from hf_qads.embedded import language_model_path

model = AutoModelForCausalLM.from_pretrained(language_model_path(), dtype="float32")
tokenizer = AutoTokenizer.from_pretrained(language_model_path())
```

## Does a one-shot score tell good rows from poor ones?

Quality score: the share of {anchors} anchors from `{target}` whose answer becomes more probable with the
row as an example. Measured on {rows} rows of the embedded pool, {per_source} per source; no question of
them was in training.

| planted class | rows | mean quality score | AUC against good | in training |
|---|---|---|---|---|
{table}

AUC of good against all poor rows: **{auc:.3f}**. Among pairs of answers whose lengths differ by at most 10 %
({matched:,} pairs): **{auc_matched:.3f}**. By the answer's length alone: {auc_length:.3f}.

## How it was made

```
python recipes/embedded/train_language_model.py --out hf_qads/embedded/language_model
python recipes/embedded/score.py --out runs/embedded/scores
python recipes/embedded/measure.py --scores runs/embedded/scores
```

Documents of one to three problems in 19 families, rendered as
`Question: ...\\nAnswer: ...\\n\\n`. Within a document the quality of the answers nearly always stays the
same, their layout and last line often. That is why an example tells the model what to expect next.

## Limits

- The signal is match with the target: complete and correct reasoning in the target's layout scores high. A
  correct answer in another form (bare, code) scores low, and among good answers those in the target's most
  frequent layout score highest.
- It knows small numbers and the generated families; its scores say nothing about other text.
- Gains are small (hundredths of a nat per token): compute in float32, and expect a few indicators to differ
  between machines.
"""

SCORER = """{head}
# The embedded scorer of hf_qads

Predicts the quality score of a row, as the expected one of five classes in [1, 5]. Started from the
embedded language model and trained on {trained_on} rows whose one-shot influence was measured. It is a
demonstration, for generated problems only.

```python
from hf_qads import QaDSScorer
from hf_qads.embedded import scorer_path

scorer = QaDSScorer.from_pretrained(scorer_path())
scorer({{"question": "Mia has a box that is 3 by 6. What is its perimeter?", "answer": "18"}})
```

## Agreement with real scores, on questions it never saw

| rows | n | Pearson | Spearman |
|---|---|---|---|
{table}

AUC of good against poor rows by the predicted score: {auc:.3f}. For comparison on the same rows: knowing the
planted class alone gives Pearson {class_pearson:.3f} and Spearman {class_spearman:.3f}; the answer's
length alone gives {length_pearson:.3f} and {length_spearman:.3f}. The real scores of {zero} of these rows are
exactly zero: ties that no prediction can order, which Spearman counts against it.

## How it was made

```
python recipes/embedded/score.py --out runs/embedded/scores
python recipes/embedded/train_scorer.py --scores runs/embedded/scores --out hf_qads/embedded/scorer
python recipes/embedded/measure.py --scores runs/embedded/scores
```

## Limits

- It has learnt what the embedded language model prefers: complete, correct reasoning in the target's
  layout: sentences, a numbered list or `Step 1: ...`, with small numbers and operations spelt out
  (`6 * 5 = 30`), that end in `The answer is 18.` or `#### 18`. A good row of that kind gets 3.5 to 5.
- Almost any other row gets about 1, however good it is; rows of GSM8K or MATH are such rows.
- Score rows of other datasets with a scorer that was trained on them.
"""


def language_model(figures: dict[str, Any]) -> str:
    """The card of the language model."""
    lines = []
    for name, found in figures["classes"].items():
        auc = f"{found['auc']:.3f}" if "auc" in found else ""
        seen = "yes" if found.get("seen_in_training", True) else "no"
        lines.append(f"| {name} | {found['rows']} | {found['mean']:.3f} | {auc} | {seen} |")
    return LANGUAGE_MODEL.format(
        head=HEAD.format(task="text-generation"),
        anchors=figures["settings"]["anchors"],
        target=figures["settings"]["target"],
        per_source=figures["settings"]["per_source"],
        rows=figures["rows"],
        table="\n".join(lines),
        auc=figures["auc"],
        auc_matched=figures["auc_length_matched"],
        matched=figures["pairs_length_matched"],
        auc_length=figures["auc_length_alone"],
    )


def scorer(figures: dict[str, Any]) -> str:
    """The card of the scorer."""
    return SCORER.format(
        head=HEAD.format(task="text-classification"),
        trained_on=figures["trained_on"],
        table="\n".join(
            f"| {name} | {found['n']} | {_interval(found, 'pearson')} | {_interval(found, 'spearman')} |"
            for name, found in figures["agreement"].items()
        ),
        auc=figures["auc"],
        zero=figures["real_score_zero"],
        class_pearson=figures["planted_class_alone"]["pearson"],
        class_spearman=figures["planted_class_alone"]["spearman"],
        length_pearson=figures["length_alone"]["pearson"],
        length_spearman=figures["length_alone"]["spearman"],
    )


def _interval(found: dict[str, Any], name: str) -> str:
    return f"{found[name]:.3f} ({found[name + '_low']:.3f} to {found[name + '_high']:.3f})"
