"""Generation in shards: files that are whole or absent, so that a kill loses little; workers share them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hf_qads.generation.engine import GREEDY, Engine, Output, Sampling
from hf_qads.generation.request_cache import request_key
from hf_qads.runtime import executors, files
from hf_qads.runtime.executors import Shard


def ask(
    engine: Engine,
    prompts: Sequence[str],
    *,
    folder: Path,
    max_new_tokens: int,
    sampling: Sampling = GREEDY,
    draws: Sequence[int] | None = None,
    what: str = "generate",
) -> list[Shard]:
    """Have the executor in force write an output for each prompt; `outputs` gives them.

    A shard is named by the hash of all that its outputs depend on, so shards of an earlier start, or of
    another selection among the same prompts, are used again. A shard in which requests failed is done again
    by the next start.

    Args:
        engine: what writes.
        prompts: what is asked.
        folder: where the shards lie.
        max_new_tokens: most tokens of an answer.
        sampling: how tokens are chosen.
        draws: number of each prompt's draw; None numbers all 0.
        what: title of the progress bar.
    """
    draws = [0] * len(prompts) if draws is None else list(draws)
    size = engine.shard_prompts
    pieces = [slice(start, start + size) for start in range(0, len(prompts), size)]
    settings = [engine.name, asdict(sampling), max_new_tokens]
    keys = [request_key(*settings, list(prompts[piece]), draws[piece]) for piece in pieces]
    shards = [
        Shard((folder / f"{key}.json",), len(prompts[piece]), _whole)
        for key, piece in zip(keys, pieces, strict=True)
    ]
    folder.mkdir(parents=True, exist_ok=True)

    def do(number: int) -> None:
        asked, numbers = prompts[pieces[number]], draws[pieces[number]]
        found = dict(engine.answer(asked, max_new_tokens=max_new_tokens, sampling=sampling, draws=numbers))
        with executors.writing(shards[number].files[0]) as part:
            text = json.dumps([found[place] for place in range(len(asked))], ensure_ascii=False)
            part.write_text(text + "\n", encoding="utf-8")

    executors.current().run(shards, do, what=what, unit="prompt")
    return shards


def outputs(*asked: Sequence[Shard]) -> list[list[Output]]:
    """For each call of `ask`, the outputs in the order of its prompts, once all of them are there.

    Raises:
        PartDone: this process is a worker, and others have not yet done some of them.
    """
    executors.current().gather([shard for shards in asked for shard in shards])
    return [[output for shard in shards for output in _read(shard.files[0])] for shards in asked]


def _read(path: Path) -> list[Output]:
    return [Output(*fields) for fields in files.read_json(path)]


def _whole(path: Path) -> bool:
    try:
        return not any(output.failed for output in _read(path))
    except (OSError, ValueError, TypeError):
        return False
