"""One quiet progress bar per training, and no other library's bars or log lines."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from hf_qads.runtime import distributed


def quiet() -> None:
    """Turn off the bars and remarks of transformers and datasets about work that takes a moment.

    Downloads from the Hub keep their bars, which transformers would turn off with its own.
    """
    from datasets.utils.logging import disable_progress_bar
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, enable_progress_bars
    from transformers.utils import logging

    downloads = not are_progress_bars_disabled()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    disable_progress_bar()
    if downloads:
        enable_progress_bars()


@contextmanager
def hushed() -> Iterator[None]:
    """`quiet` for a while: afterwards transformers and datasets show what they showed before."""
    import datasets
    from transformers.utils import logging

    bars, remarks = logging.is_progress_bar_enabled(), logging.get_verbosity()
    rows = not datasets.are_progress_bars_disabled()
    quiet()
    try:
        yield
    finally:
        logging.set_verbosity(remarks)
        if bars:
            logging.enable_progress_bar()
        if rows:
            datasets.enable_progress_bars()


@contextmanager
def counted_rows() -> Iterator[None]:
    """Show the bar of datasets after all, which counts the rows of our own `map`; not in a log."""
    import datasets

    if not sys.stderr.isatty() or datasets.config.HF_DATASETS_DISABLE_PROGRESS_BARS:
        yield
        return
    datasets.enable_progress_bars()
    try:
        yield
    finally:
        datasets.disable_progress_bars()


def show_steps(trainer: Any, title: str) -> Any:
    """Replace a trainer's bar and printed log lines by one bar of optimizer steps, with time left and loss.

    Args:
        trainer: of transformers or TRL.
        title: what stands before the bar.

    Returns:
        the trainer.
    """
    from transformers import PrinterCallback, ProgressCallback, TrainerCallback

    class Bar(TrainerCallback):  # type: ignore[misc]
        bar: Any = None

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            off = True if distributed.rank() else None
            self.bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc=title, unit="step", disable=off
            )

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.bar.update(state.global_step - self.bar.n)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if logs and "loss" in logs:
                self.bar.set_postfix(loss=f"{float(logs['loss']):.3f}")

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.bar.close()

    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Bar())
    return trainer
