"""Run by test_sampler under torch.distributed.run: writes which rows this process draws in two epochs."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader

from hf_qads.selection import QaDSSampler

rng = np.random.default_rng(0)
vectors = rng.standard_normal((200, 6)).astype(np.float32)
scores = rng.uniform(1, 5, 200)
rows = list(range(200))

accelerator = Accelerator(cpu=True)
sampler = QaDSSampler(rows, vectors=vectors, scores=scores, size=int(sys.argv[1]), shuffle=True)
loader = accelerator.prepare(DataLoader(rows, batch_size=4, sampler=sampler))
epochs = []
for epoch in range(2):
    loader.set_epoch(epoch)
    epochs.append(torch.cat(list(loader)).tolist())
(Path(sys.argv[2]) / f"{accelerator.process_index}.json").write_text(json.dumps(epochs))
accelerator.wait_for_everyone()
accelerator.end_training()
