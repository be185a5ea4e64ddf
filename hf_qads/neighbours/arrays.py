"""Vectors as torch tensors: checked, in the caller's memory, multiplied in full float32 precision."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch

from hf_qads.errors import SelectionError
from hf_qads.runtime.devices import pick_device

REAL = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool)


@contextmanager
def full_precision() -> Iterator[None]:
    """Products in float32 as such, whatever the caller has set: TF32, autocast, another default type."""
    default = torch.get_default_dtype()
    mkldnn: Any = torch.backends.mkldnn
    backends = (torch.backends.cuda.matmul, mkldnn.matmul)
    lowered = [(one, one.fp32_precision) for one in backends if one.fp32_precision not in ("none", "ieee")]
    with ExitStack() as stack:
        for device in ("cpu", "cuda"):
            stack.enter_context(torch.autocast(device, enabled=False))
        stack.callback(torch.set_default_dtype, default)
        torch.set_default_dtype(torch.float32)
        for backend, before in lowered:
            stack.callback(setattr, backend, "fp32_precision", before)
            backend.fp32_precision = "ieee"
        yield


def as_tensor(vectors: Any, name: str = "vectors") -> torch.Tensor:
    """`vectors` as an (n, d) tensor that shares memory with them where it can.

    Arrays may be read-only, memory-mapped and of any float, integer or boolean type. What torch has no
    type or stride for is copied: another byte order, negative strides, unsigned integers beyond 8 bits.

    Raises:
        SelectionError: not two-dimensional, empty, masked, sparse, or not real numbers.
    """
    if not isinstance(vectors, torch.Tensor):
        try:
            array = np.asarray(vectors)
        except ValueError as error:
            raise SelectionError(f"{name} must be a table of numbers (n, d): {error}") from error
        if np.ma.is_masked(vectors):
            raise SelectionError(f"{name} are masked: some numbers are not there. Leave such rows out.")
        if array.dtype.kind not in "fiub" or array.ndim != 2:
            raise SelectionError(
                f"{name} must be a table of numbers (n, d), got {array.dtype} of shape {array.shape}."
            )
        wide_unsigned = array.dtype.kind == "u" and array.dtype.itemsize > 1
        if not array.dtype.isnative or array.dtype.itemsize > 8 or wide_unsigned:
            array = array.astype(np.float64 if array.dtype.itemsize > 2 else np.float32)
        if any(stride < 0 for stride in array.strides):
            array = np.ascontiguousarray(array)
        with warnings.catch_warnings():  # read-only arrays are fine here: nothing writes to them
            warnings.simplefilter("ignore", UserWarning)
            vectors = torch.from_numpy(array)
    if vectors.dim() != 2 or vectors.dtype not in REAL + WHOLE or vectors.layout is not torch.strided:
        raise SelectionError(
            f"{name} must be a dense table of numbers (n, d), got {vectors.dtype} {tuple(vectors.shape)}"
            f"{'' if vectors.layout is torch.strided else f', {vectors.layout}'}."
        )
    if 0 in vectors.shape:
        raise SelectionError(
            f"{name} is empty: shape {tuple(vectors.shape)}. Give at least one row and column."
        )
    tensor: torch.Tensor = vectors.detach()
    return tensor


def choose_device(tensor: torch.Tensor, device: str | None) -> torch.device:
    """The device of the large products: as asked, else where the vectors lie, else CUDA if there is one."""
    if device is None and tensor.device.type != "cpu":
        return tensor.device
    chosen: torch.device = pick_device(device)
    return chosen
