"""The scorer as a function for `map`: rows in, quality scores out."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.runtime.batching import BATCH_TOKENS
from hf_qads.runtime.devices import pick_device
from hf_qads.runtime.models import fingerprint
from hf_qads.schema import REASON, SCORE
from hf_qads.scoring.scorer.location import Location, default_scorer, locate
from hf_qads.scoring.scorer.map_batches import answer, rows_of
from hf_qads.scoring.scorer.prediction import Predictor

VERSION = 1  # raised when the code changes what comes out, so that caches of `map` are not reused


class QaDSScorer:
    """Predicts the quality score of rows, a number in [1, 5], with a trained scorer.

    Call it on one row or on a batch (a mapping of columns) with any of the usual column pairs. It serves
    as it is in `Dataset.map` (also with batched=True, num_proc, with_rank=True), in `IterableDataset.map`,
    and as a class in Ray Data: `map_batches(QaDSScorer, fn_constructor_args=("org/scorer",))`.

    The model is loaded at the first call in each process and is never pickled. The fingerprint that
    `datasets` caches by depends on the scorer's weights or commit and on the version of this code.

    Example:
        >>> scorer = QaDSScorer.from_pretrained("org/scorer")  # doctest: +SKIP
        >>> dataset = dataset.map(scorer, batched=True)  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        revision: str | None = None,
        device: Any = None,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        """Remember what to load; nothing is read or downloaded yet.

        Args:
            model: a scorer's folder or Hub id; None is what the environment variable `HF_QADS_SCORER` names,
                looked at when the scorer is first needed, else the embedded one, for demonstration.
            revision: branch, tag or commit of a Hub repository.
            device: None takes CUDA where there is one (by the worker's rank), else the CPU.
            batch_tokens: most tokens of a batch, padding included; halved where memory runs out.
        """
        self.model = None if model is None else str(model)
        self.revision = revision
        self.device = None if device is None else str(device)
        self.batch_tokens = batch_tokens
        self._mark: str | None = None
        self._location: Location | None = None
        self._predictor: Predictor | None = None

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path,
        *,
        revision: str | None = None,
        device: Any = None,
        batch_tokens: int = BATCH_TOKENS,
    ) -> "QaDSScorer":
        """A scorer whose files are at hand: a folder, or a Hub repository, which is downloaded.

        Raises:
            ScoringError: there is no such scorer.
        """
        scorer = cls(model, revision=revision, device=device, batch_tokens=batch_tokens)
        scorer._locate()
        return scorer

    def __call__(self, rows: Any, rank: int | None = None) -> Any:
        """Score one row or a batch.

        Args:
            rows: columns to values (one row) or to lists or arrays of values (a batch); an Arrow table or a
                pandas frame, as `map` passes them after `with_format`.
            rank: of the worker, as `with_rank=True` passes it; chooses among the machine's GPUs.

        Returns:
            `qads_score`: float32 in [1, 5], or NaN; `qads_reason`: None, or why the score is NaN. For a batch
            each is a column. A plain dict of numpy arrays, as Ray Data passes it, a table and a frame keep
            their other columns.

        Raises:
            SourceError: there is no known pair of columns.
            ScoringError: the scorer cannot be loaded.
        """
        listed, batch = rows_of(rows)
        scores, reasons = self.predict(listed, rank=rank)
        told = [reasons.get(place) for place in range(len(scores))]
        return answer(rows, batch, {SCORE: scores, REASON: told})

    def predict(
        self, rows: Sequence[Mapping[str, Any]], *, rank: int | None = None
    ) -> tuple[NDArray[np.float32], dict[int, str]]:
        """Scores (n,) in [1, 5] of a list of rows, and index of a row -> why its score is NaN.

        Cost: one forward pass over the rows' tokens; ids of all rows in memory.
        """
        return self.load(rank=rank).predict(rows)

    def load(self, *, rank: int | None = None) -> Predictor:
        """The model in memory, loaded at the first call.

        Raises:
            ScoringError: it cannot be loaded.
        """
        if self._predictor is None:
            device = pick_device(self.device, rank)
            if device.type == "cpu" and _in_worker():
                import torch

                # Workers share the cores, and OpenMP's threads do not survive a fork.
                torch.set_num_threads(1)
            folder = self._locate().folder
            self._predictor = Predictor(folder, device=device, batch_tokens=self.batch_tokens)
        return self._predictor

    @property
    def folder(self) -> Path:
        """Where the scorer's files are; those on the Hub are downloaded first."""
        return self._locate().folder

    def identity(self) -> dict[str, Any]:
        """What the scores depend on: name and commit, or hash of the folder's files, and code version."""
        location = self._locate()
        if location.revision is None and self._mark is None:
            self._mark = fingerprint(location.folder)
        return {"model": location.name, "revision": location.revision, "mark": self._mark, "version": VERSION}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.identity(), "device": self.device, "batch_tokens": self.batch_tokens}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(  # type: ignore[misc]
            state["model"],
            revision=state["revision"],
            device=state["device"],
            batch_tokens=state["batch_tokens"],
        )
        self._mark = state["mark"]

    def __repr__(self) -> str:
        return f"QaDSScorer({self.model!r}, revision={self.revision!r})"

    def _locate(self) -> Location:
        if self._location is None:
            self._location = locate(self.model or default_scorer(), self.revision)
        return self._location


def _in_worker() -> bool:
    """Whether this process was started by a pool of multiprocess (datasets) or multiprocessing."""
    loaded = (sys.modules.get(name) for name in ("multiprocess", "multiprocessing"))
    return any(module is not None and module.parent_process() is not None for module in loaded)


qads_score = QaDSScorer()
"""For `Dataset.map`: the scorer (folder or Hub id) that `HF_QADS_SCORER` names, else the embedded one."""
