"""Operators of query evolution: prompt templates, one file each; a new operator is one more file.

A file begins with YAML between two lines of dashes: `line`, what the operator does in a few words; and what a
new question must show, all optional: `needs`, a regular expression; `other_numbers`; `longer`. After it comes
the prompt, which holds `{examples}` and `{question}`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from hf_qads.errors import ConfigError
from hf_qads.repositories.front_matter import split_card

FOLDER: Final = Path(__file__).parent / "prompts"
ANSWER: Final = "answer"
_KEYS: Final = {"line", "needs", "other_numbers", "longer"}


@dataclass(frozen=True)
class Operator:
    """A way to make a new question out of another, or an answer to one.

    Attributes:
        name: of its file.
        line: what it does, in a few words.
        before: the prompt up to the examples.
        label: what stands before a question.
        after: what stands after a question.
        needs: a pattern that must be found in a new question.
        other_numbers: the numbers must differ from the parent's.
        longer: the new question must have more words than its parent.
    """

    name: str
    line: str
    before: str
    label: str
    after: str
    needs: re.Pattern[str] | None = None
    other_numbers: bool = False
    longer: bool = False

    def prompt(self, question: str, examples: Sequence[tuple[str, str]] = ()) -> str:
        """The prompt for one question, after examples of a question and what was made of it."""
        shown = "".join(f"{self.label}{old}{self.after} {new}\n\n" for old, new in examples)
        return f"{self.before}{shown}{self.label}{question}{self.after}"

    def question_of(self, prompt: str) -> str | None:
        """The question that a prompt of this operator asks about; None where it is another's prompt."""
        if not (prompt.startswith(self.before) and prompt.endswith(self.after)):
            return None
        return prompt.removesuffix(self.after).rpartition(self.label)[2]

    def done(self, question: str, parent: str) -> bool:
        """Whether a new question shows what the operator asks for."""
        if self.needs is not None and not self.needs.search(question):
            return False
        if self.other_numbers and numbers(question) == numbers(parent):
            return False
        return not self.longer or len(question.split()) > len(parent.split())


def numbers(text: str) -> list[str]:
    """The numbers in a text, in order."""
    return re.findall(r"\d+(?:[.,]\d+)*", text)


def operators() -> list[str]:
    """Names of the operators that there are."""
    return sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != ANSWER)


def find_operator(name: str) -> Operator:
    """An operator by its name, or by the path of a file of the user's own.

    Raises:
        ConfigError: there is none, or its file is not one.
    """
    own = name.endswith(".md")
    path = Path(name).expanduser() if own else FOLDER / f"{name}.md"
    if not path.is_file():
        raise ConfigError(
            f"there is no operator {name!r}. Use {', '.join(operators())}, or the path of an .md file."
        )
    return read_operator(path)


def prompt_reader(names: Sequence[str]) -> Callable[[str], tuple[str, str] | None]:
    """A function that gives the operator's name and the question of a prompt, or None; `answer` is known too.

    Args:
        names: of the operators whose prompts are read.
    """
    known = [find_operator(name) for name in (*names, ANSWER)]

    def read(prompt: str) -> tuple[str, str] | None:
        for operator in known:
            if (question := operator.question_of(prompt)) is not None:
                return operator.name, question
        return None

    return read


def read_operator(path: Path) -> Operator:
    """An operator from its file.

    Raises:
        ConfigError: the file has no head, an unknown key, or a prompt without both places.
    """
    try:
        head, body = split_card(path.read_text(encoding="utf-8"), strict=True)
        needs = re.compile(head["needs"], re.IGNORECASE) if head.get("needs") else None
    except (ValueError, re.error) as error:
        raise ConfigError(f"the head of {path} is not valid: {' '.join(str(error).split())}.") from None
    if "line" not in head or set(head) - _KEYS:
        raise ConfigError(
            f"{path} needs a head between two lines of ---, with `line` and at most "
            f"{', '.join(sorted(_KEYS - {'line'}))}."
        )
    before, first, rest = body.strip("\n").partition("{examples}")
    label, second, after = rest.partition("{question}")
    if not (first and second and label.strip() and after.strip()):
        raise ConfigError(
            f"the prompt in {path} needs {{examples}}, then a label and {{question}}, then what opens the "
            "answer. See hf_qads/augmenting/prompts."
        )
    flags = {key: bool(head.get(key)) for key in ("other_numbers", "longer")}
    return Operator(path.stem, str(head["line"]), before, label, after, needs, **flags)


def read_examples(path: Path | str) -> dict[str, list[tuple[str, str]]]:
    """Few-shot examples from a YAML file: operator name -> list of {question, new}.

    Raises:
        ConfigError: the file is missing or of another form.
    """
    try:
        raw = yaml.safe_load(Path(path).expanduser().read_text(encoding="utf-8"))
        return {name: [_example(pair) for pair in pairs] for name, pairs in raw.items()}
    except (OSError, yaml.YAMLError, AttributeError, TypeError, KeyError) as error:
        raise ConfigError(
            f"examples {str(path)!r} are not usable ({' '.join(str(error).split())}). Give a YAML file: "
            "operator name, and under it a list of {question: ..., new: ...}."
        ) from None


def _example(pair: Mapping[str, Any]) -> tuple[str, str]:
    return str(pair["question"]).strip(), str(pair["new"]).strip()
