"""Speed of one-shot influence against what one would write, and against what the arithmetic allows.

    python benchmarks/influence.py                          # 12 layers, 576 wide, 49,152 tokens; 8 x 50 pairs
    python benchmarks/influence.py --model smollm2 --dtype bfloat16 --ways bare
    python benchmarks/influence.py --shape 7b --device cuda --examples 64 --json

Ways, side by side, on the same rows and weights (random, or a real model's), part by part in turn, so that
what else the machine does falls on all alike (on a busy machine, add `--clock processor --threads 1`):

- `one pair`, `padded batch`: example and anchor through the whole model, one pair or eight at a time, with
  the language-model head on all tokens or (`, answers`) on the answer's tokens only;
- `packed row`: the example once, all anchors of a part side by side in one row;
- `expanded`: the example once, its keys and values copied to every anchor of a padded batch of similar
  lengths;
- `this`: what `hf_qads.influence` runs;
- `bare`: the tokens that `this` forwards, through the body without examples before them, eight rows at a
  time, and the model's own head on the answers.

Operations are counted from the shapes: two per weight and token, four per width, token and key attended to;
what a way computes on padding or behind a mask counts, what it could have spared does not come off. `allowed`
is a way's count over that of `this`, `reached` the share of it that the times reach.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from influence_ways import PADDED, Bench, Result
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from hf_qads.rows.rendering import Block, Renderer
from hf_qads.runtime.models import load_model

SHAPES: dict[str, dict[str, int]] = {
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2},
    "embedded": {
        "hidden_size": 128,
        "intermediate_size": 352,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
    },
    "small": {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 12,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
    },
    "1b": {
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
    },
    "7b": {
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
    },
}
VOCABULARY = {"tiny": 4096, "embedded": 4096, "small": 49152, "1b": 128256, "7b": 32000}
ROWS = Path(__file__).resolve().parents[2] / "shared" / "data" / "train" / "gsm8k.parquet"


def texts(path: Path) -> tuple[list[dict[str, str]], str]:
    """Real rows, or made ones of the same lengths in characters."""
    if path.is_file():
        import pyarrow.parquet as pq

        return pq.read_table(path, columns=["question", "answer"]).to_pylist(), path.name
    rng = np.random.default_rng(0)
    words = ["the", "has", "apples", "and", "more", "than", "each", "day", "for", "how", "many", "total", "="]
    words += [str(n) for n in range(100)]

    def text(mean: float, spread: float) -> str:
        length = int(rng.lognormal(mean, spread))
        return " ".join(rng.choice(words, length // 4 + 1))[:length]

    rows = [{"question": text(5.38, 0.38), "answer": text(5.42, 0.50)} for _ in range(2000)]
    return rows, "made up, with the lengths of gsm8k"


def tokenizer_of(rows: list[dict[str, str]]) -> PreTrainedTokenizerFast:
    """A byte-level BPE with about as many characters a token as the tokenizers of real models (3.5)."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    lines = (f"Question: {row['question']}\nAnswer: {row['answer']}\n\n" for row in rows)
    core.train_from_iterator(
        lines,
        trainers.BpeTrainer(
            vocab_size=4096,
            special_tokens=["<s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>")


def random_model(name: str, device: torch.device, dtype: str) -> LlamaForCausalLM:
    """A Llama of one of `SHAPES` with weights drawn on the device."""
    shape = {"num_key_value_heads": SHAPES[name]["num_attention_heads"], **SHAPES[name]}
    config = LlamaConfig(
        vocab_size=VOCABULARY[name], max_position_embeddings=4096, tie_word_embeddings=True, **shape
    )
    torch.manual_seed(0)
    with torch.device(device):
        return LlamaForCausalLM(config).to(getattr(torch, dtype)).eval()


def matrix_rate(device: torch.device, dtype: torch.dtype, clock: Callable[[], float]) -> float:
    """Operations a second of one large matrix product, the best of five."""
    size = 8192 if device.type == "cuda" else 2048
    a = torch.randn(size, size, device=device, dtype=dtype)
    best = 0.0
    for _ in range(5):
        start = clock()
        (a @ a)[0, 0].item()
        best = max(best, 2 * size**3 / (clock() - start))
    return best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument(
        "--model", help="`smollm2`, a folder or a Hub id instead of a shape with random weights"
    )
    parser.add_argument("--examples", type=int, default=8)
    parser.add_argument("--anchors", type=int, default=50)
    parser.add_argument("--parts", type=int, default=10, help="how often the ways take turns")
    parser.add_argument("--turns", type=int, help="stop after so many parts; default all")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", help="float32 on a CPU, bfloat16 elsewhere")
    parser.add_argument("--threads", type=int, help="of torch on a CPU")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall")
    parser.add_argument("--batch-tokens", type=int, default=16384)
    parser.add_argument("--rows", type=Path, default=ROWS, help="parquet with question and answer")
    parser.add_argument("--ways", nargs="*", help="only these")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)

    rows, origin = texts(given.rows)
    device = torch.device(given.device)
    dtype = given.dtype or ("float32" if device.type == "cpu" else "bfloat16")
    if given.model:
        model, tokenizer = load_model(given.model, dtype=dtype, device=device)
    else:
        model, tokenizer = random_model(given.shape, device, dtype), tokenizer_of(rows)
    renderer = Renderer(tokenizer)
    drawn = np.random.default_rng(0).permutation(len(rows))[: given.examples + given.anchors]
    blocks = [renderer.block(rows[place]) for place in drawn]
    examples = [[*renderer.bos, *block.ids] for block in blocks[: given.examples]]
    anchors = blocks[given.examples :]
    bench = Bench(model, examples, given.batch_tokens)
    ways: dict[str, Callable[[list[Block], Result], np.ndarray]] = {
        "one pair": bench.whole(1, "all"),
        "one pair, answers": bench.whole(1, "answers"),
        f"padded batch of {PADDED}": bench.whole(PADDED, "all"),
        f"padded batch of {PADDED}, answers": bench.whole(PADDED, "answers"),
        "packed row": bench.packed,
        "expanded": bench.expanded,
        "this": bench.shared,
        "bare": bench.bare,
    }
    if given.ways:
        ways = {name: way for name, way in ways.items() if name in given.ways or name == "this"}
    with bench.backbone.ready():
        bench.whole(1, "answers")(anchors[:1], Result())  # warm up
        for start in range(given.parts)[: given.turns]:
            for name, way in ways.items():
                bench.measure(name, way, anchors[start :: given.parts])
        clock = time.perf_counter if given.clock == "wall" else time.process_time
        rate = matrix_rate(device, model.dtype, clock)
    report(bench, given, origin, rate)


def report(bench: Bench, given: argparse.Namespace, origin: str, rate: float) -> None:
    """Print the table, or JSON."""
    seconds = {name: getattr(result, given.clock) for name, result in bench.result.items()}
    this, own = bench.result["this"], seconds["this"]
    pairs = sum(part.size for part in this.scores)
    # Every way is compared with the plainest that ran.
    plain = np.concatenate(next(iter(bench.result.values())).scores, axis=1)
    found = []
    for name, result in bench.result.items():
        allowed = result.operations / this.operations
        taken = seconds[name]
        ratio = taken / own
        difference = float(np.nanmax(np.abs(np.concatenate(result.scores, axis=1) - plain), initial=0.0))
        found.append(
            {
                "way": name,
                "seconds": round(taken, 2),
                "wall": round(result.wall, 2),
                "pairs_per_second": round(pairs / taken, 2),
                "tokens_per_second": round(result.tokens / taken, 1),
                "tokens_per_pair": round(result.tokens / pairs, 1),
                "operations": result.operations,
                "operations_per_second": round(result.operations / taken / 1e9, 2) * 1e9,
                "allowed": round(allowed, 3),
                "ratio": round(ratio, 3),
                "reached": round(ratio / allowed, 3),
                "difference": None if name == "bare" else difference,
            }
        )
    facts = {
        "model": given.model or given.shape,
        "dtype": str(bench.model.dtype),
        "pairs": pairs,
        "rows": origin,
        "device": torch.cuda.get_device_name() if given.device.startswith("cuda") else platform.machine(),
        "threads": torch.get_num_threads(),
        "clock": given.clock,
        "torch": torch.__version__,
        "least_tokens_per_pair": round(bench.work.least / pairs, 1),
        "matrix_rate": rate,
        "share_of_matrix_rate": round(this.operations / own / rate, 3),
        "ways": found,
    }
    if given.json:
        print(json.dumps(facts, indent=2))
        return
    print(", ".join(f"{key} {value}" for key, value in facts.items() if key != "ways"))
    print(f"{'way':28} {'s':>8} {'pairs/s':>8} {'tok/s':>8} {'tok/pair':>9} {'Gop/s':>7}", end="")
    print(f" {'allowed':>8} {'ratio':>7} {'reached':>8} {'difference':>11}")
    for row in found:
        print(
            f"{row['way']:28} {row['seconds']:8.2f} {row['pairs_per_second']:8.2f} "
            f"{row['tokens_per_second']:8.0f} {row['tokens_per_pair']:9.1f} "
            f"{row['operations_per_second'] / 1e9:7.1f} {row['allowed']:8.2f} {row['ratio']:7.2f} "
            f"{row['reached']:8.2f} {row['difference'] or 0:11.1e}"
        )


if __name__ == "__main__":
    main()
