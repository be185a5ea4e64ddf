"""The YAML file of a run, checked: unknown keys, wrong types and values out of range are errors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from hf_qads.config.local_files import with_copies
from hf_qads.errors import ConfigError

Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, lt=1)]
SECTIONS: Final = ("model", "anchors", "experience", "scorer", "select", "overlap")  # merged with a preset's
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class Model(_Section):
    """The base model: `embedded`, a Hub id or a folder."""

    path: str
    revision: str | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    template: str = "plain"
    max_length: Count | None = None
    trust_remote_code: bool = False


class Source(_Section):
    """Where rows come from: a catalogue name, a Hub id, a folder, a file or a glob."""

    path: str
    name: Name | None = None
    kind: Literal["reasoning", "general"] | None = None
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    columns: dict[str, str] | None = None
    where: dict[str, Any] | None = None
    rows: Count | None = None
    licence: str | None = None


class Anchors(_Section):
    """Anchor sets, one per source, each cut to `size` rows by K-center."""

    sources: list[Source] = Field(min_length=1)
    size: Count = 100
    allow_benchmark: bool = False


class Experience(_Section):
    """The short fine-tune whose hidden states become the vectors (section 3.1)."""

    share: Share = 0.05
    epochs: Annotated[float, Field(gt=0)] = 1.0
    learning_rate: Rate = 2e-5
    global_batch: Count = 128


class Scorer(_Section):
    """The model that predicts the quality score of every row (section 3.2)."""

    epochs: Annotated[float, Field(gt=0)] = 2.0
    labels: Literal["width", "quantile"] = "width"
    per: Literal["kind", "all"] = "kind"
    type: Literal["model", "probe", "given"] = "model"
    learning_rate: Rate = 2e-5
    global_batch: Count = 128
    held_out: Annotated[float, Field(gt=0, lt=0.9)] = 0.15


class Select(_Section):
    """The strategy that ranks the rows of each source (section 3.3)."""

    strategy: str = "qads"
    start: Annotated[int, Field(ge=0)] = 100
    metric: Literal["euclidean", "cosine"] = "euclidean"
    options: dict[str, Any] = {}


class Ratio(_Section):
    """How much of each source is kept: by size (Eq. 5), by score, fixed, a total, all, or written out."""

    rule: Literal["size", "score", "fixed", "total", "all", "given"]
    low: Annotated[int, Field(ge=0)] | None = None
    upp: Count | None = None
    value: Share | None = None
    rows: Count | None = None
    shares: dict[str, Annotated[float, Field(ge=0, le=1)]] | None = None

    @model_validator(mode="after")
    def _has_what_its_rule_takes(self) -> "Ratio":
        takes = {"size": {"low", "upp"}, "fixed": {"value"}, "total": {"rows"}, "given": {"shares"}}.get(
            self.rule, set()
        )
        given = {key for key, value in self if key != "rule" and value is not None}
        if given - takes:
            raise ValueError(f"rule {self.rule} does not take {', '.join(sorted(given - takes))}")
        missing = takes - given - {"low"}
        if missing:
            raise ValueError(f"rule {self.rule} needs {', '.join(sorted(missing))}")
        return self


class RatioPerKind(_Section):
    """One rule for reasoning sources and another for general ones."""

    reasoning: Ratio
    general: Ratio


def _form_of_ratio(value: Any) -> str:
    if isinstance(value, RatioPerKind):
        return "kinds"
    return "kinds" if isinstance(value, dict) and {"reasoning", "general"} & set(value) else "one"


def _form_of_prompts(value: Any) -> str:
    return "kinds" if isinstance(value, dict) else "one"


AnyRatio = Annotated[
    Annotated[Ratio, Tag("one")] | Annotated[RatioPerKind, Tag("kinds")], Discriminator(_form_of_ratio)
]
Prompts = Annotated[
    Annotated[Count, Tag("one")] | Annotated[dict[str, Count], Tag("kinds")], Discriminator(_form_of_prompts)
]


def _form_of_against(value: Any) -> str:
    return "kinds" if isinstance(value, list) else "one"


Against = Annotated[
    Annotated[Literal["benchmarks"], Tag("one")] | Annotated[list[Source], Field(min_length=1), Tag("kinds")],
    Discriminator(_form_of_against),
]


class Overlap(_Section):
    """Rows that repeat a benchmark's question are listed and counted, and dropped unless asked otherwise.

    `missing` says what becomes of test sets that cannot be had. A config that does not speak of `overlap`
    leaves them out and tells it; one that asks for the comparison is stopped.
    """

    against: Against = "benchmarks"
    missing: Literal["error", "leave_out"] = "error"
    drop: bool = True
    ngram: Annotated[int, Field(ge=2, le=64)] | None = 13
    near: Annotated[float, Field(gt=0, le=1)] | None = None


class Config(_Section):
    """A whole run."""

    name: Name
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    model: Model
    sources: list[Source] = Field(min_length=1)
    augment: None = None
    anchors: Anchors | None = None
    prompts: Prompts = 2000  # per source; a mapping names the sources that give some
    vectors: Literal["model", "given"] = "model"
    experience: Experience | None = Experience()
    scorer: Scorer | None = Scorer()
    select: Select = Select()
    ratio: AnyRatio = Ratio(rule="score")
    subsets: list[Share] = [0.1, 0.4, 0.7]
    across: Literal["first", "keep"] = "first"
    near: Annotated[float, Field(gt=0, le=1)] | None = None
    overlap: Overlap | None = Overlap(missing="leave_out")
    copies: dict[str, Source] = {}  # files that stand in for names of the catalogue
    missing: Literal["error", "leave_out"] = "error"  # what becomes of sources that cannot be had
    batch_tokens: Annotated[int, Field(ge=64)] = 16384
    device: str | None = None

    @property
    def scores_given(self) -> bool:
        """Whether rows bring their scores, so that nothing is scored."""
        return self.scorer is not None and self.scorer.type == "given"

    def prompts_of(self, source: str) -> int:
        """Rows of a source that are scored for real where there is a scorer."""
        return self.prompts.get(source, 0) if isinstance(self.prompts, dict) else self.prompts

    @property
    def given(self) -> tuple[str, ...]:
        """Columns that rows must bring."""
        vectors = ("qads_embedding",) if self.vectors == "given" else ()
        return (*vectors, "qads_score") if self.scores_given else vectors

    @model_validator(mode="after")
    def _has_anchors_unless_scores_are_given(self) -> "Config":
        if self.anchors is None and not self.scores_given:
            raise ValueError("anchors are missing; only `scorer: {type: given}` does without")
        return self

    @field_validator("subsets")
    @classmethod
    def _subsets_grow(cls, subsets: list[float]) -> list[float]:
        if sorted(set(subsets)) != subsets:
            raise ValueError("subsets must grow, without repeats: [0.1, 0.4, 0.7]")
        return subsets


def load(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Read a YAML config, apply `KEY=VALUE` overrides (dots go into sections) and check it.

    Relative paths in it stay relative to the folder in which the command runs. An override is what the file
    would say in its place; one that goes into a part that only the preset gives changes the preset's.

    Raises:
        ConfigError: the file is missing or no YAML, or a key or value is wrong.
    """
    try:
        raw = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"there is no config file {path}. {_instead(Path(path))}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}. Give a YAML file in UTF-8.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} holds {type(raw).__name__}, not keys and values. Start with `name: ...`.")
    for override in sorted(overrides, key=lambda text: not text.startswith("preset=")):
        _override(raw, override)
    return parse(raw, where=str(path))


