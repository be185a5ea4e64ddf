"""The nine test sets of the paper: what evaluation has to know of each, and what the paper measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hf_qads.errors import EvaluationError


@dataclass(frozen=True)
class Benchmark:
    """One test set.

    Attributes:
        name: as `hf_qads.answers.check` knows it.
        title: as the paper writes it.
        source: its entry in the catalogue of sources, which holds citation, licence and where it lives.
        answers: `number`, `formula`, `letter`, ...: what its gold answers are.
        instruction: what a model that follows instructions is told; others get the question alone.
        files: names under which its file is looked for in a folder.
        hub: its dataset on the Hub, where results are listed, or None.
    """

    name: str
    title: str
    source: str
    answers: str
    instruction: str
    files: tuple[str, ...] = ()
    hub: str | None = None


_NUMBER: Final = "Think step by step. End with the line `The answer is N.`, where N is the number alone."
_LETTER: Final = "Think step by step. End with the line `The answer is (X).`, where X is one of the letters."
_BOXED: Final = "Think step by step. Put your final answer in \\boxed{}."

BENCHMARKS: Final[Mapping[str, Benchmark]] = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark("gsm8k", "GSM8K", "gsm8k_test", "number", _NUMBER, hub="openai/gsm8k"),
        Benchmark("math", "MATH", "math_test", "formula", _BOXED, hub="DigitalLearningGmbH/MATH-lighteval"),
        Benchmark(
            "aqua_rat",
            "AQuA-RAT",
            "aqua_rat_test",
            "letter",
            _LETTER,
            files=("aqua",),
            hub="deepmind/aqua_rat",
        ),
        Benchmark(
            "numglue",
            "NumGLUE",
            "numglue",
            "number or words",
            "Think step by step. End with the line `The answer is X.`: a number, a word or an option.",
        ),
        Benchmark("svamp", "SVAMP", "svamp", "number", _NUMBER, hub="ChilleD/SVAMP"),
        Benchmark(
            "mathematics",
            "Mathematics",
            "mathematics",
            "formula",
            "Think step by step. End with the line `The answer is X.`: a number, a list or a formula.",
            files=("deepmind",),
        ),
        Benchmark("simuleq", "SimulEq", "simuleq", "one of two numbers", _NUMBER),
        Benchmark(
            "sat_math",
            "SAT-Math",
            "sat_math",
            "letter",
            _LETTER,
            files=("sat",),
            hub="hails/agieval-sat-math",
        ),
        Benchmark("mmlu_math", "MMLU-Math", "mmlu_math", "letter", _LETTER, hub="cais/mmlu"),
    )
}

_ORDER: Final = "gsm8k math aqua_rat numglue svamp mathematics simuleq sat_math mmlu_math".split()


def _row(*values: float) -> dict[str, float]:
    return dict(zip(("all", *_ORDER), values, strict=True))


# Accuracy in per cent, fine-tuned on 69K rows of S_base. Source: Table 3.
PAPER: Final[Mapping[str, Mapping[str, float]]] = {
    "LLaMA-2-7B, random": _row(29.5, 45.6, 8.4, 34.3, 36.7, 49.9, 8.8, 15.6, 32.3, 33.9),
    "LLaMA-2-7B, K-center": _row(30.4, 46.8, 8.9, 37.4, 37.9, 48.8, 9.0, 11.9, 37.3, 35.6),
    "LLaMA-2-7B, QaDS": _row(31.3, 47.2, 8.6, 33.9, 38.0, 50.0, 9.2, 14.8, 42.7, 36.9),
    "Mistral-7B, random": _row(32.2, 50.6, 12.5, 32.3, 36.5, 51.1, 12.4, 16.5, 38.6, 38.9),
    "Mistral-7B, K-center": _row(32.4, 49.5, 13.1, 39.0, 35.3, 48.2, 10.7, 20.4, 32.7, 43.0),
    "Mistral-7B, QaDS": _row(33.9, 52.5, 13.4, 43.7, 38.2, 48.7, 12.3, 20.4, 35.0, 41.3),
}


def find_benchmark(name: str) -> Benchmark:
    """The benchmark of that name.

    Raises:
        EvaluationError: there is none.
    """
    if name not in BENCHMARKS:
        raise EvaluationError(f"benchmark {name!r} is not one of {', '.join(BENCHMARKS)}. Use one of these.")
    return BENCHMARKS[name]
