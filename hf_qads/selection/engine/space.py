"""Distances between vectors: float32 products with bounded rounding, exact float64 measures for decisions."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hf_qads.errors import SelectionError
from hf_qads.neighbours.arrays import as_tensor, choose_device

UNIT = 2.0**-24  # rounding of one float32 operation, relative
BLOCK_BYTES = 4 << 20
SAMPLE = 4096
MIDDLE = 512  # rows whose median is the center
DIRECTIONS = 96

Array = npt.NDArray[np.float64]


class Space:
    """The vectors of a pool under a metric.

    `working` rows are float32: scaled by a power of two, centred, for cosine scaled to length 1/sqrt(2);
    their squared distance is, up to rounding, the exact *measure* of a pair: the squared (scaled) Euclidean
    distance, or 1 minus the cosine. Exact measures are computed pair by pair in float64 on the host, so
    they depend on neither blocks, threads nor device.

    The rounding of a pair goes with both squared lengths. The other one is at most twice the row's own plus
    twice the measure, so that all rounding is bounded by a part that goes with the row's length (`slack`)
    and one that goes with the measure: one far row does not blur the distances between the others.
    """

    def __init__(
        self, vectors: Any, *, metric: str, device: str | None, out: npt.NDArray[np.int64] | None = None
    ) -> None:
        self.tensor = as_tensor(vectors)
        self.metric = metric
        self.device = choose_device(self.tensor, device)
        self.n, self.d = (int(size) for size in self.tensor.shape)
        self.block = max(256, BLOCK_BYTES // (4 * self.d))
        largest = self.check(self.tensor, "vectors", out)
        reach = 1000 if self.wide(self.tensor) is torch.float64 else 120
        exponent = max(-reach, min(reach, math.frexp(largest)[1]))
        self.scale = 1.0 if metric == "cosine" else 2.0**-exponent
        self.center = torch.zeros(self.d, device=self.device)
        there = np.arange(self.n) if out is None or len(out) == 0 else np.setdiff1d(np.arange(self.n), out)
        sample = self.rows(there[:: max(1, len(there) // SAMPLE)][:SAMPLE])
        self.center = sample[:: max(1, len(sample) // MIDDLE)].median(0).values
        self.basis = principal_directions(
            shortened(sample - self.center), max(min(self.d, 16), min(DIRECTIONS, self.d // 4))
        )
        self.rounding = (self.d + 32) * UNIT  # of a float32 squared distance, over both squared lengths

    def check(self, tensor: torch.Tensor, name: str, out: npt.NDArray[np.int64] | None = None) -> float:
        """Largest absolute value of `tensor` outside the rows `out`. One read, in blocks.

        Raises:
            SelectionError: NaN or infinity in other rows, or zero vectors where the metric is cosine.
        """
        largest = 0.0
        for begin in range(0, len(tensor), self.block):
            part = tensor[begin : begin + self.block]
            part = part if part.is_floating_point() else part.float()
            if out is not None and len(out):
                inside = out[(out >= begin) & (out < begin + len(part))] - begin
                part = part.index_fill(0, torch.from_numpy(inside).to(part.device), 1.0)
            low, high = (float(value) for value in torch.aminmax(part))
            if not (math.isfinite(low) and math.isfinite(high)):
                self.refuse(~torch.isfinite(part).all(1), begin, f"{name} hold NaN or infinity")
            if self.metric == "cosine":
                self.refuse(
                    (part == 0).all(1),
                    begin,
                    f"metric='cosine' is not defined for zero vectors; {name} hold some",
                )
            largest = max(largest, abs(low), abs(high))
        return largest

    @staticmethod
    def refuse(bad: torch.Tensor, begin: int, message: str) -> None:
        """Raise a SelectionError if any row of a block is bad."""
        if bool(bad.any()):
            row = int(bad.nonzero()[0]) + begin
            raise SelectionError(f"{message}, first in row {row}. Leave such rows out.")

    @staticmethod
    def wide(raw: torch.Tensor) -> torch.dtype:
        """The type that `raw` is read in: it holds every value of the floating types exactly."""
        narrow = (torch.float16, torch.bfloat16, torch.float32)
        return torch.float32 if raw.dtype in narrow else torch.float64

    def working(self, raw: torch.Tensor) -> torch.Tensor:
        """Rows (m, d) in the working space: float32, contiguous, on the device."""
        wide = self.wide(raw)
        rows = raw.to(device=self.device, dtype=wide)
        if self.metric == "cosine":
            largest = rows.abs().amax(1, keepdim=True)
            rows = rows / largest
            rows = rows / (torch.linalg.vector_norm(rows, dim=1, keepdim=True) * math.sqrt(2))
            unit: torch.Tensor = (rows - self.center).float()
            return unit
        centred: torch.Tensor = torch.add(-self.center.to(wide), rows, alpha=self.scale).float()
        return centred

    def rows(self, index: npt.NDArray[np.int64]) -> torch.Tensor:
        """Working rows (len(index), d) of the pool."""
        return self.working(self.tensor.index_select(0, torch.from_numpy(index).to(self.tensor.device)))

    def raw(self, index: npt.NDArray[np.int64]) -> Array:
        """Rows (len(index), d) of the pool in float64 on the host, ready for `measure`."""
        return self.exact(self.tensor.index_select(0, torch.from_numpy(index).to(self.tensor.device)))

    def exact(self, raw: torch.Tensor) -> Array:
        """Raw rows as `measure` wants them: float64, times a power of two, which changes no digit."""
        rows: Array = raw.to(device="cpu", dtype=torch.float64).numpy()
        if self.metric == "cosine":
            exponents = np.frexp(np.abs(rows).max(1, keepdims=True))[1]
            mantissas: Array = np.ldexp(rows, -exponents)
            return mantissas
        return rows * self.scale  # not in place: they may be the caller's

    def measure(self, left: Array, right: Array) -> Array:
        """Exact measure of each pair of raw rows (m, d) and (m, d) or (1, d), in float64."""
        if self.metric == "cosine":
            lengths = (left * left).sum(-1) * (right * right).sum(-1)
            cosine = (left * right).sum(-1) / np.sqrt(lengths)
            return np.asarray(np.maximum(1.0 - cosine, 0.0))
        difference = left - right
        return np.asarray((difference * difference).sum(-1))

    def distance(self, measure: Array) -> Array:
        """Distance in the scaled space, of which the objective is made; `unscale` gives the user's."""
        return measure if self.metric == "cosine" else np.sqrt(measure)

    def unscale(self, value: Array) -> Array:
        """Distances, or values proportional to them, in the units of the vectors."""
        return value / self.scale

    def slack(self, norms: Array) -> Array:
        """The part of the rounding that goes with the rows' squared lengths, for any order of sums."""
        if self.metric == "cosine":
            return 2 * self.rounding * (norms + 3.0)
        return 3 * self.rounding * norms + 1e-30

    def at_most(self, squared: Array, slack: Array) -> Array:
        """The largest measures that pairs with these float32 squared distances can have."""
        return (1 + 3 * self.rounding) * np.maximum(squared + slack, 0)

    def reach(self, measure: Array, slack: Array) -> Array:
        """The largest float32 squared distances, or lower bounds of them, of pairs with these measures."""
        return (1 + 5 * self.rounding) * measure + 2 * slack


def shortened(rows: torch.Tensor) -> torch.Tensor:
    """`rows` (m, d), none longer than four times the usual: a few far ones are not to rule the rest."""
    lengths: torch.Tensor = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    shares = (4 * lengths.median() / lengths.clamp_min(1e-30)).clamp_max(1.0)
    return rows * shares


def principal_directions(centred: torch.Tensor, count: int) -> torch.Tensor:
    """Orthonormal (d, count), the main directions of `centred` (m, d) first; a few products, no full SVD."""
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(centred.shape[1], count, generator=generator).to(centred.device)
    for _ in range(3):
        basis = torch.linalg.qr(centred.T @ (centred @ basis) + 1e-30 * basis).Q
    spread = (centred @ basis).double()
    turn = torch.linalg.eigh(spread.T @ spread).eigenvectors.flip(1)
    directions: torch.Tensor = torch.linalg.qr(basis.double() @ turn).Q.float()
    return directions
