"""Merge cards by section and front matter, so that what an owner wrote survives when ours change.

A section of ours says so in an HTML comment under its heading, which no reader sees. Whatever stands in a
section without the comment, or in front of the first section and after our end mark, is the owner's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hf_qads.repositories.front_matter import front_matter, split_card

OURS: Final = "<!-- hf_qads -->"
END: Final = "<!-- end of hf_qads -->"
NAMED: Final = ("configs", "dataset_info")  # lists with an entry for each config
TECHNICAL: Final = ("sdk", "sdk_version", "app_file")  # without which a Space's app does not start
JOINED: Final = ("tags", "source_datasets", "task_categories", "language")  # lists that both sides add to


@dataclass(frozen=True)
class CardSection:
    """A heading of level two with what follows; the first section of a card has no heading."""

    heading: str
    body: str

    @property
    def ours(self) -> bool:
        """Whether we wrote it."""
        return self.body.lstrip("\n").startswith(OURS)


def marked(body: str) -> str:
    """A body that we rendered, with every section marked as ours."""
    first, *others = sections(body)
    start = f"{OURS}\n{first.body.strip()}\n{END}\n"
    return start + "".join(f"\n{s.heading}\n{OURS}\n{s.body.rstrip()}\n" for s in others)


def sections(body: str) -> list[CardSection]:
    """Cut a card's body at its headings of level two, but not inside code."""
    found, heading, lines, fence = [], "", list[str](), ""
    for line in body.splitlines():
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and fence and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        if not fence and re.match(r"## +\S", line):
            found.append(CardSection(heading, "\n".join(lines)))
            heading, lines = line.rstrip(), []
        else:
            lines.append(line)
    return [*found, CardSection(heading, "\n".join(lines))]


def merge(old: str, new: str, *, base: Mapping[str, Any] | None = None) -> str:
    """Bring our new card into one that is there.

    Our sections and YAML values are updated, and those of ours that are gone are removed; the owner's keys,
    values, configs, sections and text stay.

    Args:
        old: the card that is there.
        new: ours.
        base: the front matter that we wrote last, by which our values are told from what the owner changed.
            None takes a card that carries our mark as ours, and any other as the owner's.

    Returns:
        the card; `new` itself where `old` holds nothing of the owner's.
    """
    old_data, old_body = split_card(old)
    new_data, new_body = split_card(new)
    if base is None:
        values = [key for key in new_data if key in old_data and key not in (*JOINED, *NAMED)]
        base = {key: old_data[key] for key in values} if OURS in old_body else {}
    data = _merged_data(old_data, new_data, base)
    first, *others = sections(new_body)
    before, *theirs = sections(old_body)
    kept = before.body.split(END, 1)[1] if before.ours and END in before.body else before.body
    text = first.body.strip() + "\n" + (f"\n{kept.strip()}\n" if kept.strip() else "")
    placed = _placed(others, theirs)
    return front_matter(data) + "\n" + text + "".join(f"\n{s.heading}\n{s.body.rstrip()}\n" for s in placed)


def _merged_data(old: Mapping[str, Any], new: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    data = {key: _merged_value(key, old.get(key), value, base.get(key)) for key, value in new.items()}
    # A key of ours that is gone goes, unless the owner changed its value.
    gone = {key for key, value in base.items() if key not in new and old.get(key) == value}
    return data | {key: value for key, value in old.items() if key not in new and key not in gone}


def _merged_value(key: str, theirs: Any, ours: Any, base: Any) -> Any:
    if theirs is None or key in TECHNICAL:
        return ours
    if key in NAMED:
        names = {config_name(entry) for entry in (*_listed(ours), *_listed(base))}
        others = [entry for entry in _listed(theirs) if config_name(entry) not in names]
        if any(entry.get("default") for entry in _listed(ours)):  # there can be one
            others = [{k: v for k, v in entry.items() if k != "default"} for entry in others]
        return [*_listed(ours), *others]
    if key in JOINED and isinstance(ours, list):
        listed = [theirs] if isinstance(theirs, str) else theirs if isinstance(theirs, list) else []
        known = base if isinstance(base, list) else []
        added = [item for item in listed if isinstance(item, str) and item not in known]
        return list(dict.fromkeys([*ours, *added]))
    return ours if theirs == base else theirs


def config_name(entry: Mapping[str, Any]) -> str:
    """The config that an entry of `configs` or `dataset_info` is of."""
    return str(entry.get("config_name", "default"))


def config_names(data: Mapping[str, Any]) -> set[str]:
    """The configs that a front matter names."""
    return {config_name(entry) for key in NAMED for entry in _listed(data.get(key))}


def _listed(value: Any) -> list[dict[str, Any]]:
    """`configs` or `dataset_info`, which may be one mapping for the default config, as a list."""
    if isinstance(value, dict):
        return [{"config_name": "default", **value}]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _placed(ours: list[CardSection], old: list[CardSection]) -> list[CardSection]:
    """Our sections in their order, and the owner's each behind the heading that it stood behind."""
    result, behind = list(ours), ""
    for section in old:
        if not section.ours:
            headings = [s.heading for s in result]
            at = headings.index(behind) + 1 if behind in headings else (0 if not behind else len(result))
            result.insert(at, section)
        behind = section.heading if section.heading in [s.heading for s in result] else behind
    return result
