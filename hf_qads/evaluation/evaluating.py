"""Evaluate a model on test sets: accuracy and log-probability of the gold answers, per question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import EvaluationError
from hf_qads.evaluation import likelihood, prompts, running
from hf_qads.evaluation.benchmarks import BENCHMARKS
from hf_qads.evaluation.items import Item
from hf_qads.evaluation.tables import Score, score
from hf_qads.generation.engine import Engine
from hf_qads.rows.rendering import template_of
from hf_qads.runtime.batching import BATCH_TOKENS
from hf_qads.runtime.models import fingerprint, load_model, public_name, weights_digest

ACCURACY = "accuracy"
LOG_PROBABILITY = "log_probability"
MEASURES = (ACCURACY, LOG_PROBABILITY)
OTHER_RULES = "gsm8k"  # by which answers of a test set are checked that is none of the nine

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluated:
    """What was measured on one test set, question by question.

    Attributes:
        benchmark: which.
        ids: (n,) of the questions, see `Item.id`.
        values: measure -> (n,): `accuracy` 1 or 0; `log_probability` in nats per token, NaN where the
            question with its answer is longer than the context.
        unfinished: answers that were cut by the length limit or had no room; they count as they are.
    """

    benchmark: str
    ids: tuple[str, ...]
    values: Mapping[str, Values]
    unfinished: int = 0

    @property
    def score(self) -> Score:
        """Accuracy with its interval."""
        right = [bool(one) for one in self.values[ACCURACY]]
        return score(self.benchmark, right, unfinished=self.unfinished)

    def mean(self, measure: str) -> float:
        """Mean of a measure over the questions in which it is a number."""
        known = self.values[measure][np.isfinite(self.values[measure])]
        return float(known.mean()) if len(known) else float("nan")


def evaluate(
    model: Any,
    items: Mapping[str, Sequence[Item]],
    *,
    tokenizer: Any = None,
    measures: Sequence[str] = (ACCURACY,),
    engine: Engine | None = None,
    revision: str | None = None,
    template: str = "plain",
    shots: Sequence[Item] = (),
    instruct: bool = False,
    max_new_tokens: int = 512,
    batch_tokens: int = BATCH_TOKENS,
    dtype: str = "auto",
    device: Any = None,
    max_length: int | None = None,
    trust_remote_code: bool = False,
    folder: Path | str | None = None,
) -> dict[str, Evaluated]:
    """Measure a model on the questions of test sets.

    Args:
        model: `embedded`, a folder (of a LoRA adapter too), a Hub id, or a causal language model of
            transformers; None where an `engine` answers.
        items: test set -> its questions, as `items_of` makes them.
        tokenizer: the model's fast tokenizer; None loads it with the model.
        measures: `accuracy` (the model writes an answer, which is checked) and `log_probability` (of the
            gold answer: the worked solution where there is one, else the final answer).
        engine: what answers instead of a model in this process: a server; it measures accuracy only.
        revision: of a Hub model.
        template: how a question is put; a model's own template holds where this is left at `plain`.
        shots: solved questions before each question, for accuracy.
        instruct: tell the model how to end its answer.
        max_new_tokens: most tokens of an answer.
        batch_tokens: most tokens of a batch; halves where memory runs out.
        dtype: of a model that is loaded, see `load_model`.
        device: where it goes, see `pick_device`.
        max_length: a context in tokens below the model's own, of a model that is loaded.
        trust_remote_code: run code from the model's repository.
        folder: where `TEST_SET/results.jsonl` keeps each answer as soon as it is there; a later call asks
            only what is left. None keeps nothing.

    Returns:
        test set -> its measurements, questions in the order of `items`.

    Raises:
        EvaluationError: a measure is not known, or an engine cannot give it.
        ModelError: the model cannot be loaded.

    Cost: accuracy a generation per question; log-probability one forward pass over the questions and
    answers.

    Source: section 4 (accuracy on nine test sets); section 3.2, Eq. 1 (log-probability).
    """
    _check_measures(measures, engine)
    if engine is not None and template == "chat":
        template = "{question}{answer}"  # the server puts the turns around it
    if engine is None:
        if not isinstance(model, str | Path):
            name, weights = public_name(model.config.name_or_path), weights_digest(model).hex()[:32]
        else:
            name, weights = public_name(model), fingerprint(model, revision=revision)
            model, own = load_model(
                model,
                revision=revision,
                dtype=dtype,
                device=device,
                max_length=max_length,
                trust_remote_code=trust_remote_code,
            )
            tokenizer = tokenizer or own
        if tokenizer is None:
            raise EvaluationError("A model without its tokenizer cannot be evaluated. Give tokenizer too.")
        template = template_of(model, template)
        if ACCURACY in measures:
            from hf_qads.generation.local import TransformersEngine

            engine = TransformersEngine(model, tokenizer, batch_tokens=batch_tokens, name=f"{name} {weights}")
    found = {}
    with TemporaryDirectory() as temporary:
        for benchmark, asked in items.items():
            values: dict[str, Values] = {}
            unfinished = 0
            if engine is not None:
                results = _answers(
                    engine,
                    asked,
                    benchmark,
                    template=template,
                    shots=shots,
                    instruct=instruct,
                    tokenizer=tokenizer,
                    max_new_tokens=max_new_tokens,
                    folder=Path(folder or temporary) / benchmark,
                )
                values[ACCURACY] = np.asarray([one.right for one in results], dtype=np.float64)
                unfinished = sum(one.reason is not None for one in results)
            if LOG_PROBABILITY in measures:
                solved = [{"question": one.question, "answer": one.solution or one.gold} for one in asked]
                values[LOG_PROBABILITY] = likelihood.answer_log_probabilities(
                    model, tokenizer, solved, template=template, batch_tokens=batch_tokens
                )
            found[benchmark] = Evaluated(benchmark, tuple(one.id for one in asked), values, unfinished)
    return found


def _check_measures(measures: Sequence[str], engine: Engine | None) -> None:
    unknown = [measure for measure in measures if measure not in MEASURES]
    if unknown or not measures:
        raise EvaluationError(f"measures={list(measures)} are not among {', '.join(MEASURES)}. Use these.")
    if engine is not None and LOG_PROBABILITY in measures:
        raise EvaluationError("A server gives no log-probabilities. Measure accuracy alone, or name a model.")


def _answers(
    engine: Engine,
    items: Sequence[Item],
    benchmark: str,
    *,
    template: str,
    shots: Sequence[Item],
    instruct: bool,
    tokenizer: Any,
    max_new_tokens: int,
    folder: Path,
) -> list[running.Result]:
    known = BENCHMARKS.get(benchmark)
    asked = [
        prompts.prompt(
            item.question,
            template=template,
            shots=shots,
            instruction=known.instruction if known and instruct else None,
            tokenizer=tokenizer,
        )
        for item in items
    ]
    return running.run_benchmark(
        engine,
        items,
        asked,
        benchmark=benchmark if known else OTHER_RULES,
        folder=folder,
        max_new_tokens=max_new_tokens,
    )
