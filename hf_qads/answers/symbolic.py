"""math-verify behind limits of time and memory: formulas are compared in worker processes.

A worker is this file, started by path and on its own, so that it must import nothing but math-verify and the
standard library. A formula that takes for ever, or all the memory, costs that process and nothing else.
"""

import atexit
import contextlib
import faulthandler
import json
import logging
import os
import re
import signal
import subprocess
import sys
from typing import Any

SECONDS = 5.0  # of processor time, so that a busy machine gives the same verdicts
WAIT_SECONDS = 120.0  # in all, also for the start
MEMORY = 4 * 2**30  # bytes of a worker's address space
_TOO_LARGE = re.compile(
    r"(?:\^\s*\{?|\*\*)\s*\(?-?\d{6,}|(?:\^\s*(?:\{\s*\(?|\(\s*)?[\w.!]+\s*[)}]?\s*){3}|"
    r"\d\s*(?:\^\s*\{?\s*\(?\s*\d+\s*\)?\s*){2}|!\s*\)?\s*!|\d{5,}\s*!"
)
_idle: list[subprocess.Popen[str]] = []  # each thread that asks at the same time gets its own


def too_large(formula: str) -> bool:
    """Whether a formula holds a power or factorial that nobody should compute."""
    return bool(_TOO_LARGE.search(formula))


def verify(gold: str, answer: str, *, within: float = 0.0, seconds: float = SECONDS) -> bool | None:
    """Whether math-verify takes `answer` for `gold`; None where it ran out of time or failed.

    Both are LaTeX, the gold one first, as math-verify's comparison is not symmetric. Where `within` is
    positive, `answer` need only be a number that is not further off. `seconds` are of processor time.
    """
    try:
        process = _idle.pop()
    except IndexError:
        process = _start()
    assert process.stdin
    assert process.stdout
    request = {"gold": gold, "answer": answer, "within": within, "seconds": seconds}
    try:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except OSError:
        line = ""
    if not line:
        _stop(process)
        return None
    _idle.append(process)
    verdict: bool | None = json.loads(line)
    return verdict


def _start() -> subprocess.Popen[str]:
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    command, environment = [sys.executable, "-P", __file__], {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet, text=True, env=environment)


def _stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@atexit.register
def _stop_all() -> None:
    while _idle:
        _stop(_idle.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a child must not share its parent's workers


def _work() -> None:
    """Answer requests, a line each, until the input ends; one beyond its limit ends the process."""
    nowhere = open(os.devnull, "w")
    faulthandler.dump_traceback_later(WAIT_SECONDS, exit=True, file=nowhere)
    with contextlib.suppress(ImportError, ValueError, OSError):  # no Unix, or a lower limit holds already
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable(logging.CRITICAL)
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    targets = [LatexExtractionConfig(), ExprExtractionConfig()]

    def judge(request: dict[str, Any]) -> bool:
        gold, said = (parse(f"${request[one]}$", targets, parsing_timeout=None) for one in ("gold", "answer"))
        if within := request["within"]:
            return bool(abs(said[0] - gold[0]) <= within)
        met = gold and said and verify(gold, said, allow_set_relation_comp=True, timeout_seconds=None)
        return bool(met) and not _far(gold[0], said[0])

    out, sys.stdout = sys.stdout, sys.stderr
    faulthandler.cancel_dump_traceback_later()
    for line in sys.stdin:
        request = json.loads(line)
        faulthandler.dump_traceback_later(WAIT_SECONDS, exit=True, file=nowhere)
        _end_after(request["seconds"])
        try:
            verdict = judge(request)
        except Exception:  # whatever a parser of foreign text raises means: no verdict
            verdict = None
        _end_after(0)
        faulthandler.cancel_dump_traceback_later()
        out.write(json.dumps(verdict) + "\n")
        out.flush()


def _end_after(seconds: float) -> None:
    """Let the system end this process after so many seconds of processor time; 0 takes that back."""
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _far(gold: Any, said: Any) -> bool:
    """Whether two numbers differ that math-verify calls equal, since both are 0.0 as floats."""
    if not (getattr(gold, "is_number", False) and getattr(said, "is_number", False)):
        return False
    return bool(abs((gold - said).evalf(20)) > abs(gold.evalf(20)) / 10**4)


if __name__ == "__main__":
    _work()
