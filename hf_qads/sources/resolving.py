"""Resolve a source: a catalogue entry, local files or a Hub dataset, to its units and how rows read."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from hf_qads import schema
from hf_qads.errors import SourceError, SourceMissing
from hf_qads.repositories import folders, hub
from hf_qads.repositories.chunks import Segment
from hf_qads.repositories.dataset_cache import data_files
from hf_qads.repositories.formats import is_compressed, stem_of
from hf_qads.repositories.jsonlines import without_dates
from hf_qads.repositories.licences import OWN_FILES
from hf_qads.repositories.places import is_place, listing, local
from hf_qads.rows import columns as pairs
from hf_qads.runtime import files
from hf_qads.sources import catalogue
from hf_qads.sources.catalogue import registry
from hf_qads.sources.catalogue.entry import Entry
from hf_qads.sources.recipe import Recipe
from hf_qads.sources.spec import SourceSpec
from hf_qads.sources.units import EMBEDDED, Unit, cut, raw_rows

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
PEEKS = 16
TAIL_BYTES = 2**20
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Resolved:
    """A source ready to be read: its units, how their rows read, and what is known beforehand."""

    name: str
    kind: str
    units: list[Unit]
    recipe: Recipe
    types: pa.Schema | None
    facts: dict[str, Any] = field(default_factory=dict)


def resolve(spec: SourceSpec) -> Resolved:
    """Find a source's files and how its rows read. Hub datasets are fetched here.

    Cost: reads every local file once, for its hash.

    Raises:
        SourceMissing: it has no public copy, or cannot be fetched.
        SourceError: nothing is there, or no question and answer among its columns.
    """
    entry = _entry(spec)
    units, facts = _units(spec, entry)
    name = _name(spec, entry)
    kind = spec.kind or (entry.kind if entry else "reasoning")
    names, types = _peek(units, spec.path_or_name)
    if names is None:
        raise SourceError(f"{spec.path_or_name} is empty: it holds no row. Check the file, split and config.")
    where = dict(spec.where or {})
    if entry is not None and _reads(entry, spec, names):
        # a file of one's own may hold the entry's rows alone, without the column that tells them apart
        own = {c: v for c, v in entry.where.items() if c in names or facts["origin"] == "Hub"}
        recipe = Recipe(name, kind, to_rows=entry.to_rows, where={**own, **where})
        if entry.reader is None:
            recipe = replace(recipe, to_rows=None, mapped=entry.columns or {})
    else:
        recipe = Recipe(name, kind, mapped=spec.columns or {}, where=where)
        _check_columns(spec, names)
    if missing := [column for column in recipe.where if column not in names]:
        raise SourceError(f"where of {spec.path_or_name} names {missing}, found the columns {names}.")
    if missing := [column for column in spec.precomputed if column not in names]:
        raise SourceError(f"{spec.path_or_name} should bring the columns {missing}, found {names}. Add them.")
    recipe = replace(recipe, precomputed=tuple(spec.precomputed))
    facts = _facts(spec, entry, facts) | {"name": name, "kind": kind, "where": recipe.where}
    mapping = recipe.mapping(names)
    facts["columns"] = mapping.name if mapping else f"reader of {name}"
    return Resolved(name, kind, units, recipe, _types(recipe, types), facts)


def file_marks(spec: SourceSpec) -> list[list[Any]] | None:
    """Name, size and state of the files that a source is read from; None where it is none of one's own.

    The state is the time of change, of a file at a place its checksum. Nothing is fetched.

    Raises:
        SourceError: nothing is there, it cannot be reached, or it has to be said which of a folder's files
            are meant.
    """
    text = spec.path_or_name
    if not folders.looks_local(text):
        return None
    if is_place(text):
        return [[one.name, one.size, one.mark] for one in listing(text).files]
    path = local(text)
    if path.is_dir() and folders.is_repository(path):
        found = list(data_files(path))
    else:
        found = folders.find_files(text, spec.split, usual=_usual(spec)).files
    return [[one.name, one.stat().st_size, one.stat().st_mtime_ns] for one in found]


def _usual(spec: SourceSpec) -> str:
    """The split that is read where none is asked for: of a test set under its name, the test split."""
    entry = _entry(spec)
    return entry.split if entry else "train"


def why_missing(spec: SourceSpec) -> str | None:
    """Why a source is not available; None where it is. Asks the Hub, and downloads no rows.

    Raises:
        SourceError: the spec names nothing that there is.
    """
    path = spec.path_or_name
    if folders.looks_local(path) or path.startswith(registry.EMBEDDED):
        return None
    entry = _entry(spec)
    named = entry is not None and entry.name == path
    home, revision = (entry.hub, entry.revision) if entry is not None and named else (path, None)
    try:
        if home is None or not hub.on_hub(home, spec.revision or revision):
            resolve(spec)  # without an answer from the Hub, the cache may hold it
    except SourceMissing as error:
        return str(error)
    return None


def _entry(spec: SourceSpec) -> Entry | None:
    if folders.looks_local(spec.path_or_name):
        return catalogue.find(spec.name) if spec.name else None
    if entry := catalogue.find(spec.path_or_name):
        return entry
    if HUB_ID.fullmatch(spec.path_or_name):
        return catalogue.find(spec.name) if spec.name else None
    if Path(spec.path_or_name).exists():
        raise SourceError(
            f"the catalogue holds no {spec.path_or_name}. Write ./{spec.path_or_name} for what lies here."
        )
    return catalogue.lookup(spec.path_or_name)


def _units(spec: SourceSpec, entry: Entry | None) -> tuple[list[Unit], dict[str, Any]]:
    """The source's units, and the facts of where they come from (never a local path)."""
    if folders.looks_local(spec.path_or_name):
        path = local(spec.path_or_name)
        usual = _usual(spec)
        if path.is_dir() and folders.is_repository(path):
            fetched = hub.fetch(str(path), config=spec.config, split=spec.split, usual=usual)
            return _arrow(fetched.files), {"origin": OWN_FILES[1], **fetched.facts}
        found = folders.find_files(spec.path_or_name, spec.split, usual=usual)
        held = [
            {"name": p.name, "bytes": p.stat().st_size, "sha256": files.file_hash(p)} for p in found.files
        ]
        origin = OWN_FILES[2] if is_place(spec.path_or_name) else OWN_FILES[0]
        facts = {"origin": origin, "split": found.split, "files": held}
        others = folders.passed_over(found.passed_over)
        return cut(found.files), facts | ({"passed_over": others} if others else {})
    if entry is not None and spec.path_or_name.startswith(registry.EMBEDDED):
        return [(Segment(entry.name, EMBEDDED),)], {"origin": "embedded pool"}
    if entry is not None and spec.path_or_name == entry.name:
        if entry.hub is None:
            raise SourceMissing(_how_to_give(entry))
        fetched = hub.fetch(
            entry.hub,
            config=spec.config or entry.config,
            split=spec.split or entry.split,
            revision=spec.revision or entry.revision,
            files=entry.files,
        )
        return _arrow(fetched.files), {"origin": "Hub", "id": entry.hub, **fetched.facts}
    fetched = hub.fetch(spec.path_or_name, config=spec.config, split=spec.split, revision=spec.revision)
    return _arrow(fetched.files), {"origin": "Hub", "id": spec.path_or_name, **fetched.facts}


