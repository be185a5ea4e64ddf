"""Stage 6: the predicted quality score of every row of the pool."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hf_qads import ranks
from hf_qads.config import Config
from hf_qads.pipeline import given
from hf_qads.pipeline.rows import sizes
from hf_qads.pipeline.scorer import groups
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage


def _settings(config: Config) -> Mapping[str, Any]:
    if config.scores_given:
        return {"scores": "given"}
    return {"per": None if config.scorer is None else config.scorer.per, "batch_tokens": config.batch_tokens}


def _work(context: Context, folder: Path) -> Outcome:
    from hf_qads.embedding.vectors import IDS, Vectors
    from hf_qads.scoring.folders import score_folder, score_vectors
    from hf_qads.scoring.probe import Probe
    from hf_qads.scoring.scorer import QaDSScorer

    config, run = context.config, context.run
    counts = sizes(run)
    total = sum(counts.values())
    if config.scorer is None:
        return Outcome(total, total, details={"scorer": "none: every row is scored for real"})
    left_out: LeftOut = {}
    if config.scores_given and ranks.rank() == 0:
        told = {source: given.scores(run, source, folder / f"{source}.parquet") for source in counts}
        left_out = {source: gone for source, gone in told.items() if gone}
    for group, sources in ({} if config.scores_given else groups(config, run.kinds())).items():
        place = run.folder("scorer") / group
        if config.scorer.type == "probe":
            probe = Probe.load(place)
        else:
            scorer = QaDSScorer.from_pretrained(place, device=config.device, batch_tokens=config.batch_tokens)
        for source in sources:
            out = folder / f"{source}.parquet"
            if config.scorer.type == "probe":
                vectors = Vectors.open(run.folder("vectors") / source)
                gone = score_vectors(probe, vectors.array, pq.read_table(vectors.folder / IDS), out)
            else:
                gone = score_folder(scorer, run.folder("pool") / source, out)
            if gone:
                left_out[source] = gone
    without = sum(count for reasons in left_out.values() for count in reasons.values())
    return Outcome(total, total - without, left_out)


STAGE = Stage("scores", 1, ("pool", "vectors", "scorer"), _settings, _work, shared=True)
