"""What the library logs while a stage works, told as lines of the run."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INDENT = "      "  # of what belongs to the stage named above it


class _Saying(logging.Handler):
    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(INDENT + record.getMessage())


@contextmanager
def telling(say: Callable[[str], None]) -> Iterator[None]:
    """Say what the loggers of `hf_qads` get, from INFO on; a user's own handlers get it as well."""
    logger = logging.getLogger("hf_qads")
    handler, level = _Saying(say), logger.level
    logger.addHandler(handler)
    logger.setLevel(min(logging.INFO, logger.getEffectiveLevel()))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
