"""Measure the embedded models and write their cards: each figure comes from figures.json beside it.

python recipes/embedded/measure.py --scores runs/embedded/scores
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

import cards
from hf_qads.embedded import language_model_path, scorer_path
from hf_qads.embedded.styles import GOOD, POOR, UNSEEN
from hf_qads.runtime.files import write_json, write_text
from hf_qads.statistics.correlation import correlations

NEAR = 0.1  # answers are of matched length when their token counts differ by at most this share


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scores", type=Path, required=True, help="folder with scores.parquet, settings.json"
    )
    parser.add_argument("--language-model", type=Path, default=language_model_path())
    parser.add_argument("--scorer", type=Path, default=scorer_path())
    return parser.parse_args()


def above(good: NDArray[Any], poor: NDArray[Any], counted: NDArray[np.bool_] | None = None) -> float:
    """Share of (good, poor) pairs in which good has the higher value, ties half: the AUC."""
    wins = (good[:, None] > poor) + 0.5 * (good[:, None] == poor)
    return float(wins.mean() if counted is None else wins[counted].mean())


def language_model_figures(rows: list[dict[str, Any]], settings: dict[str, Any]) -> dict[str, Any]:
    """Mean quality score per planted class, and how well it parts good from poor."""
    planted = np.array([row["planted"] for row in rows])
    scores = np.array([row["qads_influence"] for row in rows])
    lengths = np.array([row["answer_tokens"] for row in rows], dtype=float)
    good, poor = planted == GOOD, planted != GOOD
    classes = {}
    for name in (GOOD, *POOR):
        mine = planted == name
        classes[name] = {"rows": int(mine.sum()), "mean": float(scores[mine].mean())}
        if name != GOOD:
            classes[name]["auc"] = above(scores[good], scores[mine])
            classes[name]["seen_in_training"] = name not in UNSEEN
    apart = np.abs(lengths[good][:, None] - lengths[poor])
    matched = apart <= NEAR * np.maximum(lengths[good][:, None], lengths[poor])
    return {
        "settings": settings,
        "rows": len(rows),
        "classes": classes,
        "auc": above(scores[good], scores[poor]),
        "auc_length_matched": above(scores[good], scores[poor], matched),
        "pairs_length_matched": int(matched.sum()),
        "auc_length_alone": above(lengths[good], lengths[poor]),
    }


def scorer_figures(rows: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """How well the scorer predicts real scores of rows whose questions it never saw."""
    held_out = pq.read_table(folder / "held_out.parquet").to_pylist()
    by_id = {row["row_id"]: row for row in rows}
    planted = np.array([by_id[row["row_id"]]["planted"] for row in held_out])
    kind = np.array([by_id[row["row_id"]]["kind"] for row in held_out])
    lengths = np.array([by_id[row["row_id"]]["answer_tokens"] for row in held_out], dtype=float)
    real = np.array([row["real"] for row in held_out])
    predicted = np.array([row["predicted"] for row in held_out])
    means = {name: real[planted == name].mean() for name in set(planted)}
    parts = {"all": np.ones(len(real), dtype=bool), GOOD: planted == GOOD, "poor": planted != GOOD}
    parts |= {name: kind == name for name in ("reasoning", "general")}
    return {
        "trained_on": json.loads((folder / "evaluation.json").read_text())["rows"]["trained_on"],
        "agreement": {
            name: correlations(real[part], predicted[part]).as_dict() for name, part in parts.items()
        },
        "planted_class_alone": correlations(real, np.array([means[name] for name in planted])).as_dict(),
        "length_alone": correlations(real, lengths).as_dict(),
        "real_score_zero": int((real == 0).sum()),
        "auc": above(predicted[planted == GOOD], predicted[planted != GOOD]),
    }


def main() -> None:
    """Measure, then write figures.json and README.md of both models."""
    args = arguments()
    rows = pq.read_table(args.scores / "scores.parquet").to_pylist()
    settings = json.loads((args.scores / "settings.json").read_text())
    figures = language_model_figures(rows, settings)
    write_json(args.language_model / "figures.json", figures)
    write_text(args.language_model / "README.md", cards.language_model(figures))
    print(json.dumps(figures, indent=1))
    if (args.scorer / "held_out.parquet").exists():
        figures = scorer_figures(rows, args.scorer)
        write_json(args.scorer / "figures.json", figures)
        write_text(args.scorer / "README.md", cards.scorer(figures))
        print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
