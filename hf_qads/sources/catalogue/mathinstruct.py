"""The eight chain-of-thought parts of MathInstruct, told apart by its `source` field, and the whole of it."""

from collections.abc import Sequence
from typing import Any, Final

from hf_qads.sources.catalogue import citations
from hf_qads.sources.catalogue.entry import Entry

HUB: Final = "TIGER-Lab/MathInstruct"
HOME: Final = "https://huggingface.co/datasets/TIGER-Lab/MathInstruct"
COLUMNS: Final = {"question": "instruction", "answer": "output"}


def _row(file: str, instruction: str, output: str) -> dict[str, Any]:
    return {"source": f"data/CoT/{file}.json", "output": output, "instruction": instruction}


def _part(
    name: str,
    title: str,
    file: str,
    *,
    size: int,
    answers: str,
    licence: str | None,
    citation: str,
    examples: Sequence[tuple[str, str]],
    notes: Sequence[str] = (),
    redistributable: bool | None = True,
) -> Entry:
    return Entry(
        name=name,
        title=title,
        kind="reasoning",
        answers=answers,
        licence=licence,
        citation=f"{citation}\n{citations.MATHINSTRUCT}" if citation != citations.MATHINSTRUCT else citation,
        home=HOME,
        examples=[_row(file, question, answer) for question, answer in examples],
        sizes={"s_base": size},
        hub=HUB,
        where={"source": f"data/CoT/{file}.json"},
        columns=COLUMNS,
        notes=(
            *notes,
            "A chain-of-thought part of MathInstruct; most answers end by naming the result.",
            "Seen: columns in MathInstruct's card, this part's value of `source` in lists of them by its "
            "users.",
        ),
        redistributable=redistributable,
    )


