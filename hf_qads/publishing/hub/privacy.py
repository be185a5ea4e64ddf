"""Privacy check: find local paths, user and host names and tokens before they leave the machine."""

import getpass
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hf_qads.publishing.facts.facts import public
from hf_qads.runtime import files

TOKEN: Final = re.compile(
    r"\b(hf_[A-Za-z0-9]{20,}|(ghp|gho|github_pat)_[A-Za-z0-9_]{20,}|sk-[A-Za-z0-9-]{20,})"
)
WHOLE: Final = ("evaluation.json", "training.json", "results.json")  # ours: every value is looked at
NAMED: Final = re.compile(r"(^|_)(name_or_path|path|_commit_hash)$")  # in files of transformers and peft
READ: Final = (".md", ".json", ".yaml", ".yml", ".py", ".txt", ".jinja")
LARGEST: Final = 20 * 2**20


def scrub(path: Path) -> None:
    """Rewrite a JSON file without local paths, where it holds any; vocabulary files are left alone."""
    if path.suffix != ".json" or path.name in ("tokenizer.json", "vocab.json"):
        return
    value = files.read_json(path)
    cleaned = public(value) if path.name in WHOLE else _named(value)
    if cleaned != value:
        files.write_json(path, cleaned)


def leaks(folder: Path, *, private: Mapping[str, str] | None = None) -> list[str]:
    """Places in the texts of a repository folder that tell of this machine or hold a token.

    Args:
        folder: a repository.
        private: words to look for and what they are; None takes this machine's home, user and host name.

    Returns:
        `file: what` of each find; data files and vocabularies are not read.
    """
    found = []
    words = machine() if private is None else private
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix not in READ or path.name in ("tokenizer.json", "vocab.json"):
            continue
        if path.stat().st_size > LARGEST:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        name = path.relative_to(folder)
        if TOKEN.search(text):
            found.append(f"{name}: an access token")
        found += [f"{name}: {what}" for word, what in words.items() if word in text]
    return found


def machine() -> dict[str, str]:
    """Words that name this machine: long enough that they do not turn up in a text by chance."""
    words = {str(Path.home()) + "/": "the home folder", str(Path.cwd()) + "/": "the working folder"}
    words = {word: what for word, what in words.items() if word.count("/") > 2}
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = ""
    if len(user) > 4:
        words[f"/{user}/"] = "the user's name in a path"
    host = socket.gethostname()
    if len(host) >= 8 and host != "localhost":
        words[host] = "the host's name"
    return words


def _named(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: public(v) if NAMED.search(str(k)) else _named(v) for k, v in value.items()}
    return [_named(item) for item in value] if isinstance(value, list) else value
