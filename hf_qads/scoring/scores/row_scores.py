"""Further scores (IFD, perplexity, ...) as a function for `Dataset.map`, streaming and Ray Data."""

from collections.abc import Mapping, Sequence
from typing import Any

from hf_qads.runtime.batching import BATCH_TOKENS
from hf_qads.runtime.devices import pick_device
from hf_qads.runtime.models import fingerprint, load_model
from hf_qads.scoring.scorer.map_batches import answer, rows_of
from hf_qads.scoring.scores.registry import Options, about, compute

VERSION = 1  # raised when the code changes what comes out, so that caches of `map` are not reused


class RowScores:
    """Adds the columns of scores to rows: `dataset.map(RowScores(["ifd"], model="org/model"), batched=True)`.

    The model is loaded at the first call in each process and is never pickled; the fingerprint that
    `datasets` caches by depends on its weights, on the options and on the version of this code.
    """

    def __init__(
        self,
        scores: Mapping[str, Options | None] | Sequence[str],
        *,
        model: str | None = None,
        template: str = "plain",
        device: Any = None,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        """Remember what to compute; nothing is loaded yet.

        Args:
            scores: names of `SCORES`, or a mapping of names to options.
            model: folder or Hub id of the causal language model, for those that read its losses.
            template: `plain`, `chat` or a format string.
            device: None takes CUDA where there is one (by the worker's rank), else the CPU.
            batch_tokens: most tokens of a batch, padding included.

        Raises:
            ScoringError: an unknown score or option, or one that needs vectors.
        """
        self.scores = dict(scores) if isinstance(scores, Mapping) else dict.fromkeys(scores)
        self.model, self.template = model, template
        self.device = None if device is None else str(device)
        self.batch_tokens = batch_tokens
        self._loaded: tuple[Any, Any] | None = None
        for name, options in self.scores.items():
            about(name, options)

    def __call__(self, rows: Any, rank: int | None = None) -> Any:
        """Score one row or a batch.

        Args:
            rows: columns to values (one row) or to lists or arrays of values (a batch); an Arrow table or a
                pandas frame, as `map` passes them after `with_format`.
            rank: of the worker, as `with_rank=True` passes it; chooses among the machine's GPUs.

        Returns:
            the scores' columns and `NAME_reason` of each.

        Raises:
            SourceError: there is no known pair of columns.
            ScoringError: a model or vectors are missing.
        """
        listed, batch = rows_of(rows)
        model, tokenizer = self._load(rank)
        found = compute(
            listed,
            self.scores,
            model=model,
            tokenizer=tokenizer,
            template=self.template,
            device=self.device,
            batch_tokens=self.batch_tokens,
        )
        return answer(rows, batch, found)

    def _load(self, rank: int | None) -> tuple[Any, Any]:
        if self._loaded is None:
            named = self.model is not None
            self._loaded = (
                load_model(str(self.model), device=pick_device(self.device, rank)) if named else (None, None)
            )
        return self._loaded

    def __getstate__(self) -> dict[str, Any]:
        mark = None if self.model is None else fingerprint(self.model)
        return {**self.__dict__, "_loaded": None, "mark": mark, "version": VERSION}
