"""Mathematical training sets of the large setting, beside MathInstruct."""

from typing import Any, Final

from hf_qads.sources.catalogue import citations, readers
from hf_qads.sources.catalogue.entry import Entry


def _dmath(question: str, code: str, answer: str) -> dict[str, Any]:
    return {
        "category": "Arithmetic calculation",
        "question_ko": "",
        "question_en": question,
        "answer_ko": answer,
        "answer_en": answer,
        "solution_abst_ko": "",
        "solution_abst_en": "",
        "solution_code_ko": code,
        "solution_code_en": code,
    }


def _lila(question: str, answer: str) -> dict[str, Any]:
    return {
        "input": question,
        "output_program": f"answer = {answer!r}\nprint(answer)",
        "output_answer": answer,
        "split": "train",
        "dataset": "deepmind_mathematics_algebra.json",
    }


def _openmath(question: str, solution: str, answer: str) -> dict[str, Any]:
    return {
        "question": question,
        "expected_answer": answer,
        "predicted_answer": answer,
        "error_message": "<not_executed>",
        "is_correct": True,
        "generation_type": "without_reference_solution",
        "dataset": "gsm8k",
        "generated_solution": solution,
    }


def _tal(problem: str, options: list[str], analysis: str, answer: str) -> dict[str, Any]:
    return {
        "dataset_name": "prime_math_competition_en_single_choice_8K_dev",
        "dataset_version": "2023-07-07",
        "qid": "1",
        "queId": "0" * 32,
        "competition_source_list": [],
        "difficulty": "1",
        "qtype": "single_choice",
        "problem": problem,
        "answer_option_list": [
            [{"aoVal": letter, "content": option}] for letter, option in zip("ABCDE", options, strict=False)
        ],
        "knowledge_point_routes": [],
        "answer_analysis": [analysis],
        "answer_value": answer,
    }


_TAL_NOTES: Final = (
    "Analyses are often short, and some say nothing but a letter or the local word for none.",
    "Single choice; options are shown in the question.",
    "The repository's default configuration mixes both languages, so the file is named.",
    "Seen: columns in the files of the authors' repository, the licence in the card, the files' names on the "
    "Hub in code that loads them.",
)

