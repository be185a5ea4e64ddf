"""Validate a config before any work: a bad name found after a night of scoring is no help."""

from pathlib import Path

from hf_qads.config.schema import Config
from hf_qads.errors import ConfigError
from hf_qads.pipeline.generators import check_generator
from hf_qads.pipeline.reading import spec_of
from hf_qads.pipeline.rendering_check import chat_renderer
from hf_qads.pipeline.stages.anchors import check_benchmarks
from hf_qads.pipeline.stages.augmenting import chosen_sources
from hf_qads.rows.rendering import PLAIN
from hf_qads.runtime.models import check_model


def check(config: Config) -> None:
    """Check what needs no data: strategy and what it reads, model folder, template, local files, anchors.

    Raises:
        QaDSError: something is wrong; nothing was written.
    """
    from hf_qads.runtime.devices import pick_device
    from hf_qads.scoring.influence.result import column_of
    from hf_qads.scoring.scores import registry as row_scores
    from hf_qads.selection.registry import checked_options, find_strategy
    from hf_qads.sources.resolving import file_marks

    strategy = config.select.strategy
    checked_options(strategy, find_strategy(strategy), config.select.options)
    for score in config.scores:
        row_scores.about(score.name, score.options)
    check_needs(config)
    if config.anchors is not None:
        check_benchmarks(config.anchors.sources, allowed=config.anchors.allow_benchmark)
        for anchors_of in config.anchors.sources:
            column_of(anchors_of.name or Path(anchors_of.path).stem)
    check_model(config.model.name, revision=config.model.revision)
    if config.augment is not None:
        chosen_sources(config)
        check_generator(config.augment)
    pick_device(config.device)
    template = config.model.template
    if template not in ("plain", "chat") and not ("{question}" in template and "{answer}" in template):
        raise ConfigError(
            f"model.template {template!r} is none of plain, chat, or text with {{question}} and {{answer}}. "
            f"The plain one is {PLAIN!r}."
        )
    if template == "chat":
        chat_renderer(config.model.name)
    against = config.decontaminate.against if config.decontaminate else []
    anchors = config.anchors.sources if config.anchors else []
    for source in (*config.sources, *anchors, *([] if isinstance(against, str) else against)):
        file_marks(spec_of(source, seed=config.seed))


def check_needs(config: Config) -> None:
    """Check that a run makes, or its rows bring, what the strategy reads.

    Raises:
        ConfigError: a column or feature that nothing makes, or target rows without anchors.
    """
    from hf_qads.embedding.features import MADE
    from hf_qads.pipeline.stages.features import TAGS
    from hf_qads.selection.registry import needs_of

    strategy = config.select.strategy
    needs = needs_of(strategy, config.select.options)
    columns = columns_of(config)
    lacking = [name for name in needs.columns if name not in columns]
    if lacking:
        raise ConfigError(
            f"select.strategy {strategy!r} reads a column {lacking[0]!r}, which this run has not. It has "
            f"{', '.join(columns)}. {_where_from(lacking[0])}"
        )
    unknown = [name for name in (*needs.features, *needs.targets) if name not in (*MADE, *config.columns)]
    if unknown:
        brought = (
            " They are lists of names that the rows bring: columns: [tags]." if unknown[0] == TAGS else ""
        )
        raise ConfigError(
            f"select.strategy {strategy!r} reads a feature {unknown[0]!r}, which no stage makes. There are: "
            f"{', '.join((*MADE, *config.columns))}.{brought}"
        )
    if needs.targets and config.anchors is None:
        raise ConfigError(f"select.strategy {strategy!r} compares rows with target rows. Give `anchors`.")


def _where_from(column: str) -> str:
    """How a run comes by a column."""
    from hf_qads.scoring.scores.registry import columns_by_score

    brought = f"Where the rows bring it, name it: columns: [{column}]."
    made = columns_by_score().get(column)
    return brought if made is None else f"Have it made: scores: [{made}]. {brought}"


def columns_of(config: Config) -> list[str]:
    """The columns of numbers that rows have when a run selects, and their source."""
    from hf_qads.scoring.scores.registry import about

    made = ["qads_score"] if config.scorer is not None else []
    if not config.has_precomputed_scores:
        made += ["qads_influence", "qads_influence_pairs", "qads_influence_low", "qads_influence_high"]
    made += [column for score in config.scores for column in about(score.name, score.options).columns]
    return ["source", *made, *(name for name in config.columns if name != "tags")]
