"""Schema of a run's YAML config: every section, key, type and range."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from hf_qads.errors import MixingError
from hf_qads.mixing import ratios
from hf_qads.runtime.batching import BATCH_TOKENS

Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, lt=1)]
Similarity = Annotated[float, Field(gt=0, le=1)]  # Jaccard, of runs of three tokens
OnMissing = Literal["error", "skip"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$")]


class Section(BaseModel):
    """A part of a config: unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class Model(Section):
    """The base model: `embedded`, `smollm2`, a Hub id or a folder, or a GGUF file in one of these two."""

    path: str
    revision: str | None = None
    gguf_file: str | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    template: str = "plain"
    max_length: Count | None = None
    trust_remote_code: bool = False

    @property
    def name(self) -> str:
        """What to load: the path, with the GGUF file after it where there is one."""
        return self.path if self.gguf_file is None else f"{self.path.rstrip('/')}/{self.gguf_file}"


class Source(Section):
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


class Anchors(Section):
    """Anchor sets, one per source: `size` rows by K-center among `pool` rows drawn with the seed."""

    sources: list[Source] = Field(min_length=1)
    size: Count = 100
    pool: Count = 1000
    allow_benchmark: bool = False

    @model_validator(mode="after")
    def _has_as_many_candidates_as_anchors(self) -> "Anchors":
        if self.pool < self.size:
            raise ValueError(f"pool must be at least size, {self.size}: anchors are chosen among its rows")
        return self


class Experience(Section):
    """The short fine-tune whose hidden states become the vectors (section 3.1)."""

    share: Share = 0.05
    epochs: Annotated[float, Field(gt=0)] = 1.0
    learning_rate: Rate = 2e-5
    global_batch: Count = 128


class Scorer(Section):
    """The model that predicts the quality score of every row (section 3.2)."""

    epochs: Annotated[float, Field(gt=0)] = 2.0
    labels: Literal["width", "quantile"] = "width"
    per: Literal["kind", "all"] = "kind"
    type: Literal["model", "probe", "precomputed"] = "model"
    learning_rate: Rate = 2e-5
    global_batch: Count = 128
    held_out: Annotated[float, Field(gt=0, lt=0.9)] = 0.15


class RowScore(Section):
    """A further score of every row: a name that `hf-qads scores` lists, and its own options."""

    name: str
    options: dict[str, Any] = {}


class Select(Section):
    """The strategy that ranks rows (section 3.3), within each source or over the whole pool."""

    strategy: str = "qads"
    start: Annotated[int, Field(ge=0)] = 100
    metric: Literal["euclidean", "cosine"] = "euclidean"
    scope: Literal["source", "pool"] = "source"
    options: dict[str, Any] = {}


class Ratio(Section):
    """How much of each source is kept; which keys go with which rule is said by `mixing.ratios.RULES`."""

    rule: ratios.Rule
    low: Annotated[int, Field(ge=0)] | None = None
    upp: Count | None = None
    value: Share | None = None
    rows: Count | None = None
    shares: dict[str, Annotated[float, Field(ge=0, le=1)]] | None = None

    @model_validator(mode="after")
    def _has_the_keys_of_its_rule(self) -> "Ratio":
        try:
            ratios.check_keys(self.model_dump())
        except MixingError as error:
            raise ValueError(str(error)) from None
        return self


class RatioPerKind(Section):
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


class Deduplicate(Section):
    """Duplicate rows: the same row in two sources, and with `near` rows that are nearly the same."""

    across_sources: Literal["first", "keep"] = "first"
    near: Similarity | None = None


class Decontaminate(Section):
    """Rows that repeat a test question are listed and counted, and dropped unless asked otherwise.

    `on_missing` says what becomes of test sets that are not available. A config that does not speak of
    `decontaminate` skips them and says so; one that asks for the comparison is stopped.
    """

    against: Against = "benchmarks"
    on_missing: OnMissing = "error"
    drop: bool = True
    ngram: Annotated[int, Field(ge=2, le=64)] | None = 13
    near: Similarity | None = None


class Endpoint(Section):
    """An OpenAI-compatible server that writes text: vLLM, SGLang, llama.cpp or a hosted one."""

    endpoint: str  # URL up to and with /v1
    name: str  # the model's name there
    chat: bool = True
    key: str = "OPENAI_API_KEY"  # environment variable that holds the key
    parallel: Count = 16
    timeout: Annotated[float, Field(gt=0)] = 600.0
    per_minute: Annotated[float, Field(gt=0)] | None = None  # most requests a minute
    price: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]] | None = Field(
        default=None, strict=False
    )  # of a million prompt tokens and of a million answer tokens


class Generator(Section):
    """A local model that writes text, or `rules`: those of the embedded problems."""

    path: str
    revision: str | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    chat: bool | None = None  # None: where the tokenizer has a chat template
    trust_remote_code: bool = False


