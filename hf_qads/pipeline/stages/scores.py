"""Stage 6: the predicted quality score of every row of the pool."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hf_qads import references
from hf_qads.config.schema import Config
from hf_qads.pipeline import precomputed
from hf_qads.pipeline.rows import sizes
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage
from hf_qads.pipeline.stages.scorer import groups
from hf_qads.runtime import distributed

logger = logging.getLogger(__name__)


def _settings(config: Config) -> Mapping[str, Any]:
    if config.has_precomputed_scores:
        return {"scores": "precomputed"}
    return {"per": None if config.scorer is None else config.scorer.per}


def _work(context: Context, folder: Path) -> Outcome:
    config, run = context.config, context.run
    counts = sizes(run)
    total = sum(counts.values())
    if config.scorer is None:
        return Outcome(total, total, details={"scorer": "none: every row is scored for real"})
    left_out: LeftOut = {}
    if config.has_precomputed_scores and distributed.rank() == 0:
        told = {source: precomputed.scores(run, source, folder / f"{source}.parquet") for source in counts}
        left_out = {source: gone for source, gone in told.items() if gone}
    for group, sources in ({} if config.has_precomputed_scores else groups(config, run.kinds())).items():
        for source, gone in _by_scorer(context, run.folder("scorer") / group, sources, folder).items():
            if gone:
                left_out[source] = gone
    without = sum(count for reasons in left_out.values() for count in reasons.values())
    return Outcome(total, total - without, left_out, citations=(references.QADS,))


def _by_scorer(context: Context, scorer: Path, sources: list[str], folder: Path) -> LeftOut:
    """Score the rows of sources by one scorer, as its type has it; reasons by source."""
    from hf_qads.embedding.vectors import IDS, Vectors
    from hf_qads.scoring.probe.training import Probe
    from hf_qads.scoring.scorer.folders import reasons_of, score_folder, score_vectors
    from hf_qads.scoring.scorer.scorer import QaDSScorer

    config, run = context.config, context.run
    leads, left_out = distributed.rank() == 0, {}
    probe = config.scorer is not None and config.scorer.type == "probe"
    model = QaDSScorer(scorer, device=config.device, batch_tokens=config.batch_tokens)
    for source in sources:
        out = folder / f"{source}.parquet"
        # a file of scores appears whole, and what lies in this stage's folder has this stage's key
        if leads and out.exists():
            logger.info("scoring of %s: done before.", source)
        if probe:
            if leads and not out.exists():
                vectors = Vectors.open(run.folder("vectors") / source)
                score_vectors(Probe.load(scorer), vectors.array, pq.read_table(vectors.folder / IDS), out)
            distributed.barrier()
        elif not out.exists():
            score_folder(model, run.rows_folder(source), out)
        left_out[source] = reasons_of(out)
    return left_out


STAGE = Stage("scores", 1, ("pool", "vectors", "scorer"), _settings, _work, shared=True)
