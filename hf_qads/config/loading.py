"""Load a run's YAML config: presets, KEY=VALUE overrides, local files, and what is wrong said by key."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import yaml
from pydantic import ValidationError

from hf_qads.config.schema import Config, Section
from hf_qads.errors import ConfigError

# merged with a preset's key by key
SECTIONS: Final = ("model", "anchors", "experience", "scorer", "select", "deduplicate", "decontaminate")
_LISTS: Final = {"anchors": "sources", "decontaminate": "against"}  # sections that hold a list of sources
_RENAMED: Final = {
    "across": "deduplicate: {across_sources: ...}",
    "near": "deduplicate: {near: ...}",
    "overlap": "decontaminate",
    "decontaminate.missing": "decontaminate.on_missing",
    "copies": "local_files",
    "missing": "on_missing",
}
_RENAMED_VALUES: Final = {"leave_out": "skip", "given": "precomputed (of a ratio's rule: explicit)"}


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
    for text in sorted(overrides, key=lambda text: not text.startswith("preset=")):
        override(raw, text)
    return parse(raw, where=str(path))


def parse(raw: Mapping[str, Any], *, where: str = "config") -> Config:
    """Check a mapping as a config; `preset: NAME` fills in what the mapping does not say.

    Sections (`model`, `anchors`, `experience`, `scorer`, `select`, `deduplicate`, `decontaminate`) are merged
    with the preset's key by key; all else that stands beside it, `ratio`, `prompts`, `local_files` and lists
    too, replaces the preset's whole. `null` switches a section off. `ratio: {rule: implied}` beside a preset
    stands for the shares that the paper's counts imply.

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
    keys = _with_local_files(keys)
    try:
        return Config.model_validate(keys)
    except ValidationError as error:
        raise ConfigError(f"{where}: {'; '.join(complaints(error))}") from None


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
            f"{where}: ratio rule implied is for a preset of the paper. Give shares, rule: explicit."
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
    if key == "augment" and isinstance(value, dict) and "model" in value:
        return {**value, "model": _with_short_forms("model", value["model"])}
    if key == "sources":
        return _sources(value)
    if key == "scores" and isinstance(value, list):
        return [{"name": item} if isinstance(item, str) else item for item in value]
    if key == "local_files" and isinstance(value, dict):
        return {name: {"path": file} if isinstance(file, str) else file for name, file in value.items()}
    if key in _LISTS and isinstance(value, dict) and isinstance(value.get(_LISTS[key]), list):
        return {**value, _LISTS[key]: _sources(value[_LISTS[key]])}
    return value


def _sources(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [{"path": item} if isinstance(item, str) else item for item in value]


def override(raw: dict[str, Any], given: str) -> None:
    """Put one `KEY=VALUE` into a config as read from YAML; dots in KEY go into sections.

    Raises:
        ConfigError: it is no KEY=VALUE, or goes into what is no section.
    """
    key, equals, text = given.partition("=")
    if not equals or not key:
        raise ConfigError(f"{given!r} is no KEY=VALUE. Write for example select.metric=cosine.")
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
        raise ConfigError(f"{given!r}: the value is not valid YAML.") from None


def _with_local_files(keys: dict[str, Any]) -> dict[str, Any]:
    """Put files of the user's own where a config asks for names of the catalogue: `{dmath: data/dmath.json}`.

    Files for benchmarks stay in `local_files` where a config asks for all benchmarks.
    """
    files = keys.get("local_files")
    if not isinstance(files, dict) or not files:
        return keys
    for name, file in files.items():
        if not isinstance(name, str) or not isinstance(file, dict) or not isinstance(file.get("path"), str):
            raise ConfigError(
                f"local_files: {{{name}: {file!r}}} names no file. Write `NAME: FILE`, a name of the "
                "catalogue and the file that stands in for it, or `NAME: {path: FILE, ...}`."
            )
    used: set[str] = set()

    def stand_in(source: Any) -> Any:
        name = source.get("path") if isinstance(source, dict) else None
        if not isinstance(name, str) or name not in files:
            return source
        used.add(name)
        return {"name": name, **files[name], **{k: v for k, v in source.items() if k != "path"}}

    keys = dict(keys)
    for key, inner in (("sources", None), *_LISTS.items()):
        section = keys.get(key)
        found = section.get(inner) if inner and isinstance(section, dict) else section
        if isinstance(found, list):
            stood = [stand_in(source) for source in found]
            keys[key] = {**section, inner: stood} if inner and isinstance(section, dict) else stood
    keys["local_files"] = {name: file for name, file in files.items() if name not in used}
    if keys["local_files"]:
        _check_names(keys["local_files"], keys.get("decontaminate", {}))
    return keys


def _check_names(files: dict[str, Any], decontaminate: Any) -> None:
    from hf_qads.sources import BENCHMARKS
    from hf_qads.sources.catalogue import find, hint

    everything = (
        isinstance(decontaminate, dict) and decontaminate.get("against", "benchmarks") == "benchmarks"
    )
    for name in files:
        if not (everything and name in BENCHMARKS):
            meant = "" if find(name) else f" {hint(name)}"
            raise ConfigError(
                f"local_files names {name!r}, which no source, anchor or benchmark of the config asks for. "
                f"Write the catalogue name that the file stands in for.{meant}"
            )


def complaints(error: ValidationError) -> list[str]:
    """What is wrong, a line for each key."""
    found = []
    for problem in error.errors():
        location = tuple(part for part in problem["loc"] if part not in ("one", "kinds"))
        place = ".".join(str(part) for part in location)
        if problem["type"] == "extra_forbidden":
            known = f"known: {', '.join(_known_keys(location[:-1]))}"
            renamed = f"is now called {_RENAMED[place]}" if place in _RENAMED else ""
            found.append(f"unknown key {place} ({renamed or known})")
        elif problem["type"] == "missing":
            found.append(f"{place} is missing")
        else:
            message = problem["msg"].removeprefix("Value error, ").rstrip(".")
            got = _short(problem["input"])
            if problem["type"] == "literal_error" and problem["input"] in _RENAMED_VALUES:
                got += f", which is now called {_RENAMED_VALUES[problem['input']]}"
            found.append(f"{place}: {message[0].lower()}{message[1:]}, got {got}")
    return found


def _known_keys(place: tuple[int | str, ...]) -> list[str]:
    """Keys of the section at a place; none where there is no section."""
    sections: list[type[Section]] = [Config]
    for part in place:
        fields = [s.model_fields[part].annotation for s in sections if part in s.model_fields]
        sections = [one for annotation in fields for one in _sections(annotation)] if fields else sections
    return list(dict.fromkeys(key for section in sections for key in section.model_fields))


def _sections(annotation: Any) -> list[type[Section]]:
    """The sections that a field's annotation names, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for inner in get_args(annotation) for section in _sections(inner)]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
