"""Train the embedded language model from scratch, on one CPU core in about twenty minutes.

python recipes/embedded/train_language_model.py --out hf_qads/embedded/language_model
"""

import argparse
import itertools
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from muon import Muon
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from hf_qads.embedded.corpus import documents
from hf_qads.embedded.tokenizer import train_tokenizer
from hf_qads.runtime.files import atomic_path

BLOCK = "Question: {question}\nAnswer: {answer}\n\n"
BUFFER = 16  # batches that are drawn and sorted by length together
IGNORED = -100


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    parser.add_argument("--steps", type=int, default=2700)
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument(
        "--decay", type=float, default=0.7, help="share of the steps with a falling learning rate"
    )
    parser.add_argument("--learning-rate", type=float, default=3e-3, help="AdamW, for embeddings and norms")
    parser.add_argument("--muon-learning-rate", type=float, default=0.02, help="Muon, for matrices")
    parser.add_argument(
        "--question-share", type=float, default=0.1, help="share of question tokens trained on"
    )
    parser.add_argument("--vocabulary", type=int, default=1024)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=0, help="also save the model each so many steps")
    return parser.parse_args()


def encode(tokenizer: PreTrainedTokenizerFast, pairs: list[tuple[str, str]]) -> list[tuple[list[int], int]]:
    """Token ids of each pair's block, and where its answer starts."""
    blocks = [BLOCK.format(question=question, answer=answer) for question, answer in pairs]
    starts = [len(BLOCK.split("{answer}")[0].format(question=question)) for question, _ in pairs]
    encoded = tokenizer(blocks, add_special_tokens=False, return_offsets_mapping=True)
    return [
        (ids, next(place for place, (_, end) in enumerate(offsets) if end > start))
        for ids, offsets, start in zip(encoded["input_ids"], encoded["offset_mapping"], starts, strict=True)
    ]


def batches(
    tokenizer: PreTrainedTokenizerFast, args: argparse.Namespace
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield token ids, and which are trained on: both (documents, longest), `batch_tokens` in all."""
    stream, draw = documents(args.seed), np.random.default_rng(args.seed)
    while True:
        drawn: list[tuple[list[int], list[bool]]] = []
        total = 0
        while total < BUFFER * args.batch_tokens:
            chunk = list(itertools.islice(stream, 64))
            blocks = iter(encode(tokenizer, [pair for document in chunk for pair in document]))
            for document in chunk:
                ids, chosen = [tokenizer.bos_token_id], [False]
                for block, start in itertools.islice(blocks, len(document)):
                    ids += block
                    chosen += (draw.random(start) < args.question_share).tolist()
                    chosen += [True] * (len(block) - start)
                if len(ids) < args.context:
                    drawn.append(([*ids, tokenizer.eos_token_id], [*chosen, True]))
                    total += len(ids) + 1
        drawn.sort(key=lambda document: len(document[0]))
        groups: list[list[tuple[list[int], list[bool]]]] = [[]]
        for document in drawn:
            if (len(groups[-1]) + 1) * len(document[0]) > args.batch_tokens:
                groups.append([])
            groups[-1].append(document)
        for place in draw.permutation(len(groups)):
            yield pad(groups[place], tokenizer.pad_token_id)


def pad(group: list[tuple[list[int], list[bool]]], padding: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad to the longest; padding is not trained on."""
    longest = max(len(ids) for ids, _ in group)
    ids = torch.full((len(group), longest), padding)
    chosen = torch.zeros(len(group), longest, dtype=torch.bool)
    for row, (tokens, trained) in enumerate(group):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        chosen[row, : len(tokens)] = torch.tensor(trained)
    return ids, chosen


def optimisers(model: LlamaForCausalLM, args: argparse.Namespace) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for the rest."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and ".layers." in name]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [
        Muon(matrices, args.muon_learning_rate),
        torch.optim.AdamW(others, lr=args.learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def share_of_peak(step: int, args: argparse.Namespace) -> float:
    """The learning rate at `step`, as a share of its peak: a short warm-up, flat, then nearly to zero."""
    warm = min(1.0, (step + 1) / 50)
    left = (args.steps - step) / max(1.0, args.decay * args.steps)
    return warm * min(1.0, max(left, 0.01))


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Save model and tokenizer in `folder`, whole or not at all."""
    with atomic_path(folder) as temporary:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)


def main() -> None:
    """Train and save."""
    args = arguments()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    sample = itertools.islice(documents(args.seed + 1), 6000)
    tokenizer = train_tokenizer(
        (
            BLOCK.format(question=question, answer=answer)
            for document in sample
            for question, answer in document
        ),
        args.vocabulary,
        args.context,
    )
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=args.width,
            intermediate_size=args.width * 11 // 4,
            num_hidden_layers=args.layers,
            num_attention_heads=args.heads,
            max_position_embeddings=args.context,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    print(f"{model.num_parameters():,} parameters, {len(tokenizer)} tokens", flush=True)
    steppers = optimisers(model, args)
    peaks = [[group["lr"] for group in stepper.param_groups] for stepper in steppers]
    seen, running, started = 0, math.nan, time.monotonic()
    for step, (ids, chosen) in enumerate(itertools.islice(batches(tokenizer, args), args.steps)):
        for stepper, rates in zip(steppers, peaks, strict=True):
            for group, rate in zip(stepper.param_groups, rates, strict=True):
                group["lr"] = rate * share_of_peak(step, args)
        targets = chosen[:, 1:]
        states = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1][targets]
        loss = torch.nn.functional.cross_entropy(model.lm_head(states), ids[:, 1:][targets])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for stepper in steppers:
            stepper.step()
            stepper.zero_grad(set_to_none=True)
        seen += int((ids != tokenizer.pad_token_id).sum())
        running = loss.item() if math.isnan(running) else 0.95 * running + 0.05 * loss.item()
        if step % 50 == 49:
            seconds = time.monotonic() - started
            left = seconds / (step + 1) * (args.steps - step - 1)
            print(
                f"step {step + 1}/{args.steps}: {running:.4f} nats per token, {seen:,} tokens, "
                f"{seen / seconds:.0f} tokens/s, {left / 60:.1f} min left",
                flush=True,
            )
        if args.save_every and (step + 1) % args.save_every == 0:
            save(model, tokenizer, args.out)
    save(model, tokenizer, args.out)
    print(f"saved in {args.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
