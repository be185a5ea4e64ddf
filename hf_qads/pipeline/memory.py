"""The highest resident memory of this process while a block runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


class Peak:
    """Highest resident set seen, in MiB; pages of memory-mapped files count while they are resident."""

    mib: float = 0.0


@contextmanager
def peak_memory(every: float = 0.05) -> Iterator[Peak]:
    """Sample the resident memory of this process every `every` seconds until the block ends."""
    process, peak, done = psutil.Process(), Peak(), threading.Event()

    def look() -> None:
        peak.mib = max(peak.mib, process.memory_info().rss / 2**20)

    def watch() -> None:
        while not done.wait(every):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
        look()
