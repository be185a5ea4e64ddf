"""Checkpoint of a long selection: resume after a kill with the same picks."""

import hashlib
import json
import time
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from hf_qads.errors import SelectionError
from hf_qads.runtime.files import atomic_path, remove
from hf_qads.selection.engine.engine import LazyGreedy
from hf_qads.selection.engine.space import Space
from hf_qads.selection.pool import Floats, Pool, Rows

EVERY = 60.0  # seconds between two saves
FILE = "selection-checkpoint.npz"
ARRAYS = ("best", "exact", "key", "seen", "tried", "settled")


@dataclass
class Checkpoint:
    """Where a selection keeps its progress, and what identifies the selection.

    The file holds the order so far and the bounds of all rows (33 bytes each). Picks do not depend on how
    far the bounds had come, so a continued selection picks what an undisturbed one would have picked.
    """

    file: Path
    identity: str
    saved_at: float = field(default_factory=time.monotonic)

    @classmethod
    def of(
        cls, pool: Pool, space: Space, already_selected: torch.Tensor | None, weights: Floats, strategy: str
    ) -> "Checkpoint":
        """The checkpoint of a selection of `pool` by `weights` in the pool's checkpoint folder."""
        assert pool.checkpoint_dir is not None
        facts = {
            "strategy": strategy,
            "metric": pool.metric,
            "shape": [space.n, space.d],
            "scale": space.scale,
            "vectors": contents(space.tensor, space.block),
            "weights": digest(weights),
            "start": digest(pool.start),
            "candidates": digest(pool.out),
            "already_selected": None if already_selected is None else contents(already_selected, space.block),
        }
        return cls(pool.checkpoint_dir / FILE, json.dumps(facts, sort_keys=True))

    def save_now_and_then(self, engine: LazyGreedy, order: list[int], gains: list[float], size: int) -> None:
        """Save if the last save is a while ago, or if all is picked: the coverage is still to come."""
        if time.monotonic() - self.saved_at >= EVERY or len(order) == size:
            self.save(engine, order, gains)

    def save(self, engine: LazyGreedy, order: list[int], gains: list[float]) -> None:
        """Write the checkpoint, whole or not at all."""
        bounds = engine.bounds
        with atomic_path(self.file) as temporary, temporary.open("wb") as stream:
            np.savez(
                stream,
                identity=np.array(self.identity),
                order=np.array(order, dtype=np.int64),
                gains=np.array(gains),
                **{name: getattr(bounds, name) for name in ARRAYS},
            )
        self.saved_at = time.monotonic()

    def load(self, engine: LazyGreedy, pool: Pool, size: int) -> tuple[list[int], list[float]]:
        """Put a saved checkpoint into `engine`.

        Returns:
            up to `size` picks and gains so far, none where nothing was saved.

        Raises:
            SelectionError: the checkpoint is another selection's, or damaged.
        """
        if not self.file.exists():
            return [], []
        try:
            with self.file.open("rb") as stream, np.load(stream, allow_pickle=False) as saved:
                identity = str(saved["identity"])
                found = {name: saved[name] for name in (*ARRAYS, "order", "gains")}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise SelectionError(f"{self.file} cannot be read: {error}. Remove it to start over.") from error
        if identity != self.identity:
            raise SelectionError(
                f"{self.file} is the checkpoint of another selection: {different(identity, self.identity)}. "
                "Remove it to start over, or choose another folder."
            )
        if len(found["order"]) >= size:
            return found["order"][:size].tolist(), found["gains"][:size].tolist()
        for name in ARRAYS:
            getattr(engine.bounds, name)[:] = found[name]
        engine.restore(found["order"])
        return found["order"].tolist(), found["gains"].tolist()


def contents(tensor: torch.Tensor, block: int) -> str:
    """A short hash of all values of `tensor`. One read, in blocks of rows."""
    whole = hashlib.blake2b(f"{tensor.dtype}{tuple(tensor.shape)}".encode(), digest_size=16)
    for begin in range(0, len(tensor), block):
        whole.update(tensor[begin : begin + block].contiguous().cpu().view(torch.uint8).numpy().data)
    return whole.hexdigest()


def digest(*arrays: np.ndarray) -> str:
    """A short hash of the values and shapes of arrays."""
    whole = hashlib.blake2b(digest_size=16)
    for array in arrays:
        whole.update(f"{array.dtype}{array.shape}".encode())
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()


def different(old: str, new: str) -> str:
    """Which facts differ between two identities."""
    before, now = json.loads(old), json.loads(new)
    return ", ".join(name for name in now if before.get(name) != now[name]) + " differ"


def forget(folder: Path, order: Rows) -> None:
    """Remove the checkpoint in `folder` if it is that of the complete selection `order`, not another's."""
    file = folder / FILE
    remove(file.with_name(f".{FILE}.part"))  # of a kill while it was written
    if not file.exists() or not len(order):
        return
    with suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        with np.load(file, allow_pickle=False) as saved:
            found = saved["order"][: len(order)]
        if np.array_equal(found, order):
            remove(file)
    if not any(folder.iterdir()):
        folder.rmdir()
