"""How often the answer checker agrees with verdicts by hand, beside math-verify and usual extraction rules.

The code was changed after each of these sets but the fifth usual one had been looked at: what the
tables print of those is for seen outputs.

python benchmarks/answers.py            # the tables
python benchmarks/answers.py --wrong    # and the outputs on which the checker and the hand disagree
python benchmarks/answers.py --speed 10000   # CPU seconds of so many outputs of 2 KB, with the workers'
"""

import argparse
import json
import logging
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hf_qads.answers import KINDS, check

FOLDER = Path(__file__).parent.parent / "tests" / "answers"
FILES = {
    "usual styles, fifth set, kept apart: no change was made with a view of it": "outputs_usual_fifth.jsonl",
    "usual styles, fourth set, looked at once, then seen": "outputs_usual_fourth.jsonl",
    "usual styles, third set, looked at once, then seen": "outputs_usual_third.jsonl",
    "SmolLM2's, looked at once, then seen": "outputs_smollm2.jsonl",
    "usual styles, looked at once, then seen": "outputs_usual.jsonl",
    "usual styles, second set, looked at once, then seen": "outputs_usual_second.jsonl",
    "kept apart, looked at once, then seen": "outputs_kept_apart.jsonl",
    "later, each looked at once, then seen": "outputs_later.jsonl",
    "hard, seen": "outputs_hard.jsonl",
    "hard, the other half, looked at once, then seen": "outputs_hard_kept_apart.jsonl",
    "development": "outputs_seen.jsonl",
    "older development": "answers_corpus.jsonl",
}
Item = dict[str, Any]


def ours(item: Item) -> bool:
    """The checker."""
    return check(item["output"], item["gold"], benchmark=item["benchmark"], options=item.get("options")).right


def math_verify_alone(item: Item) -> bool:
    """math-verify with its own extraction."""
    from math_verify import parse, verify

    try:
        gold = parse(f"${item['gold']}$", parsing_timeout=5)
        return bool(verify(gold, parse(item["output"], parsing_timeout=5), timeout_seconds=5))
    except Exception:  # towers of powers and the like
        return False


def last_number_or_letter(item: Item) -> bool:
    """The last number, the last capital letter of a choice, or the last box."""
    output, gold = item["output"], str(item["gold"])
    if KINDS[item["benchmark"]] == "letter":
        return _last(r"\b[A-E]\b", output) == gold.strip("()")
    if item["benchmark"] == "math" and "\\boxed" in output:
        return _last(r"\\boxed\{(.*)\}", output) == gold
    return _same_number(_last(r"-?\d+(?:\.\d+)?", output.replace(",", "")), gold)


def flexible_extraction(item: Item) -> bool:
    """As evaluation harnesses do where an output keeps to no format.

    Numbers as in the `flexible-extract` filter of lm-evaluation-harness's GSM8K (the last match of
    `(-?[$0-9.,]{2,})|(-?[0-9]+)`), letters from `answer is (X)`, `(X)` or the last capital, formulas from the
    last box or dollar signs, compared without spaces.
    """
    output, gold = item["output"], str(item["gold"])
    if KINDS[item["benchmark"]] == "letter":
        for pattern in (r"answer is:?\s*\(?([A-J])\b", r"\(([A-J])\)", r"\b([A-J])\b"):
            if found := _last(pattern, output):
                return found == gold.strip("()")
        return False
    number = _last(r"-?[$0-9.,]{2,}|-?[0-9]+", output).replace("$", "").replace(",", "").rstrip(".")
    if KINDS[item["benchmark"]] != "formula":
        return _same_number(number, gold)
    formula = _last(r"\\boxed\{(.*)\}", output) or _last(r"\$([^$]+)\$", output) or number
    return re.sub(r"\s|\\left|\\right|\\!|\$", "", formula).replace("dfrac", "frac") == re.sub(
        r"\s|\\!|\$", "", gold
    ).replace("dfrac", "frac") or _same_number(formula, gold)


def _last(pattern: str, text: str) -> str:
    found = re.findall(pattern, text)
    return str(found[-1]) if found else ""


def _same_number(said: str, gold: str) -> bool:
    try:
        return float(said) == float(gold.replace(",", ""))
    except ValueError:
        return False


JUDGES: dict[str, Callable[[Item], bool]] = {
    "`hf_qads.answers.check`": ours,
    "math-verify alone": math_verify_alone,
    "flexible extraction": flexible_extraction,
    "last number or letter": last_number_or_letter,
}


def speed(count: int) -> None:
    """Print the CPU time of so many outputs, each behind lines of other outputs up to 2 KB."""
    import psutil

    items: list[Item] = []
    for file in FILES.values():
        items += [json.loads(line) for line in (FOLDER / file).read_text(encoding="utf-8").splitlines()]
    lines = [line for item in items for line in item["output"].split("\n") if 40 < len(line) < 300]
    lines = [line for line in lines if not re.search(r"answer|boxed|Question|####", line, re.IGNORECASE)]
    draw, work = random.Random(1), []
    for place in range(count):
        item = items[place % len(items)]
        text = item["output"]
        while len(text) < 1900:
            text = draw.choice(lines) + "\n" + text
        work.append({**item, "output": text})

    def used() -> float:
        children = psutil.Process().children(recursive=True)
        return time.process_time() + sum(sum(child.cpu_times()[:2]) for child in children)

    ours({"output": "\\boxed{x+1}", "gold": "1+x", "benchmark": "math"})  # starts the worker
    began = used()
    for item in work:
        ours(item)
    print(f"{count} outputs of 2 KB: {used() - began:.0f} s of CPU, workers included")


def main() -> None:
    """Print one table for each file of verdicts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wrong", action="store_true", help="print where hand and checker differ")
    parser.add_argument(
        "--speed", type=int, metavar="N", help="only judge N outputs of 2 KB and tell the time"
    )
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if arguments.speed:
        speed(arguments.speed)
        return
    for name, file in FILES.items():
        if not (FOLDER / file).is_file():
            continue
        items = [json.loads(line) for line in (FOLDER / file).read_text(encoding="utf-8").splitlines()]
        right = sum(item["right"] for item in items)
        print(f"\n{name}: {len(items)} outputs, {right} of them right\n")
        print("| | agrees | wrong called right | right called wrong | seconds |\n|---|---:|---:|---:|---:|")
        for judge, says in JUDGES.items():
            began = time.perf_counter()
            said = [says(item) for item in items]
            seconds = time.perf_counter() - began
            accepted = sum(one and not item["right"] for one, item in zip(said, items, strict=True))
            rejected = sum(not one and item["right"] for one, item in zip(said, items, strict=True))
            agrees = len(items) - accepted - rejected
            share = f"{agrees} ({agrees / len(items):.1%})"
            print(f"| {judge} | {share} | {accepted} | {rejected} | {seconds:.1f} |")
            if arguments.wrong and says is ours:
                for one, item in zip(said, items, strict=True):
                    if one != item["right"]:
                        print(f"    {one} {item['benchmark']} {item['gold']!r} {item['output'][-150:]!r}")


if __name__ == "__main__":
    main()
