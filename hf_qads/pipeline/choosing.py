"""Choose rows of a run's scored pool by any strategy, as library calls: selection in an experiment's cell."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hf_qads import schema
from hf_qads.config import loading
from hf_qads.config.schema import Config, Select
from hf_qads.embedding.features import MADE
from hf_qads.errors import SelectionError
from hf_qads.pipeline.rows import as_dicts, take
from hf_qads.pipeline.stage import Context
from hf_qads.pipeline.stages import features
from hf_qads.pipeline.stages.selection import Choices, choices, rank, together
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import executors, files
from hf_qads.runtime.sharding import ShardReader, row_shards
from hf_qads.selection.needs import Needs

TOKENS, ANSWER_TOKENS = "tokens", "answer_tokens"
WINDOW = 4096  # rows that are tokenised together
Rows = NDArray[np.int64]


class Candidates:
    """The rows of a run that a strategy may choose from, over all sources; rows have one number each.

    Attributes:
        run: the run folder.
        sources: (n,) the source of each row.
        lengths: (n,) tokens of each row with its ends; 0 where it cannot be read.
        left_out: reason -> rows that no strategy may take.
    """

    def __init__(
        self,
        run: RunFolder,
        folder: Path,
        *,
        sources: Sequence[str] | None = None,
        max_characters: int | None = None,
        device: str | None = None,
    ) -> None:
        """Open a run that has scores.

        Args:
            run: the run folder, at least up to the stage `scores`.
            folder: where what is made for choosing is kept: lengths, features, stacked vectors.
            sources: those whose rows may be taken; None is all.
            max_characters: rows whose question and answer are longer are taken out, and counted.
            device: of the large products.

        Raises:
            SelectionError: no row is left, or the run has no such source.
        """
        unknown = sorted(set(sources or ()) - set(run.sources()))
        if unknown:
            raise SelectionError(f"The run has no sources {unknown}. It has: {', '.join(run.sources())}.")
        keys = {key: value for key, value in run.config().items() if key != "device"}
        self.config: Config = loading.parse({**keys, "device": device})
        self.run, self.folder = run, folder
        self.sources = np.concatenate(
            [np.full(len(run.table(name, [schema.ROW_ID])), name, dtype=object) for name in run.sources()]
        )
        self._sizes = [int((self.sources == name).sum()) for name in run.sources()]
        self._offsets = np.cumsum([0, *self._sizes])
        with files.locked(folder / ".lengths.lock"):
            table = self._lengths()
        self.lengths: Rows = table[TOKENS].to_numpy().astype(np.int64)
        self._answers = table[ANSWER_TOKENS].to_numpy().astype(np.float64)
        characters = table["characters"].to_numpy()
        refused = {
            "their source is not among those named": ~np.isin(self.sources, sources or run.sources()),
            "the model cannot read them": self.lengths == 0,
            f"longer than {max_characters} characters": characters > (max_characters or np.inf),
        }
        self._usable = np.ones(len(self.sources), dtype=bool)
        self.left_out = {}
        for reason, mask in refused.items():
            self.left_out[reason] = int((mask & self._usable).sum())
            self._usable &= ~mask
        self.left_out = {reason: count for reason, count in self.left_out.items() if count}
        if not self._usable.any():
            raise SelectionError(f"No row of {run.path} is left to choose from: {self.left_out}.")
        self._opened: dict[Needs, tuple[Choices, dict[str, Choices]]] = {}

    @property
    def rows(self) -> Rows:
        """All rows that may be chosen, in pool order."""
        return self._open(Needs())[0].rows

    def order(
        self,
        strategy: str,
        size: int,
        *,
        seed: int,
        options: Mapping[str, Any] | None = None,
        start: int = 100,
        metric: str = "euclidean",
        source: str | None = None,
    ) -> Rows:
        """Rows in the order in which a strategy picks them, at most `size`; a smaller size is a prefix.

        Args:
            strategy: one of `hf-qads strategies`.
            size: how many rows; cut to those there are.
            seed: of all that is drawn.
            options: the strategy's own.
            start: rows of the start pool, which come after all picks.
            metric: `euclidean` or `cosine`.
            source: choose among this source's rows only; None chooses from the whole pool.

        Raises:
            SelectionError: the strategy reads what the run has not.
        """
        from hf_qads.selection.registry import needs_of

        select = Select(strategy=strategy, options=dict(options or {}), start=start, metric=metric)  # type: ignore[arg-type]
        needs = needs_of(strategy, select.options)
        whole, parts = self._open(needs)
        choice, offset = whole, 0
        if source is not None:
            choice, offset = parts[source], int(self._offsets[self.run.sources().index(source)])
        config = self.config.model_copy(update={"select": select, "seed": seed, "subsets": []})
        context = Context(config, self.run, lambda line: None)
        count = min(size, len(choice.rows))
        if count == len(choice.rows):
            context = Context(config.model_copy(update={"subsets": [1.0]}), self.run, lambda line: None)
        checkpoints = executors.temporary(self.folder / "checkpoints")  # others may choose at the same time
        order = rank(context, checkpoints, choice, count, needs)
        files.remove(checkpoints)
        return np.asarray(order.rows[:count], dtype=np.int64) + offset

    def dicts(self, rows: Rows) -> list[dict[str, Any]]:
        """The rows as dicts, in the order given."""
        found: dict[int, dict[str, Any]] = {}
        for place, name in enumerate(self.run.sources()):
            low, high = self._offsets[place], self._offsets[place + 1]
            mine = np.sort(rows[(rows >= low) & (rows < high)])
            for row, values in zip(mine, as_dicts(take(self.run, name, mine - low)), strict=True):
                found[int(row)] = values
        return [found[int(row)] for row in rows]

    def scores(self) -> Mapping[str, NDArray[np.float64]]:
        """Every column of numbers that the rows have, (n,) each."""
        whole = self._open(Needs())[0]
        return {name: values for name, values in whole.columns.items() if values.dtype.kind == "f"}

    def _open(self, needs: Needs) -> tuple[Choices, dict[str, Choices]]:
        """Choices of the whole pool and of each source for strategies that read the same."""
        if needs in self._opened:
            return self._opened[needs]
        context = Context(self.config, self.run, lambda line: None)
        made = [name for name in (*needs.features, *needs.targets) if name in MADE]
        if made:
            with files.locked(self.run.folder("features") / ".making.part"):
                features.make(
                    context,
                    [name for name in needs.features if name in made],
                    [name for name in needs.targets if name in made],
                )
        column = self.run.score_column() or schema.SCORE
        own = (ANSWER_TOKENS, TOKENS)
        asked = Needs(
            needs.vectors,
            needs.scores,
            needs.start,
            tuple(name for name in needs.columns if name not in (*own, schema.SOURCE)),
            needs.features,
            needs.targets,
        )
        parts = {}
        for place, name in enumerate(self.run.sources()):
            choice = choices(self.run, name, column=column, needs=asked)
            part = slice(self._offsets[place], self._offsets[place + 1])
            choice.columns[ANSWER_TOKENS] = self._answers[part]  # type: ignore[index]
            choice.columns[TOKENS] = self.lengths[part].astype(np.float64)  # type: ignore[index]
            kept = choice.rows[self._usable[part][choice.rows]]
            parts[name] = Choices(
                choice.row_ids, kept, choice.scores, choice.vectors, choice.columns, choice.features,
                choice.mean, choice.left_out,
            )  # fmt: skip
        label = "-".join(sorted({*needs.features, "vectors"}))
        whole = together(list(parts.values()), self.folder / "stacked" / label)
        self._opened[needs] = whole, parts
        return whole, parts

    def _lengths(self) -> pa.Table:
        """Tokens, answer tokens and characters of each row, counted once."""
        path = self.folder / f"lengths-{features.key(self.run)}.parquet"
        if path.exists():
            return pq.read_table(path, partitioning=None)
        from hf_qads.rows.rendering import Renderer, template_of
        from hf_qads.runtime.models import load_tokenizer

        model = self.config.model
        config, tokenizer = load_tokenizer(
            model.name, revision=model.revision, trust_remote_code=model.trust_remote_code
        )
        renderer = Renderer(tokenizer, template_of(config, model.template))
        extra = len(renderer.bos) + (renderer.template != "chat" and tokenizer.eos_token_id is not None)
        columns: dict[str, list[int]] = {TOKENS: [], ANSWER_TOKENS: [], "characters": []}
        reader = ShardReader((schema.HISTORY, schema.QUESTION, schema.ANSWER))
        for name in self.run.sources():
            for shard in row_shards(self.run.rows_folder(name), WINDOW):
                rows = as_dicts(reader.table(shard))
                for row, block in zip(rows, renderer.blocks(rows), strict=True):
                    read = None if isinstance(block, str) else block
                    columns[TOKENS].append(len(read.ids) + extra if read else 0)
                    columns[ANSWER_TOKENS].append(read.answer[1] - read.answer[0] if read else 0)
                    columns["characters"].append(len(row[schema.QUESTION]) + len(row[schema.ANSWER]))
        table = pa.table(columns)
        with files.atomic_path(path) as temporary:
            pq.write_table(table, temporary)
        return table