def parse(raw: Mapping[str, Any], *, where: str = "config") -> Config:
    """Check a mapping as a config; `preset: NAME` fills in what the mapping does not say.

    Sections (`model`, `anchors`, `experience`, `scorer`, `select`, `overlap`) are merged with the preset's
    key by key; all else that stands beside it, `ratio`, `prompts`, `copies` and lists too, replaces the
    preset's whole. `null` switches a section off. `ratio: {rule: implied}` beside a preset stands for the
    shares that the paper's counts imply.

    Raises:
        ConfigError: a key or value is wrong; the message names each key and what was got.
    """
    own = {key: _with_short_forms(key, value) for key, value in raw.items() if key != "preset"}
    if isinstance(own.get("ratio"), dict) and own["ratio"].get("rule") == "implied":
        own["ratio"] = _implied(raw, where)
    keys = {key: _with_short_forms(key, value) for key, value in _preset(raw).items()}
    for key, value in own.items():
        below = keys.get(key)
        if key in SECTIONS and isinstance(value, dict) and isinstance(below, dict):
            value = {**below, **value}
        keys[key] = value
    keys = with_copies(keys)
    try:
        return Config.model_validate(keys)
    except ValidationError as error:
        raise ConfigError(f"{where}: {'; '.join(_complaints(error))}") from None


