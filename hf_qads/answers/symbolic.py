"""math-verify behind limits of time and memory: formulas are compared in worker processes."""

import atexit
import json
import os
import re
import subprocess
import sys
from typing import Any

from hf_qads.answers import worker
from hf_qads.answers.latex import plain

SECONDS = 5.0
_TOO_LARGE = re.compile(
    r"(?:\^\s*\{?|\*\*)\s*\(?-?\d{6,}|(?:\^\s*(?:\{\s*\(?|\(\s*)?[\w.!]+\s*[)}]?\s*){3}|"
    r"\d\s*(?:\^\s*\{?\s*\(?\s*\d+\s*\)?\s*){2}|!\s*\)?\s*!|\d{5,}\s*!"
)
_idle: list[subprocess.Popen[str]] = []  # each thread that asks at the same time gets its own


def verify(gold: str, answer: str, *, seconds: float = SECONDS) -> bool | None:
    """Whether math-verify takes `answer` for `gold`; None where it ran out of time or failed.

    Source: math-verify, gold first (its comparison is not symmetric).
    """
    result = _ask({"ask": "verify", "gold": latexify(gold), "answer": latexify(answer)}, seconds)
    return None if result is None else bool(result)


def value(answer: str, *, seconds: float = SECONDS) -> float | None:
    """The real number that a formula without variables stands for, or None."""
    result = _ask({"ask": "value", "answer": latexify(answer)}, seconds)
    return None if result is None else float(result)


def too_large(text: str) -> bool:
    """Whether a formula holds a power or factorial that nobody should compute."""
    return bool(_TOO_LARGE.search(plain(text)))


def latexify(text: str) -> str:
    """A formula as LaTeX, also where it was typed as in a program."""
    text = re.sub(
        r"\\(sin|cos|tan|cot|sec|csc)\s*\{?\(?(\d+)\s*\^\s*\{?\\circ\}?\)?\}?",
        r"\\\1(\\frac{\2\\pi}{180})",
        text,
    )
    text = plain(text).strip(" $").rstrip(".,;")
    text = re.sub(r"(?<!\\)\bsqrt\s*\(([^()]*)\)", r"\\sqrt{\1}", text)
    text = re.sub(r"(?<!\\)\b(pi|infty|sin|cos|tan|log|ln)\b", r"\\\1", text)
    return text.replace("**", "^").replace("*", r"\cdot ").replace("$", "")


def _ask(request: dict[str, str], seconds: float) -> Any:
    """The answer, or None after `seconds` or a crash, which end the process."""
    try:
        process = _idle.pop()
    except IndexError:
        process = _start()
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(json.dumps({**request, "seconds": seconds}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except OSError:
        line = ""
    if not line:
        _stop(process)
        return None
    _idle.append(process)
    return json.loads(line)["result"]


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", worker.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@atexit.register
def _stop_all() -> None:
    while _idle:
        _stop(_idle.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a child must not share its parent's workers
