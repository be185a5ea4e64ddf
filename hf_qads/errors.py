"""Exceptions: the tree of errors that hf_qads raises on purpose, and that a user can put right.

    QaDSError                 anything a user can put right; the command line exits with 2
    ├── ConfigError           a config file or command-line setting
    ├── SourceError           reading rows
    │   ├── SourceMissing     a source that is not available: no public copy, or out of reach
    │   └── RowError          one row that cannot be used, with a reason that is counted
    ├── ModelError            loading a language model
    ├── DeviceError           a device that is not there
    ├── FilteringError        deduplication, decontamination
    ├── EmbeddingError        making or reading vectors
    ├── ScoringError          influence, labels, scorers
    ├── SelectionError        choosing rows
    │   └── VectorsNeeded     a strategy that looks at vectors, and there are none
    ├── MixingError           ratios, mixtures, subsets
    ├── TrainingError         fine-tuning
    ├── GenerationError       writing text with a model or a server
    ├── EvaluationError       benchmarks and answers
    ├── PublishingError       cards, staged folders, the Hub
    └── RunError              the run folder: locked, damaged, not writable
        └── ShardsGivenUpError  shards that no worker could do

Each message says what was wrong, what was got, and what to do.
"""

import errno
from typing import Final

# What to do about an OSError, by its number, where the system's words do not say.
DISK_ADVICE: Final = {
    errno.ENOSPC: "The disk is full: free some space, then run the same command again.",
    errno.EDQUOT: "The disk quota is used up: free some space, then run the same command again.",
    errno.EACCES: "Give a folder that you may write to, or change its permissions.",
    errno.EPERM: "Give a folder that you may write to, or change its permissions.",
    errno.EROFS: "The file system is read-only: give another folder.",
    errno.ENOTDIR: "A part of the path is a file: give another folder.",
    errno.EEXIST: "A file stands where a folder is needed: give another folder.",
    errno.ENOENT: "It is not there and cannot be made: check the path.",
}


class QaDSError(Exception):
    """Base of every error that a user can put right."""


class ConfigError(QaDSError):
    """A config file or command-line setting is wrong."""


class SourceError(QaDSError):
    """Rows cannot be read as asked."""


class SourceMissing(SourceError):
    """A source is not available: it has no public copy, is gated, or cannot be reached."""


class RowError(SourceError):
    """One row has no usable question and answer; the message is a short reason that can be counted."""


class ModelError(QaDSError):
    """A language model cannot be loaded."""


class DeviceError(QaDSError):
    """There is no such device."""


class FilteringError(QaDSError):
    """Duplicates or repeated test questions cannot be looked for."""


class EmbeddingError(QaDSError):
    """Vectors cannot be made or read."""


class ScoringError(QaDSError):
    """Rows cannot be scored as asked."""


class SelectionError(QaDSError):
    """Rows cannot be chosen as asked."""


class VectorsNeeded(SelectionError):
    """A strategy looks at vectors, and there are none."""


class MixingError(QaDSError):
    """Sources cannot be mixed as asked."""


class TrainingError(QaDSError):
    """A model cannot be fine-tuned as asked."""


class GenerationError(QaDSError):
    """A model or a server cannot write text as asked."""


class EvaluationError(QaDSError):
    """A model or an answer cannot be evaluated as asked."""


class PublishingError(QaDSError):
    """Something cannot be staged or published as asked."""


class RunError(QaDSError):
    """A run folder is locked, damaged or not writable."""


class ShardsGivenUpError(RunError):
    """Some shards could not be done by any worker; all others are done."""
