"""The work of one influence run in shards, planned beforehand, each a file that is whole or absent."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hf_qads.rows.rendering import Block
from hf_qads.runtime import files
from hf_qads.runtime.executors import writing

logger = logging.getLogger(__name__)

VERSION = 2  # raise it when the same inputs give other scores
MOST_ROWS, FEWEST_ROWS, BLOCKS = 64, 8, 16
_CACHED_TOKENS = 16384

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Shard:
    """Some prompt rows, or none before them (`rows` empty: the zero-shot pass), against one anchor set."""

    name: str
    anchors: str
    rows: tuple[int, ...]


def plan_rows(lengths: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Group prompt rows of similar length; the rows of a group share forward passes and files.

    Args:
        lengths: (n,) tokens of each prompt row.

    Returns:
        arrays of row indices, longest rows first. They depend on `lengths` alone: not on the device, the
        token budget or the number of processes.
    """
    order = np.argsort(-lengths, kind="stable")
    rows = min(MOST_ROWS, max(FEWEST_ROWS, -(-len(order) // BLOCKS)))
    groups: list[NDArray[np.int64]] = []
    start = 0
    while start < len(order):
        fitting = max(1, _CACHED_TOKENS // max(1, int(lengths[order[start]])))
        stop = start + min(rows, fitting)
        groups.append(order[start:stop])
        start = stop
    return groups


def shard_name(model: bytes, label: str, examples: Sequence[Sequence[int]], anchors: Sequence[Block]) -> str:
    """A file name that depends on all that its content depends on, so that nothing stale is read."""
    digest = hashlib.blake2b(model, digest_size=16)
    digest.update(json.dumps([VERSION, examples, anchors], separators=(",", ":")).encode())
    return f"{label}-{digest.hexdigest()}.npy"


class ShardFolder:
    """Finished shards on disk; without a folder, nowhere."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def read(self, shard: Shard, shape: tuple[int, int]) -> Scores | None:
        """The shard's scores, or None where it is not there or damaged (then it is done again)."""
        if self.folder is None or not (path := self.folder / shard.name).is_file():
            return None
        try:
            scores: Scores = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            logger.warning("The shard %s cannot be read (%s): doing it again.", shard.name, error)
            return None
        if scores.shape != shape or scores.dtype != np.float32:
            logger.warning("The shard %s has shape %s: doing it again.", shard.name, scores.shape)
            return None
        return scores

    def write(self, shard: Shard, scores: Scores) -> None:
        """Write the shard, whole or not at all."""
        if self.folder is None:
            return
        path = self.folder / shard.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as part, part.open("wb") as stream:
            np.save(stream, scores, allow_pickle=False)

    def tidy(self, shards: Sequence[Shard]) -> None:
        """Remove what kills have left of half-written shards."""
        names = {shard.name for shard in shards}
        for part in self.folder.glob(".*.part") if self.folder is not None else ():
            if part.name.removeprefix(".").partition(".npy.")[0] + ".npy" in names:
                files.remove(part)

    def write_plan(self, shards: Sequence[Shard], anchors: Mapping[str, int]) -> None:
        """Write `plan.json`: every shard of this run with its anchor set and number of prompt rows."""
        if self.folder is None:
            return
        listed = [{"file": shard.name, "anchors": shard.anchors, "rows": len(shard.rows)} for shard in shards]
        files.write_json(self.folder / "plan.json", {"anchors": dict(anchors), "shards": listed})
