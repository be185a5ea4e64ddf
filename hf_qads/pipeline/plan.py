"""`hf-qads plan`: what a config or preset will cost, before anything runs."""

import tempfile
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from hf_qads import config as configs
from hf_qads import schema
from hf_qads.config import Config, Model, Source
from hf_qads.errors import ConfigError
from hf_qads.pipeline.models import check_model, model_path
from hf_qads.pipeline.reading import spec_of

CHARACTERS_PER_TOKEN = 3.5
ASSUMED_SCORE = 0.6  # of the highest score, where a ratio goes by scores that are not known yet
ASSUMED_MODEL = (7e9, 4096)


def plan(what: str) -> str:
    """Rows, tokens, forward passes, GPU hours and disk of a config file or a preset, as text.

    Local and embedded sources are read and counted. Sources of the catalogue that are not at hand count with
    the paper's size; nothing is downloaded.

    Raises:
        QaDSError: there is no such config or preset, or it is wrong.
    """
    from hf_qads.mixing.plan import plan_preset

    if Path(what).suffix in (".yaml", ".yml") or Path(what).exists():
        return _plan_config(configs.load(what))
    return str(plan_preset(what))


def _plan_config(config: Config) -> str:
    from hf_qads.mixing import plan as planning
    from hf_qads.mixing import ratios

    notes: list[str] = []
    counted = [_count(source, config.seed, notes) for source in config.sources]
    sizes = {name: rows for name, _, rows, _ in counted}
    kinds = {name: kind for name, kind, _, _ in counted}
    lengths = {name: tokens for name, _, _, tokens in counted}
    scale = 5.0 if config.scorer else 1.0
    shares = ratios.from_rule(
        config.ratio.model_dump(exclude_none=True),
        sizes=sizes,
        means=dict.fromkeys(sizes, ASSUMED_SCORE * scale),
        kinds=kinds,
        scale=scale,
    )
    if "score" in str(config.ratio) or "total" in str(config.ratio):
        notes.append(
            f"ratios by score take a mean of {ASSUMED_SCORE:.0%} of the highest; a run computes its own"
        )
    parameters, width = _shape(config.model, notes)
    return str(
        planning.plan(
            sizes,
            shares,
            subsets=config.subsets,
            kinds=kinds if config.scorer and config.scorer.per == "kind" else None,
            anchor_sets=len(config.anchors.sources) if config.anchors else 0,
            anchors=config.anchors.size if config.anchors else 0,
            prompts=config.prompts,
            experience=config.experience.share if config.experience else None,
            scorer_epochs=config.scorer.epochs if config.scorer else None,
            parameters=parameters,
            width=width,
            row_tokens=lengths,
            notes=notes,
        )
    )


def _count(source: Source, seed: int, notes: list[str]) -> tuple[str, str, int, float]:
    """Name, kind, rows and mean tokens of a source."""
    from hf_qads.mixing import plan as planning
    from hf_qads.sources import CATALOGUE, local, read_source

    entry = CATALOGUE.get(source.path)
    if entry is None and not local.looks_local(source.path) and not source.path.startswith("embedded_"):
        raise ConfigError(
            f"source {source.path!r} is neither local nor in the catalogue, so its size is unknown before it "
            "is downloaded. Plan with a local copy, or with a catalogue name."
        )
    if entry is not None and not source.path.startswith("embedded_"):
        rows = min(max(entry.sizes.values(), default=0), source.rows or 10**12)
        notes.append(f"{entry.name}: not at hand, so the paper's size is taken")
        return source.name or entry.name, source.kind or entry.kind, rows, planning.ROW_TOKENS
    with tempfile.TemporaryDirectory() as folder:
        read = read_source(spec_of(source, seed=seed), out=Path(folder) / "rows")
        characters = 0
        for path in read.folder.glob("part-*.parquet"):
            for column in pq.read_table(path, columns=[schema.QUESTION, schema.ANSWER]).columns:
                characters += pc.sum(pc.utf8_length(column)).as_py() or 0
    return read.name, read.kind, read.rows, characters / read.rows / CHARACTERS_PER_TOKEN


def _shape(model: Model, notes: list[str]) -> tuple[float, int]:
    """Parameters and width of a local model; those of a usual 7B model where it is not at hand."""
    check_model(model)
    path = Path(model_path(model))
    if not path.is_dir():
        notes.append(f"{model.path} is not at hand: counted as a model of 7 billion parameters")
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