def dump(config: Config) -> str:
    """The config as YAML, with every default filled in."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _preset(keys: Mapping[str, Any]) -> dict[str, Any]:
    if "preset" not in keys:
        return {}
    from hf_qads.presets.presets import preset

    return preset(keys["preset"])


def _implied(keys: Mapping[str, Any], where: str) -> dict[str, Any]:
    from hf_qads.presets.presets import implied_ratio

    if "preset" not in keys:
        raise ConfigError(
            f"{where}: ratio rule implied is for a preset of the paper. Give shares, rule: given."
        )
    return implied_ratio(keys["preset"])


def _instead(path: Path) -> str:
    from hf_qads.presets.presets import names

    name = path.stem if path.suffix in (".yaml", ".yml") else str(path)
    if name not in names():
        return "Check the path."
    return f"There is a preset of that name: write `preset: {name}` into a YAML file, and give that file."


def _with_short_forms(key: str, value: Any) -> Any:
    if key == "model" and isinstance(value, str):
        return {"path": value}
    if key == "sources":
        return _sources(value)
    if key == "copies" and isinstance(value, dict):
        return {name: {"path": copy} if isinstance(copy, str) else copy for name, copy in value.items()}
    if key in ("anchors", "overlap") and isinstance(value, dict):
        inner = {"anchors": "sources", "overlap": "against"}[key]
        if isinstance(value.get(inner), list):
            return {**value, inner: _sources(value[inner])}
    return value


def _sources(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [{"path": item} if isinstance(item, str) else item for item in value]


def _override(raw: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"{override!r} is no KEY=VALUE. Write for example select.metric=cosine.")
    section = raw
    *parents, last = key.split(".")
    if parents and parents[0] not in SECTIONS and parents[0] not in raw:
        raw.update({top: value for top, value in _preset(raw).items() if top == parents[0]})
    if parents == ["model"] and isinstance(raw.get("model"), str):
        raw["model"] = _with_short_forms("model", raw["model"])
    for parent in parents:
        inner = section.get(parent)
        if inner is None:
            inner = {}
        if not isinstance(inner, dict):
            raise ConfigError(
                f"{key}: {parent} holds {_short(inner)}, not a section. Override {parent} whole."
            )
        section[parent] = inner
        section = inner
    try:
        section[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"{override!r}: the value is not valid YAML.") from None


def _complaints(error: ValidationError) -> list[str]:
    found = []
    for problem in error.errors():
        location = tuple(part for part in problem["loc"] if part not in ("one", "kinds"))
        place = ".".join(str(part) for part in location)
        if problem["type"] == "extra_forbidden":
            known = ", ".join(_known_keys(location[:-1]))
            found.append(f"unknown key {place}" + (f" (known: {known})" if known else ""))
        elif problem["type"] == "missing":
            found.append(f"{place} is missing")
        else:
            message = problem["msg"].removeprefix("Value error, ").rstrip(".")
            found.append(f"{place}: {message[0].lower()}{message[1:]}, got {_short(problem['input'])}")
    return found


def _known_keys(place: tuple[int | str, ...]) -> list[str]:
    sections: dict[str, type[_Section]] = {
        "model": Model,
        "sources": Source,
        "anchors": Anchors,
        "experience": Experience,
        "scorer": Scorer,
        "select": Select,
        "ratio": Ratio,
        "overlap": Overlap,
        "against": Source,
        "copies": Source,
    }
    named = [part for part in place if isinstance(part, str) and part in sections]
    return list((sections[named[-1]] if named else Config).model_fields) if named or not place else []


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
