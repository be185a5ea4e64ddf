"""Ask a model every question of a test set, keep each result, and go on where a kill left off."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hf_qads.answers import check
from hf_qads.evaluation.items import Item
from hf_qads.generation.engine import Engine, Output
from hf_qads.runtime import files, progress


@dataclass(frozen=True)
class Result:
    """One question, what was written, and the verdict.

    Attributes:
        id: of the item.
        key: hash of prompt, engine and length limit: a stored output is of use only where it agrees.
        output: what was written.
        reason: why the output is not whole, or None.
        gold: the gold answer.
        answer: what the output concludes with, or None.
        right: whether that is the gold answer.
        rule: how the verdict came about.
    """

    id: str
    key: str
    output: str
    reason: str | None
    gold: str
    answer: str | None
    right: bool
    rule: str


def run_benchmark(
    engine: Engine,
    items: Sequence[Item],
    prompts: Sequence[str],
    *,
    benchmark: str,
    folder: Path,
    max_new_tokens: int = 512,
) -> list[Result]:
    """Results of every item, in their order.

    Each answer is appended to `results.jsonl` as soon as it is there, so a start after a kill asks only what
    is left; outputs of another model or prompt are not used. Verdicts are made anew from the stored outputs.

    Args:
        engine: what answers.
        items: the questions.
        prompts: one per item.
        benchmark: whose rules decide.
        folder: where `results.jsonl` lies.
        max_new_tokens: most tokens of an answer.
    """
    path = folder / "results.jsonl"
    keys = [_key(engine.name, prompt, max_new_tokens) for prompt in prompts]
    wanted = {(item.id, key) for item, key in zip(items, keys, strict=True)}
    outputs = {key: output for key, output in _stored(path).items() if key in wanted}
    left = [place for place, item in enumerate(items) if (item.id, keys[place]) not in outputs]
    folder.mkdir(parents=True, exist_ok=True)
    _drop_cut_line(path)
    with (
        path.open("a", encoding="utf-8") as stream,
        _bar(benchmark, len(items), len(items) - len(left)) as bar,
    ):
        answers = engine.answer([prompts[place] for place in left], max_new_tokens=max_new_tokens)
        for index, output in answers:
            item, key = items[left[index]], keys[left[index]]
            outputs[item.id, key] = output
            result = _judge(item, key, output, benchmark)
            stream.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")
            stream.flush()
            bar.update()
    results = [
        _judge(item, key, outputs[item.id, key], benchmark) for item, key in zip(items, keys, strict=True)
    ]
    lines = (json.dumps(asdict(result), ensure_ascii=False) for result in results)
    files.write_text(path, "\n".join(lines) + "\n")
    return results


def _judge(item: Item, key: str, output: Output, benchmark: str) -> Result:
    verdict = check(output.text, item.gold, benchmark=benchmark, options=item.options or None)
    return Result(
        item.id, key, output.text, output.reason, item.gold, verdict.answer, verdict.right, verdict.rule
    )


def _key(engine: str, prompt: str, max_new_tokens: int) -> str:
    text = json.dumps([engine, prompt, max_new_tokens])
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _stored(path: Path) -> dict[tuple[str, str], Output]:
    """Outputs by item and key; lines that a kill or a full disk cut are passed over."""
    found: dict[tuple[str, str], Output] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            stored: Mapping[str, Any] = json.loads(line)
            found[stored["id"], stored["key"]] = Output(stored["output"], stored["reason"])
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _drop_cut_line(path: Path) -> None:
    """Take off a last line without its end, so that the next one starts on its own."""
    if not path.exists():
        return
    text = path.read_bytes()
    if text and not text.endswith(b"\n"):
        files.write_text(path, text[: text.rfind(b"\n") + 1].decode("utf-8", "replace"))


def _bar(benchmark: str, total: int, done: int) -> progress.Progress:
    return progress.bar(total, benchmark, unit="question", done=done)
