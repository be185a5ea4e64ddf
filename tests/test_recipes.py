"""The recipes: every YAML parses strictly, and the scripts do what they say."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hf_qads.errors import EvaluationError, ModelError, QaDSError, TrainingError
from tests.models import tiny_model, tiny_tokenizer

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes"
YAMLS = sorted(RECIPES.rglob("*.yaml"))


def script(name):
    spec = importlib.util.spec_from_file_location(f"recipe_{name}", RECIPES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sft():
    return script("sft")


@pytest.fixture(scope="module")
def evaluate():
    return script("evaluate")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    tiny_model().save_pretrained(folder)
    tiny_tokenizer(chat=True).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    lines = [
        {"question": f"What is {i} + 1?", "answer": f"The answer is {i + 1}.", "final_answer": str(i + 1)}
        for i in range(16)
    ]
    path.write_text("".join(json.dumps(line | {"qads_rank": i}) + "\n" for i, line in enumerate(lines)))
    return path


def flags(base, rows, out, *more):
    named = ("--model_name_or_path", str(base), "--mixture", str(rows), "--output_dir", str(out))
    return [*named, "--max_steps", "2", "--global_batch", "4", "--report_to", "none", *more]


def test_recipes_on_real_pools_name_catalogue_entries_with_files_beside_them():
    from hf_qads.sources.catalogue import names

    for path in sorted((RECIPES / "real").glob("*.yaml")):
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        if "local_files" not in raw:  # examples for prompts
            continue
        asked = [*raw.get("sources", []), *raw["anchors"].get("sources", [])]
        asked += raw.get("decontaminate", {}).get("against", [])
        named = {one["path"] if isinstance(one, dict) else one for one in asked}
        assert named <= set(raw["local_files"]) <= set(names())


@pytest.mark.parametrize("path", YAMLS, ids=[str(path.relative_to(RECIPES)) for path in YAMLS])
def test_every_yaml_is_parsed_strictly(path, evaluate):
    from hf_qads.training.policy import parse_policy, parse_yaml

    if path.parent.name == "accelerate":
        from accelerate.commands.config.config_args import load_config_from_file

        assert load_config_from_file(str(path)).num_processes >= 1
    elif path.stem == "evaluate":
        assert parse_yaml(evaluate.Evaluation, ["--config", str(path)]).benchmarks
    elif path.stem.endswith("_examples"):
        from hf_qads.augmenting.operators import read_examples

        assert all(read_examples(path).values())
    elif "model_name_or_path" in yaml.safe_load(path.read_text()):
        _, training, model = parse_policy(["--config", str(path)], output_dir=Path("out"))
        assert training.learning_rate > 0
        assert model.model_name_or_path
    elif path.stem.endswith("_examples"):
        assert all(
            isinstance(value, list | str | dict) for value in yaml.safe_load(path.read_text()).values()
        )
    elif "compare" in (raw := yaml.safe_load(path.read_text())) or {"validity", "scaling"} & set(raw):
        from hf_qads.config import experiments

        assert experiments.load(path).name
    else:
        from hf_qads.config import loading

        assert loading.load(path)


def test_paper_recipes_hold_the_paper_s_settings():
    for path in (*RECIPES.glob("s_base/*_7b.yaml"), *RECIPES.glob("s_large/*_7b.yaml")):
        found = yaml.safe_load(path.read_text())
        assert (found["global_batch"], found["learning_rate"], found["warmup_steps"]) == (128, 2e-5, 0.03)
        assert found["num_train_epochs"] == (3 if path.parent.name == "s_base" else 1)


def test_sft_trains_records_and_keeps(sft, base, rows, tmp_path, capsys):
    out = sft.main(flags(base, rows, tmp_path / "out"))
    facts = json.loads((out / "training.json").read_text())
    assert facts["source"] == {"dataset": "rows.jsonl", "split": "train"}
    assert (facts["rows"], facts["steps"], facts["global_batch"]) == (16, 2, 4)
    assert "16 rows" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "training.json",
    ]
    sft.main(flags(base, rows, tmp_path / "out"))
    assert "holds this very model already" in capsys.readouterr().out
    with pytest.raises(TrainingError, match="finished model of another run"):
        sft.main(flags(base, rows, tmp_path / "out", "--learning_rate", "0.1"))
    sft.main(flags(base, rows, tmp_path / "out", "--learning_rate", "0.1", "--overwrite", "true"))
    assert json.loads((out / "training.json").read_text())["learning_rate"] == "0.1"


def test_sft_trains_packed_lora_on_chosen_rows_in_chat_form(sft, base, rows, tmp_path):
    pytest.importorskip("peft")
    more = ("--use_peft", "true", "--lora_r", "4", "--packing", "true")
    chosen = ("--fraction", "0.5", "--template", "chat", "--max_length", "64")
    out = sft.main(flags(base, rows, tmp_path / "out", *more, *chosen))
    facts = json.loads((out / "training.json").read_text())
    assert facts["rows"] == 8
    assert facts["source"]["strategy"] == "qads"
    assert facts["trained_parameters"] < facts["parameters"] / 10
    assert facts["template"] == "chat"
    assert (out / "adapter_model.safetensors").exists()


def test_sft_goes_on_after_a_kill(sft, base, rows, tmp_path, monkeypatch):
    from transformers import Trainer

    ordinary, steps = Trainer.training_step, []

    def killed(self, *args, **kwargs):
        steps.append(self.state.global_step)
        if len(steps) == 2:
            raise KeyboardInterrupt
        return ordinary(self, *args, **kwargs)

    monkeypatch.setattr(Trainer, "training_step", killed)
    argv = flags(base, rows, tmp_path / "out", "--save_steps", "1")
    with pytest.raises(KeyboardInterrupt):
        sft.main(argv)
    assert not (tmp_path / "out" / "training.json").exists()
    (tmp_path / "out" / "checkpoint-2").mkdir()  # half written
    out = sft.main(argv)
    assert steps == [0, 1, 1]
    assert json.loads((out / "training.json").read_text())["resumed_from"] == "checkpoint-1"
    assert not list(out.glob("checkpoint-*"))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--mixture", "missing/rows.jsonl"), "rows.jsonl is not there"),
        (("--split", "validation"), "holds the split train only"),
        (("--model_name_or_path", "./no-model"), "There is no model at"),
        (("--run", "no-run", "--mixture", ""), "There is no mixture at no-run"),
        (("--resume_from_checkpoint", "nowhere"), "cannot be used"),
        (("--output_dir", "/proc/nothing/model"), "cannot be written"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(sft, base, rows, tmp_path, monkeypatch, more, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((TrainingError, ModelError), match=message):
        sft.main(flags(base, rows, tmp_path / "out", *more))
    assert not list(tmp_path.rglob("*.safetensors"))


def test_bad_columns_are_one_line(sft, base, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": "hello"}\n')
    with pytest.raises(QaDSError, match="no question and answer among the columns"):
        sft.main(flags(base, tmp_path / "rows.jsonl", tmp_path / "out"))


def test_wrong_use_exits_with_two_and_one_line(tmp_path):
    command = [sys.executable, str(RECIPES / "sft.py"), "--lerning_rate", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=here())
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert "lerning_rate" in done.stderr


def test_evaluate_compares_a_model_with_its_base(evaluate, base, rows, tmp_path, capsys):
    data = tmp_path / "eval"
    data.mkdir()
    (data / "gsm8k.jsonl").write_text(rows.read_text())
    argv = [
        "--model",
        str(base),
        "--base",
        str(base),
        "--benchmarks",
        "gsm8k",
        "--data",
        str(data),
        "--rows",
        "6",
    ]
    out = evaluate.main([*argv, "--max_new_tokens", "8", "--out", str(tmp_path / "out")])
    found = json.loads((out / "results.json").read_text())
    assert found["results"]["gsm8k"]["n"] == 6
    assert found["against"]["log_probability"]["gsm8k"]["mean"] == 0.0
    assert len((out / "gsm8k" / "results.jsonl").read_text().splitlines()) == 6
    shown = capsys.readouterr().out
    assert "| GSM8K | 6 |" in shown
    assert "47.2" in shown
    assert str(tmp_path) not in (out / "results.json").read_text()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--model", "m", "--benchmarks", "gsm9k"], "not one of gsm8k"),
        (["--model", "m", "--benchmarks", "svamp", "--data", "."], "holds no svamp.parquet"),
        (["--model", "./none", "--benchmarks", "embedded", "--rows", "2"], "There is no model at"),
        (["--benchmarks", "embedded"], "No model is named"),
    ],
)
def test_bad_evaluations_are_one_line(evaluate, argv, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((EvaluationError, ModelError), match=message):
        evaluate.main(argv)


def here():
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def losses(command, out, tmp_path):
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=here())
    assert done.returncode == 0, done.stderr[-2000:]
    return [loss for _, loss in json.loads((out / "training.json").read_text())["loss_curve"]]


@pytest.mark.slow
def test_two_processes_train_as_one_with_twice_the_accumulation(base, rows, tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node"]
    curves = []
    for count in ("1", "2"):
        out = tmp_path / f"out{count}"
        argv = flags(base, rows, out, "--max_steps", "4", "--learning_rate", "0.001", "--device_batch", "2")
        command = [*torchrun, count, "--master_port", f"2951{count}", str(RECIPES / "sft.py"), *argv]
        curves.append(losses(command, out, tmp_path))
    assert len(curves[0]) == 4
    assert curves[0] == pytest.approx(curves[1], abs=2e-4)


@pytest.mark.slow
def test_zero3_trains_one_rank_on_the_cpu(base, rows, tmp_path):
    pytest.importorskip("deepspeed")
    settings = {
        "zero_optimization": {"stage": 3},
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
    }
    (tmp_path / "zero3.json").write_text(json.dumps(settings))
    out = tmp_path / "out"
    more = ("--deepspeed", str(tmp_path / "zero3.json"), "--use_cpu", "false", "--optim", "adamw_torch")
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc_per_node",
        "1",
        "--master_port",
        "29531",
    ]
    curve = losses([*torchrun, str(RECIPES / "sft.py"), *flags(base, rows, out, *more)], out, tmp_path)
    plain = tmp_path / "plain"
    assert curve == pytest.approx(
        losses([sys.executable, str(RECIPES / "sft.py"), *flags(base, rows, plain)], plain, tmp_path),
        abs=1e-3,
    )
