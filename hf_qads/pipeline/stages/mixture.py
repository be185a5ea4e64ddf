"""The stage `mixture`: a complete dataset repository with its card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hf_qads.config.schema import Config
from hf_qads.pipeline.stage import Context, Outcome, Stage
from hf_qads.pipeline.stages.features import TAGS
from hf_qads.pipeline.stages.selection import RATIOS
from hf_qads.runtime.files import read_json


def _settings(config: Config) -> Mapping[str, Any]:
    return {"name": config.name, "subsets": config.subsets}


def _work(context: Context, folder: Path) -> Outcome:
    from hf_qads.mixing.stream import MixturePart, pool_mixture
    from hf_qads.publishing.cards.common import HERE
    from hf_qads.publishing.cards.datasets import Extras, mixture_card
    from hf_qads.publishing.facts.facts import Subset, public, run_facts

    run = context.run
    chosen = read_json(run.folder("selection") / RATIOS)
    kinds = run.kinds()
    parts = [
        MixturePart(
            source=source,
            kind=kinds[source],
            pool=run.pool_files(source),
            selection=run.folder("selection") / f"{source}.parquet",
            size=chosen["sizes"][source],
            columns=[path for stage, path in run.column_files(source).items() if stage != "selection"],
            own=[name for name in context.config.columns if name != TAGS],
        )
        for source in run.sources()
    ]
    mixture = pool_mixture(parts, ratios=chosen["ratios"], subsets=context.config.subsets)
    rows = mixture.layout.rows
    facts = run_facts(
        run,
        kept={line["source"]: line["kept"] for line in mixture.summary},
        ratios=chosen["ratios"],
        left_out={},
        subsets=[Subset("default", rows), *(Subset(name, count) for name, count in mixture.subsets.items())],
    )
    made = {
        "config": public(run.config()),
        "seed": context.config.seed,
        "versions": facts.versions,
        "stages": facts.keys,
        "revisions": {source.name: source.revision for source in facts.sources},
        "mean_scores": chosen["means"],
    }
    # Until it is published, the mixture is loaded from the folder that the card lies in.
    extras = Extras(repo=HERE, columns=mixture.schema.names)
    mixture.save(folder, card=mixture_card(facts, extras=extras), facts=made)
    return Outcome(sum(chosen["sizes"].values()), rows, details={"subsets": mixture.subsets})


STAGE = Stage("mixture", 2, ("pool", "selection", "scores", "row_scores", "influence"), _settings, _work)
