"""Tiny scorers with random weights, written as `train_scorer` writes them."""

import torch

from hf_qads.scoring.scorer.classifier import classifier, with_pad
from tests.models import tiny_model, tiny_tokenizer


def write_scorer(folder, kind="llama", *, seed=0, context=512, template="plain", pad=True):
    """Write a tiny scorer to `folder`, its head scaled up so that scores differ between rows."""
    tokenizer = with_pad(tiny_tokenizer(pad=pad))
    network = classifier(tiny_model(kind, context=context), tokenizer, template=template, seed=seed)
    with torch.no_grad():
        network.score.weight.mul_(3.0)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def columns(rows):
    """Rows as a mapping of lists."""
    return {name: [row[name] for row in rows] for name in rows[0]}
