"""Files of one's own that stand in for names of the catalogue: `copies: {dmath: data/dmath.json}`."""

from typing import Any

from hf_qads.errors import ConfigError


def with_copies(keys: dict[str, Any]) -> dict[str, Any]:
    """Put files that stand in for names of the catalogue where a config asks for the names.

    Copies of benchmarks stay in `copies` where a config asks for all benchmarks.
    """
    copies = keys.get("copies")
    if not isinstance(copies, dict) or not copies:
        return keys
    for name, copy in copies.items():
        _check_form(name, copy)
    used: set[str] = set()

    def stand_in(source: Any) -> Any:
        name = source.get("path") if isinstance(source, dict) else None
        if not isinstance(name, str) or name not in copies:
            return source
        used.add(name)
        return {"name": name, **copies[name], **{k: v for k, v in source.items() if k != "path"}}

    keys = dict(keys)
    for key, inner in (("sources", None), ("anchors", "sources"), ("overlap", "against")):
        section = keys.get(key)
        found = section.get(inner) if inner and isinstance(section, dict) else section
        if isinstance(found, list):
            stood = [stand_in(source) for source in found]
            keys[key] = {**section, inner: stood} if inner and isinstance(section, dict) else stood
    keys["copies"] = {name: copy for name, copy in copies.items() if name not in used}
    if keys["copies"]:
        _check_names(keys["copies"], keys.get("overlap", {}))
    return keys


def _check_form(name: Any, copy: Any) -> None:
    if not isinstance(name, str) or not isinstance(copy, dict) or not isinstance(copy.get("path"), str):
        raise ConfigError(
            f"copies: {{{name}: {copy!r}}} names no file. Write `NAME: FILE`, a name of the catalogue and "
            "the file that stands in for it, or `NAME: {path: FILE, ...}`."
        )


def _check_names(copies: dict[str, Any], overlap: Any) -> None:
    from hf_qads.sources import BENCHMARKS
    from hf_qads.sources.catalogue import find, hint

    everything = isinstance(overlap, dict) and overlap.get("against", "benchmarks") == "benchmarks"
    for name in copies:
        if not (everything and name in BENCHMARKS):
            meant = "" if find(name) else f" {hint(name)}"
            raise ConfigError(
                f"copies names {name!r}, which no source, anchor or benchmark of the config asks for. "
                f"Write the catalogue name that the file stands in for.{meant}"
            )
