"""The nine test sets of the base setting. They are for evaluation and decontamination, never for training."""

from typing import Final

from hf_qads.sources.catalogue import citations, readers
from hf_qads.sources.catalogue.entry import Entry

_MAMMOTH: Final = "https://github.com/TIGER-AI-Lab/MAmmoTH/tree/main/math_eval/dataset"
_MMLU_SUBJECTS: Final = (
    "abstract_algebra",
    "college_mathematics",
    "elementary_mathematics",
    "formal_logic",
    "high_school_mathematics",
)
_SHAPE: Final = "Seen: the file's place and its columns, in code that evaluates on these files"


def _file(name: str) -> str:
    return f"In MAmmoTH's repository only: name its math_eval/dataset/{name}/{name}.json, one list of rows."


ENTRIES: Final = [
    Entry(
        name="aqua_rat_test",
        title="AQuA-RAT",
        kind="reasoning",
        answers="human",
        licence="apache-2.0",
        citation=citations.AQUA_RAT,
        home="https://huggingface.co/datasets/deepmind/aqua_rat",
        sizes={"test": 254},
        hub="deepmind/aqua_rat",
        config="raw",
        split="test",
        reader=readers.aqua,
        reads=("question", "options", "rationale", "correct"),
        notes=(
            "Seen: configuration, row count and licence on the Hub, options such as `A)21` in code that "
            "reads the authors' file.",
        ),
        redistributable=True,
        examples=[
            {
                "question": "If 3x = 15, what is x?",
                "options": ["A)3", "B)4", "C)5", "D)6", "E)7"],
                "rationale": "x = 15 / 3 = 5.",
                "correct": "C",
            },
            {
                "question": "Half of 18?",
                "options": ["A)8", "B)9", "C)10", "D)11", "E)12"],
                "rationale": "18 / 2 = 9.",
                "correct": "B",
            },
            {
                "question": "2 + 2 * 2?",
                "options": ["A)6", "B)8", "C)4", "D)2", "E)10"],
                "rationale": "2 + 4 = 6.",
                "correct": "A",
            },
        ],
    ),
    Entry(
        name="gsm8k_test",
        title="GSM8K",
        kind="reasoning",
        answers="human",
        licence="mit",
        citation=citations.GSM8K,
        home="https://huggingface.co/datasets/openai/gsm8k",
        sizes={"test": 1_319},
        hub="openai/gsm8k",
        config="main",
        split="test",
        reader=readers.gsm8k("question", "answer"),
        reads=("question", "answer"),
        notes=("Seen: configuration, columns and licence, as others read them from the Hub.",),
        redistributable=True,
        examples=[
            {
                "question": "Ann has 3 bags of 4 apples. How many?",
                "answer": "3 * 4 = <<3*4=12>>12 apples.\n#### 12",
            },
            {
                "question": "Bo earns 1,000 a week. And in 2 weeks?",
                "answer": "2 * 1000 = <<2*1000=2000>>2000.\n#### 2,000",
            },
            {
                "question": "Cy had 20 coins and spent 6. How many are left?",
                "answer": "20 - 6 = <<20-6=14>>14.\n#### 14",
            },
        ],
    ),
    Entry(
        name="math_test",
        title="MATH",
        kind="reasoning",
        answers="human",
        licence="mit",
        citation=citations.MATH,
        home="https://huggingface.co/datasets/DigitalLearningGmbH/MATH-lighteval",
        sizes={"test": 5_000},
        hub="DigitalLearningGmbH/MATH-lighteval",
        config="default",
        split="test",
        reader=readers.math,
        reads=("problem", "solution"),
        notes=(
            "A copy: the authors' own was taken down from the Hub.",
            "Seen: columns and licence in the card, the default configuration's files in a copy of it.",
        ),
        redistributable=True,
        examples=[
            {
                "problem": "Compute $2^5$.",
                "level": "Level 1",
                "type": "Algebra",
                "solution": "It is $\\boxed{32}$.",
            },
            {
                "problem": "What is $\\frac12+\\frac13$?",
                "level": "Level 2",
                "type": "Prealgebra",
                "solution": "$\\frac36+\\frac26=\\boxed{\\frac{5}{6}}$.",
            },
            {
                "problem": "Solve $x+7=10$.",
                "level": "Level 1",
                "type": "Algebra",
                "solution": "$x=\\boxed{3}$.",
            },
        ],
    ),
    Entry(
        name="numglue",
        title="NumGLUE",
        kind="reasoning",
        answers="human",
        licence="apache-2.0",
        citation=citations.NUMGLUE,
        home=_MAMMOTH,
        sizes={"test": 1_042},
        reader=readers.short_answer,
        reads=("question", "answer"),
        notes=(
            _file("numglue"),
            "Only the questions with a short answer, as MAmmoTH took them.",
            f"{_SHAPE}; the licence in MathInstruct's table. Its authors ask to cite the sets it is made of.",
        ),
        redistributable=True,
        examples=[
            {"question": "A week has how many hours?", "answer": 168.0},
            {"question": "Which is heavier, a stone of 2 kg or of 3 kg?", "answer": "3 kg"},
            {"question": "Ann has 2 cats and 1 dog. How many legs?", "answer": 12},
        ],
    ),
    Entry(
        name="mathematics",
        title="Mathematics",
        kind="reasoning",
        answers="a generator",
        licence="apache-2.0",
        citation=citations.MATHEMATICS,
        home=_MAMMOTH,
        sizes={"test": 1_000},
        reader=readers.short_answer,
        reads=("question", "answer"),
        notes=(
            _file("deepmind"),
            "1,000 rows of DeepMind's generated mathematics, as MAmmoTH drew them.",
            "The paper cites Davies et al. (2021), an article without a data set.",
            f"{_SHAPE}; the licence in the repository of the generator.",
        ),
        redistributable=True,
        examples=[
            {"question": "What is 451 to the power of 1/10, to the nearest integer?", "answer": "2"},
            {"question": "Solve 3*x = 12 for x.", "answer": 4},
            {"question": "Is 9 prime?", "answer": "False"},
        ],
    ),
    Entry(
        name="mmlu_math",
        title="MMLU-Math",
        kind="reasoning",
        answers="human",
        licence="mit",
        citation=citations.MMLU,
        home="https://huggingface.co/datasets/cais/mmlu",
        sizes={"test": 974},
        hub="cais/mmlu",
        config="all",
        split="test",
        where={"subject": list(_MMLU_SUBJECTS)},
        reader=readers.mmlu,
        reads=("question", "choices", "answer"),
        notes=(
            "Five subjects of MMLU, 974 questions, as MAmmoTH took them.",
            "Seen: configuration, columns, that answers are numbers, and the licence, in the card of a copy.",
        ),
        redistributable=True,
        examples=[
            {
                "question": "What is p in 24 = 2p?",
                "subject": "elementary_mathematics",
                "choices": ["4", "8", "12", "24"],
                "answer": 2,
            },
            {
                "question": "Which is a prime?",
                "subject": "college_mathematics",
                "choices": ["7", "8", "9", "10"],
                "answer": 0,
            },
            {
                "question": "What is 2 + 2?",
                "subject": "abstract_algebra",
                "choices": ["1", "2", "3", "4"],
                "answer": 3,
            },
        ],
    ),
    Entry(
        name="sat_math",
        title="SAT-Math",
        kind="reasoning",
        answers="human",
        licence="mit",
        citation=citations.AGIEVAL,
        home="https://huggingface.co/datasets/hails/agieval-sat-math",
        sizes={"test": 220},
        hub="hails/agieval-sat-math",
        split="test",
        reader=readers.agieval,
        reads=("query", "gold"),
        notes=(
            "A copy from AGIEval, whose licence file names MIT for its SAT part; the questions come from an "
            "exam.",
            "Seen: columns and row count in the copy's card, the licence in AGIEval's data folder.",
        ),
        redistributable=None,
        examples=[
            {
                "query": "Q: If x = 2, what is 3x? Answer Choices: (A)5 (B)6 (C)8 (D)9\nA:",
                "choices": ["(A)5", "(B)6", "(C)8", "(D)9"],
                "gold": [1],
            },
            {
                "query": "Q: 10% of 50? Answer Choices: (A)5 (B)10 (C)15 (D)20\nA:",
                "choices": ["(A)5", "(B)10", "(C)15", "(D)20"],
                "gold": [0],
            },
            {
                "query": "Q: 4 squared? Answer Choices: (A)4 (B)8 (C)12 (D)16\nA:",
                "choices": ["(A)4", "(B)8", "(C)12", "(D)16"],
                "gold": [3],
            },
        ],
    ),
    Entry(
        name="simuleq",
        title="SimulEq",
        kind="reasoning",
        answers="human",
        licence=None,
        citation=citations.SIMULEQ,
        home=_MAMMOTH,
        sizes={"test": 514},
        reader=readers.short_answer,
        reads=("question", "answer"),
        notes=(
            _file("simuleq"),
            "Word problems that lead to simultaneous equations.",
            f"{_SHAPE}; no licence in MAWPS' repository.",
        ),
        examples=[
            {"question": "Two numbers add up to 10 and differ by 4. What is the larger one?", "answer": 7},
            {"question": "A pen and a pad cost 5, two pens and a pad 7. What costs a pen?", "answer": 2.0},
            {
                "question": "Twice a number plus another is 9, their difference 3. What is the larger one?",
                "answer": "4",
            },
        ],
    ),
    Entry(
        name="svamp",
        title="SVAMP",
        kind="reasoning",
        answers="human",
        licence="mit",
        citation=citations.SVAMP,
        home="https://huggingface.co/datasets/ChilleD/SVAMP",
        sizes={"test": 1_000},
        hub="ChilleD/SVAMP",
        split="train+test",
        reader=readers.svamp,
        reads=("Body", "Question", "Answer"),
        notes=(
            "The copy is cut into train and test; the test set is all 1,000 rows.",
            "Seen: the licence on the Hub and in the authors' repository, the columns in code that loads the "
            "copy.",
        ),
        redistributable=True,
        examples=[
            {
                "ID": "chal-1",
                "Body": "Each pack costs 76 coins. There is a discount of 25 coins",
                "Question": "What do you pay for a pack?",
                "Equation": "( 76.0 - 25.0 )",
                "Answer": "51.0",
                "Type": "Subtraction",
            },
            {
                "ID": "chal-2",
                "Body": "Dan has 3 boxes.",
                "Question": "How many has he after buying 2?",
                "Equation": "( 3.0 + 2.0 )",
                "Answer": 5.0,
                "Type": "Addition",
            },
            {
                "ID": "chal-3",
                "Body": "A field has 4 rows of 6 trees.",
                "Question": "How many trees are there?",
                "Equation": "( 4.0 * 6.0 )",
                "Answer": "24",
                "Type": "Multiplication",
            },
        ],
    ),
]
