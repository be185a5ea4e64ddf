"""Content keys out of row ids, as fixed-width arrays that sort and search fast."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hf_qads.errors import SourceError

HEX_DIGITS = 32
_NIBBLE = np.full(256, 255, dtype=np.uint8)
_NIBBLE[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16, dtype=np.uint8)


def keys_of(row_ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """The 16-byte content key at the end of each row id (`source-` and 32 hex digits).

    Returns:
        (n,) array of type S16. Sorting and comparing are exact: all keys are 16 bytes wide.

    Raises:
        SourceError: an id that does not end in 32 hex digits.
    """
    if isinstance(row_ids, pa.ChunkedArray):
        parts = [keys_of(chunk) for chunk in row_ids.chunks]
        return np.concatenate(parts) if parts else np.empty(0, dtype="S16")
    if len(row_ids) == 0:
        return np.empty(0, dtype="S16")
    tails = pc.utf8_slice_codeunits(row_ids.cast(pa.large_string()), -HEX_DIGITS, None)
    if tails.null_count or pc.min(pc.binary_length(tails)).as_py() != HEX_DIGITS:
        raise _malformed(row_ids)
    joined = pa.concat_arrays([tails])  # drops an offset, so that the buffer holds these ids only
    start, _ = np.frombuffer(joined.buffers()[1], dtype=np.int64)[[joined.offset, joined.offset + 1]]
    digits = np.frombuffer(
        joined.buffers()[2], dtype=np.uint8, count=len(tails) * HEX_DIGITS, offset=int(start)
    )
    nibbles = _NIBBLE[digits].reshape(-1, HEX_DIGITS)
    if (nibbles == 255).any():
        raise _malformed(row_ids)
    packed = np.ascontiguousarray((nibbles[:, 0::2] << 4) | nibbles[:, 1::2])
    keys: np.ndarray = packed.view("S16").reshape(-1)
    return keys


class KeyIndex:
    """Where a key stands in an array of distinct keys.

    Cost: 24 bytes per key; a look-up is a binary search.
    """

    def __init__(self, keys: np.ndarray) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Position of each key in the indexed array, -1 where it is not there: (n,) int64."""
        if not len(self._sorted):
            return np.full(len(keys), -1, dtype=np.int64)
        places = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
        found: np.ndarray = np.where(self._sorted[places] == keys, self._order[places], -1)
        return found

    def first_repeated(self) -> bytes | None:
        """A key that is there twice, or None."""
        twice = np.flatnonzero(self._sorted[1:] == self._sorted[:-1])
        return bytes(self._sorted[twice[0]]) if len(twice) else None


def _malformed(row_ids: pa.Array) -> SourceError:
    bad = next(
        (value for value in row_ids.to_pylist() if value is None or not _ends_in_key(value)),
        row_ids[0].as_py(),
    )
    return SourceError(
        f"row id {bad!r} does not end in the {HEX_DIGITS} hex digits of a content key. "
        "Read the rows with hf_qads.sources, which makes the ids."
    )


def _ends_in_key(value: str) -> bool:
    tail = value[-HEX_DIGITS:]
    return len(tail) == HEX_DIGITS and set(tail) <= set("0123456789abcdef")
