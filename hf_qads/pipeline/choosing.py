"""Choose rows of a run's scored pool by any strategy, as library calls: selection in an experiment's cell."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
from hf_qads.pipeline.rows import as_dicts, sizes, take
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
        rows: numbers of the rows that may be chosen, in pool order.
        left_out: reason -> rows that no strategy may take.
    """

    def __init__(
        self,
        run: RunFolder,
        folder: Path,
        *,
        sources: Sequence[str] | None = None,
        max_characters: int | None = None,
    ) -> None:
        """Open a run that has scores.

        Args:
            run: the run folder, at least up to the stage `scores`.
            folder: where what is made for choosing is kept: lengths, stacked vectors.
            sources: those whose rows may be taken; None is all.
            max_characters: rows whose question and answer are longer are taken out, and counted.

        Raises:
            SelectionError: no row is left, or the run has no such source.
        """
        unknown = sorted(set(sources or ()) - set(run.sources()))
        if unknown:
            raise SelectionError(f"The run has no sources {unknown}. It has: {', '.join(run.sources())}.")
        self.config: Config = loading.parse(run.config())
        self.run, self.folder = run, folder
        counts = sizes(run)
        self.sources = np.repeat(np.array(list(counts), dtype=object), list(counts.values()))
        ends = np.cumsum(list(counts.values())).tolist()
        self._places = {name: slice(end - counts[name], end) for name, end in zip(counts, ends, strict=True)}
        with files.locked(folder / ".lengths.lock"):
            table = self._lengths()
        self.lengths: Rows = table[TOKENS].to_numpy().astype(np.int64)
        self._answers = table[ANSWER_TOKENS].to_numpy().astype(np.float64)
        self._usable = np.isin(self.sources, sources or run.sources())
        self.left_out = Counter({"their source is not among those named": int((~self._usable).sum())})
        parts = self._parts(Needs())
        whole = together([replace(part, vectors=None) for part in parts.values()], folder)
        self._columns = whole.columns
        for name in sources or parts:
            self.left_out.update(parts[name].left_out)
        self._usable = np.isin(np.arange(len(self.sources)), whole.rows)
        characters = table["characters"].to_numpy()
        for reason, mask in {
            "the model cannot read them": self.lengths == 0,
            f"longer than {max_characters} characters": characters > (max_characters or np.inf),
        }.items():
            self.left_out[reason] = int((mask & self._usable).sum())
            self._usable &= ~mask
        self.left_out = +self.left_out
        self.rows: Rows = np.flatnonzero(self._usable)
        if not len(self.rows):
            raise SelectionError(f"No row of {run.path} is left to choose from: {dict(self.left_out)}.")
        self._opened: dict[Needs, tuple[Choices, dict[str, Choices]]] = {}

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
            choice, offset = parts[source], self._places[source].start
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
        for name, place in self._places.items():
            mine = np.sort(rows[(rows >= place.start) & (rows < place.stop)])
            for row, values in zip(mine, as_dicts(take(self.run, name, mine - place.start)), strict=True):
                found[int(row)] = values
        return [found[int(row)] for row in rows]

    def scores(self) -> Mapping[str, NDArray[np.float64]]:
        """Every column of numbers that the rows have, (n,) each."""
        return {name: values for name, values in self._columns.items() if values.dtype.kind == "f"}

    def _open(self, needs: Needs) -> tuple[Choices, dict[str, Choices]]:
        """Choices of the whole pool and of each source for strategies that read the same."""
        if needs not in self._opened:
            parts = self._parts(needs)
            label = "-".join(sorted({*needs.features, "vectors"}))
            whole = together(list(parts.values()), self.folder / "stacked" / label)
            self._opened[needs] = whole, parts
        return self._opened[needs]

    def _parts(self, needs: Needs) -> dict[str, Choices]:
        """Choices of each source for strategies that read the same, whose features are made first."""
        made = [name for name in (*needs.features, *needs.targets) if name in MADE]
        if made:
            with files.locked(self.run.folder("features") / ".making.part"):
                features.make(
                    Context(self.config, self.run, lambda line: None),
                    [name for name in needs.features if name in made],
                    [name for name in needs.targets if name in made],
                )
        column = self.run.score_column() or schema.SCORE
        own = (ANSWER_TOKENS, TOKENS, schema.SOURCE)
        asked = replace(needs, columns=tuple(name for name in needs.columns if name not in own))
        parts = {}
        for name, place in self._places.items():
            choice = choices(self.run, name, column=column, needs=asked)
            counted = {
                ANSWER_TOKENS: self._answers[place],
                TOKENS: self.lengths[place].astype(np.float64),
            }
            kept = choice.rows[self._usable[place][choice.rows]]
            parts[name] = replace(choice, rows=kept, columns={**choice.columns, **counted})
        return parts

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
