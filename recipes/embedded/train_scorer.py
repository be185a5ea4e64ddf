"""Train the embedded scorer on rows that recipes/embedded/score.py scored for real.

python recipes/embedded/train_scorer.py --scores runs/embedded/scores --out hf_qads/embedded/scorer
"""

import argparse
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import torch
from transformers import AutoTokenizer, TrainingArguments

from hf_qads.embedded import language_model_path
from hf_qads.runtime.progress import quiet
from hf_qads.scoring.scorer.training import train_scorer
from hf_qads.training.arguments import Schedule, training_arguments


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=language_model_path())
    parser.add_argument("--scores", type=Path, required=True, help="folder with scores.parquet")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the scorer to")
    parser.add_argument("--epochs", type=float, default=6)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--held-out", type=float, default=0.25, help="share of the questions to judge by")
    parser.add_argument("--dtype", default="float32", help="of the saved weights")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Train, save and say how well real scores are predicted."""
    args = arguments()
    quiet()
    torch.set_num_threads(args.threads)
    rows = pq.read_table(args.scores / "scores.parquet").to_pylist()
    schedule = Schedule(
        epochs=args.epochs,
        learning_rate=args.learning_rate,
        global_batch=args.batch,
        warmup=0.05,
    )
    with tempfile.TemporaryDirectory() as checkpoints:
        trained = train_scorer(
            args.model,
            AutoTokenizer.from_pretrained(args.model),
            rows,
            [row["qads_influence"] for row in rows],
            folder=args.out,
            arguments=training_arguments(
                TrainingArguments,
                Path(checkpoints),
                schedule=schedule,
                device_batch=args.batch,
                seed=args.seed,
            ),
            held_out=args.held_out,
            dtype=args.dtype,
            base_model="the embedded language model of hf_qads",
            seed=args.seed,
        )
    print(trained.evaluation["agreement"])


if __name__ == "__main__":
    main()
