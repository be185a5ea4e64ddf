"""All pairs of prompt rows and anchors, shard by shard, shared among the processes of a launch."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hf_qads.errors import ScoringError
from hf_qads.rows.backbone import Backbone
from hf_qads.rows.rendering import Block
from hf_qads.runtime import distributed as ranks
from hf_qads.runtime import executors
from hf_qads.runtime.batching import TokenBudget, is_out_of_memory
from hf_qads.runtime.models import weights_digest
from hf_qads.runtime.progress import bar
from hf_qads.scoring.influence.blocks import Texts
from hf_qads.scoring.influence.full_sequences import FullSequences, reference
from hf_qads.scoring.influence.shards import Scores, Shard, ShardFolder, plan_rows, shard_name
from hf_qads.scoring.influence.shared_prefix import SharedPrefix, Work

logger = logging.getLogger(__name__)

_TOLERANCE = {"torch.float32": 1e-3, "torch.float64": 1e-3}
_HALF_TOLERANCE = 0.3  # rounding alone moves a one-token answer by a tenth


class PairScorer:
    """Scores every usable prompt row against every usable anchor of each set.

    Attributes:
        work: what was computed in this process, in this run.
    """

    def __init__(
        self,
        backbone: Backbone,
        bos: Sequence[int],
        prompts: Texts,
        anchors: Mapping[str, Texts],
        *,
        folder: Path | None,
        batch_tokens: int,
    ) -> None:
        self.backbone = backbone
        self.bos = list(bos)
        self.prompts = prompts
        self.anchors = anchors
        self.work = Work()
        self.folder = ShardFolder(folder)
        self._key = weights_digest(backbone.model) if folder is not None else b""
        self._budget = TokenBudget(batch_tokens)
        self._engine: SharedPrefix | FullSequences | None = None

    def zero_shot(self) -> dict[str, Scores]:
        """Score every anchor without an example (Eq. 1).

        Returns:
            by set, (anchors,) float32; NaN where an anchor is not usable.
        """
        shards = [self._shard(name, ()) for name in self.anchors]
        done = self._do(shards)
        found = {}
        for shard in shards:
            scores = np.full(len(self.anchors[shard.anchors].blocks), np.nan, dtype=np.float32)
            scores[self._usable(shard.anchors)] = done[shard.name][0]
            found[shard.anchors] = scores
        return found

    def one_shot(self) -> dict[str, Scores]:
        """Score every anchor after every prompt row (Eq. 2).

        Returns:
            by set, (prompts, anchors) float32; NaN where a row or pair is not usable.
        """
        usable = np.array(
            [row for row, why in enumerate(self.prompts.reasons) if why is None], dtype=np.int64
        )
        groups = plan_rows(self.prompts.lengths[usable])
        shards = [
            self._shard(name, tuple(usable[group].tolist())) for group in groups for name in self.anchors
        ]
        if executors.current().leads:
            self.folder.write_plan(shards, {name: len(self._usable(name)) for name in self.anchors})
        done = self._do(shards)
        found = {
            name: np.full((len(self.prompts.blocks), len(texts.blocks)), np.nan, dtype=np.float32)
            for name, texts in self.anchors.items()
        }
        for shard in shards:
            found[shard.anchors][np.ix_(shard.rows, self._usable(shard.anchors))] = done[shard.name]
        return found

    def _shard(self, anchors: str, rows: tuple[int, ...]) -> Shard:
        label = "one-shot" if rows else "zero-shot"
        blocks = [self.anchors[anchors].blocks[place] for place in self._usable(anchors)]
        return Shard(shard_name(self._key, label, self._examples(rows), blocks), anchors, rows)

    def _do(self, shards: Sequence[Shard]) -> dict[str, Scores]:
        """Have `shards` scored by the executor in force, those with the same rows together."""
        units: dict[tuple[int, ...], list[Shard]] = {}
        for shard in shards:
            units.setdefault(shard.rows, []).append(shard)
        work, folder = list(units.values()), self.folder.folder
        if folder is None:
            return self._in_memory(work)
        pieces = [
            executors.Shard(
                tuple(folder / shard.name for shard in unit),
                sum(max(1, len(shard.rows)) * len(self._usable(shard.anchors)) for shard in unit),
            )
            for unit in work
        ]
        executor = executors.current()
        zero_shot = not any(shard.rows for shard in shards)
        # workers that do not wait for each other each need all zero-shot scores, which cost next to nothing
        everyone = executors.Ranks() if zero_shot and not executor.waits else executor

        def do(number: int) -> None:
            left = [shard for shard in work[number] if not (folder / shard.name).exists()]
            if left:  # another rank may have done them in the meantime
                self._score(left)

        what = "influence, without examples" if zero_shot else "influence"
        everyone.run(pieces, do, what=what, unit="pair")
        if everyone is executor:
            executor.gather()
        if executor.leads:
            self.folder.tidy(shards)
        found = {}
        for shard in shards:
            shape = (max(1, len(shard.rows)), len(self._usable(shard.anchors)))
            scores = self.folder.read(shard, shape)
            found[shard.name] = self._score([shard])[shard.name] if scores is None else scores
        return found

    def _in_memory(self, units: Sequence[Sequence[Shard]]) -> dict[str, Scores]:
        """Do this process's share without a folder, and bring together what all have done."""
        own = units[ranks.rank() :: ranks.world_size()]
        total = sum(max(1, len(s.rows)) * len(self._usable(s.anchors)) for unit in own for s in unit)
        done: dict[str, Scores] = {}
        what = "influence" if len(own) == len(units) else "influence, the share of rank 0"
        with bar(total, what, unit="pair", shown=ranks.rank() == 0 and total > 0) as progress:
            for unit in own:
                scores = self._score(unit)
                done |= scores
                progress.update(sum(part.size for part in scores.values()))
        return _gather(done)

    def _score(self, unit: Sequence[Shard]) -> dict[str, Scores]:
        """Score shards of the same rows, and write each."""
        examples, done = self._examples(unit[0].rows), {}
        for shard in unit:
            blocks = [self.anchors[shard.anchors].blocks[place] for place in self._usable(shard.anchors)]
            done[shard.name] = self._pick().score(examples, blocks)
            self.folder.write(shard, done[shard.name])
        return done

    def _examples(self, rows: tuple[int, ...]) -> list[list[int]]:
        return [[*self.bos, *self.prompts.blocks[row].ids] for row in rows] if rows else [self.bos]

    def _usable(self, name: str) -> list[int]:
        return [place for place, why in enumerate(self.anchors[name].reasons) if why is None]

    def _pick(self) -> SharedPrefix | FullSequences:
        """The engine that reproduces the model's own forward pass on a long pair, sharing if it can."""
        if self._engine is None:
            self._engine = self._checked()
        return self._engine

    def _checked(self) -> SharedPrefix | FullSequences:
        pair = self._calibration_pair()
        own = reference(self.backbone, *pair)
        tolerance = _TOLERANCE.get(str(self.backbone.model.dtype), _HALF_TOLERANCE)
        name, reason = type(self.backbone.model).__name__, "its layers are not all attention"
        for engine in (SharedPrefix, FullSequences):
            trial = engine(self.backbone, TokenBudget(self._budget.tokens), Work())
            if isinstance(trial, SharedPrefix) and not trial.body.shares:
                continue
            try:
                found = float(trial.score([pair[0]], [pair[1]])[0, 0])
            except (
                TypeError,
                ValueError,
                RuntimeError,
            ) as error:  # what a model raises at what it cannot take
                if is_out_of_memory(error):
                    raise
                reason = str(error)
                continue
            if np.isfinite(own) and abs(found - own) > tolerance:
                reason = f"{found:.4f} instead of its own {own:.4f} nats for a pair"
                continue
            if engine is FullSequences:
                logger.warning(
                    "%s: cannot share examples (%s); each pair is forwarded whole, slower.", name, reason
                )
            return engine(self.backbone, self._budget, self.work)
        raise ScoringError(
            f"{name} cannot be scored by its body and output embedding: {reason}. "
            "Use a plain causal language model."
        )

    def _calibration_pair(self) -> tuple[list[int], Block]:
        """The anchor with the longest answer, after the longest prompt row with which it fits the context."""
        blocks = [block for texts in self.anchors.values() for block in texts.blocks]
        anchor = max(blocks, key=lambda block: block.answer[1] - block.answer[0])
        limit = self.backbone.context
        examples = (self._examples((row,))[0] for row, why in enumerate(self.prompts.reasons) if why is None)
        fitting = [ids for ids in examples if limit is None or len(ids) + anchor.answer[1] - 1 <= limit]
        return max(fitting, key=len, default=self.bos), anchor


def _gather(done: dict[str, Scores]) -> dict[str, Scores]:
    """What all processes of the launch have done."""
    if ranks.world_size() == 1:
        return done
    import torch.distributed as dist

    ranks.join()
    parts: list[dict[str, Scores]] = [{} for _ in range(ranks.world_size())]
    dist.all_gather_object(parts, done)
    return {name: scores for part in parts for name, scores in part.items()}
