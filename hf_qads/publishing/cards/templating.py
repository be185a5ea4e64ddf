"""Jinja templates, strict: an unknown name is an error, and text of strangers is data, never template."""

import re
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from hf_qads.publishing.cards import escaping

NONE: Final = "\N{EN DASH}"
FOLDER: Final = Path(__file__).parent / "templates"


def count(value: int) -> str:
    """An integer with thousands separated."""
    return f"{value:,}"


def number(value: float | None, digits: int = 2) -> str:
    """A rounded number, or a dash where there is none."""
    return NONE if value is None or value != value else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """A share as per cent: three figures below 1 %, whole numbers from 10 % on."""
    if value is None:
        return NONE
    return f"{100 * value:.{2 if value < 0.00995 else 1 if value < 0.0995 else 0}f} %"


def seconds(value: float) -> str:
    """A duration that a person reads at a glance: `0.4 s`, `38 s`, `4 min 10 s`, `2 h 5 min`."""
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 >= 60 else "")


def size(value: float) -> str:
    """Bytes in binary units."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.1f} {unit}"
        value /= 1024
    return ""


def plural(value: int, noun: str) -> str:
    """`1 row`, `1,200 rows`."""
    return f"{value:,} {noun}" if value == 1 else f"{value:,} {noun}s"


def listing(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def breakable(name: str) -> Markup:
    """A name for a narrow HTML cell, escaped: it may break after `_`, `-`, `/` and `.`."""
    shown = escaping.one_line(name, 80)
    return Markup("").join(
        Markup.escape(part) + Markup("<wbr>" * (part in "_-/.")) for part in re.split(r"([_/.-])", shown)
    )


FILTERS: Final = {
    "breakable": breakable,
    "count": count,
    "number": number,
    "percent": percent,
    "seconds": seconds,
    "size": size,
    "plural": plural,
    "listing": listing,
    "visible": escaping.visible,
    "one_line": escaping.one_line,
    "md": escaping.markdown,
    "fenced": escaping.fenced,
}


def render(template: str, values: dict[str, Any], *, autoescape: bool) -> str:
    """Fill a template of this package.

    Args:
        template: file name in `templates/`.
        values: what it may name.
        autoescape: escape for HTML; cards escape for Markdown by their filters instead.

    Raises:
        jinja2.UndefinedError: the template names something that is not given.
    """
    environment = Environment(
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(lambda name: (FOLDER / name).read_text(encoding="utf-8")),
    )
    environment.filters.update(FILTERS)
    return environment.get_template(template).render(values)
