"""Cards in sections, so that what an owner wrote survives when ours are written again.

A section of ours says so in an HTML comment under its heading, which no reader sees. Whatever stands in a
section without the comment, or in front of the first section and after our end mark, is the owner's.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from hf_qads.repositories.front_matter import front_matter, split_card

OURS: Final = "<!-- hf_qads -->"
END: Final = "<!-- end of hf_qads -->"
JOINED: Final = ("tags", "source_datasets", "task_categories", "language")  # lists that both sides add to


@dataclass(frozen=True)
class Section:
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


def sections(body: str) -> list[Section]:
    """Cut a card's body at its headings of level two, but not inside code."""
    found, heading, lines, fence = [], "", list[str](), ""
    for line in body.splitlines():
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and fence and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        if not fence and re.match(r"## +\S", line):
            found.append(Section(heading, "\n".join(lines)))
            heading, lines = line.rstrip(), []
        else:
            lines.append(line)
    return [*found, Section(heading, "\n".join(lines))]


def merge(old: str, new: str) -> str:
    """Bring our new card into one that is there.

    Our sections and YAML keys are updated, and those of ours that are gone are removed; the owner's keys,
    sections and text after our end mark stay, each section behind the one that it stood behind.

    Args:
        old: the card that is there, ours or not.
        new: the card that we rendered.

    Returns:
        The merged card; `new` itself where `old` holds nothing of the owner's.
    """
    old_data, old_body = split_card(old)
    new_data, new_body = split_card(new)
    data = _merged_data(old_data, new_data)
    first, *others = sections(new_body)
    before, *theirs = sections(old_body)
    kept = before.body.split(END, 1)[1] if before.ours and END in before.body else before.body
    text = first.body.strip() + "\n" + (f"\n{kept.strip()}\n" if kept.strip() else "")
    placed = _placed(others, theirs)
    return front_matter(data) + "\n" + text + "".join(f"\n{s.heading}\n{s.body.rstrip()}\n" for s in placed)


def _merged_data(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    data = dict(new)
    for key in JOINED:
        theirs = old.get(key)
        if isinstance(theirs, str):
            theirs = [theirs]
        if isinstance(theirs, list) and isinstance(new.get(key), list):
            data[key] = list(dict.fromkeys([*new[key], *(item for item in theirs if isinstance(item, str))]))
    return data | {key: value for key, value in old.items() if key not in new}


def _placed(ours: list[Section], old: list[Section]) -> list[Section]:
    """Our sections in their order, and the owner's each behind the heading that it stood behind."""
    result, behind = list(ours), ""
    for section in old:
        if not section.ours:
            headings = [s.heading for s in result]
            at = headings.index(behind) + 1 if behind in headings else (0 if not behind else len(result))
            result.insert(at, section)
        behind = section.heading if section.heading in [s.heading for s in result] else behind
    return result