def _how_to_give(entry: Entry) -> str:
    here = (
        f"local_files: {{{entry.name}: FILE}} in a config, SourceSpec(FILE, name={entry.name!r}) from Python."
    )
    if not entry.released:
        return f"{entry.name} was never released. Leave it out, or name a file of your own: {here}"
    home = entry.home or "its authors"
    return f"{entry.name} has no copy on the Hub. Get it from {home} and give the file: {here}"


def _arrow(paths: list[Path]) -> list[Unit]:
    return [(Segment(str(path), "arrow", size=path.stat().st_size),) for path in paths]


def _peek(units: list[Unit], text: str) -> tuple[list[str] | None, pa.Schema | None]:
    """Column names, and types where the format has them, of some rows; None where there are no rows.

    Looked at are the first rows of up to `PEEKS` segments, and the last rows of JSON lines: a field such as
    `history` may begin late.
    """
    segments = [segment for unit in units for segment in unit]
    step = max(1, len(segments) // PEEKS)
    fields: dict[str, pa.Field] = {}
    damaged = typed = False
    for number, segment in enumerate([*segments, *_tail(segments)]):
        if fields and number % step and number < len(segments):
            continue
        for chunk in raw_rows(segment):
            if isinstance(chunk, pa.RecordBatch):
                typed = True
                for one in chunk.schema:
                    fields.setdefault(one.name, one)
                break
            rows = [raw for raw in chunk if not isinstance(raw, str)]
            fields = {key: pa.field(key, pa.null()) for raw in rows for key in raw} | fields
            damaged |= not rows
            if rows:
                break
    if damaged and not fields:
        raise SourceError(
            f"{text} holds no readable row: every line is damaged, or not of the file's format."
        )
    return (list(fields) or None), (pa.schema(list(fields.values())) if typed else None)


def _tail(segments: list[Segment]) -> list[Segment]:
    last = segments[-1:]
    return [
        replace(s, start=max(s.start, s.start + s.size - TAIL_BYTES))
        for s in last
        if s.format == "jsonl" and not is_compressed(s.path)
    ]


def _reads(entry: Entry, spec: SourceSpec, names: list[str]) -> bool:
    """Whether raw rows have the entry's own shape; rows that a run or tool wrote earlier do not."""
    if spec.columns or not entry.raw_columns or schema.FINAL_ANSWER in names:
        return False
    return all(column in names for column in entry.raw_columns)


def _check_columns(spec: SourceSpec, names: list[str]) -> None:
    try:
        pairs.recognise(names, spec.columns)
    except SourceError as error:
        raise SourceError(f"{spec.path_or_name}: {error}") from error


def _types(recipe: Recipe, types: pa.Schema | None) -> pa.Schema | None:
    """Types that JSON lines are parsed with: text stays text, even where it looks like a date."""
    if types is None or recipe.columns is None:
        return None
    mapping = recipe.mapping(types.names)
    texts = set[str]()
    while mapping is not None:
        texts |= {name for name in (*mapping.texts, mapping.system) if name}
        mapping = mapping.otherwise
    wanted = without_dates(pa.schema([types.field(name) for name in recipe.columns if name in types.names]))
    return pa.schema(
        [
            pa.field(f.name, pa.string())
            if pa.types.is_null(f.type) or (f.name in texts and not pa.types.is_nested(f.type))
            else f
            for f in wanted
        ]
    )


def _name(spec: SourceSpec, entry: Entry | None) -> str:
    if spec.name is not None:
        if not NAME.fullmatch(spec.name):
            raise SourceError(
                f"name={spec.name!r} of a source may hold letters, digits, dot, dash and underscore."
            )
        return spec.name
    if entry is not None:
        return entry.name
    text = spec.path_or_name.rstrip("/")
    if folders.looks_local(text):
        path = local(text)
        parts = [part for part in path.parts if not folders.WILDCARDS & set(part)]
        stem = (stem_of(path) if path.is_file() else parts[-1]) if parts else "source"
    else:
        stem = text.rsplit("/", 1)[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._-") or "source"


def _facts(spec: SourceSpec, entry: Entry | None, found: dict[str, Any]) -> dict[str, Any]:
    facts = dict(found)
    if entry is not None:
        if facts.get("licence") not in (None, entry.licence):
            facts["licence_on_hub"] = facts.pop("licence")
        facts |= {
            "title": entry.title,
            "licence": entry.licence,
            "part_licences": list(entry.part_licences),
            "citation": entry.citation,
            "languages": list(entry.languages),
            "answers": entry.answers,
            "home": entry.home,
            "notes": list(entry.notes),
            "redistributable": entry.redistributable,
        }
        facts["licence_assumed"] = spec.licence is None and found["origin"] in OWN_FILES
    if spec.licence is not None:
        facts["licence"] = spec.licence
    facts.setdefault("licence", None)
    facts.setdefault("citation", None)
    facts.setdefault("languages", [])
    return facts