ENTRIES: Final = [
    Entry(
        name="dmath",
        title="DMath",
        kind="reasoning",
        answers="human",
        licence="mit",
        citation=citations.DMATH,
        home="https://github.com/JiwooKimAR/dmath",
        sizes={"s_large": 7_900},
        reader=readers.dmath,
        reads=("question_en", "solution_code_en", "answer_en"),
        notes=(
            "In its repository only: name its dataset/train.json (an object of numbered problems).",
            "Every answer is Python code, as in the paper's Table 9; English side of a bilingual set.",
            "Seen: columns in its README and in dataset/test.json, 7,943 training problems, the MIT file.",
            "unverified: that train.json has the shape of test.json.",
        ),
        redistributable=True,
        examples=[
            _dmath(
                "Find the area of a wall that is 5 m long and 2 m wide.",
                "var_a = 5\nvar_b = 2\nvar_c = var_a * var_b\nprint(int(var_c))",
                "10",
            ),
            _dmath(
                "A rope of 1 m is cut into 4 parts. How long is each?",
                "var_a = 1\nvar_b = 4\nvar_c = var_a / var_b\nprint('{:.2f}'.format(round(var_c+1e-10,2)))",
                "0.25",
            ),
            _dmath("A is 7 and B is 8. Which is larger?", "var_a = 'B'\nprint(var_a)", "B"),
        ],
    ),
    Entry(
        name="gsm8k_screl",
        title="GSM8K-ScRel",
        kind="reasoning",
        answers="human",
        licence=None,
        citation=f"{citations.SCREL}\n{citations.GSM8K}",
        home="https://github.com/OFA-Sys/gsm8k-ScRel",
        sizes={"s_large": 7_400},
        reader=readers.gsm8k("query", "response"),
        reads=("query", "response"),
        notes=(
            "In its repository only: name its data/train_use.jsonl. The repository states no licence; GSM8K, "
            "whose rows these are, is MIT: the stricter is taken.",
            "Its rows are GSM8K's training rows with the columns renamed, their solutions human, although "
            "Table 1 says LLaMA; the sampled solutions are in other files and in gsm8k_rft.",
            "Seen: rows at the start and the end of the file.",
        ),
        examples=[
            {
                "query": "Ann has 3 bags of 4 apples. How many?",
                "response": "3 * 4 = <<3*4=12>>12 apples.\n#### 12",
            },
            {"query": "Bo has 5 coins and gets 2. How many?", "response": "5 + 2 = <<5+2=7>>7.\n#### 7"},
            {"query": "Cy earns 1,000 a week. And in 2 weeks?", "response": "2 * 1000 = 2000.\n#### 2,000"},
        ],
    ),
    Entry(
        name="lila_ood",
        title="Lila-OOD",
        kind="reasoning",
        answers="human, GPT",
        licence="cc-by-4.0",
        citation=citations.LILA,
        home="https://huggingface.co/datasets/allenai/lila",
        sizes={"s_large": 19_000},
        hub="allenai/lila",
        files=("ood/train/*.parquet",),
        revision="refs/convert/parquet",
        reader=readers.lila,
        reads=("input", "output_answer"),
        notes=(
            "The main branch needs a script, which is never run: the converted files are read instead.",
            "Answers are bare results, which score lowest in the paper (Table 8 keeps about a fifth).",
            "Seen: the licence in the card, the converted file's place on the Hub, the columns that are read "
            "in code that loads them.",
        ),
        redistributable=True,
        examples=[
            _lila("Solve 3*x = 12 for x.", "4"),
            _lila("What is 7 - 9?", "-2"),
            _lila("Sort 3, 1, 2.", "1, 2, 3"),
        ],
    ),
    Entry(
        name="metamath",
        title="MetaMath",
        kind="reasoning",
        answers="GPT",
        licence="mit",
        citation=citations.METAMATH,
        home="https://huggingface.co/datasets/meta-math/MetaMathQA",
        sizes={"s_large": 395_000},
        hub="meta-math/MetaMathQA",
        reader=readers.metamath,
        reads=("query", "response"),
        notes=(
            "Rewritten from the training questions of GSM8K and MATH: many rows ask the same.",
            "Seen: the licence on the Hub, the four columns in cards of its copies.",
        ),
        redistributable=True,
        examples=[
            {
                "type": "GSM_Rephrased",
                "query": "How many apples are in 3 bags of 4?",
                "original_question": "Ann has 3 bags of 4 apples. How many apples has she?",
                "response": "Each bag holds 4 apples, so 3 bags hold 3 * 4 = 12.\n#### 12\nThe answer is: 12",
            },
            {
                "type": "MATH_AnsAug",
                "query": "Compute $2^5$.",
                "original_question": "Compute $2^5$.",
                "response": "$2^5 = \\boxed{32}$. The answer is: 32",
            },
            {
                "type": "GSM_SV",
                "query": "Ann has x bags of 4 apples, 12 in all. What is x?",
                "original_question": "Ann has 3 bags of 4 apples. How many apples has she?",
                "response": "4x = 12, so x = 3.\nThe answer is: 3",
            },
        ],
    ),
    Entry(
        name="mmiqc",
        title="MMIQC",
        kind="reasoning",
        answers="GPT, web",
        licence="apache-2.0",
        citation=citations.MMIQC,
        home="https://huggingface.co/datasets/Vivacem/MMIQC",
        sizes={"s_large": 2_200_000},
        hub="Vivacem/MMIQC",
        columns={"question": "instruction", "answer": "output"},
        notes=(
            "More than half is mathematics from Stack Exchange, whose texts are CC BY-SA upstream.",
            "Holds MetaMathQA rows.",
            "Seen: the licence in the card, which names Stack Exchange; columns, and the source value "
            "stackexchange-math, in code that loads it.",
            "unverified: the other values of source; the column is not read.",
        ),
        part_licences=("cc-by-sa-4.0",),
        redistributable=True,
        examples=[
            {
                "instruction": "Why is 0.999... equal to 1?",
                "output": "Their difference is smaller than any positive number.",
                "source": "stackexchange-math",
            },
            {
                "instruction": "Compute 1 + 2 + ... + 10.",
                "output": "It is 10 * 11 / 2 = 55.",
                "source": "MetaMathQA",
            },
            {"instruction": "Factor x^2 - 1.", "output": "x^2 - 1 = (x - 1)(x + 1).", "source": "IQC"},
        ],
    ),
    Entry(
        name="kpmath_plus",
        title="KPMath-Plus",
        kind="reasoning",
        answers="GPT",
        licence=None,
        citation=citations.KPMATH,
        home="https://arxiv.org/abs/2403.02333",
        sizes={"s_large": 1_000_000},
        columns={"question": "question", "answer": "answer"},
        notes=(
            "Never released: there is no public copy. Leave it out and say so, or name a file of your own.",
            "Its authors write of 1.6M rows; the paper obtained 1.0M.",
            "unverified: its columns.",
        ),
        examples=[
            {"question": "What is the area of a 3 by 4 rectangle?", "answer": "The area is 3 * 4 = 12."},
            {"question": "How many sides have two triangles?", "answer": "2 * 3 = 6 sides."},
            {"question": "What is 15% of 200?", "answer": "0.15 * 200 = 30."},
        ],
        released=False,
    ),
    Entry(
        name="openmathinstruct_1",
        title="OpenMathInstruct-1",
        kind="reasoning",
        answers="Mixtral",
        licence="nvidia-license",
        citation=citations.OPENMATH,
        home="https://huggingface.co/datasets/nvidia/OpenMathInstruct-1",
        sizes={"s_large": 255_000},
        hub="nvidia/OpenMathInstruct-1",
        files=("correct_solutions/train.jsonl", "correct_solutions/validation.jsonl"),
        where={"error_message": "<not_executed>"},
        reader=readers.openmath,
        reads=("question", "generated_solution", "expected_answer"),
        notes=(
            "Correct solutions only, and of these only the chains of thought that ran no code.",
            "The paper's Table 1 says 2.5M, its Table 8 255K; the parts add up with 255K.",
            "The card calls its licence one of NVIDIA's own that permits commercial use; who passes rows on "
            "should read it.",
            "Seen: columns, the mark of solutions without code and the licence's name in the card, the "
            "files' names in the authors' instructions.",
        ),
        examples=[
            _openmath("What is 3 times 4?", "Three fours are $\\boxed{12}$.", "12"),
            _openmath("What is half of 9?", "$9 / 2 = \\boxed{4.5}$.", "4.5"),
            _openmath("What is 1 + 1?", "The sum is $\\boxed{2}$.", "2"),
        ],
    ),
    Entry(
        name="open_platypus",
        title="Open-Platypus",
        kind="reasoning",
        answers="human, GPT",
        licence=None,
        part_licences=("mit", "apache-2.0", "cc-by-4.0", "cc-by-nc-sa-4.0", "research-only"),
        citation=citations.PLATYPUS,
        home="https://huggingface.co/datasets/garage-bAInd/Open-Platypus",
        sizes={"s_large": 24_000},
        hub="garage-bAInd/Open-Platypus",
        columns={"question": "instruction", "input": "input", "answer": "output"},
        notes=(
            "A filtered mix of eleven datasets, each under its own licence: ReClor is not for commercial use "
            "(taken as for research only), ScienceQA is CC BY-NC-SA, LeetCode's has none, Airoboros' is "
            "other.",
            "Holds 564 rows of TheoremQA, whose one public split is its test set.",
            "Seen: the parts' licences in the card; columns and values of data_source, as others read them "
            "from the Hub.",
        ),
        examples=[
            {
                "input": "",
                "output": "By Ohm's law the current is 2 A.",
                "instruction": "What current flows at 10 V and 5 ohm?",
                "data_source": "scibench",
            },
            {
                "input": "",
                "output": "Then $x + 1 = 4$.",
                "instruction": "Compute $x + 1$ for $x = 3$.",
                "data_source": "MATH/PRM-800K",
            },
            {
                "input": "Name the letter of your choice.",
                "output": "A",
                "instruction": "All iron is metal. So\nA. some metal is iron.\nB. no metal is iron.",
                "data_source": "reclor",
            },
        ],
    ),
    Entry(
        name="tal_scq5k_cn",
        title="TAL-SCQ5K-CN",
        kind="reasoning",
        answers="human",
        licence="mit",
        citation=citations.TAL,
        home="https://huggingface.co/datasets/math-eval/TAL-SCQ5K",
        sizes={"s_large": 3_000},
        languages=("zh",),
        hub="math-eval/TAL-SCQ5K",
        files=("TAL-SCQ5K-CN/train.jsonl",),
        reader=readers.tal,
        reads=("problem", "answer_option_list", "answer_analysis", "answer_value"),
        notes=_TAL_NOTES,
        redistributable=True,
        examples=[
            _tal("$$3+4=$$( ).", ["$$6$$ ", "$$7$$ ", "$$8$$ "], "$$3+4=7$$. 故选 B.", "B"),
            _tal("下列各数中,偶数是( ).", ["$$3$$", "$$5$$", "$$8$$"], "$$8$$ 能被 $$2$$ 整除.", "C"),
            _tal("$$10$$ 的一半是( ).", ["$$5$$", "$$20$$"], "无", "A"),
        ],
    ),
    Entry(
        name="tal_scq5k_en",
        title="TAL-SCQ5K-EN",
        kind="reasoning",
        answers="human",
        licence="mit",
        citation=citations.TAL,
        home="https://huggingface.co/datasets/math-eval/TAL-SCQ5K",
        sizes={"s_large": 3_000},
        hub="math-eval/TAL-SCQ5K",
        files=("TAL-SCQ5K-EN/train.jsonl",),
        reader=readers.tal,
        reads=("problem", "answer_option_list", "answer_analysis", "answer_value"),
        notes=_TAL_NOTES,
        redistributable=True,
        examples=[
            _tal("What is $$3+4$$? ", ["$$6$$ ", "$$7$$ ", "$$8$$ "], "$$3+4=7$$. ", "B"),
            _tal("Which of these is even? ", ["$$3$$", "$$5$$", "$$8$$"], "$$8$$ is twice $$4$$. ", "C"),
            _tal("Half of $$10$$ is ( ).", ["$$5$$", "$$20$$"], "NA", "A"),
        ],
    ),
]
