"""Generation in shards: files that are whole or absent, so that a kill loses little; ranks share the work."""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from hf_qads.generation.engine import GREEDY, Engine, Output, Sampling
from hf_qads.generation.request_cache import request_key
from hf_qads.runtime import distributed, files, progress

logger = logging.getLogger(__name__)

SAID_EVERY: Final = 30.0  # seconds between two lines of progress in a log


def generate(
    engine: Engine,
    prompts: Sequence[str],
    *,
    folder: Path,
    max_new_tokens: int,
    sampling: Sampling = GREEDY,
    draws: Sequence[int] | None = None,
    what: str = "generate",
) -> list[Output]:
    """An output for each prompt, in order.

    A shard is named by the hash of all that its outputs depend on, so shards of an earlier start, or of
    another selection among the same prompts, are used again. A shard in which requests failed is done again
    by the next start. A rank takes every world-size-th shard and then helps with the others from the end on.

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
    paths = [
        folder / f"{request_key(*settings, list(prompts[piece]), draws[piece])}.json" for piece in pieces
    ]
    rank, world = distributed.rank(), distributed.world_size()
    own = [number for number in range(len(pieces)) if number % world == rank]
    others = [number for number in reversed(range(len(pieces))) if number % world != rank]
    folder.mkdir(parents=True, exist_ok=True)
    done, said = 0, time.monotonic()
    with progress.bar(len(prompts), what, unit="prompt", shown=not rank) as bar:
        for number in (*own, *others):
            asked = prompts[pieces[number]]
            if not _whole(paths[number]):
                found = dict(
                    engine.answer(
                        asked, max_new_tokens=max_new_tokens, sampling=sampling, draws=draws[pieces[number]]
                    )
                )
                _write(paths[number], [found[place] for place in range(len(asked))], rank)
            done += len(asked)
            bar.update(len(asked))
            if bar.disable and not rank and time.monotonic() - said > SAID_EVERY:
                said = time.monotonic()
                logger.info("%s: %s of %s prompts", what, f"{done:,}", f"{len(prompts):,}")
    distributed.barrier()
    return [output for path in paths for output in _read(path)]


def _write(path: Path, outputs: list[Output], rank: int) -> None:
    temporary = path.with_name(f".{path.name}.{rank}.part")
    temporary.write_text(json.dumps(outputs, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def _read(path: Path) -> list[Output]:
    return [Output(*fields) for fields in files.read_json(path)]


def _whole(path: Path) -> bool:
    try:
        return not any(output.failed for output in _read(path))
    except (OSError, ValueError, TypeError):
        return False
