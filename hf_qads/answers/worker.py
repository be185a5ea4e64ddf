"""A process that asks math-verify: one JSON object a line in, one out.

Started by path and on its own, so it must import nothing but math-verify and the standard library: a formula
that takes for ever, or all the memory, costs this process and nothing else.
"""

import faulthandler
import json
import logging
import os
import sys
from typing import Any

MEMORY = 4 * 2**30  # bytes of address space
START_SECONDS = 120


def main() -> None:
    """Answer requests until the input ends; one that takes longer than its limit ends the process."""
    nowhere = open(os.devnull, "w")
    faulthandler.dump_traceback_later(START_SECONDS, exit=True, file=nowhere)
    _limit_memory()
    logging.disable(logging.CRITICAL)
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    targets = [LatexExtractionConfig(), ExprExtractionConfig()]

    def read(text: str) -> list[Any]:
        return list(parse(f"${text}$", targets, parsing_timeout=None))

    def answer(request: dict[str, str]) -> Any:
        said = read(request["answer"])
        if request["ask"] == "verify":
            gold = read(request["gold"])
            return bool(
                gold and said and verify(gold, said, timeout_seconds=None) and not _far(gold[0], said[0])
            )
        number = complex(said[0].evalf(30))
        return None if number.imag else number.real

    out, sys.stdout = sys.stdout, sys.stderr
    faulthandler.cancel_dump_traceback_later()
    for line in sys.stdin:
        request = json.loads(line)
        faulthandler.dump_traceback_later(request["seconds"], exit=True, file=nowhere)
        try:
            result = answer(request)
        except Exception:  # whatever a parser of foreign text raises means: no answer
            result = None
        faulthandler.cancel_dump_traceback_later()
        out.write(json.dumps({"result": result}) + "\n")
        out.flush()


def _far(gold: Any, said: Any) -> bool:
    """Whether two numbers differ that math-verify calls equal, since both are 0.0 as floats."""
    if not (getattr(gold, "is_number", False) and getattr(said, "is_number", False)):
        return False
    return bool(abs((gold - said).evalf(20)) > abs(gold.evalf(20)) / 10**4)


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, ValueError, OSError):
        return  # not a Unix, or a lower limit holds already


if __name__ == "__main__":
    main()
