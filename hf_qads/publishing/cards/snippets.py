"""Run a card's code snippet, so that the card shows what it really prints."""

import contextlib
import io
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from hf_qads.errors import PublishingError
from hf_qads.runtime.progress import hushed


def printed(snippet: str, repo: str, folder: Path) -> str:
    """What a snippet of ours prints when it loads a repository from `folder`.

    Args:
        snippet: Python that we wrote; never a text from a card that is there.
        repo: the name that the snippet loads, in double quotes.
        folder: loaded instead.

    Raises:
        PublishingError: it fails.

    Cost: what the snippet does; what it imports stays imported.
    """
    code = snippet.replace(f'"{repo}"', repr(str(folder.resolve())))
    out = io.StringIO()
    with own_cache(), contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(code, "<snippet of the card>", "exec"), {"__name__": "__snippet__"})
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            raise PublishingError(
                f"the snippet of {repo}'s card does not run ({type(error).__name__}: {said}). What is staged "
                "is not complete: correct the run, then stage again."
            ) from error
    return out.getvalue().strip()


@contextlib.contextmanager
def own_cache() -> Iterator[str]:
    """Load datasets and models quietly, datasets into a cache of one's own that is removed afterwards."""
    import datasets

    before = datasets.config.HF_DATASETS_CACHE
    with tempfile.TemporaryDirectory() as cache, hushed():
        datasets.config.HF_DATASETS_CACHE = Path(cache)
        try:
            yield cache
        finally:
            datasets.config.HF_DATASETS_CACHE = before
