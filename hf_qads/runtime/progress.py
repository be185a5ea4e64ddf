"""Progress bars on a terminal, a log line every half minute elsewhere, and no other library's bars."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from tqdm import tqdm

from hf_qads.runtime import distributed

logger = logging.getLogger(__name__)

LOG_EVERY: Final = 30.0  # seconds


def bar(total: int, what: str, *, unit: str = "row", done: int = 0, shown: bool = True) -> "Progress":
    """Progress of something long: a bar with time left on a terminal, else a log line every 30 seconds.

    Args:
        total: how many there are to do.
        what: stands before the bar.
        unit: what is counted.
        done: how many were done before.
        shown: False shows and logs nothing, as on all ranks but the first.
    """
    options = {"total": total, "initial": done, "desc": what, "unit": unit, "unit_scale": unit == "B"}
    return Progress(**options, disable=None if shown else True, logs=shown)


class Progress(tqdm):  # type: ignore[type-arg]
    """A bar of tqdm that logs where there is no terminal to draw on."""

    def __init__(self, *, logs: bool, **options: Any) -> None:
        super().__init__(**options)
        self._logs = logs and self.disable
        self._count, self._total = int(options["initial"]), int(options["total"])
        self._what, self._unit = str(options["desc"]), str(options["unit"])
        self._begun = self._told = time.monotonic()
        self._first = self._count

    def update(self, n: float | None = 1) -> bool | None:
        """Count `n` more."""
        self._count += int(n or 0)
        if self._logs:
            now = time.monotonic()
            if now - self._told >= LOG_EVERY:
                self._told = now
                self._log(now - self._begun)
        shown: bool | None = super().update(n)
        return shown

    def reach(self, count: int) -> None:
        """Count on to `count` in all; tqdm's own `n` stands still where no bar is drawn."""
        self.update(count - self._count)

    def _log(self, seconds: float) -> None:
        new = self._count - self._first
        left = f", {_clock(seconds * (self._total - self._count) / new)} left" if new else ""
        share = f" ({self._count / self._total:.0%})" if self._total else ""
        unit, scale = ("MB", 1_000_000) if self._unit == "B" else (f"{self._unit}s", 1)
        counted = f"{self._count // scale:,} of {self._total // scale:,} {unit}"
        logger.info("%s: %s%s%s", self._what, counted, share, left)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:d}:{minutes:02d}:{seconds:02d}"


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
