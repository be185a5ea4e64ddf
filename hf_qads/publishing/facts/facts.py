"""Facts of a run for cards and reports, read from its folder: nothing is told that was not written there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
import yaml

from hf_qads import schema
from hf_qads.publishing.facts.contamination import ContaminationSummary, compared
from hf_qads.publishing.facts.generated import Generated, generated
from hf_qads.publishing.facts.run_columns import held_out
from hf_qads.repositories.licences import OWN_FILES
from hf_qads.repositories.places import is_private
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import files
from hf_qads.runtime.models import EMBEDDED as EMBEDDED_MODEL
from hf_qads.runtime.models import LOCAL_PATH, public_name
from hf_qads.statistics.correlation import Correlations
from hf_qads.versions import versions

Number = int | float
VERSIONS: Final = ("hf_qads", "torch", "transformers", "datasets", "numpy", "pyarrow")
UNKNOWN: Final = "unknown"
EMBEDDED: Final = "embedded pool"
MIXTURE: Final = "mixture"
LEAVING: Final = ("pool", "selection", MIXTURE)  # stages that keep rows out of the mixture
STAGES: Final = ("pool", "experience", "vectors", "influence", "scorer", "scores", "selection")  # before it


@dataclass(frozen=True)
class SourceFacts:
    """One source: what it is, what came in, what was left out, what was kept.

    `own_file` tells that its rows came from a file here, whatever `link` says of the dataset;
    `licence_assumed` that its licence is the dataset's, which nobody checked for that file.
    """

    name: str
    kind: str
    rows: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    scored: int = 0
    mean_score: float | None = None
    ratio: float | None = None
    kept: int | None = None
    licence: str = UNKNOWN
    part_licences: tuple[str, ...] = ()
    redistributable: bool | None = None
    link: str | None = None
    revision: str | None = None
    languages: tuple[str, ...] = ()
    citation: str | None = None
    own_file: bool = False
    licence_assumed: bool = False


@dataclass(frozen=True)
class Subset:
    """A config that `load_dataset` can be asked for. `data_files` are paths inside the repository."""

    name: str
    rows: int
    data_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What is known of a run. Whatever is None or empty is not spoken of."""

    name: str
    seed: int
    sources: tuple[SourceFacts, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    subsets: tuple[Subset, ...] = ()
    score_column: str | None = None
    best_score: Number = 5
    model: str = ""
    demonstration: bool = False
    agreements: Mapping[str, Correlations] = field(default_factory=dict)  # by scorer, on its held-out rows
    versions: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()  # sources that were asked for and not available
    missing_anchors: tuple[str, ...] = ()  # anchor sets likewise
    compared: ContaminationSummary | None = None  # with test sets
    picked_by: str = ""  # how the strategy picks, in half a sentence
    citations: tuple[str, ...] = ()  # BibTeX of what the stages used
    generated: tuple[Generated, ...] = ()  # what was made of which source

    @property
    def rows(self) -> int:
        """Rows of the pool."""
        return sum(source.rows for source in self.sources)

    @property
    def kept(self) -> int:
        """Rows of the mixture."""
        return sum(source.kept or 0 for source in self.sources)

    @property
    def kept_generated(self) -> int:
        """Generated rows of the mixture."""
        names = {made.name for made in self.generated}
        return sum(source.kept or 0 for source in self.sources if source.name in names)

    @property
    def left_out(self) -> int:
        """Rows that any stage left out."""
        return sum(sum(source.left_out.values()) for source in self.sources)

    @property
    def share(self) -> float | None:
        """Share of the pool that is in the mixture."""
        return self.kept / self.rows if self.rows else None

    @property
    def config_text(self) -> str:
        """The configuration as YAML."""
        return yaml.safe_dump(dict(self.config), sort_keys=False, allow_unicode=True).rstrip()

    @property
    def kinds(self) -> list[str]:
        """The kinds that occur, reasoning first."""
        return [kind for kind in schema.KINDS if any(s.kind == kind for s in self.sources)]


def run_facts(
    run: RunFolder,
    *,
    kept: Mapping[str, int] | None = None,
    ratios: Mapping[str, float] | None = None,
    left_out: Mapping[str, Mapping[str, int]] | None = None,
    subsets: Sequence[Subset] = (),
) -> Facts:
    """Gather what a run folder tells.

    Args:
        run: a run folder whose pool is read; every later stage adds what it knows.
        kept: rows kept of each source; None reads them from `mixture/`, where there is one.
        ratios: the share of each source that was asked for; None takes what selection wrote, else
            kept / rows.
        left_out: what mixing left out, source -> reason -> rows, while its ledger line is not written yet;
            None takes the ledger's.
        subsets: the configs of the mixture's repository, the whole one among them.

    Cost: reads the score columns, not the texts.
    """
    config = run.config()
    lines = {line["stage"]: line for line in run.ledger()}
    if left_out is not None:
        lines[MIXTURE] = {"left_out": left_out}
    kinds, kept = run.kinds(), kept_rows(run) if kept is None else kept
    column = run.score_column()
    asked = _ratios(run) if ratios is None else ratios
    sources = []
    for name in run.sources():
        known = source_facts(run, name)
        score, rows = run.scores(name, column) if column else np.empty(0), _rows(run, name)
        score = score[np.isfinite(score)]
        share = None if name not in kept or not rows else kept[name] / rows
        sources.append(
            SourceFacts(
                name=name,
                kind=kinds[name],
                rows=rows,
                left_out=_left_out([lines[s] for s in LEAVING if s in lines], name),
                scored=len(score),
                mean_score=float(score.mean()) if len(score) else None,
                ratio=asked.get(name, share),
                kept=kept.get(name),
                licence=_licence(known),
                part_licences=tuple(map(str, known.get("part_licences") or ())),
                redistributable=known.get("redistributable"),
                link=_link(known),
                revision=known.get("revision"),
                languages=_languages(known.get("language") or known.get("languages")),
                citation=known.get("citation") or None,
                own_file=known.get("origin") in OWN_FILES,
                licence_assumed=bool(known.get("licence_assumed")),
            )
        )
    return Facts(
        name=str(config.get("name") or "mixture"),
        seed=int(config.get("seed") or 0),
        sources=tuple(sources),
        config=public(config),
        subsets=tuple(subsets),
        score_column=column,
        best_score=1 if column == schema.INFLUENCE else 5,
        model=_model(config),
        demonstration=_model(config) == EMBEDDED_MODEL,
        agreements=agreements(run),
        versions=versions(*VERSIONS),
        keys={stage: str(lines[stage]["key"]) for stage in STAGES if "key" in lines.get(stage, {})},
        missing=tuple(run.missing("source")),
        missing_anchors=tuple(run.missing("anchors")),
        compared=compared(run),
        picked_by=str((_details(lines, "selection").get("strategy") or {}).get("phrase", "")),
        # by the stages' names: the ledger has them in the order in which they were last done
        citations=tuple(entry for _, line in sorted(lines.items()) for entry in line.get("citations") or ()),
        generated=generated(run),
    )


def _details(lines: Mapping[str, Mapping[str, Any]], stage: str) -> Mapping[str, Any]:
    return lines.get(stage, {}).get("details") or {}


def agreements(run: RunFolder) -> dict[str, Correlations]:
    """Correlations of predicted and real scores per scorer, where its held-out rows are enough to say."""
    return {held.group: held.agreement for held in held_out(run) if held.agreement.pearson is not None}


def kept_rows(run: RunFolder) -> dict[str, int]:
    """Rows of each source in the run's mixture; empty where there is none."""
    counts: dict[str, int] = {}
    shards = sorted((run.path / "mixture").rglob("*.parquet"))
    for path in shards:
        column = pq.read_table(path, columns=[schema.SOURCE], partitioning=None)[schema.SOURCE]
        for pair in column.value_counts().to_pylist():
            counts[pair["values"]] = counts.get(pair["values"], 0) + pair["counts"]
    return {name: counts.get(name, 0) for name in run.sources()} if shards else {}


def source_facts(run: RunFolder, source: str) -> dict[str, Any]:
    """What was written of one source when it was read; empty where nothing was."""
    path = run.path / "pool" / source / "facts.json"
    return dict(files.read_json(path)) if path.is_file() else {}


def _model(config: Mapping[str, Any]) -> str:
    model = config.get("model") or EMBEDDED_MODEL
    return public_name(model.get("path", "") if isinstance(model, Mapping) else model)


def public(value: Any) -> Any:
    """`value` of a config without what is private: absolute and home paths keep only their last part.

    So do places, except those on the Hub and the web whose address holds no key. Values under keys that name
    a token, secret or password are left off; a server's address is not shown.
    """
    if isinstance(value, Mapping):
        secret = re.compile(r"(?i)(^|_)(token|secret|password|api_?key)$")
        return {
            str(k): "(not shown)" if k == "endpoint" and v else public(v)
            for k, v in value.items()
            if not secret.search(str(k))
        }
    if isinstance(value, list | tuple):
        return [public(item) for item in value]
    if isinstance(value, Path) or (isinstance(value, str) and (LOCAL_PATH.match(value) or is_private(value))):
        return re.split(r"[/\\]", str(value).partition("?")[0].rstrip("/\\"))[-1] or "."
    return value


def _ratios(run: RunFolder) -> dict[str, float]:
    path = run.path / "selection" / "ratios.json"
    return dict(files.read_json(path)["ratios"]) if path.is_file() else {}


def _licence(known: Mapping[str, Any]) -> str:
    if known.get("origin") == EMBEDDED:
        return "apache-2.0"  # the generated rows come under the package's own licence
    licence = known.get("licence") or known.get("license") or UNKNOWN
    return " and ".join(map(str, licence)) if isinstance(licence, list) else str(licence)


def _rows(run: RunFolder, source: str) -> int:
    return sum(int(pq.read_metadata(path).num_rows) for path in run.pool_files(source))


def _left_out(lines: Any, source: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for line in lines:
        for reason, count in (line.get("left_out") or {}).get(source, {}).items():
            total[reason] = total.get(reason, 0) + int(count)
    return {reason: count for reason, count in total.items() if count}


def _link(known: Mapping[str, Any]) -> str | None:
    hub = known.get("id")
    if isinstance(hub, str) and re.fullmatch(r"[\w.-]+/[\w.-]+", hub):
        return f"https://huggingface.co/datasets/{hub}"
    for key in ("home", "origin"):
        value = known.get(key)
        if isinstance(value, str) and re.match(r"^https://[\w.-]+/[^\s<>\"')\]]*$", value):
            return value
    return None


def _languages(value: Any) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else list(value or ())
    return tuple(str(code) for code in found if re.fullmatch(r"[a-z]{2,3}", str(code)))
