"""The stage `augmenting`: new questions and verified answers out of a run's own rows, before duplicates go.

What was generated from a source becomes a source of its own, `NAME_augmented`, after all own ones: it goes
through the same deduplication and decontamination, where own rows win, and is told apart everywhere after.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads import references, schema
from hf_qads.config.schema import Augment, Config, Endpoint, Source
from hf_qads.errors import ConfigError, GenerationError
from hf_qads.pipeline.generators import generator_key, generator_name, in_words, usage_of
from hf_qads.pipeline.log_forwarding import INDENT
from hf_qads.pipeline.reading import benchmarks, find_missing, marks, named, read_questions, spec_of
from hf_qads.pipeline.rows import as_dicts, draw, take_from
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage
from hf_qads.runtime import executors, files
from hf_qads.runtime.executors import PartDone

if TYPE_CHECKING:
    from hf_qads.augmenting import Augmented

READ: Final = ".parents.building"
GENERATED: Final = "generated"  # of the run folder: shards of generated text, kept whatever is made of them
ASIDE: Final = "wrong_paths"
COLUMNS: Final = [name for name, column in schema.COLUMNS.items() if column.made_by == "augmenting"]
TESTED: Final = "repeats a benchmark's question"
TURNS: Final = "has earlier turns"


class _Parents(NamedTuple):
    name: str
    kind: str
    rows: pa.Table
    left_out: dict[str, int]


def augmented_name(source: str) -> str:
    """The name of the source that holds what was generated from `source`."""
    return f"{source}_augmented"


def chosen_sources(config: Config) -> list[Source]:
    """The sources whose rows are augmented.

    Raises:
        ConfigError: `augment.sources` names what is no source.
    """
    from hf_qads.sources.catalogue import find

    if config.augment is None:
        return []
    names = config.augment.sources
    if names is None:
        entries = [find(source.path) or find(named(source)) for source in config.sources]
        kinds = [entry.kind if entry else "reasoning" for entry in entries]
        paired = zip(config.sources, kinds, strict=True)
        return [source for source, kind in paired if (source.kind or kind) == "reasoning"]
    known = {named(source): source for source in config.sources}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(
            f"augment.sources names {unknown[0]!r}, which is no source. There are: {', '.join(known)}."
        )
    return [known[name] for name in names]


def _settings(config: Config) -> Mapping[str, Any]:
    augment = config.augment
    assert augment is not None
    sources = chosen_sources(config)
    against = [] if config.decontaminate is None else benchmarks(config)
    texts = [name for name in (*augment.operators, augment.examples) if name and Path(name).is_file()]
    return {
        "augment": augment.model_dump(exclude={"model", "licence"}),
        "licence": augment.licence,
        "generator": generator_key(augment),
        "trained": config.model.model_dump() if augment.paths.keep == "likely" else None,
        "texts": {name: files.file_hash(Path(name))[:16] for name in texts},
        "sources": [source.model_dump(exclude_none=True) for source in sources],
        "files": marks([*sources, *against]),
        "decontaminate": None if config.decontaminate is None else config.decontaminate.model_dump(),
        "seed": config.seed,
    }


def _work(context: Context, folder: Path) -> Outcome:
    augment = context.config.augment
    assert augment is not None
    parents = _parents(context, folder, augment)
    executor = executors.current()
    details: dict[str, Any] = {"sources": [], "made": {}, "generator": generator_name(augment)}
    details |= {"licence": augment.licence, "sampling": augment.sampling.model_dump()}
    left_out: LeftOut = {}
    for one in parents:
        try:
            made = _augment(context, augment, one)
        except PartDone:  # what comes next for this source depends on what others have still to do
            continue
        left_out[one.name] = one.left_out
        details["made"][one.name] = made.as_dict()
        context.say(f"{INDENT}{one.name}: {made.asked:,} prompts, {len(made.rows):,} rows made of them")
        if executor.leads:
            _write(folder, one, made)
        if made.rows:
            details["sources"].append(
                {
                    "name": augmented_name(one.name),
                    "kind": one.kind,
                    "licence": augment.licence,
                    "parent": one.name,
                    "rows": len(made.rows),
                }
            )
    executor.gather()
    _say_what_failed(context, details)
    total = sum(len(one.rows) for one in parents)
    rows = sum(source["rows"] for source in details["sources"])
    if usage := usage_of(context.generator, augment):
        details["usage"] = usage
        context.say(f"{INDENT}the server counted {in_words(usage)}")
    left_out = {name: why for name, why in left_out.items() if why}
    return Outcome(total, rows, left_out, details, citations=(references.MUGGLEMATH,))


def _parents(context: Context, folder: Path, augment: Augment) -> list[_Parents]:
    """The own rows that are augmented, of each source; read once, and then by all workers from files."""
    place = folder / READ
    executors.once(place / "read.json", lambda: _read(context, place, augment))
    found = []
    for path in sorted(place.glob("*/parents.parquet")):
        facts = files.read_json(path.with_name("facts.json"))
        why = files.read_json(path.with_name("not_taken.json"))
        found.append(_Parents(facts["name"], facts["kind"], pq.read_table(path, partitioning=None), why))
    if not found:
        raise ConfigError(
            "augment has no source to take rows from. Name some that are there: augment.sources."
        )
    return found


def _read(context: Context, place: Path, augment: Augment) -> None:
    """Read what is augmented of every source, where this process leads."""
    if executors.current().leads:
        missing = find_missing(context.config)
        gone = {one.name for one in missing if one.role == "source"}
        questions = read_questions(context, place / "benchmarks", missing)
        for number, source in enumerate(chosen_sources(context.config)):
            if named(source) not in gone:
                _read_parents(context, source, place / f"{number:03d}", augment, questions)
        files.write_json(place / "read.json", sorted(gone))
    executors.current().gather()


def _read_parents(
    context: Context, source: Source, out: Path, augment: Augment, questions: Mapping[str, list[str]]
) -> None:
    """Draw rows of one source, without those that repeat a test question: what is made of them would too."""
    from hf_qads.filtering.contamination import find_contamination
    from hf_qads.sources import read_source

    config = context.config
    read = read_source(spec_of(source, seed=config.seed), out=out, processes=context.num_proc)
    count = read.rows if augment.questions is None else augment.questions
    drawn = draw(read.rows, count, seed=config.seed, source=read.name, purpose="augment")
    table = take_from(sorted(out.glob("part-*.parquet")), drawn)
    table = schema.ROW_SCHEMA.empty_table() if table is None else table
    why: dict[str, int] = {}
    wanted = config.decontaminate
    if wanted is not None and questions:
        report = find_contamination(questions, {read.name: table}, ngram=wanted.ngram, near=wanted.near)
        bad = report.row_ids[read.name]
        table = table.filter(pa.array([row_id not in bad for row_id in table[schema.ROW_ID].to_pylist()]))
        why |= {TESTED: len(bad)} if bad else {}
    turns = np.asarray(table[schema.HISTORY].is_valid())
    why |= {TURNS: int(turns.sum())} if turns.any() else {}
    files.write_json(out / "not_taken.json", why)
    with files.atomic_path(out / "parents.parquet") as temporary:
        pq.write_table(table.filter(pa.array(~turns)), temporary)


def _augment(context: Context, augment: Augment, parents: _Parents) -> "Augmented":
    from hf_qads.augmenting import augment as make
    from hf_qads.augmenting.augment import Paths
    from hf_qads.augmenting.likelihood import StepLikelihood
    from hf_qads.augmenting.operators import read_examples
    from hf_qads.generation.engine import Sampling
    from hf_qads.generation.request_cache import request_key

    config, sampling = context.config, augment.sampling
    likelihood = None
    if augment.paths.keep == "likely":
        model, tokenizer = context.base
        likelihood = StepLikelihood(
            model, tokenizer, template=config.model.template, batch_tokens=config.batch_tokens
        )
    return make(
        as_dicts(parents.rows),
        context.generator,
        folder=context.run.path / GENERATED / request_key(generator_key(augment)),
        operators=augment.operators,
        rounds=augment.rounds,
        paths=Paths(**augment.paths.model_dump()),
        sampling=Sampling(sampling.temperature, sampling.top_p, config.seed),
        max_new_tokens=sampling.max_tokens,
        benchmark=augment.answers,
        examples=read_examples(augment.examples) if augment.examples else None,
        likelihood=likelihood,
        wrong_paths=augment.wrong_paths,
        seed=config.seed,
        label=parents.name,
    )


def _write(folder: Path, parents: _Parents, made: "Augmented") -> None:
    """The rows, the columns that join them by id, and the paths that lie aside."""
    name = augmented_name(parents.name)
    texts = [schema.QUESTION, schema.ANSWER, schema.FINAL_ANSWER]
    rows = pa.Table.from_pylist(
        [{column: dict(row)[column] for column in texts} for row in made.rows],
        pa.schema([schema.ROW_SCHEMA.field(column) for column in texts]),
    )
    ids = [schema.row_id(name, schema.content_key(row["question"], row["answer"])) for row in made.rows]
    columns = {
        column: pa.array([dict(row)[column] for row in made.rows], schema.COLUMNS[column].type)
        for column in COLUMNS
    }
    tables = {
        f"{name}/part-00000.parquet": rows if made.rows else None,
        f"{name}.parquet": pa.table({schema.ROW_ID: ids, **columns}) if made.rows else None,
        f"{ASIDE}/{parents.name}.parquet": pa.Table.from_pylist(list(made.aside)) if made.aside else None,
    }
    for path, table in tables.items():
        if table is not None:
            with files.atomic_path(folder / path) as temporary:
                pq.write_table(table, temporary, compression="zstd")


def _say_what_failed(context: Context, details: Mapping[str, Any]) -> None:
    """Raise where every request failed: a mixture without the rows that were asked for helps nobody."""
    tallies = [
        tally
        for made in details["made"].values()
        for what in ("questions", "paths")
        for tally in made[what].values()
    ]
    asked, failed = (sum(tally[count] for tally in tallies) for count in ("asked", "failed"))
    if asked and failed == asked:
        reasons = sorted({reason for tally in tallies for reason in tally["left_out"]})
        raise GenerationError(f"all {asked} requests failed: {', '.join(reasons)}. Check the endpoint.")
    if failed:
        context.say(f"{INDENT}{failed:,} of {asked:,} requests failed, and are left out")


def _passes(config: Config) -> int:
    """A pass for the new questions of each round, and one for their answers; a server is asked by one."""
    augment = config.augment
    return 0 if augment is None or isinstance(augment.model, Endpoint) else augment.rounds + 1


STAGE = Stage(
    "augmenting",
    1,
    (),
    _settings,
    _work,
    shared=True,
    when=lambda config: config.augment is not None,
    passes=_passes,
)
