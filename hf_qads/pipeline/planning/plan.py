"""`hf-qads plan`: what a config or preset will cost, before anything runs."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.config import loading as configs
from hf_qads.config.schema import Config, Endpoint, Model, Source
from hf_qads.errors import ConfigError, MixingError
from hf_qads.generation.usage import CHARACTERS_PER_TOKEN
from hf_qads.pipeline.generators import RULES
from hf_qads.pipeline.planning import augmenting, clusters, costs, jobs
from hf_qads.pipeline.planning.availability import Availability, availability, paper_rows, unpublished
from hf_qads.pipeline.planning.further import further
from hf_qads.pipeline.planning.measuring import measured
from hf_qads.pipeline.reading import named, spec_of
from hf_qads.pipeline.stages.augmenting import augmented_name, chosen_sources
from hf_qads.runtime.models import check_model, model_path

ASSUMED_SCORE = 0.6  # of the highest score, where a ratio goes by scores that are not known yet
ASSUMED_MODEL = (7e9, 4096)


class _Counted(NamedTuple):
    """A source: its name and kind, its rows and their mean tokens, and whether it was read."""

    name: str
    kind: str
    rows: int
    tokens: float
    read: bool


def plan(
    what: str,
    *,
    overrides: Sequence[str] = (),
    out: Path | None = None,
    measure: bool = False,
    slurm: Path | None = None,
    hf_jobs: Path | None = None,
    gpus: Sequence[int] | None = None,
    rows: int | None = None,
) -> str:
    """Rows, tokens, forward passes, GPU time and disk of a config file or a preset, as text.

    Local and embedded sources and anchors are read and counted. Those of the catalogue count with the
    paper's size; the Hub is asked whether it has them, and no row is downloaded. What a config asks for and
    is not available now is named with the reason. With `on_missing: skip` it is not counted, as in a run;
    with `on_missing: error` the text says that a run would stop, and it counts with the paper's size. For the
    bare name of a preset nobody is asked.

    Args:
        what: a config file or a preset's name.
        overrides: `KEY=VALUE` within it, as a run is given them; scripts give them to their jobs.
        out: the run folder that a script for Slurm names; None is `runs/NAME` here.
        measure: also measure the model's speed on this machine, for some seconds, and tell the hours with it.
        slurm: gets a script that submits the run as Slurm arrays.
        hf_jobs: gets one that runs it on Hugging Face Jobs.
        gpus: numbers of GPUs for which to tell the hours of each stage, and what stays on one machine.
        rows: plan for a pool of so many rows, its sources grown or shrunk alike.

    Raises:
        QaDSError: there is no such config or preset, or it is wrong.
    """
    from hf_qads.pipeline.run import stages
    from hf_qads.presets import presets
    from hf_qads.runtime.files import write_text

    if Path(what).suffix in (".yaml", ".yml") or (Path(what).exists() and what not in presets.names()):
        config = configs.load(what, overrides)
        told, made = _plan(config, availability(config), [], measure, rows)
    elif slurm or hf_jobs:
        raise ConfigError(f"jobs run a config file, and {what!r} is none. Write `preset: {what}` into one.")
    else:
        raw: dict[str, Any] = {"preset": what}
        for one in overrides:
            configs.override(raw, one)
        config = configs.parse(raw)
        told, made = _plan(config, Availability([]), unpublished(config), measure, rows)
    if gpus:
        told += ["", clusters.table(made, gpus)]
    hours = {stage.name: stage.gpu_hours for stage in made.stages}
    planned, path = jobs.jobs(stages(config), config, hours), Path(what).absolute()
    if slurm is not None:
        folder = (out or Path("runs") / config.name).absolute()
        write_text(slurm, jobs.slurm(planned, path, folder, overrides))
        told.append(f"{len(planned)} jobs for Slurm: bash {slurm}")
    if hf_jobs is not None:
        write_text(hf_jobs, jobs.hf_jobs(planned, path, made.gpu, overrides))
        told.append(f"{len(planned)} jobs for Hugging Face Jobs: BUCKET=... IMAGE=... bash {hf_jobs}")
    return "\n".join(told)


def _plan(
    config: Config, found: Availability, notes: list[str], measure: bool, rows: int | None
) -> "tuple[list[str], costs.Plan]":
    counts: dict[str, _Counted] = {}
    sources = [_count(s, config.seed, counts) for s in config.sources if named(s) not in found.sources]
    try:
        shares = _shares(config, sources)
    except MixingError as error:
        if not found.sources:
            raise
        found = Availability([*found.said, f"A run would stop: {error} The figures count all sources."])
        sources = [_count(s, config.seed, counts) for s in config.sources]
        shares = _shares(config, sources)
    if rows is not None:
        sources = _grown(sources, rows)
        notes.append(f"sources grown or shrunk alike, to {rows:,} rows in all")
    anchors = _anchors(config, found, counts)
    if unread := [one.name for one in counts.values() if not one.read]:
        notes.append(
            f"not read, so the paper's sizes and {costs.ROW_TOKENS} tokens a row are taken: "
            f"{', '.join(dict.fromkeys(unread))}"
        )
    notes += _assumed_means(config, sources)
    parameters, width = _shape(config.model, notes)
    before = _augmented(config, sources)
    if before:
        shares = _shares(config, sources)
    per_kind = config.scorer is not None and config.scorer.per == "kind"
    made = costs.plan(
        {one.name: one.rows for one in sources},
        shares,
        subsets=config.subsets,
        kinds={one.name: one.kind for one in sources} if per_kind else None,
        anchors=anchors,
        candidates=_candidates(config, found, counts),
        prompts=config.prompts,
        experience=config.experience.share if config.experience else None,
        experience_epochs=config.experience.epochs if config.experience else 1.0,
        vectors=config.vectors,
        scorer=config.scorer.type if config.scorer else None,
        scorer_epochs=config.scorer.epochs if config.scorer else 0.0,
        parameters=parameters,
        width=width,
        row_tokens={one.name: one.tokens for one in sources},
        notes=notes,
        before=before,
        further=further(
            config,
            sum(one.rows for one in sources),
            sum(one.rows * one.tokens for one in sources),
            anchors=sum(anchors),
            parameters=parameters,
            width=width,
        ),
    )
    told = [*found.said, *([""] if found.said else []), str(made)]
    if measure:
        whole = sum(one.rows for one in sources)
        mean = sum(one.rows * one.tokens for one in sources) / max(1, whole)
        told += measured(config, made.stages, row_tokens=mean)
    return told, made


def _grown(sources: list[_Counted], rows: int) -> list[_Counted]:
    """The sources with as many rows in all, in the same proportions.

    Raises:
        ConfigError: that is not a pool.
    """
    if rows < len(sources):
        raise ConfigError(f"--rows {rows} is less than a row for each of {len(sources)} sources.")
    share = rows / sum(one.rows for one in sources)
    return [one._replace(rows=max(1, round(one.rows * share))) for one in sources]


def _augmented(config: Config, sources: list[_Counted]) -> "list[costs.StagePlan]":
    """The stage that generates rows, where the config asks for it; adds the sources that it makes."""
    if config.augment is None:
        return []
    chosen = {named(source) for source in chosen_sources(config)}
    parents = [one for one in sources if one.name in chosen]
    usage, rows = augmenting.expected(
        config.augment, [augmenting.Parent(one.name, one.rows, one.tokens) for one in parents]
    )
    for one in parents:
        sources.append(one._replace(name=augmented_name(one.name), rows=rows[one.name]))
    tokens = float(usage.prompt_tokens + usage.answer_tokens)
    hours = 0.0
    if not isinstance(config.augment.model, Endpoint) and config.augment.model.path != RULES:
        parameters, _ = _shape(Model(path=config.augment.model.path), [])
        hours = costs.forward_hours(tokens, parameters)
    asked = sum(min(one.rows, config.augment.questions or one.rows) for one in parents)
    how = augmenting.told(config.augment, usage)
    return [costs.StagePlan("augmenting", asked, usage.requests, tokens, hours, tokens * 4.0, how)]


def _shares(config: Config, sources: list[_Counted]) -> dict[str, float]:
    """Shares by the config's rule; where it goes by scores, by those that the paper's counts imply."""
    from hf_qads.mixing import ratios
    from hf_qads.presets import paper

    scale, implied = 5.0 if config.scorer else 1.0, paper.implied_means()
    means = {one.name: implied.get(one.name, 5 * ASSUMED_SCORE) * scale / 5 for one in sources}
    return ratios.from_rule(
        config.ratio.model_dump(exclude_none=True),
        sizes={one.name: one.rows for one in sources},
        means=means,
        kinds={one.name: one.kind for one in sources},
        scale=scale,
    )


def _assumed_means(config: Config, sources: list[_Counted]) -> list[str]:
    """A note on the mean scores that `_shares` takes; none where the rule does not go by them."""
    from hf_qads.presets import paper

    rule = str(config.ratio.model_dump(exclude_none=True))
    if "score" not in rule and "total" not in rule:
        return []
    known = paper.implied_means().keys() >= {one.name for one in sources}
    return [
        "ratios by score take the mean scores that the paper's Table 8 implies"
        + ("" if known else f", {ASSUMED_SCORE:.0%} of the highest for other sources")
        + "; a run computes its own"
    ]


def _anchors(config: Config, found: Availability, counts: dict[str, _Counted]) -> list[int]:
    """Rows of each anchor set that is available: all of a set that is no larger than asked."""
    if config.anchors is None or config.has_precomputed_scores:
        return []
    size, rows = config.anchors.size, []
    for source in config.anchors.sources:
        if named(source) in found.anchors:
            continue
        rows.append(min(size, _count(source, config.seed, counts).rows) if _countable(source) else size)
    return rows


def _candidates(config: Config, found: Availability, counts: dict[str, _Counted]) -> int:
    """Rows that are embedded to choose anchors among them; those of the pool have their vectors already."""
    if config.anchors is None or config.has_precomputed_scores:
        return 0
    pool = config.anchors.pool
    own = {source.path for source in config.sources} if config.vectors == "model" else set()
    others = [s for s in config.anchors.sources if named(s) not in found.anchors and s.path not in own]
    return sum(
        min(pool, _count(source, config.seed, counts).rows) if _countable(source) else pool
        for source in others
    )


def _countable(source: Source) -> bool:
    """Whether a source's size is known before anything is downloaded."""
    from hf_qads.repositories.folders import looks_local
    from hf_qads.repositories.places import is_place
    from hf_qads.sources import CATALOGUE

    here = looks_local(source.path) and not is_place(source.path)
    at_hand = here or source.path.startswith("embedded_")
    return at_hand or source.path in CATALOGUE


