"""Public instruction pools that are not among the paper's sources: GPTeacher and P3."""

from typing import Final

from hf_qads.sources.catalogue import citations
from hf_qads.sources.catalogue.entry import Entry

_COLUMNS: Final = {"question": "instruction", "input": "input", "answer": "response"}

ENTRIES: Final = [
    Entry(
        name="gpteacher_codegen",
        title="GPTeacher, code generation",
        kind="general",
        answers="GPT-4",
        licence="mit",
        citation=citations.GPTEACHER,
        home="https://github.com/teknium1/GPTeacher",
        columns=_COLUMNS,
        notes=(
            "In its repository only: name its Codegen/codegen-instruct.json.",
            "Every answer is code, in several languages.",
            "Seen: the file with its columns, and the licence, in its repository.",
        ),
        redistributable=True,
        examples=[
            {"instruction": "Print 1 to 3 in Python.", "input": "", "response": "print(1, 2, 3)"},
            {"instruction": "Double a number in C.", "input": "int x", "response": "x * 2;"},
            {"instruction": "List the files of a folder.", "input": "folder: /tmp", "response": "ls /tmp"},
        ],
    ),
    Entry(
        name="gpteacher_toolformer",
        title="GPTeacher, calls of tools",
        kind="general",
        answers="GPT-4",
        licence="mit",
        citation=citations.GPTEACHER,
        home="https://github.com/teknium1/GPTeacher",
        columns=_COLUMNS,
        notes=(
            "In its repository only: name its Toolformer/toolformer-dedupe-only-dataset.json, or one of the "
            "files beside it from which similar rows are gone.",
            "The answers hold calls of tools as text, as in search('news').",
            "Seen: the file with its columns, and the licence, in its repository.",
        ),
        redistributable=True,
        examples=[
            {
                "instruction": "toolformer: enabled\nAdd.",
                "input": "2, 3",
                "response": "python('2 + 3')",
            },
            {"instruction": "toolformer: enabled\nFind.", "input": "tea", "response": "search('tea')"},
            {"instruction": "toolformer: enabled\nThe news?", "input": "", "response": "news('today')"},
        ],
    ),
    Entry(
        name="p3",
        title="P3, prompts of T0",
        kind="general",
        answers="human",
        licence="apache-2.0",
        citation=citations.P3,
        home="https://huggingface.co/datasets/bigscience/P3",
        columns={"question": "inputs_pretokenized", "answer": "targets_pretokenized"},
        notes=(
            "Its copy on the Hub has one configuration for each of some 600 prompt templates and none that "
            "draws from all of them: name the files of those that you want.",
            "Most answers are a word or two.",
            "Seen: the two columns of text, in code that reads the copy on the Hub.",
            "unverified: its licence, and those of the datasets that its prompts are built on.",
        ),
        examples=[
            {"inputs_pretokenized": "Is a whale a fish? Yes or no?", "targets_pretokenized": "No"},
            {"inputs_pretokenized": "Good film! Positive or negative?", "targets_pretokenized": "Positive"},
            {"inputs_pretokenized": "Give the passage a title: Bees ...", "targets_pretokenized": "Bees"},
        ],
    ),
]
