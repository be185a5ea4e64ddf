"""Chat templates checked early: before any work, and on the first rows of a pool as soon as it is read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from hf_qads.errors import ScoringError
from hf_qads.pipeline.log_forwarding import INDENT
from hf_qads.pipeline.stage import Context
from hf_qads.rows.rendering import Renderer
from hf_qads.runtime.models import model_path
from hf_qads.schema import ANSWER, HISTORY, QUESTION

SAMPLE = 200  # rows of a source that are rendered as soon as it is read


def chat_renderer(model: str) -> Renderer | None:
    """The renderer of a model at hand by its chat template; None where the model is on the Hub.

    Raises:
        ScoringError: it has no chat template, or one that needs what rows do not hold.
    """
    path = Path(model_path(model))
    if not path.is_dir():
        return None
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError, KeyError):
        return None  # said where the model is loaded
    return Renderer(tokenizer, "chat")


def check_first_rows(context: Context, shards: Mapping[str, Sequence[Path]]) -> None:
    """Say which of the first rows of each source the model's chat template cannot write, and why.

    Raises:
        ScoringError: it can write none of any source.
    """
    model = context.config.model
    renderer = chat_renderer(model.name) if model.template == "chat" else None
    if renderer is None:
        return
    written = 0
    said: list[str] = []
    for source, paths in shards.items():
        with pq.ParquetFile(paths[0]) as file:
            batch = next(file.iter_batches(SAMPLE, columns=[HISTORY, QUESTION, ANSWER]))
        found = [renderer.text(row) for row in batch.to_pylist()]
        reasons = Counter(one for one in found if isinstance(one, str))
        written += len(found) - reasons.total()
        for reason, count in reasons.most_common():
            said.append(f"{count} of the first {len(found)} rows of {source} cannot be scored: {reason}")
    for line in said:
        context.say(f"{INDENT}{line}")
    if not written:
        raise ScoringError(
            f"The chat template of {model.path} writes none of the first rows of any source. "
            f"{'. '.join(said[:3])}. Use model: {{template: plain}}, or other rows."
        )
