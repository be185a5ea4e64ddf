"""What a stage of a run is, what it is given and what it gives back."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hf_qads.config.schema import Config
from hf_qads.runfolder import RunFolder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from hf_qads.generation.engine import Engine

REQUESTS: Final = "requests"  # of the run folder: a server's answers
LeftOut = dict[str, dict[str, int]]  # source -> reason -> rows


@dataclass(frozen=True)
class Context:
    """What every stage is given: the checked config, the run folder and a way to tell the user something.

    `num_proc` is how many processes read the sources.
    """

    config: Config
    run: RunFolder
    say: Callable[[str], None]
    num_proc: int = 1

    @cached_property
    def base(self) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
        """The base model and its tokenizer, loaded once, at first use."""
        from hf_qads.pipeline.models import load

        return load(self.config.model, device=self.config.device)

    @cached_property
    def encoder(self) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
        """The model that makes vectors: the pre-experienced one, or the base where the run has none."""
        from hf_qads.pipeline.models import EXPERIENCED, load

        if self.config.experience is None or self.config.vectors == "precomputed":
            return self.base
        path = os.fspath(self.run.folder("experience") / EXPERIENCED)
        own = {"path": path, "revision": None, "gguf_file": None}
        model = self.config.model.model_copy(update=own)
        return load(model, device=self.config.device)

    @cached_property
    def generator(self) -> "Engine":
        """What writes the rows that the config's section `augment` asks for."""
        from hf_qads.pipeline.generators import generator

        assert self.config.augment is not None
        return generator(
            self.config.augment,
            batch_tokens=self.config.batch_tokens,
            device=self.config.device,
            cache=self.run.path / REQUESTS,
        )


@dataclass(frozen=True)
class Outcome:
    """What a finished stage tells the ledger; `citations` is the BibTeX of what it used, for the cards."""

    rows_in: int
    rows_out: int
    left_out: LeftOut = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    citations: tuple[str, ...] = ()


def one_pass(config: Config) -> int:
    """For `Stage.passes`: no shard depends on another."""
    return 1


@dataclass(frozen=True)
class Stage:
    """One step of a run.

    Args:
        name: also the name of its folder in the run folder.
        version: raised when the code changes what comes out, so that old results are not reused.
        needs: earlier stages that this one reads.
        settings: what of the config (and of files it names) the result depends on.
        work: does it; is given a folder that holds what an interrupted run with the same key left.
        shared: every rank of a distributed launch takes part; else rank 0 works and the others wait.
        when: whether a config asks for it; a run has no other stages.
        passes: how many times, one after the other, it hands shards to the executor in force, so that workers
            that are no ranks take part, too; 0 where it is one piece of work.
    """

    name: str
    version: int
    needs: tuple[str, ...]
    settings: Callable[[Config], Mapping[str, Any]]
    work: Callable[[Context, Path], Outcome]
    shared: bool = False
    when: Callable[[Config], bool] = lambda config: True
    passes: Callable[[Config], int] = lambda config: 0
