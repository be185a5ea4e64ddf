"""Running a card's snippet, so that the card shows what it really prints."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import hf_qads
from hf_qads.errors import PublishingError

SECONDS: Final = 900


def printed(snippet: str, folder: Path) -> str:
    """What a snippet of ours prints when it is run in `folder`, in a process of its own, without network.

    Args:
        snippet: Python that we wrote; never a text from a card that is there.
        folder: where it runs; repositories in it are loaded by their names.

    Raises:
        PublishingError: it fails.

    Cost: a Python process that imports what the snippet imports.
    """
    package = str(Path(hf_qads.__file__).resolve().parent.parent)
    with tempfile.TemporaryDirectory() as cache:
        kept = {key: value for key, value in os.environ.items() if key not in ("HF_TOKEN", "HF_HUB_TOKEN")}
        quiet = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1"}
        quiet |= {"HF_DATASETS_CACHE": cache, "PYTHONWARNINGS": "ignore", "TRANSFORMERS_VERBOSITY": "error"}
        path = os.pathsep.join(part for part in (package, kept.get("PYTHONPATH", "")) if part)
        done = subprocess.run(
            [sys.executable, "-c", snippet],
            cwd=folder,
            env=kept | quiet | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PublishingError(
            f"a card's snippet does not run: {last}. The staged files are not complete; stage again."
        )
    return done.stdout.strip()
