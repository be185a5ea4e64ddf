"""The stage `scores`: the predicted quality score of every row of the pool."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hf_qads import references
from hf_qads.config.schema import Config
from hf_qads.pipeline import precomputed
from hf_qads.pipeline.rows import sizes
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage, one_pass
from hf_qads.pipeline.stages.scorer import groups
from hf_qads.runtime import executors

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
    reasons: LeftOut = {}
    if not config.has_precomputed_scores:
        reasons = _by_scorers(context, folder)
    elif executors.current().leads:
        reasons = {source: precomputed.scores(run, source, folder / f"{source}.parquet") for source in counts}
    left_out: LeftOut = {source: gone for source, gone in reasons.items() if gone}
    without = sum(count for gone in left_out.values() for count in gone.values())
    return Outcome(total, total - without, left_out, citations=(references.QADS,))


def _by_scorers(context: Context, folder: Path) -> LeftOut:
    """Score the rows of all sources by the scorer of their group, as its type has it; reasons by source."""
    from hf_qads.embedding.vectors import IDS, Vectors
    from hf_qads.scoring.probe.training import Probe
    from hf_qads.scoring.scorer.folders import FolderScoring, reasons_of, score_vectors
    from hf_qads.scoring.scorer.scorer import QaDSScorer

    config, run, executor = context.config, context.run, executors.current()
    probe = config.scorer is not None and config.scorer.type == "probe"
    works, outs = [], {}
    for group, sources in groups(config, run.kinds()).items():
        scorer = run.folder("scorer") / group
        model = QaDSScorer(scorer, device=config.device, batch_tokens=config.batch_tokens)
        for source in sources:
            outs[source] = out = folder / f"{source}.parquet"
            # a file of scores appears whole, and what lies in this stage's folder has this stage's key
            if out.exists():
                if executor.leads:
                    logger.info("scoring of %s: done before.", source)
            elif not probe:
                works.append(FolderScoring(model, run.rows_folder(source), out))
                works[-1].run()
            elif executor.leads:
                vectors = Vectors.open(run.folder("vectors") / source)
                score_vectors(Probe.load(scorer), vectors.array, pq.read_table(vectors.folder / IDS), out)
    executor.gather()
    for work in works:
        work.finish()
    return {source: reasons_of(out) for source, out in outs.items()}


STAGE = Stage("scores", 1, ("pool", "vectors", "scorer"), _settings, _work, shared=True, passes=one_pass)
