"""Forward the library's log to a run's output while a stage works."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INDENT = "      "  # of what belongs to the stage named above it


class _Forwarding(logging.Handler):
    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log(INDENT + record.getMessage())


@contextmanager
def forward_logs(log: Callable[[str], None]) -> Iterator[None]:
    """Pass on what the loggers of `hf_qads` get, from INFO on; a user's own handlers get it as well."""
    logger = logging.getLogger("hf_qads")
    handler, level = _Forwarding(log), logger.level
    logger.addHandler(handler)
    logger.setLevel(min(logging.INFO, logger.getEffectiveLevel()))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
