"""Evaluate a model on the paper's nine test sets, or on the embedded problems against another model.

    python recipes/evaluate.py                                   # the quickstart's model against its base
    python recipes/evaluate.py --config recipes/s_base/evaluate.yaml --run runs/mine
    python recipes/evaluate.py --model org/name --benchmarks gsm8k svamp --data eval/ --rows 200
    python recipes/evaluate.py --model NAME --endpoint http://localhost:8000/v1 --benchmarks gsm8k

Flags win over the YAML file; unknown keys are errors. Results are kept per question in OUT, and a start after
a kill asks only what is left.
"""

import sys
from pathlib import Path

from hf_qads.errors import EvaluationError, QaDSError
from hf_qads.evaluation import evaluate
from hf_qads.evaluation.evaluating import ACCURACY, MEASURES
from hf_qads.evaluation.items import items_of, read_rows
from hf_qads.evaluation.recipe import Evaluation, record
from hf_qads.pipeline.test_sets import read_test_set
from hf_qads.runtime.models import public_name
from hf_qads.runtime.progress import quiet
from hf_qads.training.policy import fail, parse_yaml

ROOT = Path(__file__).resolve().parents[1]


def main(argv: list[str]) -> Path:
    """Evaluate, print the table, and return the folder of the results."""
    quiet()
    argv = argv or ["--config", str(ROOT / "recipes/embedded/evaluate.yaml")]
    setting: Evaluation = parse_yaml(Evaluation, argv)
    name = setting.model or (str(Path(setting.run) / "model") if setting.run else None)
    if name is None:
        raise EvaluationError("No model is named. Give --model or --run.")
    run = setting.run or (str(Path(name).parent) if Path(name).name == "model" else None)
    out = Path(
        setting.out or (Path(run) / "evaluation" if run else Path("runs/evaluation") / Path(name).name)
    )
    shots = (
        items_of(read_rows(setting.shots_from), "shots", limit=setting.shots) if setting.shots_from else []
    )
    if setting.shots and len(shots) < setting.shots:
        raise EvaluationError(
            f"shots={setting.shots}, but shots_from holds {len(shots)}. Name a longer file."
        )
    items = {
        benchmark: read_test_set(benchmark, data=setting.data, rows=setting.rows, seed=setting.seed)
        for benchmark in setting.benchmarks
    }
    found = {}
    for role, model in {"model": name, "base": setting.base}.items():
        if model is not None:
            found[role] = evaluate(
                model,
                items,
                measures=MEASURES if setting.base and not setting.endpoint else (ACCURACY,),
                engine=setting.engine(model),
                template=setting.template,
                shots=shots[: setting.shots],
                instruct=setting.instruct,
                max_new_tokens=setting.max_new_tokens,
                batch_tokens=setting.batch_tokens,
                dtype=setting.dtype,
                device=setting.device,
                folder=out if role == "model" else out / "base",
            )
    base = public_name(setting.base) if setting.base else None
    print(record(found, out, setting, model=public_name(name), base=base))
    print(f"Results: {out}")
    return out


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except QaDSError as error:
        fail(error)