def _count(source: Source, seed: int, counts: dict[str, _Counted]) -> _Counted:
    """Count a source; each is read once, and kept in `counts`."""
    key = source.model_dump_json()
    if key not in counts:
        counts[key] = _measure(source, seed)
    return counts[key]


def _measure(source: Source, seed: int) -> _Counted:
    from hf_qads.sources import CATALOGUE, read_source

    if not _countable(source):
        raise ConfigError(
            f"source {source.path!r} is neither local nor in the catalogue, so its size is unknown before it "
            "is downloaded. Plan with a local copy, or with a catalogue name."
        )
    entry = CATALOGUE.get(source.path)
    if entry is not None and not source.path.startswith("embedded_"):
        name, kind = source.name or entry.name, source.kind or entry.kind
        return _Counted(name, kind, paper_rows(source), costs.ROW_TOKENS, False)
    with tempfile.TemporaryDirectory() as folder:
        read = read_source(spec_of(source, seed=seed), out=Path(folder) / "rows")
        characters = 0
        for path in read.folder.glob("part-*.parquet"):
            for column in pq.read_table(path, columns=[schema.QUESTION, schema.ANSWER]).columns:
                characters += pc.sum(pc.utf8_length(column)).as_py() or 0
    return _Counted(read.name, read.kind, read.rows, characters / read.rows / CHARACTERS_PER_TOKEN, True)


def _shape(model: Model, notes: list[str]) -> tuple[float, int]:
    """Parameters and width of a local model; those of a usual 7B model where it is not at hand."""
    check_model(model.name, revision=model.revision)
    path = Path(model_path(model.name, revision=model.revision))
    if not path.is_dir():
        notes.append(f"{model.name} is not at hand: counted as a model of 7 billion parameters")
        return ASSUMED_MODEL
    from safetensors import safe_open
    from transformers import AutoConfig

    parameters = 0
    for file in path.glob("*.safetensors"):
        with safe_open(file, framework="numpy") as tensors:
            for name in tensors.keys():
                size = 1
                for side in tensors.get_slice(name).get_shape():
                    size *= side
                parameters += size
    return float(parameters), int(AutoConfig.from_pretrained(path).get_text_config().hidden_size)