PARTS: Final = [
    _part(
        "aqua_rat",
        "AQuA-RAT",
        "aqua_rat",
        size=69_000,
        answers="human",
        licence="apache-2.0",
        citation=citations.AQUA_RAT,
        examples=[
            (
                "If 12 pens cost 36, what do 5 cost?\nAnswer Choices: (A) 12 (B) 15 (C) 18 (D) 20 (E) 24",
                "One pen costs 36 / 12 = 3, so 5 pens cost 15.\nThe answer is B",
            ),
            (
                "If 3x + 2 = 17, what is x?\nAnswer Choices: (A) 3 (B) 4 (C) 5 (D) 6 (E) 7",
                "3x = 15, so x = 5.\nThe answer is C",
            ),
            (
                "A train covers 90 km in 45 minutes. What is its speed in km/h?\n"
                "Answer Choices: (A) 60 (B) 90 (C) 100 (D) 120 (E) 135",
                "45 minutes are 3/4 hour, and 90 / (3/4) = 120.\nThe answer is D",
            ),
        ],
    ),
    _part(
        "camel_math",
        "Camel-Math",
        "math50k_camel",
        size=48_000,
        answers="GPT",
        licence="cc-by-nc-4.0",
        citation=citations.CAMEL,
        notes=(
            "Not for commercial use: the card names CC BY-NC 4.0 for this part.",
            "Answers were never checked; many are long and some are wrong.",
        ),
        examples=[
            ("What is the derivative of x^2 + 3x?", "Differentiating term by term gives 2x + 3."),
            ("How many ways are there to seat 3 people in 3 chairs?", "There are 3! = 6 ways."),
            ("Find the mean of 2, 4 and 9.", "The sum is 15 and there are 3 numbers, so the mean is 5."),
        ],
    ),
    _part(
        "college_math",
        "College-Math",
        "college_math",
        size=1_800,
        answers="GPT",
        licence="mit",
        citation=citations.MATHINSTRUCT,
        notes=("Multiple choice; answers end with a letter.",),
        examples=[
            (
                "A group of order 5 is\n(A) cyclic (B) not abelian (C) infinite (D) trivial",
                "Every group of prime order is cyclic, and 5 is prime.\nThe answer is A",
            ),
            (
                "The limit of sin(x)/x as x goes to 0 is\n(A) 0 (B) 1 (C) infinity (D) undefined",
                "By the expansion sin(x) = x - x^3/6 + ..., the ratio tends to 1.\nThe answer is B",
            ),
            (
                "The rank of the zero matrix is\n(A) 1 (B) 2 (C) 0 (D) n",
                "It has no independent column.\nThe answer is C",
            ),
        ],
    ),
    _part(
        "gsm8k",
        "GSM8K",
        "gsm_train",
        size=7_400,
        answers="human",
        licence="mit",
        citation=citations.GSM8K,
        examples=[
            (
                "Ann has 3 bags of 4 apples. How many apples has she?",
                "3 bags of 4 are 3 * 4 = 12 apples.\nThe answer is 12",
            ),
            (
                "Bo reads 10 pages a day. How many does he read in a week?",
                "A week has 7 days: 10 * 7 = 70.\nThe answer is 70",
            ),
            (
                "Cy had 20 coins and spent 6. How many are left?",
                "20 - 6 = 14 coins are left.\nThe answer is 14",
            ),
        ],
    ),
    _part(
        "gsm8k_rft",
        "GSM8K-RFT",
        "gsm_rft",
        size=16_000,
        answers="LLaMA",
        licence=None,
        citation=citations.SCREL,
        notes=(
            "Several sampled solutions to one question.",
            "The card lists no licence for this part, and its authors' repository states none.",
        ),
        redistributable=None,
        examples=[
            ("Ann has 3 bags of 4 apples. How many apples has she?", "4 + 4 + 4 = 12.\nThe answer is 12"),
            (
                "Ann has 3 bags of 4 apples. How many apples has she?",
                "She has 3 * 4 = 12 apples.\nThe answer is 12",
            ),
            ("Di runs 2 km on each of 5 days. How far is that?", "2 * 5 = 10 km.\nThe answer is 10"),
        ],
    ),
    _part(
        "math",
        "MATH",
        "MATH_train",
        size=7_400,
        answers="human",
        licence="mit",
        citation=citations.MATH,
        notes=("LaTeX and Asymptote drawings in the answers; the original copy on the Hub was taken down.",),
        examples=[
            ("Compute $2^5$.", "$2^5 = 2\\cdot2\\cdot2\\cdot2\\cdot2 = \\boxed{32}$.\nThe answer is 32"),
            ("Solve $x+7=10$.", "Subtracting 7 from both sides, $x = \\boxed{3}$.\nThe answer is 3"),
            (
                "What is $\\frac12+\\frac13$?",
                "$\\frac36+\\frac26 = \\boxed{\\frac56}$.\nThe answer is \\frac56",
            ),
        ],
    ),
    _part(
        "number_comparison",
        "Number-Comparison",
        "number_comparison",
        size=300,
        answers="not stated",
        licence="mit",
        citation=citations.MATHINSTRUCT,
        notes=(
            "Short answers of one line.",
            "unverified: that MIT, the licence of MathInstruct as a whole, covers this part; the card's "
            "table of licences does not name it.",
        ),
        examples=[
            ("Which is larger, 0.7 or 0.65?", "0.70 is larger than 0.65.\nThe answer is 0.7"),
            ("Is 3/4 smaller than 2/3?", "9/12 is larger than 8/12.\nThe answer is no"),
            ("Which is smaller, -4 or -3?", "-4 lies to the left of -3.\nThe answer is -4"),
        ],
    ),
    _part(
        "theoremqa",
        "TheoremQA",
        "TheoremQA",
        size=577,
        answers="GPT",
        licence="mit",
        citation=citations.THEOREMQA,
        examples=[
            (
                "How many edges has a tree with 8 vertices?",
                "A tree with n vertices has n - 1 edges, so 7.\nThe answer is 7",
            ),
            (
                "What is the trace of the 4 by 4 identity matrix?",
                "It is the sum of four ones.\nThe answer is 4",
            ),
            (
                "Is every subgroup of an abelian group normal?",
                "Conjugation is trivial there.\nThe answer is True",
            ),
        ],
    ),
]

WHOLE: Final = Entry(
    name="mathinstruct",
    title="MathInstruct",
    kind="reasoning",
    answers="GPT",
    licence="mit",
    part_licences=("apache-2.0", "cc-by-nc-4.0", "unknown"),
    citation=citations.MATHINSTRUCT,
    home=HOME,
    sizes={"s_large": 262_000},
    hub=HUB,
    columns=COLUMNS,
    notes=(
        "Holds chains of thought and programs (`data/PoT/...`) side by side.",
        "The card is MIT; its Camel-Math part is not for commercial use, its GSM8K-RFT part unlicensed.",
        "Contains the eight parts of the base setting as rows.",
        "Seen: licences of the parts in the card; columns and 262,039 rows, as others read them from the "
        "Hub.",
    ),
    examples=[
        _row(
            "gsm_train",
            "Ann has 3 bags of 4 apples. How many apples has she?",
            "3 * 4 = 12.\nThe answer is 12",
        ),
        {
            "source": "data/PoT/gsm_gpt4.json",
            "output": "print(3 * 4)",
            "instruction": "What is 3 times 4? Write a program.",
        },
        _row("TheoremQA", "How many edges has a tree with 8 vertices?", "n - 1 = 7.\nThe answer is 7"),
    ],
)
