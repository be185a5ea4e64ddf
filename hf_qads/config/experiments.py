"""The YAML of `compare` and `validity`, checked: arms, budgets, seeds, training and evaluation of cells."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from hf_qads.config.loading import complaints, override
from hf_qads.config.schema import AnyRatio, Count, Name, Rate, Section, Share
from hf_qads.errors import ConfigError, EvaluationError
from hf_qads.pipeline.test_sets import benchmark_name

Control = Literal["untrained", "whole_pool", "random", "balanced_random", "longest"]
Measure = Literal["accuracy", "log_probability"]
CONTROLS: Final[tuple[Control, ...]] = get_args(Control)
UNTRAINED, WHOLE_POOL = "untrained", "whole_pool"  # one cell each, whatever the budgets and seeds
Positive = Annotated[float, Field(gt=0)]


class Arm(Section):
    """A strategy, or with `ratio` a mixture: what one cell selects differently from another."""

    name: Name
    strategy: str = "qads"
    options: dict[str, Any] = Field(default_factory=dict)
    start: Annotated[int, Field(ge=0)] = 100
    metric: Literal["euclidean", "cosine"] = "euclidean"
    ratio: AnyRatio | None = None  # shares of the sources; None chooses from the whole pool
    seeds: Count | None = None  # None: those of the comparison

    @classmethod
    def of(cls, value: Any) -> dict[str, Any]:
        """An arm's keys from its short form, a strategy's name."""
        return {"name": value, "strategy": value} if isinstance(value, str) else dict(value)

    @property
    def choice(self) -> dict[str, Any]:
        """What its rows depend on: all but its name and its seeds."""
        return self.model_dump(exclude={"name", "seeds"})


class Budget(Section):
    """How much a cell trains on: rows, a share of the pool's rows, or tokens of an epoch."""

    rows: Count | None = None
    share: Share | None = None
    tokens: Count | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Budget":
        given = [value for value in (self.rows, self.share, self.tokens) if value is not None]
        if len(given) != 1:
            raise ValueError("a budget names one of rows, share, tokens")
        return self

    @property
    def label(self) -> str:
        """Its name in tables and folders."""
        if self.share is not None:
            return f"{100 * self.share:g}pct"
        return f"{self.rows}rows" if self.rows is not None else f"{self.tokens}tokens"


class Training(Section):
    """How each cell trains; the same for all. See `hf_qads.training.fine_tune`."""

    model: str | None = None  # another one than the run's, for transfer
    epochs: Positive = 2.0
    learning_rate: Rate = 5e-5
    global_batch: Count = 8
    device_batch: Count = 8
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.03
    scheduler: str = "cosine"
    max_length: Count | None = None
    by_length: bool = True
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    autocast: Literal["auto", "none", "bfloat16"] = "auto"


class Measuring(Section):
    """What each cell's model is measured on."""

    benchmarks: list[str] = Field(min_length=1)
    out_of_domain: list[str] = Field(
        default_factory=list
    )  # of the benchmarks, those that the anchors are not like
    accuracy_only: list[str] = Field(default_factory=list)  # those whose gold is a bare answer
    measures: list[Measure] = Field(default=["log_probability"], min_length=1)
    rows: Count = 100
    skip: Annotated[int, Field(ge=0)] = 0  # first questions that are left for other studies
    seed: int = 1  # of the embedded problems
    data: str | None = None
    local_files: dict[str, str] = Field(default_factory=dict)
    max_new_tokens: Count = 256
    batch_tokens: Annotated[int, Field(ge=64)] = 4096

    @field_validator("benchmarks", "out_of_domain", "accuracy_only")
    @classmethod
    def _are_known(cls, names: list[str]) -> list[str]:
        """Each by its own name, under which values are kept; the catalogue's name will do, too."""
        try:
            return list(dict.fromkeys(benchmark_name(name) for name in names))
        except EvaluationError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _are_among_them(self) -> "Measuring":
        for key in ("out_of_domain", "accuracy_only"):
            others = sorted(set(getattr(self, key)) - set(self.benchmarks))
            if others:
                raise ValueError(f"{key} names {', '.join(others)}, which is none of the benchmarks")
        return self

    def by_measure(self) -> dict[Measure, list[str]]:
        """Every measure that a table is made of -> the benchmarks that have it."""
        found: dict[Measure, list[str]] = {name: [] for name in (*self.measures, "accuracy")}
        for name in self.benchmarks:
            asked: list[Measure] = ["accuracy"] if name in self.accuracy_only else self.measures
            for measure in asked:
                found[measure].append(name)
        return {measure: names for measure, names in found.items() if names}