class Sampling(Section):
    """How a generator chooses tokens."""

    temperature: Annotated[float, Field(ge=0, le=5)] = 0.7
    top_p: Share = 1.0
    max_tokens: Count = 256


class Paths(Section):
    """Sampled answers of each question, and which of the verified ones are kept."""

    samples: Count = 4
    keep: Literal["random", "different", "likely"] = "random"
    most: Count = 2
    own: Annotated[int, Field(ge=0)] | None = None  # own questions that are answered again; None: all
    new: Annotated[int, Field(ge=0)] | None = None  # new questions that are answered; None: all
    least_votes: Count = 2


def _form_of_generator(value: Any) -> str:
    return (
        "one" if isinstance(value, Endpoint) or (isinstance(value, dict) and "endpoint" in value) else "kinds"
    )


class Augment(Section):
    """Generated rows beside a run's own: new questions, and several verified answers to each (MuggleMath)."""

    model: Annotated[
        Annotated[Endpoint, Tag("one")] | Annotated[Generator, Tag("kinds")],
        Discriminator(_form_of_generator),
    ]
    sources: list[str] | None = None  # names of the sources whose rows are taken; None: all of kind reasoning
    questions: Count | None = None  # own questions of each source, drawn with the seed; None: all
    operators: list[str] = ["numbers", "fractions", "concepts", "condition", "complexity"]
    rounds: Count = 1
    examples: str | None = None  # a YAML file of few-shot examples
    sampling: Sampling = Sampling()
    paths: Paths = Paths()
    answers: str = "gsm8k"  # the benchmark whose rules tell whether two answers are equal
    wrong_paths: bool = False  # true keeps them aside, in a file of their own
    licence: str | None = None  # of the generator's output, as its terms say


class Config(Section):
    """A whole run."""

    name: Name
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    model: Model
    sources: list[Source] = Field(min_length=1)
    augment: Augment | None = None
    anchors: Anchors | None = None
    prompts: Prompts = 2000  # per source; a mapping names the sources that give some
    vectors: Literal["model", "precomputed"] = "model"
    experience: Experience | None = Experience()
    scorer: Scorer | None = Scorer()
    scores: list[RowScore] = []  # further scores of every row: ifd, perplexity, ...
    columns: list[str] = []  # columns of the rows that travel with them and reach every strategy
    select: Select = Select()
    ratio: AnyRatio = Ratio(rule="score")
    subsets: list[Share] = [0.1, 0.4, 0.7]
    deduplicate: Deduplicate = Deduplicate()
    decontaminate: Decontaminate | None = Decontaminate(on_missing="skip")
    local_files: dict[str, Source] = {}  # files that stand in for names of the catalogue
    on_missing: OnMissing = "error"  # what becomes of sources that are not available
    batch_tokens: Annotated[int, Field(ge=64)] = BATCH_TOKENS
    device: str | None = None

    @property
    def has_precomputed_scores(self) -> bool:
        """Whether rows bring their scores, so that nothing is scored."""
        return self.scorer is not None and self.scorer.type == "precomputed"

    @property
    def precomputed(self) -> tuple[str, ...]:
        """Columns that rows must bring."""
        vectors = ("qads_embedding",) if self.vectors == "precomputed" else ()
        scores = ("qads_score",) if self.has_precomputed_scores else ()
        return (*vectors, *scores, *self.columns)

    def prompts_of(self, source: str) -> int:
        """Rows of a source that are scored for real where there is a scorer."""
        return self.prompts.get(source, 0) if isinstance(self.prompts, dict) else self.prompts

    @model_validator(mode="after")
    def _has_anchors_unless_scores_are_precomputed(self) -> "Config":
        if self.anchors is None and not self.has_precomputed_scores:
            raise ValueError("anchors are missing; only `scorer: {type: precomputed}` does without")
        return self

    @model_validator(mode="after")
    def _augments_rows_that_are_scored(self) -> "Config":
        if self.augment is not None and self.precomputed:
            raise ValueError(
                f"augment makes rows that bring no {' and no '.join(self.precomputed)}; "
                "leave one of the two out"
            )
        return self

    @field_validator("scores")
    @classmethod
    def _scores_are_named_once(cls, scores: list[RowScore]) -> list[RowScore]:
        names = [score.name for score in scores]
        if len(set(names)) < len(names):
            raise ValueError(f"a score is named twice in {', '.join(names)}; give each once")
        return scores

    @field_validator("subsets")
    @classmethod
    def _subsets_grow(cls, subsets: list[float]) -> list[float]:
        if sorted(set(subsets)) != subsets:
            raise ValueError("subsets must grow, without repeats: [0.1, 0.4, 0.7]")
        return subsets
