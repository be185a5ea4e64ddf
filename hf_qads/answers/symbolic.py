"""math-verify behind a time limit: formulas are compared in worker processes."""

import atexit
import json
import os
import re
import subprocess
import sys
import threading
from queue import Empty, Queue
from typing import IO, Any

from hf_qads.answers import worker
from hf_qads.answers.latex import plain

SECONDS = 5.0
START_SECONDS = 120.0
_LARGE_POWER = re.compile(r"\^\s*\{?\s*\(?-?\d{6,}|\*\*\s*\(?\d{6,}")
_TOWER = re.compile(
    r"(?:\^\s*(?:\{\s*\(?|\(\s*)?[\w.!]+\s*[)}]?\s*){3}|\d\s*(?:\^\s*\{?\s*\(?\s*\d+\s*\)?\s*){2}"
)
_FACTORIALS = re.compile(r"!\s*\)?\s*!|\d{5,}\s*!")


def verify(gold: str, answer: str, *, seconds: float = SECONDS) -> bool | None:
    """Whether math-verify takes `answer` for `gold`; None where it ran out of time or failed.

    Source: math-verify, gold first (its comparison is not symmetric).
    """
    request = {"ask": "verify", "gold": latexify(gold), "answer": latexify(answer)}
    result = _pool().ask(request, seconds)
    return None if result is None else bool(result)


def value(answer: str, *, seconds: float = SECONDS) -> float | None:
    """The real number that a formula without variables stands for, or None."""
    result = _pool().ask({"ask": "value", "answer": latexify(answer)}, seconds)
    return None if result is None else float(result)


def too_large(text: str) -> bool:
    """Whether a formula holds a power or factorial that nobody should compute."""
    text = plain(text)
    return bool(_LARGE_POWER.search(text) or _TOWER.search(text) or _FACTORIALS.search(text))


def latexify(text: str) -> str:
    """A formula as LaTeX, also where it was typed as in a program."""
    text = re.sub(
        r"\\(sin|cos|tan|cot|sec|csc)\s*\{?\(?(\d+)\s*\^\s*\{?\\circ\}?\)?\}?",
        r"\\\1(\\frac{\2\\pi}{180})",
        text,
    )
    text = plain(text).strip().strip("$").strip().rstrip(".,;")
    text = re.sub(r"(?<!\\)\bsqrt\s*\(([^()]*)\)", r"\\sqrt{\1}", text)
    text = re.sub(r"(?<!\\)\b(pi|infty|sin|cos|tan|log|ln)\b", r"\\\1", text)
    return text.replace("**", "^").replace("*", r"\cdot ").replace("$", "")


class _Worker:
    """One process and the thread that reads its lines."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.lines: Queue[str] = Queue()
        self.reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self.reader.start()
        self.alive = self._line(START_SECONDS) is not None

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self.lines.put(line)
        self.lines.put("")

    def _line(self, seconds: float) -> dict[str, Any] | None:
        try:
            line = self.lines.get(timeout=seconds)
            return dict(json.loads(line)) if line else None
        except (Empty, ValueError):
            return None

    def ask(self, request: dict[str, str], seconds: float) -> Any:
        """The answer, or None after `seconds` or a crash, which end the process."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except OSError:
            self.stop()
            return None
        line = self._line(seconds)
        if line is None:
            self.stop()
            return None
        return line.get("result")

    def stop(self) -> None:
        """End the process."""
        self.alive = False
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue


class _Pool:
    """Workers that wait for work; each thread that asks at the same time gets its own."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.idle: list[_Worker] = []
        self.lock = threading.Lock()

    def ask(self, request: dict[str, str], seconds: float) -> Any:
        with self.lock:
            one = self.idle.pop() if self.idle else None
        one = one or _Worker()
        result = one.ask(request, seconds) if one.alive else None
        if one.alive:
            with self.lock:
                self.idle.append(one)
        return result

    def stop(self) -> None:
        """End every waiting worker."""
        while self.idle and self.owner == os.getpid():
            self.idle.pop().stop()


_current = _Pool()


def _pool() -> _Pool:
    """The pool of this process: a forked child must not share its parent's workers."""
    global _current
    if _current.owner != os.getpid():
        _current = _Pool()
    return _current


atexit.register(lambda: _current.stop())