class StudySettings(Section):
    """What every experiment has: a scored run, rows to choose from, one way to train and to measure."""

    run: str  # YAML of a run, or a run folder that holds scores
    sources: Annotated[list[str], Field(min_length=1)] | None = None  # rows of others are no candidates
    max_characters: Count | None = None  # longer rows are no candidates
    seeds: Count = 3
    train: Training = Training()
    evaluate: Measuring


class Compare(StudySettings):
    """A comparison: arms x budgets x seeds."""

    arms: list[Arm] = Field(min_length=1)
    budgets: list[Budget] = Field(min_length=1)
    first_seed: Annotated[int, Field(ge=0)] = 0  # others than a comparison in which something was found
    control: str = "random"
    controls: list[Control] = Field(default_factory=lambda: list(CONTROLS))
    control_seeds: Count | None = None
    pilot: str | None = None  # folder of an earlier comparison, by which the plan judges what can be detected
    keep_models: bool = False

    @model_validator(mode="after")
    def _has_its_control(self) -> "Compare":
        names = [arm.name for arm in self.arms]
        _apart(names, "arms")
        _apart([budget.label for budget in self.budgets], "budgets")
        for name in (UNTRAINED, WHOLE_POOL):
            if name in names:
                raise ValueError(f"{name} is no name for an arm: a control is called that")
            if name == self.control:
                raise ValueError(f"control {name!r} is one cell, without seeds: no verdict comes of it")
        if self.control not in (*names, *self.controls):
            raise ValueError(f"control {self.control!r} is neither an arm nor among controls")
        return self


class Validity(StudySettings):
    """Groups of rows by a score, each trained on at equal tokens: does the score predict what is learnt?"""

    scores: list[str] = Field(min_length=1)  # columns of numbers, or strategies that rank
    groups: Annotated[int, Field(ge=2)] = 5
    within: Literal["pool", "source"] = "pool"
    tokens: Count


class Scaling(StudySettings):
    """Growing shares of a pool, and what generated rows add at equal tokens."""

    strategies: list[str] = Field(default_factory=lambda: ["random", "qads"], min_length=1)
    shares: list[Share] = Field(default_factory=lambda: [0.125, 0.25, 0.5, 1.0], min_length=3)
    tokens: Count | None = None  # of an epoch of each part; None does not compare parts

    @model_validator(mode="after")
    def _grows(self) -> "Scaling":
        if sorted(set(self.shares)) != self.shares:
            raise ValueError("shares must grow, without repeats: [0.125, 0.25, 0.5, 1.0]")
        _apart([budget.label for budget in self.budgets], "shares")
        return self

    @property
    def budgets(self) -> list[Budget]:
        """The shares as budgets."""
        return [Budget(share=share) for share in self.shares]


def _apart(names: Sequence[str], what: str) -> None:
    if len(set(names)) != len(names):
        raise ValueError(f"two {what} have one name: {', '.join(names)}")


class Experiment(Section):
    """The file: a name and one of its kinds."""

    name: Name
    compare: Compare | None = None
    validity: Validity | None = None
    scaling: Scaling | None = None


def load(path: Path | str, overrides: Sequence[str] = ()) -> Experiment:
    """Read an experiment's YAML, apply `KEY=VALUE` overrides and check it.

    Raises:
        ConfigError: the file is missing or no YAML, or a key or value is wrong.
    """
    try:
        raw = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}. Give a YAML file.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} holds {type(raw).__name__}, not keys and values. Start with `name: ...`.")
    for text in overrides:
        override(raw, text)
    return parse(raw, where=str(path))


def parse(raw: Mapping[str, Any], *, where: str = "experiment") -> Experiment:
    """Check a mapping as an experiment.

    Raises:
        ConfigError: a key or value is wrong; the message names each key and what was got.
    """
    keys = dict(raw)
    section = keys.get("compare")
    if isinstance(section, dict) and isinstance(section.get("arms"), list):
        keys["compare"] = {**section, "arms": [Arm.of(one) for one in section["arms"]]}
    try:
        return Experiment.model_validate(keys)
    except ValidationError as error:
        raise ConfigError(f"{where}: {'; '.join(complaints(error))}") from None
