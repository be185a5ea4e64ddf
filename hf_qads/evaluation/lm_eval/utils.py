"""Helpers of the lm-eval task files: questions with their choices, gold answers, verdicts."""

from collections.abc import Callable, Mapping
from typing import Any

from hf_qads.answers import check
from hf_qads.answers.choices import LETTERS

Doc = Mapping[str, Any]


def ask(question: str) -> str:
    """The prompt of a plain question."""
    return f"Question: {question}\nAnswer:"


def shown(choices: list[str]) -> str:
    """Choices as they stand behind a question."""
    return "Answer Choices: " + " ".join(
        f"({letter}) {text}" for letter, text in zip(LETTERS, choices, strict=False)
    )


def aqua_choices(doc: Doc) -> list[str]:
    """The texts of AQuA's options, which come as `A)21`."""
    return [str(option).partition(")")[2].strip() for option in doc["options"]]


def aqua_prompt(doc: Doc) -> str:
    """AQuA-RAT's question and choices."""
    return ask(f"{doc['question']}\n{shown(aqua_choices(doc))}")


def mmlu_prompt(doc: Doc) -> str:
    """MMLU's question and choices."""
    return ask(f"{doc['question']}\n{shown(doc['choices'])}")


def sat_prompt(doc: Doc) -> str:
    """SAT-Math's query, which shows its choices, without AGIEval's own frame."""
    return ask(str(doc["query"]).removeprefix("Q: ").removesuffix("A:").strip())


def svamp_prompt(doc: Doc) -> str:
    """SVAMP's story and question."""
    return ask(f"{doc['Body']} {doc['Question']}")


def maths_subjects(dataset: Any) -> Any:
    """The five subjects of MMLU that make MMLU-Math."""
    subjects = {
        "abstract_algebra",
        "college_mathematics",
        "elementary_mathematics",
        "formal_logic",
        "high_school_mathematics",
    }
    return dataset.filter(lambda doc: doc["subject"] in subjects)


def _judge(benchmark: str, gold: Callable[[Doc], Any], options: Callable[[Doc], Any] | None = None) -> Any:
    def process(doc: Doc, results: list[str]) -> dict[str, float]:
        known = options(doc) if options else None
        return {"acc": float(check(results[0], gold(doc), benchmark=benchmark, options=known).right)}

    process.__doc__ = f"Whether the output concludes with the gold answer, by the rules of {benchmark}."
    return process


process_gsm8k = _judge("gsm8k", lambda doc: doc["answer"])
process_math = _judge("math", lambda doc: doc["solution"])
process_svamp = _judge("svamp", lambda doc: doc["Answer"])
process_aqua_rat = _judge("aqua_rat", lambda doc: doc["correct"], aqua_choices)
process_mmlu_math = _judge("mmlu_math", lambda doc: LETTERS[doc["answer"]], lambda doc: doc["choices"])
process_sat_math = _judge(
    "sat_math", lambda doc: LETTERS[doc["gold"][0]], lambda doc: list(map(str, doc["choices"]))
)
